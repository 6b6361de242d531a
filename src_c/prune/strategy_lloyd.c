/* strategy_lloyd.c - every row against every center. */
#include <string.h>

#include "strategy.h"

static void forget(ck_strategy *strategy) { (void)strategy; }

static int set_centers(ck_strategy *strategy, const double *centers)
{
    return ck_assigner_set_centers(&strategy->screening->assigner, centers);
}

static int assign(ck_strategy *strategy, int worker, int64_t row, int64_t n_rows, int32_t *labels, ck_moves *moves,
                  double *screened)
{
    ck_screening *screening = strategy->screening;
    const ck_assigner *assigner = &screening->assigner;
    int32_t *after = screening->labels + worker * assigner->block_rows;
    memcpy(after, labels, (size_t)n_rows * sizeof *after);
    int status = ck_assign_block(assigner, screening->scratch + worker, assigner->X, row, n_rows, after);
    if (status != CK_OK) return status;
    ck_apply_labels(after, 0, n_rows, labels, moves);
    *screened += (double)n_rows * (double)assigner->model.k;
    return CK_OK;
}

static double operations(const ck_strategy *strategy, double share)
{
    (void)share; /* all of them */
    return ck_screen_operations(strategy->screening);
}

ck_strategy *ck_strategy_lloyd(ck_arena *arena, ck_screening *screening)
{
    ck_strategy *strategy = CK_NEW(arena, ck_strategy, 1);
    if (strategy) *strategy = (ck_strategy){CK_LLOYD, screening, forget, set_centers, assign, operations};
    return strategy;
}

static ck_strategy *create(ck_arena *arena, ck_screening *screening, const ck_prepared *prepared)
{
    (void)prepared;
    return ck_strategy_lloyd(arena, screening);
}

const ck_strategy_kind ck_strategy_kind_lloyd = {"lloyd", create};
