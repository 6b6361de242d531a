/* coarse_model.c - centers packed in bfloat16, with the bound as two of their features. docs/numerics.md, section 9. */
#include <string.h>

#include "coarse.h"

/* The units may add by truncation, rounding to odd or to nearest: an addition is within one unit in the last place. */
static const double UNIT_ROUNDOFF_SUM = 0x1p-23, UNIT_ROUNDOFF_32 = 0x1p-24, UNIT_ROUNDOFF_64 = 0x1p-53,
                    UNDERFLOW_32 = 0x1p-119, RAISED = 1.0 + 0x1p-20;
enum { STAGED_FEATURES = 32 };

static double gamma_of(double n, double unit_roundoff) { return n * unit_roundoff / (1.0 - n * unit_roundoff); }

static uint16_t bfloat16_nearest(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static float float_of(uint16_t value)
{
    const uint32_t bits = (uint32_t)value << 16;
    float result;
    memcpy(&result, &bits, sizeof result);
    return result;
}

static uint16_t bfloat16_above(double value) { return ck_bfloat16_above((float)(value * RAISED)); }

int64_t ck_coarse_stage(const ck_coarse_shape *shape, int64_t d)
{
    return shape->panel_rows *
           (d * (int64_t)sizeof(double) + ck_round_up(d, STAGED_FEATURES) * (int64_t)sizeof(uint16_t));
}

void ck_coarse_model_init(ck_coarse_model *coarse, ck_arena *arena, int64_t k, int64_t d)
{
    const ck_coarse_shape *shape = ck_coarse_table();
    memset(coarse, 0, sizeof *coarse);
    if (!shape || d < CK_COARSE_MIN_FEATURES || d > CK_COARSE_MAX_FEATURES || k < CK_COARSE_MIN_CENTERS) return;
    coarse->shape = shape;
    coarse->k = k;
    coarse->n_pairs = ck_round_up(ck_bound_pair(d) + 1, shape->center_pairs);
    coarse->n_panels = ck_ceil_div(k, shape->panel_centers);
    coarse->panel_floats = (coarse->n_pairs + shape->head_lines) * shape->panel_centers;
    coarse->panels = CK_NEW(arena, float, coarse->n_panels * coarse->panel_floats);
}

/* The lines in front of a panel's pairs. */
static void set_head(const ck_coarse_shape *shape, float *panel, int64_t at, float start, int32_t index)
{
    panel[at] = start;
    memcpy(panel + shape->panel_centers + at, &index, sizeof index);
    /* A tile of accumulators starts from these: a line of panel_rows / 2 equal numbers for every center. */
    const int64_t more = shape->head_lines - 2;
    for (int64_t i = 0; i < more; i++) panel[2 * shape->panel_centers + at * more + i] = start;
}

void ck_coarse_model_set(ck_coarse_model *coarse, const ck_screen_model *model, const double *centers)
{
    const ck_coarse_shape *shape = coarse->shape;
    const int64_t k = coarse->k, d = model->d, r = shape->panel_centers, group = shape->center_pairs;
    const double n_features = (double)(2 * coarse->n_pairs);
    /* Additions that a term meets, one after another or in runs that are added up. */
    const double sum = gamma_of(n_features + n_features / CK_SCREEN_RUN + 16.0, UNIT_ROUNDOFF_SUM);
    const double settle = gamma_of((double)d + 4.0, UNIT_ROUNDOFF_64);
    for (int64_t j = 0; j < coarse->n_panels * r; j++) {
        float *panel = coarse->panels + j / r * coarse->panel_floats;
        uint16_t *pairs = (uint16_t *)(panel + shape->head_lines * r);
        double sqnorm = 0.0, removed = 0.0, rounded_sqnorm = 0.0;
        for (int64_t p = 0; p < 2 * coarse->n_pairs; p++) {
            const int64_t pair = p / 2;
            uint16_t value = 0;
            if (p < d && j < k) {
                const double exact = centers[j * d + p] * model->image.scale + model->offset[p];
                value = bfloat16_nearest((float)exact);
                const double rounded = (double)float_of(value);
                sqnorm += exact * exact;
                removed += (exact - rounded) * (exact - rounded);
                rounded_sqnorm += rounded * rounded;
            } else if (p == 2 * ck_bound_pair(d)) {
                value = bfloat16_above((sqrt(removed) + sum * sqrt(rounded_sqnorm)) / (1.0 - sum));
            } else if (p == 2 * ck_bound_pair(d) + 1) {
                value = bfloat16_above(sqrt(sqnorm) / (1.0 - sum));
            }
            pairs[2 * ((pair / group * r + j % r) * group + pair % group) + p % 2] = value;
        }
        const double slack = (0.5 * sum + settle + UNDERFLOW_32) * sqnorm + 2.0 * (double)d * UNDERFLOW_32;
        /* What fills the last panel has the score -infinity, and an index that exists should a row have none. */
        set_head(shape, panel, j % r, j < k ? (float)(slack - 0.5 * sqnorm) : -INFINITY, (int32_t)ck_min_i64(j, k - 1));
    }
    /* The squared norm of a row is computed in float32. */
    coarse->rule.row = 0.5 * (1.0 - gamma_of((double)d + 32.0, UNIT_ROUNDOFF_32));
    coarse->rule.distance = 0.5 * model->image.scale * model->image.scale * RAISED;
}
