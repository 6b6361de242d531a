/* VPDPBUSD: unsigned bytes of centers times signed ones of rows, at four times the rate of float32. */
#include "int8.h"

#if CK_X86_64 && CK_COMPILES_VNNI
#include <immintrin.h>

#include "../base/bits.h"
#include "../base/target_avx512_vnni.h"
#include "isa_avx512.h"
#include "stage_rows.h"

#define V 2
#define R 12
#define INT8_RAISED CK_INT8_RAISED
#define V_DOT_BYTES _mm512_dpbusd_epi32
#include "int8_quads.h"

const ck_coarse_shape ck_coarse_avx512_vnni = INT8_SHAPE(ck_format_int8_raised, 14, 0.255);
#include "../base/target_end.h"
#endif
