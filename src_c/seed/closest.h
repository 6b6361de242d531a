/* closest.h - the nearest center so far of every row, while centers are added by the batch. */
#ifndef CK_CLOSEST_H
#define CK_CLOSEST_H

#include "../assign/labeler.h"
#include "sampler.h"

typedef struct {
    const ck_problem *problem;
    double *sqdists;    /* n: in units of 4^unit */
    int32_t *nearest;   /* n: by the number of the center, the lowest on a tie */
    ck_sampler sampler; /* masses: weight * squared distance */
    ck_labeler labeler;
    int64_t most;    /* centers that it takes at a time */
    int32_t *labels; /* scratch: n */
    double *scratch; /* of each worker */
} ck_closest;

/* For batches of about `most` centers. Reserves memory: check arena->failed. */
void ck_closest_init(ck_closest *closest, ck_arena *arena, const ck_problem *problem, int64_t most);
/* Rows go over to centers [first, last) where those are nearer; the first batch takes all. */
int ck_closest_add(ck_closest *closest, const double *centers, int64_t first, int64_t last);
/* Calls fn for every block of CK_SUM_ROWS rows. */
int ck_closest_run(const ck_closest *closest, ck_item_fn fn, void *context, double operations_a_row);

#endif
