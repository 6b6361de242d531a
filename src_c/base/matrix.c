#include "matrix.h"

/* Rows that follow each other without a gap are copied as one long row. */
#define COPY_CASE(tag, type)                                                                                           \
    case tag: {                                                                                                        \
        const int dense = X->feature_stride == (int64_t)sizeof(type);                                                  \
        const int one_run = dense && X->row_stride == d * (int64_t)sizeof(type);                                       \
        const int64_t n_runs = one_run ? 1 : n_rows, length = one_run ? n_rows * d : d;                                \
        for (int64_t i = 0; i < n_runs; i++) {                                                                         \
            const char *element = ck_row_start(X, row + i);                                                            \
            OUT *CK_RESTRICT to = out + i * d;                                                                         \
            if (dense)                                                                                                 \
                for (int64_t p = 0; p < length; p++) to[p] = (OUT)((const type *)element)[p];                          \
            else                                                                                                       \
                for (int64_t p = 0; p < d; p++, element += X->feature_stride) to[p] = (OUT)(*(const type *)element);   \
        }                                                                                                              \
        break;                                                                                                         \
    }

void ck_copy_rows_f32(const ck_matrix *X, int64_t row, int64_t n_rows, float *out)
{
    const int64_t d = X->n_features;
    switch (X->dtype) {
#define OUT float
        CK_EACH_DTYPE(COPY_CASE)
#undef OUT
    }
}

void ck_copy_rows_f64(const ck_matrix *X, int64_t row, int64_t n_rows, double *out)
{
    const int64_t d = X->n_features;
    switch (X->dtype) {
#define OUT double
        CK_EACH_DTYPE(COPY_CASE)
#undef OUT
    }
}

void ck_load_row(const ck_matrix *X, int64_t row, double *out) { ck_copy_rows_f64(X, row, 1, out); }

int ck_find_not_finite(const ck_matrix *X, ck_location *where)
{
    if (X->dtype != CK_F32 && X->dtype != CK_F64) return 0;
    for (int64_t i = 0; i < X->n_rows; i++) {
        const char *element = ck_row_start(X, i);
        for (int64_t p = 0; p < X->n_features; p++, element += X->feature_stride) {
            double value = X->dtype == CK_F32 ? *(const float *)element : *(const double *)element;
            if (!isfinite(value)) {
                where->row = i;
                where->feature = p;
                return 1;
            }
        }
    }
    return 0;
}
