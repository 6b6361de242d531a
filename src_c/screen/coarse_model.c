/* coarse_model.c - centers packed for a coarse screen, in the format of its kernel. docs/numerics.md, section 9. */
#include <string.h>

#include "coarse.h"

static const double UNIT_ROUNDOFF_32 = 0x1p-24, RAISED = 1.0 + 0x1p-20;

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

const ck_coarse_shape *ck_coarse_choose_shape(int64_t n, int64_t k, int64_t d)
{
    const ck_coarse_shape *shape = ck_coarse_table();
    if (!shape || n < CK_COARSE_MIN_ROWS || k < CK_COARSE_MIN_CENTERS) return NULL;
    return d < CK_COARSE_MIN_FEATURES || d > shape->format->max_features ? NULL : shape;
}

void ck_coarse_model_init(ck_coarse_model *coarse, ck_arena *arena, int64_t n, int64_t k, int64_t d)
{
    const ck_coarse_shape *shape = ck_coarse_choose_shape(n, k, d);
    memset(coarse, 0, sizeof *coarse);
    if (!shape) return;
    coarse->shape = shape;
    ck_coarse_model_set_count(coarse, k);
    coarse->row_bytes = ck_coarse_row_bytes(shape, d);
    coarse->n_words = coarse->row_bytes / CK_WORD_BYTES;
    coarse->panel_bytes = (coarse->n_words + shape->head_lines) * shape->panel_centers * CK_WORD_BYTES;
    coarse->rounded_bytes = ck_rounded_bytes(coarse->n_words);
    coarse->panels = ck_arena_alloc(arena, coarse->n_panels, coarse->panel_bytes);
    coarse->words = ck_arena_alloc(arena, coarse->row_bytes, 1);
    coarse->sum_error = shape->format->sum_error(coarse->n_words);
}

void ck_coarse_set_start(const ck_coarse_shape *shape, void *panel, int64_t at, float start)
{
    const int64_t line = shape->head_lines - 2;
    float *head = panel;
    head[at] = start;
    for (int64_t i = 0; i < line; i++) head[2 * shape->panel_centers + at * line + i] = start;
}

/* OUT panels: words of center `at`, of which those of every group follow `apart` bytes after those of the last. */
static void put_center(const ck_coarse_model *coarse, char *panels, int64_t at, float start, int32_t index,
                       const char *words, int64_t apart)
{
    const ck_coarse_shape *shape = coarse->shape;
    const int64_t r = shape->panel_centers, group = shape->center_words * CK_WORD_BYTES;
    char *panel = panels + at / r * coarse->panel_bytes, *to = panel + shape->head_lines * r * CK_WORD_BYTES;
    ck_coarse_set_start(shape, panel, at % r, start);
    memcpy(panel + (r + at % r) * CK_WORD_BYTES, &index, sizeof index);
    to += at % r * group;
    for (int64_t done = 0; done < coarse->row_bytes; done += group, to += group * r, words += apart)
        memcpy(to, words, (size_t)group);
}

void ck_coarse_model_set(ck_coarse_model *coarse, const ck_screen_model *model, const double *centers)
{
    const ck_coarse_shape *shape = coarse->shape;
    const int64_t d = model->d;
    for (int64_t j = 0; j < coarse->n_panels * shape->panel_centers; j++) {
        /* What fills the last panel has the score -infinity, and an index that exists should a row have none. */
        const int32_t index = (int32_t)ck_min_i64(j, coarse->k - 1);
        const float start = shape->format->round_center(&model->image, centers + index * d, d, coarse->n_words,
                                                        coarse->sum_error, coarse->words);
        put_center(coarse, coarse->panels, j, j < coarse->k ? start : -INFINITY, index, coarse->words,
                   shape->center_words * CK_WORD_BYTES);
    }
    /* The squared norm of a row is computed in float32. */
    coarse->rule.row = 0.5 * (1.0 - ck_gamma((double)d + 32.0, UNIT_ROUNDOFF_32));
    coarse->rule.distance = 0.5 * model->image.scale * model->image.scale * RAISED;
}

void ck_coarse_take_centers(const ck_coarse_model *coarse, const int32_t *indices, int64_t n, char *panels)
{
    const ck_coarse_shape *shape = coarse->shape;
    const int64_t r = shape->panel_centers, group = shape->center_words * CK_WORD_BYTES;
    for (int64_t c = 0; c < ck_round_up(n, r); c++) {
        const int32_t j = indices[ck_min_i64(c, n - 1)];
        const char *panel = coarse->panels + j / r * coarse->panel_bytes;
        float start;
        memcpy(&start, panel + j % r * CK_WORD_BYTES, sizeof start);
        put_center(coarse, panels, c, c < n ? start : -INFINITY, j,
                   panel + shape->head_lines * r * CK_WORD_BYTES + j % r * group, group * r);
    }
}
