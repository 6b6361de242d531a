/* quick_template.h - distances in any rounding order, with a bound on their error (ck_quick_sqdist_error), and bounds
 * made of them. Compiled once an instruction set by the files that include it. */

/* Features between two looks at whether the sum is large enough. */
enum { GIVE_UP_FEATURES = 128, ROWS_AHEAD = 4, MOST_FETCHED = 512 };
/* Features up to which rows are taken four at a time: where sums may be given up, and where none are. */
enum { SHORT_ROW = 63, MOST_TOGETHER = 1024 };

#include "vectors.h"

#define ADD_SQUARES(sum, vector_t, x, c, v)                                                                            \
    do {                                                                                                               \
        const vector_t difference = ((const vector_t *)(x))[v] - ((const vector_t *)(c))[v];                           \
        sum += difference * difference;                                                                                \
    } while (0)

/* The sums have `lanes` lanes on every target, and are added up in the same order. */
#define DEFINE_QUICK_SQDIST(name, type, vector_t, quarter_t, lanes)                                                    \
    static double name(const type *x, const type *c, int64_t d, double enough)                                         \
    {                                                                                                                  \
        enum { N = lanes * sizeof(type) / sizeof(vector_t), N_FEW = 4 * sizeof(type) / sizeof(quarter_t) };            \
        double total = 0.0;                                                                                            \
        for (int64_t first = 0; first < d && total <= enough; first += GIVE_UP_FEATURES) {                             \
            const int64_t last = ck_min_i64(d, first + GIVE_UP_FEATURES);                                              \
            vector_t sum[N], other[N];                                                                                 \
            quarter_t few[N_FEW];                                                                                      \
            type each[lanes], sums[4] = {0}, rest[4];                                                                  \
            int64_t p = first;                                                                                         \
            EACH_OF (N, v) sum[v] = other[v] = (vector_t){0};                                                          \
            EACH_OF (N_FEW, v) few[v] = (quarter_t){0};                                                                \
            for (; p + 2 * lanes <= last; p += 2 * lanes)                                                              \
                EACH_OF (N, v) {                                                                                       \
                    ADD_SQUARES(sum[v], vector_t, x + p, c + p, v);                                                    \
                    ADD_SQUARES(other[v], vector_t, x + p + lanes, c + p + lanes, v);                                  \
                }                                                                                                      \
            for (; p + lanes <= last; p += lanes)                                                                      \
                EACH_OF (N, v) ADD_SQUARES(sum[v], vector_t, x + p, c + p, v);                                         \
            for (; p + 4 <= last; p += 4)                                                                              \
                EACH_OF (N_FEW, v) ADD_SQUARES(few[v], quarter_t, x + p, c + p, v);                                    \
            EACH_OF (N_FEW, v) ((quarter_t *)rest)[v] = few[v];                                                        \
            rest[0] = (rest[0] + rest[1]) + (rest[2] + rest[3]);                                                       \
            for (; p < last; p++) rest[0] += (x[p] - c[p]) * (x[p] - c[p]);                                            \
            EACH_OF (N, v) ((vector_t *)each)[v] = sum[v] + other[v];                                                  \
            for (int l = 0; l < lanes; l += 4)                                                                         \
                for (int i = 0; i < 4; i++) sums[i] += each[l + i];                                                    \
            total += (double)((sums[0] + sums[1]) + (sums[2] + sums[3]) + rest[0]);                                    \
        }                                                                                                              \
        return total;                                                                                                  \
    }

DEFINE_QUICK_SQDIST(quick_sqdist_f32, float, loose_floats_t, four_floats_t, 16)
DEFINE_QUICK_SQDIST(quick_sqdist_f64, double, loose_doubles_t, four_doubles_t, 8)

static double quick_sqdist(const ck_matrix *X, int64_t row, const double *center, const float *center32, double enough,
                           double *scratch)
{
    const int64_t d = X->n_features;
    if (ck_rows_contiguous(X) && X->dtype == CK_F32)
        return quick_sqdist_f32((const float *)ck_row_start(X, row), center32, d, enough);
    if (ck_rows_contiguous(X) && X->dtype == CK_F64)
        return quick_sqdist_f64((const double *)ck_row_start(X, row), center, d, enough);
    ck_load_row(X, row, scratch);
    return quick_sqdist_f64(scratch, center, d, enough);
}

