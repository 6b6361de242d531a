/* isa_avx2.h - the v_ operations of AVX2, for files that have opened a region with it and included immintrin.h and
 * bits.h before. */

#define L 8
typedef __m256 VF;

CK_INLINE VF v_zero(void) { return _mm256_setzero_ps(); }
CK_INLINE VF v_load(const float *a) { return _mm256_load_ps(a); }
CK_INLINE VF v_loadu(const float *a) { return _mm256_loadu_ps(a); }
CK_INLINE void v_store(float *a, VF x) { _mm256_store_ps(a, x); }
CK_INLINE VF v_set1(const float *a) { return _mm256_broadcast_ss(a); }
CK_INLINE VF v_add(VF a, VF b) { return _mm256_add_ps(a, b); }
CK_INLINE VF v_sub(VF a, VF b) { return _mm256_sub_ps(a, b); }
CK_INLINE VF v_max(VF a, VF b) { return _mm256_max_ps(a, b); }
CK_INLINE VF v_fma(VF a, VF b, VF c) { return _mm256_fmadd_ps(a, b, c); }
/* Keeps compilers from loading x again at every use, which would make the load ports the limit. */
CK_INLINE VF v_in_register(VF x)
{
#if CK_VECTOR_TYPES
    __asm__("" : "+x"(x));
#endif
    return x;
}
CK_INLINE uint32_t v_mask_ge(VF a, VF b) { return (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_GE_OQ)); }
CK_INLINE uint32_t v_mask_gt(VF a, VF b) { return (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_GT_OQ)); }
CK_INLINE uint32_t v_mask_differ(const int32_t *a, const int32_t *b)
{
    __m256i same = _mm256_cmpeq_epi32(_mm256_loadu_si256((const __m256i *)a), _mm256_loadu_si256((const __m256i *)b));
    return (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(same)) ^ 0xffu;
}
CK_INLINE void v_store_index(int32_t *a, VF x) { _mm256_storeu_si256((__m256i *)a, _mm256_castps_si256(x)); }
CK_INLINE VF v_lookup(const float *table, VF index)
{
    return _mm256_i32gather_ps(table, _mm256_castps_si256(index), 4);
}

CK_INLINE void v_keep_best(VF score, VF center, VF *best, VF *second, VF *index)
{
    VF better = _mm256_cmp_ps(score, *best, _CMP_GT_OQ);
    *second = _mm256_max_ps(*second, _mm256_min_ps(*best, score));
    *index = _mm256_blendv_ps(*index, center, better);
    *best = _mm256_max_ps(*best, score);
}

CK_INLINE __m256i lane_offsets(int stride)
{
    return _mm256_mullo_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(stride));
}
CK_INLINE VF v_gather(const char *rows, int stride)
{
    return _mm256_i32gather_ps((const float *)rows, lane_offsets(stride), 1);
}
CK_INLINE VF v_join(__m256d low, __m256d high) { return _mm256_set_m128(_mm256_cvtpd_ps(high), _mm256_cvtpd_ps(low)); }
CK_INLINE VF v_image_gather_f64(const char *rows, int stride, double scale, double minus_offset)
{
    __m256i at = lane_offsets(stride);
    __m256d low = _mm256_i32gather_pd((const double *)rows, _mm256_castsi256_si128(at), 1);
    __m256d high = _mm256_i32gather_pd((const double *)rows, _mm256_extracti128_si256(at, 1), 1);
    __m256d s = _mm256_set1_pd(scale), o = _mm256_set1_pd(minus_offset);
    return v_join(_mm256_fmadd_pd(low, s, o), _mm256_fmadd_pd(high, s, o));
}

/* All ones in the first `count` 32-bit lanes. */
CK_INLINE __m256i first_lanes(int count)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
CK_INLINE VF v_load_first(const float *a, int count) { return _mm256_maskload_ps(a, first_lanes(count)); }
CK_INLINE VF v_image_first_f64(const double *a, int count, double scale, const double *minus_offset)
{
    __m256i mask = first_lanes(count);
    __m256d low = _mm256_maskload_pd(a, _mm256_cvtepi32_epi64(_mm256_castsi256_si128(mask)));
    __m256d high = _mm256_maskload_pd(a + 4, _mm256_cvtepi32_epi64(_mm256_extracti128_si256(mask, 1)));
    __m256d s = _mm256_set1_pd(scale);
    return v_join(_mm256_fmadd_pd(low, s, _mm256_loadu_pd(minus_offset)),
                  _mm256_fmadd_pd(high, s, _mm256_loadu_pd(minus_offset + 4)));
}

/* Four numbers from `at` on, and four from `other` on. */
CK_INLINE VF v_halves(const float *at, const float *other)
{
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(at)), _mm_loadu_ps(other), 1);
}
/* L contiguous rows of d = 2 to 4 features, as one vector for each feature; four rows lie in either half. */
CK_INLINE void v_unzip(const float *rows, int d, VF features[4])
{
    const float *other = rows + 4 * d;
    const VF a = v_halves(rows, other), b = v_halves(rows + 4, other + 4);
    if (d == 2) {
        features[0] = _mm256_shuffle_ps(a, b, 0x88);
        features[1] = _mm256_shuffle_ps(a, b, 0xdd);
    } else if (d == 3) {
        /* x0 y0 z0 x1, y1 z1 x2 y2, z2 x3 y3 z3 */
        const VF c = v_halves(rows + 8, other + 8);
        const VF x2_y2_x3_y3 = _mm256_shuffle_ps(b, c, 0x9e), y0_z0_y1_z1 = _mm256_shuffle_ps(a, b, 0x49);
        features[0] = _mm256_shuffle_ps(a, x2_y2_x3_y3, 0x8c);
        features[1] = _mm256_shuffle_ps(y0_z0_y1_z1, x2_y2_x3_y3, 0xd8);
        features[2] = _mm256_shuffle_ps(y0_z0_y1_z1, c, 0xcd);
    } else {
        const VF c = v_halves(rows + 8, other + 8), e = v_halves(rows + 12, other + 12);
        const VF xy_low = _mm256_unpacklo_ps(a, b), zw_low = _mm256_unpackhi_ps(a, b);
        const VF xy_high = _mm256_unpacklo_ps(c, e), zw_high = _mm256_unpackhi_ps(c, e);
        features[0] = _mm256_shuffle_ps(xy_low, xy_high, 0x44);
        features[1] = _mm256_shuffle_ps(xy_low, xy_high, 0xee);
        features[2] = _mm256_shuffle_ps(zw_low, zw_high, 0x44);
        features[3] = _mm256_shuffle_ps(zw_low, zw_high, 0xee);
    }
}

