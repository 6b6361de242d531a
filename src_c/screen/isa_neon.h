/* isa_neon.h - the v_ operations of NEON, for files that have included arm_neon.h and bits.h before. */

#define L 4
typedef float32x4_t VF;

CK_INLINE VF v_zero(void) { return vdupq_n_f32(0.0f); }
CK_INLINE VF v_load(const float *a) { return vld1q_f32(a); }
CK_INLINE VF v_loadu(const float *a) { return vld1q_f32(a); }
CK_INLINE void v_store(float *a, VF x) { vst1q_f32(a, x); }
CK_INLINE VF v_set1(const float *a) { return vld1q_dup_f32(a); }
CK_INLINE VF v_add(VF a, VF b) { return vaddq_f32(a, b); }
CK_INLINE VF v_sub(VF a, VF b) { return vsubq_f32(a, b); }
CK_INLINE VF v_max(VF a, VF b) { return vmaxq_f32(a, b); }
CK_INLINE VF v_fma(VF a, VF b, VF c) { return vfmaq_f32(c, a, b); }
CK_INLINE VF v_in_register(VF x) { return x; } /* no instruction computes from memory */
CK_INLINE uint32_t lane_bits(uint32x4_t lanes)
{
    static const uint32_t bits[4] = {1, 2, 4, 8};
    return vaddvq_u32(vandq_u32(lanes, vld1q_u32(bits)));
}
CK_INLINE uint32_t v_mask_ge(VF a, VF b) { return lane_bits(vcgeq_f32(a, b)); }
CK_INLINE uint32_t v_mask_gt(VF a, VF b) { return lane_bits(vcgtq_f32(a, b)); }
CK_INLINE uint32_t v_mask_differ(const int32_t *a, const int32_t *b)
{
    return lane_bits(vmvnq_u32(vceqq_s32(vld1q_s32(a), vld1q_s32(b))));
}
CK_INLINE void v_store_index(int32_t *a, VF x) { vst1q_s32(a, vreinterpretq_s32_f32(x)); }
CK_INLINE VF v_lookup(const float *table, VF index)
{
    int32_t at[L];
    v_store_index(at, index);
    float lanes[L] = {table[at[0]], table[at[1]], table[at[2]], table[at[3]]};
    return vld1q_f32(lanes);
}

CK_INLINE void v_keep_best(VF score, VF center, VF *best, VF *second, VF *index)
{
    uint32x4_t better = vcgtq_f32(score, *best);
    *second = vmaxq_f32(*second, vminq_f32(*best, score));
    *index = vbslq_f32(better, center, *index);
    *best = vmaxq_f32(*best, score);
}

#include "strided_rows.h"

CK_INLINE void v_transpose(VF square[L])
{
    float32x4x2_t ab = vtrnq_f32(square[0], square[1]), cd = vtrnq_f32(square[2], square[3]);
    square[0] = vcombine_f32(vget_low_f32(ab.val[0]), vget_low_f32(cd.val[0]));
    square[1] = vcombine_f32(vget_low_f32(ab.val[1]), vget_low_f32(cd.val[1]));
    square[2] = vcombine_f32(vget_high_f32(ab.val[0]), vget_high_f32(cd.val[0]));
    square[3] = vcombine_f32(vget_high_f32(ab.val[1]), vget_high_f32(cd.val[1]));
}

/* --- Integers ------------------------------------------------------------------------------------------------ */

typedef int32x4_t VI;

CK_INLINE VF v_mul(VF a, VF b) { return vmulq_f32(a, b); }
CK_INLINE VF v_div(VF a, VF b) { return vdivq_f32(a, b); }
CK_INLINE VF v_sqrt(VF a) { return vsqrtq_f32(a); }
CK_INLINE VF v_size(VF a) { return vabsq_f32(a); }
CK_INLINE void v_storeu(float *a, VF x) { vst1q_f32(a, x); }
CK_INLINE VI v_plus(VI a, VI b) { return vaddq_s32(a, b); }
CK_INLINE VI v_round(VF a) { return vcvtnq_s32_f32(a); }
CK_INLINE VF v_float(VI a) { return vcvtq_f32_s32(a); }
CK_INLINE VI v_words(const float *a) { return vreinterpretq_s32_f32(vld1q_f32(a)); }
CK_INLINE VI v_word(const float *a) { return vreinterpretq_s32_f32(vld1q_dup_f32(a)); }
CK_INLINE VF v_as_floats(VI a) { return vreinterpretq_f32_s32(a); }
CK_INLINE VF v_set1_index(int32_t a) { return vreinterpretq_f32_s32(vdupq_n_s32(a)); }
/* The lanes as bytes, with sign. */
CK_INLINE void v_store_bytes(int8_t *a, VI x)
{
    const int16x4_t halves = vqmovn_s32(x);
    const int8x8_t bytes = vqmovn_s16(vcombine_s16(halves, halves));
    vst1_lane_s32((int32_t *)(void *)a, vreinterpret_s32_s8(bytes), 0);
}
