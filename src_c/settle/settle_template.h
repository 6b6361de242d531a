/* settle_template.h - the many-row routines, compiled once an instruction set by the files that include it.
 * Plain C: the compiler makes vectors of the lanes, which are independent sums, so no bit depends on the target. */

#if defined(__GNUC__)
typedef double lanes_t __attribute__((vector_size(CK_LANES / 2 * sizeof(double))));

static void sqdist_panel(const double *CK_RESTRICT panel, int64_t d, const double *CK_RESTRICT center,
                         double *CK_RESTRICT out)
{
    lanes_t low = {0}, high = {0};
    const lanes_t *x = (const lanes_t *)panel;
    for (int64_t p = 0; p < d; p++) {
        lanes_t difference_low = x[2 * p] - center[p], difference_high = x[2 * p + 1] - center[p];
        low += difference_low * difference_low;
        high += difference_high * difference_high;
    }
    ((lanes_t *)out)[0] = low;
    ((lanes_t *)out)[1] = high;
}
#else
static void sqdist_panel(const double *CK_RESTRICT panel, int64_t d, const double *CK_RESTRICT center,
                         double *CK_RESTRICT out)
{
    for (int lane = 0; lane < CK_LANES; lane++) out[lane] = 0.0;
    for (int64_t p = 0; p < d; p++)
        for (int lane = 0; lane < CK_LANES; lane++) {
            double difference = panel[p * CK_LANES + lane] - center[p];
            out[lane] += difference * difference;
        }
}
#endif

/* Features of the rows that begin at these places. d is a constant where that helps. */
CK_INLINE void load_rows(const char *const rows[CK_LANES], ck_dtype dtype, int64_t stride, const int64_t d,
                         double *CK_RESTRICT panel)
{
    switch (dtype) {
#define LOAD_CASE(tag, type)                                                                                           \
    case tag:                                                                                                          \
        for (int64_t p = 0; p < d; p++)                                                                                \
            for (int lane = 0; lane < CK_LANES; lane++)                                                                \
                panel[p * CK_LANES + lane] = (double)*(const type *)(rows[lane] + p * stride);                         \
        break;
        CK_EACH_DTYPE(LOAD_CASE)
#undef LOAD_CASE
    }
}

/* Whole panels of float32 rows that follow each other without a gap. d is a constant where this is called. */
CK_INLINE void load_dense(const float *CK_RESTRICT rows, const int64_t d, double *CK_RESTRICT panel)
{
    for (int64_t p = 0; p < d; p++)
        for (int lane = 0; lane < CK_LANES; lane++) panel[p * CK_LANES + lane] = (double)rows[lane * d + p];
}

static void load_panel(const ck_matrix *X, int64_t row, int64_t n_rows, double *CK_RESTRICT panel)
{
    const int64_t d = X->n_features;
    if (X->dtype == CK_F32 && n_rows == CK_LANES && d <= 4 && ck_rows_contiguous(X) && X->row_stride == d * 4) {
        const float *first = (const float *)ck_row_start(X, row);
        switch (d) {
        case 1: load_dense(first, 1, panel); return;
        case 2: load_dense(first, 2, panel); return;
        case 3: load_dense(first, 3, panel); return;
        default: load_dense(first, 4, panel); return;
        }
    }
    const char *rows[CK_LANES];
    for (int lane = 0; lane < CK_LANES; lane++) rows[lane] = ck_row_start(X, row + ck_min_i64(lane, n_rows - 1));
    load_rows(rows, X->dtype, X->feature_stride, d, panel);
}

static void load_listed(const ck_matrix *X, const int64_t *list, int64_t n, double *CK_RESTRICT panel)
{
    const char *rows[CK_LANES];
    for (int lane = 0; lane < CK_LANES; lane++) rows[lane] = ck_row_start(X, list[ck_min_i64(lane, n - 1)]);
    load_rows(rows, X->dtype, X->feature_stride, X->n_features, panel);
}

/* Parts of multiplier * x, level by level, added to `to` and taken from `from` (NULL: nowhere); eight, four, two
 * features at a time where the compiler has vector types. */
