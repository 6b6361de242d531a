/* calls.c - the calls of ck.h that may take time: each finds threads at hand while it lasts.
 *
 * What a call costs at most in one loop is told by the sizes alone, in scalar operations: a call too small for threads
 * does without, and never meets what lends them. */
#include "../fit/fit.h"
#include "../score/score.h"
#include "../seed/seeding.h"

/* Of a few operations for each feature of each row, as sums over rows are. */
static double sum_operations(const ck_matrix *X) { return 4.0 * (double)X->n_rows * (double)X->n_features; }

/* Of all pairs of a row and k others, in float64. */
static double pair_operations(const ck_matrix *X, int64_t k)
{
    return (double)X->n_rows * (double)k * ((double)X->n_features + 8.0);
}

static double larger(double a, double b) { return a > b ? a : b; }

/* --- Assignment -------------------------------------------------------------------------------------------- */

typedef struct {
    const ck_matrix *X;
    const double *centers;
    int64_t k;
    const double *weights;
    int32_t *labels;
    double *inertia;
    ck_location *where;
} assign_call;

static int run_assign(void *context, int n_threads)
{
    const assign_call *c = context;
    return ck_assign_run(c->X, c->centers, c->k, c->weights, n_threads, c->labels, c->inertia, c->where);
}

int ck_assign(const ck_matrix *X, const double *centers, int64_t k, const double *weights, int n_threads,
              int32_t *labels, double *inertia, ck_location *where)
{
    assign_call call = {X, centers, k, weights, labels, inertia, where};
    return ck_with_threads(n_threads, larger(ck_assign_operations(X, k), sum_operations(X)), run_assign, &call);
}

typedef struct {
    const ck_matrix *X;
    const double *centers;
    int64_t k;
    ck_dtype out_dtype;
    void *out;
    ck_location *where;
} distances_call;

static int run_distances(void *context, int n_threads)
{
    const distances_call *c = context;
    return ck_distances_run(c->X, c->centers, c->k, n_threads, c->out_dtype, c->out, c->where);
}

int ck_distances(const ck_matrix *X, const double *centers, int64_t k, int n_threads, ck_dtype out_dtype, void *out,
                 ck_location *where)
{
    distances_call call = {X, centers, k, out_dtype, out, where};
    return ck_with_threads(n_threads, pair_operations(X, k), run_distances, &call);
}

/* --- Seeding and fit --------------------------------------------------------------------------------------- */

typedef struct {
    const ck_matrix *X;
    const double *weights;
    int64_t k;
    ck_init method;
    int n_trials;
    uint64_t seed;
    double *centers;
    int64_t *indices;
    ck_location *where;
} seed_call;

static int run_seed(void *context, int n_threads)
{
    const seed_call *c = context;
    return ck_seed_run(c->X, c->weights, c->k, c->method, c->n_trials, c->seed, n_threads, c->centers, c->indices,
                       c->where);
}

int ck_seed(const ck_matrix *X, const double *weights, int64_t k, ck_init method, int n_trials, uint64_t seed,
            int n_threads, double *centers, int64_t *indices, ck_location *where)
{
    seed_call call = {X, weights, k, method, n_trials, seed, centers, indices, where};
    return ck_with_threads(n_threads, larger(ck_assign_operations(X, k), sum_operations(X)), run_seed, &call);
}

typedef struct {
    const ck_matrix *X;
    const double *weights;
    const ck_fit_params *params;
    ck_fit_result *result;
    ck_location *where;
} fit_call;

static int run_fit(void *context, int n_threads)
{
    const fit_call *c = context;
    ck_fit_params params = *c->params;
    params.n_threads = n_threads;
    return ck_fit_run(c->X, c->weights, &params, c->result, c->where);
}

int ck_fit(const ck_matrix *X, const double *weights, const ck_fit_params *params, ck_fit_result *result,
           ck_location *where)
{
    fit_call call = {X, weights, params, result, where};
    return ck_with_threads(params->n_threads, larger(ck_fit_operations(X, params), sum_operations(X)), run_fit, &call);
}

/* --- Scores ------------------------------------------------------------------------------------------------ */

typedef struct {
    const ck_matrix *X;
    const int32_t *labels;
    int64_t k;
    const double *weights;
    ck_scatter *scatter;
    ck_location *where;
} scatter_call;

static int run_scatter(void *context, int n_threads)
{
    const scatter_call *c = context;
    return ck_cluster_scatter_run(c->X, c->labels, c->k, c->weights, n_threads, c->scatter, c->where);
}

int ck_cluster_scatter(const ck_matrix *X, const int32_t *labels, int64_t k, const double *weights, int n_threads,
                       ck_scatter *scatter, ck_location *where)
{
    scatter_call call = {X, labels, k, weights, scatter, where};
    return ck_with_threads(n_threads, sum_operations(X), run_scatter, &call);
}

typedef struct {
    const ck_matrix *X;
    const int32_t *labels;
    int64_t k;
    const double *weights;
    double one;
    ck_silhouette_metric metric;
    const double *centers;
    double *samples, *mean;
    ck_location *where;
} silhouette_call;

static int run_silhouette(void *context, int n_threads)
{
    const silhouette_call *c = context;
    return ck_silhouette_run(c->X, c->labels, c->k, c->weights, c->one, c->metric, c->centers, n_threads, c->samples,
                             c->mean, c->where);
}

int ck_silhouette(const ck_matrix *X, const int32_t *labels, int64_t k, const double *weights, double one,
                  ck_silhouette_metric metric, const double *centers, int n_threads, double *samples, double *mean,
                  ck_location *where)
{
    silhouette_call call = {X, labels, k, weights, one, metric, centers, samples, mean, where};
    const double operations = pair_operations(X, metric == CK_EUCLIDEAN ? X->n_rows : k);
    return ck_with_threads(n_threads, operations, run_silhouette, &call);
}

typedef struct {
    const ck_matrix *X;
    const double *centers;
    const int32_t *labels;
    double *distances;
    ck_location *where;
} own_call;

static int run_own(void *context, int n_threads)
{
    const own_call *c = context;
    return ck_distances_to_own_run(c->X, c->centers, c->labels, n_threads, c->distances, c->where);
}

int ck_distances_to_own(const ck_matrix *X, const double *centers, const int32_t *labels, int n_threads,
                        double *distances, ck_location *where)
{
    own_call call = {X, centers, labels, distances, where};
    return ck_with_threads(n_threads, sum_operations(X), run_own, &call);
}
