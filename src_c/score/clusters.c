/* clusters.c - weight, mean and scatter of every cluster: two passes over the rows. Sums are taken in row order within
 * chunks, then over the chunks, of which there are as many as the sizes alone say. */
#include "score.h"

enum {
    MOST_CHUNKS = 256,
    MOST_SUMS = 1 << 22,     /* float64 of all chunks together: 32 MB */
    ORDINARY_EXPONENT = 400, /* of magnitudes whose squares neither overflow nor vanish */
    LEAST_EXPONENT = -1000   /* of a unit whose inverse float64 holds */
};

typedef struct {
    const ck_matrix *X;
    const int32_t *labels;
    const double *weights;
    ck_clusters *clusters;
    int64_t chunk_rows, n_chunks;
    double *origin;                              /* d: a row */
    int *unusual;                                /* of each chunk: a row is not finite, or its square is not */
    double *sums, *totals, *squares, *distances; /* of each chunk: k x d, then k each */
    double *scratch;                             /* of each worker */
} cluster_task;

static int sum_chunk(void *context, int64_t chunk, int worker)
{
    const cluster_task *task = context;
    const int64_t d = task->X->n_features, k = task->clusters->k;
    const int64_t first = chunk * task->chunk_rows, n = ck_min_i64(task->chunk_rows, task->X->n_rows - first);
    double *sums = task->sums + chunk * k * d, *totals = task->totals + chunk * k;
    memset(sums, 0, (size_t)(k * d) * sizeof *sums);
    memset(totals, 0, (size_t)k * sizeof *totals);
    ck_settle_table()->add_rows(task->X, first, n, task->labels + first, task->weights ? task->weights + first : NULL,
                                task->clusters->scale, task->origin, sums, totals,
                                task->scratch + worker * ck_block_scratch(d));
    return CK_OK;
}

/* The last chunks first: of what the first pass has read, they are still in cache. */
static int measure_chunk(void *context, int64_t item, int worker)
{
    const cluster_task *task = context;
    const ck_clusters *clusters = task->clusters;
    const int64_t d = task->X->n_features, k = clusters->k, chunk = task->n_chunks - 1 - item;
    const int64_t first = chunk * task->chunk_rows, last = ck_min_i64(task->X->n_rows, first + task->chunk_rows);
    double *sqdists = task->scratch + worker * ck_block_scratch(d);
    double *squares = task->squares + chunk * k, *distances = task->distances + chunk * k;
    int unusual = 0;
    memset(squares, 0, (size_t)k * sizeof *squares);
    memset(distances, 0, (size_t)k * sizeof *distances);
    for (int64_t start = first; start < last; start += CK_SUM_ROWS) {
        const int64_t n = ck_min_i64(CK_SUM_ROWS, last - start);
        const int32_t *labels = task->labels + start;
        ck_label_distances(task->X, clusters->means, labels, start, n, clusters->unit, sqdists, sqdists + CK_SUM_ROWS);
        unusual |= !ck_settle_table()->add_distances(sqdists, n, labels, task->weights ? task->weights + start : NULL,
                                                     squares, distances);
    }
    task->unusual[chunk] = unusual;
    return CK_OK;
}

/* OUT to: sums over the chunks of n values each. */
static void merge(const cluster_task *task, const double *chunks, int64_t n, double *to)
{
    memset(to, 0, (size_t)n * sizeof *to);
    for (int64_t chunk = 0; chunk < task->n_chunks; chunk++)
        for (int64_t i = 0; i < n; i++) to[i] += chunks[chunk * n + i];
}

static double largest_mean(const ck_clusters *clusters, int64_t d)
{
    double largest = 0.0;
    for (int64_t i = 0; i < clusters->k * d; i++) largest = fmax(largest, fabs(clusters->means[i]));
    return largest;
}

static int measure_in_unit(cluster_task *task, int unit, int workers)
{
    ck_clusters *clusters = task->clusters;
    const int64_t d = task->X->n_features, k = clusters->k;
    clusters->unit = unit;
    clusters->scale = ldexp(1.0, -unit);
    int64_t first = 0; /* that counts */
    while (first < task->X->n_rows - 1 && !(ck_row_weight(task->weights, first) > 0.0)) first++;
    ck_load_row(task->X, first, task->origin);
    for (int64_t p = 0; p < d; p++) task->origin[p] *= clusters->scale;
    int status = ck_parallel_for(task->n_chunks, workers, sum_chunk, task);
    merge(task, task->totals, k, clusters->weights);
    merge(task, task->sums, k * d, clusters->means);
    for (int64_t j = 0; j < k; j++)
        for (int64_t p = 0; p < d; p++) {
            double *mean = clusters->means + j * d + p;
            const int empty = !(clusters->weights[j] > 0.0);
            *mean = empty ? 0.0 : ldexp(task->origin[p] + *mean / clusters->weights[j], unit);
        }
    clusters->rounding = 0x1p-50 * largest_mean(clusters, d) * clusters->scale * sqrt((double)d);
    if (status == CK_OK) status = ck_parallel_for(task->n_chunks, workers, measure_chunk, task);
    merge(task, task->squares, k, clusters->squares);
    if (clusters->distances) merge(task, task->distances, k, clusters->distances);
    return status;
}

