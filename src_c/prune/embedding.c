/* embedding.c - the rows embedded along principal directions. */
#include <float.h>
#include <string.h>

#include "../base/costs.h"
#include "../settle/rows.h"
#include "embedding.h"

static const double UNIT_ROUNDOFF_64 = 0x1p-53;

enum { MAX_PANEL_ROWS = 64, BALANCE_ROWS = 16, EMBEDDED_ABREAST = 16 };

/* OUT out: n x (m + 1). rows: n x d, altered. */
static void embed(const ck_embedding *e, double *rows, int64_t n, double *out)
{
    const ck_directions *directions = &e->directions;
    const int64_t d = e->d, m = e->m, width = directions->width;
    double products[EMBEDDED_ABREAST * (CK_MOST_DIRECTIONS + 1)], sqnorms[EMBEDDED_ABREAST];
    for (int64_t first = 0; first < n; first += EMBEDDED_ABREAST) {
        const int64_t count = ck_min_i64(EMBEDDED_ABREAST, n - first);
        ck_rows_table()->center_rows(rows + first * d, d, count, d, directions->origin, e->scale, sqnorms);
        ck_rows_table()->multiply(rows + first * d, d, 1, count, d, directions->basis, width, products);
        for (int64_t i = 0; i < count; i++) {
            double *z = out + (first + i) * (m + 1), rest = sqnorms[i];
            for (int64_t q = 0; q < m; q++) {
                z[q] = products[i * width + q];
                rest -= z[q] * z[q];
            }
            z[m] = rest > 0.0 ? sqrt(rest) : rest <= 0.0 ? 0.0 : rest;
        }
    }
}

typedef struct {
    ck_embedding *embedding;
    const ck_matrix *X;
    double *rows; /* of each worker: a panel of rows, and embedded */
    float *narrow;
} embed_task;

static int embed_panel(void *context, int64_t panel, int worker)
{
    embed_task *task = context;
    ck_embedding *e = task->embedding;
    const int64_t d = e->d, width = e->model.shape->panel_rows, dimensions = e->m + 1, row = panel * width;
    const int64_t n = ck_min_i64(width, task->X->n_rows - row);
    double *rows = task->rows + worker * ck_apart(MAX_PANEL_ROWS * (d + dimensions)), *z = rows + MAX_PANEL_ROWS * d;
    float *narrow = task->narrow + worker * 2 * ck_apart(MAX_PANEL_ROWS * dimensions);
    ck_rows_table()->copy_rows(task->X, row, n, rows);
    embed(e, rows, n, z);
    for (int64_t i = 0; i < n * dimensions; i++) narrow[i] = (float)z[i];
    const ck_matrix embedded = ck_dense_matrix(narrow, n, dimensions, CK_F32);
    e->model.shape->pack(&embedded, 0, n, &e->model.image, z, e->points + row * dimensions, e->sqnorm + row);
    return CK_OK;
}

double ck_projected_operations(int64_t d, int64_t m, int64_t k, double share)
{
    const double measured = CK_COST_LONE_FEATURE * ((double)d + CK_COST_LONE_PAIR_EXTRA);
    return (double)k * ((double)m + CK_COST_PROJECTED_PAIR + share * measured) + CK_COST_PROJECTED_ROW;
}

/* Whether m directions save more than embedding rows in them takes, and `before` that, in operations a row. */
static int pays(const ck_matrix *X, const ck_prospect *prospect, int64_t m, double before)
{
    const int64_t d = X->n_features, k = prospect->k;
    const double width = (double)ck_round_up(m + 1, CK_BASIS_COLUMNS), share = 1.0 / (double)k + CK_PROSPECTIVE_SHARE;
    const double price = before + (double)d * (CK_COST_DIRECTION * width + CK_COST_EMBED_FEATURE);
    const double of_pass = ck_scoring_operations(X, k) - ck_projected_operations(d, m, k, share);
    const double of_candidate = (double)(d - m), of_step = CK_COST_PACK_FEATURE * (double)d;
    double saved = prospect->passes * fmax(of_pass, 0.0);
    if (prospect->candidates > 0.0) saved += (double)k * (prospect->candidates * of_candidate + of_step);
    return saved > price || prospect->passes > DBL_MAX;
}

