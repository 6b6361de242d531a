/* ordering.h - the rows of a matrix of few features sorted along a space-filling curve, so that rows that follow each
 * other lie in small boxes. */
#ifndef CK_ORDERING_H
#define CK_ORDERING_H

#include "../settle/settle.h"
#include "../threads/threads.h"

enum { CK_BOX_ROWS = 64, CK_MAX_ORDERED_FEATURES = 8 };

/* Boxes of CK_BOX_ROWS rows: every value of feature p is within half_widths[p] of middles[p]. */
typedef struct {
    int64_t n;
    double *middles, *half_widths; /* n x d */
} ck_boxes;

typedef struct {
    ck_matrix X;     /* the rows in their new order, without gaps */
    int32_t *places; /* n: where each of them is in the matrix they are from */
    ck_boxes boxes;
} ck_ordering;

/* Reserves memory: NULL where it fails, X has more rows or features than this serves, or the watch asks to stop. */
ck_ordering *ck_ordering_new(ck_arena *arena, const ck_matrix *X, int n_threads);

/* OUT out: values of the rows in their new order; and back. */
void ck_ordering_gather(const ck_ordering *ordering, const double *values, double *out);
int ck_ordering_gather_labels(const ck_ordering *ordering, const int32_t *labels, int n_threads, int32_t *out);
int ck_ordering_scatter_labels(const ck_ordering *ordering, const int32_t *labels, int n_threads, int32_t *out);

/* The smallest box around boxes [first, last). OUT middle, half_width: d. */
void ck_boxes_around(const ck_boxes *boxes, int64_t d, int64_t first, int64_t last, double *middle, double *half_width);

#endif
