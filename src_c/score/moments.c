/* moments.c - how far the distances from anywhere to the rows of a cluster spread: what brings the bounds of their mean
 * together. */
#include "score.h"

enum { MOST_FEATURES = 128 }; /* of more, the covariance costs too much memory and time */

typedef struct {
    const ck_clusters *clusters;
    const ck_matrix *X;
    const double *weights;
    const int64_t *sorted, *starts;
    ck_moments *moments;
    double *scratch; /* of each worker: a row, d sums for the third moment, d x d for the covariance */
} moment_task;

static int64_t scratch_size(int64_t d) { return ck_apart(d * (d + 2)); }

/* At least the largest eigenvalue of a symmetric matrix, of which the upper triangle is given: the largest sum of
 * magnitudes of a row (Gershgorin). */
static double spectral_bound(const double *upper, int64_t d)
{
    double largest = 0.0;
    for (int64_t p = 0; p < d; p++) {
        double sum = 0.0;
        for (int64_t q = 0; q < d; q++) sum += fabs(p <= q ? upper[p * d + q] : upper[q * d + p]);
        largest = fmax(largest, sum);
    }
    return largest;
}

/* All that is known of many features: bounds of the mean distance by the mean square alone. */
static void keep_squares(const ck_clusters *clusters, ck_moments *moments)
{
    for (int64_t j = 0; j < clusters->k; j++)
        moments[j] = (ck_moments){clusters->weights[j] > 0.0 ? clusters->squares[j] / clusters->weights[j] : 0.0, 0.0,
                                  0.0, INFINITY};
}

static int measure_cluster(void *context, int64_t j, int worker)
{
    const moment_task *task = context;
    const ck_clusters *clusters = task->clusters;
    const int64_t d = task->X->n_features;
    const double total = clusters->weights[j], *mean = clusters->means + j * d;
    double *row = task->scratch + worker * scratch_size(d), *third = row + d, *covariance = third + d;
    double fourth = 0.0, norm = 0.0;
    ck_watch_pace pace = {0};
    memset(third, 0, (size_t)(d * (d + 1)) * sizeof *third);
    for (int64_t i = task->starts[j]; i < task->starts[j + 1]; i++) {
        const double weight = ck_row_weight(task->weights, task->sorted[i]);
        double square = 0.0;
        if (ck_watch_stops(&pace)) return CK_ERROR_STOPPED;
        ck_load_row(task->X, task->sorted[i], row);
        for (int64_t p = 0; p < d; p++) {
            row[p] = row[p] * clusters->scale - mean[p] * clusters->scale;
            square += row[p] * row[p];
        }
        fourth += weight * square * square;
        for (int64_t p = 0; p < d; p++) {
            const double value = weight * row[p];
            third[p] += value * square;
            for (int64_t q = p; q < d; q++) covariance[p * d + q] += value * row[q];
        }
    }
    for (int64_t p = 0; p < d; p++) norm += third[p] * third[p];
    task->moments[j] = (ck_moments){0.0, 0.0, 0.0, 0.0};
    if (total > 0.0) {
        const double square = clusters->squares[j] / total;
        task->moments[j].square = square;
        task->moments[j].spectral = spectral_bound(covariance, d) / total;
        task->moments[j].third = sqrt(norm) / total;
        task->moments[j].variance = fmax(fourth / total - square * square, 0.0);
    }
    return CK_OK;
}

int ck_moments_measure(const ck_clusters *clusters, const ck_matrix *X, const double *weights, const int64_t *sorted,
                       const int64_t *starts, int n_threads, ck_moments *moments)
{
    ck_arena arena = {0};
    const int64_t d = X->n_features;
    const double operations = (double)starts[clusters->k] * (double)d * (double)d / 2.0;
    const int workers = ck_useful_threads(n_threads, clusters->k, operations);
    if (d > MOST_FEATURES) return keep_squares(clusters, moments), CK_OK;
    moment_task task = {clusters, X, weights, sorted, starts, moments, NULL};
    task.scratch = CK_NEW(&arena, double, workers *scratch_size(d));
    const int status = arena.failed ? CK_ERROR_MEMORY : ck_parallel_for(clusters->k, workers, measure_cluster, &task);
    ck_arena_free(&arena);
    return status;
}
