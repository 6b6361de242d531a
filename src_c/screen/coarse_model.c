/* coarse_model.c - centers packed for a coarse screen, in the format of its kernel. docs/numerics.md, section 9. */
#include <stdlib.h>
#include <string.h>

#include "coarse.h"

static const double UNIT_ROUNDOFF_32 = 0x1p-24, RAISED = 1.0 + 0x1p-20;

typedef struct {
    float start; /* of scores */
    int32_t center;
} ranked;

int64_t ck_coarse_stage(const ck_coarse_shape *shape, int64_t d)
{
    return shape->format->stage_bytes(shape->panel_rows, d);
}

int64_t ck_coarse_row_bytes(const ck_coarse_shape *shape, int64_t d)
{
    return ck_round_up(shape->format->words(d), shape->center_words) * CK_WORD_BYTES;
}

void ck_coarse_model_set_count(ck_coarse_model *coarse, int64_t k)
{
    coarse->k = k;
    coarse->n_panels = ck_ceil_div(k, coarse->shape->panel_centers);
}

double ck_coarse_pair_cost(const ck_coarse_shape *shape, int64_t d)
{
    return shape->pair_cost * ((double)d + CK_COST_COARSE_PAIR) / ck_pair_operations(d);
}

double ck_coarse_row_cost(const ck_matrix *X)
{
    return X->dtype == CK_F64 ? CK_COST_COARSE_ROW_F64 : CK_COST_COARSE_ROW;
}

const ck_coarse_shape *ck_coarse_choose_shape(const ck_matrix *X, int64_t k)
{
    const int64_t n = X->n_rows, d = X->n_features;
    const ck_coarse_shape *shape = ck_coarse_table();
    if (!shape || n < CK_COARSE_MIN_ROWS || k < CK_COARSE_MIN_CENTERS) return NULL;
    if (d < shape->least_features || d > shape->format->max_features) return NULL;
    const double in_float32 = (double)k * ck_pair_operations(d);
    const double cost = in_float32 * ck_coarse_pair_cost(shape, d) + ck_coarse_row_cost(X);
    return cost < CK_WORTH_COARSE * in_float32 ? shape : NULL;
}

void ck_coarse_model_init(ck_coarse_model *coarse, ck_arena *arena, const ck_coarse_shape *shape, int64_t k, int64_t d)
{
    memset(coarse, 0, sizeof *coarse);
    if (!shape) return;
    coarse->shape = shape;
    ck_coarse_model_set_count(coarse, k);
    coarse->row_bytes = ck_coarse_row_bytes(shape, d);
    coarse->n_words = coarse->row_bytes / CK_WORD_BYTES;
    coarse->panel_bytes = (coarse->n_words + shape->head_lines) * shape->panel_centers * CK_WORD_BYTES;
    coarse->panels = ck_arena_alloc(arena, coarse->n_panels, coarse->panel_bytes);
    coarse->words = ck_arena_alloc(arena, coarse->row_bytes, shape->panel_centers);
    coarse->order = CK_NEW(arena, int32_t, k);
    coarse->ranks = CK_NEW(arena, ranked, k);
    coarse->sum_error = shape->format->sum_error(coarse->n_words);
}

void ck_coarse_set_start(const ck_coarse_shape *shape, void *panel, int64_t at, float start)
{
    const int64_t line = shape->head_lines - 2;
    float *head = panel;
    head[at] = start;
    for (int64_t i = 0; i < line; i++) head[2 * shape->panel_centers + at * line + i] = start;
}

static int compare_ranks(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->start != y->start) return (x->start < y->start) - (x->start > y->start);
    return (x->center > y->center) - (x->center < y->center);
}

/* By the lengths of their images, which the float32 model has. */
static void sort_centers(ck_coarse_model *coarse, const ck_screen_model *model)
{
    const int64_t r = model->shape->panel_centers, panel = (model->d + 2) * r;
    ranked *ranks = coarse->ranks;
    for (int64_t j = 0; j < coarse->k; j++) {
        const float start = model->panels[j / r * panel + j % r]; /* minus half the square */
        ranks[j] = (ranked){start == start ? start : 0.0f, (int32_t)j};
    }
    qsort(ranks, (size_t)coarse->k, sizeof *ranks, compare_ranks);
    for (int64_t j = 0; j < coarse->k; j++) coarse->order[j] = ranks[j].center;
}

/* What fills the last panel has the score -infinity, and an index that exists should a row have none. */
static void fill_panels(const ck_coarse_model *coarse, const ck_screen_model *model, const double *centers)
{
    enum { MOST_CENTERS = 64 };
    const ck_coarse_shape *shape = coarse->shape;
    const int64_t d = model->d, r = shape->panel_centers, group = shape->center_words * CK_WORD_BYTES;
    const double *chosen[MOST_CENTERS];
    float starts[MOST_CENTERS];
    char *panel = coarse->panels;
    assert(r <= MOST_CENTERS);
    for (int64_t first = 0; first < coarse->k; first += r, panel += coarse->panel_bytes) {
        for (int64_t c = 0; c < r; c++) {
            const int32_t index = coarse->order[ck_min_i64(first + c, coarse->k - 1)];
            chosen[c] = centers + index * d;
            memcpy(panel + (r + c) * CK_WORD_BYTES, &index, sizeof index);
        }
        shape->format->round_centers(&model->image, chosen, r, d, coarse->n_words, coarse->sum_error, coarse->words,
                                     starts);
        for (int64_t c = 0; c < r; c++) {
            const char *words = coarse->words + c * coarse->row_bytes;
            char *to = panel + shape->head_lines * r * CK_WORD_BYTES + c * group;
            ck_coarse_set_start(shape, panel, c, first + c < coarse->k ? starts[c] : -INFINITY);
            for (int64_t done = 0; done < coarse->row_bytes; done += group, to += group * r)
                memcpy(to, words + done, (size_t)group);
        }
    }
}

void ck_coarse_model_set(ck_coarse_model *coarse, const ck_screen_model *model, const double *centers)
{
    sort_centers(coarse, model);
    fill_panels(coarse, model, centers);
    /* The squared norm of a row is computed in float32. */
    coarse->rule.row = 0.5 * (1.0 - ck_gamma((double)model->d + 32.0, UNIT_ROUNDOFF_32));
    coarse->rule.distance = 0.5 * model->image.scale * model->image.scale * RAISED;
}
