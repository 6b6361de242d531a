/* bfloat16.h - numbers of the format bfloat16, two to a word, and what its kernels know of the bound. */
#ifndef CK_BFLOAT16_H
#define CK_BFLOAT16_H

#include "coarse.h"

extern const ck_coarse_format ck_format_bfloat16;

/* The pair of the bound is the last word of a row or center. */
CK_INLINE int64_t ck_bound_pair(int64_t d) { return ck_ceil_div(d, 2); }

CK_INLINE uint16_t ck_bfloat16_nearest(float value) /* ties to even; of what is not a number, something like it */
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

CK_INLINE float ck_float_of_bfloat16(uint16_t value)
{
    const uint32_t bits = (uint32_t)value << 16;
    float result;
    memcpy(&result, &bits, sizeof result);
    return result;
}

/* Rounded upward, of a number that is not negative. */
CK_INLINE uint16_t ck_bfloat16_above(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)((bits + 0xffff) >> 16);
}

#endif
