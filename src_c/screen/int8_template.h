/* int8_template.h - the integer screen of one instruction set. The including isa_*.c has defined VF and VI (vectors of
 * L floats and 32-bit integers), the v_ operations on them, V, R, STEP (words that are multiplied together),
 * INT8_RAISED (of its format) and v_dot, and included stage_rows.h; or, in place of STEP and v_dot, TOGETHER (words of
 * a row that lie together), arrange_rows and int8_tile. */
#include <string.h>

#include "lanes_template.h"

enum { PANEL_ROWS = V * L, HEAD_LINES = 2 };

/* --- Rows ---------------------------------------------------------------------------------------------------- */

CK_INLINE VF image_at(const ck_matrix *X, const char *row, int64_t p, const ck_screen_image *image)
{
    return image_of(X, row, p, (int)ck_min_i64(L, X->n_features - p), image);
}

CK_INLINE VF largest_of(const ck_matrix *X, const char *row, const ck_screen_image *image)
{
    VF largest = v_zero();
    for (int64_t p = 0; p < X->n_features; p += L) largest = v_max(largest, v_size(image_at(X, row, p, image)));
    return largest;
}

typedef struct {
    VF sqnorm, removed, sum; /* squares of the image and of what rounding takes, and the integers: over the lanes */
} row_sums;

/* OUT out: the row's integers, with zeros up to whole vectors. */
CK_INLINE row_sums round_row(const ck_matrix *X, const char *row, const ck_screen_image *image, float scale,
                             float inverse, int8_t *out)
{
    const float minus_scale = -scale;
    row_sums sums = {v_zero(), v_zero(), v_zero()};
    for (int64_t p = 0; p < X->n_features; p += L) {
        const VF value = image_at(X, row, p, image);
        const VI number = v_round(v_mul(value, v_set1(&inverse)));
        const VF kept = v_float(number), removed = v_fma(kept, v_set1(&minus_scale), value);
        sums.sqnorm = v_fma(value, value, sums.sqnorm);
        sums.removed = v_fma(removed, removed, sums.removed);
        sums.sum = v_add(sums.sum, kept); /* exact */
        v_store_bytes(out + p, number);
    }
    return sums;
}

/* OUT to: of L rows at `rows`, integers, zeros and what follows from them, n_words each; sqnorms. */
CK_INLINE void round_rows(const ck_matrix *X, const char *const rows[L], const ck_screen_image *image, int64_t n_words,
                          int8_t *const to[L], float sqnorms[L])
{
    static const float least = CK_INT8_LEAST, most = CK_INT8_LARGEST, minus_raised = -INT8_RAISED;
    static const float rounding = CK_COARSE_ROUNDING, tiny = CK_COARSE_TINY, of_image = CK_COARSE_IMAGE;
    const int64_t filled = ck_round_up(X->n_features, L), bytes = (n_words - CK_INT8_EXTRAS) * CK_WORD_BYTES;
    VF square[L], sqnorm[L], removed[L];
    float inverses[L], extras[CK_INT8_EXTRAS][L];
    CK_UNROLL for (int i = 0; i < L; i++) square[i] = largest_of(X, rows[i], image);
    const VF largest = v_max(v_rows_max(square), v_set1(&least));
    const VF scale = v_div(largest, v_set1(&most));
    v_storeu(extras[CK_INT8_SCALE], scale);
    v_storeu(inverses, v_div(v_set1(&most), largest));
    CK_UNROLL for (int i = 0; i < L; i++)
    {
        const row_sums sums = round_row(X, rows[i], image, extras[CK_INT8_SCALE][i], inverses[i], to[i]);
        sqnorm[i] = sums.sqnorm;
        removed[i] = sums.removed;
        square[i] = sums.sum;
    }
    const VF squares = sum_lanes(sqnorm), norm = v_sqrt(squares), rest = v_sqrt(sum_lanes(removed));
    v_storeu(sqnorms, squares);
    const VF size = v_fma(v_add(norm, rest), v_set1(&rounding), v_set1(&tiny));
    const VF lost = v_fma(norm, v_set1(&of_image), v_fma(rest, v_set1(&rounding), v_set1(&tiny)));
    v_storeu(extras[CK_INT8_SIZE], v_div(size, scale));
    v_storeu(extras[CK_INT8_LOST], v_div(lost, scale));
    v_store_index((int32_t *)extras[CK_INT8_START],
                  v_as_floats(v_round(v_mul(sum_lanes(square), v_set1(&minus_raised)))));
    for (int i = 0; i < L; i++) {
        if (filled < bytes) memset(to[i] + filled, 0, (size_t)(bytes - filled));
        for (int e = 0; e < CK_INT8_EXTRAS; e++)
            memcpy(to[i] + bytes + e * CK_WORD_BYTES, &extras[e][i], CK_WORD_BYTES);
    }
}

#ifndef TOGETHER
#define TOGETHER 1
/* L rows to lanes from `first` on: a vector of a panel. */
CK_INLINE void arrange_rows(const int8_t *const rows[L], int64_t n_words, float *CK_RESTRICT panel, int64_t first)
{
    for (int64_t p = 0; p < n_words; p += L) {
        VF square[L];
        CK_UNROLL for (int i = 0; i < L; i++) square[i] = v_loadu((const float *)(rows[i] + p * CK_WORD_BYTES));
        v_transpose(square);
        const int64_t count = ck_min_i64(L, n_words - p);
        for (int64_t l = 0; l < count; l++) v_store(panel + (p + l) * PANEL_ROWS + first, square[l]);
    }
}
#endif

