/* seeding.c - rows drawn as first centers: the table of methods, and the one that draws at random. */
#include "seeding.h"

static int seed_random(const ck_problem *problem, ck_arena *arena, int64_t k, int n_trials, ck_random random,
                       double *centers, int64_t *indices)
{
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

static const ck_seeding_fn methods[] = {
    [CK_INIT_KMEANS_PLUSPLUS] = ck_seed_plus_plus,
    [CK_INIT_RANDOM] = seed_random,
    [CK_INIT_KMEANS_PARALLEL] = ck_seed_parallel,
    [CK_INIT_AFK_MC2] = ck_seed_chains,
};

int ck_seed_centers(const ck_problem *problem, ck_arena *arena, int64_t k, ck_init method, int n_trials,
                    ck_random random, double *centers, int64_t *indices)
{
    return methods[method](problem, arena, k, n_trials, random, centers, indices);
}

int ck_seed(const ck_matrix *X, const double *weights, int64_t k, ck_init method, int n_trials, uint64_t seed,
            int n_threads, double *centers, int64_t *indices, ck_location *where)
{
    ck_arena arena = {0};
    ck_problem problem;
    int status = ck_problem_init(&problem, &arena, X, weights, n_threads);
    if (status == CK_OK) ck_problem_embed(&problem, &arena, k);
    if (status == CK_OK && method == CK_INIT_KMEANS_PLUSPLUS) ck_problem_sort(&problem, &arena, k);
    if (status == CK_OK)
        status = ck_seed_centers(&problem, &arena, k, method, n_trials, ck_random_stream(seed, 0), centers, indices);
    if (status == CK_ERROR_NOT_FINITE) ck_find_not_finite(X, where);
    ck_arena_free(&arena);
    return status;
}
