/* Products of bytes in registers of 32 bytes. */
#include "int8.h"

#if CK_X86_64 && CK_VECTOR_TYPES
#include <immintrin.h>

#include "../base/bits.h"
#include "../base/target_avx2.h"
#include "isa_avx2.h"
#include "stage_rows.h"

#define V 2
#define R 4
#define V_INTEGERS(operation) _mm256_##operation
#include "int8_pairs.h"

const ck_coarse_shape ck_coarse_avx2 = INT8_SHAPE(ck_format_int6_raised, 32, 0.42);
#include "../base/target_end.h"
#endif
