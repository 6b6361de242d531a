/* embedding.h - rows in a few dimensions, so that distances there never exceed the true ones by more than a bound.
 *
 * With an orthonormal basis of m directions, x - origin has m coordinates y along them and a rest of length r. The
 * point (y, r) has m + 1 coordinates, and |(y, r) - (y', r')| <= |x - x'|: the rests are at least as far apart as
 * their lengths differ. Where features are correlated a few principal directions hold nearly all of a distance, and
 * most centers can be excluded at the price of m + 1 features. docs/numerics.md, section 6, bounds the rounding.
 */
#ifndef CK_EMBEDDING_H
#define CK_EMBEDDING_H

#include "../assign/assign.h"
#include "directions.h"

typedef struct {
    ck_directions directions;
    int64_t d, m; /* features; directions */
    double scale; /* of the directions: the embedding is of (x - origin) * scale */
    /* Of any embedded point z: |computed - exact| <= error * |z|. */
    double error;
    ck_screen_model model;  /* of embedded points: its shape and image alone */
    float *points, *sqnorm; /* all rows, packed for that shape */
    ck_matrix sample;       /* a few embedded rows, to balance the bound by */
} ck_embedding;

/* What the rows are wanted for: passes over all of them against k centers, and steps of a seeding that compares each
 * with so many candidates. passes: infinite where the embedding is asked for, whatever it costs. */
typedef struct {
    int64_t k;
    double passes, candidates;
} ck_prospect;

/* Embeds the rows of X. NULL where that does not pay, a few directions do not hold enough of a sample's scatter, memory
 * is short or the watch asks to stop: an embedding is never needed. */
ck_embedding *ck_embedding_new(ck_arena *arena, const ck_matrix *X, const double *origin, const ck_prospect *prospect,
                               int n_threads);
/* Of a row in a pass that measures this share of the pairs. */
double ck_projected_operations(int64_t d, int64_t m, int64_t k, double share);

/* Centers embedded likewise, and prepared for the screen. */
typedef struct {
    const ck_embedding *embedding;
    ck_screen_model model;
    double *centers, *scratch; /* most x (m + 1); most x d */
} ck_embedded_centers;

/* For at most so many at a time. balance: of the bound, as ck_screen_model has it. Reserves memory: check
 * arena->failed. */
void ck_embedded_centers_init(ck_embedded_centers *centers, ck_arena *arena, const ck_embedding *embedding,
                              int64_t most, double balance);
void ck_embedded_centers_set(ck_embedded_centers *embedded, const double *centers, int64_t k);

#endif
