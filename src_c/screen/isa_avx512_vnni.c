/* VPDPBUSD: four products of bytes are added to 32 bits by one instruction, at four times the rate of float32. */
#include "int8.h"

#if CK_X86_64 && CK_COMPILES_VNNI
#include <immintrin.h>

#include "../base/bits.h"
#include "../base/target_avx512_vnni.h"
#include "isa_avx512.h"
#include "stage_rows.h"

#define V 2
#define R 12
#define STEP 1
#define INT8_RAISED CK_INT8_RAISED
CK_INLINE VI v_dot(VI feature, VI same_feature, VI x, VI same_x, VI sum)
{
    (void)same_feature, (void)same_x;
    sum = _mm512_dpbusd_epi32(sum, feature, x);
    __asm__("" : "+v"(sum)); /* GCC 12 would move every sum to another register, and through memory */
    return sum;
}
#include "int8_template.h"

const ck_coarse_shape ck_coarse_avx512_vnni = INT8_SHAPE(ck_format_int8_raised, 0.28);
#include "../base/target_end.h"
#endif
