#include <string.h>

#include "fit.h"

enum { TAKEN = 1, TAKING };

typedef struct {
    const ck_problem *problem;
    const int32_t *labels;
    double *distances;
    double *row, *other; /* scratch */
    int64_t *remaining;  /* k: rows of positive weight left in each cluster */
    int8_t *taken;       /* n: rows that moved */
    int8_t *donor;       /* k: clusters that lost rows */
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
        r->taken[i] = TAKING;
        count++;
        weight += ck_weight(r->problem, i);
    }
    const int refused = count >= r->remaining[from]; /* these rows are all that is left of the cluster */
    for (int64_t i = row; i < X->n_rows; i++)
        if (r->taken[i] == TAKING) r->taken[i] = refused ? 0 : TAKEN;
    if (refused) return 0;
    r->donor[from] = 1;
    r->remaining[from] -= count;
    totals->weights[empty] = weight;
    for (int64_t p = 0; p < d; p++) totals->sums[empty * d + p] = weight * ldexp(r->row[p], -r->problem->unit);
    return 1;
}

/* What is left of the clusters that lost rows, summed afresh in row order: subtracting the farthest row from a sum
 * that it dominates would leave nothing but rounding. */
static void sum_donors(relocation *r, int64_t k, ck_totals *totals)
{
    const ck_matrix *X = r->problem->X;
    const int64_t d = X->n_features;
    for (int64_t j = 0; j < k; j++) {
        if (!r->donor[j]) continue;
        totals->weights[j] = 0.0;
        memset(totals->sums + j * d, 0, (size_t)d * sizeof(double));
    }
    for (int64_t i = 0; i < X->n_rows; i++) {
        const int64_t j = r->labels[i];
        if (!r->donor[j] || r->taken[i]) continue;
        const double weight = ck_weight(r->problem, i), multiplier = ldexp(weight, -r->problem->unit);
        ck_load_row(X, i, r->row);
        totals->weights[j] += weight;
        for (int64_t p = 0; p < d; p++) totals->sums[j * d + p] += multiplier * r->row[p];
    }
}

int ck_relocate_empty(const ck_problem *problem, const double *centers, const int32_t *labels, int64_t k,
                      ck_totals *totals)
{
    const ck_matrix *X = problem->X;
    const int64_t n = X->n_rows, d = X->n_features;
    relocation r = {0};
    r.problem = problem;
    r.labels = labels;
    ck_arena local = {0};
    r.distances = CK_NEW(&local, double, n);
    r.row = CK_NEW(&local, double, d);
    double *scratch = CK_NEW(&local, double, ck_label_distances_scratch(d));
    r.other = CK_NEW(&local, double, d);
    r.remaining = CK_NEW(&local, int64_t, k);
    r.taken = CK_NEW(&local, int8_t, n);
    r.donor = CK_NEW(&local, int8_t, k);
    if (local.failed) {
        ck_arena_free(&local);
        return CK_ERROR_MEMORY;
    }
    ck_label_distances(X, centers, labels, 0, n, problem->unit, r.distances, scratch);
    memset(r.remaining, 0, (size_t)k * sizeof *r.remaining);
    memset(r.taken, 0, (size_t)n);
    memset(r.donor, 0, (size_t)k);
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
    sum_donors(&r, k, totals);
    ck_arena_free(&local);
    return CK_OK;
}
