/* oracle.h - the canonical distance of docs/numerics.md in integers alone, for tests: nothing of the library, and of
 * the processor's floating point only what moves numbers in and out.
 *
 * Where a plain sum of squares leaves float64 at either end, it is taken again with the differences divided by 2^e,
 * above the largest of them. Numbers here have any exponent, so that nothing is divided: what such a division would
 * lose to underflow is what lies below a least exponent, to which all results are rounded as well.
 */
#ifndef CK_ORACLE_H
#define CK_ORACLE_H

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

__extension__ typedef unsigned __int128 oracle_wide;

/* mantissa * 2^exponent, negative or not. The mantissa is 0 or in [2^52, 2^53). */
typedef struct {
    int negative, exponent;
    uint64_t mantissa;
} oracle_number;

enum { ORACLE_BITS = 53, ORACLE_LEAST = -1074, ORACLE_ABOVE = 1024, ORACLE_PLAIN = -900 };

static inline int oracle_length(oracle_wide value)
{
    const uint64_t high = (uint64_t)(value >> 64), low = (uint64_t)value;
    return high ? 128 - __builtin_clzll(high) : low ? 64 - __builtin_clzll(low) : 0;
}

/* The nearest of 53 bits that is a multiple of 2^least, ties to even. value is below 2^120. */
static inline oracle_number oracle_round(int negative, oracle_wide value, int exponent, int least)
{
    const int length = oracle_length(value);
    int drop = length - ORACLE_BITS;
    if (drop < least - exponent) drop = least - exponent;
    if (drop > length) value = 0;
    if (drop > 0 && value > 0) {
        const oracle_wide one = 1, rest = value & ((one << drop) - 1), half = one << (drop - 1);
        value >>= drop;
        value += rest > half || (rest == half && (value & 1));
        exponent += drop;
    }
    if (value == 0) return (oracle_number){0, 0, 0};
    const int shift = ORACLE_BITS - oracle_length(value); /* -1 where it was rounded to a power of two */
    return (oracle_number){negative, exponent - shift, (uint64_t)(shift < 0 ? value >> 1 : value << shift)};
}

static inline oracle_number oracle_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    const int biased = (int)(bits >> 52 & 0x7ff);
    const uint64_t fraction = bits & (((uint64_t)1 << 52) - 1);
    return oracle_round((int)(bits >> 63), biased ? fraction | (uint64_t)1 << 52 : fraction,
                        (biased ? biased - 1 : 0) + ORACLE_LEAST, ORACLE_LEAST);
}

/* Of magnitudes. */
static inline int oracle_less(oracle_number a, oracle_number b)
{
    if (a.mantissa == 0 || b.mantissa == 0) return b.mantissa > 0 && a.mantissa == 0;
    return a.exponent != b.exponent ? a.exponent < b.exponent : a.mantissa < b.mantissa;
}

static inline oracle_number oracle_add(oracle_number a, oracle_number b, int least)
{
    enum { FAR = 60 };
    if (oracle_less(a, b)) {
        const oracle_number larger = b;
        b = a;
        a = larger;
    }
    if (b.mantissa == 0) return oracle_round(a.negative, a.mantissa, a.exponent, least);
    /* What is far below only tells on which side of a the sum lies. */
    const int gap = a.exponent - b.exponent, shift = gap < FAR ? gap : FAR;
    const oracle_wide high = (oracle_wide)a.mantissa << shift, low = gap < FAR ? b.mantissa : 1;
    return oracle_round(a.negative, a.negative == b.negative ? high + low : high - low, a.exponent - shift, least);
}

static inline oracle_number oracle_square(oracle_number a, int least)
{
    return oracle_round(0, (oracle_wide)a.mantissa * a.mantissa, 2 * a.exponent, least);
}

/* What the number is below, as a power of two. */
static inline int oracle_exponent_above(oracle_number a) { return a.mantissa ? a.exponent + ORACLE_BITS : INT32_MIN; }

static inline oracle_number oracle_sum_of_squares(const double *x, const double *c, int64_t d, int least_difference,
                                                  int least, oracle_number *largest)
{
    oracle_number sum = {0, 0, 0};
    *largest = sum;
    for (int64_t p = 0; p < d; p++) {
        oracle_number center = oracle_of(c[p]);
        center.negative = !center.negative;
        oracle_number difference = oracle_add(oracle_of(x[p]), center, ORACLE_LEAST);
        if (oracle_less(*largest, difference)) *largest = difference;
        difference = oracle_round(difference.negative, difference.mantissa, difference.exponent, least_difference);
        sum = oracle_add(sum, oracle_square(difference, least), least);
    }
    return sum;
}

static inline oracle_number oracle_sqdist(const double *x, const double *c, int64_t d)
{
    oracle_number largest;
    const oracle_number plain = oracle_sum_of_squares(x, c, d, ORACLE_LEAST, ORACLE_LEAST, &largest);
    const int above = oracle_exponent_above(plain), unit = oracle_exponent_above(largest);
    if (largest.mantissa == 0 || (above > ORACLE_PLAIN && above <= ORACLE_ABOVE)) return plain;
    return oracle_sum_of_squares(x, c, d, ORACLE_LEAST + unit, ORACLE_LEAST + 2 * unit, &largest);
}

/* The distance as float64: the processor's root of a number between 1 and 4, then rounded where float64 ends. */
static inline double oracle_distance(const double *x, const double *c, int64_t d)
{
    const oracle_number square = oracle_sqdist(x, c, d);
    const int odd = square.exponent & 1;
    return ldexp(sqrt((double)square.mantissa * (odd ? 2.0 : 1.0)), (square.exponent - odd) / 2);
}

/* The lowest index of the least distance. Those that a careless sum shows to be farther by far are not looked at. */
static inline int32_t oracle_nearest(const double *x, const double *centers, int64_t k, int64_t d)
{
    double least = INFINITY;
    for (int pass = 0;; pass++) {
        int32_t label = -1;
        oracle_number best = {0, 0, 0};
        for (int64_t j = 0; j < k; j++) {
            double careless = 0.0;
            for (int64_t p = 0; p < d; p++) careless += (x[p] - centers[j * d + p]) * (x[p] - centers[j * d + p]);
            if (pass == 0) least = careless < least ? careless : least;
            if (pass == 0 || (least > 1e-250 && careless > least * (1.0 + 1e-9))) continue;
            const oracle_number distance = oracle_sqdist(x, centers + j * d, d);
            if (label < 0 || oracle_less(distance, best)) best = distance, label = (int32_t)j;
        }
        if (pass == 1) return label;
    }
}

#endif
