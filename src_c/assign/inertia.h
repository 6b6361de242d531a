/* inertia.h - canonical distances of rows to the centers of their labels. */
#ifndef CK_INERTIA_H
#define CK_INERTIA_H

#include "../settle/settle.h"

enum { CK_SUM_ROWS = 1024 }; /* of a block, wherever rows are summed up */

/* Sum over the rows of weight * squared distance to the center of the label, in units of 4^unit: of products that are
 * rounded, exact until it is rounded itself, so that it does not depend on the order of the rows. */
int ck_inertia(const ck_matrix *X, const double *centers, const double *weights, const int32_t *labels, int unit,
               int n_threads, double *inertia);

/* Canonical squared distances of the rows to the centers of their labels, in units of 4^unit. OUT distances: n_rows.
 * scratch: ck_label_distances_scratch(d) float64. */
int64_t ck_label_distances_scratch(int64_t d);
/* Of a block: its distances, then the scratch they take. */
CK_INLINE int64_t ck_block_scratch(int64_t d) { return ck_apart(CK_SUM_ROWS + ck_label_distances_scratch(d)); }
void ck_label_distances(const ck_matrix *X, const double *centers, const int32_t *labels, int64_t row, int64_t n_rows,
                        int unit, double *distances, double *scratch);

#endif
