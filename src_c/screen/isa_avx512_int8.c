/* Products of bytes in registers of 64 bytes, where there is no instruction of their own for them. */
#include "int8.h"

#if CK_X86_64 && CK_VECTOR_TYPES
#include <immintrin.h>

#include "../base/bits.h"
#include "../base/target_avx512.h"
#include "isa_avx512.h"
#include "stage_rows.h"

#define V 2
#define R 8
#define V_INTEGERS(operation) _mm512_##operation
#include "int8_pairs.h"

const ck_coarse_shape ck_coarse_avx512 = INT8_SHAPE(ck_format_int6_raised, 32, 0.44);
#include "../base/target_end.h"
#endif
