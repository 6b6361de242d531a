/* grids.c - grids on which sums of rows are exact, after the idea of pre-rounded summation (Demmel and Nguyen,
 * "Parallel reproducible summation", IEEE Trans. Computers 64, 2015). docs/numerics.md, section 1, has the proof. */
#include <stdlib.h>
#include <string.h>

#include "../settle/rows.h"
#include "problem.h"

enum {
    PRECISION_BITS = 57, /* below the largest magnitude: finer than float64 holds that magnitude itself */
    SPREAD_BITS = 12,    /* from a typical magnitude to the largest that are thought ordinary; above, more are added */
    SAMPLE_ROWS = 64,
    MAX_LEVELS = 64,
    SIGNIFICAND_BITS = 52,
    LEAST_EXPONENT = -1074
};

/* n <= 2^this, at least 1. */
static int row_bits(int64_t n)
{
    int bits = 1;
    while (bits < 62 && (int64_t)1 << bits < n) bits++;
    return bits;
}

static int exponent_above(double value)
{
    int exponent = 0;
    frexp(value, &exponent);
    return exponent;
}

/* OUT shifts (stride apart): of values of at most `largest`. A zero shift leaves the value whole: right where all
 * values lie on a grid that sums are exact on. */
static void set_shifts(double largest, int bits, int levels, int64_t stride, double *shifts)
{
    int exponent = exponent_above(largest) + bits;
    for (int level = 0; level < levels; level++) {
        const int grid = exponent - SIGNIFICAND_BITS;
        shifts[level * stride] = largest > 0.0 && grid > LEAST_EXPONENT ? ldexp(1.5, exponent) : 0.0;
        exponent = grid - 1 + bits;
    }
}

/* Of n rows, the nonzero magnitudes of a feature. */
static int list_magnitudes(const ck_matrix *X, int64_t feature, const int64_t *rows, int64_t n, double *magnitudes)
{
    int count = 0;
    for (int64_t i = 0; i < n; i++) {
        magnitudes[count] = fabs(ck_element(X, rows[i], feature));
        count += magnitudes[count] != 0.0;
    }
    return count;
}

/* What row by row tells which features are beyond doubt. INOUT small, nonzero: counts of magnitudes. */
static void count_small(const double *row, const double *largest, int64_t d, double *small, double *nonzero)
{
    const double spread = 1.0 / (1 << SPREAD_BITS);
    for (int64_t p = 0; p < d; p++) {
        const double magnitude = fabs(row[p]);
        nonzero[p] += magnitude != 0.0 ? 1.0 : 0.0;
        small[p] += ((magnitude < largest[p] * spread) & (magnitude != 0.0)) ? 1.0 : 0.0;
    }
}

/* Bits by which the largest magnitude of a feature stands above what is ordinary in a few rows. row: scratch, 3 d. */
static int largest_spread(const ck_problem *problem, const double *largest, double *row)
{
    const ck_matrix *X = problem->X;
    const int64_t n = ck_min_i64(SAMPLE_ROWS, X->n_rows), d = X->n_features;
    int64_t counted[SAMPLE_ROWS], n_counted = 0;
    double magnitudes[SAMPLE_ROWS];
    int spread = 0;
    double *small = row + d, *nonzero = small + d;
    memset(small, 0, (size_t)(2 * d) * sizeof *small);
    for (int64_t i = 0; i < n; i++) {
        const int64_t at = i * (X->n_rows / n);
        if (!(ck_weight(problem, at) > 0.0)) continue;
        counted[n_counted++] = at;
        ck_rows_table()->copy_rows(X, at, 1, row);
        count_small(row, largest, d, small, nonzero);
    }
    for (int64_t p = 0; p < d; p++) {
        if (small[p] <= floor(nonzero[p] / 4.0)) continue;
        const int count = list_magnitudes(X, p, counted, n_counted, magnitudes);
        const int exponent = exponent_above(largest[p]) - SPREAD_BITS;
        /* Sorting would tell what is ordinary; that it is enough most features show without. */
        const double enough = ldexp(0.5, exponent - spread);
        int below = 0;
        for (int i = 0; i < count; i++) below += magnitudes[i] < enough;
        if (below <= count / 4) continue;
        qsort(magnitudes, (size_t)count, sizeof(double), ck_compare_doubles);
        spread = exponent - exponent_above(magnitudes[count / 4]);
    }
    return spread;
}

double ck_sum_shift(double most, int64_t n)
{
    double shift;
    set_shifts(most, row_bits(n), 1, 1, &shift);
    return shift;
}

int ck_problem_set_grids(ck_problem *problem, ck_arena *arena, const double *largest, int whole_multiples)
{
    const int64_t n = problem->X->n_rows, d = problem->X->n_features;
    const int bits = row_bits(n);
    double most = 1.0, least = 1.0;
    if (problem->weights) {
        most = 0.0, least = INFINITY;
        for (int64_t i = 0; i < n; i++) {
            const double weight = problem->weights[i];
            if (i % CK_UNWATCHED_ROWS == 0 && ck_stopped()) return CK_ERROR_STOPPED;
            most = weight > most ? weight : most;
            least = weight > 0.0 && weight < least ? weight : least;
        }
    }
    /* Rows of small weight count as precisely as those of large weight. */
    double *sample = CK_NEW(arena, double, 3 * d);
    if (arena->failed) return CK_ERROR_MEMORY;
    const int needed =
        PRECISION_BITS + largest_spread(problem, largest, sample) + exponent_above(most) - exponent_above(least);
    int levels = 1;
    while (!whole_multiples && levels < MAX_LEVELS && levels * (SIGNIFICAND_BITS + 1 - bits) - 1 < needed) levels++;

    double *shifts = CK_NEW(arena, double, levels *d), *weight_shifts = CK_NEW(arena, double, levels);
    double *multipliers = problem->weights || problem->unit != 0 ? CK_NEW(arena, double, n) : NULL;
    if (arena->failed) return CK_ERROR_MEMORY;
    for (int64_t p = 0; p < d; p++) {
        /* The product is rounded: its bound is a power of two, which rounding does not cross. */
        const int weight_exponent = problem->weights ? exponent_above(most) : 0;
        const double bound = ldexp(1.0, exponent_above(ldexp(largest[p], -problem->unit)) + weight_exponent - 1);
        set_shifts(whole_multiples || !(largest[p] > 0.0) ? 0.0 : bound, bits, levels, d, shifts + p);
    }
    set_shifts(most, bits, levels, 1, weight_shifts);
    const double scale = ldexp(1.0, -problem->unit);
    for (int64_t i = 0; i < n && multipliers; i++) {
        if (i % CK_UNWATCHED_ROWS == 0 && ck_stopped()) return CK_ERROR_STOPPED;
        multipliers[i] = ck_weight(problem, i) * scale;
    }
    problem->grid = (ck_sum_grid){levels, shifts, multipliers};
    problem->weight_grid = (ck_sum_grid){levels, weight_shifts, NULL};
    return CK_OK;
}