#define MOVE_PART(value, shift, at)                                                                                    \
    for (int level = 0; level < levels; level++) {                                                                     \
        value##_t part = value + *(const value##_t *)(shift + level * d);                                              \
        part -= *(const value##_t *)(shift + level * d);                                                               \
        value -= part;                                                                                                 \
        *(value##_t *)(to + level * d + at) += part;                                                                   \
        if (from) *(value##_t *)(from + level * d + at) -= part;                                                       \
    }

#if defined(__GNUC__)
#define MOVE_VECTORS(type, lanes)                                                                                      \
    for (; p + lanes <= width; p += lanes) {                                                                           \
        typedef type narrow_t __attribute__((vector_size(lanes * sizeof(type)), aligned(sizeof(type)), may_alias));    \
        typedef double value_t __attribute__((vector_size(lanes * 8), aligned(8), may_alias));                         \
        value_t value = __builtin_convertvector(*(const narrow_t *)(x + p), value_t);                                  \
        if (multiplier) value *= *multiplier;                                                                          \
        MOVE_PART(value, shifts + p, p)                                                                                \
    }
#else
#define MOVE_VECTORS(type, lanes)
#endif

#define DEFINE_MOVE(name, type)                                                                                        \
    CK_INLINE void name##_row(const type *x, const double *multiplier, int64_t width, int64_t d, const int levels,     \
                              const double *shifts, double *from, double *to)                                          \
    {                                                                                                                  \
        int64_t p = 0;                                                                                                 \
        MOVE_VECTORS(type, 8)                                                                                          \
        MOVE_VECTORS(type, 4)                                                                                          \
        MOVE_VECTORS(type, 2)                                                                                          \
        for (; p < width; p++) {                                                                                       \
            typedef double value_t;                                                                                    \
            value_t value = multiplier ? *multiplier * (double)x[p] : (double)x[p];                                    \
            MOVE_PART(value, shifts + p, p)                                                                            \
        }                                                                                                              \
    }                                                                                                                  \
    CK_INLINE void name##_loop(const char *start, int64_t row_stride, const ck_moves *moves, int64_t width, int64_t d, \
                               const int levels, const double *shifts, const double *multipliers, double *sums)        \
    {                                                                                                                  \
        for (int64_t i = 0; i < moves->n; i++) {                                                                       \
            const int64_t at = moves->rows[i], before = moves->before[i];                                              \
            name##_row((const type *)(start + at * row_stride), multipliers ? multipliers + at : NULL, width, d,       \
                       levels, shifts, before < 0 ? NULL : sums + before * levels * d,                                 \
                       sums + moves->after[i] * levels * d);                                                           \
        }                                                                                                              \
    }                                                                                                                  \
    static void name(const char *start, int64_t row_stride, const ck_moves *moves, int64_t width, int64_t d,           \
                     int levels, const double *shifts, const double *multipliers, double *sums)                        \
    {                                                                                                                  \
        if (levels == 1 && d == 3 && width == 3 && !multipliers)                                                       \
            name##_loop(start, row_stride, moves, 3, 3, 1, shifts, NULL, sums);                                        \
        else if (levels == 2 && d == 2 && width == 2 && !multipliers)                                                  \
            name##_loop(start, row_stride, moves, 2, 2, 2, shifts, NULL, sums);                                        \
        else if (levels == 1)                                                                                          \
            name##_loop(start, row_stride, moves, width, d, 1, shifts, multipliers, sums);                             \
        else if (levels == 2)                                                                                          \
            name##_loop(start, row_stride, moves, width, d, 2, shifts, multipliers, sums);                             \
        else                                                                                                           \
            name##_loop(start, row_stride, moves, width, d, levels, shifts, multipliers, sums);                        \
    }

DEFINE_MOVE(move_f32, float)
DEFINE_MOVE(move_f64, double)
DEFINE_MOVE(move_u8, uint8_t)

