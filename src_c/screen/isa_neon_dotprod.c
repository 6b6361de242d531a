/* SDOT: four products of signed bytes are added to 32 bits. */
#include "int8.h"

#if CK_ARM_64 && CK_VECTOR_TYPES
#include <arm_neon.h>

#include "../base/bits.h"
#include "../base/target_neon_dotprod.h"
#include "isa_neon.h"
#include "stage_rows.h"

CK_INLINE VI dot_bytes(VI sum, VI centers, VI rows)
{
    return vdotq_s32(sum, vreinterpretq_s8_s32(rows), vreinterpretq_s8_s32(centers));
}

#define V 2
#define R 8
#define INT8_RAISED 0
#define V_DOT_BYTES dot_bytes
#include "int8_quads.h"

/* The cost is a guess: not measured. */
const ck_coarse_shape ck_coarse_neon_dotprod = INT8_SHAPE(ck_format_int8, 32, 0.3);
#include "../base/target_end.h"
#endif
