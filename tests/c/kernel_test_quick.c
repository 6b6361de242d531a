/* kernel_test_quick.c - quick distances and bounds within what they promise; rows in bulk. */
#include "kernel_test.h"
/* After it. */
#include "../../src_c/settle/quick.h"
#include "../../src_c/settle/rows.h"

enum { MOST_FEATURES = 300, CENTERS = 6 };

/* --- Quick distances ----------------------------------------------------------------------------------------- */

static const ck_quick_kernels *quick;

/* Squared distances may be given up once they exceed `enough`. */
static void expect_near(const ck_matrix *X, double measured, long double truth, double enough, const char *what)
{
    const long double error = ck_quick_sqdist_error(X), underflow = ck_quick_sqdist_underflow(X);
    if (isinf(measured)) {
        expect(truth >= (X->dtype == CK_F32 ? 0x1p126L : 0x1p1022L), what);
        return;
    }
    expect(measured <= truth * (1.0L + error) + underflow, what);
    if (measured <= enough) expect(measured >= truth * (1.0L - error) - underflow, what);
}

static long double true_sqdist(const double *x, const double *c, int64_t d)
{
    long double sum = 0.0L;
    for (int64_t p = 0; p < d; p++) sum += ((long double)x[p] - c[p]) * ((long double)x[p] - c[p]);
    return sum;
}

static void check_distances(const test_rows *rows)
{
    const ck_matrix *X = &rows->X;
    const int64_t d = now.d, n = X->n_rows, row = draw_start(n), count = draw_size(2 * (n - row) + 1) - 1;
    double *centers = ROOM(double, CENTERS *d), *out = ROOM(double, count), *limits = ROOM(double, count);
    double *scratch = ROOM(double, d);
    float *centers32 = ROOM(float, CENTERS *d + CK_LANES), *one32 = ROOM(float, d + CK_LANES),
          *exact32 = ROOM(float, d);
    int32_t *list = ROOM(int32_t, count), *labels = ROOM(int32_t, count);
    for (int64_t i = 0; i < CENTERS * d; i++) {
        const double near = rows->values[below(n) * d + i % d];
        centers[i] = below(3) ? near : draw_value(now.kind, X->dtype);
        if (X->dtype == CK_F32) centers[i] = (double)(float)centers[i];
        centers32[i] = (float)centers[i];
    }
    memcpy(one32, centers32, (size_t)d * sizeof *one32);
    memcpy(exact32, centers32, (size_t)d * sizeof *exact32);
    for (int64_t i = 0; i < count; i++) {
        list[i] = (int32_t)below(n - row);
        labels[i] = (int32_t)below(CENTERS);
        const double *x = rows->values + (row + list[i]) * d;
        const long double truth = true_sqdist(x, centers, d);
        limits[i] = below(3) ? INFINITY : (double)truth * ck_min_i64(below(3), 1);
        expect_near(X, quick->quick_sqdist(X, row + list[i], centers, exact32, limits[i], scratch), truth, limits[i],
                    "quick_sqdist");
    }
    quick->listed_sqdists(X, row, list, count, centers, one32, limits, out, scratch);
    for (int64_t i = 0; i < count; i++)
        expect_near(X, out[i], true_sqdist(rows->values + (row + list[i]) * d, centers, d), limits[i],
                    "listed_sqdists");
    quick->label_sqdists(X, row, list, labels, count, centers, centers32, out, scratch);
    for (int64_t i = 0; i < count; i++)
        expect_near(X, out[i], true_sqdist(rows->values + (row + list[i]) * d, centers + labels[i] * d, d), INFINITY,
                    "label_sqdists");
    TIME("listed_sqdists", quick->listed_sqdists(X, row, list, count, centers, one32, limits, out, scratch));
    TIME("label_sqdists", quick->label_sqdists(X, row, list, labels, count, centers, centers32, out, scratch));
}

/* --- Bounds -------------------------------------------------------------------------------------------------- */

