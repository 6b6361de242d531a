/* screening.c - what all strategies need. */
#include "../assign/coarse_block.h"
#include "../base/costs.h"
#include "strategy.h"

void ck_screening_init(ck_screening *screening, ck_arena *arena, const ck_matrix *X, int64_t k, int n_threads)
{
    ck_assigner_init(&screening->assigner, arena, X, k);
    const int64_t block_rows = screening->assigner.block_rows;
    screening->n_workers = ck_useful_threads(n_threads, ck_ceil_div(X->n_rows, block_rows), ck_assign_operations(X, k));
    screening->scratch = ck_assign_scratch_new(arena, &screening->assigner, screening->n_workers);
    screening->labels = CK_NEW(arena, int32_t, screening->n_workers *block_rows);
}

void ck_apply_labels(const int32_t *after, int64_t first, int64_t last, int32_t *labels, ck_moves *moves)
{
    int32_t *rows = moves->rows + moves->n;
    const int n = ck_screen_table()->differ(after + first, labels + first, (int)(last - first), rows);
    for (int i = 0; i < n; i++) {
        const int32_t row = rows[i] += (int32_t)first;
        moves->before[moves->n] = labels[row];
        moves->after[moves->n++] = labels[row] = after[row];
    }
}

double ck_float_operations(const ck_screening *screening)
{
    return (double)screening->assigner.model.k * ck_pair_operations(screening->assigner.model.d);
}

double ck_screen_operations(const ck_screening *screening)
{
    return ck_float_operations(screening) *
           ck_coarse_cost(&screening->assigner, screening->scratch, screening->n_workers);
}