static void move_rows(const ck_matrix *X, int64_t row, const ck_moves *moves, int64_t first, int64_t last,
                      const ck_sum_grid *grid, double *sums, double *scratch)
{
    const int64_t d = X->n_features, width = last - first;
    const double *multipliers = grid->multipliers ? grid->multipliers + row : NULL, *shifts = grid->shifts + first;
    ck_matrix part = *X;
    part.data = ck_row_start(X, row) + first * X->feature_stride;
    part.n_features = width;
    sums += first;
    if (ck_rows_contiguous(X) && X->dtype == CK_F32)
        move_f32(part.data, X->row_stride, moves, width, d, grid->levels, shifts, multipliers, sums);
    else if (ck_rows_contiguous(X) && X->dtype == CK_F64)
        move_f64(part.data, X->row_stride, moves, width, d, grid->levels, shifts, multipliers, sums);
    else if (ck_rows_contiguous(X) && X->dtype == CK_U8)
        move_u8(part.data, X->row_stride, moves, width, d, grid->levels, shifts, multipliers, sums);
    else
        for (int64_t i = 0; i < moves->n; i++) {
            int32_t zero = 0;
            const ck_moves one = {1, &zero, moves->before + i, moves->after + i};
            ck_load_row(&part, moves->rows[i], scratch);
            move_f64((const char *)scratch, 0, &one, width, d, grid->levels, shifts,
                     multipliers ? multipliers + moves->rows[i] : NULL, sums);
        }
}

static double sum_masses(const double *CK_RESTRICT masses, int64_t n, double *CK_RESTRICT most)
{
    double lanes[CK_LANES] = {0.0}, largest[CK_LANES] = {0.0}, total = 0.0;
    int64_t i = 0;
    for (; i + CK_LANES <= n; i += CK_LANES)
        for (int lane = 0; lane < CK_LANES; lane++) {
            const double mass = masses[i + lane];
            lanes[lane] += mass;
            largest[lane] = mass > largest[lane] ? mass : largest[lane];
        }
    for (int lane = 0; i < n; i++, lane++) {
        lanes[lane] += masses[i];
        largest[lane] = masses[i] > largest[lane] ? masses[i] : largest[lane];
    }
    *most = 0.0;
    for (int lane = 0; lane < CK_LANES; lane++) {
        total += lanes[lane];
        *most = largest[lane] > *most ? largest[lane] : *most;
    }
    return total;
}

static int thresholds(double row, double distance, const float *CK_RESTRICT sqnorm, const double *CK_RESTRICT sqdists,
                      int64_t n, float *CK_RESTRICT out)
{
    int finite = 1;
    for (int64_t i = 0; i < n; i++) {
        out[i] = (float)(row * (double)sqnorm[i] - distance * sqdists[i] - 0x1p-100);
        finite &= (out[i] <= FLT_MAX) & (sqnorm[i] <= FLT_MAX);
    }
    return finite;
}

static double gain(const double *CK_RESTRICT panels, int64_t n_panels, int64_t d, const double *CK_RESTRICT center,
                   const double *CK_RESTRICT closest, const double *CK_RESTRICT weights, double shift)
{
    double lanes[CK_LANES] = {0.0}, total = 0.0;
    int64_t plain = 1;
    for (int64_t panel = 0; panel < n_panels; panel++, panels += d * CK_LANES, closest += CK_LANES) {
        double sqdists[CK_LANES] = {0.0};
        for (int64_t p = 0; p < d; p++)
            for (int lane = 0; lane < CK_LANES; lane++) {
                const double difference = panels[p * CK_LANES + lane] - center[p];
                sqdists[lane] += difference * difference;
            }
        for (int lane = 0; lane < CK_LANES; lane++) {
            const double weight = weights ? weights[panel * CK_LANES + lane] : 1.0, before = closest[lane];
            const double after = sqdists[lane] < before ? sqdists[lane] : before;
            plain &= ck_sqdist_is_plain(sqdists[lane]) | (sqdists[lane] == 0.0);
            lanes[lane] += ((weight * before + shift) - shift) - ((weight * after + shift) - shift);
        }
    }
    for (int lane = 0; lane < CK_LANES; lane++) total += lanes[lane]; /* exact in any order */
    return plain ? total : NAN;
}

static uint32_t closer(const double *CK_RESTRICT panel, int64_t d, const double *CK_RESTRICT center,
                       const double *CK_RESTRICT closest, double *CK_RESTRICT sqdists)
{
    int64_t plain = 1, any = 0;
    uint32_t bits = 0;
    sqdist_panel(panel, d, center, sqdists);
    for (int lane = 0; lane < CK_LANES; lane++) {
        plain &= ck_sqdist_is_plain(sqdists[lane]) | (sqdists[lane] == 0.0);
        any |= sqdists[lane] < closest[lane];
    }
    if (!plain) return 0xffff;
    for (int lane = 0; lane < CK_LANES && any; lane++) bits |= (uint32_t)(sqdists[lane] < closest[lane]) << lane;
    return bits;
}

