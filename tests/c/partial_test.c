/* partial_test.c - what rows add up to, whatever the order and grouping.
 *     partial_test [rounds] [seed]
 * Totals of parts of the rows, merged at random, must have the bits of those of all rows on every instruction set;
 * exact sums must be what integers of the test's own add up to. */
#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src_c/fit/partial.h"
#include "../../src_c/settle/exact_sum.h"

enum { MAX_ROWS = 500, MAX_FEATURES = 20, MAX_CLUSTERS = 9, MAX_PARTS = 7, MAX_SUMMANDS = 3000 };

static ck_random source;
static int64_t below(int64_t limit) { return (int64_t)(ck_random_uniform(&source) * (double)limit); }

static void fail(const char *what, int round)
{
    printf("FAILED: %s, round %d\n", what, round);
    exit(1);
}

/* --- Exact sums -------------------------------------------------------------------------------------------- */

/* Bit i of an integer in units of 2^-1074, a byte each. */
enum { ORACLE_BITS = 2140 };
typedef struct {
    uint8_t bits[ORACLE_BITS];
} integer;

static void add_magnitude(integer *sum, double value)
{
    int exponent, carry = 0;
    const uint64_t mantissa = (uint64_t)ldexp(frexp(fabs(value), &exponent), 53);
    const int lowest = exponent - 53 + 1074; /* negative: those bits of the mantissa are 0 */
    for (int i = 0; i < 53 || carry; i++) {
        if (lowest + i < 0) continue;
        uint8_t *bit = sum->bits + lowest + i;
        const int total = *bit + (i < 53 ? (int)(mantissa >> i & 1) : 0) + carry;
        *bit = total & 1;
        carry = total >> 1;
    }
}

static double oracle_sum(const double *values, int64_t n)
{
    static integer sides[2];
    memset(sides, 0, sizeof sides);
    for (int64_t i = 0; i < n; i++)
        if (values[i] != 0.0) add_magnitude(sides + (values[i] < 0.0), values[i]);
    int top = ORACLE_BITS - 1, borrow = 0;
    while (top >= 0 && sides[0].bits[top] == sides[1].bits[top]) top--;
    if (top < 0) return 0.0;
    const int negative = sides[1].bits[top];
    integer *larger = sides + negative;
    for (int i = 0; i <= top; i++) {
        const int left = larger->bits[i] - sides[!negative].bits[i] - borrow;
        larger->bits[i] = (uint8_t)(left & 1);
        borrow = left < 0;
    }
    while (larger->bits[top] == 0) top--;
    const int last = top > 52 ? top - 52 : 0;
    uint64_t mantissa = 0;
    int beyond = 0;
    for (int i = top; i >= last; i--) mantissa = mantissa << 1 | larger->bits[i];
    for (int i = 0; i < last - 1; i++) beyond |= larger->bits[i];
    if (last > 0 && larger->bits[last - 1]) mantissa += beyond || (mantissa & 1);
    const double sum = ldexp((double)mantissa, last - 1074);
    return negative ? -sum : sum;
}

static double draw_summand(int kind)
{
    const double value = 2.0 * ck_random_uniform(&source) - 1.0;
    switch (kind) {
    case 0: return value;
    case 1: return ldexp(value, (int)below(2098) - 1073);
    case 2: return ldexp(value, -1060);
    case 3: return below(2) ? DBL_MAX : -DBL_MAX;
    case 4: return ldexp(below(2) ? 1.0 : -1.0, -(int)below(120)); /* ties of the last rounding */
    default: return value / (1e-9 + ck_random_uniform(&source));   /* heavy tails */
    }
}

static void check_exact_sums(int round)
{
    static double values[MAX_SUMMANDS];
    const int kind = (int)below(6);
    const int64_t n = 1 + below(below(3) ? 40 : MAX_SUMMANDS);
    for (int64_t i = 0; i < n; i++)
        values[i] = i > 0 && below(3) == 0 ? -values[below(i)] : draw_summand(below(20) ? kind : (int)below(6));
    const double expected = oracle_sum(values, n);
    for (int repeat = 0; repeat < 3; repeat++) {
        ck_exact_sum sums[MAX_PARTS];
        for (int64_t i = n - 1; i > 0; i--) {
            const int64_t other = below(i + 1);
            const double value = values[i];
            values[i] = values[other];
            values[other] = value;
        }
        for (int part = 0; part < MAX_PARTS; part++) ck_exact_sum_init(sums + part);
        for (int64_t i = 0, length; i < n; i += length) {
            ck_exact_sum *sum = sums + below(MAX_PARTS);
            length = 1 + below(below(2) ? 3 : n - i);
            length = ck_min_i64(length, n - i);
            if (length == 1)
                ck_exact_sum_add(sum, values[i]);
            else
                ck_exact_sum_add_all(sum, values + i, length);
        }
        for (int left = MAX_PARTS; left > 1; left--) {
            const int from = (int)below(left), to = (from + 1 + (int)below(left - 1)) % left;
            ck_exact_sum_merge(sums + to, sums + from);
            sums[from] = sums[left - 1];
        }
        const double found = ck_exact_sum_round(sums);
        if (memcmp(&found, &expected, sizeof found) != 0) fail("exact sum", round);
    }
}

/* --- Totals of rows ---------------------------------------------------------------------------------------- */

static double draw_element(int kind)
{
    const double value = 2.0 * ck_random_uniform(&source) - 1.0;
    switch (kind) {
    case 0: return 100.0 * value;
    case 1: return value / (1e-9 + ck_random_uniform(&source));
    case 2: return ldexp(value, 900); /* another unit */
    case 3: return ldexp(value, -900);
    default: return ldexp(value, (int)below(200) - 100);
    }
}

