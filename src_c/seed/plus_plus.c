/* plus_plus.c - greedy k-means++ (Arthur and Vassilvitskii, SODA 2007; the candidates of a step compared as in
 * scikit-learn and in Grunau et al., SODA 2023).
 *
 * The candidates of a step are compared together with all rows, most of which are skipped: few can be nearer to one of
 * them than to the centers there are. Candidates that quick arithmetic cannot tell apart are compared by canonical
 * distances, their gains summed exactly on a grid.
 */
#include <string.h>

#include "../base/bits.h"
#include "plus_plus.h"

enum { ROWS_ABREAST_OF_ONE = 8 }; /* whose masses follow in their own order in the time of one by itself */

/* --- Distances and gains ----------------------------------------------------------------------------------- */

static double sqdist_of_row(const ck_plus_plus *s, int worker, const ck_problem *problem, int64_t row, int t)
{
    const int64_t d = s->X->n_features;
    double *x = ck_plus_plus_row(s, worker);
    ck_load_row(problem->X, row, x);
    return ck_sqdist_in_unit(ck_sqdist_of(x, s->candidates + t * d, d), problem->unit);
}

double ck_plus_plus_sqdist(const ck_plus_plus *s, int worker, int64_t row, int t)
{
    return sqdist_of_row(s, worker, s->problem, row, t);
}

static double on_grid(const ck_plus_plus *s, double mass) { return (mass + s->shift) - s->shift; }

double ck_plus_plus_gain(const ck_plus_plus *s, int worker, int64_t row, int t)
{
    const double sqdist = ck_plus_plus_sqdist(s, worker, row, t), closest = s->closest[row];
    const double weight = ck_weight(s->problem, row);
    return sqdist < closest ? on_grid(s, weight * closest) - on_grid(s, weight * sqdist) : 0.0;
}

int ck_plus_plus_take_closer(ck_plus_plus *s, int worker, double *panel, const int64_t *rows, int64_t n)
{
    const int64_t d = s->X->n_features;
    double *sqdists = panel + CK_LANES * d, *closest = sqdists + CK_LANES;
    int altered = 0;
    for (int64_t lane = 0; lane < CK_LANES; lane++) closest[lane] = lane < n ? s->closest[rows[lane]] : -1.0;
    uint32_t bits = s->kernels->closer(panel, d, s->candidates + s->chosen * d, closest, sqdists);
    if (s->problem->unit != 0) bits = ~0u; /* closest is in other units */
    for (bits &= 0xffffu >> (CK_LANES - n); bits; bits &= bits - 1) {
        const int lane = ck_lowest_bit(bits);
        double sqdist = sqdists[lane];
        if (CK_UNLIKELY(s->problem->unit != 0 || !ck_sqdist_is_plain(sqdist)))
            sqdist = ck_plus_plus_sqdist(s, worker, rows[lane], s->chosen);
        if (!(sqdist < closest[lane])) continue;
        ck_plus_plus_take(s, worker, rows[lane], sqdist);
        altered = 1;
    }
    return altered;
}

void ck_plus_plus_approach(const ck_plus_plus *s, int worker, const ck_problem *problem, int64_t row, int64_t n,
                           const double *weights, double *values)
{
    const int64_t d = s->X->n_features;
    double *panel = ck_plus_plus_panel(s, worker), *some = panel + CK_LANES * d, *some_weights = some + CK_LANES;
    double *const all = n < CK_LANES ? some : values;
    uint32_t bits = ~0u; /* distances in other units are taken one by one */
    if (problem->unit == 0) {
        s->kernels->load_panel(problem->X, row, n, panel);
        for (int64_t lane = 0; lane < CK_LANES && all == some; lane++) {
            some[lane] = lane < n ? values[lane] : 0.0;
            some_weights[lane] = weights && lane < n ? weights[lane] : 1.0;
        }
        bits = s->kernels->lower(panel, d, s->candidates + s->chosen * d,
                                 weights && all == some ? some_weights : weights, all);
        for (int64_t lane = 0; lane < n && all == some; lane++) values[lane] = some[lane];
    }
    for (bits &= 0xffffu >> (CK_LANES - n); bits; bits &= bits - 1) {
        const int lane = ck_lowest_bit(bits);
        const double sqdist = sqdist_of_row(s, worker, problem, row + lane, s->chosen);
        const double value = !weights ? sqdist : weights[lane] > 0.0 ? weights[lane] * sqdist : 0.0;
        values[lane] = value < values[lane] ? value : values[lane];
    }
}

