/* seeding.c - rows drawn as first centers: at random, or by greedy k-means++ (Arthur and Vassilvitskii, SODA 2007;
 * the candidates of a step compared as in scikit-learn and in Grunau et al., SODA 2023). */
#include <string.h>

#include "fit.h"

enum { MAX_TRIALS = 64 };

/* Masses of the rows and their sums by block of CK_SUM_ROWS: a draw scans the blocks, then one block. The sum of a
 * block is taken over CK_LANES rows abreast, then over the lanes. */
typedef struct {
    int64_t n_rows, n_blocks;
    double *masses, *block_sums;
} sampler;

static double lane_total(const double *lanes)
{
    double total = 0.0;
    for (int lane = 0; lane < CK_LANES; lane++) total += lanes[lane];
    return total;
}

static void sampler_sum_block(sampler *s, int64_t block)
{
    const int64_t first = block * CK_SUM_ROWS, last = ck_min_i64(first + CK_SUM_ROWS, s->n_rows);
    double lanes[CK_LANES] = {0.0};
    for (int64_t i = first; i < last; i++) lanes[(i - first) % CK_LANES] += s->masses[i];
    s->block_sums[block] = lane_total(lanes);
}

static double sampler_total(const sampler *s)
{
    double total = 0.0;
    for (int64_t block = 0; block < s->n_blocks; block++) total += s->block_sums[block];
    return total;
}

/* The row at which the running sum of the masses exceeds target; never one of no mass. */
static int64_t sampler_find(const sampler *s, double target)
{
    int64_t block = -1, found = -1;
    double before = 0.0, after = 0.0;
    for (int64_t b = 0; b < s->n_blocks && !(after > target); b++) {
        if (s->block_sums[b] <= 0.0) continue;
        block = b;
        before = after;
        after += s->block_sums[b];
    }
    const int64_t first = block * CK_SUM_ROWS, last = ck_min_i64(first + CK_SUM_ROWS, s->n_rows);
    for (int64_t i = first; i < last && !(found >= 0 && before > target); i++) {
        if (s->masses[i] <= 0.0) continue;
        found = i;
        before += s->masses[i];
    }
    return found;
}

/* --- k-means++ --------------------------------------------------------------------------------------------- */

typedef struct {
    const ck_problem *problem;
    const ck_settle_kernels *kernels;
    sampler sampler; /* masses: weight * squared distance to the nearest center so far */
    double *closest; /* that distance */
    int n_candidates;
    double *candidates;       /* n_candidates x d */
    double *block_potentials; /* n_blocks x MAX_TRIALS: sums of masses if the candidate were taken */
    double *scratch;          /* a panel and two rows for each worker */
    int commit;               /* take candidate 0: update closest and masses */
} plus_plus;

static int64_t panel_scratch(int64_t d) { return ck_apart(CK_LANES * (d + 1) + d); }

static int plus_plus_block(void *context, int64_t block, int worker)
{
    plus_plus *task = context;
    const ck_problem *problem = task->problem;
    const ck_matrix *X = problem->X;
    const int64_t d = X->n_features, first = block * CK_SUM_ROWS;
    const int64_t last = ck_min_i64(first + CK_SUM_ROWS, X->n_rows);
    double *panel = task->scratch + worker * panel_scratch(d), *distances = panel + CK_LANES * d;
    double *x = distances + CK_LANES;
    double potentials[MAX_TRIALS][CK_LANES] = {{0.0}};
    for (int64_t row = first; row < last; row += CK_LANES) {
        const int64_t n_rows = ck_min_i64(CK_LANES, last - row);
        task->kernels->load_panel(X, row, n_rows, panel);
        for (int t = 0; t < task->n_candidates; t++) {
            const double *center = task->candidates + t * d;
            task->kernels->sqdist_panel(panel, d, center, distances);
            for (int64_t lane = 0; lane < n_rows; lane++) {
                double distance = distances[lane];
                if (CK_UNLIKELY(problem->unit != 0 || (distance != 0.0 && !ck_sqdist_is_plain(distance)))) {
                    ck_load_row(X, row + lane, x);
                    distance = ck_sqdist_in_unit(ck_sqdist_of(x, center, d), problem->unit);
                }
                if (task->closest[row + lane] < distance) distance = task->closest[row + lane];
                double mass = ck_weight(problem, row + lane) * distance;
                potentials[t][lane] += mass;
                if (task->commit) {
                    task->closest[row + lane] = distance;
                    task->sampler.masses[row + lane] = mass;
                }
            }
        }
    }
    for (int t = 0; t < task->n_candidates; t++)
        task->block_potentials[block * MAX_TRIALS + t] = lane_total(potentials[t]);
    if (task->commit) task->sampler.block_sums[block] = task->block_potentials[block * MAX_TRIALS];
    return CK_OK;
}

static int plus_plus_workers(const plus_plus *task, int n_candidates)
{
    const ck_matrix *X = task->problem->X;
    return ck_useful_threads(task->problem->n_threads, task->sampler.n_blocks,
                             (double)X->n_rows * ((double)X->n_features + 4.0) * n_candidates);
}

static void plus_plus_run(plus_plus *task, int n_candidates, int commit)
{
    task->n_candidates = n_candidates;
    task->commit = commit;
    ck_parallel_for(task->sampler.n_blocks, plus_plus_workers(task, n_candidates), plus_plus_block, task);
}

/* The candidate that leaves the least potential, the first on a tie. */
static int best_candidate(const plus_plus *task)
{
    int best = 0;
    double least = INFINITY;
    for (int t = 0; t < task->n_candidates; t++) {
        double potential = 0.0;
        for (int64_t b = 0; b < task->sampler.n_blocks; b++) potential += task->block_potentials[b * MAX_TRIALS + t];
        if (potential < least) {
            least = potential;
            best = t;
        }
    }
    return best;
}

