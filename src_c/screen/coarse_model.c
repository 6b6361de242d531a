/* coarse_model.c - centers packed in bfloat16, with the bound as two of their features. docs/numerics.md, section 9. */
#include <string.h>

#include "coarse.h"

/* The units may add by truncation, rounding to odd or to nearest: an addition is within one unit in the last place. */
static const double UNIT_ROUNDOFF_SUM = 0x1p-23, UNIT_ROUNDOFF_32 = 0x1p-24, UNIT_ROUNDOFF_64 = 0x1p-53,
                    UNDERFLOW_32 = 0x1p-119, RAISED = 1.0 + 0x1p-20;
enum { STAGED_FEATURES = 32 };

static uint16_t bfloat16_above(double value) { return ck_bfloat16_above((float)(value * RAISED)); }

int64_t ck_coarse_stage(const ck_coarse_shape *shape, int64_t d)
{
    return shape->panel_rows *
           (d * (int64_t)sizeof(double) + ck_round_up(d, STAGED_FEATURES) * (int64_t)sizeof(uint16_t));
}

void ck_coarse_model_init(ck_coarse_model *coarse, ck_arena *arena, int64_t n, int64_t k, int64_t d)
{
    const ck_coarse_shape *shape = ck_coarse_table();
    memset(coarse, 0, sizeof *coarse);
    if (!shape || n < CK_COARSE_MIN_ROWS || k < CK_COARSE_MIN_CENTERS) return;
    if (d < CK_COARSE_MIN_FEATURES || d > CK_COARSE_MAX_FEATURES) return;
    coarse->shape = shape;
    coarse->k = k;
    coarse->n_pairs = ck_round_up(ck_bound_pair(d) + 1, shape->center_pairs);
    coarse->n_panels = ck_ceil_div(k, shape->panel_centers);
    coarse->panel_floats = (coarse->n_pairs + shape->head_lines) * shape->panel_centers;
    coarse->panels = CK_NEW(arena, float, coarse->n_panels * coarse->panel_floats);
    coarse->rounded = CK_NEW(arena, uint16_t, 2 * coarse->n_pairs);
    /* Additions that a term meets, one after another or in runs that are added up. */
    const double n_features = (double)(2 * coarse->n_pairs);
    coarse->sum_error = ck_gamma(n_features + n_features / CK_SCREEN_RUN + 16.0, UNIT_ROUNDOFF_SUM);
}

void ck_coarse_set_start(const ck_coarse_shape *shape, float *panel, int64_t at, float start)
{
    const int64_t line = shape->head_lines - 2;
    panel[at] = start;
    for (int64_t i = 0; i < line; i++) panel[2 * shape->panel_centers + at * line + i] = start;
}

enum { ABREAST = 8 }; /* sums that run side by side */

static double total(const double sums[ABREAST])
{
    double sum = 0.0;
    for (int l = 0; l < ABREAST; l++) sum += sums[l];
    return sum;
}

/* OUT rounded: the image of a center and the bound's features, 2 n_pairs. Returns the image's squared norm. */
static double round_center(const ck_coarse_model *coarse, const ck_screen_model *model, const double *center,
                           uint16_t *rounded)
{
    const int64_t d = model->d, bound = 2 * ck_bound_pair(d), n_features = 2 * coarse->n_pairs;
    const double scale = model->image.scale;
    double sqnorm[ABREAST] = {0.0}, removed[ABREAST] = {0.0}, rounded_sqnorm[ABREAST] = {0.0};
    for (int64_t p = 0; p < d; p += ABREAST)
        for (int64_t l = 0; l < ABREAST && p + l < d; l++) {
            const double exact = center[p + l] * scale + model->offset[p + l];
            const uint16_t nearest = ck_bfloat16_nearest((float)exact);
            const double kept = (double)ck_float_of_bfloat16(nearest);
            rounded[p + l] = nearest;
            sqnorm[l] += exact * exact;
            removed[l] += (exact - kept) * (exact - kept);
            rounded_sqnorm[l] += kept * kept;
        }
    for (int64_t p = d; p < n_features; p++) rounded[p] = 0;
    rounded[bound] = bfloat16_above((sqrt(total(removed)) + coarse->sum_error * sqrt(total(rounded_sqnorm))) /
                                    (1.0 - coarse->sum_error));
    rounded[bound + 1] = bfloat16_above(sqrt(total(sqnorm)) / (1.0 - coarse->sum_error));
    return total(sqnorm);
}

void ck_coarse_model_set(ck_coarse_model *coarse, const ck_screen_model *model, const double *centers)
{
    const ck_coarse_shape *shape = coarse->shape;
    const int64_t k = coarse->k, d = model->d, r = shape->panel_centers, group = shape->center_pairs;
    const double settle = ck_gamma((double)d + 4.0, UNIT_ROUNDOFF_64);
    for (int64_t j = 0; j < coarse->n_panels * r; j++) {
        /* What fills the last panel has the score -infinity, and an index that exists should a row have none. */
        const int32_t index = (int32_t)ck_min_i64(j, k - 1);
        const double sqnorm = round_center(coarse, model, centers + index * d, coarse->rounded);
        const double slack =
            (0.5 * coarse->sum_error + settle + UNDERFLOW_32) * sqnorm + 2.0 * (double)d * UNDERFLOW_32;
        float *panel = coarse->panels + j / r * coarse->panel_floats;
        float *pairs = panel + shape->head_lines * r + j % r * group;
        ck_coarse_set_start(shape, panel, j % r, j < k ? (float)(slack - 0.5 * sqnorm) : -INFINITY);
        memcpy(panel + r + j % r, &index, sizeof index);
        for (int64_t p = 0; p < coarse->n_pairs; p += group, pairs += group * r)
            memcpy(pairs, coarse->rounded + 2 * p, (size_t)group * sizeof *pairs);
    }
    /* The squared norm of a row is computed in float32. */
    coarse->rule.row = 0.5 * (1.0 - ck_gamma((double)d + 32.0, UNIT_ROUNDOFF_32));
    coarse->rule.distance = 0.5 * model->image.scale * model->image.scale * RAISED;
}

void ck_coarse_take_centers(const ck_coarse_model *coarse, const int32_t *indices, int64_t n, float *panels)
{
    const ck_coarse_shape *shape = coarse->shape;
    const int64_t r = shape->panel_centers, group = shape->center_pairs, head = shape->head_lines * r;
    for (int64_t c = 0; c < ck_round_up(n, r); c++) {
        const int32_t j = indices[ck_min_i64(c, n - 1)];
        const float *from = coarse->panels + j / r * coarse->panel_floats;
        float *to = panels + c / r * coarse->panel_floats;
        ck_coarse_set_start(shape, to, c % r, c < n ? from[j % r] : -INFINITY);
        memcpy(to + r + c % r, &j, sizeof j);
        for (int64_t p = 0; p < coarse->n_pairs; p += group)
            memcpy(to + head + (p * r + c % r * group), from + head + (p * r + j % r * group),
                   (size_t)group * sizeof *to);
    }
}
