/* rows_template.h - rows copied, imaged and projected. Compiled once an instruction set by the files that include it.
 */

#include "vectors.h"

CK_DEFINE_COPY_ROWS(copy_rows, double)

static void copy_listed(const ck_matrix *X, int64_t row, const int32_t *CK_RESTRICT list, int64_t n,
                        char *CK_RESTRICT out)
{
    const int64_t d = X->n_features, item = ck_itemsize(X->dtype), bytes = d * item;
    const int contiguous = ck_rows_contiguous(X) && X->row_stride == bytes;
    const char *end = ck_row_start(X, X->n_rows);
    for (int64_t i = 0; i < n; i++, out += bytes) {
        const char *from = ck_row_start(X, row + list[i]);
        if (contiguous && end - from >= ck_round_up(bytes, CK_COPY_ROOM))
            /* Whole lines: what follows the row is in X too, and is overwritten by the next. */
            for (int64_t b = 0; b < bytes; b += CK_COPY_ROOM) memcpy(out + b, from + b, CK_COPY_ROOM);
        else if (ck_rows_contiguous(X))
            memcpy(out, from, (size_t)bytes);
        else
            for (int64_t p = 0; p < d; p++) memcpy(out + p * item, from + p * X->feature_stride, (size_t)item);
    }
}

static void image_listed(const ck_matrix *X, int64_t row, const int32_t *CK_RESTRICT list, int64_t n, double scale,
                         const double *CK_RESTRICT minus_offset, const float *CK_RESTRICT minus_offset32,
                         float *CK_RESTRICT images, float *CK_RESTRICT sqnorms, double *CK_RESTRICT scratch)
{
    const int64_t d = X->n_features, whole = d / CK_LANES * CK_LANES, stride = ck_round_up(d, CK_LANES);
    const int floats = X->dtype == CK_F32 && ck_rows_contiguous(X);
    const float scale32 = (float)scale;
    for (int64_t i = 0; i < n; i++) {
        float lanes[CK_LANES], rest[CK_LANES] = {0.0f}, *CK_RESTRICT image;
        floats_t squares[LINE_FLOATS];
        image = images + list[i] * stride;
        if (floats) {
            const float *CK_RESTRICT x = (const float *)ck_row_start(X, row + list[i]);
            for (int64_t p = 0; p < whole; p++) image[p] = x[p] * scale32 + minus_offset32[p];
            for (int64_t p = whole; p < d; p++) rest[p - whole] = x[p] * scale32 + minus_offset32[p];
        } else {
            /* The offset of float32 and integer rows is a float32 number: this rounds once as well. */
            ck_load_row(X, row + list[i], scratch);
            for (int64_t p = 0; p < whole; p++) image[p] = (float)(scratch[p] * scale + minus_offset[p]);
            for (int64_t p = whole; p < d; p++) rest[p - whole] = (float)(scratch[p] * scale + minus_offset[p]);
        }
        if (whole < d) memcpy(image + whole, rest, sizeof rest);
        EACH_FLOATS(v) squares[v] = (floats_t){0};
        for (int64_t p = 0; p < stride; p += CK_LANES) EACH_FLOATS(v)
            {
                const floats_t x = ((const loose_floats_t *)(image + p))[v];
                squares[v] += x * x;
            }
        EACH_FLOATS(v) ((loose_floats_t *)lanes)[v] = squares[v];
        for (int lane = 0; lane < CK_LANES / 2; lane++) lanes[lane] += lanes[lane + CK_LANES / 2];
        for (int lane = 0; lane < CK_LANES / 4; lane++) lanes[lane] += lanes[lane + CK_LANES / 4];
        sqnorms[list[i]] = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
    }
}

CK_INLINE void project_width(const double *CK_RESTRICT rows, int64_t n, int64_t d, const double *CK_RESTRICT basis,
                             const int64_t m, double *CK_RESTRICT out)
{
    for (int64_t i = 0; i < n; i += 2) {
        const int64_t other = i + 1 < n ? i + 1 : i;
        double a[32] = {0.0}, b[32] = {0.0};
        for (int64_t p = 0; p < d; p++) {
            const double x = rows[i * d + p], y = rows[other * d + p], *CK_RESTRICT direction = basis + p * m;
            for (int64_t q = 0; q < m; q++) a[q] += x * direction[q];
            for (int64_t q = 0; q < m; q++) b[q] += y * direction[q];
        }
        memcpy(out + i * (m + 1), a, (size_t)m * sizeof *a);
        memcpy(out + other * (m + 1), b, (size_t)m * sizeof *b);
    }
}

static void project(const double *rows, int64_t n, int64_t d, const double *basis, int64_t m, double *out)
{
    switch (m) {
    case 7: project_width(rows, n, d, basis, 7, out); break;
    case 15: project_width(rows, n, d, basis, 15, out); break;
    case 23: project_width(rows, n, d, basis, 23, out); break;
    case 31: project_width(rows, n, d, basis, 31, out); break;
    default: project_width(rows, n, d, basis, m, out);
    }
}

#define ROWS_TABLE                                                                                                     \
    {.copy_rows = copy_rows, .copy_listed = copy_listed, .image_listed = image_listed, .project = project}
