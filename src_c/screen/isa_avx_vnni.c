/* VPDPBUSD in registers of 32 bytes, which processors without AVX-512 have, too. */
#include "int8.h"

#if CK_X86_64 && CK_COMPILES_AVX_VNNI
#include <immintrin.h>

#include "../base/bits.h"
#if defined(CK_UNIT_MODELS)
#include "../base/target_avx2.h"
#else
#include "../base/target_avx_vnni.h"
#endif
#include "isa_avx2.h"
#include "stage_rows.h"

#if defined(CK_UNIT_MODELS) /* the same numbers by instructions of AVX2: even and odd bytes in 16 bits each */
CK_INLINE VI dot_bytes(VI sum, VI centers, VI rows)
{
    const VI even = _mm256_madd_epi16(_mm256_and_si256(centers, _mm256_set1_epi16(0xff)),
                                      _mm256_srai_epi16(_mm256_slli_epi16(rows, 8), 8));
    const VI odd = _mm256_madd_epi16(_mm256_srli_epi16(centers, 8), _mm256_srai_epi16(rows, 8));
    return _mm256_add_epi32(sum, _mm256_add_epi32(even, odd));
}
#define V_DOT_BYTES dot_bytes
#else
#define V_DOT_BYTES _mm256_dpbusd_avx_epi32
#endif

#define V 2
#define R 6
#define INT8_RAISED CK_INT8_RAISED
#include "int8_quads.h"

/* The cost is a guess: not measured. */
const ck_coarse_shape ck_coarse_avx_vnni = INT8_SHAPE(ck_format_int8_raised, 14, 0.255);
#include "../base/target_end.h"
#endif
