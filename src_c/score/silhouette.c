/* silhouette.c - silhouettes (Rousseeuw, J. Comput. Appl. Math. 20, 1987), and those that distances to centers give:
 * the mean of |x - y|^2 over the rows y of a cluster is |x - mean|^2 plus the cluster's mean square; the simplified
 * silhouette (Hruschka et al., 2004) takes the distances to the centers themselves. */
#include "score.h"

typedef struct {
    const ck_matrix *X;
    const int32_t *labels;
    const double *weights;
    double one;
    const ck_clusters *clusters;
    const double *centers;
    int simplified;
    double *spreads; /* k: what the squared distance to a center falls short by */
    double *samples, *scratch;
} center_task;

/* A panel, its distances to one center, for each row those to its own and to the nearest other one, and a row. */
static int64_t scratch_size(int64_t d) { return ck_apart(CK_LANES * (d + 3) + d); }

/* In the unit of the clusters. */
static double exact_distance(const center_task *task, int64_t row, const double *center, double *x)
{
    ck_load_row(task->X, row, x);
    return ldexp(ck_sqdist_root(ck_sqdist_of(x, center, task->X->n_features)), -task->clusters->unit);
}

static int score_panel(void *context, int64_t item, int worker)
{
    const center_task *task = context;
    const ck_settle_kernels *kernels = ck_settle_table();
    const int64_t d = task->X->n_features, first = item * CK_LANES;
    const int64_t n = ck_min_i64(CK_LANES, task->X->n_rows - first);
    double *panel = task->scratch + worker * scratch_size(d), *sqdists = panel + CK_LANES * d;
    double *own = sqdists + CK_LANES, *nearest = own + CK_LANES, *x = nearest + CK_LANES;
    int64_t rows[CK_LANES];
    for (int64_t lane = 0; lane < n; lane++) rows[lane] = first + lane;
    kernels->load_panel(task->X, first, n, panel);
    for (int lane = 0; lane < CK_LANES; lane++) own[lane] = nearest[lane] = INFINITY;
    for (int64_t j = 0; j < task->clusters->k; j++) {
        if (!(task->clusters->weights[j] > 0.0)) continue;
        ck_clusters_sqdists(task->clusters, task->X, rows, n, panel, task->centers + j * d, sqdists, x);
        for (int64_t lane = 0; lane < n; lane++) {
            double value = task->simplified ? sqrt(sqdists[lane]) : sqdists[lane] + task->spreads[j];
            if (CK_UNLIKELY(task->simplified && !ck_sqdist_is_plain(sqdists[lane]))) /* a center may be far out */
                value = exact_distance(task, first + lane, task->centers + j * d, x);
            double *to = task->labels[first + lane] == j ? own : nearest;
            to[lane] = value < to[lane] ? value : to[lane];
        }
    }
    for (int64_t lane = 0; lane < n; lane++) {
        const double total = task->clusters->weights[task->labels[first + lane]];
        const double weight = ck_row_weight(task->weights, first + lane);
        if (!(weight > 0.0)) continue;
        const double others = ck_others(total, weight, task->one);
        const double a = task->simplified || !(others > 0.0) ? own[lane] : own[lane] * (total / others);
        task->samples[first + lane] = ck_silhouette_of(a, nearest[lane], others);
    }
    return CK_OK;
}

static int score_by_centers(center_task *task, ck_arena *arena, int n_threads)
{
    const ck_clusters *clusters = task->clusters;
    const int64_t d = task->X->n_features, k = clusters->k, n_items = ck_ceil_div(task->X->n_rows, CK_LANES);
    const double operations = (double)task->X->n_rows * (double)k * ((double)d + 8.0);
    const int workers = ck_useful_threads(n_threads, n_items, operations);
    task->spreads = CK_NEW(arena, double, k);
    task->scratch = CK_NEW(arena, double, workers *scratch_size(d));
    if (arena->failed) return CK_ERROR_MEMORY;
    for (int64_t j = 0; j < k; j++)
        task->spreads[j] = clusters->weights[j] > 0.0 ? clusters->squares[j] / clusters->weights[j] : 0.0;
    return ck_parallel_for(n_items, workers, score_panel, task);
}

