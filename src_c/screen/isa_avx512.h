/* isa_avx512.h - the v_ operations of AVX-512, for files that have opened a region with it and included immintrin.h
 * and bits.h before. */

#define L 16
typedef __m512 VF;

CK_INLINE VF v_zero(void) { return _mm512_setzero_ps(); }
CK_INLINE VF v_load(const float *a) { return _mm512_load_ps(a); }
CK_INLINE VF v_loadu(const float *a) { return _mm512_loadu_ps(a); }
CK_INLINE void v_store(float *a, VF x) { _mm512_store_ps(a, x); }
CK_INLINE VF v_set1(const float *a) { return _mm512_set1_ps(*a); }
CK_INLINE VF v_add(VF a, VF b) { return _mm512_add_ps(a, b); }
CK_INLINE VF v_sub(VF a, VF b) { return _mm512_sub_ps(a, b); }
CK_INLINE VF v_max(VF a, VF b) { return _mm512_max_ps(a, b); }
CK_INLINE VF v_fma(VF a, VF b, VF c) { return _mm512_fmadd_ps(a, b, c); }
/* Keeps compilers from loading x again at every use, which would make the load ports the limit. */
CK_INLINE VF v_in_register(VF x)
{
#if CK_VECTOR_TYPES
    __asm__("" : "+v"(x));
#endif
    return x;
}
CK_INLINE uint32_t v_mask_ge(VF a, VF b) { return _mm512_cmp_ps_mask(a, b, _CMP_GE_OQ); }
CK_INLINE uint32_t v_mask_gt(VF a, VF b) { return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ); }
CK_INLINE uint32_t v_mask_differ(const int32_t *a, const int32_t *b)
{
    return _mm512_cmpneq_epi32_mask(_mm512_loadu_si512(a), _mm512_loadu_si512(b));
}
CK_INLINE void v_store_index(int32_t *a, VF x) { _mm512_storeu_si512(a, _mm512_castps_si512(x)); }
CK_INLINE VF v_lookup(const float *table, VF index)
{
    return _mm512_i32gather_ps(_mm512_castps_si512(index), table, 4);
}

/* One masked operation both demotes the old best and keeps the larger second. */
CK_INLINE void v_keep_best(VF score, VF center, VF *best, VF *second, VF *index)
{
    __mmask16 not_better = _mm512_cmp_ps_mask(score, *best, _CMP_LE_OQ);
    *second = _mm512_mask_max_ps(*best, not_better, *second, score);
    *index = _mm512_mask_mov_ps(center, not_better, *index);
    *best = _mm512_max_ps(*best, score);
}

CK_INLINE __m512i lane_numbers(void) { return _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15); }
CK_INLINE VF v_gather(const char *rows, int stride)
{
    return _mm512_i32gather_ps(_mm512_mullo_epi32(lane_numbers(), _mm512_set1_epi32(stride)), rows, 1);
}
CK_INLINE VF v_join(__m512d low, __m512d high)
{
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(low)), _mm512_cvtpd_ps(high), 1);
}
CK_INLINE VF v_image_gather_f64(const char *rows, int stride, double scale, double minus_offset)
{
    __m512i at = _mm512_mullo_epi32(lane_numbers(), _mm512_set1_epi32(stride));
    __m512d low = _mm512_i32gather_pd(_mm512_castsi512_si256(at), rows, 1);
    __m512d high = _mm512_i32gather_pd(_mm512_extracti64x4_epi64(at, 1), rows, 1);
    __m512d s = _mm512_set1_pd(scale), o = _mm512_set1_pd(minus_offset);
    return v_join(_mm512_fmadd_pd(low, s, o), _mm512_fmadd_pd(high, s, o));
}
CK_INLINE VF v_load_first(const float *a, int count)
{
    return _mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), a);
}
CK_INLINE VF v_image_first_f64(const double *a, int count, double scale, const double *minus_offset)
{
    unsigned mask = (1u << count) - 1;
    __m512d low = _mm512_maskz_loadu_pd((__mmask8)mask, a), high = _mm512_maskz_loadu_pd((__mmask8)(mask >> 8), a + 8);
    __m512d s = _mm512_set1_pd(scale);
    return v_join(_mm512_fmadd_pd(low, s, _mm512_loadu_pd(minus_offset)),
                  _mm512_fmadd_pd(high, s, _mm512_loadu_pd(minus_offset + 8)));
}

/* L contiguous rows of d = 2 to 4 features, as one vector for each feature. */
CK_INLINE void v_unzip(const float *rows, int d, VF features[4])
{
    VF a = _mm512_loadu_ps(rows), b = _mm512_loadu_ps(rows + 16), c = b, e = b;
    if (d > 2) c = e = _mm512_loadu_ps(rows + 32);
    if (d > 3) e = _mm512_loadu_ps(rows + 48);
    __m512i at = _mm512_mullo_epi32(lane_numbers(), _mm512_set1_epi32(d));
    for (int p = 0; p < d; p++, at = _mm512_add_epi32(at, _mm512_set1_epi32(1))) {
        features[p] = _mm512_permutex2var_ps(a, at, b);
        if (d > 2) {
            __mmask16 beyond = _mm512_cmpge_epi32_mask(at, _mm512_set1_epi32(32));
            features[p] = _mm512_mask_blend_ps(beyond, features[p], _mm512_permutex2var_ps(c, at, e));
        }
    }
}

