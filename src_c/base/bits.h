/* bits.h - bit scans without a compiler's own spelling at every use. */
#ifndef CK_BITS_H
#define CK_BITS_H

#include "base.h"

#if CK_GNU_C
CK_INLINE int ck_lowest_bit(uint64_t mask) { return __builtin_ctzll(mask); }
#else
#include <intrin.h>
CK_INLINE int ck_lowest_bit(uint64_t mask)
{
    unsigned long bit;
    _BitScanForward64(&bit, mask);
    return (int)bit;
}
#endif

CK_INLINE int ck_count_bits(uint32_t mask)
{
    mask -= mask >> 1 & 0x55555555u;
    mask = (mask & 0x33333333u) + (mask >> 2 & 0x33333333u);
    return (int)(((mask + (mask >> 4)) & 0x0f0f0f0fu) * 0x01010101u >> 24);
}

#endif
