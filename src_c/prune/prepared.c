#include "prepared.h"

#include "../base/costs.h"

void ck_prepare_packed(ck_prepared *prepared, ck_arena *arena, int64_t k)
{
    prepared->packed = ck_packed_rows_new(arena, prepared->problem->X, k);
}

void ck_prepare_embedding(ck_prepared *prepared, ck_arena *arena, const ck_prospect *prospect)
{
    const ck_problem *problem = prepared->problem;
    if (problem->unit == 0 && prospect->k >= CK_EMBEDDED_CENTERS)
        prepared->embedding = ck_embedding_new(arena, problem->X, problem->origin, prospect, problem->n_threads);
}

ck_sorted_rows *ck_sorted_rows_new(const ck_problem *problem, ck_arena *arena)
{
    const int64_t n = problem->X->n_rows;
    const ck_ordering *ordering = ck_ordering_new(arena, problem->X, problem->n_threads);
    if (!ordering) return NULL;
    ck_sorted_rows *sorted = CK_NEW(arena, ck_sorted_rows, 1);
    double *weights = problem->weights ? CK_NEW(arena, double, n) : NULL;
    double *multipliers = problem->grid.multipliers ? CK_NEW(arena, double, n) : NULL;
    if (arena->failed) return NULL;
    if (weights) ck_ordering_gather(ordering, problem->weights, weights);
    if (multipliers) ck_ordering_gather(ordering, problem->grid.multipliers, multipliers);
    sorted->ordering = ordering;
    sorted->problem = *problem;
    sorted->problem.X = &ordering->X;
    sorted->problem.weights = weights;
    sorted->problem.grid.multipliers = multipliers;
    return sorted;
}

void ck_prepare_sorted(ck_prepared *prepared, ck_arena *arena, int64_t k)
{
    const ck_matrix *X = prepared->problem->X;
    if (X->n_features <= CK_SORTED_FEATURES && X->n_rows >= CK_SEEDED_SORTED_ROWS && k >= CK_SEEDED_SORTED_CENTERS)
        prepared->sorted = ck_sorted_rows_new(prepared->problem, arena);
}

void ck_prepared_set_threads(ck_prepared *prepared, int n_threads)
{
    prepared->problem->n_threads = n_threads;
    if (prepared->sorted) prepared->sorted->problem.n_threads = n_threads;
}