/* --- Both methods ------------------------------------------------------------------------------------------ */

static int init_sampler(sampler *s, ck_arena *arena, const ck_problem *problem)
{
    s->n_rows = problem->X->n_rows;
    s->n_blocks = ck_ceil_div(s->n_rows, CK_SUM_ROWS);
    s->masses = CK_NEW(arena, double, s->n_rows);
    s->block_sums = CK_NEW(arena, double, s->n_blocks);
    if (arena->failed) return CK_ERROR_MEMORY;
    for (int64_t i = 0; i < s->n_rows; i++) s->masses[i] = ck_weight(problem, i);
    for (int64_t block = 0; block < s->n_blocks; block++) sampler_sum_block(s, block);
    return CK_OK;
}

static int64_t draw(const sampler *s, ck_random *random)
{
    return sampler_find(s, ck_random_uniform(random) * sampler_total(s));
}

static int seed_random(const ck_problem *problem, ck_arena *arena, int64_t k, ck_random random, double *centers,
                       int64_t *indices)
{
    sampler s;
    int status = init_sampler(&s, arena, problem);
    for (int64_t j = 0; j < k && status == CK_OK; j++) {
        int64_t row = draw(&s, &random);
        if (row < 0) return CK_ERROR_TOO_FEW_ROWS;
        s.masses[row] = 0.0; /* without replacement */
        sampler_sum_block(&s, row / CK_SUM_ROWS);
        ck_load_row(problem->X, row, centers + j * problem->X->n_features);
        if (indices) indices[j] = row;
    }
    return status;
}

static int seed_plus_plus(const ck_problem *problem, ck_arena *arena, int64_t k, int n_trials, ck_random random,
                          ck_progress_fn progress, void *progress_user, double *centers, int64_t *indices)
{
    const ck_progress heartbeat = {0, 0, 0.0, 0.0, 0};
    const int64_t n = problem->X->n_rows, d = problem->X->n_features;
    plus_plus task = {problem, ck_settle_table(), {0, 0, NULL, NULL}, NULL, 0, NULL, NULL, NULL, 0};
    sampler by_weight;
    if (n_trials < 1) n_trials = 2 + (int)floor(log((double)k));
    if (n_trials > MAX_TRIALS) n_trials = MAX_TRIALS;
    int status = init_sampler(&by_weight, arena, problem);
    task.sampler.n_rows = n;
    task.sampler.n_blocks = by_weight.n_blocks;
    task.sampler.masses = CK_NEW(arena, double, n);
    task.sampler.block_sums = CK_NEW(arena, double, by_weight.n_blocks);
    task.closest = CK_NEW(arena, double, n);
    task.candidates = CK_NEW(arena, double, MAX_TRIALS *d);
    task.block_potentials = CK_NEW(arena, double, by_weight.n_blocks *MAX_TRIALS);
    task.scratch = CK_NEW(arena, double, plus_plus_workers(&task, MAX_TRIALS) * panel_scratch(d));
    if (arena->failed) status = CK_ERROR_MEMORY;
    if (status != CK_OK) return status;
    for (int64_t i = 0; i < n; i++) task.closest[i] = INFINITY;

    for (int64_t j = 0; j < k; j++) {
        /* Once every row coincides with a center there is no distance left to draw by: weights decide. */
        const sampler *source = j > 0 && sampler_total(&task.sampler) > 0.0 ? &task.sampler : &by_weight;
        const int n_candidates = source == &by_weight ? 1 : n_trials;
        int64_t rows[MAX_TRIALS];
        for (int t = 0; t < n_candidates; t++) {
            rows[t] = draw(source, &random);
            if (rows[t] < 0) return CK_ERROR_TOO_FEW_ROWS;
            ck_load_row(problem->X, rows[t], task.candidates + t * d);
        }
        int chosen = 0;
        if (n_candidates > 1) {
            plus_plus_run(&task, n_candidates, 0);
            chosen = best_candidate(&task);
            memcpy(task.candidates, task.candidates + chosen * d, (size_t)d * sizeof(double));
        }
        plus_plus_run(&task, 1, 1);
        memcpy(centers + j * d, task.candidates, (size_t)d * sizeof(double));
        if (indices) indices[j] = rows[chosen];
        if (progress && progress(progress_user, &heartbeat)) return CK_ERROR_STOPPED;
    }
    return CK_OK;
}

int ck_seed_centers(const ck_problem *problem, ck_arena *arena, int64_t k, ck_init method, int n_trials,
                    ck_random random, ck_progress_fn progress, void *progress_user, double *centers, int64_t *indices)
{
    if (method == CK_INIT_RANDOM) return seed_random(problem, arena, k, random, centers, indices);
    return seed_plus_plus(problem, arena, k, n_trials, random, progress, progress_user, centers, indices);
}

int ck_seed(const ck_matrix *X, const double *weights, int64_t k, ck_init method, int n_trials, uint64_t seed,
            int n_threads, double *centers, int64_t *indices, ck_location *where)
{
    ck_arena arena = {0};
    ck_problem problem;
    int status = ck_problem_init(&problem, &arena, X, weights, n_threads);
    if (status == CK_OK)
        status = ck_seed_centers(&problem, &arena, k, method, n_trials, ck_random_stream(seed, 0), NULL, NULL, centers,
                                 indices);
    if (status == CK_ERROR_NOT_FINITE) ck_find_not_finite(X, where);
    ck_arena_free(&arena);
    return status;
}
