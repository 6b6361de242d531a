/* isa_avx512_pairs.h - rows packed as pairs of bfloat16 features, 32 rows side by side. In a region with avx512bf16,
 * after isa_avx512.h and stage_rows.h. */
#include "lanes_template.h"

enum { PAIR_ROWS = 32, PAIR_FEATURES = 32 };

/* What rounding to bfloat16 leaves of sixteen numbers. */
CK_INLINE VF removed_by(VF value, __m256i rounded)
{
    return v_sub(value, _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(rounded), 16)));
}

typedef struct {
    VF sqnorm, removed; /* squares, over the lanes */
} row_squares;

/* OUT out: the row's image in bfloat16, with zeros up to a multiple of PAIR_FEATURES. */
CK_INLINE row_squares round_row(const ck_matrix *X, const char *row, const ck_screen_image *image, uint16_t *out)
{
    const int64_t d = X->n_features;
    row_squares first = {v_zero(), v_zero()}, second = first;
    for (int64_t p = 0; p < d; p += PAIR_FEATURES) {
        const int whole = d - p >= PAIR_FEATURES, rest = (int)(d - p);
        const VF low = image_of(X, row, p, whole || rest > L ? L : rest, image);
        const VF high = whole      ? image_of(X, row, p + L, L, image)
                        : rest > L ? image_of(X, row, p + L, rest - L, image)
                                   : v_zero();
        const __m512i rounded = (__m512i)_mm512_cvtne2ps_pbh(high, low);
        _mm512_storeu_si512(out + p, rounded);
        const VF low_removed = removed_by(low, _mm512_castsi512_si256(rounded));
        const VF high_removed = removed_by(high, _mm512_extracti64x4_epi64(rounded, 1));
        first.sqnorm = v_fma(low, low, first.sqnorm);
        second.sqnorm = v_fma(high, high, second.sqnorm);
        first.removed = v_fma(low_removed, low_removed, first.removed);
        second.removed = v_fma(high_removed, high_removed, second.removed);
    }
    return (row_squares){v_add(first.sqnorm, second.sqnorm), v_add(first.removed, second.removed)};
}

/* Of sixteen rows: the pair of the bound. */
CK_INLINE VF bound_pair_of(VF sqnorm, VF removed)
{
    const VF rounding = _mm512_set1_ps(CK_COARSE_ROUNDING), tiny = _mm512_set1_ps(CK_COARSE_TINY);
    const VF norm = _mm512_sqrt_ps(sqnorm), rest = _mm512_sqrt_ps(removed);
    const VF size = v_fma(v_add(norm, rest), rounding, tiny);
    const VF lost = v_fma(norm, _mm512_set1_ps(CK_COARSE_IMAGE), v_fma(rest, rounding, tiny));
    const __m512i up = _mm512_set1_epi32(0xffff), high = _mm512_set1_epi32((int)0xffff0000);
    const __m512i above_size = _mm512_srli_epi32(_mm512_add_epi32(_mm512_castps_si512(size), up), 16);
    const __m512i above_lost = _mm512_and_si512(_mm512_add_epi32(_mm512_castps_si512(lost), up), high);
    return _mm512_castsi512_ps(_mm512_or_si512(above_size, above_lost));
}

/* Rows to lanes: half the width of a panel. */
CK_INLINE void arrange_sixteen(const uint16_t *const rows[L], int64_t n_pairs, float *CK_RESTRICT panel)
{
    for (int64_t p = 0; p < n_pairs; p += L) {
        VF square[L];
        CK_UNROLL for (int i = 0; i < L; i++) square[i] = v_loadu((const float *)(rows[i] + 2 * p));
        v_transpose(square);
        const int64_t count = ck_min_i64(L, n_pairs - p);
        for (int64_t l = 0; l < count; l++) v_store(panel + (p + l) * PAIR_ROWS, square[l]);
    }
}

static void pack_pairs(const ck_matrix *X, int64_t row, int64_t n_rows, const ck_screen_image *image, int64_t n_pairs,
                       void *stage, void *out, float *CK_RESTRICT sqnorm)
{
    float *CK_RESTRICT panel = out;
    const int64_t d = X->n_features, stride = ck_round_up(d, PAIR_FEATURES), bound = ck_bound_pair(d);
    uint16_t *rounded = stage;
    ck_matrix view = *X;
    if (n_rows < PAIR_ROWS || !ck_rows_contiguous(X) || (X->dtype != CK_F32 && X->dtype != CK_F64)) {
        view = stage_rows(X, row, n_rows, PAIR_ROWS, rounded + PAIR_ROWS * stride);
        row = 0;
    }
    for (int64_t half = 0; half < PAIR_ROWS; half += L) {
        VF sqnorms[L], removed[L];
        const uint16_t *rows[L];
        for (int64_t i = 0; i < L; i++) {
            rows[i] = rounded + i * stride;
            const row_squares squares =
                round_row(&view, ck_row_start(&view, row + half + i), image, rounded + i * stride);
            sqnorms[i] = squares.sqnorm;
            removed[i] = squares.removed;
        }
        arrange_sixteen(rows, bound, panel + half);
        const VF sums = sum_lanes(sqnorms);
        v_store(sqnorm + half, sums);
        v_store(panel + bound * PAIR_ROWS + half, bound_pair_of(sums, sum_lanes(removed)));
        for (int64_t p = bound + 1; p < n_pairs; p++) v_store(panel + p * PAIR_ROWS + half, v_zero());
    }
}

/* Eight masks at a time tell which are empty; of the others, sixteen lanes at a time: no branch that nobody could
 * foretell. */
static int64_t list_pairs(const uint64_t *masks, int64_t n, int32_t first, int32_t *CK_RESTRICT lanes,
                          int32_t *CK_RESTRICT centers)
{
    enum { BATCH = 256, AT_A_TIME = 8 };
    int64_t count = 0;
    for (int64_t from = 0; from < n; from += BATCH) {
        int32_t filled[BATCH + L];
        int n_filled = 0;
        const int64_t last = ck_min_i64(from + BATCH, n);
        for (int64_t c = from; c < last; c += AT_A_TIME) {
            const __mmask8 there = (__mmask8)((1u << ck_min_i64(AT_A_TIME, last - c)) - 1);
            const __m512i eight = _mm512_maskz_loadu_epi64(there, masks + c);
            n_filled += v_list(_mm512_test_epi64_mask(eight, eight), (int)c, filled + n_filled);
        }
        for (int f = 0; f < n_filled; f++) {
            const uint64_t mask = masks[filled[f]];
            const __m512i center = _mm512_set1_epi32(first + filled[f]);
            for (int half = 0; half < PAIR_ROWS; half += L) {
                _mm512_storeu_si512(centers + count, center);
                count += v_list((uint32_t)(mask >> half) & 0xffff, half, lanes + count);
            }
        }
    }
    return count;
}
