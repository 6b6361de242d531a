/* embedding.h - rows in a few dimensions, so that distances there never exceed the true ones by more than a bound.
 *
 * With an orthonormal basis of m directions, x - origin has m coordinates y along them and a rest of length r. The
 * point (y, r) has m + 1 coordinates, and |(y, r) - (y', r')| <= |x - x'|: the rests are at least as far apart as
 * their lengths differ. Where features are correlated a few principal directions hold nearly all of a distance, and
 * most centers can be excluded at the price of m + 1 features. docs/numerics.md, section 6, bounds the rounding.
 */
#ifndef CK_EMBEDDING_H
#define CK_EMBEDDING_H

#include "assign.h"

typedef struct {
    int64_t d, m;           /* features; directions */
    double scale;           /* a power of two: the embedding is of (x - origin) * scale */
    double *origin, *basis; /* d; d x m */
    /* Of any embedded point z: |computed - exact| <= error * |z|. */
    double error;
    ck_assigner assigner;   /* of embedded rows; its model has the identity for an image */
    float *points, *sqnorm; /* all rows, packed for the assigner's shape */
    ck_matrix sample;       /* a few embedded rows, to balance the bound by */
    double *centers;        /* k x (m + 1): those set last */
} ck_embedding;

/* Embeds the rows of X. NULL where a few directions do not hold enough of a sample's scatter, X is small, memory
 * is short or the watch asks to stop: an embedding is never needed. k: the most centers it is used for at a time. */
ck_embedding *ck_embedding_new(ck_arena *arena, const ck_matrix *X, const double *origin, int64_t k, int n_threads);

/* Embeds k centers (at most those it was made for) and prepares the assigner's model for them. scratch: k x d. */
void ck_embedding_set_centers(ck_embedding *embedding, const double *centers, int64_t k, double *scratch);

#endif
