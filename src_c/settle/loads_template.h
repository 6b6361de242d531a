/* loads_template.h - rows side by side in the lanes of panels, and their distances to a center each. Included by
 * settle_template.h. */

/* Squares of so many rows by as many features are transposed in registers. */
enum { SQUARE = sizeof(four_doubles_t) / sizeof(double) };

#if !CK_VECTOR_TYPES
#define FLOATS_AT(x) ((double)*(x))
#define TRANSPOSE(square) (void)0
#elif VECTOR_BYTES >= 32
typedef VECTOR(int64_t, 32, 32) square_mask_t;
#define FLOATS_AT(x) ((four_doubles_t)_mm256_cvtps_pd(_mm_loadu_ps(x)))
#define TRANSPOSE(square) transpose(square)
CK_INLINE void transpose(four_doubles_t square[SQUARE])
{
    const four_doubles_t a = SHUFFLE(square_mask_t, square[0], square[1], 0, 4, 2, 6);
    const four_doubles_t b = SHUFFLE(square_mask_t, square[0], square[1], 1, 5, 3, 7);
    const four_doubles_t c = SHUFFLE(square_mask_t, square[2], square[3], 0, 4, 2, 6);
    const four_doubles_t d = SHUFFLE(square_mask_t, square[2], square[3], 1, 5, 3, 7);
    square[0] = SHUFFLE(square_mask_t, a, c, 0, 1, 4, 5);
    square[1] = SHUFFLE(square_mask_t, b, d, 0, 1, 4, 5);
    square[2] = SHUFFLE(square_mask_t, a, c, 2, 3, 6, 7);
    square[3] = SHUFFLE(square_mask_t, b, d, 2, 3, 6, 7);
}
#else
typedef VECTOR(float, 8, 4) two_floats_t;
#define FLOATS_AT(x) __builtin_convertvector(*(const two_floats_t *)(x), four_doubles_t)
#define TRANSPOSE(square) transpose(square)
CK_INLINE void transpose(four_doubles_t square[SQUARE])
{
    const four_doubles_t a = square[0], b = square[1];
    square[0] = SHUFFLE(double_mask_t, a, b, 0, 2);
    square[1] = SHUFFLE(double_mask_t, a, b, 1, 3);
}
#endif
#define DOUBLES_AT(x) (*(const four_doubles_t *)(x))

/* Features of the rows that begin at these places, a few of all rows at a time, so that what is written stays in cache
 * until its lines are whole. */
#define DEFINE_LOAD(name, type, VALUES_AT)                                                                             \
    static void name(const char *const rows[CK_LANES], int64_t d, double *CK_RESTRICT panel)                           \
    {                                                                                                                  \
        int64_t p = 0;                                                                                                 \
        for (; p + SQUARE <= d; p += SQUARE)                                                                           \
            for (int lane = 0; lane < CK_LANES; lane += SQUARE) {                                                      \
                four_doubles_t square[SQUARE];                                                                         \
                EACH_OF (SQUARE, r) square[r] = VALUES_AT((const type *)rows[lane + r] + p);                           \
                TRANSPOSE(square);                                                                                     \
                EACH_OF (SQUARE, q) *(four_doubles_t *)(panel + (p + q) * CK_LANES + lane) = square[q];                \
            }                                                                                                          \
        for (; p < d; p++)                                                                                             \
            for (int lane = 0; lane < CK_LANES; lane++)                                                                \
                panel[p * CK_LANES + lane] = (double)((const type *)rows[lane])[p];                                    \
    }
DEFINE_LOAD(load_floats, float, FLOATS_AT)
DEFINE_LOAD(load_doubles, double, DOUBLES_AT)