/* A bound of distances, by its square, which is the sum of what is of the size of `terms`. */
static int is_bound(float bound, float plain, float terms)
{
    if (isnan(plain) || isinf(plain) || isinf(terms))
        return isnan(plain) ? isnan(bound) : bound == plain || isinf(terms);
    return fabs((double)bound * bound - (double)plain * plain) <= 0x1p-18 * terms + 0x1p-90;
}

static void check_score_bounds(void)
{
    const int64_t n = now.n;
    float *sqnorm = ROOM(float, n), *best = ROOM(float, n), *second = ROOM(float, n), *slacks = ROOM(float, CENTERS);
    float *high = ROOM(float, n), *low = ROOM(float, n), *others = ROOM(float, n);
    int32_t *nearest = ROOM(int32_t, n);
    const float slack = 0x1p-18f;
    fill_floats(slacks, CENTERS, PLAIN);
    for (int c = 0; c < CENTERS; c++) slacks[c] = fabsf(slacks[c]) * 0x1p-16f;
    for (int64_t i = 0; i < n; i++) {
        nearest[i] = (int32_t)below(CENTERS);
        sqnorm[i] = below(9) ? fabsf((float)draw_value(now.kind, CK_F32)) : INFINITY;
        best[i] = (float)(0.5 * (double)sqnorm[i] * draw_value(PLAIN, CK_F64));
        second[i] = below(5) ? best[i] - fabsf((float)draw_value(now.kind, CK_F32)) : -INFINITY;
    }
    quick->bound_scores(sqnorm, best, second, nearest, slacks, slack, n, high, low, others);
    for (int64_t i = 0; i < n; i++) {
        const float of_row = slack * sqnorm[i], of_best = of_row + 0x1p-20f * fabsf(best[i]);
        const float near2 = sqnorm[i] - 2.0f * best[i], high2 = near2 + (of_best + 2.0f * slacks[nearest[i]]);
        const float far2 = sqnorm[i] - 2.0f * second[i] - (of_row + 0x1p-20f * fabsf(second[i]));
        const float low2 = near2 - of_best, terms = sqnorm[i] + 2.0f * (fabsf(best[i]) + slacks[nearest[i]]);
        expect(is_bound(high[i], sqrtf(high2 < 0.0f ? 0.0f : high2), terms), "high of bound_scores");
        expect(is_bound(low[i], sqrtf(low2 > 0.0f ? low2 : 0.0f), terms), "low of bound_scores");
        if (second[i] == -INFINITY && isfinite(sqnorm[i]))
            expect(others[i] == INFINITY, "others of bound_scores, where there are none");
        else
            expect(is_bound(others[i], sqrtf(far2 > 0.0f ? far2 : 0.0f), terms + fabsf(second[i]) * 2.0f),
                   "others of bound_scores");
    }
    TIME("bound_scores", quick->bound_scores(sqnorm, best, second, nearest, slacks, slack, n, high, low, others));
}

