/* update.h - centers from what a pass over the rows has told. */
#ifndef CK_UPDATE_H
#define CK_UPDATE_H

#include "fit.h"

typedef struct {
    double
        inertia; /* of the labels at the centers they were assigned to, in units of 4^unit, rounded as the scatter is */
    double shift;  /* sum of the squared moves, in units of 4^unit */
    int moved;     /* whether a center is another number than before, however near */
    int relocated; /* whether empty clusters were looked after: the totals are no longer those of the labels */
} ck_update;

/* The means of the clusters of the last pass, rounded to the dtype of X; empty ones take the farthest rows.
 *   centers  IN k x d, those of that pass
 *   labels   scratch: n, as for the pass
 *   means    OUT k x d
 *   scratch  as for ck_label_distances */
int ck_update_centers(ck_pass *pass, const ck_problem *problem, int64_t k, const double *centers, int32_t *labels,
                      double *means, double *scratch, ck_update *update);

#endif