CK_INLINE void v_transpose(VF square[L])
{
    VF t[L];
    _Pragma("GCC unroll 64") for (int i = 0; i < L; i += 4)
    {
        VF ab_low = _mm512_unpacklo_ps(square[i], square[i + 1]),
           ab_high = _mm512_unpackhi_ps(square[i], square[i + 1]);
        VF cd_low = _mm512_unpacklo_ps(square[i + 2], square[i + 3]);
        VF cd_high = _mm512_unpackhi_ps(square[i + 2], square[i + 3]);
        t[i] = _mm512_shuffle_ps(ab_low, cd_low, 0x44);
        t[i + 1] = _mm512_shuffle_ps(ab_low, cd_low, 0xee);
        t[i + 2] = _mm512_shuffle_ps(ab_high, cd_high, 0x44);
        t[i + 3] = _mm512_shuffle_ps(ab_high, cd_high, 0xee);
    }
    _Pragma("GCC unroll 64") for (int i = 0; i < 4; i++)
    {
        VF low_even = _mm512_shuffle_f32x4(t[i], t[i + 4], 0x88), low_odd = _mm512_shuffle_f32x4(t[i], t[i + 4], 0xdd);
        VF high_even = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0x88);
        VF high_odd = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0xdd);
        square[i] = _mm512_shuffle_f32x4(low_even, high_even, 0x88);
        square[i + 4] = _mm512_shuffle_f32x4(low_odd, high_odd, 0x88);
        square[i + 8] = _mm512_shuffle_f32x4(low_even, high_even, 0xdd);
        square[i + 12] = _mm512_shuffle_f32x4(low_odd, high_odd, 0xdd);
    }
}

#define HAS_ROWS_MAX 1
/* The largest lane of each vector. */
CK_INLINE VF v_rows_max(const VF rows[L])
{
    VF pairs[8], fours[4], eights[2];
    _Pragma("GCC unroll 64") for (int i = 0; i < 8; i++) pairs[i] =
        v_max(_mm512_unpacklo_ps(rows[2 * i], rows[2 * i + 1]), _mm512_unpackhi_ps(rows[2 * i], rows[2 * i + 1]));
    _Pragma("GCC unroll 64") for (int i = 0; i < 4; i++) fours[i] =
        v_max(_mm512_shuffle_ps(pairs[2 * i], pairs[2 * i + 1], 0x44),
              _mm512_shuffle_ps(pairs[2 * i], pairs[2 * i + 1], 0xee));
    _Pragma("GCC unroll 64") for (int i = 0; i < 2; i++) eights[i] =
        v_max(_mm512_shuffle_f32x4(fours[2 * i], fours[2 * i + 1], 0x44),
              _mm512_shuffle_f32x4(fours[2 * i], fours[2 * i + 1], 0xee));
    return v_max(_mm512_shuffle_f32x4(eights[0], eights[1], 0x88), _mm512_shuffle_f32x4(eights[0], eights[1], 0xdd));
}

#define HAS_LIST 1
/* Appends base + the places of the bits; returns how many. Writes a whole vector. */
CK_INLINE int v_list(uint32_t mask, int base, int32_t *list)
{
    const __m512i places = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const __m512i listed = _mm512_add_epi32(places, _mm512_set1_epi32(base));
    _mm512_storeu_si512(list, _mm512_maskz_compress_epi32((__mmask16)mask, listed));
    return _mm_popcnt_u32(mask);
}

/* --- Integers ------------------------------------------------------------------------------------------------ */

typedef __m512i VI;

CK_INLINE VF v_mul(VF a, VF b) { return _mm512_mul_ps(a, b); }
CK_INLINE VF v_div(VF a, VF b) { return _mm512_div_ps(a, b); }
CK_INLINE VF v_sqrt(VF a) { return _mm512_sqrt_ps(a); }
CK_INLINE VF v_size(VF a) { return _mm512_abs_ps(a); }
CK_INLINE void v_storeu(float *a, VF x) { _mm512_storeu_ps(a, x); }
CK_INLINE VI v_plus(VI a, VI b) { return _mm512_add_epi32(a, b); }
CK_INLINE VI v_round(VF a) { return _mm512_cvtps_epi32(a); }
CK_INLINE VF v_float(VI a) { return _mm512_cvtepi32_ps(a); }
CK_INLINE VI v_words(const float *a) { return _mm512_load_si512(a); }
CK_INLINE VI v_word(const float *a) { return _mm512_castps_si512(_mm512_set1_ps(*a)); }
CK_INLINE VF v_as_floats(VI a) { return _mm512_castsi512_ps(a); }
CK_INLINE VF v_set1_index(int32_t a) { return _mm512_castsi512_ps(_mm512_set1_epi32(a)); }
/* The lanes as bytes, with sign. */
CK_INLINE void v_store_bytes(int8_t *a, VI x) { _mm_storeu_si128((__m128i *)a, _mm512_cvtsepi32_epi8(x)); }