/* Of some rows, in order, or of all that follow each other. */
static void check_group_bounds(void)
{
    const int64_t n = now.n, every = 1 + below(3);
    float *sqnorm = ROOM(float, n), *limits = ROOM(float, n), *lower = ROOM(float, n), *all_lower = ROOM(float, n);
    float *best = ROOM(float, n), *low = ROOM(float, n), *high = ROOM(float, n), *plain_low = ROOM(float, n);
    int32_t *list = ROOM(int32_t, n), *rows = ROOM(int32_t, n), *near_before = ROOM(int32_t, n);
    const ck_near_rows near = {rows, low, high};
    const float slack = 0x1p-18f, center_slack = 0x1p-16f, drift = fabsf((float)draw_value(PLAIN, CK_F32));
    int64_t n_listed = 0;
    for (int64_t i = 0; i < n; i++) {
        sqnorm[i] = below(9) ? fabsf((float)draw_value(now.kind, CK_F32)) : INFINITY;
        limits[i] = INFINITY;
        lower[i] = all_lower[i] = -7.0f;
        if (i % every == 0) list[n_listed++] = (int32_t)i;
    }
    for (int64_t l = 0; l < n_listed; l++) best[l] = (float)(0.5 * (double)sqnorm[list[l]] * draw_value(PLAIN, CK_F64));
    const int64_t n_all =
        quick->bound_group(best, sqnorm, list, n_listed, slack, center_slack, drift, limits, all_lower, &near);
    expect(n_all == n_listed && same_bits(rows, list, (size_t)n_listed * sizeof *list), "bound_group without limits");
    for (int64_t l = 0; l < n_listed; l++) {
        const float norm = sqnorm[list[l]], of_best = slack * norm + 0x1p-20f * fabsf(best[l]);
        const float low2 = norm - 2.0f * best[l] - of_best, terms = norm + 2.0f * (fabsf(best[l]) + center_slack);
        const float high2 = norm - 2.0f * best[l] + (of_best + 2.0f * center_slack);
        const double sum = (double)low[l] + drift;
        expect(is_bound(low[l], sqrtf(low2 > 0.0f ? low2 : 0.0f), terms), "low of bound_group");
        expect(is_bound(high[l], sqrtf(high2 < 0.0f ? 0.0f : high2), terms), "high of bound_group");
        expect(all_lower[list[l]] <= sum && all_lower[list[l]] >= sum * (1.0 - 0x1p-20), "lower of bound_group");
        plain_low[list[l]] = low[l];
    }
    for (int64_t i = 0; i < n; i++) {
        limits[i] = below(3) ? fabsf((float)draw_value(now.kind, CK_F32)) : below(2) ? -INFINITY : NAN;
        if (i % every != 0) expect(all_lower[i] == -7.0f, "bound_group writes a row that is not listed");
    }
    int64_t expected = 0;
    for (int64_t l = 0; l < n_listed; l++)
        if (!(plain_low[list[l]] > limits[list[l]] * (1.0f + 0x1p-20f))) near_before[expected++] = list[l];
    const int64_t n_near =
        quick->bound_group(best, sqnorm, list, n_listed, slack, center_slack, drift, limits, lower, &near);
    expect(n_near == expected && same_bits(rows, near_before, (size_t)expected * sizeof *rows), "near of bound_group");
    expect(same_bits(lower, all_lower, (size_t)n * sizeof *lower), "lower of bound_group, by limits");
    TIME("bound_group",
         quick->bound_group(best, sqnorm, list, n_listed, slack, center_slack, drift, limits, lower, &near));
}

/* Of rows that follow each other, group after group: the bits of bound_group. */
static void check_bounds_of_all(void)
{
    enum { GROUPS = 5 };
    const int64_t n = now.n;
    const float slack = 0x1p-18f, drift = fabsf((float)draw_value(PLAIN, CK_F32));
    float *sqnorm = ROOM(float, n), *limits = ROOM(float, n), *best = ROOM(float, n), *least = ROOM(float, n);
    float *scores[GROUPS], *lower[GROUPS], *expected = ROOM(float, n), *low = ROOM(float, n), *high = ROOM(float, n);
    int32_t *list = ROOM(int32_t, n), *rows = ROOM(int32_t, n), *best_group = ROOM(int32_t, n);
    const ck_near_rows near = {rows, low, high};
    for (int64_t i = 0; i < n; i++) {
        sqnorm[i] = below(9) ? fabsf((float)draw_value(now.kind, CK_F32)) : INFINITY;
        limits[i] = least[i] = INFINITY;
        best[i] = -INFINITY;
        best_group[i] = -1;
        list[i] = (int32_t)i;
    }
    for (int32_t g = 0; g < GROUPS; g++) {
        scores[g] = ROOM(float, n);
        lower[g] = ROOM(float, n);
        for (int64_t i = 0; i < n; i++)
            scores[g][i] = below(20) ? (float)(0.5 * (double)sqnorm[i] * draw_value(PLAIN, CK_F64)) : NAN;
        quick->keep_best_group(scores[g], n, g, best, best_group, lower[g]);
        expect(same_bits(lower[g], scores[g], n * (int64_t)sizeof(float)), "keep_best_group keeps other scores");
    }
    for (int64_t i = 0; i < n; i++) {
        float first = -INFINITY;
        int32_t group = -1;
        for (int32_t g = 0; g < GROUPS; g++)
            if (scores[g][i] > first) first = scores[g][i], group = g;
        expect(best_group[i] == group && same_bits(best + i, &first, sizeof first), "keep_best_group");
    }
    for (int32_t g = 0; g < GROUPS; g++) {
        float *before = ROOM(float, n);
        memcpy(before, least, (size_t)n * sizeof *before);
        quick->bound_all(sqnorm, n, slack, drift, g, best_group, lower[g], least);
        const int64_t n_near =
            quick->bound_group(scores[g], sqnorm, list, n, slack, 0.0f, drift, limits, expected, &near);
        expect(n_near == n && same_bits(lower[g], expected, n * (int64_t)sizeof(float)), "lower of bound_all");
        for (int64_t i = 0; i < n; i++) {
            const float rival = best_group[i] != g && low[i] < before[i] ? low[i] : before[i];
            expect(same_bits(least + i, &rival, sizeof rival), "least of bound_all");
        }
    }
    TIME("keep_best_group", quick->keep_best_group(scores[0], n, 0, best, best_group, lower[0]));
    TIME("bound_all", quick->bound_all(sqnorm, n, slack, drift, 0, best_group, lower[0], least));
}