static void load_rows(const char *const rows[CK_LANES], ck_dtype dtype, int64_t stride, int64_t d,
                      double *CK_RESTRICT panel)
{
    if (dtype == CK_F32 && stride == (int64_t)sizeof(float)) {
        load_floats(rows, d, panel);
        return;
    }
    if (dtype == CK_F64 && stride == (int64_t)sizeof(double)) {
        load_doubles(rows, d, panel);
        return;
    }
    switch (dtype) {
#define LOAD_CASE(tag, type)                                                                                           \
    case tag:                                                                                                          \
        for (int64_t first = 0; first < d; first += CK_LANES)                                                          \
            for (int lane = 0; lane < CK_LANES; lane++)                                                                \
                for (int64_t p = first; p < d && p < first + CK_LANES; p++)                                            \
                    panel[p * CK_LANES + lane] = (double)*(const type *)(rows[lane] + p * stride);                     \
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

#if CK_VECTOR_TYPES && VECTOR_BYTES >= 32
/* For two and three features by shuffles: of as many rows as a vector has floats, in two or three vectors a, b, c, the
 * numbers p, p + d, p + 2 d, ... follow each other. */
#if VECTOR_BYTES == 64
#define ROWS_OF(f, p) HALF_OF(f, p, 0), HALF_OF(f, p, 8)
#else
#define ROWS_OF(f, p) HALF_OF(f, p, 0)
#endif
#define HALF_OF(f, p, i) QUARTER_OF(f, p, i), QUARTER_OF(f, p, (i) + 4)
#define QUARTER_OF(f, p, i) f(p, (i)), f(p, (i) + 1), f(p, (i) + 2), f(p, (i) + 3)
#define SECOND(p, i) (p) + 2 * (i)
#define THIRD_OF_AB(p, i) (p) + 3 * (i) < 2 * VECTOR_FLOATS ? (p) + 3 * (i) : 0
#define THIRD_OF_ALL(p, i) (p) + 3 * (i) < 2 * VECTOR_FLOATS ? (i) : (p) + 3 * (i) - VECTOR_FLOATS

CK_INLINE void store_floats(floats_t values, double *out)
{
#if VECTOR_BYTES == 64
    ((doubles_t *)out)[0] = (doubles_t)_mm512_cvtps_pd(_mm512_castps512_ps256((__m512)values));
    ((doubles_t *)out)[1] = (doubles_t)_mm512_cvtps_pd(_mm512_extractf32x8_ps((__m512)values, 1));
#else
    ((doubles_t *)out)[0] = (doubles_t)_mm256_cvtps_pd(_mm256_castps256_ps128((__m256)values));
    ((doubles_t *)out)[1] = (doubles_t)_mm256_cvtps_pd(_mm256_extractf128_ps((__m256)values, 1));
#endif
}

CK_INLINE void load_pairs(const float *CK_RESTRICT rows, double *CK_RESTRICT panel)
{
    EACH_FLOATS (v) {
        const loose_floats_t *x = (const loose_floats_t *)rows + v * 2;
        const floats_t a = x[0], b = x[1];
        double *out = panel + v * VECTOR_FLOATS;
        store_floats(SHUFFLE(float_mask_t, a, b, ROWS_OF(SECOND, 0)), out);
        store_floats(SHUFFLE(float_mask_t, a, b, ROWS_OF(SECOND, 1)), out + CK_LANES);
    }
}

#define EVERY_THIRD(p)                                                                                                 \
    SHUFFLE(float_mask_t, SHUFFLE(float_mask_t, a, b, ROWS_OF(THIRD_OF_AB, p)), c, ROWS_OF(THIRD_OF_ALL, p))
CK_INLINE void load_triples(const float *CK_RESTRICT rows, double *CK_RESTRICT panel)
{
    EACH_FLOATS (v) {
        const loose_floats_t *x = (const loose_floats_t *)rows + v * 3;
        const floats_t a = x[0], b = x[1], c = x[2];
        double *out = panel + v * VECTOR_FLOATS;
        store_floats(EVERY_THIRD(0), out);
        store_floats(EVERY_THIRD(1), out + CK_LANES);
        store_floats(EVERY_THIRD(2), out + 2 * CK_LANES);
    }
}
#else
#define load_pairs(rows, panel) load_dense(rows, 2, panel)
#define load_triples(rows, panel) load_dense(rows, 3, panel)
#endif

static void load_panel(const ck_matrix *X, int64_t row, int64_t n_rows, double *CK_RESTRICT panel)
{
    const int64_t d = X->n_features;
    if (X->dtype == CK_F32 && n_rows == CK_LANES && d <= 4 && ck_rows_contiguous(X) && X->row_stride == d * 4) {
        const float *first = (const float *)ck_row_start(X, row);
        switch (d) {
        case 1: load_dense(first, 1, panel); return;
        case 2: load_pairs(first, panel); return;
        case 3: load_triples(first, panel); return;
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

enum { OWN_SQUARES = CK_OWN_ROWS / SQUARE };

#define DEFINE_OWN(name, type, VALUES_AT)                                                                              \
    CK_INLINE void name(const type *const x[CK_OWN_ROWS], const double *const c[CK_OWN_ROWS], int64_t d,               \
                        double sums[CK_OWN_ROWS])                                                                      \
    {                                                                                                                  \
        four_doubles_t vectors[OWN_SQUARES];                                                                           \
        int64_t p = 0;                                                                                                 \
        EACH_OF (OWN_SQUARES, s) vectors[s] = (four_doubles_t){0};                                                     \
        for (; p + SQUARE <= d; p += SQUARE)                                                                           \
            EACH_OF (OWN_SQUARES, s) {                                                                                 \
                four_doubles_t square[SQUARE];                                                                         \
                EACH_OF (SQUARE, r) square[r] = VALUES_AT(x[s * SQUARE + r] + p) - DOUBLES_AT(c[s * SQUARE + r] + p);  \
                EACH_OF (SQUARE, r) square[r] *= square[r];                                                            \
                TRANSPOSE(square);                                                                                     \
                EACH_OF (SQUARE, q) vectors[s] += square[q];                                                           \
            }                                                                                                          \
        EACH_OF (OWN_SQUARES, s) ((four_doubles_t *)sums)[s] = vectors[s];                                             \
        for (; p < d; p++)                                                                                             \
            for (int r = 0; r < CK_OWN_ROWS; r++) {                                                                    \
                const double difference = (double)x[r][p] - c[r][p];                                                   \
                sums[r] += difference * difference;                                                                    \
            }                                                                                                          \
    }
DEFINE_OWN(own_floats, float, FLOATS_AT)
DEFINE_OWN(own_doubles, double, DOUBLES_AT)

static int own_sqdists(const ck_matrix *X, int64_t row, const int32_t *CK_RESTRICT labels, int64_t n,
                       const double *centers, double *CK_RESTRICT out, double *scratch)
{
    const int64_t d = X->n_features;
    const int in_place = ck_rows_contiguous(X) && (X->dtype == CK_F32 || X->dtype == CK_F64);
    const int floats = in_place && X->dtype == CK_F32;
    for (int64_t i = 0; i < n; i += CK_OWN_ROWS) {
        const int64_t count = ck_min_i64(CK_OWN_ROWS, n - i);
        const double *c[CK_OWN_ROWS], *doubles[CK_OWN_ROWS];
        const float *singles[CK_OWN_ROWS];
        double last[CK_OWN_ROWS], *const sums = count == CK_OWN_ROWS ? out + i : last;
        if (!in_place) copy_rows(X, row + i, count, scratch);
        for (int64_t r = 0; r < CK_OWN_ROWS; r++) {
            const int64_t at = i + ck_min_i64(r, count - 1);
            const char *x = in_place ? ck_row_start(X, row + at) : (const char *)(scratch + (at - i) * d);
            c[r] = centers + labels[at] * d;
            doubles[r] = (const double *)x;
            singles[r] = (const float *)x;
        }
        if (floats)
            own_floats(singles, c, d, sums);
        else
            own_doubles(doubles, c, d, sums);
        for (int64_t r = 0; r < count && sums == last; r++) out[i + r] = last[r];
    }
    int64_t plain = 1;
    for (int64_t i = 0; i < n; i++) plain &= ck_sqdist_is_plain(out[i]);
    return plain != 0;
}
