/* packed.h - rows packed once for all passes, restarts and steps of the seeding: for data that stay in cache. */
#ifndef CK_PACKED_H
#define CK_PACKED_H

#include "../screen/coarse.h"

typedef struct {
    const ck_matrix *X;
    ck_screen_model model; /* its image alone */
    float *points, *sqnorm;
    char *coarse_points; /* for the coarse screen, where there is one */
    float *coarse_sqnorm;
} ck_packed_rows;

/* NULL where there is no memory, or more than a cache holds. */
ck_packed_rows *ck_packed_rows_new(ck_arena *arena, const ck_matrix *X);

#endif