/* The gaps of labels group by group, and bounds raised by them. */
static void check_gaps(void)
{
    enum { LABELS = 7 };
    const int64_t n = now.n, apart = n + below(20);
    float *gaps = ROOM(float, LABELS *CK_LANES), *out = ROOM(float, (CK_LANES - 1) * apart + n);
    float *own = ROOM(float, n), *lower = ROOM(float, n), *before = ROOM(float, n), *gap = ROOM(float, n);
    int32_t *labels = ROOM(int32_t, n);
    const float drift = below(3) ? fabsf((float)draw_value(PLAIN, CK_F32)) : 0.0f;
    for (int64_t i = 0; i < LABELS * CK_LANES; i++)
        gaps[i] = below(9) ? fabsf((float)draw_value(now.kind, CK_F32)) : INFINITY;
    for (int64_t i = 0; i < n; i++) {
        labels[i] = (int32_t)below(LABELS);
        own[i] = below(9) ? fabsf((float)draw_value(now.kind, CK_F32)) : below(2) ? INFINITY : -INFINITY;
        if (below(20) == 0) own[i] = NAN;
        lower[i] = before[i] = below(2) ? 0.0f : below(9) ? fabsf((float)draw_value(now.kind, CK_F32)) : NAN;
    }
    quick->spread_gaps(gaps, labels, n, out, apart);
    for (int64_t g = 0; g < CK_LANES; g++)
        for (int64_t i = 0; i < n; i++)
            expect(same_bits(out + g * apart + i, gaps + labels[i] * CK_LANES + g, sizeof *out), "spread_gaps");
    const int64_t group = below(CK_LANES);
    memcpy(gap, out + group * apart, (size_t)n * sizeof *gap);
    quick->raise_lower(gap, own, drift, n, lower);
    for (int64_t i = 0; i < n; i++) {
        const int told = own[i] >= 0.0f && gap[i] > own[i];
        const double raised = (told ? (double)gap[i] - own[i] : 0.0) + drift;
        if (isnan(before[i]) || before[i] >= raised)
            expect(same_bits(lower + i, before + i, sizeof *lower), "raise_lower lowers a bound");
        else
            expect(lower[i] >= before[i] && (lower[i] == before[i] || lower[i] <= raised), "raise_lower goes too far");
        if (!isnan(before[i]) && raised < 0x1p127)
            expect(lower[i] >= raised * (1.0 - 0x1p-20) - 0x1p-140, "raise_lower does not go far enough");
    }
    TIME("spread_gaps", quick->spread_gaps(gaps, labels, n, out, apart));
    TIME("raise_lower", quick->raise_lower(gap, own, drift, n, lower));
}