#if CK_VECTOR_TYPES
/* Squared differences in whole lines; lanes from d on, which hold what follows in memory, are masked. */
CK_INLINE void squares_masked(const float *x, const float *c, int64_t d, floats_t sums[LINE_FLOATS])
{
    static const int32_t mask[2 * CK_LANES] = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};
    int64_t p = 0;
    EACH_FLOATS (v) sums[v] = (floats_t){0};
    for (; p + CK_LANES <= d; p += CK_LANES)
        EACH_FLOATS (v) ADD_SQUARES(sums[v], loose_floats_t, x + p, c + p, v);
    if (p < d)
        EACH_FLOATS (v) {
            const float_mask_t inside = ((const loose_float_mask_t *)(mask + CK_LANES - (d - p)))[v];
            floats_t a = ((const loose_floats_t *)(x + p))[v] - ((const loose_floats_t *)(c + p))[v];
            a = (floats_t)((float_mask_t)a & inside);
            sums[v] += a * a;
        }
}

/* Of every four numbers of a and then of b: the first and third; the second and fourth. */
#define OF_FOUR(i) (i), (i) + 2, (i) + VECTOR_FLOATS, (i) + VECTOR_FLOATS + 2
#if VECTOR_BYTES == 64
#define EVERY_SECOND(i) OF_FOUR(i), OF_FOUR((i) + 4), OF_FOUR((i) + 8), OF_FOUR((i) + 12)
#elif VECTOR_BYTES == 32
#define EVERY_SECOND(i) OF_FOUR(i), OF_FOUR((i) + 4)
#else
#define EVERY_SECOND(i) OF_FOUR(i)
#endif
#define ADD_NEIGHBORS(a, b)                                                                                            \
    (SHUFFLE(float_mask_t, a, b, EVERY_SECOND(0)) + SHUFFLE(float_mask_t, a, b, EVERY_SECOND(1)))

/* Four of them at a time: their sums over lanes share the shuffles. */
CK_INLINE void sqdists_masked(const float *const x[4], const float *const c[4], int64_t d, double out[4])
{
    floats_t sums[4][LINE_FLOATS];
    float each[CK_LANES];
    EACH_OF (4, r) squares_masked(x[r], c[r], d, sums[r]);
    EACH_FLOATS (v) {
        const floats_t low = ADD_NEIGHBORS(sums[0][v], sums[1][v]), high = ADD_NEIGHBORS(sums[2][v], sums[3][v]);
        ((loose_floats_t *)each)[v] = ADD_NEIGHBORS(low, high);
    }
    for (int r = 0; r < 4; r++) out[r] = (double)((each[r] + each[4 + r]) + (each[8 + r] + each[12 + r]));
}
#endif

/* Of the list: how many rows from the front can be taken four at a time, where rows are short. Whole vectors of them
 * are read, so that the last rows of X are not among them. */
CK_INLINE int64_t count_short_rows(const ck_matrix *X, int64_t row, const int32_t *list, int64_t n, int64_t most)
{
#if CK_VECTOR_TYPES
    if (X->dtype != CK_F32 || !ck_rows_contiguous(X) || X->row_stride != X->n_features * 4 || X->n_features > most)
        return 0;
    const int64_t last = X->n_rows - 1 - ck_ceil_div(CK_LANES, X->n_features) - row;
    int64_t count = 0;
    for (int64_t i = 0; i + 4 <= n && count == i; i += 4)
        count += list[i] <= last && list[i + 1] <= last && list[i + 2] <= last && list[i + 3] <= last ? 4 : 0;
    return count;
#else
    (void)X, (void)row, (void)list, (void)n, (void)most;
    return 0;
#endif
}

static void label_sqdists(const ck_matrix *X, int64_t row, const int32_t *CK_RESTRICT list,
                          const int32_t *CK_RESTRICT labels, int64_t n, const double *centers, const float *centers32,
                          double *CK_RESTRICT out, double *scratch)
{
    const int64_t d = X->n_features, n_short = count_short_rows(X, row, list, n, MOST_TOGETHER);
#if CK_VECTOR_TYPES
    for (int64_t i = 0; i < n_short; i += 4) {
        const float *x[4], *c[4];
        for (int r = 0; r < 4; r++) {
            x[r] = (const float *)ck_row_start(X, row + list[i + r]);
            c[r] = centers32 + labels[i + r] * d;
        }
        sqdists_masked(x, c, d, out + i);
    }
#endif
    for (int64_t i = n_short; i < n; i++) {
        const int64_t center = labels[i] * d;
        out[i] = quick_sqdist(X, row + list[i], centers + center, centers32 + center, INFINITY, scratch);
    }
}