ck_embedding *ck_embedding_new(ck_arena *arena, const ck_matrix *X, const double *origin, const ck_prospect *prospect,
                               int n_threads)
{
    const int64_t n = X->n_rows, d = X->n_features;
    if (n < CK_EMBEDDED_ROWS || d < 8 * CK_FEATURES_A_DIRECTION || d > 1 << 16) return NULL;
    if (!pays(X, prospect, CK_BASIS_COLUMNS - 1, ck_directions_operations(X) / (double)n)) return NULL;
    ck_arena own = {0};
    ck_embedding *e = CK_NEW(arena, ck_embedding, 1);
    if (!e) return NULL;
    memset(e, 0, sizeof *e);
    e->d = d;
    if (!ck_find_directions(&e->directions, arena, X, origin, n_threads)) return NULL;
    e->m = e->directions.m;
    if (!pays(X, prospect, e->m, 0.0)) return NULL;
    e->scale = e->directions.scale;
    /* numerics.md, section 6: coordinates, the rest as the root of a difference, rounding to float32 */
    const double terms = (double)(d + e->m + 8) * UNIT_ROUNDOFF_64;
    const double coordinates = e->directions.gram_error + sqrt((double)e->m + 1.0) * terms;
    e->error = sqrt(2.0 * (terms + 2.0 * coordinates)) + coordinates + 0x1p-22;

    const int64_t dimensions = e->m + 1;
    ck_screen_model_init(&e->model, arena, ck_screen_choose_shape(dimensions), 1, dimensions);
    if (arena->failed) return NULL;
    ck_screen_model_identity(&e->model);
    const int64_t width = e->model.shape->panel_rows, n_panels = ck_ceil_div(n, width);
    e->points = CK_NEW(arena, float, n_panels * width * dimensions);
    e->sqnorm = CK_NEW(arena, float, n_panels *width);
    const int workers = ck_useful_threads(n_threads, n_panels, (double)n * (double)d * (double)e->m / 4.0);
    embed_task task = {e, X, NULL, NULL};
    task.rows = CK_NEW(&own, double, workers *ck_apart(MAX_PANEL_ROWS * (d + dimensions)));
    task.narrow = CK_NEW(&own, float, workers * 2 * ck_apart(MAX_PANEL_ROWS * dimensions));
    int status = own.failed || arena->failed ? CK_ERROR_MEMORY : CK_OK;
    if (status == CK_OK) status = ck_parallel_for(n_panels, workers, embed_panel, &task);
    float *sample = CK_NEW(arena, float, BALANCE_ROWS *dimensions);
    double *rows = CK_NEW(&own, double, BALANCE_ROWS *(d + dimensions));
    if (own.failed || arena->failed) status = CK_ERROR_MEMORY;
    if (status == CK_OK) {
        for (int64_t i = 0; i < BALANCE_ROWS; i++) ck_load_row(X, i * (n / BALANCE_ROWS), rows + i * d);
        embed(e, rows, BALANCE_ROWS, rows + BALANCE_ROWS * d);
        for (int64_t i = 0; i < BALANCE_ROWS * dimensions; i++) sample[i] = (float)rows[BALANCE_ROWS * d + i];
        e->sample = ck_dense_matrix(sample, BALANCE_ROWS, dimensions, CK_F32);
    }
    ck_arena_free(&own);
    return status == CK_OK ? e : NULL;
}

void ck_embedded_centers_init(ck_embedded_centers *c, ck_arena *arena, const ck_embedding *embedding, int64_t most,
                              double balance)
{
    const int64_t dimensions = embedding->m + 1;
    c->embedding = embedding;
    ck_screen_model_init(&c->model, arena, embedding->model.shape, most, dimensions);
    c->centers = CK_NEW(arena, double, most *dimensions);
    c->scratch = CK_NEW(arena, double, most * embedding->d);
    if (arena->failed) return;
    ck_screen_model_identity(&c->model);
    c->model.embedding_slack = ck_embedding_slack(embedding->error);
    c->model.balance = balance;
}

void ck_embedded_centers_set(ck_embedded_centers *embedded, const double *centers, int64_t k)
{
    const ck_embedding *e = embedded->embedding;
    memcpy(embedded->scratch, centers, (size_t)(k * e->d) * sizeof *centers);
    embed(e, embedded->scratch, k, embedded->centers);
    ck_screen_model_set_count(&embedded->model, k);
    ck_screen_model_set(&embedded->model, &e->sample, embedded->centers, 1);
}
