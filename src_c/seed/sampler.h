/* sampler.h - rows drawn in proportion to their masses. */
#ifndef CK_SAMPLER_H
#define CK_SAMPLER_H

#include "../prune/prepared.h"

/* Masses of the rows and their sums by block of CK_SUM_ROWS: a draw scans the blocks, then one block. The sum of a
 * block is taken over CK_LANES rows abreast, then over the lanes. */
typedef struct {
    int64_t n_rows, n_blocks;
    double *masses, *block_sums;
} ck_sampler;

/* Reserves memory: check arena->failed. */
void ck_sampler_init(ck_sampler *sampler, ck_arena *arena, int64_t n_rows);
/* The masses are the weights of the rows. */
int ck_sampler_set_weights(ck_sampler *sampler, const ck_problem *problem);
/* After masses of a block were altered; returns the largest. */
double ck_sampler_sum_block(ck_sampler *sampler, int64_t block);
double ck_sampler_total(const ck_sampler *sampler);
/* A row drawn; never one of no mass, -1 where there is no other. */
int64_t ck_sampler_draw(const ck_sampler *sampler, ck_random *random);
/* What a sampler of n masses of one draws. */
int64_t ck_draw_alike(int64_t n, ck_random *random);

#endif