/* --- Any order --------------------------------------------------------------------------------------------- */

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

/* Features between two looks at whether the sum is large enough. */
enum { GIVE_UP_FEATURES = 128, ROWS_AHEAD = 4, MOST_FETCHED = 512 };

#if defined(__GNUC__)
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

/* docs/numerics.md, section 7. */
static void bound_scores(const float *CK_RESTRICT sqnorm, const float *CK_RESTRICT best,
                         const float *CK_RESTRICT second, const int32_t *CK_RESTRICT nearest,
                         const float *CK_RESTRICT center_slack, float slack, int64_t n, float *CK_RESTRICT high,
                         float *CK_RESTRICT low, float *CK_RESTRICT others)
{
    const float up = 1.0f + 0x1p-21f, down = 1.0f - 0x1p-21f;
    for (int64_t i = 0; i < n; i++) {
        const float of_row = slack * sqnorm[i];
        const float of_best = of_row + 0x1p-20f * fabsf(best[i]), of_second = of_row + 0x1p-20f * fabsf(second[i]);
        const float near2 = sqnorm[i] - 2.0f * best[i], far2 = sqnorm[i] - 2.0f * second[i] - of_second - 0x1p-100f;
        const float high2 = near2 + (of_best + 2.0f * center_slack[nearest[i]]), low2 = near2 - of_best - 0x1p-100f;
        high[i] = sqrtf(high2 < 0.0f ? 0.0f : high2) * up + 0x1p-50f; /* what is not a number stays so */
        low[i] = sqrtf(low2 > 0.0f ? low2 : 0.0f) * down;
        others[i] = sqrtf(far2 > 0.0f ? far2 : 0.0f) * down;
    }
    for (int64_t i = 0; i < n; i++) /* there are no others */
        others[i] = second[i] == -INFINITY && sqnorm[i] <= FLT_MAX ? INFINITY : others[i];
}

static void image_listed(const ck_matrix *X, int64_t row, const int32_t *CK_RESTRICT list, int64_t n, double scale,
                         const double *CK_RESTRICT minus_offset, const float *CK_RESTRICT minus_offset32,
                         float *CK_RESTRICT images, float *CK_RESTRICT sqnorms, double *CK_RESTRICT scratch)
{
    const int64_t d = X->n_features, whole = d / CK_LANES * CK_LANES, stride = ck_round_up(d, CK_LANES);
    const int floats = X->dtype == CK_F32 && ck_rows_contiguous(X);
    const float scale32 = (float)scale;
    for (int64_t i = 0; i < n; i++) {
        float lanes[CK_LANES] = {0.0f}, rest[CK_LANES] = {0.0f}, *CK_RESTRICT image;
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
        for (int64_t p = 0; p < stride; p += CK_LANES)
            for (int lane = 0; lane < CK_LANES; lane++) lanes[lane] += image[p + lane] * image[p + lane];
        for (int lane = 0; lane < CK_LANES / 2; lane++) lanes[lane] += lanes[lane + CK_LANES / 2];
        for (int lane = 0; lane < CK_LANES / 4; lane++) lanes[lane] += lanes[lane + CK_LANES / 4];
        sqnorms[list[i]] = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
    }
}

#if defined(__GNUC__)
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

/* Four of them at a time: their sums over lanes share the shuffles. */
CK_INLINE void sqdists_masked(const float *const x[4], const float *const c[4], int64_t d, double out[4])
{
    short_row_t s0, s1, s2, s3;
    squares_masked(x[0], c[0], d, &s0);
    squares_masked(x[1], c[1], d, &s1);
    squares_masked(x[2], c[2], d, &s2);
    squares_masked(x[3], c[3], d, &s3);
    const short_mask_t even = {0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30}, odd = even + 1;
    const short_mask_t low = {0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29}, high = low + 2;
    const short_row_t s01 = __builtin_shuffle(s0, s1, even) + __builtin_shuffle(s0, s1, odd);
    const short_row_t s23 = __builtin_shuffle(s2, s3, even) + __builtin_shuffle(s2, s3, odd);
    const short_row_t all = __builtin_shuffle(s01, s23, low) + __builtin_shuffle(s01, s23, high);
    float each[16];
    memcpy(each, &all, sizeof each);
    for (int r = 0; r < 4; r++) out[r] = (double)((each[r] + each[4 + r]) + (each[8 + r] + each[12 + r]));
}
#endif

