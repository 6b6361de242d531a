/* probe.c - the kernels' own numbers, for the tests that attack their bound. */
#include <string.h>

#include "../ck_test.h"
#include "coarse.h"

enum { ALL_LANES = 64 };

/* Scores of one center alone: the others of its panel are put out of reach. */
static void score_center(const ck_screen_model *model, const float *points, int64_t j, float *panel, float *best,
                         float *second, float *index)
{
    const int64_t r = model->shape->panel_centers, size = (model->d + 2) * r;
    memcpy(panel, model->panels + j / r * size, (size_t)size * sizeof(float));
    for (int64_t i = 0; i < r; i++)
        if (i != j % r) panel[i] = -INFINITY;
    model->shape->score(points, model->d, panel, 1, 1, best, second, index);
}

/* OUT masks: of a panel of points, by reach_few, for rows and centers laid out by feature. scratch: rows and centers */
static void reach_unpacked(const ck_screen_model *model, const float *points, const float *threshold, float *scratch,
                           uint64_t *masks)
{
    const int64_t d = model->d, width = model->shape->panel_rows, r = model->shape->panel_centers;
    const int64_t stride = ck_round_up(d, ALL_LANES), padded = ck_round_up(model->k, ALL_LANES);
    float *rows = scratch, *centers = rows + width * stride, *starts = centers + padded * stride;
    memset(scratch, 0, (size_t)((width + padded) * stride) * sizeof(float));
    for (int64_t lane = 0; lane < width; lane++)
        for (int64_t p = 0; p < d; p++) rows[lane * stride + p] = points[p * width + lane];
    for (int64_t j = 0; j < padded; j++) {
        const float *from = model->panels + j / r * (d + 2) * r + j % r;
        starts[j] = j < model->k ? from[0] : -INFINITY;
        for (int64_t p = 0; p < d && j < model->k; p++) centers[j * stride + p] = from[(p + 2) * r];
    }
    model->kernels->reach_few(rows, stride, width, d, centers, starts, model->k, threshold, (const char *)rows, 0,
                              masks);
}

static int probe_coarse(const ck_matrix *X, const ck_screen_model *model, const double *centers, const float *cut,
                        float *scores, uint8_t *reached)
{
    ck_arena arena = {0};
    ck_coarse_model coarse;
    const int64_t k = model->k, d = model->d;
    const ck_coarse_shape *shape = ck_coarse_table();
    if (!shape) return CK_ERROR_UNKNOWN;
    ck_coarse_model_init(&coarse, &arena, shape, k, d);
    const int64_t width = shape->panel_rows, r = shape->panel_centers;
    void *points = ck_arena_alloc(&arena, width, coarse.row_bytes),
         *panel = ck_arena_alloc(&arena, coarse.panel_bytes, 1);
    float *lanes = CK_NEW(&arena, float, 5 * ALL_LANES);
    uint64_t *masks = CK_NEW(&arena, uint64_t, coarse.n_panels *r);
    void *stage = ck_arena_alloc(&arena, ck_coarse_stage(shape, d), 1);
    if (!arena.failed) {
        float *best = lanes, *second = best + ALL_LANES, *index = second + ALL_LANES, *sqnorm = index + ALL_LANES;
        float *threshold = sqnorm + ALL_LANES;
        ck_coarse_model_set(&coarse, model, centers);
        if (shape->begin) shape->begin();
        for (int64_t row = 0; row < X->n_rows; row += width) {
            const int64_t n_rows = ck_min_i64(width, X->n_rows - row);
            shape->pack(X, row, n_rows, &model->image, coarse.n_words, stage, points, sqnorm);
            for (int64_t lane = 0; lane < width; lane++) threshold[lane] = lane < n_rows ? cut[row + lane] : NAN;
            shape->reach(points, coarse.n_words, coarse.panels, coarse.n_panels, threshold, masks);
            for (int64_t j = 0; j < k; j++) {
                memcpy(panel, coarse.panels + j / r * coarse.panel_bytes, (size_t)coarse.panel_bytes);
                for (int64_t i = 0; i < r; i++)
                    if (i != j % r) ck_coarse_set_start(shape, panel, i, -INFINITY);
                shape->score(points, coarse.n_words, panel, 1, 1, best, second, index);
                for (int64_t lane = 0; lane < n_rows; lane++) {
                    scores[(row + lane) * k + coarse.order[j]] = best[lane];
                    reached[(row + lane) * k + coarse.order[j]] = masks[j] >> lane & 1;
                }
            }
        }
        if (shape->end) shape->end();
    }
    const int failed = arena.failed;
    ck_arena_free(&arena);
    return failed ? CK_ERROR_MEMORY : CK_OK;
}

