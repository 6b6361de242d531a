/* isa_avx512_pairs.h - rows packed as pairs of bfloat16 features, 32 rows side by side. In a region with avx512bf16,
 * after isa_avx512.h and stage_rows.h. */
enum { PAIR_ROWS = 32, PAIR_FEATURES = 32 };

CK_INLINE VF image_of(const ck_matrix *X, const char *row, int64_t p, const ck_screen_image *image)
{
    const int count = (int)ck_max_i64(ck_min_i64(L, X->n_features - p), 0);
    const float scale = (float)image->scale;
    if (count == 0) return v_zero();
    if (X->dtype == CK_F64)
        return v_image_first_f64((const double *)row + p, count, image->scale, image->minus_offset + p);
    return v_fma(v_load_first((const float *)row + p, count), v_set1(&scale), v_load(image->minus_offset32 + p));
}

/* What rounding to bfloat16 leaves of a vector, by its 16 halves. */
CK_INLINE VF removed_by(VF value, __m256i rounded)
{
    return v_sub(value, _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(rounded), 16)));
}

/* OUT out: the row's image in bfloat16, the bound's features, zeros up to n_features, a multiple of PAIR_FEATURES. */
CK_INLINE void round_row(const ck_matrix *X, const char *row, const ck_screen_image *image, int64_t n_features,
                         uint16_t *out, float *sqnorm)
{
    const int64_t d = X->n_features;
    VF norm = v_zero(), other_norm = v_zero(), removed = v_zero(), other_removed = v_zero();
    for (int64_t p = 0; p < n_features; p += PAIR_FEATURES) {
        const VF low = image_of(X, row, p, image), high = image_of(X, row, p + L, image);
        const __m512i rounded = (__m512i)_mm512_cvtne2ps_pbh(high, low);
        _mm512_storeu_si512(out + p, rounded);
        const VF low_removed = removed_by(low, _mm512_castsi512_si256(rounded));
        const VF high_removed = removed_by(high, _mm512_extracti64x4_epi64(rounded, 1));
        norm = v_fma(low, low, norm);
        other_norm = v_fma(high, high, other_norm);
        removed = v_fma(low_removed, low_removed, removed);
        other_removed = v_fma(high_removed, high_removed, other_removed);
    }
    *sqnorm = _mm512_reduce_add_ps(v_add(norm, other_norm));
    ck_coarse_row_features(*sqnorm, _mm512_reduce_add_ps(v_add(removed, other_removed)), out + d);
}

static void pack_pairs(const ck_matrix *X, int64_t row, int64_t n_rows, const ck_screen_image *image, int64_t n_pairs,
                       void *stage, float *CK_RESTRICT panel, float *CK_RESTRICT sqnorm)
{
    const int64_t n_features = ck_round_up(2 * n_pairs, PAIR_FEATURES);
    uint16_t *rounded = stage;
    ck_matrix view = *X;
    if (n_rows < PAIR_ROWS || !ck_rows_contiguous(X) || (X->dtype != CK_F32 && X->dtype != CK_F64)) {
        view = stage_rows(X, row, n_rows, PAIR_ROWS, rounded + PAIR_ROWS * n_features);
        row = 0;
    }
    for (int64_t half = 0; half < PAIR_ROWS; half += L) {
        for (int64_t i = 0; i < L; i++)
            round_row(&view, ck_row_start(&view, row + half + i), image, n_features, rounded + i * n_features,
                      sqnorm + half + i);
        for (int64_t p = 0; p < n_pairs; p += L) {
            VF square[L];
    UNROLL for (int i = 0; i < L; i++)
                square[i] = v_loadu((const float *)(rounded + i * n_features + 2 * p));
            v_transpose(square);
            const int64_t count = ck_min_i64(L, n_pairs - p);
            for (int64_t l = 0; l < count; l++) v_store(panel + (p + l) * PAIR_ROWS + half, square[l]);
        }
    }
}
