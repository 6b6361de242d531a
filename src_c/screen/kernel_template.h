/* kernel_template.h - the screen of one instruction set. The including isa_*.c has defined VF (a vector of L
 * floats) and the v_ operations, and NARROW_V, NARROW_R, TILE_V, TILE_R, NARROW_FEATURES, ISA_TABLE. */

#include "lanes_template.h"
#include "run_template.h"
#include "stage_rows.h"

/* The largest row stride, in bytes, whose multiples within a vector fit the gathers' 32-bit offsets. */
enum { MAX_GATHER_STRIDE = 1 << 24 };

/* A vector of points for one feature after another: for few features, or points that are contiguous. */
CK_INLINE void pack_features(const ck_matrix *X, const char *rows, const ck_screen_image *image, float *panel,
                             int64_t panel_rows, float *sqnorm)
{
    const float scale = (float)image->scale;
    const int contiguous = X->row_stride == ck_itemsize(X->dtype);
    VF norm = v_zero();
    for (int64_t p = 0; p < X->n_features; p++) {
        const char *x = rows + p * X->feature_stride;
        VF value;
        if (X->dtype == CK_F64)
            value = v_image_gather_f64(x, (int)X->row_stride, image->scale, image->minus_offset[p]);
        else if (contiguous)
            value = v_fma(v_loadu((const float *)x), v_set1(&scale), v_set1(image->minus_offset32 + p));
        else
            value = v_fma(v_gather(x, (int)X->row_stride), v_set1(&scale), v_set1(image->minus_offset32 + p));
        norm = v_fma(value, value, norm);
        v_store(panel + p * panel_rows, value);
    }
    v_store(sqnorm, norm);
}

#ifdef HAS_UNZIP
enum { MAX_UNZIP_FEATURES = 4 };

/* The narrowest rows, with no gap between them. d is a constant where this is called. */
CK_INLINE void unzip_vector(const float *rows, const int d, const ck_screen_image *image, float *panel,
                            int64_t panel_rows, float *sqnorm)
{
    const float scale = (float)image->scale;
    VF norm = v_zero(), features[MAX_UNZIP_FEATURES];
    v_unzip(rows, d, features);
    CK_UNROLL for (int p = 0; p < d; p++)
    {
        VF value = v_fma(features[p], v_set1(&scale), v_set1(image->minus_offset32 + p));
        norm = v_fma(value, value, norm);
        v_store(panel + p * panel_rows, value);
    }
    v_store(sqnorm, norm);
}

CK_INLINE void pack_unzip(const ck_matrix *X, const char *start, const ck_screen_image *image, float *panel,
                          int64_t panel_rows, float *sqnorm)
{
    const float *rows = (const float *)start;
    if (X->n_features == 2)
        unzip_vector(rows, 2, image, panel, panel_rows, sqnorm);
    else if (X->n_features == 3)
        unzip_vector(rows, 3, image, panel, panel_rows, sqnorm);
    else
        unzip_vector(rows, 4, image, panel, panel_rows, sqnorm);
}
#else
enum { MAX_UNZIP_FEATURES = 0 };
#define pack_unzip pack_features
#endif

/* Squares of L points by L features, transposed in registers. */
CK_INLINE void pack_squares(const ck_matrix *X, const char *rows, const ck_screen_image *image, float *panel,
                            int64_t panel_rows, float *sqnorm)
{
    const int64_t d = X->n_features, itemsize = ck_itemsize(X->dtype);
    const float scale = (float)image->scale;
    VF norm = v_zero();
    for (int64_t p = 0; p < d; p += L) {
        const int count = (int)ck_min_i64(L, d - p);
        const char *x = rows + p * itemsize;
        VF square[L];
        CK_UNROLL for (int i = 0; i < L; i++)
        {
            if (X->dtype == CK_F64)
                square[i] = v_image_first_f64((const double *)(x + i * X->row_stride), count, image->scale,
                                              image->minus_offset + p);
            else
                square[i] = v_fma(v_load_first((const float *)(x + i * X->row_stride), count), v_set1(&scale),
                                  v_load(image->minus_offset32 + p));
        }
        v_transpose(square);
        for (int l = 0; l < count; l++) {
            norm = v_fma(square[l], square[l], norm);
            v_store(panel + (p + l) * panel_rows, square[l]);
        }
    }
    v_store(sqnorm, norm);
}

