/* directions.h - a few principal directions of the rows, as a sample shows them. */
#ifndef CK_DIRECTIONS_H
#define CK_DIRECTIONS_H

#include "../base/base.h"

enum { CK_MOST_DIRECTIONS = 31 };

typedef struct {
    int64_t m, width;       /* directions; from one row of the basis to the next, zeros between */
    double scale;           /* a power of two: they are of (x - origin) * scale */
    double *origin, *basis; /* d; d x width */
    double gram_error;      /* how far the basis is from orthonormal, at most */
} ck_directions;

/* What looking for them costs, in scalar operations. */
double ck_directions_operations(const ck_matrix *X);
/* Returns 0, whatever is in `directions` then, where few directions do not hold enough of a sample's scatter, memory is
 * short or the watch asks to stop. */
int ck_find_directions(ck_directions *directions, ck_arena *arena, const ck_matrix *X, const double *origin,
                       int n_threads);

#endif
