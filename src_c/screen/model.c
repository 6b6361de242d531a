/* model.c - centers packed for a screen, and the slacks of its bound. docs/numerics.md derives every term. */
#include <float.h>
#include <string.h>

#include "screen.h"

static const double UNIT_ROUNDOFF_32 = 0x1p-24, UNIT_ROUNDOFF_64 = 0x1p-53, UNDERFLOW_32 = 0x1p-120,
                    LARGEST_SQNORM = 0x1p120;
enum { SAMPLE_ROWS = 16, MAX_EXPONENT_32 = 126, MAX_EXPONENT_64 = 1000, VECTOR_PADDING = 16 };

static float float_at_least(double value)
{
    float rounded = (float)value;
    return (double)rounded < value ? nextafterf(rounded, INFINITY) : rounded;
}

const ck_screen_shape *ck_screen_choose_shape(int64_t d)
{
    const ck_screen_kernels *kernels = ck_screen_table();
    return d <= kernels->narrow_features ? kernels->narrow : kernels->tile;
}

void ck_screen_model_set_count(ck_screen_model *model, int64_t k)
{
    model->k = k;
    model->n_panels = ck_ceil_div(k, model->shape->panel_centers);
}

void ck_screen_model_init(ck_screen_model *model, ck_arena *arena, const ck_screen_shape *shape, int64_t k, int64_t d)
{
    memset(model, 0, sizeof *model);
    model->kernels = ck_screen_table();
    model->shape = shape;
    model->d = d;
    ck_screen_model_set_count(model, k);
    int64_t padded = model->n_panels * model->shape->panel_centers;
    model->panels = CK_NEW(arena, float, arena->failed || d > INT64_MAX / 64 / (padded + 1) ? -1 : padded * (d + 2));
    model->center_slack = CK_NEW(arena, float, padded);
    model->offset = CK_NEW(arena, double, d + VECTOR_PADDING);
    model->offset32 = CK_NEW(arena, float, d + VECTOR_PADDING);
}

void ck_screen_model_take_image(ck_screen_model *model, const ck_screen_model *other)
{
    memcpy(model->offset, other->offset, (size_t)(model->d + VECTOR_PADDING) * sizeof(double));
    memcpy(model->offset32, other->offset32, (size_t)(model->d + VECTOR_PADDING) * sizeof(float));
    model->image = (ck_screen_image){other->image.scale, model->offset, model->offset32};
}

void ck_screen_model_identity(ck_screen_model *model)
{
    memset(model->offset, 0, (size_t)(model->d + VECTOR_PADDING) * sizeof(double));
    memset(model->offset32, 0, (size_t)(model->d + VECTOR_PADDING) * sizeof(float));
    model->image = (ck_screen_image){1.0, model->offset, model->offset32};
}

void ck_screen_model_center(ck_screen_model *model, ck_dtype dtype, const double *centers, int64_t k)
{
    const int64_t d = model->d;
    double largest = 0.0, half_deviation = 0.0;
    memset(model->offset, 0, (size_t)(d + VECTOR_PADDING) * sizeof(double));
    memset(model->offset32, 0, (size_t)(d + VECTOR_PADDING) * sizeof(float));
    for (int64_t j = 0; j < k; j++)
        for (int64_t p = 0; p < d; p++) model->offset[p] += centers[j * d + p] / (double)k;
    for (int64_t p = 0; p < d; p++) {
        if (!isfinite(model->offset[p])) model->offset[p] = 0.0; /* the mean of the largest float64 numbers */
        if (dtype != CK_F64 && dtype != CK_F32) model->offset[p] = rint(model->offset[p]); /* keeps images exact */
        largest = fabs(model->offset[p]) > largest ? fabs(model->offset[p]) : largest;
    }
    for (int64_t j = 0; j < k; j++)
        for (int64_t p = 0; p < d; p++) {
            const double half = fabs(centers[j * d + p] * 0.5 - model->offset[p] * 0.5);
            half_deviation = half > half_deviation ? half : half_deviation;
        }

    int exponent = 0, offset_exponent = 0;
    if (half_deviation > 0.0)
        frexp(half_deviation, &exponent);
    else
        frexp(largest, &exponent);
    frexp(largest, &offset_exponent);
    int limit = dtype == CK_F64 ? MAX_EXPONENT_64 : MAX_EXPONENT_32;
    int scale_exponent = -(exponent + 1);
    if (scale_exponent > limit - offset_exponent) scale_exponent = limit - offset_exponent;
    if (scale_exponent > limit) scale_exponent = limit;
    if (scale_exponent < -limit) scale_exponent = -limit;
    model->image.scale = ldexp(1.0, scale_exponent);

    for (int64_t p = 0; p < d; p++) {
        double offset = -model->offset[p] * model->image.scale;
        model->offset32[p] = (float)offset;
        model->offset[p] = dtype == CK_F64 ? offset : (double)model->offset32[p];
    }
    model->image.minus_offset = model->offset;
    model->image.minus_offset32 = model->offset32;
}