static void int8_pack(const ck_matrix *X, int64_t row, int64_t n_rows, const ck_screen_image *image, int64_t n_words,
                      void *stage, void *panel, float *CK_RESTRICT sqnorm)
{
    const int64_t apart = ck_rounded_bytes(n_words);
    ck_matrix view = *X;
    if (n_rows < PANEL_ROWS || !ck_rows_contiguous(X) || (X->dtype != CK_F32 && X->dtype != CK_F64)) {
        view = stage_rows(X, row, n_rows, PANEL_ROWS, (char *)stage + PANEL_ROWS * apart);
        row = 0;
    }
    for (int64_t first = 0; first < PANEL_ROWS; first += L) {
        const char *rows[L];
        int8_t *to[L];
        for (int64_t i = 0; i < L; i++) {
            rows[i] = ck_row_start(&view, row + first + i);
            to[i] = (int8_t *)stage + i * apart;
        }
        round_rows(&view, rows, image, n_words, to, sqnorm + first);
        arrange_rows((const int8_t *const *)to, n_words, panel, first);
    }
}

/* Which masks are not empty first, then the lanes of those: no branch that nobody could foretell. */
static int64_t int8_list(const uint64_t *masks, int64_t n, int32_t first, int32_t *CK_RESTRICT lanes,
                         int32_t *CK_RESTRICT centers)
{
    enum { BATCH = 256 };
    int64_t count = 0;
    for (int64_t from = 0; from < n; from += BATCH) {
        int32_t filled[BATCH];
        int n_filled = 0;
        const int64_t last = ck_min_i64(from + BATCH, n);
        for (int64_t c = from; c < last; c++) {
            filled[n_filled] = (int32_t)c;
            n_filled += masks[c] != 0;
        }
        for (int f = 0; f < n_filled; f++)
            for (int lane = 0; lane < PANEL_ROWS; lane += L) {
                const uint32_t mask = (uint32_t)(masks[filled[f]] >> lane) & ((1u << L) - 1);
                v_store_index(centers + count, v_set1_index(first + filled[f]));
                count += v_list(mask, lane, lanes + count);
            }
    }
    return count;
}

/* --- Scores -------------------------------------------------------------------------------------------------- */

#ifdef STEP
CK_INLINE void int8_tile(const float *CK_RESTRICT points, int64_t n_words, const float *CK_RESTRICT c, VF acc[R][V],
                         const int used)
{
    static const float one = 1.0f;
    const int64_t n = n_words - CK_INT8_EXTRAS;
    const float *rows = points + n * PANEL_ROWS, *starts = c, *extras = c + (HEAD_LINES + n) * R;
    VI sums[R][V];
    VF scales[V];
    CK_UNROLL for (int v = 0; v < V; v++)
    {
        /* The bound, in units of both scales, and one more for its rounding. */
        const VF bound = v_fma(
            v_load(rows + CK_INT8_LOST * PANEL_ROWS + v * L), v_set1(extras + CK_INT8_LOST * R),
            v_fma(v_load(rows + CK_INT8_SIZE * PANEL_ROWS + v * L), v_set1(extras + CK_INT8_SIZE * R), v_set1(&one)));
        const VI start = v_plus(v_words(rows + CK_INT8_START * PANEL_ROWS + v * L), v_round(bound));
        CK_UNROLL for (int r = 0; r < used; r++) sums[r][v] = start;
        scales[v] = v_mul(v_load(rows + CK_INT8_SCALE * PANEL_ROWS + v * L), v_set1(extras + CK_INT8_SCALE * R));
    }
    c += HEAD_LINES * R;
    for (int64_t p = 0; p < n; p += STEP, points += STEP * PANEL_ROWS, c += STEP * R) {
        VI x[STEP * V];
        CK_UNROLL for (int v = 0; v < STEP * V; v++) x[v] = v_words(points + v * L);
        CK_UNROLL for (int r = 0; r < used; r++)
        {
            const VI first = v_word(c + r), second = v_word(c + (STEP - 1) * R + r);
            CK_UNROLL for (int v = 0; v < V; v++) sums[r][v] =
                v_dot(first, second, x[v], x[v + (STEP - 1) * V], sums[r][v]);
        }
    }
    CK_UNROLL for (int r = 0; r < used; r++)
    {
        const VF start = v_set1(starts + r);
        CK_UNROLL for (int v = 0; v < V; v++) acc[r][v] = v_fma(v_float(sums[r][v]), scales[v], start);
    }
}

#endif

#define OWN_TILE
#define PANEL void
#define PANEL_LINES(n_words) ((n_words) + HEAD_LINES)
#define SHAPE(name) int8_##name
#define FIXED_WIDTHS 0
#include "shape_template.h"

#define INT8_SHAPE(its_format, least, cost)                                                                            \
    {.format = &(its_format),                                                                                          \
     .panel_rows = PANEL_ROWS,                                                                                         \
     .panel_centers = R,                                                                                               \
     .point_words = TOGETHER,                                                                                          \
     .center_words = TOGETHER,                                                                                         \
     .head_lines = HEAD_LINES,                                                                                         \
     .least_features = (least),                                                                                        \
     .pair_cost = (cost),                                                                                              \
     .pack = int8_pack,                                                                                                \
     .score = int8_score,                                                                                              \
     .reach = int8_reach,                                                                                              \
     .list = int8_list}