CK_INLINE void v_transpose(VF square[L])
{
    VF t[L];
    for (int i = 0; i < L; i += 4) {
        VF ab_low = _mm256_unpacklo_ps(square[i], square[i + 1]),
           ab_high = _mm256_unpackhi_ps(square[i], square[i + 1]);
        VF cd_low = _mm256_unpacklo_ps(square[i + 2], square[i + 3]);
        VF cd_high = _mm256_unpackhi_ps(square[i + 2], square[i + 3]);
        t[i] = _mm256_shuffle_ps(ab_low, cd_low, 0x44);
        t[i + 1] = _mm256_shuffle_ps(ab_low, cd_low, 0xee);
        t[i + 2] = _mm256_shuffle_ps(ab_high, cd_high, 0x44);
        t[i + 3] = _mm256_shuffle_ps(ab_high, cd_high, 0xee);
    }
    for (int i = 0; i < 4; i++) {
        square[i] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x20);
        square[i + 4] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x31);
    }
}

#define HAS_ROWS_MAX 1
/* The largest lane of each vector. */
CK_INLINE VF v_rows_max(const VF rows[L])
{
    VF pairs[4], fours[2];
    _Pragma("GCC unroll 64") for (int i = 0; i < 4; i++) pairs[i] =
        v_max(_mm256_unpacklo_ps(rows[2 * i], rows[2 * i + 1]), _mm256_unpackhi_ps(rows[2 * i], rows[2 * i + 1]));
    _Pragma("GCC unroll 64") for (int i = 0; i < 2; i++) fours[i] =
        v_max(_mm256_shuffle_ps(pairs[2 * i], pairs[2 * i + 1], 0x44),
              _mm256_shuffle_ps(pairs[2 * i], pairs[2 * i + 1], 0xee));
    return v_max(_mm256_permute2f128_ps(fours[0], fours[1], 0x20), _mm256_permute2f128_ps(fours[0], fours[1], 0x31));
}

#define HAS_LIST 1
/* Appends base + the places of the bits; returns how many. Writes a whole vector. Four lanes at a time: their places, a
 * byte each. */
CK_INLINE int v_list(uint32_t mask, int base, int32_t *list)
{
    static const uint32_t places[16] = {0,   0,     0x1,   0x100,   0x2,   0x200,   0x201,   0x20100,
                                        0x3, 0x300, 0x301, 0x30100, 0x302, 0x30200, 0x30201, 0x3020100};
    const __m128i low = _mm_cvtepu8_epi32(_mm_cvtsi32_si128((int)places[mask & 15]));
    const __m128i high = _mm_cvtepu8_epi32(_mm_cvtsi32_si128((int)places[mask >> 4]));
    const int n_low = _mm_popcnt_u32(mask & 15);
    _mm_storeu_si128((__m128i *)list, _mm_add_epi32(low, _mm_set1_epi32(base)));
    _mm_storeu_si128((__m128i *)(list + n_low), _mm_add_epi32(high, _mm_set1_epi32(base + 4)));
    return n_low + _mm_popcnt_u32(mask >> 4);
}

/* --- Integers ------------------------------------------------------------------------------------------------ */

typedef __m256i VI;

CK_INLINE VF v_mul(VF a, VF b) { return _mm256_mul_ps(a, b); }
CK_INLINE VF v_div(VF a, VF b) { return _mm256_div_ps(a, b); }
CK_INLINE VF v_sqrt(VF a) { return _mm256_sqrt_ps(a); }
CK_INLINE VF v_size(VF a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
CK_INLINE void v_storeu(float *a, VF x) { _mm256_storeu_ps(a, x); }
CK_INLINE VI v_plus(VI a, VI b) { return _mm256_add_epi32(a, b); }
CK_INLINE VI v_round(VF a) { return _mm256_cvtps_epi32(a); }
CK_INLINE VF v_float(VI a) { return _mm256_cvtepi32_ps(a); }
CK_INLINE VI v_words(const float *a) { return _mm256_load_si256((const __m256i *)a); }
CK_INLINE VI v_word(const float *a) { return _mm256_castps_si256(_mm256_broadcast_ss(a)); }
CK_INLINE VF v_as_floats(VI a) { return _mm256_castsi256_ps(a); }
CK_INLINE VF v_set1_index(int32_t a) { return _mm256_castsi256_ps(_mm256_set1_epi32(a)); }
/* The lanes as bytes, with sign. */
CK_INLINE void v_store_bytes(int8_t *a, VI x)
{
    const __m128i halves = _mm_packs_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    _mm_storel_epi64((__m128i *)a, _mm_packs_epi16(halves, halves));
}