static void check_sqdist_bounds(void)
{
    const int64_t n = now.n;
    double *sqdists = ROOM(double, n);
    float *high = ROOM(float, n), *low = ROOM(float, n), *values = ROOM(float, n), *least = ROOM(float, n);
    const double error = 0x1p-20, underflow = 0x1p-120, scale = ldexp(1.0, (int)below(9) - 4);
    for (int64_t i = 0; i < n; i++) sqdists[i] = fabs(draw_value(now.kind, CK_F32));
    quick->bound_sqdists(sqdists, n, error, underflow, scale, high, low);
    for (int64_t i = 0; i < n; i++) {
        const long double upper = scale * sqrtl(sqdists[i] * (1.0L + error) + underflow);
        const long double lower2 = sqdists[i] * (1.0L - error) - underflow;
        const long double lower = lower2 > 0.0L ? scale * sqrtl(lower2) : 0.0L;
        expect(high[i] >= upper && high[i] <= upper * (1.0L + 0x1p-20L), "high of bound_sqdists");
        expect(low[i] <= lower && low[i] >= lower * (1.0L - 0x1p-20L) - 0x1p-60L, "low of bound_sqdists");
    }
    TIME("bound_sqdists", quick->bound_sqdists(sqdists, n, error, underflow, scale, high, low));

    const double drift = draw_value(now.kind, CK_F32);
    for (int64_t i = 0; i < n; i++) {
        values[i] = below(9) ? (float)draw_value(now.kind, CK_F32) : below(2) ? INFINITY : -INFINITY;
        least[i] = high[i] = (float)draw_value(now.kind, CK_F32);
    }
    quick->round_down(values, drift, n, low);
    quick->least_after(values, (float)drift, n, least);
    for (int64_t i = 0; i < n; i++) {
        const double sum = (double)values[i] + drift;
        if (isfinite(sum) && fabs(sum) < 0x1p127)
            expect(low[i] <= sum + 0x1p-140 && low[i] >= sum - fabs(sum) * 0x1p-20 - 0x1p-140, "round_down");
        const float after = values[i] - (float)drift, known = after >= -FLT_MAX ? after : -INFINITY;
        const float expected = known < high[i] ? known : high[i];
        expect(same_bits(least + i, &expected, sizeof expected), "least_after");
    }
    TIME("round_down", quick->round_down(values, drift, n, low));
    TIME("least_after", quick->least_after(values, (float)drift, n, least));
}

static void check_thresholds(void)
{
    const int64_t n = now.n;
    float *sqnorm = ROOM(float, n), *out = ROOM(float, n);
    double *sqdists = ROOM(double, n);
    int finite = 1;
    for (int64_t i = 0; i < n; i++) {
        sqnorm[i] = below(40) ? fabsf((float)draw_value(now.kind, CK_F32)) : INFINITY;
        sqdists[i] = fabs(draw_value(now.kind, CK_F32));
    }
    const int told = quick->thresholds(0.49, 0.52, sqnorm, sqdists, n, out);
    for (int64_t i = 0; i < n; i++) {
        const float expected = (float)(0.49 * (double)sqnorm[i] - 0.52 * sqdists[i] - 0x1p-100);
        expect(same_bits(out + i, &expected, sizeof expected), "thresholds");
        finite &= expected <= FLT_MAX && sqnorm[i] <= FLT_MAX;
    }
    expect(!told == !finite, "whether all thresholds are finite");
    TIME("thresholds", quick->thresholds(0.49, 0.52, sqnorm, sqdists, n, out));
}