/* Whether all rows are finite and squares, within and between clusters, neither too large for float64 nor next to
 * nothing. */
static int ordinary(const cluster_task *task)
{
    const ck_clusters *clusters = task->clusters;
    double largest = 0.0;
    for (int64_t chunk = 0; chunk < task->n_chunks; chunk++)
        if (task->unusual[chunk]) return 0;
    for (int64_t j = 0; j < clusters->k; j++) {
        if (!isfinite(clusters->squares[j])) return 0;
        largest = fmax(largest, clusters->squares[j]);
    }
    return largest > 0x1p-800 && largest_mean(clusters, task->X->n_features) < 0x1p400;
}

/* Exponent of a unit near the largest magnitude of rows that count; 0 where that is ordinary. */
static int choose_unit(const cluster_task *task)
{
    double largest = 0.0, *row = task->origin;
    int exponent = 0;
    for (int64_t i = 0; i < task->X->n_rows; i++) {
        if (!(ck_row_weight(task->weights, i) > 0.0)) continue;
        ck_load_row(task->X, i, row);
        for (int64_t p = 0; p < task->X->n_features; p++) largest = fmax(largest, fabs(row[p]));
    }
    if (largest > 0.0) frexp(largest, &exponent);
    if (exponent < LEAST_EXPONENT) exponent = LEAST_EXPONENT;
    return exponent > ORDINARY_EXPONENT || exponent < -ORDINARY_EXPONENT ? exponent : 0;
}

int ck_clusters_measure(ck_clusters *clusters, const ck_matrix *X, const int32_t *labels, const double *weights,
                        int n_threads, ck_location *where)
{
    ck_arena arena = {0};
    const int64_t n = X->n_rows, d = X->n_features, k = clusters->k;
    int64_t n_chunks = ck_min_i64(MOST_CHUNKS, ck_ceil_div(n, CK_SUM_ROWS));
    n_chunks = ck_min_i64(n_chunks, ck_max_i64(MOST_SUMS / (k * (d + 3)), 1));
    cluster_task task = {.X = X, .labels = labels, .weights = weights, .clusters = clusters};
    task.chunk_rows = ck_round_up(ck_ceil_div(n, n_chunks), CK_SUM_ROWS);
    task.n_chunks = n_chunks = ck_ceil_div(n, task.chunk_rows);
    const int workers = ck_useful_threads(n_threads, n_chunks, 4.0 * (double)n * (double)d);
    task.origin = CK_NEW(&arena, double, d);
    task.sums = CK_NEW(&arena, double, n_chunks * k * d);
    task.totals = CK_NEW(&arena, double, n_chunks *k);
    task.squares = CK_NEW(&arena, double, n_chunks *k);
    task.distances = CK_NEW(&arena, double, n_chunks *k);
    task.unusual = CK_NEW(&arena, int, n_chunks);
    task.scratch = CK_NEW(&arena, double, workers *ck_block_scratch(d));
    int status = arena.failed ? CK_ERROR_MEMORY : measure_in_unit(&task, 0, workers);
    if (status == CK_OK && !ordinary(&task)) {
        const int found = ck_find_not_finite(X, where), unit = found ? 0 : choose_unit(&task);
        if (found) status = CK_ERROR_NOT_FINITE;
        if (unit != 0) status = measure_in_unit(&task, unit, workers);
    }
    ck_arena_free(&arena);
    return status;
}

int ck_clusters_new(ck_clusters *clusters, ck_arena *arena, const ck_matrix *X, const int32_t *labels, int64_t k,
                    const double *weights, int n_threads, ck_location *where)
{
    *clusters = (ck_clusters){.k = k};
    clusters->weights = CK_NEW(arena, double, k);
    clusters->means = CK_NEW(arena, double, k * X->n_features);
    clusters->squares = CK_NEW(arena, double, k);
    if (arena->failed) return CK_ERROR_MEMORY;
    return ck_clusters_measure(clusters, X, labels, weights, n_threads, where);
}

void ck_clusters_sqdists(const ck_clusters *clusters, const ck_matrix *X, const int64_t *rows, int64_t n,
                         const double *panel, const double *center, double *sqdists, double *scratch)
{
    const int64_t d = X->n_features;
    ck_settle_table()->sqdist_panel(panel, d, center, sqdists);
    for (int64_t lane = 0; lane < n; lane++)
        if (CK_UNLIKELY(clusters->unit != 0 || !ck_sqdist_is_plain(sqdists[lane]))) {
            ck_load_row(X, rows[lane], scratch);
            sqdists[lane] = ck_sqdist_in_unit(ck_sqdist_of(scratch, center, d), clusters->unit);
        }
}

int ck_cluster_scatter(const ck_matrix *X, const int32_t *labels, int64_t k, const double *weights, int n_threads,
                       ck_scatter *scatter, ck_location *where)
{
    ck_clusters clusters = {.k = k, .weights = scatter->weights, .means = scatter->means};
    clusters.squares = scatter->squares;
    clusters.distances = scatter->distances;
    const int status = ck_clusters_measure(&clusters, X, labels, weights, n_threads, where);
    scatter->unit = clusters.unit;
    return status;
}
