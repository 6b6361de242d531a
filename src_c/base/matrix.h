/* matrix.h - reading elements of a ck_matrix of any dtype and layout. */
#ifndef CK_MATRIX_H
#define CK_MATRIX_H

#include <math.h>

#include "base.h"

/* Expands CASE(tag, C type) for every dtype inside a switch. */
#define CK_EACH_DTYPE(CASE)                                                                                            \
    CASE(CK_F32, float)                                                                                                \
    CASE(CK_F64, double) CASE(CK_I8, int8_t) CASE(CK_U8, uint8_t) CASE(CK_I16, int16_t) CASE(CK_U16, uint16_t)

CK_INLINE int64_t ck_itemsize(ck_dtype dtype)
{
    static const int sizes[] = {4, 8, 1, 1, 2, 2};
    return sizes[dtype];
}

CK_INLINE const char *ck_row_start(const ck_matrix *X, int64_t row)
{
    return (const char *)X->data + row * X->row_stride;
}

/* Features of one row follow each other in memory. */
CK_INLINE int ck_rows_contiguous(const ck_matrix *X)
{
    return X->feature_stride == ck_itemsize(X->dtype) || X->n_features == 1;
}

/* One row as float64; exact for every dtype. */
void ck_load_row(const ck_matrix *X, int64_t row, double *out);

/* Rows [row, row + n_rows) copied to C order in float32 (exact: not for CK_F64) or float64. */
void ck_copy_rows_f32(const ck_matrix *X, int64_t row, int64_t n_rows, float *out);
void ck_copy_rows_f64(const ck_matrix *X, int64_t row, int64_t n_rows, double *out);

/* The first element, in row order, that is NaN or infinite. Returns 0 when there is none. */
int ck_find_not_finite(const ck_matrix *X, ck_location *where);

#endif
