/* seeding.h - the methods that draw first centers, one file each but for the simplest. */
#ifndef CK_SEEDING_H
#define CK_SEEDING_H

#include "sampler.h"

/* Draws k rows: OUT centers k x d, indices k or NULL. CK_ERROR_TOO_FEW_ROWS where fewer than k have weight.
 *   n_trials  candidates a step of greedy k-means++; 0: 2 + floor(ln k) */
typedef int (*ck_seeding_fn)(const ck_problem *problem, ck_arena *arena, int64_t k, int n_trials, ck_random random,
                             double *centers, int64_t *indices);

int ck_seed_centers(const ck_problem *problem, ck_arena *arena, int64_t k, ck_init method, int n_trials,
                    ck_random random, double *centers, int64_t *indices);

int ck_seed_plus_plus(const ck_problem *problem, ck_arena *arena, int64_t k, int n_trials, ck_random random,
                      double *centers, int64_t *indices);
int ck_seed_parallel(const ck_problem *problem, ck_arena *arena, int64_t k, int n_trials, ck_random random,
                     double *centers, int64_t *indices);
int ck_seed_chains(const ck_problem *problem, ck_arena *arena, int64_t k, int n_trials, ck_random random,
                   double *centers, int64_t *indices);

#endif
