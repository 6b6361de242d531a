#include "update.h"

/* Means of the clusters; one without weight keeps its center. */
static void means_of(const ck_problem *problem, int64_t k, const ck_totals *totals, const double *centers,
                     double *means)
{
    const int64_t d = problem->X->n_features;
    for (int64_t j = 0; j < k; j++)
        for (int64_t p = j * d; p < (j + 1) * d; p++) {
            means[p] = centers[p];
            if (totals->weights[j] > 0.0) means[p] = totals->sums[p] / totals->weights[j];
            if (totals->weights[j] > 0.0 && problem->unit != 0) /* a mean of the largest numbers may be rounded up */
                means[p] = fmax(fmin(ldexp(means[p], problem->unit), DBL_MAX), -DBL_MAX);
        }
    ck_round_centers(problem->X, means, k * d);
}

static double center_shift(const ck_problem *problem, int64_t k, const double *centers, const double *means,
                           double *scratch)
{
    enum { BATCH = 64 };
    const ck_matrix after = ck_dense_matrix(means, k, problem->X->n_features, CK_F64);
    int32_t numbers[BATCH];
    double sqdists[BATCH], shift = 0.0;
    for (int64_t first = 0; first < k; first += BATCH) {
        const int64_t n = ck_min_i64(BATCH, k - first);
        for (int64_t j = 0; j < n; j++) numbers[j] = (int32_t)(first + j);
        ck_label_distances(&after, centers, numbers, first, n, problem->unit, sqdists, scratch);
        for (int64_t j = 0; j < n; j++) shift += sqdists[j];
    }
    return shift;
}

/* Inertia of the labels at the centers they were assigned to, from the totals alone: the scatter around the origin
 * less what the centers explain. Its rounding is relative to the scatter, so it serves the history only. */
static double inertia_from_totals(const ck_problem *problem, int64_t k, const ck_totals *totals, const double *centers)
{
    const int64_t d = problem->X->n_features;
    double explained = 0.0;
    for (int64_t j = 0; j < k; j++)
        for (int64_t p = 0; p < d; p++) {
            double origin = problem->origin[p], center = centers[j * d + p];
            if (problem->unit != 0) {
                origin = ldexp(origin, -problem->unit);
                center = ldexp(center, -problem->unit);
            }
            double move = center - origin, weight = totals->weights[j];
            explained += move * (2.0 * (totals->sums[j * d + p] - weight * origin) - weight * move);
        }
    return fmax(problem->scatter - explained, 0.0);
}

/* As numbers: a zero may change its sign. */
static int centers_moved(const double *before, const double *after, int64_t count)
{
    int64_t moved = 0;
    for (int64_t i = 0; i < count; i++) moved |= before[i] != after[i];
    return moved != 0;
}

static int has_empty(const ck_totals *totals, int64_t k)
{
    for (int64_t j = 0; j < k; j++)
        if (!(totals->weights[j] > 0.0)) return 1;
    return 0;
}

int ck_update_centers(ck_pass *pass, const ck_problem *problem, int64_t k, const double *centers, int32_t *labels,
                      double *means, double *scratch, ck_update *update)
{
    const ck_totals *totals = ck_pass_totals(pass);
    update->inertia = inertia_from_totals(problem, k, totals, centers);
    update->relocated = has_empty(totals, k);
    if (update->relocated) {
        int status = ck_pass_labels(pass, labels);
        if (status == CK_OK) status = ck_relocate_empty(problem, centers, labels, k, pass);
        if (status != CK_OK) return status;
    }
    means_of(problem, k, totals, centers, means);
    update->shift = center_shift(problem, k, centers, means, scratch);
    update->moved = centers_moved(centers, means, k * problem->X->n_features);
    return CK_OK;
}