static void store(void *at, ck_dtype dtype, double value)
{
    switch (dtype) {
    case CK_F32: *(float *)at = fabs(value) < 1e37 ? (float)value : 1.0f; return;
    case CK_F64: *(double *)at = value; return;
    case CK_I8: *(int8_t *)at = (int8_t)fmax(-128, fmin(127, value)); return;
    case CK_U8: *(uint8_t *)at = (uint8_t)fmax(0, fmin(255, value)); return;
    case CK_I16: *(int16_t *)at = (int16_t)fmax(-32768, fmin(32767, 99 * value)); return;
    default: *(uint16_t *)at = (uint16_t)fmax(0, fmin(65535, 99 * value)); return;
    }
}

static int same(const ck_partial *a, const ck_partial *b)
{
    const size_t n = (size_t)(a->k * a->levels);
    return memcmp(a->sums, b->sums, n * (size_t)a->d * sizeof(double)) == 0 &&
           (!a->weights || memcmp(a->weights, b->weights, n * sizeof(double)) == 0) &&
           memcmp(a->sizes, b->sizes, (size_t)a->k * sizeof(int64_t)) == 0;
}

/* Rows of one part, listed from row `first` on, take labels from `after`; -1 before: they are in no cluster yet. */
static void move(ck_partial *partial, const ck_problem *problem, const int *parts, int part, int64_t first,
                 const int32_t *before, const int32_t *after)
{
    int32_t rows[MAX_ROWS], from[MAX_ROWS], to[MAX_ROWS];
    double scratch[MAX_FEATURES];
    ck_moves moves = {0, rows, from, to};
    for (int64_t i = first; i < problem->X->n_rows; i++) {
        if (parts[i] != part || (before && before[i] == after[i])) continue;
        rows[moves.n] = (int32_t)(i - first);
        from[moves.n] = before ? before[i] : -1;
        to[moves.n++] = after[i];
    }
    ck_partial_move(partial, problem, first, &moves, scratch);
}

static void check_partials(int round, const char *const *isas, int n_isas)
{
    static double storage[MAX_ROWS * MAX_FEATURES], weights[MAX_ROWS];
    static int32_t first_labels[MAX_ROWS], labels[MAX_ROWS];
    static int parts[MAX_ROWS], whole[MAX_ROWS];
    const ck_dtype dtype = (ck_dtype)below(6);
    const int kind = (int)below(5), by_columns = (int)below(2), weighted = (int)below(2);
    const int64_t n = 1 + below(MAX_ROWS - 1), d = 1 + below(MAX_FEATURES), k = 1 + below(MAX_CLUSTERS);
    const int64_t item = ck_itemsize(dtype);
    const ck_matrix X = {storage, n, d, by_columns ? item : d * item, by_columns ? n * item : item, dtype};
    for (int64_t i = 0; i < n; i++) {
        weights[i] = below(9) ? ldexp(1.0 + ck_random_uniform(&source), (int)below(100) - 50) : 0.0;
        labels[i] = (int32_t)below(k);
        first_labels[i] = below(3) ? labels[i] : (int32_t)below(k);
        parts[i] = (int)below(MAX_PARTS);
        for (int64_t p = 0; p < d; p++)
            store((char *)storage + i * X.row_stride + p * X.feature_stride, dtype, draw_element(kind));
    }
    weights[0] = 1.0;
    ck_arena arena = {0};
    ck_problem problem;
    ck_partial all, partials[MAX_PARTS];
    if (ck_problem_init(&problem, &arena, &X, weighted ? weights : NULL, 1) != CK_OK) fail("ck_problem_init", round);
    if (dtype == CK_F64 && (kind == 2 || kind == 3) && problem.unit == 0) fail("the unit is 1", round);
    ck_partial_init(&all, &arena, &problem, k, 1);
    for (int part = 0; part < MAX_PARTS; part++) ck_partial_init(partials + part, &arena, &problem, k, 1);
    if (arena.failed) fail("memory", round);
    ck_partial_clear(&all);
    move(&all, &problem, whole, 0, 0, NULL, labels);
    for (int isa = 0; isa < n_isas; isa++) {
        ck_partial left[MAX_PARTS];
        if (ck_choose_isa(isas[isa]) != CK_OK) fail("ck_choose_isa", round);
        for (int part = 0; part < MAX_PARTS; part++) {
            ck_partial_clear(partials + part);
            move(partials + part, &problem, parts, part, 0, NULL, first_labels);
            move(partials + part, &problem, parts, part, 0, first_labels, labels);
            left[part] = partials[part];
        }
        for (int n_left = MAX_PARTS; n_left > 1; n_left--) {
            const int from = (int)below(n_left), to = (from + 1 + (int)below(n_left - 1)) % n_left;
            ck_partial_merge(left + to, left + from);
            left[from] = left[n_left - 1];
        }
        if (!same(left, &all)) fail(isas[isa], round);
    }
    int64_t rows = 0;
    for (int64_t j = 0; j < k; j++) rows += all.sizes[j];
    if (rows != n) fail("rows are missing", round);
    ck_arena_free(&arena);
}

int main(int argc, char **argv)
{
    const int rounds = argc > 1 ? atoi(argv[1]) : 200;
    const char *isas[8];
    const int n_isas = ck_runnable_isas(isas, 8);
    source = ck_random_stream(argc > 2 ? strtoull(argv[2], NULL, 10) : 1, 0);
    for (int round = 0; round < rounds; round++) {
        check_exact_sums(round);
        check_partials(round, isas, n_isas);
    }
    printf("sums agree in %d rounds\n", rounds);
    return 0;
}