/* --- Blocks of rows ---------------------------------------------------------------------------------------- */

static void run(ck_plus_plus *s, ck_item_fn fn, double operations_a_row)
{
    const int64_t n_blocks = s->sampler.n_blocks;
    const double operations = (double)s->X->n_rows * operations_a_row;
    const int workers = ck_useful_threads(s->problem->n_threads, n_blocks, operations);
    if (s->status == CK_OK) s->status = ck_parallel_for(n_blocks, workers, fn, s);
}

/* Distances to the first center, the only candidate. */
static int start_block(void *context, int64_t block, int worker)
{
    ck_plus_plus *s = context;
    const int64_t last = ck_min_i64((block + 1) * CK_SUM_ROWS, s->X->n_rows);
    for (int64_t row = block * CK_SUM_ROWS; row < last; row += CK_LANES) {
        const int64_t n = ck_min_i64(CK_LANES, last - row);
        for (int64_t i = row; i < row + n; i++) s->closest[i] = ck_weight(s->problem, i) > 0.0 ? INFINITY : 0.0;
        ck_plus_plus_approach(s, worker, s->problem, row, n, NULL, s->closest + row);
    }
    return s->comparison->start ? s->comparison->start(context, block, worker) : CK_OK;
}

/* The masses of a block of the sampler follow when all rows, or many, have gone over. Those that were sorted are
 * compared once more in their own order, which is faster than to write masses all over the memory. */
static int follow_block(void *context, int64_t block, int worker)
{
    ck_plus_plus *s = context;
    const ck_problem *problem = s->prepared->problem;
    const int64_t first = block * CK_SUM_ROWS, last = ck_min_i64(first + CK_SUM_ROWS, s->X->n_rows);
    double *masses = s->sampler.masses;
    for (int64_t row = first; row < last; row += CK_LANES) {
        const int64_t n = ck_min_i64(CK_LANES, last - row);
        if (s->places)
            ck_plus_plus_approach(s, worker, problem, row, n, problem->weights ? problem->weights + row : NULL,
                                  masses + row);
        else
            for (int64_t i = row; i < row + n; i++) masses[i] = ck_mass(problem, i, s->closest[i]);
    }
    s->block_most[block] = ck_sampler_sum_block(&s->sampler, block);
    return CK_OK;
}

static int start_masses(void *context, int64_t block, int worker)
{
    ck_plus_plus *s = context;
    const int64_t first = block * CK_SUM_ROWS, last = ck_min_i64(first + CK_SUM_ROWS, s->X->n_rows);
    for (int64_t i = first; i < last; i++) s->sampler.masses[i] = INFINITY;
    return follow_block(context, block, worker);
}

static int sum_altered(void *context, int64_t item, int worker)
{
    ck_plus_plus *s = context;
    const int32_t block = s->altered_blocks[item];
    (void)worker;
    s->block_most[block] = ck_sampler_sum_block(&s->sampler, block);
    return CK_OK;
}

/* Some rows have gone over: the sampler follows. */
static void follow(ck_plus_plus *s)
{
    const int64_t n_blocks = s->sampler.n_blocks, stride = ck_round_up(n_blocks, CK_ALIGNMENT);
    int64_t n = 0;
    for (int64_t block = 0; block < n_blocks; block++) {
        int altered = 0;
        for (int worker = 0; worker < s->n_workers; worker++) altered |= s->altered[worker * stride + block];
        s->altered_blocks[n] = (int32_t)block;
        n += altered;
    }
    const int workers = ck_useful_threads(s->problem->n_threads, n, (double)n * CK_SUM_ROWS);
    if (s->status == CK_OK) s->status = ck_parallel_for(n, workers, sum_altered, s);
    memset(s->altered, 0, (size_t)(s->n_workers * stride));
}

