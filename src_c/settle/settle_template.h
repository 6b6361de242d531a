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

static void load_panel(const ck_matrix *X, int64_t row, int64_t n_rows, double *CK_RESTRICT panel)
{
    const int64_t d = X->n_features, stride = X->feature_stride;
    const char *rows[CK_LANES];
    for (int lane = 0; lane < CK_LANES; lane++) rows[lane] = ck_row_start(X, row + ck_min_i64(lane, n_rows - 1));
    switch (X->dtype) {
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

/* sum[p] += multiplier * x[p], eight, four, two features at a time where the compiler has vector types. */
#if defined(__GNUC__)
#define ADD_VECTORS(type, lanes)                                                                                       \
    for (; p + lanes <= width; p += lanes) {                                                                           \
        typedef type narrow_t __attribute__((vector_size(lanes * sizeof(type)), aligned(sizeof(type)), may_alias));    \
        typedef double wide_t __attribute__((vector_size(lanes * 8), aligned(8), may_alias));                          \
        wide_t value = __builtin_convertvector(*(const narrow_t *)(x + p), wide_t);                                    \
        if (multiplier) value *= *multiplier;                                                                          \
        *(wide_t *)(sum + p) += value;                                                                                 \
    }
#else
#define ADD_VECTORS(type, lanes)
#endif

/* Narrow rows have a copy for each width, in which the compiler drops the loops over the features. */
#define EACH_WIDTH(CASE)                                                                                               \
    CASE(1)                                                                                                            \
    CASE(2)                                                                                                            \
    CASE(3)                                                                                                            \
    CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12) CASE(13) CASE(14) CASE(15) CASE(16)

#define DEFINE_ADD(name, type)                                                                                         \
    CK_INLINE void name##_row(const type *x, const double *multiplier, int64_t width, double *sum)                     \
    {                                                                                                                  \
        int64_t p = 0;                                                                                                 \
        ADD_VECTORS(type, 8)                                                                                           \
        ADD_VECTORS(type, 4)                                                                                           \
        ADD_VECTORS(type, 2)                                                                                           \
        for (; p < width; p++) sum[p] += multiplier ? *multiplier * (double)x[p] : (double)x[p];                       \
    }                                                                                                                  \
    CK_INLINE void name##_loop(const char *start, int64_t row_stride, const int32_t *list, int64_t n, int64_t width,   \
                               int64_t d, const int32_t *labels, const double *multipliers, double *sums)              \
    {                                                                                                                  \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            const int64_t at = list ? list[i] : i;                                                                     \
            name##_row((const type *)(start + at * row_stride), multipliers ? multipliers + at : NULL, width,          \
                       sums + labels[at] * d);                                                                         \
        }                                                                                                              \
    }                                                                                                                  \
    static void name(const char *start, int64_t row_stride, const int32_t *list, int64_t n, int64_t width, int64_t d,  \
                     const int32_t *labels, const double *multipliers, double *sums)                                   \
    {                                                                                                                  \
        if (multipliers || list || width != d)                                                                         \
            name##_loop(start, row_stride, list, n, width, d, labels, multipliers, sums);                              \
        else                                                                                                           \
            switch (d) {                                                                                               \
                EACH_WIDTH(name##_case)                                                                                \
            default: name##_loop(start, row_stride, NULL, n, d, d, labels, NULL, sums);                                \
            }                                                                                                          \
    }

#define add_f32_case(w)                                                                                                \
    case w: add_f32_loop(start, row_stride, NULL, n, w, w, labels, NULL, sums); break;
#define add_f64_case(w)                                                                                                \
    case w: add_f64_loop(start, row_stride, NULL, n, w, w, labels, NULL, sums); break;
#define add_u8_case(w)                                                                                                 \
    case w: add_u8_loop(start, row_stride, NULL, n, w, w, labels, NULL, sums); break;

DEFINE_ADD(add_f32, float)
DEFINE_ADD(add_f64, double)
DEFINE_ADD(add_u8, uint8_t)

static void add_rows(const ck_matrix *X, int64_t row, const int32_t *list, int64_t n, int64_t first, int64_t last,
                     const int32_t *labels, const double *multipliers, double *sums, double *scratch)
{
    const int64_t d = X->n_features, width = last - first;
    ck_matrix part = *X;
    part.data = ck_row_start(X, row) + first * X->feature_stride;
    part.n_features = width;
    sums += first;
    if (ck_rows_contiguous(X) && X->dtype == CK_F32)
        add_f32(part.data, X->row_stride, list, n, width, d, labels, multipliers, sums);
    else if (ck_rows_contiguous(X) && X->dtype == CK_F64)
        add_f64(part.data, X->row_stride, list, n, width, d, labels, multipliers, sums);
    else if (ck_rows_contiguous(X) && X->dtype == CK_U8)
        add_u8(part.data, X->row_stride, list, n, width, d, labels, multipliers, sums);
    else
        for (int64_t i = 0; i < n; i++) {
            const int64_t at = list ? list[i] : i;
            ck_load_row(&part, at, scratch);
            add_f64((const char *)scratch, 0, NULL, 1, width, d, labels + at, multipliers ? multipliers + at : NULL,
                    sums);
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

#define SETTLE_TABLE {copy_rows, load_panel, sqdist_panel, add_rows, summarize, off_grid}
