/* rows_template.h - rows copied, imaged, centered and multiplied. Compiled once an instruction set by the files that
 * include it.
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
        EACH_FLOATS (v) squares[v] = (floats_t){0};
        for (int64_t p = 0; p < stride; p += CK_LANES)
            EACH_FLOATS (v) {
                const floats_t x = ((const loose_floats_t *)(image + p))[v];
                squares[v] += x * x;
            }
        EACH_FLOATS (v) ((loose_floats_t *)lanes)[v] = squares[v];
        for (int lane = 0; lane < CK_LANES / 2; lane++) lanes[lane] += lanes[lane + CK_LANES / 2];
        for (int lane = 0; lane < CK_LANES / 4; lane++) lanes[lane] += lanes[lane + CK_LANES / 4];
        sqnorms[list[i]] = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
    }
}

static void center_rows(double *CK_RESTRICT rows, int64_t apart, int64_t n, int64_t d, const double *CK_RESTRICT origin,
                        double scale, double *CK_RESTRICT sqnorms)
{
    for (int64_t i = 0; i < n; i++) {
        double *CK_RESTRICT x = rows + i * apart, lanes[CK_LANES], sum = 0.0;
        doubles_t squares[LINE_DOUBLES];
        int64_t p = 0;
        EACH_DOUBLES (v) squares[v] = (doubles_t){0};
        for (; p + CK_LANES <= d; p += CK_LANES)
            EACH_DOUBLES (v) {
                loose_doubles_t *const to = (loose_doubles_t *)(x + p) + v;
                const doubles_t value = (*to - ((const loose_doubles_t *)(origin + p))[v]) * scale;
                *to = value;
                squares[v] += value * value;
            }
        store_line(squares, lanes);
        for (int lane = 0; p < d; p++, lane++) {
            x[p] = (x[p] - origin[p]) * scale;
            lanes[lane] += x[p] * x[p];
        }
        for (int lane = 0; lane < CK_LANES; lane++) sum += lanes[lane];
        sqnorms[i] = sum;
    }
}

/* A vector's worth of columns for each of so many rows: their sums are independent, and fill half of the registers. */
enum { COLUMN_VECTORS = CK_BASIS_COLUMNS / VECTOR_DOUBLES, ROWS_ABREAST = 8 / COLUMN_VECTORS };

CK_INLINE void multiply_abreast(const double *CK_RESTRICT a, int64_t apart, int64_t step, const int n, int64_t length,
                                const double *CK_RESTRICT basis, int64_t width, double *CK_RESTRICT out)
{
    for (int64_t q = 0; q < width; q += CK_BASIS_COLUMNS) {
        doubles_t sums[ROWS_ABREAST][COLUMN_VECTORS];
        EACH_OF (n, r)
            EACH_OF (COLUMN_VECTORS, v) sums[r][v] = (doubles_t){0};
        for (int64_t e = 0; e < length; e++)
            EACH_OF (n, r)
                EACH_OF (COLUMN_VECTORS, v)
                    sums[r][v] += a[r * apart + e * step] * ((const loose_doubles_t *)(basis + e * width + q))[v];
        EACH_OF (n, r)
            EACH_OF (COLUMN_VECTORS, v) ((loose_doubles_t *)(out + r * width + q))[v] = sums[r][v];
    }
}

static void multiply(const double *a, int64_t apart, int64_t step, int64_t n, int64_t length, const double *basis,
                     int64_t width, double *out)
{
    int64_t i = 0;
    for (; i + ROWS_ABREAST <= n; i += ROWS_ABREAST)
        multiply_abreast(a + i * apart, apart, step, ROWS_ABREAST, length, basis, width, out + i * width);
    for (; i < n; i++) multiply_abreast(a + i * apart, apart, step, 1, length, basis, width, out + i * width);
}

static void round_rows(const double *CK_RESTRICT rows, int64_t n, int64_t d, const double *CK_RESTRICT origin,
                       double scale, int64_t stride, int8_t *CK_RESTRICT bytes, double *CK_RESTRICT errors,
                       int32_t *CK_RESTRICT sqnorms)
{
    for (int64_t i = 0; i < n; i++, rows += d, bytes += stride) {
        double removed[CK_LANES] = {0.0}, sum = 0.0;
        int32_t squares[CK_LANES] = {0}, sqnorm = 0;
        for (int64_t first = 0; first < d; first += CK_LANES) {
            const int64_t count = ck_min_i64(CK_LANES, d - first);
            double exact[CK_LANES] = {0.0};
            int32_t whole[CK_LANES];
            if (count == CK_LANES)
                for (int l = 0; l < CK_LANES; l++) exact[l] = (rows[first + l] - origin[first + l]) * scale;
            else
                for (int64_t l = 0; l < count; l++) exact[l] = (rows[first + l] - origin[first + l]) * scale;
            for (int l = 0; l < CK_LANES; l++) {
                double kept = exact[l] > -127.0 ? exact[l] : -127.0; /* what is not a number too */
                kept = kept < 127.0 ? kept : 127.0;
                kept = (kept + 0x1.8p52) - 0x1.8p52;
                whole[l] = (int32_t)kept;
                removed[l] += (exact[l] - kept) * (exact[l] - kept);
                squares[l] += whole[l] * whole[l];
            }
            for (int64_t l = 0; l < count; l++) bytes[first + l] = (int8_t)whole[l];
        }
        memset(bytes + d, 0, (size_t)(stride - d));
        for (int l = 0; l < CK_LANES; l++) {
            sum += removed[l];
            sqnorm += squares[l];
        }
        /* The numbers that are rounded, of at most 127 but for those that are cut, are rounded themselves. */
        errors[i] = sqrt(sum) * (1.0 + 0x1p-20) + 0x1p-20;
        sqnorms[i] = sqnorm;
    }
}

#define ROWS_TABLE                                                                                                     \
    {.copy_rows = copy_rows,                                                                                           \
     .copy_listed = copy_listed,                                                                                       \
     .image_listed = image_listed,                                                                                     \
     .center_rows = center_rows,                                                                                       \
     .multiply = multiply,                                                                                             \
     .round_rows = round_rows}
