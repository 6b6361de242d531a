/* seeding.h - the methods that draw first centers, one file each. */
#ifndef CK_SEEDING_H
#define CK_SEEDING_H

#include "sampler.h"

/* Draws k rows: OUT centers k x d, indices k or NULL. CK_ERROR_TOO_FEW_ROWS where fewer than k have weight.
 *   n_trials  candidates a step of greedy k-means++; 0: 2 + floor(ln k) */
typedef int (*ck_seeding_fn)(const ck_prepared *prepared, ck_arena *arena, int64_t k, int n_trials, ck_random random,
                             double *centers, int64_t *indices);

typedef struct {
    const char *name;
    int is_careful;   /* a second draw seldom leads to a better fit */
    int likes_sorted; /* is faster on sorted rows, where features are few */
    ck_seeding_fn draw;
} ck_seeding;

/* By their codes, ck_init; NULL for one that draws nothing. */
const ck_seeding *ck_seeding_of(int init);

/* Candidates that a step compares all rows with; 0 where it is drawn otherwise. */
double ck_seeding_candidates(int init, int64_t k, int n_trials);

/* Of a step of k-means++. */
int ck_plus_plus_trials(int64_t k, int n_trials);

/* What k-means|| draws from its candidates with. */
int ck_seed_plus_plus(const ck_prepared *prepared, ck_arena *arena, int64_t k, int n_trials, ck_random random,
                      double *centers, int64_t *indices);

#endif
