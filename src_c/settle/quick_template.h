/* quick_template.h - distances in any rounding order, with a bound on their error (ck_quick_sqdist_error), and bounds
 * made of them. Compiled once an instruction set by the files that include it. */

/* Features between two looks at whether the sum is large enough. */
enum { GIVE_UP_FEATURES = 128, ROWS_AHEAD = 4, MOST_FETCHED = 512 };

#if CK_VECTOR_TYPES
#define DEFINE_QUICK_SQDIST(name, type, lanes)                                                                         \
    static double name(const type *x, const type *c, int64_t d, double enough)                                         \
    {                                                                                                                  \
        typedef type vector_t __attribute__((vector_size(lanes * sizeof(type)), aligned(sizeof(type)), may_alias));    \
        typedef type quarter_t __attribute__((vector_size(4 * sizeof(type)), aligned(sizeof(type)), may_alias));       \
        double total = 0.0;                                                                                            \
        for (int64_t first = 0; first < d && total <= enough; first += GIVE_UP_FEATURES) {                             \
            const int64_t last = ck_min_i64(d, first + GIVE_UP_FEATURES);                                              \
            vector_t sum = {0}, other = {0};                                                                           \
            type rest = 0;                                                                                             \
            int64_t p = first;                                                                                         \
            for (; p + 2 * lanes <= last; p += 2 * lanes) {                                                            \
                vector_t a = *(const vector_t *)(x + p) - *(const vector_t *)(c + p);                                  \
                vector_t b = *(const vector_t *)(x + p + lanes) - *(const vector_t *)(c + p + lanes);                  \
                sum += a * a;                                                                                          \
                other += b * b;                                                                                        \
            }                                                                                                          \
            for (; p + lanes <= last; p += lanes) {                                                                    \
                vector_t a = *(const vector_t *)(x + p) - *(const vector_t *)(c + p);                                  \
                sum += a * a;                                                                                          \
            }                                                                                                          \
            quarter_t few = {0};                                                                                       \
            for (; p + 4 <= last; p += 4) {                                                                            \
                quarter_t a = *(const quarter_t *)(x + p) - *(const quarter_t *)(c + p);                               \
                few += a * a;                                                                                          \
            }                                                                                                          \
            rest = (few[0] + few[1]) + (few[2] + few[3]);                                                              \
            for (; p < last; p++) rest += (x[p] - c[p]) * (x[p] - c[p]);                                               \
            sum += other;                                                                                              \
            type each[lanes], sums[4] = {0};                                                                           \
            memcpy(each, &sum, sizeof each);                                                                           \
            for (int l = 0; l < lanes; l += 4)                                                                         \
                for (int i = 0; i < 4; i++) sums[i] += each[l + i];                                                    \
            total += (double)((sums[0] + sums[1]) + (sums[2] + sums[3]) + rest);                                       \
        }                                                                                                              \
        return total;                                                                                                  \
    }
#else
#define DEFINE_QUICK_SQDIST(name, type, lanes)                                                                         \
    static double name(const type *x, const type *c, int64_t d, double enough)                                         \
    {                                                                                                                  \
        double total = 0.0;                                                                                            \
        for (int64_t first = 0; first < d && total <= enough; first += GIVE_UP_FEATURES) {                             \
            const int64_t last = ck_min_i64(d, first + GIVE_UP_FEATURES);                                              \
            type sum = 0;                                                                                              \
            for (int64_t p = first; p < last; p++) sum += (x[p] - c[p]) * (x[p] - c[p]);                               \
            total += (double)sum;                                                                                      \
        }                                                                                                              \
        return total;                                                                                                  \
    }
#endif

DEFINE_QUICK_SQDIST(quick_sqdist_f32, float, 16)
DEFINE_QUICK_SQDIST(quick_sqdist_f64, double, 8)

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
typedef float short_row_t __attribute__((vector_size(16 * sizeof(float)), aligned(sizeof(float)), may_alias));
typedef int32_t short_mask_t __attribute__((vector_size(16 * sizeof(int32_t)), may_alias));