CK_INLINE void pack_panel(const ck_matrix *X, int64_t row, int64_t n_rows, const ck_screen_image *image, void *stage,
                          float *CK_RESTRICT panel, float *CK_RESTRICT sqnorm, const int n_vectors)
{
    const int64_t panel_rows = n_vectors * L;
    ck_matrix view = *X;
    if (n_rows < panel_rows || (X->dtype != CK_F32 && X->dtype != CK_F64) || X->row_stride > MAX_GATHER_STRIDE ||
        X->row_stride < -MAX_GATHER_STRIDE) {
        view = stage_rows(X, row, n_rows, panel_rows, stage);
        row = 0;
    }
    const int by_feature =
        view.row_stride == ck_itemsize(view.dtype) || !ck_rows_contiguous(&view) || view.n_features <= GATHER_FEATURES;
    const int zipped = view.dtype == CK_F32 && view.n_features > 1 && view.n_features <= MAX_UNZIP_FEATURES &&
                       view.row_stride == view.n_features * 4 && ck_rows_contiguous(&view);
    for (int v = 0; v < n_vectors; v++) {
        const char *rows = ck_row_start(&view, row + v * L);
        if (zipped)
            pack_unzip(&view, rows, image, panel + v * L, panel_rows, sqnorm + v * L);
        else if (by_feature)
            pack_features(&view, rows, image, panel + v * L, panel_rows, sqnorm + v * L);
        else
            pack_squares(&view, rows, image, panel + v * L, panel_rows, sqnorm + v * L);
    }
}

/* As many centers as lie in the lanes of a whole line; rows that keep the multipliers busy. */
enum { LISTED_CENTERS = CK_LANES, LISTED_V = LISTED_CENTERS / L, LISTED_R = L < 4 ? L : LISTED_V > 1 ? 4 : 8 };

/* Scores of LISTED_R rows against a panel: centers in lanes, so that a row's features are read where they lie. */
CK_INLINE void listed_tile(const float *const x[LISTED_R], int64_t d, const float *CK_RESTRICT centers,
                           VF acc[LISTED_R][LISTED_V])
{
    VF total[LISTED_R][LISTED_V];
    const float *c = centers + 2 * LISTED_CENTERS;
    CK_UNROLL for (int v = 0; v < LISTED_V; v++)
    {
        const VF start = v_load(centers + v * L);
        CK_UNROLL for (int r = 0; r < LISTED_R; r++) acc[r][v] = start;
    }
    for (int64_t first = 0;;) {
        const int64_t last = ck_min_i64(d, first + CK_SCREEN_RUN);
        CK_UNROLL_TWICE
        for (int64_t p = first; p < last; p++, c += LISTED_CENTERS) {
            VF center[LISTED_V];
            CK_UNROLL for (int v = 0; v < LISTED_V; v++) center[v] = v_in_register(v_load(c + v * L));
            CK_UNROLL for (int r = 0; r < LISTED_R; r++)
            {
                const VF feature = v_set1(x[r] + p);
                CK_UNROLL for (int v = 0; v < LISTED_V; v++) acc[r][v] = v_fma(feature, center[v], acc[r][v]);
            }
        }
        const int first_run = first == 0, last_run = last == d;
        if (first_run && last_run) return;
        end_run(acc[0], total[0], LISTED_R * LISTED_V, first_run, last_run);
        if (last_run) return;
        first = last;
    }
}