/* No center is left out that some point of the box is nearest to; those far outside are. */
static void check_filter(void)
{
    enum { MOST_BOX_FEATURES = 8, POINTS = 20 };
    const int64_t d = ck_min_i64(now.d, MOST_BOX_FEATURES), n = now.n, stride = n + below(5);
    double *centers = ROOM(double, (d - 1) * stride + n), *middles = ROOM(double, d), *half_widths = ROOM(double, d);
    double *scratch = ROOM(double, ck_round_up(n, CK_LANES));
    int32_t *kept = ROOM(int32_t, n);
    for (int64_t p = 0; p < d; p++) {
        for (int64_t c = 0; c < n; c++) centers[p * stride + c] = draw_value(now.kind, CK_F32);
        middles[p] = draw_value(now.kind, CK_F32);
        half_widths[p] = 0.2 * fabs(draw_value(now.kind, CK_F32));
    }
    const int64_t count = quick->filter_centers(centers, n, stride, d, middles, half_widths, scratch, kept);
    expect(count >= 1 && count <= n, "how many filter_centers keeps");
    for (int64_t i = 1; i < count; i++) expect(kept[i] > kept[i - 1], "the order of filter_centers");
    for (int point = 0; point < POINTS; point++) {
        long double least = INFINITY;
        int64_t nearest = 0, found = 0;
        double x[MOST_BOX_FEATURES];
        for (int64_t p = 0; p < d; p++) x[p] = middles[p] + half_widths[p] * (point ? draw_value(PLAIN, CK_F64) : 0.0);
        for (int64_t c = 0; c < n; c++) {
            long double sum = 0.0L;
            for (int64_t p = 0; p < d; p++)
                sum += ((long double)x[p] - centers[p * stride + c]) * ((long double)x[p] - centers[p * stride + c]);
            if (sum < least) least = sum, nearest = c;
        }
        for (int64_t i = 0; i < count; i++) found |= kept[i] == nearest;
        expect((int)found, "filter_centers left out the nearest of a point");
    }
    if (now.kind == PLAIN) { /* a center so far away that nothing is nearest to it */
        double *far = ROOM(double, (d - 1) * stride + n);
        memcpy(far, centers, (size_t)((d - 1) * stride + n) * sizeof *far);
        for (int64_t p = 0; p < d; p++) far[p * stride + n - 1] = 1e3;
        const int64_t left = quick->filter_centers(far, n, stride, d, middles, half_widths, scratch, kept);
        expect(n == 1 || kept[left - 1] != n - 1, "filter_centers kept a center far away");
    }
    TIME("filter_centers", quick->filter_centers(centers, n, stride, d, middles, half_widths, scratch, kept));
}

static void check_byte_products(void)
{
    const int64_t stride = ck_round_up(now.d, 64), n = draw_size(40), n_rows = n + below(9);
    int8_t *rows = ROOM(int8_t, n_rows *stride);
    int16_t *center = ROOM(int16_t, stride);
    int32_t *list = ROOM(int32_t, n), *out = ROOM(int32_t, n);
    for (int64_t i = 0; i < n_rows * stride; i++) rows[i] = (int8_t)(below(3) ? below(255) - 127 : 127);
    for (int64_t p = 0; p < stride; p++) center[p] = (int16_t)(below(3) ? below(255) - 127 : -127);
    for (int64_t i = 0; i < n; i++) list[i] = (int32_t)below(n_rows);
    quick->byte_products(rows, stride, list, n, center, out);
    for (int64_t i = 0; i < n; i++) {
        int64_t sum = 0;
        for (int64_t p = 0; p < stride; p++) sum += rows[list[i] * stride + p] * center[p];
        expect(out[i] == sum, "byte_products");
    }
    TIME("byte_products", quick->byte_products(rows, stride, list, n, center, out));
}

void check_quick(const void *entry)
{
    quick = entry;
    const ck_dtype dtype = now.timed || below(2) ? CK_F32 : (ck_dtype)below(6);
    const test_rows rows = draw_rows(now.kind, dtype, now.timed ? 0 : (int)below(N_LAYOUTS), now.n, now.d);
    check_distances(&rows);
    leave_rooms();
    check_score_bounds();
    check_group_bounds();
    check_bounds_of_all();
    check_gaps();
    check_sqdist_bounds();
    check_thresholds();
    check_filter();
    leave_rooms();
    check_byte_products();
}

/* --- Rows in bulk -------------------------------------------------------------------------------------------- */

static const ck_rows_kernels *bulk;

