/* random_rows.c - rows drawn by their weight, none twice (Forgy, 1965). */
#include "seeding.h"

static int draw(const ck_prepared *prepared, ck_arena *arena, int64_t k, int n_trials, ck_random random,
                double *centers, int64_t *indices)
{
    const ck_problem *problem = prepared->problem;
    ck_sampler s;
    (void)n_trials;
    ck_sampler_init(&s, arena, problem->X->n_rows);
    if (arena->failed) return CK_ERROR_MEMORY;
    int status = ck_sampler_set_weights(&s, problem);
    for (int64_t j = 0; j < k && status == CK_OK; j++) {
        const int64_t row = ck_sampler_draw(&s, &random);
        if (row < 0) return CK_ERROR_TOO_FEW_ROWS;
        if (ck_stopped()) return CK_ERROR_STOPPED;
        s.masses[row] = 0.0; /* without replacement */
        ck_sampler_sum_block(&s, row / CK_SUM_ROWS);
        ck_load_row(problem->X, row, centers + j * problem->X->n_features);
        if (indices) indices[j] = row;
    }
    return status;
}

const ck_seeding ck_seeding_random = {"random", 0, 0, draw};