int ck_screen_probe(const ck_matrix *X, const double *centers, int64_t k, int shape_number, const float *cut,
                    float *scores, uint8_t *reached, double *row_slack, double *center_slack, double *scale,
                    double *minus_offset)
{
    ck_arena arena = {0};
    ck_screen_model model;
    const ck_screen_kernels *kernels = ck_screen_table();
    const ck_screen_shape *shape = shape_number == 0 ? kernels->narrow : kernels->tile;
    int status = CK_OK;
    const int64_t d = X->n_features, width = shape->panel_rows;
    ck_screen_model_init(&model, &arena, shape, k, d);
    float *points = CK_NEW(&arena, float, width *d), *panel = CK_NEW(&arena, float, (d + 2) * shape->panel_centers);
    float *lanes = CK_NEW(&arena, float, 5 * ALL_LANES);
    double *stage = CK_NEW(&arena, double, width *d);
    uint64_t *masks = CK_NEW(&arena, uint64_t, model.n_panels * shape->panel_centers);
    const int64_t padded = ck_round_up(k, ALL_LANES);
    float *scratch = CK_NEW(&arena, float, (width + padded) * ck_round_up(d, ALL_LANES) + padded);
    if (arena.failed) {
        ck_arena_free(&arena);
        return CK_ERROR_MEMORY;
    }
    float *best = lanes, *second = best + ALL_LANES, *index = second + ALL_LANES, *sqnorm = index + ALL_LANES;
    float *threshold = sqnorm + ALL_LANES;
    memset(lanes, 0, 5 * ALL_LANES * sizeof(float));
    ck_screen_model_set(&model, X, centers, 0);
    if (shape_number == 3) status = probe_coarse(X, &model, centers, cut, scores, reached);
    for (int64_t row = 0; row < X->n_rows; row += width) {
        const int64_t n_rows = ck_min_i64(width, X->n_rows - row);
        shape->pack(X, row, n_rows, &model.image, stage, points, sqnorm);
        for (int64_t lane = 0; lane < n_rows; lane++) row_slack[row + lane] = (double)model.row_slack * sqnorm[lane];
        if (shape_number == 3) continue;
        for (int64_t lane = 0; lane < width; lane++) threshold[lane] = lane < n_rows ? cut[row + lane] : INFINITY;
        if (shape_number == 2)
            reach_unpacked(&model, points, threshold, scratch, masks);
        else
            shape->reach(points, d, model.panels, model.n_panels, threshold, masks);
        for (int64_t j = 0; j < k; j++) {
            score_center(&model, points, j, panel, best, second, index);
            for (int64_t lane = 0; lane < n_rows; lane++) {
                scores[(row + lane) * k + j] = best[lane];
                reached[(row + lane) * k + j] = masks[j] >> lane & 1;
            }
        }
    }
    for (int64_t j = 0; j < k; j++) center_slack[j] = model.center_slack[j];
    for (int64_t p = 0; p < d; p++)
        minus_offset[p] = X->dtype == CK_F64 ? model.image.minus_offset[p] : model.image.minus_offset32[p];
    *scale = model.image.scale;
    ck_arena_free(&arena);
    return status;
}
