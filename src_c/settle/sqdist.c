#include "settle.h"

static int are_numbers(const double *x, int64_t d)
{
    for (int64_t p = 0; p < d; p++)
        if (isnan(x[p])) return 0;
    return 1;
}

ck_sqdist ck_sqdist_scaled(const double *x, const double *c, int64_t d)
{
    double largest = 0.0, half = 1.0;
    for (int64_t p = 0; p < d; p++) largest = fmax(largest, fabs(x[p] - c[p]));
    if (!are_numbers(x, d) || !are_numbers(c, d)) return (ck_sqdist){NAN, 0}; /* which fmax passes over */
    if (largest > DBL_MAX) { /* a difference overflows: take halves, which is exact at this size */
        half = 0.5;
        largest = 0.0;
        for (int64_t p = 0; p < d; p++) largest = fmax(largest, fabs(x[p] * half - c[p] * half));
    }
    ck_sqdist result = {0.0, 0};
    if (largest == 0.0) return result;
    int exponent;
    frexp(largest, &exponent);
    for (int64_t p = 0; p < d; p++) {
        double difference = ldexp(x[p] * half - c[p] * half, -exponent);
        result.value += difference * difference;
    }
    result.exponent = 2 * (half < 1.0 ? exponent + 1 : exponent);
    return result;
}

int ck_sqdist_less(ck_sqdist a, ck_sqdist b)
{
    if (a.exponent == b.exponent || a.value == 0.0 || b.value == 0.0) return a.value < b.value;
    int exponent_a, exponent_b;
    double mantissa_a = frexp(a.value, &exponent_a), mantissa_b = frexp(b.value, &exponent_b);
    exponent_a += a.exponent;
    exponent_b += b.exponent;
    return exponent_a != exponent_b ? exponent_a < exponent_b : mantissa_a < mantissa_b;
}

double ck_sqdist_in_unit(ck_sqdist a, int unit)
{
    return a.exponent == 0 && unit == 0 ? a.value : ldexp(a.value, a.exponent - 2 * unit);
}

double ck_sqdist_root(ck_sqdist a) { return ldexp(sqrt(a.value), a.exponent / 2); }