/* --- Choosing ---------------------------------------------------------------------------------------------- */

static void sum_gains(const ck_plus_plus *s, double *gains, double *errors)
{
    for (int t = 0; t < s->n_candidates; t++) gains[t] = errors[t] = 0.0;
    for (int64_t block = 0; block < s->sampler.n_blocks; block++)
        for (int t = 0; t < s->n_candidates; t++) {
            gains[t] += s->gains[block * CK_MAX_TRIALS + t];
            errors[t] += s->errors[block * CK_MAX_TRIALS + t];
        }
}

/* The candidate that gains most, the first on a tie. */
static int most_gaining(const ck_plus_plus *s, const double *gains)
{
    int best = 0;
    for (int t = 1; t < s->n_candidates; t++)
        if (gains[t] > gains[best]) best = t;
    return best;
}

/* Whether this candidate, of another row than the best, may gain more by what is known. */
static int is_rival(const ck_plus_plus *s, const double *gains, const double *errors, int best, int t)
{
    /* The grid rounds each row's masses, and double sums round too: both far below the first term. */
    const double grid = s->shift * 0x1p-51 * (double)s->X->n_rows;
    const double reach = gains[t] + gains[best] > 0.0 ? 0x1p-30 * (gains[t] + gains[best]) : 0.0;
    return t != best && s->rows[t] != s->rows[best] &&
           !(gains[best] - gains[t] > errors[best] + errors[t] + reach + grid);
}

static int choose_candidate(ck_plus_plus *s)
{
    const ck_comparison *comparison = s->comparison;
    const ck_item_fn ways[] = {comparison->gain, comparison->gain_measured, comparison->gain_exact};
    const double features = (double)s->X->n_features, operations[] = {comparison->operations(s), features, features};
    double gains[CK_MAX_TRIALS], errors[CK_MAX_TRIALS];
    int best = 0;
    for (int way = 0, rivals = 1; way < 3 && rivals > 0; way++) {
        if (!ways[way]) continue;
        run(s, ways[way], (double)s->n_candidates * operations[way]);
        sum_gains(s, gains, errors);
        best = most_gaining(s, gains);
        rivals = 0;
        for (int t = 0; t < s->n_candidates; t++) rivals += is_rival(s, gains, errors, best, t);
    }
    for (int t = 0; t < best; t++) /* the same row drawn twice */
        if (s->rows[t] == s->rows[best]) return t;
    return best;
}

/* --- Seeding ----------------------------------------------------------------------------------------------- */

static int reserve(ck_plus_plus *s, ck_arena *arena, const ck_prepared *prepared, int64_t k, int n_trials)
{
    const ck_problem *problem = prepared->problem;
    const int64_t n = problem->X->n_rows, d = problem->X->n_features;
    memset(s, 0, sizeof *s);
    s->prepared = prepared;
    s->problem = prepared->sorted ? &prepared->sorted->problem : problem;
    s->places = prepared->sorted ? prepared->sorted->ordering->places : NULL;
    s->X = problem->X;
    s->k = k;
    s->n_trials = n_trials;
    s->kernels = ck_settle_table();
    s->comparison = d <= CK_SORTED_FEATURES ? &ck_compare_boxes : &ck_compare_screen;
    ck_sampler_init(&s->sampler, arena, n);
    s->n_workers = ck_useful_threads(s->problem->n_threads, s->sampler.n_blocks, INFINITY);
    s->closest = CK_NEW(arena, double, n);
    s->block_most = CK_NEW(arena, double, s->sampler.n_blocks);
    s->candidates = CK_NEW(arena, double, n_trials *d);
    s->gains = CK_NEW(arena, double, s->sampler.n_blocks *CK_MAX_TRIALS);
    s->errors = CK_NEW(arena, double, s->sampler.n_blocks *CK_MAX_TRIALS);
    const int64_t altered = s->n_workers * ck_round_up(s->sampler.n_blocks, CK_ALIGNMENT);
    s->altered = CK_NEW(arena, uint8_t, altered);
    s->altered_blocks = CK_NEW(arena, int32_t, s->sampler.n_blocks);
    s->row = CK_NEW(arena, double, s->n_workers *ck_apart(d));
    s->panel = CK_NEW(arena, double, s->n_workers *ck_apart(CK_LANES * (d + 2)));
    if (arena->failed) return CK_ERROR_MEMORY;
    memset(s->altered, 0, (size_t)altered);
    s->comparison->reserve(s, arena);
    return arena->failed ? CK_ERROR_MEMORY : CK_OK;
}

