/* labeler.h - labels of all rows of a matrix, again and again, for at most so many centers. */
#ifndef CK_LABELER_H
#define CK_LABELER_H

#include "assign.h"

typedef struct {
    ck_assigner assigner;
    int n_workers;
    ck_assign_scratch *scratch;
    int32_t *labels; /* of each worker: of a block */
} ck_labeler;

/* Reserves memory: check arena->failed. */
void ck_labeler_init(ck_labeler *labeler, ck_arena *arena, const ck_matrix *X, int64_t most, int n_threads);
/* OUT labels: n. k: at most those it was made for. */
int ck_labeler_run(ck_labeler *labeler, const double *centers, int64_t k, int32_t *labels);

#endif
