/* prices_test.c - what is prepared, and what is not since it would not pay.
 *     prices_test
 * Rows in four directions are embedded for many passes, or for whoever asks by name; never for a few passes, for a
 * seeding of few centers or where directions do not hold the scatter. */
#include <stdio.h>
#include <stdlib.h>

#include "../../src_c/prune/prepared.h"

enum { N = 5000, D = 128, DIRECTIONS = 4 };

static void expect(int holds, const char *what)
{
    if (holds) return;
    printf("FAILED: %s\n", what);
    exit(1);
}

static int is_embedded(const ck_matrix *X, int64_t k, double passes, double candidates)
{
    ck_arena arena = {0};
    ck_problem problem;
    ck_prepared prepared = {.problem = &problem};
    const ck_prospect prospect = {k, passes, candidates};
    expect(ck_problem_init(&problem, &arena, X, NULL, 1) == CK_OK, "ck_problem_init");
    ck_prepare_embedding(&prepared, &arena, &prospect);
    const int embedded = prepared.embedding != NULL;
    ck_arena_free(&arena);
    return embedded;
}

/* Rows that are sums of so many directions. */
static ck_matrix rows_along(ck_arena *arena, int directions)
{
    ck_random random = ck_random_stream(1, 0);
    double *basis = CK_NEW(arena, double, D *directions), *rows = CK_NEW(arena, double, N *D);
    expect(!arena->failed, "memory");
    for (int i = 0; i < D * directions; i++) basis[i] = ck_random_uniform(&random) - 0.5;
    for (int i = 0; i < N; i++) {
        for (int p = 0; p < D; p++) rows[i * D + p] = 0.0;
        for (int q = 0; q < directions; q++) {
            const double along = ck_random_uniform(&random) - 0.5;
            for (int p = 0; p < D; p++) rows[i * D + p] += along * basis[q * D + p];
        }
    }
    return ck_dense_matrix(rows, N, D, CK_F64);
}

static void check_embedding(void)
{
    ck_arena arena = {0};
    const ck_matrix flat = rows_along(&arena, DIRECTIONS), round = rows_along(&arena, D);
    expect(is_embedded(&flat, 100, 20.0, 0.0), "many passes are worth an embedding");
    expect(is_embedded(&flat, 1000, 0.0, 8.0), "so is a seeding of many centers");
    expect(is_embedded(&flat, 16, INFINITY, 0.0), "and who asks by name gets it");
    expect(!is_embedded(&flat, 100, 1.0, 0.0), "a pass is not");
    expect(!is_embedded(&flat, 16, 20.0, 0.0), "nor are passes over so few centers that screening them costs less");
    expect(!is_embedded(&flat, 8, 0.0, 4.0), "nor is a seeding of few centers");
    expect(!is_embedded(&round, 100, INFINITY, 0.0), "no directions hold the scatter of rows that fill all of them");
    ck_arena_free(&arena);
}

static void check_cache(void)
{
    ck_find_last_level_cache();
    const int64_t bytes = ck_last_level_cache();
    expect(bytes >= 64 << 10 && bytes <= (int64_t)8 << 30, "a cache has a size that caches have");
    const ck_matrix small = ck_dense_matrix(NULL, 16, 16, CK_F32);
    const ck_matrix large = ck_dense_matrix(NULL, INT64_C(1) << 40, INT64_C(1) << 20, CK_F32);
    expect(ck_packed_fits(&small) && !ck_packed_fits(&large), "what fits a cache");
}

/* Rows stay packed over the passes of a fit, by as many threads; a single assignment packs them anew. */
static void check_kept(void)
{
    enum { K = 9, PASSES = 8 };
    ck_arena arena = {0};
    const ck_matrix X = rows_along(&arena, D);
    double *centers = CK_NEW(&arena, double, K *D), *weights = CK_NEW(&arena, double, K);
    int32_t *labels = CK_NEW(&arena, int32_t, N), *anew = CK_NEW(&arena, int32_t, N);
    int64_t *sizes = CK_NEW(&arena, int64_t, K);
    ck_location where;
    expect(!arena.failed && ck_packed_fits(&X), "memory");
    for (int n_threads = 1; n_threads <= 3; n_threads++) {
        ck_fit_params params = {.k = K, .n_init = 1, .max_iter = PASSES, .init = CK_INIT_GIVEN, .n_threads = n_threads};
        params.given_centers = X.data;
        params.algorithm = CK_LLOYD;
        ck_fit_result result = {.centers = centers, .labels = labels, .sizes = sizes, .weights = weights};
        expect(ck_fit(&X, NULL, &params, &result, &where) == CK_OK && result.n_iter == PASSES, "a fit of some passes");
        ck_free(result.history);
        expect(ck_assign(&X, centers, K, NULL, n_threads, anew, NULL, &where) == CK_OK, "ck_assign");
        for (int i = 0; i < N; i++) expect(labels[i] == anew[i], "rows that stay packed have the labels of others");
    }
    ck_arena_free(&arena);
}

int main(void)
{
    check_cache();
    check_embedding();
    check_kept();
    printf("prices agree\n");
    return 0;
}
