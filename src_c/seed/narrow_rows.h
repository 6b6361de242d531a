/* narrow_rows.h - rows rounded to bytes: a quarter of the memory of float32 ones, for steps that are held up by reading
 * them. What the rounding removed is measured, so that distances of bytes, which are exact, bound the true ones:
 * docs/numerics.md, section 4. */
#ifndef CK_NARROW_ROWS_H
#define CK_NARROW_ROWS_H

#include "../data/problem.h"

typedef struct {
    const ck_matrix *X;
    int64_t stride;   /* from one row to the next: whole lines */
    double scale;     /* a row x is (x - origin) * scale, rounded */
    double *origin;   /* d */
    int8_t *bytes;    /* n x stride */
    double *errors;   /* n: the length of what rounding removed, not less than it is */
    int32_t *sqnorms; /* n: squared lengths of the bytes */
} ck_narrow_rows;

/* A center rounded likewise. */
typedef struct {
    int16_t *values; /* stride */
    double error;
    int32_t sqnorm;
} ck_narrow_center;

/* Reserves memory. NULL: X is too large for it, there is none, or the watch asks to stop. */
ck_narrow_rows *ck_narrow_rows_new(ck_arena *arena, const ck_matrix *X, int n_threads);

ck_narrow_center *ck_narrow_centers_new(ck_arena *arena, const ck_narrow_rows *narrow, int n);
/* scratch: `stride` bytes. */
void ck_narrow_center_set(ck_narrow_center *out, const ck_narrow_rows *narrow, const double *center, int8_t *scratch);

/* INOUT list: n rows counted from `row`, of which those stay that may be nearer to the center than the root of
 * sqdists, by the row. OUT far: the others. Returns how many stay. products: n of scratch. */
int64_t ck_narrow_near(const ck_narrow_rows *narrow, const ck_narrow_center *center, int64_t row, int32_t *list,
                       int64_t n, const double *sqdists, int32_t *products, int32_t *far);

#endif
