#include <string.h>

#include "fit.h"

typedef struct {
    const ck_problem *problem;
    const double *centers;
    const int32_t *labels;
    double *distances;
    double *row, *other; /* scratch */
    int64_t *remaining;  /* k: rows of positive weight left in each cluster */
} relocation;

static int same_location(const double *a, const double *b, int64_t d)
{
    for (int64_t p = 0; p < d; p++)
        if (a[p] != b[p]) return 0;
    return 1;
}

/* Farthest row of positive weight that is not at its center, the first on a tie; -1 where there is none. */
static int64_t farthest_row(const relocation *r)
{
    int64_t farthest = -1;
    double largest = 0.0;
    for (int64_t i = 0; i < r->problem->X->n_rows; i++)
        if (r->distances[i] > largest) {
            largest = r->distances[i];
            farthest = i;
        }
    return farthest;
}

/* Moves all rows at the place of `row`, which share its label and distance, to cluster `empty`; refuses to take the
 * last rows of a cluster. Either way they are not looked at again. */
static int take_location(relocation *r, int64_t row, int64_t empty, ck_totals *totals)
{
    const ck_matrix *X = r->problem->X;
    const int64_t d = X->n_features, from = r->labels[row];
    const double distance = r->distances[row];
    int64_t count = 0;
    double weight = 0.0;
    ck_load_row(X, row, r->row);
    for (int64_t i = row; i < X->n_rows; i++) {
        if (r->distances[i] != distance || r->labels[i] != from) continue;
        ck_load_row(X, i, r->other);
        if (!same_location(r->row, r->other, d)) continue;
        r->distances[i] = 0.0;
        count++;
        weight += ck_weight(r->problem, i);
    }
    if (count >= r->remaining[from]) return 0;
    r->remaining[from] -= count;
    totals->weights[from] -= weight;
    totals->weights[empty] = weight;
    for (int64_t p = 0; p < d; p++) {
        double part = weight * ldexp(r->row[p], -r->problem->unit);
        totals->sums[from * d + p] -= part;
        totals->sums[empty * d + p] = part;
    }
    return 1;
}

int ck_relocate_empty(const ck_problem *problem, const double *centers, const int32_t *labels, int64_t k,
                      ck_totals *totals)
{
    const ck_matrix *X = problem->X;
    const int64_t n = X->n_rows, d = X->n_features;
    relocation r = {problem, centers, labels, NULL, NULL, NULL, NULL};
    ck_arena local = {0};
    r.distances = CK_NEW(&local, double, n);
    r.row = CK_NEW(&local, double, d);
    double *scratch = CK_NEW(&local, double, ck_label_distances_scratch(d));
    r.other = CK_NEW(&local, double, d);
    r.remaining = CK_NEW(&local, int64_t, k);
    if (local.failed) {
        ck_arena_free(&local);
        return CK_ERROR_MEMORY;
    }
    ck_label_distances(X, centers, labels, 0, n, problem->unit, r.distances, scratch);
    memset(r.remaining, 0, (size_t)k * sizeof *r.remaining);
    for (int64_t i = 0; i < n; i++) {
        if (ck_weight(problem, i) > 0.0)
            r.remaining[labels[i]]++;
        else
            r.distances[i] = 0.0;
    }
    for (int64_t j = 0; j < k; j++) {
        if (r.remaining[j] > 0) continue;
        int64_t row;
        while ((row = farthest_row(&r)) >= 0 && !take_location(&r, row, j, totals)) continue;
        if (row < 0) break;
    }
    ck_arena_free(&local);
    return CK_OK;
}
