/* matrix.h - reading elements of a ck_matrix of any dtype and layout. */
#ifndef CK_MATRIX_H
#define CK_MATRIX_H

#include <math.h>

#include "base.h"

/* Rows or numbers that are worked on side by side, on every processor: panels of float64 rows are so wide, and arrays
 * that are read in whole vectors have room for so many more. */
enum { CK_LANES = 16 };

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

/* Rows one after the other without a gap. */
CK_INLINE ck_matrix ck_dense_matrix(const void *data, int64_t n_rows, int64_t n_features, ck_dtype dtype)
{
    const int64_t item = ck_itemsize(dtype);
    return (ck_matrix){data, n_rows, n_features, n_features * item, item, dtype};
}

/* Rows [row, row + n_rows) of X; features [first, first + n_features). */
CK_INLINE ck_matrix ck_rows_of(const ck_matrix *X, int64_t row, int64_t n_rows)
{
    ck_matrix part = *X;
    part.data = ck_row_start(X, row);
    part.n_rows = n_rows;
    return part;
}
CK_INLINE ck_matrix ck_features_of(const ck_matrix *X, int64_t first, int64_t n_features)
{
    ck_matrix part = *X;
    part.data = (const char *)X->data + first * X->feature_stride;
    part.n_features = n_features;
    return part;
}

/* Features of one row follow each other in memory. */
CK_INLINE int ck_rows_contiguous(const ck_matrix *X)
{
    return X->feature_stride == ck_itemsize(X->dtype) || X->n_features == 1;
}

/* So do the rows. */
CK_INLINE int ck_is_dense(const ck_matrix *X)
{
    return ck_rows_contiguous(X) && X->row_stride == X->n_features * ck_itemsize(X->dtype);
}

/* Bytes of the features of a row. */
CK_INLINE int64_t ck_row_bytes(const ck_matrix *X) { return X->n_features * ck_itemsize(X->dtype); }

/* One value as float64. */
double ck_element(const ck_matrix *X, int64_t row, int64_t feature);
/* One row as float64; exact for every dtype. */
void ck_load_row(const ck_matrix *X, int64_t row, double *out);

/* Rows [row, row + n_rows) copied to C order in float32 (exact: not for CK_F64) or float64. */
void ck_copy_rows_f32(const ck_matrix *X, int64_t row, int64_t n_rows, float *out);
void ck_copy_rows_f64(const ck_matrix *X, int64_t row, int64_t n_rows, double *out);

/* Defines such a copy, for whichever instruction set the including file compiles for. Rows that follow each other
 * without a gap are copied as one long row. */
#define CK_DEFINE_COPY_ROWS(name, OUT)                                                                                 \
    static void name(const ck_matrix *X, int64_t row, int64_t n_rows, OUT *CK_RESTRICT out)                            \
    {                                                                                                                  \
        typedef OUT out_t;                                                                                             \
        const int64_t d = X->n_features;                                                                               \
        switch (X->dtype) {                                                                                            \
            CK_EACH_DTYPE(CK_COPY_CASE)                                                                                \
        }                                                                                                              \
    }
#define CK_COPY_CASE(tag, type)                                                                                        \
    case tag: {                                                                                                        \
        const int dense = X->feature_stride == (int64_t)sizeof(type);                                                  \
        const int one_run = dense && X->row_stride == d * (int64_t)sizeof(type);                                       \
        const int64_t n_runs = one_run ? 1 : n_rows, length = one_run ? n_rows * d : d;                                \
        for (int64_t i = 0; i < n_runs; i++) {                                                                         \
            const char *element = ck_row_start(X, row + i);                                                            \
            out_t *CK_RESTRICT to = out + i * d;                                                                       \
            if (dense)                                                                                                 \
                for (int64_t p = 0; p < length; p++) to[p] = (out_t)((const type *)element)[p];                        \
            else                                                                                                       \
                for (int64_t p = 0; p < d; p++, element += X->feature_stride) to[p] = (out_t) * (const type *)element; \
        }                                                                                                              \
        break;                                                                                                         \
    }

/* The first element, in row order, that is NaN or infinite. Returns 0 when there is none. */
int ck_find_not_finite(const ck_matrix *X, ck_location *where);

#endif