/* The rows of places i, i + 1, ... of the list, the last repeated. */
CK_INLINE void listed_rows(const float *rows, int64_t stride, const int32_t *list, int64_t n, int64_t i,
                           const float *x[LISTED_R])
{
    for (int64_t r = 0; r < LISTED_R; r++) x[r] = rows + list[ck_min_i64(i + r, n - 1)] * stride;
}

static void score_listed(const float *rows, int64_t stride, const int32_t *list, int64_t n, int64_t d,
                         const float *panels, int64_t n_panels, float *best, float *second, float *index)
{
    const float minus_infinity = -INFINITY;
    union {
        VF aligned;
        float of_rows[L * LISTED_CENTERS];
    } scores;
    memset(&scores, 0, sizeof scores); /* compilers do not see that the tiles fill it */
    for (int64_t i = 0; i < n; i += L) {
        VF b1 = v_set1(&minus_infinity), b2 = b1, id = v_zero();
        const float *panel = panels;
        for (int64_t q = 0; q < n_panels; q++, panel += (d + 2) * LISTED_CENTERS) {
            for (int64_t lane = 0; lane < L; lane += LISTED_R) {
                const float *x[LISTED_R];
                VF acc[LISTED_R][LISTED_V];
                listed_rows(rows, stride, list, n, i + lane, x);
                listed_tile(x, d, panel, acc);
                CK_UNROLL for (int r = 0; r < LISTED_R; r++) CK_UNROLL for (int v = 0; v < LISTED_V; v++)
                    v_store(scores.of_rows + (lane + r) * LISTED_CENTERS + v * L, acc[r][v]);
            }
            for (int v = 0; v < LISTED_V; v++) {
                VF square[L];
                CK_UNROLL for (int lane = 0; lane < L; lane++) square[lane] =
                    v_load(scores.of_rows + lane * LISTED_CENTERS + v * L);
                v_transpose(square);
                CK_UNROLL for (int c = 0; c < L; c++)
                    v_keep_best(square[c], v_set1(panel + LISTED_CENTERS + v * L + c), &b1, &b2, &id);
            }
        }
        v_store(best + i, b1);
        v_store(second + i, b2);
        v_store(index + i, id);
    }
}

static void best_listed(const float *rows, int64_t stride, const int32_t *list, int64_t n, int64_t d,
                        const float *panels, int64_t n_panels, float *best)
{
    const float minus_infinity = -INFINITY;
    for (int64_t i = 0; i < n; i += L) {
        VF square[L];
        CK_UNROLL for (int lane = 0; lane < L; lane++) square[lane] = v_set1(&minus_infinity);
        CK_UNROLL for (int lane = 0; lane < L; lane += LISTED_R)
        {
            const float *x[LISTED_R], *panel = panels;
            if (i + lane >= n) break;
            listed_rows(rows, stride, list, n, i + lane, x);
            for (int64_t q = 0; q < n_panels; q++, panel += (d + 2) * LISTED_CENTERS) {
                VF acc[LISTED_R][LISTED_V];
                listed_tile(x, d, panel, acc);
                CK_UNROLL for (int r = 0; r < LISTED_R; r++) CK_UNROLL for (int v = 0; v < LISTED_V; v++)
                    square[lane + r] = v_max(square[lane + r], acc[r][v]);
            }
        }
        v_store(best + i, v_rows_max(square));
    }
}

/* Rows and centers scored together: their sums over lanes are transposed in one square. A vector of one lane holds the
 * sum of one row. */
enum { FEW_R = L < 2 ? L : 2, FEW_C = L / FEW_R, FEW_FEATURES = CK_SCREEN_RUN * L };

