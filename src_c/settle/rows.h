/* rows.h - rows in bulk, brought into other forms: copies, images in float32, products with a basis. */
#ifndef CK_ROWS_H
#define CK_ROWS_H

#include <string.h>

#include "../base/matrix.h"

enum { CK_COPY_ROOM = 64, CK_BASIS_COLUMNS = 8 };

typedef struct {
    /* OUT out: rows [row, row + n_rows) in C order. */
    void (*copy_rows)(const ck_matrix *X, int64_t row, int64_t n_rows, double *out);
    /* OUT out: listed rows of X, counted from `row`, in C order; room for CK_COPY_ROOM bytes more. */
    void (*copy_listed)(const ck_matrix *X, int64_t row, const int32_t *list, int64_t n, char *out);
    /* OUT images, sqnorms: images x * scale - offset of listed rows, counted from `row`, in their places; d rounded up
     * to whole CK_LANES apart, with zeros between. Offsets are negated and padded with zeros, in float32 for rows that
     * are not float64. */
    void (*image_listed)(const ck_matrix *X, int64_t row, const int32_t *list, int64_t n, double scale,
                         const double *minus_offset, const float *minus_offset32, float *images, float *sqnorms,
                         double *scratch);
    /* Rows of d numbers, so far apart, less the origin and times the scale. OUT sqnorms: their squared lengths. Here
     * and below the bits are the same on every processor, as other results are: what is saved thus is, too. */
    void (*center_rows)(double *rows, int64_t apart, int64_t n, int64_t d, const double *origin, double scale,
                        double *sqnorms);
    /* OUT out (n x width): the product of a matrix, whose element (i, e) stands at i * apart + e * step, with a basis
     * (length x width). width: a multiple of CK_BASIS_COLUMNS. */
    void (*multiply)(const double *a, int64_t apart, int64_t step, int64_t n, int64_t length, const double *basis,
                     int64_t width, double *out);
    /* OUT bytes, `stride` apart with zeros between: rows of d numbers, less the origin and times the scale, rounded to
     * whole numbers of at most 127 in magnitude. OUT errors: the length of what that removed, not less than it is;
     * sqnorms: of the bytes. */
    void (*round_rows)(const double *rows, int64_t n, int64_t d, const double *origin, double scale, int64_t stride,
                       int8_t *bytes, double *errors, int32_t *sqnorms);
} ck_rows_kernels;

/* The table in use; src_c/kernels.c says which. */
const ck_rows_kernels *ck_rows_table(void);
void ck_rows_use(const ck_rows_kernels *kernels);
extern const ck_rows_kernels ck_rows_generic; /* the others stand in src_c/kernels.c */

#endif
