/* packed.h - rows packed once for all passes, restarts and steps of the seeding: for data that stay in cache. */
#ifndef CK_PACKED_H
#define CK_PACKED_H

#include "../screen/coarse.h"

typedef struct {
    const ck_matrix *X;
    ck_screen_model model;  /* its image alone; not there where rows are packed as they are needed */
    float *points, *sqnorm; /* NULL where only the coarse screen's are kept */
    char *coarse_points;    /* for the coarse screen, where there is one */
    float *coarse_sqnorm;
    /* By panel: whether it is packed. Nobody else reads or writes a panel while a worker has its rows. */
    uint8_t *filled, *coarse_filled;
    int as_needed;
} ck_packed_rows;

/* All rows, for whoever scores them against up to k centers. NULL where there is no memory, or more than any cache
 * holds. */
ck_packed_rows *ck_packed_rows_new(ck_arena *arena, const ck_matrix *X, int64_t k);
/* Room for rows that are packed when they are scored against k centers: by one assigner, as it has its image from then
 * on. NULL where there is no memory, or they fit neither as float32 nor for the coarse screen. */
ck_packed_rows *ck_packed_room_new(ck_arena *arena, const ck_matrix *X, int64_t k);
/* Whether the last-level cache holds them as float32, beside other things. */
int ck_packed_fits(const ck_matrix *X);
/* Whether there is a coarse screen for k centers, and its rows, a quarter of float32's, are within a budget. */
int ck_packed_coarse_fits(const ck_matrix *X, int64_t k);

#endif