static void reach_few(const float *rows, int64_t stride, int64_t n, int64_t d, const float *centers,
                      const float *starts, int64_t n_centers, const float *thresholds, const char *next,
                      int64_t next_bytes, uint64_t *masks)
{
    for (int64_t c = 0; c < n_centers; c++) masks[c] = 0;
    for (int64_t i = 0; i < n; i += FEW_R) {
        const float *const x[2] = {rows + i * stride, rows + ck_min_i64(i + 1, n - 1) * stride};
        union {
            VF aligned;
            float lanes[L];
        } least, start;
        const char *end = next + ck_min_i64(FEW_R, n - i) * next_bytes;
        for (; next < end; next += CK_CACHE_LINE) CK_PREFETCH_L2(next);
        next = end;
        for (int l = 0; l < L; l++) least.lanes[l] = i + l / FEW_C < n ? thresholds[i + l / FEW_C] : INFINITY;
        for (int64_t first = 0; first < n_centers; first += FEW_C) {
            const float *c = centers + first * stride;
            VF sums[L];
            CK_UNROLL for (int l = 0; l < L; l++) sums[l] = v_zero();
            for (int64_t p = 0; p < d; p += L) {
                VF row[FEW_R];
                CK_UNROLL for (int r = 0; r < FEW_R; r++) row[r] = v_loadu(x[r] + p);
                CK_UNROLL for (int j = 0; j < FEW_C; j++)
                {
                    const VF center = v_loadu(c + j * stride + p);
                    CK_UNROLL for (int r = 0; r < FEW_R; r++) sums[r * FEW_C + j] =
                        v_fma(row[r], center, sums[r * FEW_C + j]);
                }
            }
            v_transpose(sums);
            CK_UNROLL for (int width = L / 2; width > 0; width /= 2) CK_UNROLL for (int l = 0; l < width; l++) sums[l] =
                v_add(sums[l], sums[l + width]);
            for (int l = 0; l < L; l++) start.lanes[l] = starts[first + l % FEW_C];
            uint32_t mask = v_mask_ge(v_add(sums[0], start.aligned), least.aligned) & (uint32_t)((1ull << L) - 1);
            for (; mask; mask &= mask - 1) {
                const int l = ck_lowest_bit(mask);
                if (first + l % FEW_C < n_centers) masks[first + l % FEW_C] |= 1ull << (i + l / FEW_C);
            }
        }
    }
}

static int close_rows(const float *CK_RESTRICT best, const float *CK_RESTRICT second, const float *CK_RESTRICT index,
                      const float *CK_RESTRICT sqnorm, const float *CK_RESTRICT center_slack, float row_slack,
                      float largest_slack, int n, int32_t *CK_RESTRICT labels, float *CK_RESTRICT thresholds,
                      int32_t *CK_RESTRICT open)
{
    int n_open = 0;
    for (int i = 0; i < n; i += L) {
        const VF b1 = v_load(best + i), id = v_load(index + i), norm = v_load(sqnorm + i), row = v_set1(&row_slack);
        const VF gap = v_sub(b1, v_load(second + i));
        v_store_index(labels + i, id);
        /* "not greater" rather than "at most": what is not a number is open */
        uint32_t mask = ~v_mask_gt(gap, v_fma(norm, row, v_set1(&largest_slack))) & (uint32_t)((1ull << L) - 1);
        if (!mask) continue; /* the largest slack of all centers saves the look-up of each one's */
        const VF slack = v_fma(norm, row, v_lookup(center_slack, id));
        v_store(thresholds + i, v_sub(b1, slack));
        mask &= ~v_mask_gt(gap, slack);
        for (; mask; mask &= mask - 1) {
            int lane = ck_lowest_bit(mask);
            if (i + lane < n) open[n_open++] = i + lane;
        }
    }
    return n_open;
}

static int list_unsure(const float *CK_RESTRICT upper, const float *CK_RESTRICT lower,
                       const int32_t *CK_RESTRICT labels, const float *CK_RESTRICT paths, int n,
                       int32_t *CK_RESTRICT list)
{
    const float raised = 1.0f + 0x1p-20f;
    int count = 0, i = 0;
    for (; i + L <= n; i += L) {
        const VF path = v_lookup(paths, v_loadu((const float *)(labels + i)));
        const VF high = v_fma(v_add(v_loadu(upper + i), path), v_set1(&raised), v_zero());
        /* "not greater" rather than "at most": what is not a number is unsure */
        uint32_t mask = ~v_mask_gt(v_loadu(lower + i), high) & (uint32_t)((1ull << L) - 1);
        count += v_list(mask, i, list + count);
    }
    for (; i < n; i++)
        if (!(lower[i] > (upper[i] + paths[labels[i]]) * raised)) list[count++] = i;
    return count;
}

