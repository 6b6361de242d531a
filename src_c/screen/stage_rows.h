/* stage_rows.h - rows brought into the one layout that packing knows, for kernels of all instruction sets. */

/* Rows of any dtype and layout, or fewer than the panel holds, copied to C order; the last one repeated. */
static ck_matrix stage_rows(const ck_matrix *X, int64_t row, int64_t n_rows, int64_t panel_rows, void *stage)
{
    const int64_t d = X->n_features;
    ck_matrix staged = {stage, panel_rows, d, 0, 0, X->dtype == CK_F64 ? CK_F64 : CK_F32};
    staged.feature_stride = ck_itemsize(staged.dtype);
    staged.row_stride = d * staged.feature_stride;
    if (staged.dtype == CK_F64)
        ck_copy_rows_f64(X, row, n_rows, stage);
    else
        ck_copy_rows_f32(X, row, n_rows, stage);
    const char *last = (const char *)stage + (n_rows - 1) * staged.row_stride;
    for (int64_t i = n_rows; i < panel_rows; i++)
        memcpy((char *)stage + i * staged.row_stride, last, (size_t)staged.row_stride);
    return staged;
}
