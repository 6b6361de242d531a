#include "exact_sum.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "settle.h"

enum {
    DIGIT_BITS = 32,
    BLOCK_BITS = 10,     /* CK_EXACT_BLOCK is 2^10 */
    LEVEL_BITS = 43,     /* 53 less BLOCK_BITS */
    MOST_ADDED = 1 << 29 /* numbers that int64 digits take without overflow */
};
static const int64_t DIGIT_MASK = ((int64_t)1 << DIGIT_BITS) - 1;

void ck_exact_sum_init(ck_exact_sum *sum) { memset(sum, 0, sizeof *sum); }

/* Digits to [0, 2^32) but the last, which has the sign. */
static void carry(ck_exact_sum *sum)
{
    for (int i = 0; i + 1 < CK_EXACT_DIGITS; i++) {
        const int64_t low = sum->digits[i] & DIGIT_MASK;
        sum->digits[i + 1] += (sum->digits[i] - low) / ((int64_t)1 << DIGIT_BITS);
        sum->digits[i] = low;
    }
    sum->n_added = 0;
}

void ck_exact_sum_add(ck_exact_sum *sum, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    const int exponent = (int)(bits >> 52 & 0x7ff);
    if (exponent == 0x7ff) {
        sum->special += value;
        return;
    }
    const uint64_t fraction = bits & (((uint64_t)1 << 52) - 1);
    const uint64_t mantissa = exponent > 0 ? fraction | (uint64_t)1 << 52 : fraction;
    const int position = exponent > 0 ? exponent - 1 : 0, shift = position % DIGIT_BITS;
    const uint64_t low = (mantissa & (uint64_t)DIGIT_MASK) << shift, high = (mantissa >> DIGIT_BITS) << shift;
    const int64_t parts[3] = {(int64_t)(low & (uint64_t)DIGIT_MASK),
                              (int64_t)((low >> DIGIT_BITS) + (high & (uint64_t)DIGIT_MASK)),
                              (int64_t)(high >> DIGIT_BITS)};
    assert(position / DIGIT_BITS + 2 < CK_EXACT_DIGITS);
    int64_t *digits = sum->digits + position / DIGIT_BITS;
    for (int i = 0; i < 3; i++) digits[i] += bits >> 63 ? -parts[i] : parts[i];
    if (++sum->n_added == MOST_ADDED) carry(sum);
}

/* Shifts that cut numbers up to the largest into parts, whose sums are exact. Returns 0 where there are none. */
static int set_shifts(double largest, double *shifts)
{
    int exponent = 0;
    frexp(largest, &exponent);
    exponent += BLOCK_BITS;
    if (exponent > DBL_MAX_EXP - 2 || exponent - 52 - (CK_EXACT_LEVELS - 1) * LEVEL_BITS < -1074) return 0;
    for (int level = 0; level < CK_EXACT_LEVELS; level++) shifts[level] = ldexp(1.5, exponent - level * LEVEL_BITS);
    return 1;
}

static void add_block(ck_exact_sum *sum, const double *values, int64_t n)
{
    const ck_settle_kernels *kernels = ck_settle_table();
    double largest, shifts[CK_EXACT_LEVELS], sums[CK_EXACT_LEVELS];
    if (kernels->largest_magnitude(values, n, &largest) && set_shifts(largest, shifts) &&
        kernels->sum_levels(values, n, shifts, sums))
        for (int level = 0; level < CK_EXACT_LEVELS; level++) ck_exact_sum_add(sum, sums[level]);
    else
        for (int64_t i = 0; i < n; i++) ck_exact_sum_add(sum, values[i]);
}

void ck_exact_sum_add_all(ck_exact_sum *sum, const double *values, int64_t n)
{
    for (int64_t i = 0; i < n; i += CK_EXACT_BLOCK) add_block(sum, values + i, ck_min_i64(CK_EXACT_BLOCK, n - i));
}

void ck_exact_sum_merge(ck_exact_sum *sum, const ck_exact_sum *other)
{
    ck_exact_sum from = *other;
    carry(&from);
    carry(sum);
    for (int i = 0; i < CK_EXACT_DIGITS; i++) sum->digits[i] += from.digits[i];
    sum->special += from.special;
    sum->n_added = 1;
}

double ck_exact_sum_round(const ck_exact_sum *sum)
{
    ck_exact_sum whole = *sum;
    if (sum->special != 0.0) return sum->special; /* not a number either */
    carry(&whole);
    const int negative = whole.digits[CK_EXACT_DIGITS - 1] < 0;
    for (int i = 0; i < CK_EXACT_DIGITS && negative; i++) whole.digits[i] = -whole.digits[i];
    if (negative) carry(&whole);
    int top = CK_EXACT_DIGITS - 1, bits = 0, rest = 0;
    while (top > 2 && whole.digits[top] == 0) top--;
    const uint64_t first = (uint64_t)whole.digits[top], second = (uint64_t)whole.digits[top - 1];
    const uint64_t third = (uint64_t)whole.digits[top - 2];
    while (bits < DIGIT_BITS && first >> bits > 0) bits++;
    if (first >> DIGIT_BITS > 0) return negative ? -INFINITY : INFINITY;
    for (int i = 0; i < top - 2; i++) rest |= whole.digits[i] != 0;
    /* 64 bits from the first of the top digit on; where more follow the last is set, which decides ties alone. Numbers
     * below the normal ones have no more bits than float64 holds. */
    rest |= (third & (((uint64_t)1 << bits) - 1)) != 0;
    const uint64_t head = (first << DIGIT_BITS | second) << (DIGIT_BITS - bits) | third >> bits | (uint64_t)rest;
    const double rounded = ldexp((double)head, DIGIT_BITS * (top - 1) - 1074 - (DIGIT_BITS - bits));
    return negative ? -rounded : rounded;
}