static void check_copies(const test_rows *rows)
{
    const ck_matrix *X = &rows->X;
    const int64_t d = now.d, n = X->n_rows, row = draw_start(n), count = draw_size(n - row),
                  item = ck_itemsize(X->dtype);
    double *out = ROOM(double, count *d), row_values[MOST_FEATURES];
    const int64_t n_listed = draw_size(2 * count) - 1;
    int32_t *list = ROOM(int32_t, n_listed);
    char *copies = ROOM(char, n_listed * d * item + CK_COPY_ROOM);
    bulk->copy_rows(X, row, count, out);
    expect(same_doubles(out, rows->values + row * d, count * d), "copy_rows");
    for (int64_t i = 0; i < n_listed; i++) list[i] = (int32_t)below(count);
    bulk->copy_listed(X, row, list, n_listed, copies);
    for (int64_t i = 0; i < n_listed; i++) {
        const ck_matrix copied = {copies + i * d * item, 1, d, d * item, item, X->dtype};
        ck_load_row(&copied, 0, row_values);
        expect(same_doubles(row_values, rows->values + (row + list[i]) * d, d), "copy_listed");
    }
    TIME("copy_rows", bulk->copy_rows(X, row, count, out));
    TIME("copy_listed", bulk->copy_listed(X, row, list, n_listed, copies));
}

static void check_images(const test_rows *rows)
{
    const ck_matrix *X = &rows->X;
    const int64_t d = now.d, n = X->n_rows, stride = ck_round_up(d, CK_LANES);
    const double scale = ldexp(1.0, (int)below(9) - 4);
    double *minus_offset = ROOM(double, stride), *scratch = ROOM(double, d);
    float *minus_offset32 = ROOM(float, stride), *images = ROOM(float, n *stride), *sqnorms = ROOM(float, n);
    int32_t *list = ROOM(int32_t, n);
    for (int64_t p = 0; p < stride; p++) {
        minus_offset32[p] = p < d ? (float)draw_value(now.kind, CK_F32) : 0.0f;
        minus_offset[p] = X->dtype == CK_F64 && p < d ? draw_value(now.kind, CK_F32) : (double)minus_offset32[p];
    }
    for (int64_t i = 0; i < n; i++) list[i] = (int32_t)(n - 1 - i);
    bulk->image_listed(X, 0, list, n, scale, minus_offset, minus_offset32, images, sqnorms, scratch);
    for (int64_t i = 0; i < n; i++) {
        double sum = 0.0;
        for (int64_t p = 0; p < stride; p++) {
            const double exact = p < d ? rows->values[i * d + p] * scale + minus_offset[p] : 0.0;
            const float image = images[i * stride + p];
            expect(isinf((float)exact) ? image == (float)exact
                                       : fabs(image - exact) <= 0x1p-24 * fabs(exact) + 0x1p-149,
                   "image_listed");
            sum += (double)image * image;
        }
        if (sum < 0x1p127)
            expect(fabs(sqnorms[i] - sum) <= ((double)d + 8) * (0x1p-23 * sum + 0x1p-149), "norms of image_listed");
        else
            expect(sqnorms[i] >= 0x1p126f, "norms of image_listed that overflow");
    }
    TIME("image_listed",
         bulk->image_listed(X, 0, list, n, scale, minus_offset, minus_offset32, images, sqnorms, scratch));
}

