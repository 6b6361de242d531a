#include "matrix.h"

CK_DEFINE_COPY_ROWS(copy_rows_f32, float)
CK_DEFINE_COPY_ROWS(copy_rows_f64, double)

void ck_copy_rows_f32(const ck_matrix *X, int64_t row, int64_t n_rows, float *out)
{
    copy_rows_f32(X, row, n_rows, out);
}
void ck_copy_rows_f64(const ck_matrix *X, int64_t row, int64_t n_rows, double *out)
{
    copy_rows_f64(X, row, n_rows, out);
}
void ck_load_row(const ck_matrix *X, int64_t row, double *out) { ck_copy_rows_f64(X, row, 1, out); }

double ck_element(const ck_matrix *X, int64_t row, int64_t feature)
{
    double value = 0.0;
    const ck_matrix features = ck_features_of(X, feature, 1);
    ck_copy_rows_f64(&features, row, 1, &value);
    return value;
}

int ck_find_not_finite(const ck_matrix *X, ck_location *where)
{
    where->row = where->feature = 0;
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
