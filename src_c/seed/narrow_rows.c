/* narrow_rows.c - rows in bytes, and which of them may be near a center. */
#include "narrow_rows.h"

#include "../base/costs.h"
#include "../settle/quick.h"
#include "../settle/rows.h"
#include "../threads/threads.h"

enum { ROWS_AT_A_TIME = 16, SAMPLE_ROWS = 256, LINE = 64 };
static const double MOST = 127.0, RAISED = 1.0 + 0x1p-30;

typedef struct {
    ck_narrow_rows *narrow;
    double *rows; /* of each worker: ROWS_AT_A_TIME x d */
} narrow_task;

static int round_item(void *context, int64_t item, int worker)
{
    const narrow_task *task = context;
    ck_narrow_rows *narrow = task->narrow;
    const int64_t d = narrow->X->n_features, row = item * ROWS_AT_A_TIME;
    const int64_t n = ck_min_i64(ROWS_AT_A_TIME, narrow->X->n_rows - row);
    double *rows = task->rows + worker * ck_apart(ROWS_AT_A_TIME * d);
    ck_rows_table()->copy_rows(narrow->X, row, n, rows);
    ck_rows_table()->round_rows(rows, n, d, narrow->origin, narrow->scale, narrow->stride,
                                narrow->bytes + row * narrow->stride, narrow->errors + row, narrow->sqnorms + row);
    return CK_OK;
}

/* Mean length of what rounding would remove from sampled rows, in the units of X. */
static double mean_error(const ck_narrow_rows *narrow, const double *sample, int64_t n, int8_t *bytes)
{
    double error, sum = 0.0;
    int32_t sqnorm;
    for (int64_t i = 0; i < n; i++) {
        ck_rows_table()->round_rows(sample + i * narrow->X->n_features, 1, narrow->X->n_features, narrow->origin,
                                    narrow->scale, narrow->stride, bytes, &error, &sqnorm);
        sum += error / narrow->scale;
    }
    return sum / (double)n;
}

/* The middle of a sample's range becomes zero, its ends the largest bytes; or, where that keeps more (pixels, counts),
 * the scale is a power of two and the middle a whole multiple of its inverse. Returns 0 where no scale serves. */
static int choose_scale(ck_narrow_rows *narrow, double *sample, int64_t n, int8_t *bytes)
{
    const int64_t d = narrow->X->n_features;
    double half = 0.0;
    for (int64_t i = 0; i < n; i++) ck_load_row(narrow->X, i * (narrow->X->n_rows / n), sample + i * d);
    for (int64_t p = 0; p < d; p++) {
        double low = sample[p], high = low;
        for (int64_t i = 1; i < n; i++) {
            low = fmin(low, sample[i * d + p]);
            high = fmax(high, sample[i * d + p]);
        }
        narrow->origin[p] = low + (high - low) / 2.0;
        half = fmax(half, (high - low) / 2.0);
    }
    if (!(half > 0x1p-400 && half < 0x1p400)) return 0;
    int exponent;
    frexp(half / (MOST + 1.0), &exponent);
    const double plain = MOST / half,
                 whole = ldexp(1.0, half * ldexp(1.0, 1 - exponent) > MOST + 1.0 ? -exponent : 1 - exponent);
    narrow->scale = plain;
    const double error = mean_error(narrow, sample, n, bytes);
    for (int64_t p = 0; p < d; p++) narrow->origin[p] = rint(narrow->origin[p] * whole) / whole;
    narrow->scale = whole;
    if (mean_error(narrow, sample, n, bytes) > error) narrow->scale = plain;
    return 1;
}

ck_narrow_rows *ck_narrow_rows_new(ck_arena *arena, const ck_matrix *X, int n_threads)
{
    const int64_t n = X->n_rows, d = X->n_features, stride = ck_round_up(d, LINE);
    if (n > CK_NARROW_BYTES / stride || d > 1 << 16) return NULL;
    ck_arena local = {0};
    ck_narrow_rows *narrow = CK_NEW(arena, ck_narrow_rows, 1);
    if (!narrow) return NULL;
    narrow->X = X;
    narrow->stride = stride;
    narrow->origin = CK_NEW(arena, double, d);
    narrow->bytes = CK_NEW(arena, int8_t, n *stride);
    narrow->errors = CK_NEW(arena, double, n);
    narrow->sqnorms = CK_NEW(arena, int32_t, n);
    const int64_t n_items = ck_ceil_div(n, ROWS_AT_A_TIME), n_sample = ck_min_i64(SAMPLE_ROWS, n);
    const int workers = ck_useful_threads(n_threads, n_items, (double)n * (double)d);
    narrow_task task = {narrow, CK_NEW(&local, double, workers *ck_apart(ROWS_AT_A_TIME * d))};
    double *sample = CK_NEW(&local, double, n_sample *d);
    int8_t *bytes = CK_NEW(&local, int8_t, stride);
    int status = arena->failed || local.failed ? CK_ERROR_MEMORY : CK_OK;
    const int serves = status == CK_OK && choose_scale(narrow, sample, n_sample, bytes);
    if (serves) status = ck_parallel_for(n_items, workers, round_item, &task);
    ck_arena_free(&local);
    return serves && status == CK_OK ? narrow : NULL;
}

ck_narrow_center *ck_narrow_centers_new(ck_arena *arena, const ck_narrow_rows *narrow, int n)
{
    ck_narrow_center *centers = CK_NEW(arena, ck_narrow_center, n);
    for (int t = 0; t < n && centers; t++) centers[t].values = CK_NEW(arena, int16_t, narrow->stride);
    return centers;
}

void ck_narrow_center_set(ck_narrow_center *out, const ck_narrow_rows *narrow, const double *center, int8_t *scratch)
{
    ck_rows_table()->round_rows(center, 1, narrow->X->n_features, narrow->origin, narrow->scale, narrow->stride,
                                scratch, &out->error, &out->sqnorm);
    for (int64_t p = 0; p < narrow->stride; p++) out->values[p] = scratch[p];
}

int64_t ck_narrow_near(const ck_narrow_rows *narrow, const ck_narrow_center *center, int64_t row, int32_t *list,
                       int64_t n, const double *sqdists, int32_t *products, int32_t *far)
{
    int64_t near = 0;
    ck_quick_table()->byte_products(narrow->bytes + row * narrow->stride, narrow->stride, list, n, center->values,
                                    products);
    for (int64_t i = 0; i < n; i++) {
        const int64_t at = row + list[i];
        const double sqdist = (double)narrow->sqnorms[at] + (double)center->sqnorm - 2.0 * (double)products[i];
        const double reach = narrow->scale * sqrt(sqdists[at]) * RAISED + narrow->errors[at] + center->error;
        if (sqdist > reach * reach * RAISED) /* and not where one is no number */
            far[i - near] = list[i];
        else
            list[near++] = list[i];
    }
    return near;
}