/* Of the list: how many rows from the front can be taken four at a time, where rows are short. Whole vectors of them are
 * read, so that the last rows of X are not among them. */
CK_INLINE int64_t count_short_rows(const ck_matrix *X, int64_t row, const int32_t *list, int64_t n)
{
#if defined(__GNUC__)
    if (X->dtype != CK_F32 || !ck_rows_contiguous(X) || X->row_stride != X->n_features * 4 || X->n_features >= 64)
        return 0;
    const int64_t last = X->n_rows - 1 - ck_ceil_div(CK_LANES, X->n_features) - row;
    n -= n % 4;
    while (n > 0 && list[n - 1] > last) n -= 4;
    return n;
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
#if defined(__GNUC__)
    for (int64_t i = 0; i < n_short; i += 4) {
        const float *x[4], *c[4];
        for (int r = 0; r < 4; r++) {
            x[r] = (const float *)ck_row_start(X, row + list[i + r]);
            c[r] = centers32 + labels[list[i + r]] * d;
        }
        sqdists_masked(x, c, d, out + i);
    }
#endif
    for (int64_t i = n_short; i < n; i++) {
        const int64_t center = labels[list[i]] * d;
        out[i] = quick_sqdist(X, row + list[i], centers + center, centers32 + center, INFINITY, scratch);
    }
}