/* source: NULL where all rows are alike. CK_ERROR_TOO_FEW_ROWS where there is none. */
static int draw_candidates(ck_plus_plus *s, const ck_sampler *source, int n, ck_random *random)
{
    assert(n <= CK_MAX_TRIALS);
    s->n_candidates = n;
    for (int t = 0; t < n; t++) {
        s->rows[t] = source ? ck_sampler_draw(source, random) : ck_draw_alike(s->X->n_rows, random);
        if (s->rows[t] < 0) return CK_ERROR_TOO_FEW_ROWS;
        ck_load_row(s->X, s->rows[t], s->candidates + t * s->X->n_features);
    }
    return CK_OK;
}

static void prepare_step(ck_plus_plus *s, int first)
{
    double most = 0.0;
    for (int64_t block = 0; block < s->sampler.n_blocks; block++) most = fmax(most, s->block_most[block]);
    s->shift = ck_sum_shift(most, s->X->n_rows);
    s->comparison->prepare(s, first);
}

static void commit(ck_plus_plus *s)
{
    s->many_go_over =
        s->places && s->comparison->going_over && s->comparison->going_over(s) * ROWS_ABREAST_OF_ONE > s->X->n_rows;
    run(s, s->comparison->commit, 16.0);
    if (s->many_go_over)
        run(s, follow_block, (double)s->X->n_features + 8.0);
    else
        follow(s);
}

int ck_plus_plus_trials(int64_t k, int n_trials)
{
    const int asked = n_trials < 1 ? 2 + (int)floor(log((double)k)) : n_trials;
    return asked > CK_MAX_TRIALS ? CK_MAX_TRIALS : asked;
}

int ck_seed_plus_plus(const ck_prepared *prepared, ck_arena *arena, int64_t k, int n_trials, ck_random random,
                      double *centers, int64_t *indices)
{
    const ck_problem *problem = prepared->problem;
    const int64_t d = problem->X->n_features;
    n_trials = ck_plus_plus_trials(k, n_trials);
    ck_plus_plus *s = CK_NEW(arena, ck_plus_plus, 1);
    ck_sampler weights, *const by_weight = problem->weights ? &weights : NULL;
    if (by_weight) ck_sampler_init(by_weight, arena, problem->X->n_rows);
    if (arena->failed) return CK_ERROR_MEMORY;
    if (reserve(s, arena, prepared, k, n_trials) != CK_OK) return CK_ERROR_MEMORY;
    int status = by_weight ? ck_sampler_set_weights(by_weight, problem) : CK_OK;

    for (int64_t j = 0; j < k && status == CK_OK; j++) {
        /* Once every row coincides with a center there is no distance left to draw by: weights decide. */
        const int by_distance = j > 0 && ck_sampler_total(&s->sampler) > 0.0;
        status = draw_candidates(s, by_distance ? &s->sampler : by_weight, by_distance ? n_trials : 1, &random);
        if (status != CK_OK) return status;
        s->chosen = 0;
        if (j == 0) {
            run(s, start_block, (double)d + 8.0);
            run(s, start_masses, (double)d + 8.0);
        } else if (by_distance) {
            prepare_step(s, j == 1);
            s->chosen = choose_candidate(s);
            commit(s);
        }
        memcpy(centers + j * d, s->candidates + s->chosen * d, (size_t)d * sizeof(double));
        if (indices) indices[j] = s->rows[s->chosen];
        if (s->status == CK_OK && ck_stopped()) s->status = CK_ERROR_STOPPED;
        status = s->status;
    }
    return status;
}

const ck_seeding ck_seeding_plus_plus = {"k-means++", 1, 1, ck_seed_plus_plus};