static int list_reached(const float *CK_RESTRICT own, const float *CK_RESTRICT lower, float drift, int n,
                        int32_t *CK_RESTRICT list)
{
    const float raised = 1.0f + 0x1p-20f;
    int count = 0, i = 0;
    for (; i + L <= n; i += L) {
        const VF high = v_fma(v_loadu(own + i), v_set1(&raised), v_zero());
        uint32_t mask = ~v_mask_gt(v_sub(v_loadu(lower + i), v_set1(&drift)), high) & (uint32_t)((1ull << L) - 1);
        if (mask) count += v_list(mask, i, list + count);
    }
    for (; i < n; i++)
        if (!(lower[i] - drift > own[i] * raised)) list[count++] = i;
    return count;
}

static int list_different(const int32_t *CK_RESTRICT a, const int32_t *CK_RESTRICT b, int n, int32_t *CK_RESTRICT list)
{
    int count = 0, i = 0;
    for (; i + L <= n; i += L) count += v_list(v_mask_differ(a + i, b + i), i, list + count);
    for (; i < n; i++)
        if (a[i] != b[i]) list[count++] = i;
    return count;
}

static void narrow_pack(const ck_matrix *X, int64_t row, int64_t n_rows, const ck_screen_image *image, void *stage,
                        float *CK_RESTRICT panel, float *CK_RESTRICT sqnorm)
{
    pack_panel(X, row, n_rows, image, stage, panel, sqnorm, NARROW_V);
}

static void tile_pack(const ck_matrix *X, int64_t row, int64_t n_rows, const ck_screen_image *image, void *stage,
                      float *CK_RESTRICT panel, float *CK_RESTRICT sqnorm)
{
    pack_panel(X, row, n_rows, image, stage, panel, sqnorm, TILE_V);
}

#define V_DOT v_fma
#define WITH_SCORES 1
#define PANEL float
#define PANEL_LINES(d) ((d) + 2)
#define V NARROW_V
#define R NARROW_R
#define SHAPE(name) narrow_##name
#define FIXED_WIDTHS 1
#include "shape_template.h"
static const ck_screen_shape narrow_shape = {.panel_rows = V * L,
                                             .panel_centers = R,
                                             .pack = narrow_pack,
                                             .score = narrow_score,
                                             .reach = narrow_reach,
                                             .reach_scores = narrow_reach_scores};
#undef V
#undef R
#undef SHAPE
#undef FIXED_WIDTHS
#define V TILE_V
#define R TILE_R
#define SHAPE(name) tile_##name
#define FIXED_WIDTHS 0
#include "shape_template.h"
static const ck_screen_shape tile_shape = {.panel_rows = V * L,
                                           .panel_centers = R,
                                           .pack = tile_pack,
                                           .score = tile_score,
                                           .reach = tile_reach,
                                           .reach_scores = tile_reach_scores};
#undef V
#undef R
#undef SHAPE
#undef FIXED_WIDTHS

#define ISA_TABLE                                                                                                      \
    {.narrow = &narrow_shape,                                                                                          \
     .tile = &tile_shape,                                                                                              \
     .narrow_features = NARROW_FEATURES,                                                                               \
     .listed_centers = LISTED_CENTERS,                                                                                 \
     .score_listed = score_listed,                                                                                     \
     .best_listed = best_listed,                                                                                       \
     .few_centers = FEW_C,                                                                                             \
     .few_features = FEW_FEATURES,                                                                                     \
     .reach_few = reach_few,                                                                                           \
     .close = close_rows,                                                                                              \
     .unsure = list_unsure,                                                                                            \
     .reached = list_reached,                                                                                          \
     .differ = list_different}