/* Mean squared norm of a few rows' images: only how tight the bound is depends on it, never whether it holds. */
static double sample_sqnorm(const ck_screen_model *model, const ck_matrix *X)
{
    enum { AT_A_TIME = 64 };
    const int64_t d = model->d, n = ck_min_i64(SAMPLE_ROWS, X->n_rows);
    double values[AT_A_TIME], sums[4] = {0.0};
    for (int64_t i = 0; i < n; i++)
        for (int64_t p = 0; p < d; p += AT_A_TIME) {
            const int64_t count = ck_min_i64(AT_A_TIME, d - p);
            const ck_matrix part = ck_features_of(X, p, count);
            ck_load_row(&part, i * (X->n_rows / n), values);
            for (int64_t q = 0; q < count; q++) {
                const double value = values[q] * model->image.scale + model->offset[p + q];
                sums[q % 4] += value * value;
            }
        }
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) / (double)n;
}

void ck_screen_model_set(ck_screen_model *model, const ck_matrix *X, const double *centers, int keep_image)
{
    const int64_t k = model->k, d = model->d, r = model->shape->panel_centers;
    if (!keep_image) ck_screen_model_center(model, X->dtype, centers, k);

    model->too_large = 0;
    for (int64_t j = 0; j < model->n_panels * r; j++) {
        float *panel = model->panels + j / r * (d + 2) * r + j % r;
        /* What fills the last panel has the score -infinity, and an index that exists should a row have none. */
        int32_t index = (int32_t)ck_min_i64(j, k - 1);
        double sqnorm = 0.0;
        for (int64_t p = 0; p < d; p++) {
            double value = j < k ? centers[j * d + p] * model->image.scale + model->offset[p] : 0.0;
            panel[(2 + p) * r] = (float)value;
            sqnorm += value * value;
        }
        memcpy(panel + r, &index, sizeof index);
        if (!(sqnorm <= LARGEST_SQNORM)) model->too_large = 1;
        model->center_slack[j] = (float)sqnorm;
    }

    double mean = 0.0, rows = model->balance > 0.0 ? 1.0 : sample_sqnorm(model, X);
    for (int64_t j = 0; j < k; j++) mean += model->center_slack[j] / (double)k;
    /* |x||c| <= (balance |x|^2 + |c|^2 / balance) / 2 is tightest where both terms are equal. */
    double balance = model->balance > 0.0 ? model->balance : sqrt(mean / rows);
    if (!(balance > 0x1p-10)) balance = 0x1p-10;
    if (!(balance < 0x1p10)) balance = 0x1p10;

    double run = (double)ck_min_i64(d, CK_SCREEN_RUN), runs = (double)ck_ceil_div(d, CK_SCREEN_RUN);
    double screen = ck_gamma(run + runs + 8, UNIT_ROUNDOFF_32);
    double settle = ck_gamma((double)d + 4, UNIT_ROUNDOFF_64);
    double per_row = screen * balance / 2 + settle + UNDERFLOW_32;
    double per_center = screen * (1 / balance + 1) / 2 + settle + UNDERFLOW_32 + model->embedding_slack;
    /* The squared norm of a row is itself computed in float32. */
    model->row_slack = float_at_least(2 * per_row * (1 + ck_gamma((double)d + 8, UNIT_ROUNDOFF_32)));

    model->largest_slack = 0.0f;
    for (int64_t j = 0; j < model->n_panels * r; j++) {
        float *panel = model->panels + j / r * (d + 2) * r + j % r;
        double sqnorm = (double)model->center_slack[j] * (1 + 0x1p-23);
        double slack = per_center * sqnorm + 2 * (double)d * UNDERFLOW_32;
        panel[0] = j < k ? (float)(slack - 0.5 * (double)model->center_slack[j]) : -INFINITY;
        model->center_slack[j] = float_at_least(2 * slack * (1 + 0x1p-20));
        if (model->center_slack[j] > model->largest_slack) model->largest_slack = model->center_slack[j];
    }
    /* More features than the bound has a meaning for. */
    if (!(model->row_slack <= FLT_MAX && model->largest_slack <= FLT_MAX)) model->too_large = 1;
}

/* With embedded errors e|z| and e|c|, a center within sqrt(D) is embedded within sqrt(D) + e|z| + e|c|, whose square is
 * at most (1 + m)^2 D + (1 + m)(1 + 1/m) e^2 |z|^2 + (1 + 1/m) e^2 |c|^2 for any m > 0; the last term is the center's
 * slack. The remaining constants pay for rounding to float32, here and in |z|^2. */
static const double MARGIN = 0x1p-10;

double ck_embedding_slack(double error) { return (1.0 + 1.0 / MARGIN) * error * error; }

ck_reach_rule ck_reach_rule_of(const ck_screen_model *model, double scale, double error)
{
    const double margin = error > 0.0 ? MARGIN : 0.0, rounding = ck_gamma((double)model->d + 32, UNIT_ROUNDOFF_32);
    const double embedded = error > 0.0 ? (1.0 + margin) * (1.0 + 1.0 / margin) * error * error : 0.0;
    ck_reach_rule rule;
    rule.row = 0.5 * (1.0 - embedded - (double)model->row_slack - rounding);
    rule.distance = 0.5 * scale * scale * (1.0 + margin) * (1.0 + margin) * (1.0 + 0x1p-20);
    return rule;
}

float ck_sqnorm_slack(const ck_screen_model *model)
{
    /* The screen's slack, the rounding of |x|^2 (d + 8 operations) and that of the few operations on scores. */
    return model->row_slack + (float)(model->d + 16) * 0x1p-22f;
}
