/* afk_mc2.c - AFK-MC2 (Bachem et al., "Fast and provably good seedings for k-means", NIPS 2016): a Markov chain of
 * rows draws each center after the first nearly as k-means++ would. Rows are proposed half by their mass with respect
 * to the first center and half by their weight, so that the distances of all rows are computed only once.
 */
#include "closest.h"
#include "seeding.h"

enum { CHAIN_ROWS = 200 }; /* as in the paper's experiments */

typedef struct {
    const ck_problem *problem;
    ck_sampler by_weight;
    ck_closest first; /* distances to the first center */
    double total_weight, total_mass;
    ck_random random;
    int64_t rows[CHAIN_ROWS]; /* the chain */
    double *points;           /* CHAIN_ROWS x d */
    ck_matrix chain;          /* the same */
    ck_labeler labeler;
    int32_t labels[CHAIN_ROWS];
    double sqdists[CHAIN_ROWS]; /* to the nearest center */
    double *scratch;
} chains;

/* Twice the probability that a row is proposed, over its weight. */
static double proposal(const chains *s, int64_t row)
{
    const double by_mass = s->total_mass > 0.0 ? s->first.sqdists[row] / s->total_mass : 0.0;
    return by_mass + 1.0 / s->total_weight;
}

static int propose(chains *s)
{
    const int64_t d = s->problem->X->n_features;
    for (int i = 0; i < CHAIN_ROWS; i++) {
        const int by_mass = ck_random_uniform(&s->random) < 0.5 && s->total_mass > 0.0;
        s->rows[i] = ck_sampler_draw(by_mass ? &s->first.sampler : &s->by_weight, &s->random);
        if (s->rows[i] < 0) return CK_ERROR_TOO_FEW_ROWS;
        ck_load_row(s->problem->X, s->rows[i], s->points + i * d);
    }
    return CK_OK;
}

/* Where the chain ends: the next center. */
static int64_t walk(chains *s)
{
    int64_t at = s->rows[0];
    double importance = s->sqdists[0] / proposal(s, at);
    for (int i = 1; i < CHAIN_ROWS; i++) {
        const double next = s->sqdists[i] / proposal(s, s->rows[i]);
        if (!(next > ck_random_uniform(&s->random) * importance)) continue;
        at = s->rows[i];
        importance = next;
    }
    return at;
}

/* OUT row: the next center, of which there are j. */
static int draw_center(chains *s, const double *centers, int64_t j, int64_t *row)
{
    int status = propose(s);
    if (status == CK_OK) status = ck_labeler_run(&s->labeler, centers, j, s->labels);
    if (status != CK_OK) return status;
    ck_label_distances(&s->chain, centers, s->labels, 0, CHAIN_ROWS, s->problem->unit, s->sqdists, s->scratch);
    *row = walk(s);
    return CK_OK;
}

static int draw(const ck_prepared *prepared, ck_arena *arena, int64_t k, int n_trials, ck_random random,
                double *centers, int64_t *indices)
{
    const ck_problem *problem = prepared->problem;
    (void)n_trials;
    const int64_t d = problem->X->n_features;
    chains *s = CK_NEW(arena, chains, 1);
    if (!s) return CK_ERROR_MEMORY;
    s->problem = problem;
    s->random = random;
    ck_sampler_init(&s->by_weight, arena, problem->X->n_rows);
    ck_closest_init(&s->first, arena, problem, 1);
    s->points = CK_NEW(arena, double, CHAIN_ROWS *d);
    s->chain = ck_dense_matrix(s->points, CHAIN_ROWS, d, CK_F64);
    ck_labeler_init(&s->labeler, arena, &s->chain, k, problem->n_threads);
    s->scratch = CK_NEW(arena, double, ck_label_distances_scratch(d));
    if (arena->failed) return CK_ERROR_MEMORY;
    int status = ck_sampler_set_weights(&s->by_weight, problem);
    if (status != CK_OK) return status;
    s->total_weight = ck_sampler_total(&s->by_weight);

    int64_t row = ck_sampler_draw(&s->by_weight, &s->random);
    if (row < 0) return CK_ERROR_TOO_FEW_ROWS;
    for (int64_t j = 0; j < k; j++) {
        status = j > 0 ? draw_center(s, centers, j, &row) : CK_OK;
        if (status != CK_OK) return status;
        ck_load_row(problem->X, row, centers + j * d);
        if (indices) indices[j] = row;
        if (j == 0) status = ck_closest_add(&s->first, centers, 0, 1);
        if (j == 0) s->total_mass = ck_sampler_total(&s->first.sampler);
        if (status != CK_OK) return status;
        if (ck_stopped()) return CK_ERROR_STOPPED;
    }
    return CK_OK;
}

const ck_seeding ck_seeding_afk_mc2 = {"afk-mc2", 1, 0, draw};