/* Squared differences in whole vectors; lanes from d on, which hold what follows in memory, are masked. */
CK_INLINE void squares_masked(const float *x, const float *c, int64_t d, short_row_t *out)
{
    static const int32_t mask[32] = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};
    short_row_t sum = {0};
    int64_t p = 0;
    for (; p + 16 <= d; p += 16) {
        short_row_t a = *(const short_row_t *)(x + p) - *(const short_row_t *)(c + p);
        sum += a * a;
    }
    if (p < d) {
        short_mask_t inside;
        memcpy(&inside, mask + 16 - (d - p), sizeof inside);
        short_row_t a = *(const short_row_t *)(x + p) - *(const short_row_t *)(c + p);
        a = (short_row_t)((short_mask_t)a & inside);
        sum += a * a;
    }
    *out = sum;
}

#if defined(__clang__)
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (short_mask_t){__VA_ARGS__})
#endif
#define EVEN(i)                                                                                                        \
    i, i + 16, i + 2, i + 18, i + 4, i + 20, i + 6, i + 22, i + 8, i + 24, i + 10, i + 26, i + 12, i + 28, i + 14,     \
        i + 30
#define LOW(i)                                                                                                         \
    i, i + 1, i + 16, i + 17, i + 4, i + 5, i + 20, i + 21, i + 8, i + 9, i + 24, i + 25, i + 12, i + 13, i + 28, i + 29

/* Four of them at a time: their sums over lanes share the shuffles. */
CK_INLINE void sqdists_masked(const float *const x[4], const float *const c[4], int64_t d, double out[4])
{
    short_row_t s0, s1, s2, s3;
    squares_masked(x[0], c[0], d, &s0);
    squares_masked(x[1], c[1], d, &s1);
    squares_masked(x[2], c[2], d, &s2);
    squares_masked(x[3], c[3], d, &s3);
    const short_row_t s01 = SHUFFLE(s0, s1, EVEN(0)) + SHUFFLE(s0, s1, EVEN(1));
    const short_row_t s23 = SHUFFLE(s2, s3, EVEN(0)) + SHUFFLE(s2, s3, EVEN(1));
    const short_row_t all = SHUFFLE(s01, s23, LOW(0)) + SHUFFLE(s01, s23, LOW(2));
    float each[16];
    memcpy(each, &all, sizeof each);
    for (int r = 0; r < 4; r++) out[r] = (double)((each[r] + each[4 + r]) + (each[8 + r] + each[12 + r]));
}
#endif

/* Of the list: how many rows from the front can be taken four at a time, where rows are short. Whole vectors of them
 * are read, so that the last rows of X are not among them. */
CK_INLINE int64_t count_short_rows(const ck_matrix *X, int64_t row, const int32_t *list, int64_t n)
{
#if CK_VECTOR_TYPES
    if (X->dtype != CK_F32 || !ck_rows_contiguous(X) || X->row_stride != X->n_features * 4 || X->n_features >= 64)
        return 0;
    const int64_t last = X->n_rows - 1 - ck_ceil_div(CK_LANES, X->n_features) - row;
    int64_t count = 0;
    for (int64_t i = 0; i + 4 <= n && count == i; i += 4)
        count += list[i] <= last && list[i + 1] <= last && list[i + 2] <= last && list[i + 3] <= last ? 4 : 0;
    return count;
#else
    (void)X, (void)row, (void)list, (void)n;
    return 0;
#endif
}

static void label_sqdists(const ck_matrix *X, int64_t row, const int32_t *CK_RESTRICT list,
                          const int32_t *CK_RESTRICT labels, int64_t n, const double *centers, const float *centers32,
                          double *CK_RESTRICT out, double *scratch)
{
    const int64_t d = X->n_features, n_short = count_short_rows(X, row, list, n);
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
    const int64_t d = X->n_features, n_short = count_short_rows(X, row, list, n);
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

#include "bounds_template.h"

#define QUICK_TABLE                                                                                                    \
    {.quick_sqdist = quick_sqdist,                                                                                     \
     .listed_sqdists = listed_sqdists,                                                                                 \
     .label_sqdists = label_sqdists,                                                                                   \
     .thresholds = thresholds,                                                                                         \
     .bound_scores = bound_scores,                                                                                     \
     .bound_sqdists = bound_sqdists,                                                                                   \
     .round_down = round_down,                                                                                         \
     .least_after = least_after,                                                                                       \
     .filter_centers = filter_centers}