static void listed_sqdists(const ck_matrix *X, int64_t row, const int32_t *CK_RESTRICT list, int64_t n,
                           const double *center, const float *center32, const double *CK_RESTRICT limits,
                           double *CK_RESTRICT out, double *scratch)
{
    const int64_t d = X->n_features, n_short = count_short_rows(X, row, list, n, SHORT_ROW);
    const int64_t bytes = ck_min_i64(d * ck_itemsize(X->dtype), MOST_FETCHED);
#if CK_VECTOR_TYPES
    for (int64_t i = 0; i < n_short; i += 4) {
        const float *x[4], *const c[4] = {center32, center32, center32, center32};
        for (int r = 0; r < 4; r++) {
            const char *next = ck_row_start(X, row + list[ck_min_i64(i + 4 + r, n - 1)]);
            for (int64_t b = 0; b < bytes; b += CK_CACHE_LINE) CK_PREFETCH(next + b);
            x[r] = (const float *)ck_row_start(X, row + list[i + r]);
        }
        sqdists_masked(x, c, d, out + i);
    }
#endif
    for (int64_t i = n_short; i < n; i++) {
        const char *next = ck_row_start(X, row + list[ck_min_i64(i + ROWS_AHEAD, n - 1)]);
        for (int64_t b = 0; b < bytes; b += CK_CACHE_LINE) CK_PREFETCH(next + b);
        out[i] = quick_sqdist(X, row + list[i], center, center32, limits[i], scratch);
    }
}

#if CK_VECTOR_TYPES && VECTOR_BYTES == 64
#define BYTE_PRODUCTS(x, c)                                                                                            \
    (floats_as_ints_t)                                                                                                 \
        _mm512_madd_epi16(_mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)(x))), _mm512_loadu_si512(c))
#elif CK_VECTOR_TYPES && VECTOR_BYTES == 32
#define BYTE_PRODUCTS(x, c)                                                                                            \
    (floats_as_ints_t) _mm256_madd_epi16(_mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(x))),                  \
                                         _mm256_loadu_si256((const __m256i *)(c)))
#endif

static int32_t byte_product(const int8_t *CK_RESTRICT x, const int16_t *CK_RESTRICT center, int64_t length)
{
    int32_t sum = 0;
#ifdef BYTE_PRODUCTS
    typedef float_mask_t floats_as_ints_t;
    enum { N = VECTOR_BYTES / 2, ABREAST = 64 / N };
    float_mask_t sums[ABREAST];
    int32_t lanes[VECTOR_FLOATS];
    EACH_OF (ABREAST, v) sums[v] = (float_mask_t){0};
    for (int64_t p = 0; p < length; p += 64)
        EACH_OF (ABREAST, v) sums[v] += BYTE_PRODUCTS(x + p + v * N, center + p + v * N);
    EACH_OF (ABREAST - 1, v) sums[0] += sums[v + 1];
    memcpy(lanes, sums, sizeof lanes);
    for (int lane = 0; lane < VECTOR_FLOATS; lane++) sum += lanes[lane];
#else
    for (int64_t p = 0; p < length; p++) sum += (int32_t)x[p] * center[p];
#endif
    return sum;
}

static void byte_products(const int8_t *rows, int64_t stride, const int32_t *CK_RESTRICT list, int64_t n,
                          const int16_t *center, int32_t *CK_RESTRICT out)
{
    for (int64_t i = 0; i < n; i++) {
        const int8_t *next = rows + list[ck_min_i64(i + ROWS_AHEAD, n - 1)] * stride;
        for (int64_t b = 0; b < ck_min_i64(stride, 2 * MOST_FETCHED); b += CK_CACHE_LINE) CK_PREFETCH(next + b);
        out[i] = byte_product(rows + list[i] * stride, center, stride);
    }
}

#include "bounds_template.h"

#define QUICK_TABLE                                                                                                    \
    {.quick_sqdist = quick_sqdist,                                                                                     \
     .listed_sqdists = listed_sqdists,                                                                                 \
     .label_sqdists = label_sqdists,                                                                                   \
     .byte_products = byte_products,                                                                                   \
     .thresholds = thresholds,                                                                                         \
     .bound_scores = bound_scores,                                                                                     \
     .bound_group = bound_group,                                                                                       \
     .keep_best_group = keep_best_group,                                                                               \
     .bound_all = bound_all,                                                                                           \
     .bound_sqdists = bound_sqdists,                                                                                   \
     .spread_gaps = spread_gaps,                                                                                       \
     .raise_lower = raise_lower,                                                                                       \
     .round_down = round_down,                                                                                         \
     .least_after = least_after,                                                                                       \
     .filter_centers = filter_centers}
