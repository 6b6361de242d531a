#include "partial.h"

#include <string.h>

void ck_partial_init(ck_partial *partial, ck_arena *arena, const ck_problem *problem, int64_t k, int with_sums)
{
    const int64_t d = problem->X->n_features, levels = problem->grid.levels;
    *partial = (ck_partial){.k = k, .d = d, .levels = levels};
    if (with_sums) partial->sums = CK_NEW(arena, double, k * levels * d);
    if (problem->weights) partial->weights = CK_NEW(arena, double, k *levels);
    partial->sizes = CK_NEW(arena, int64_t, k);
}

void ck_partial_clear(ck_partial *partial)
{
    const int64_t n = partial->k * partial->levels;
    if (partial->sums) memset(partial->sums, 0, (size_t)(n * partial->d) * sizeof(double));
    if (partial->weights) memset(partial->weights, 0, (size_t)n * sizeof(double));
    memset(partial->sizes, 0, (size_t)partial->k * sizeof(int64_t));
}

void ck_partial_move_weights(ck_partial *partial, const ck_problem *problem, int64_t row, const ck_moves *moves,
                             double *scratch)
{
    for (int64_t i = 0; i < moves->n; i++) {
        assert(moves->after[i] >= 0 && moves->after[i] < partial->k && moves->before[i] < partial->k);
        partial->sizes[moves->after[i]]++;
        if (moves->before[i] >= 0) partial->sizes[moves->before[i]]--;
    }
    if (!partial->weights) return;
    const ck_matrix weights = ck_dense_matrix(problem->weights, problem->X->n_rows, 1, CK_F64);
    ck_settle_table()->move_rows(&weights, row, moves, 0, 1, &problem->weight_grid, partial->weights, scratch);
}

void ck_partial_move_features(ck_partial *partial, const ck_problem *problem, int64_t row, const ck_moves *moves,
                              int64_t first, int64_t last, double *scratch)
{
    ck_settle_table()->move_rows(problem->X, row, moves, first, last, &problem->grid, partial->sums, scratch);
}

void ck_partial_move(ck_partial *partial, const ck_problem *problem, int64_t row, const ck_moves *moves,
                     double *scratch)
{
    ck_partial_move_weights(partial, problem, row, moves, scratch);
    if (partial->sums) ck_partial_move_features(partial, problem, row, moves, 0, partial->d, scratch);
}

void ck_partial_merge(ck_partial *partial, const ck_partial *other)
{
    assert(other->k == partial->k && other->d == partial->d && other->levels == partial->levels);
    const int64_t n = partial->k * partial->levels;
    for (int64_t j = 0; j < partial->k; j++) partial->sizes[j] += other->sizes[j];
    for (int64_t i = 0; i < n * partial->d && other->sums; i++) partial->sums[i] += other->sums[i];
    for (int64_t i = 0; i < n && other->weights; i++) partial->weights[i] += other->weights[i];
}

/* The levels put together, the finest first. */
void ck_partial_round(const ck_partial *partial, int64_t j, ck_totals *totals)
{
    const int64_t d = partial->d, levels = partial->levels;
    double *out = totals->sums + j * d;
    const double *parts = partial->sums + j * levels * d;
    memcpy(out, parts + (levels - 1) * d, (size_t)d * sizeof *out);
    for (int64_t level = levels - 2; level >= 0; level--)
        for (int64_t p = 0; p < d; p++) out[p] += parts[level * d + p];
    double weight = partial->weights ? 0.0 : (double)partial->sizes[j];
    for (int64_t level = levels - 1; level >= 0 && partial->weights; level--)
        weight += partial->weights[j * levels + level];
    totals->weights[j] = weight;
    totals->sizes[j] = partial->sizes[j];
}