static void check_products(const double *values, int64_t n)
{
    const int64_t d = now.d, width = CK_BASIS_COLUMNS * (1 + below(4)), apart = d + below(3);
    double *rows = ROOM(double, n *apart), *basis = ROOM(double, ck_max_i64(n, d) * width), *origin = ROOM(double, d);
    double *out = ROOM(double, n *width), *across = ROOM(double, d *width), *sqnorms = ROOM(double, n);
    const double scale = ldexp(1.0, (int)below(9) - 4);
    fill_doubles(basis, ck_max_i64(n, d) * width, PLAIN);
    fill_doubles(origin, d, now.kind);
    for (int64_t i = 0; i < n * apart; i++) rows[i] = i % apart < d ? values[i / apart * d + i % apart] : 17.0;
    bulk->multiply(rows, apart, 1, n, d, basis, width, out);
    bulk->multiply(rows, 1, apart, d, n, basis, width, across);
    for (int64_t q = 0; q < width; q++) {
        for (int64_t i = 0; i < n; i++) {
            double sum = 0.0;
            for (int64_t p = 0; p < d; p++) sum += rows[i * apart + p] * basis[p * width + q];
            expect(same_doubles(out + i * width + q, &sum, 1), "multiply");
        }
        for (int64_t p = 0; p < d; p++) {
            double sum = 0.0;
            for (int64_t i = 0; i < n; i++) sum += rows[i * apart + p] * basis[i * width + q];
            expect(same_doubles(across + p * width + q, &sum, 1), "multiply, columns for rows");
        }
    }
    bulk->center_rows(rows, apart, n, d, origin, scale, sqnorms);
    for (int64_t i = 0; i < n; i++) {
        double lanes[CK_LANES] = {0.0}, sum = 0.0;
        for (int64_t p = 0; p < d; p++) {
            const double value = (values[i * d + p] - origin[p]) * scale;
            expect(same_doubles(rows + i * apart + p, &value, 1), "center_rows");
            lanes[p % CK_LANES] += value * value;
        }
        for (int lane = 0; lane < CK_LANES; lane++) sum += lanes[lane];
        expect(same_doubles(sqnorms + i, &sum, 1), "lengths of center_rows");
        for (int64_t p = d; p < apart; p++) expect(rows[i * apart + p] == 17.0, "center_rows wrote between rows");
    }
    TIME("multiply", bulk->multiply(rows, apart, 1, n, d, basis, width, out));
    TIME("multiply across", bulk->multiply(rows, 1, apart, d, n, basis, width, across));
    TIME("center_rows", bulk->center_rows(rows, apart, n, d, origin, 1.0, sqnorms));
}

static void check_bytes(const double *values, int64_t n)
{
    const int64_t d = now.d, stride = ck_round_up(d, 64);
    double *rows = ROOM(double, n *d), *origin = ROOM(double, d), *errors = ROOM(double, n);
    int8_t *bytes = ROOM(int8_t, n *stride);
    int32_t *sqnorms = ROOM(int32_t, n);
    const double scale = ldexp(1.0, (int)below(12) - 6) * (below(2) ? 0.7 : 1.0);
    memcpy(rows, values, (size_t)(n * d) * sizeof *rows);
    for (int64_t p = 0; p < d; p++) origin[p] = values[below(n) * d + p];
    bulk->round_rows(rows, n, d, origin, scale, stride, bytes, errors, sqnorms);
    for (int64_t i = 0; i < n; i++) {
        double removed = 0.0;
        int64_t sqnorm = 0;
        for (int64_t p = 0; p < d; p++) {
            const double exact = (rows[i * d + p] - origin[p]) * scale, kept = (double)bytes[i * stride + p];
            expect(fabs(exact) > 127.0 || !(fabs(exact - kept) > 0.5), "round_rows");
            expect(fabs(kept) <= 127.0 && !(fabs(exact) > 127.5 && kept * exact < 127.0 * 127.0), "ends of round_rows");
            removed += (exact - kept) * (exact - kept);
            sqnorm += bytes[i * stride + p] * bytes[i * stride + p];
        }
        for (int64_t p = d; p < stride; p++) expect(bytes[i * stride + p] == 0, "padding of round_rows");
        expect(!(errors[i] < sqrt(removed)) && !(errors[i] > 1.001 * sqrt(removed) + 0x1p-19), "errors of round_rows");
        expect(sqnorms[i] == sqnorm, "lengths of round_rows");
    }
    TIME("round_rows", bulk->round_rows(rows, n, d, origin, scale, stride, bytes, errors, sqnorms));
}

void check_rows(const void *entry)
{
    bulk = entry;
    const ck_dtype dtype = now.timed ? CK_F32 : (ck_dtype)below(6);
    const test_rows rows = draw_rows(now.kind, dtype, now.timed ? 0 : (int)below(N_LAYOUTS), now.n, now.d);
    check_copies(&rows);
    check_images(&rows);
    check_products(rows.values, now.n);
    check_bytes(rows.values, now.n);
}