static void listed_sqdists(const ck_matrix *X, int64_t row, const int32_t *CK_RESTRICT list, int64_t n,
                           const double *center, const float *center32, const double *CK_RESTRICT limits,
                           double *CK_RESTRICT out, double *scratch)
{
    const int64_t d = X->n_features, n_short = count_short_rows(X, row, list, n);
    const int64_t bytes = ck_min_i64(d * ck_itemsize(X->dtype), MOST_FETCHED);
#if defined(__GNUC__)
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

static void bound_sqdists(const double *CK_RESTRICT sqdists, int64_t n, double error, double underflow, double scale,
                          float *CK_RESTRICT high, float *CK_RESTRICT low)
{
    const double up = scale * (1.0 + 0x1p-22), down = scale * (1.0 - 0x1p-22);
    for (int64_t i = 0; i < n; i++) {
        const double least = sqdists[i] * (1.0 - error) - underflow;
        high[i] = (float)(sqrt(sqdists[i] * (1.0 + error) + underflow) * up);
        low[i] = (float)(sqrt(least > 0.0 ? least : 0.0) * down);
    }
}

static void round_down(const float *values, double drift, int64_t n, float *out)
{
    for (int64_t i = 0; i < n; i++) {
        const double sum = (double)values[i] + drift;
        out[i] = (float)(sum - fabs(sum) * 0x1p-22);
    }
}

static void least_after(const float *CK_RESTRICT values, float drift, int64_t n, float *CK_RESTRICT least)
{
    for (int64_t i = 0; i < n; i++) {
        float value = values[i] - drift;
        value = value >= -FLT_MAX ? value : -INFINITY; /* not a number: nothing is known */
        least[i] = value < least[i] ? value : least[i];
    }
}

/* For z, x in the box and m its middle, |x - z|^2 - |x - y|^2 >= |m - z|^2 - |m - y|^2 - 2 sum |z_p - y_p| h_p
 * (Kanungo et al., "An efficient k-means clustering algorithm", IEEE PAMI 24, 2002); y is the center nearest to m.
 * BOX_MARGIN covers rounding here and in canonical distances: docs/numerics.md, section 8. */
#define BOX_MARGIN 0x1p-45

CK_INLINE int64_t filter_width(const double *CK_RESTRICT centers, int64_t n, int64_t stride, const int64_t d,
                               const double *CK_RESTRICT middles, const double *CK_RESTRICT half_widths,
                               double *CK_RESTRICT sqdists, int32_t *CK_RESTRICT kept)
{
    double least[CK_LANES], nearest = INFINITY, size = 0x1p-1000;
    const int64_t padded = ck_round_up(n, CK_LANES);
    for (int64_t c = 0; c < n; c++) {
        double sum = 0.0;
        for (int64_t p = 0; p < d; p++) {
            const double difference = middles[p] - centers[p * stride + c];
            sum += difference * difference;
        }
        sqdists[c] = sum;
    }
    for (int64_t c = n; c < padded; c++) sqdists[c] = INFINITY;
    for (int lane = 0; lane < CK_LANES; lane++) least[lane] = INFINITY;
    for (int64_t c = 0; c < padded; c += CK_LANES)
        for (int lane = 0; lane < CK_LANES; lane++)
            least[lane] = sqdists[c + lane] < least[lane] ? sqdists[c + lane] : least[lane];
    for (int lane = 0; lane < CK_LANES; lane++) nearest = least[lane] < nearest ? least[lane] : nearest;
    int64_t y = 0, count = 0;
    while (y < n - 1 && sqdists[y] != nearest) y++;
    for (int64_t p = 0; p < d; p++) size += half_widths[p] * half_widths[p];
    const double enough = nearest * (1.0 + BOX_MARGIN) + size * BOX_MARGIN;
    for (int64_t c = 0; c < n; c++) {
        double across = 0.0;
        for (int64_t p = 0; p < d; p++)
            across += fabs(centers[p * stride + c] - centers[p * stride + y]) * half_widths[p];
        sqdists[c] = sqdists[c] * (1.0 - BOX_MARGIN) - 2.0 * across;
    }
    for (int64_t c = 0; c < n; c++) {
        kept[count] = (int32_t)c;
        count += !(sqdists[c] > enough);
    }
    return count;
}

static int64_t filter_centers(const double *centers, int64_t n, int64_t stride, int64_t d, const double *middles,
                              const double *half_widths, double *scratch, int32_t *kept)
{
    switch (d) {
    case 1: return filter_width(centers, n, stride, 1, middles, half_widths, scratch, kept);
    case 2: return filter_width(centers, n, stride, 2, middles, half_widths, scratch, kept);
    case 3: return filter_width(centers, n, stride, 3, middles, half_widths, scratch, kept);
    case 4: return filter_width(centers, n, stride, 4, middles, half_widths, scratch, kept);
    default: return filter_width(centers, n, stride, d, middles, half_widths, scratch, kept);
    }
}

static void summarize(const double *CK_RESTRICT x, int64_t n, int64_t d, int64_t width,
                      const double *CK_RESTRICT weights, double scale, const double *CK_RESTRICT origins,
                      double *CK_RESTRICT sums, double *CK_RESTRICT squares, double *CK_RESTRICT largest)
{
    for (int64_t start = 0; start < n; start += width) {
        const double *CK_RESTRICT line = x + start;
        const int64_t count = ck_min_i64(width, n - start);
        for (int64_t l = 0; l < count; l++) {
            const double weight = weights ? weights[(start + l) / d] : 1.0, value = line[l] * scale - origins[l];
            const double weighted = weight * value, magnitude = weight > 0.0 ? fabs(line[l]) : 0.0;
            sums[l] += weighted;
            squares[l] += weighted * value;
            largest[l] = magnitude > largest[l] ? magnitude : largest[l];
        }
    }
}

static int off_grid(const double *CK_RESTRICT x, int64_t n, double inverse_grid)
{
    int64_t off = 0;
    for (int64_t i = 0; i < n; i++) {
        const double multiple = x[i] * inverse_grid;
        off |= (multiple + 0x1.8p52) - 0x1.8p52 != multiple;
    }
    return off != 0;
}

CK_DEFINE_COPY_ROWS(copy_rows, double)

#define SETTLE_TABLE                                                                                                   \
    {copy_rows,     load_panel,   load_listed,    sqdist_panel,   move_rows,   sum_masses,   thresholds,               \
     gain,          closer,       project,        quick_sqdist, listed_sqdists, copy_listed, bound_scores, image_listed,             \
     label_sqdists, bound_sqdists, round_down,    least_after,    filter_centers, summarize, off_grid}