/* In row order in blocks of CK_SUM_ROWS, then over the blocks. */
static double weighted_mean(const double *values, const double *weights, int64_t n)
{
    double sum = 0.0, total = 0.0;
    for (int64_t first = 0; first < n; first += CK_SUM_ROWS) {
        double block = 0.0, block_total = 0.0;
        for (int64_t i = first; i < ck_min_i64(n, first + CK_SUM_ROWS); i++) {
            const double weight = ck_row_weight(weights, i);
            if (weight > 0.0) block += weight * values[i];
            block_total += weight;
        }
        sum += block;
        total += block_total;
    }
    return sum / total;
}

int ck_silhouette(const ck_matrix *X, const int32_t *labels, int64_t k, const double *weights, double one,
                  ck_silhouette_metric metric, const double *centers, int n_threads, double *samples, double *mean,
                  ck_location *where)
{
    ck_arena arena = {0};
    ck_clusters clusters;
    for (int64_t i = 0; i < X->n_rows; i++) samples[i] = NAN; /* for good where the weight is 0 */
    int status = ck_clusters_new(&clusters, &arena, X, labels, k, weights, n_threads, where);
    if (status == CK_OK && metric == CK_EUCLIDEAN) {
        status = ck_pair_silhouettes(X, labels, weights, one, &clusters, n_threads, samples);
    } else if (status == CK_OK) {
        center_task task = {.X = X, .labels = labels, .weights = weights, .one = one, .clusters = &clusters};
        task.centers = centers ? centers : clusters.means;
        task.simplified = metric == CK_SIMPLIFIED;
        task.samples = samples;
        status = score_by_centers(&task, &arena, n_threads);
    }
    if (status == CK_OK) *mean = weighted_mean(samples, weights, X->n_rows);
    ck_arena_free(&arena);
    return status;
}

/* --- Distances to the own center ---------------------------------------------------------------------------- */

typedef struct {
    const ck_matrix *X;
    const double *centers;
    const int32_t *labels;
    double *distances, *scratch;
} own_task;

static int own_block(void *context, int64_t block, int worker)
{
    const own_task *task = context;
    const int64_t d = task->X->n_features, first = block * CK_SUM_ROWS;
    const int64_t n = ck_min_i64(CK_SUM_ROWS, task->X->n_rows - first);
    double *scratch = task->scratch + worker * ck_apart(ck_label_distances_scratch(d) + d);
    double *x = scratch + ck_label_distances_scratch(d);
    ck_label_distances(task->X, task->centers, task->labels + first, first, n, 0, task->distances + first, scratch);
    for (int64_t i = first; i < first + n; i++) {
        double *distance = task->distances + i;
        if (CK_UNLIKELY(!ck_sqdist_is_plain(*distance))) {
            ck_load_row(task->X, i, x);
            for (int64_t p = 0; p < d; p++)
                if (!isfinite(x[p])) return CK_ERROR_NOT_FINITE;
            *distance = ck_sqdist_root(ck_sqdist_of(x, task->centers + task->labels[i] * d, d));
        } else {
            *distance = sqrt(*distance);
        }
    }
    return CK_OK;
}

int ck_distances_to_own(const ck_matrix *X, const double *centers, const int32_t *labels, int n_threads,
                        double *distances, ck_location *where)
{
    ck_arena arena = {0};
    const int64_t d = X->n_features, n_blocks = ck_ceil_div(X->n_rows, CK_SUM_ROWS);
    const int workers = ck_useful_threads(n_threads, n_blocks, 4.0 * (double)X->n_rows * (double)d);
    own_task task = {X, centers, labels, distances, NULL};
    task.scratch = CK_NEW(&arena, double, workers *ck_apart(ck_label_distances_scratch(d) + d));
    int status = arena.failed ? CK_ERROR_MEMORY : ck_parallel_for(n_blocks, workers, own_block, &task);
    if (status == CK_ERROR_NOT_FINITE) ck_find_not_finite(X, where);
    ck_arena_free(&arena);
    return status;
}
