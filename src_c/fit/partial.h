/* partial.h - what rows add up to, cluster by cluster: exact on the grids of a problem, so that the totals of parts of
 * the rows can be added in any order and grouping, and are those of all rows to the bit. */
#ifndef CK_PARTIAL_H
#define CK_PARTIAL_H

#include "../data/problem.h"

typedef struct {
    int64_t k, d, levels;
    double *sums;    /* k x levels x d: of weight * x / 2^unit; NULL: kept elsewhere */
    double *weights; /* k x levels; NULL: all weights are one */
    int64_t *sizes;  /* k: rows */
} ck_partial;

/* Reserves memory: check arena->failed. */
void ck_partial_init(ck_partial *partial, ck_arena *arena, const ck_problem *problem, int64_t k, int with_sums);
void ck_partial_clear(ck_partial *partial);
/* Rows of X and their weights, counted from `row`, join their clusters and leave those they were in. scratch: d. */
void ck_partial_move(ck_partial *partial, const ck_problem *problem, int64_t row, const ck_moves *moves,
                     double *scratch);
/* Sizes and weights alone; features [first, last) of the sums alone. */
void ck_partial_move_weights(ck_partial *partial, const ck_problem *problem, int64_t row, const ck_moves *moves,
                             double *scratch);
void ck_partial_move_features(ck_partial *partial, const ck_problem *problem, int64_t row, const ck_moves *moves,
                              int64_t first, int64_t last, double *scratch);
void ck_partial_merge(ck_partial *partial, const ck_partial *other);

/* The same rounded, once. */
typedef struct {
    double *sums;    /* k x d */
    double *weights; /* k */
    int64_t *sizes;  /* k */
} ck_totals;
void ck_partial_round(const ck_partial *partial, int64_t cluster, ck_totals *totals);

#endif
