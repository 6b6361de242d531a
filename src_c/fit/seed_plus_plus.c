/* seed_plus_plus.c - greedy k-means++ (Arthur and Vassilvitskii, SODA 2007; the candidates of a step compared as in
 * scikit-learn and in Grunau et al., SODA 2023). */
#include <string.h>

#include "seeding.h"

enum { MAX_TRIALS = 64 };

static double lane_total(const double *lanes)
{
    double total = 0.0;
    for (int lane = 0; lane < CK_LANES; lane++) total += lanes[lane];
    return total;
}

typedef struct {
    const ck_problem *problem;
    const ck_settle_kernels *kernels;
    ck_sampler sampler; /* masses: weight * squared distance to the nearest center so far */
    double *closest;    /* that distance */
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

int ck_seed_plus_plus(const ck_problem *problem, ck_arena *arena, int64_t k, const ck_seeding_options *options,
                      ck_random random, double *centers, int64_t *indices)
{
    int n_trials = options->n_trials;
    const ck_progress heartbeat = {0};
    const int64_t n = problem->X->n_rows, d = problem->X->n_features;
    plus_plus task = {problem, ck_settle_table(), {0, 0, NULL, NULL}, NULL, 0, NULL, NULL, NULL, 0};
    ck_sampler by_weight;
    if (n_trials < 1) n_trials = 2 + (int)floor(log((double)k));
    if (n_trials > MAX_TRIALS) n_trials = MAX_TRIALS;
    ck_sampler_init(&by_weight, arena, n);
    ck_sampler_init(&task.sampler, arena, n);
    task.closest = CK_NEW(arena, double, n);
    task.candidates = CK_NEW(arena, double, MAX_TRIALS *d);
    task.block_potentials = CK_NEW(arena, double, by_weight.n_blocks *MAX_TRIALS);
    task.scratch = CK_NEW(arena, double, plus_plus_workers(&task, MAX_TRIALS) * panel_scratch(d));
    if (arena->failed) return CK_ERROR_MEMORY;
    ck_sampler_set_weights(&by_weight, problem);
    for (int64_t i = 0; i < n; i++) task.closest[i] = INFINITY;

    for (int64_t j = 0; j < k; j++) {
        /* Once every row coincides with a center there is no distance left to draw by: weights decide. */
        const ck_sampler *source = j > 0 && ck_sampler_total(&task.sampler) > 0.0 ? &task.sampler : &by_weight;
        const int n_candidates = source == &by_weight ? 1 : n_trials;
        int64_t rows[MAX_TRIALS];
        for (int t = 0; t < n_candidates; t++) {
            rows[t] = ck_sampler_draw(source, &random);
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
        if (options->progress && options->progress(options->progress_user, &heartbeat)) return CK_ERROR_STOPPED;
    }
    return CK_OK;
}
