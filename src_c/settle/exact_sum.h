/* exact_sum.h - sums of float64 numbers without any rounding but the last: the same bits in whatever order and grouping
 * they are added. The numbers are kept in digits of 32 bits (a small superaccumulator after Kulisch; Neal, "Fast exact
 * summation using small and large superaccumulators", 2015). */
#ifndef CK_EXACT_SUM_H
#define CK_EXACT_SUM_H

#include "../base/base.h"

/* Levels of a block: 43 bits each, so that numbers within 2^75 of the largest are summed whole. */
enum { CK_EXACT_DIGITS = 68, CK_EXACT_BLOCK = 1024, CK_EXACT_LEVELS = 3 };

typedef struct {
    int64_t
        digits[CK_EXACT_DIGITS]; /* of weight 2^(32 i - 1074); each may stand for more than 32 bits, or be negative */
    int64_t n_added;             /* since digits were last brought below 2^32 */
    double special;              /* infinities and what is not a number: 0 where there are none */
} ck_exact_sum;

void ck_exact_sum_init(ck_exact_sum *sum);
void ck_exact_sum_add(ck_exact_sum *sum, double value);
/* The same of many. */
void ck_exact_sum_add_all(ck_exact_sum *sum, const double *values, int64_t n);
void ck_exact_sum_merge(ck_exact_sum *sum, const ck_exact_sum *other);
/* The nearest float64, ties to even; infinite beyond the largest. */
double ck_exact_sum_round(const ck_exact_sum *sum);

#endif
