/* kmeans_parallel.c - k-means|| (Bahmani et al., "Scalable k-means++", VLDB 2012): in a few rounds every row joins the
 * candidates with a probability in proportion to its mass, whatever the others do; k-means++ then chooses among the
 * candidates, each of which weighs what the rows nearest to it weigh.
 */
#include <string.h>

#include "closest.h"
#include "seeding.h"

enum { ROUNDS = 5, OVERSAMPLING = 2 }; /* times k rows are expected a round: both as in the paper's experiments */

typedef struct {
    ck_closest closest;
    ck_random random;
    uint32_t round;
    double expected, total; /* rows that join a round; sum of the masses */
    int32_t *joining;       /* by block of CK_SUM_ROWS: those that do */
    int64_t *n_joining;
    int64_t n, n_distinct, capacity; /* candidates; those that coincide with none before them */
    int64_t *rows;
    double *points; /* n x d */
} candidates;

static int choose_block(void *context, int64_t block, int worker)
{
    candidates *c = context;
    const double *masses = c->closest.sampler.masses;
    const int64_t first = block * CK_SUM_ROWS, last = ck_min_i64(first + CK_SUM_ROWS, c->closest.sampler.n_rows);
    int64_t count = 0;
    (void)worker;
    for (int64_t row = first; row < last; row++)
        if (masses[row] > 0.0 &&
            ck_random_uniform_at(&c->random, c->round, (uint64_t)row) * c->total < c->expected * masses[row])
            c->joining[first + count++] = (int32_t)(row - first);
    c->n_joining[block] = count;
    return CK_OK;
}

/* CK_ERROR_TOO_FEW_ROWS where none was drawn. */
static int add_candidate(candidates *c, ck_arena *arena, int64_t row)
{
    const ck_matrix *X = c->closest.problem->X;
    const int64_t d = X->n_features;
    if (row < 0) return CK_ERROR_TOO_FEW_ROWS;
    if (c->n == c->capacity) { /* what was there before stays in the arena: as much again at most */
        const int64_t capacity = 2 * c->capacity + 64;
        int64_t *rows = CK_NEW(arena, int64_t, capacity);
        double *points = CK_NEW(arena, double, capacity *d);
        if (arena->failed) return CK_ERROR_MEMORY;
        if (c->n > 0) memcpy(rows, c->rows, (size_t)c->n * sizeof *rows);
        if (c->n > 0) memcpy(points, c->points, (size_t)(c->n * d) * sizeof *points);
        c->rows = rows;
        c->points = points;
        c->capacity = capacity;
    }
    ck_load_row(X, row, c->points + c->n * d);
    c->rows[c->n++] = row;
    return CK_OK;
}

/* Rows are compared with the candidates from the `first`-th on. */
static int compare_rows(candidates *c, int64_t first)
{
    int status = ck_closest_add(&c->closest, c->points, first, c->n);
    for (int64_t t = first; t < c->n; t++) c->n_distinct += c->closest.nearest[c->rows[t]] == t;
    c->total = ck_sampler_total(&c->closest.sampler);
    return status;
}

static int join_round(candidates *c, ck_arena *arena)
{
    const int64_t first = c->n;
    c->round++;
    int status = ck_closest_run(&c->closest, choose_block, c, 32.0);
    for (int64_t block = 0; block < c->closest.sampler.n_blocks; block++)
        for (int64_t i = 0; i < c->n_joining[block] && status == CK_OK; i++)
            status = add_candidate(c, arena, block * CK_SUM_ROWS + c->joining[block * CK_SUM_ROWS + i]);
    return status == CK_OK ? compare_rows(c, first) : status;
}

static int choose_centers(candidates *c, ck_arena *arena, int64_t k, int n_trials, double *centers, int64_t *indices)
{
    const ck_problem *all = c->closest.problem;
    const ck_matrix points = ck_dense_matrix(c->points, c->n, all->X->n_features, CK_F64);
    double *weights = CK_NEW(arena, double, c->n);
    ck_problem problem;
    if (arena->failed) return CK_ERROR_MEMORY;
    memset(weights, 0, (size_t)c->n * sizeof *weights);
    for (int64_t i = 0; i < all->X->n_rows; i++) {
        if (i % CK_UNWATCHED_ROWS == 0 && ck_stopped()) return CK_ERROR_STOPPED;
        weights[c->closest.nearest[i]] += ck_weight(all, i);
    }
    int status = ck_problem_init(&problem, arena, &points, weights, all->n_threads);
    ck_prepared prepared = {.problem = &problem};
    const ck_prospect prospect = {k, 0.0, ck_seeding_candidates(CK_INIT_KMEANS_PLUSPLUS, k, n_trials)};
    if (status == CK_OK) ck_prepare_embedding(&prepared, arena, &prospect);
    if (status == CK_OK) ck_prepare_sorted(&prepared, arena, k);
    if (status == CK_OK) status = ck_seed_plus_plus(&prepared, arena, k, n_trials, c->random, centers, indices);
    for (int64_t j = 0; j < k && indices && status == CK_OK; j++) indices[j] = c->rows[indices[j]];
    return status;
}

static int draw(const ck_prepared *prepared, ck_arena *arena, int64_t k, int n_trials, ck_random random,
                double *centers, int64_t *indices)
{
    const ck_problem *problem = prepared->problem;
    candidates c;
    memset(&c, 0, sizeof c);
    ck_closest_init(&c.closest, arena, problem, 2 * OVERSAMPLING * k); /* seldom do more rows join a round */
    c.joining = CK_NEW(arena, int32_t, problem->X->n_rows);
    c.n_joining = CK_NEW(arena, int64_t, c.closest.sampler.n_blocks);
    if (arena->failed) return CK_ERROR_MEMORY;
    c.random = random;
    c.expected = (double)OVERSAMPLING * (double)k;
    int status = ck_sampler_set_weights(&c.closest.sampler, problem);
    if (status == CK_OK) status = add_candidate(&c, arena, ck_sampler_draw(&c.closest.sampler, &c.random));
    if (status == CK_OK) status = compare_rows(&c, 0);
    for (int round = 0; round < ROUNDS && c.total > 0.0 && status == CK_OK; round++) {
        status = join_round(&c, arena);
        if (status == CK_OK && ck_stopped()) status = CK_ERROR_STOPPED;
    }
    while (c.n_distinct < k && c.total > 0.0 && status == CK_OK) { /* too few rows joined: drawn one by one */
        status = add_candidate(&c, arena, ck_sampler_draw(&c.closest.sampler, &c.random));
        if (status == CK_OK) status = compare_rows(&c, c.n - 1);
        if (status == CK_OK && ck_stopped()) status = CK_ERROR_STOPPED;
    }
    return status == CK_OK ? choose_centers(&c, arena, k, n_trials, centers, indices) : status;
}

const ck_seeding ck_seeding_kmeans_parallel = {"k-means||", 1, 0, draw};
