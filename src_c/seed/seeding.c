/* seeding.c - the table of methods. */
#include "seeding.h"

extern const ck_seeding ck_seeding_plus_plus, ck_seeding_random, ck_seeding_kmeans_parallel, ck_seeding_afk_mc2;

/* The place is the code, ck_init: new ones at the end. */
static const ck_seeding *const SEEDINGS[] = {
    [CK_INIT_GIVEN] = NULL,
    [CK_INIT_KMEANS_PLUSPLUS] = &ck_seeding_plus_plus,
    [CK_INIT_RANDOM] = &ck_seeding_random,
    [CK_INIT_KMEANS_PARALLEL] = &ck_seeding_kmeans_parallel,
    [CK_INIT_AFK_MC2] = &ck_seeding_afk_mc2,
};
enum { N_SEEDINGS = sizeof SEEDINGS / sizeof *SEEDINGS };

const ck_seeding *ck_seeding_of(int init) { return init > 0 && init < N_SEEDINGS ? SEEDINGS[init] : NULL; }

const char *ck_init_name(int init)
{
    const ck_seeding *seeding = ck_seeding_of(init);
    return seeding ? seeding->name : init == CK_INIT_GIVEN ? "given" : NULL;
}

int ck_init_is_careful(int init)
{
    const ck_seeding *seeding = ck_seeding_of(init);
    return seeding != NULL && seeding->is_careful;
}

double ck_seeding_candidates(int init, int64_t k, int n_trials)
{
    return init == CK_INIT_KMEANS_PLUSPLUS ? (double)ck_plus_plus_trials(k, n_trials) : 0.0;
}

int ck_seed(const ck_matrix *X, const double *weights, int64_t k, ck_init method, int n_trials, uint64_t seed,
            int n_threads, double *centers, int64_t *indices, ck_location *where)
{
    const ck_seeding *seeding = ck_seeding_of(method);
    ck_arena arena = {0};
    ck_problem problem;
    ck_prepared prepared = {.problem = &problem};
    int status = ck_problem_init(&problem, &arena, X, weights, n_threads);
    const ck_prospect prospect = {k, 0.0, ck_seeding_candidates((int)method, k, n_trials)};
    if (status == CK_OK) ck_prepare_embedding(&prepared, &arena, &prospect);
    if (status == CK_OK && seeding->likes_sorted) ck_prepare_sorted(&prepared, &arena, k);
    if (status == CK_OK)
        status = seeding->draw(&prepared, &arena, k, n_trials, ck_random_stream(seed, 0), centers, indices);
    if (status == CK_ERROR_NOT_FINITE) ck_find_not_finite(X, where);
    ck_arena_free(&arena);
    return status;
}
