/* Portable C. Where the compiler has vector types they become whatever the baseline offers (SSE2, NEON);
 * elsewhere a vector is one float. */
#include <string.h>

#include "../base/bits.h"
#include "screen.h"

#if CK_VECTOR_TYPES
#define L 4
typedef float VF __attribute__((vector_size(16)));
typedef float unaligned_vf __attribute__((vector_size(16), aligned(4), may_alias));
typedef int32_t VI __attribute__((vector_size(16)));
typedef int32_t unaligned_vi __attribute__((vector_size(16), aligned(4), may_alias));

CK_INLINE VF v_zero(void) { return (VF){0}; }
CK_INLINE VF v_loadu(const float *a) { return (VF) * (const unaligned_vf *)a; }
CK_INLINE VF v_load(const float *a) { return v_loadu(a); }
CK_INLINE void v_store(float *a, VF x) { *(unaligned_vf *)a = (unaligned_vf)x; }
CK_INLINE VF v_set1(const float *a) { return (VF){*a, *a, *a, *a}; }
CK_INLINE uint32_t lane_bits(VI lanes)
{
    return (uint32_t)((lanes[0] & 1) | (lanes[1] & 2) | (lanes[2] & 4) | (lanes[3] & 8));
}
CK_INLINE uint32_t v_mask_ge(VF a, VF b) { return lane_bits(a >= b); }
CK_INLINE uint32_t v_mask_gt(VF a, VF b) { return lane_bits(a > b); }
CK_INLINE uint32_t v_mask_differ(const int32_t *a, const int32_t *b)
{
    return lane_bits((VI) * (const unaligned_vi *)a != (VI) * (const unaligned_vi *)b);
}
CK_INLINE VF v_select(VI mask, VF a, VF b) { return (VF)(((VI)a & mask) | ((VI)b & ~mask)); }
CK_INLINE void v_store_index(int32_t *a, VF x) { *(unaligned_vi *)a = (unaligned_vi)x; }
CK_INLINE VF v_lookup(const float *table, VF index)
{
    VI at = (VI)index;
    return (VF){table[at[0]], table[at[1]], table[at[2]], table[at[3]]};
}
CK_INLINE void v_transpose(VF square[L])
{
    VF t[L] = {square[0], square[1], square[2], square[3]};
    for (int i = 0; i < L; i++) square[i] = (VF){t[0][i], t[1][i], t[2][i], t[3][i]};
}
#else
#define L 1
typedef float VF;
typedef int VI;

CK_INLINE VF v_zero(void) { return 0.0f; }
CK_INLINE VF v_loadu(const float *a) { return *a; }
CK_INLINE VF v_load(const float *a) { return *a; }
CK_INLINE void v_store(float *a, VF x) { *a = x; }
CK_INLINE VF v_set1(const float *a) { return *a; }
CK_INLINE uint32_t v_mask_ge(VF a, VF b) { return a >= b; }
CK_INLINE uint32_t v_mask_gt(VF a, VF b) { return a > b; }
CK_INLINE uint32_t v_mask_differ(const int32_t *a, const int32_t *b) { return *a != *b; }
CK_INLINE VF v_select(VI mask, VF a, VF b) { return mask ? a : b; }
CK_INLINE void v_store_index(int32_t *a, VF x) { memcpy(a, &x, sizeof x); }
CK_INLINE VF v_lookup(const float *table, VF index)
{
    int32_t at;
    v_store_index(&at, index);
    return table[at];
}
CK_INLINE void v_transpose(VF square[L]) { (void)square; }
#endif

CK_INLINE VF v_add(VF a, VF b) { return a + b; }
CK_INLINE VF v_sub(VF a, VF b) { return a - b; }
CK_INLINE VF v_max(VF a, VF b) { return v_select(a > b, a, b); }
CK_INLINE VF v_in_register(VF x) { return x; }
/* Two roundings, unlike the others: the bound counts both. */
CK_INLINE VF v_fma(VF a, VF b, VF c) { return a * b + c; }

CK_INLINE void v_keep_best(VF score, VF center, VF *best, VF *second, VF *index)
{
    VI better = score > *best;
    VF loser = v_select(better, *best, score);
    *second = v_select(loser > *second, loser, *second);
    *index = v_select(better, center, *index);
    *best = v_select(better, score, *best);
}

#include "strided_rows.h"

#define NARROW_V (16 / L)
#define NARROW_R 1
#define TILE_V 2
#define TILE_R 4
#define NARROW_FEATURES 2
#define GATHER_FEATURES 3
#include "kernel_template.h"

const ck_screen_kernels ck_screen_generic = ISA_TABLE;
