/* kernel_test_screens.c - scores within their proven bounds, and what is decided by them. */
#include "kernel_test.h"
/* After it. */
#include "../../src_c/screen/bfloat16.h"
#include "../../src_c/screen/int8.h"

enum { MOST_CENTERS = 48, MOST_LANES = 64 };

/* The image of a row and its squared norm, exactly but for float64. */
static double image_of(const test_rows *rows, int64_t i, const ck_screen_image *image, double *out)
{
    double sqnorm = 0.0;
    for (int64_t p = 0; p < now.d; p++) {
        const double offset = rows->X.dtype == CK_F64 ? image->minus_offset[p] : (double)image->minus_offset32[p];
        out[p] = rows->values[i * now.d + p] * image->scale + offset;
        sqnorm += out[p] * out[p];
    }
    return sqnorm;
}

static ck_screen_image draw_image(ck_dtype dtype)
{
    const int64_t padded = ck_round_up(now.d, CK_LANES);
    double *minus_offset = ROOM(double, padded);
    float *minus_offset32 = ROOM(float, padded);
    const int limit = now.kind == HUGE_VALUES ? -20 : now.kind == OFFSET ? -20 : 0; /* sizes that images have */
    for (int64_t p = 0; p < padded; p++) {
        minus_offset32[p] = p < now.d ? (float)draw_value(PLAIN, CK_F32) : 0.0f;
        minus_offset[p] = p < now.d && dtype == CK_F64 ? draw_value(PLAIN, CK_F64) : (double)minus_offset32[p];
    }
    return (ck_screen_image){ldexp(1.0, limit - (int)below(4)), minus_offset, minus_offset32};
}

/* --- Float32: shapes ----------------------------------------------------------------------------------------- */

static const ck_screen_kernels *kernels;

/* A panel of centers as packed: starts, indices, features. What fills the last starts from -infinity. */
static float *draw_centers(int64_t k, int64_t width, value_kind kind)
{
    const int64_t d = now.d, n_panels = ck_ceil_div(k, width);
    float *panels = ROOM(float, n_panels * width * (d + 2));
    for (int64_t j = 0; j < n_panels * width; j++) {
        float *panel = panels + j / width * width * (d + 2) + j % width, size = 0.0f;
        const int32_t index = (int32_t)ck_min_i64(j, k - 1);
        for (int64_t p = 0; p < d; p++) {
            panel[(p + 2) * width] = j < k ? (float)draw_value(kind, CK_F32) : 0.0f;
            size += panel[(p + 2) * width] * panel[(p + 2) * width];
        }
        panel[0] = j < k ? -0.5f * size : -INFINITY;
        memcpy(panel + width, &index, sizeof index);
    }
    return panels;
}

/* What a score is and may be off: docs/numerics.md, sections 2 and 3. x: d numbers, `apart` from each other. */
static double true_score(const float *x, int64_t apart, const float *panels, int64_t j, int64_t width, double *error)
{
    const int64_t d = now.d;
    const float *panel = panels + j / width * width * (d + 2) + j % width;
    const double runs = (double)ck_min_i64(d, CK_SCREEN_RUN) + (double)ck_ceil_div(d, CK_SCREEN_RUN);
    double score = (double)panel[0], size = fabs((double)panel[0]);
    for (int64_t p = 0; p < d; p++) {
        score += (double)x[p * apart] * (double)panel[(p + 2) * width];
        size += fabs((double)x[p * apart] * (double)panel[(p + 2) * width]);
    }
    *error = ck_gamma(runs + 8.0, 0x1p-24) * size + 2.0 * (double)d * 0x1p-120;
    if (!(size < 0x1p125)) *error = INFINITY; /* float32 does not hold it: such rows are left to float64 */
    return score;
}

/* best, second and index of one row against k centers. */
static void expect_best(const float *x, int64_t apart, const float *panels, int64_t k, int64_t width, float best,
                        float second, float index, const char *what)
{
    double scores[MOST_CENTERS], errors[MOST_CENTERS], first = -INFINITY, next = -INFINITY, error = 0.0;
    int32_t label;
    memcpy(&label, &index, sizeof label);
    expect(label >= 0 && label < k, what);
    for (int64_t j = 0; j < k; j++) {
        scores[j] = true_score(x, apart, panels, j, width, errors + j);
        error = fmax(error, errors[j]);
        next = fmax(next, fmin(first, scores[j]));
        first = fmax(first, scores[j]);
    }
    if (isinf(error)) return;
    expect(fabs(best - first) <= error, what);
    expect(scores[label] >= first - 2.0 * error, what);
    expect(k == 1 ? second == -INFINITY : fabs(second - next) <= error, what);
    for (int64_t j = 0; j < label; j++) expect(scores[j] <= first + error, what);
}

static void expect_reached(const float *x, int64_t apart, const float *panels, int64_t k, int64_t width,
                           float threshold, const uint64_t *masks, int lane, const char *what)
{
    for (int64_t j = 0; j < k; j++) {
        double error;
        const double score = true_score(x, apart, panels, j, width, &error);
        if (isinf(error)) continue;
        if (score >= threshold + error) expect((int)(masks[j] >> lane & 1), what);
        if (score < threshold - error) expect(!(masks[j] >> lane & 1), what);
    }
}

/* masks: those of reach. */
static void check_scores(const ck_screen_shape *shape, const float *points, const float *sqnorm, const float *panels,
                         int64_t k, int64_t n_panels, const float *threshold, const uint64_t *masks)
{
    const int64_t d = now.d, width = shape->panel_rows, r = shape->panel_centers;
    float *scores = ROOM(float, n_panels * r * width);
    uint64_t *reached = ROOM(uint64_t, n_panels *r);
    shape->reach_scores(points, d, panels, n_panels, threshold, reached, scores);
    expect(same_bits(reached, masks, n_panels * r * (int64_t)sizeof *masks), "masks of reach_scores");
    for (int64_t j = 0; j < k; j++)
        for (int64_t lane = 0; lane < width && reached[j]; lane++) {
            double error;
            const double score = true_score(points + lane, width, panels, j, r, &error);
            if (isinf(error) || !isfinite(sqnorm[lane])) continue;
            expect(fabs((double)scores[j * width + lane] - score) <= error, "reach_scores");
        }
    TIME("reach_scores", shape->reach_scores(points, d, panels, n_panels, threshold, reached, scores));
}

static void check_shape(const ck_screen_shape *shape, const test_rows *rows, const char *name)
{
    const int64_t d = now.d, width = shape->panel_rows, r = shape->panel_centers, k = draw_size(MOST_CENTERS);
    const int64_t n_panels = ck_ceil_div(k, r), row = draw_start(rows->X.n_rows);
    const int64_t n = draw_size(ck_min_i64(width, rows->X.n_rows - row));
    const ck_screen_image image = draw_image(rows->X.dtype);
    float *points = ROOM(float, width *d), *sqnorm = ROOM(float, width), *threshold = ROOM(float, width);
    float *best = ROOM(float, width), *second = ROOM(float, width), *index = ROOM(float, width);
    double *stage = ROOM(double, width *d), exact[300];
    uint64_t *masks = ROOM(uint64_t, n_panels *r);
    char what[64];
    shape->pack(&rows->X, row, n, &image, stage, points, sqnorm);
    snprintf(what, sizeof what, "%s pack", name);
    for (int64_t lane = 0; lane < width; lane++) {
        const double norm = image_of(rows, row + ck_min_i64(lane, n - 1), &image, exact);
        for (int64_t p = 0; p < d; p++)
            if (fabs(exact[p]) < 0x1p127)
                expect(fabs(points[p * width + lane] - exact[p]) <= 0x1p-23 * fabs(exact[p]) + 0x1p-148, what);
        if (norm < 0x1p120)
            expect(fabs(sqnorm[lane] - norm) <= ck_gamma((double)d + 10, 0x1p-24) * norm + 0x1p-110, what);
    }
    const float *panels = draw_centers(k, r, now.kind);
    /* All at once, or some panels after others. */
    const int64_t split = below(n_panels);
    if (split > 0) shape->score(points, d, panels, split, 1, best, second, index);
    shape->score(points, d, panels + split * r * (d + 2), n_panels - split, split == 0, best, second, index);
    snprintf(what, sizeof what, "%s score", name);
    for (int64_t lane = 0; lane < width; lane++)
        expect_best(points + lane, width, panels, k, r, best[lane], second[lane], index[lane], what);
    for (int64_t lane = 0; lane < width; lane++)
        threshold[lane] = below(4) ? second[lane] : below(2) ? INFINITY : -FLT_MAX;
    shape->reach(points, d, panels, n_panels, threshold, masks);
    snprintf(what, sizeof what, "%s reach", name);
    for (int64_t lane = 0; lane < width; lane++)
        expect_reached(points + lane, width, panels, k, r, threshold[lane], masks, (int)lane, what);
    for (int64_t j = k; j < n_panels * r; j++)
        for (int64_t lane = 0; lane < width; lane++)
            if (threshold[lane] > -INFINITY && isfinite(sqnorm[lane])) expect(!(masks[j] >> lane & 1), what);
    check_scores(shape, points, sqnorm, panels, k, n_panels, threshold, masks);
    snprintf(what, sizeof what, "%s pack", name);
    TIME(what, shape->pack(&rows->X, row, n, &image, stage, points, sqnorm));
    snprintf(what, sizeof what, "%s score", name);
    TIME(what, shape->score(points, d, panels, n_panels, 1, best, second, index));
    snprintf(what, sizeof what, "%s reach", name);
    TIME(what, shape->reach(points, d, panels, n_panels, threshold, masks));
}

/* --- Float32: rows that share no panel ----------------------------------------------------------------------- */

static float *draw_lines(int64_t n, int64_t stride)
{
    float *lines = ROOM(float, n *stride);
    for (int64_t i = 0; i < n * stride; i++) lines[i] = i % stride < now.d ? (float)draw_value(now.kind, CK_F32) : 0.0f;
    return lines;
}

static void check_listed(void)
{
    const int64_t d = now.d, n = now.n, width = kernels->listed_centers, k = draw_size(MOST_CENTERS);
    const int64_t stride = ck_round_up(d, CK_LANES), n_listed = draw_size(n),
                  room_for = ck_round_up(n_listed, CK_LANES);
    const float *rows = draw_lines(n, stride), *panels = draw_centers(k, width, now.kind);
    float *best = ROOM(float, room_for), *second = ROOM(float, room_for), *index = ROOM(float, room_for);
    float *alone = ROOM(float, room_for);
    int32_t *list = ROOM(int32_t, n_listed);
    for (int64_t i = 0; i < n_listed; i++) list[i] = (int32_t)below(n);
    kernels->score_listed(rows, stride, list, n_listed, d, panels, ck_ceil_div(k, width), best, second, index);
    for (int64_t i = 0; i < n_listed; i++)
        expect_best(rows + list[i] * stride, 1, panels, k, width, best[i], second[i], index[i], "score_listed");
    kernels->best_listed(rows, stride, list, n_listed, d, panels, ck_ceil_div(k, width), alone);
    for (int64_t i = 0; i < n_listed; i++)
        expect_best(rows + list[i] * stride, 1, panels, k, width, alone[i], second[i], index[i], "best_listed");
    TIME("best_listed", kernels->best_listed(rows, stride, list, n_listed, d, panels, ck_ceil_div(k, width), alone));
    TIME("score_listed",
         kernels->score_listed(rows, stride, list, n_listed, d, panels, ck_ceil_div(k, width), best, second, index));
}

static void check_few(void)
{
    const int64_t d = now.d, n = ck_min_i64(now.n, MOST_LANES), k = draw_size(9);
    const int64_t stride = ck_round_up(d, CK_LANES), padded = ck_round_up(k, kernels->few_centers);
    if (d > kernels->few_features) return;
    const float *rows = draw_lines(n, stride), *centers = draw_lines(padded, stride);
    float *starts = ROOM(float, padded), *thresholds = ROOM(float, n), panel[302];
    uint64_t *masks = ROOM(uint64_t, k);
    for (int64_t j = 0; j < padded; j++) starts[j] = j < k ? (float)draw_value(now.kind, CK_F32) : -INFINITY;
    for (int64_t i = 0; i < n; i++) {
        double error;
        memcpy(panel + 2, centers, (size_t)d * sizeof *panel);
        panel[0] = starts[0];
        thresholds[i] = (float)true_score(rows + i * stride, 1, panel, 0, 1, &error);
    }
    kernels->reach_few(rows, stride, n, d, centers, starts, k, thresholds, (const char *)rows, d * 4, masks);
    for (int64_t j = 0; j < k; j++) {
        memcpy(panel + 2, centers + j * stride, (size_t)d * sizeof *panel);
        panel[0] = starts[j];
        for (int64_t i = 0; i < n; i++)
            expect_reached(rows + i * stride, 1, panel, 1, 1, thresholds[i], masks + j, (int)i, "reach_few");
        double error;
        true_score(rows + (n - 1) * stride, 1, panel, 0, 1, &error);
        if (n < MOST_LANES && !isinf(error)) expect(masks[j] >> n == 0, "lanes without a row in reach_few");
    }
    TIME("reach_few",
         kernels->reach_few(rows, stride, n, d, centers, starts, k, thresholds, (const char *)rows, d * 4, masks));
}

/* --- Float32: what scores decide ----------------------------------------------------------------------------- */

static void check_close(void)
{
    const int64_t n = now.n, padded = ck_round_up(n, CK_LANES);
    float *best = ROOM(float, padded), *second = ROOM(float, padded), *index = ROOM(float, padded);
    float *sqnorm = ROOM(float, padded), *slacks = ROOM(float, MOST_CENTERS), *thresholds = ROOM(float, padded);
    int32_t *labels = ROOM(int32_t, padded), *open = ROOM(int32_t, padded);
    const float row_slack = 0x1p-10f;
    float largest = 0.0f;
    for (int c = 0; c < MOST_CENTERS; c++) {
        slacks[c] = fabsf((float)draw_value(now.kind, CK_F32)) * 0x1p-10f;
        largest = fmaxf(largest, slacks[c]);
    }
    for (int64_t i = 0; i < padded; i++) {
        const int32_t label = (int32_t)below(MOST_CENTERS);
        memcpy(index + i, &label, sizeof label);
        sqnorm[i] = fabsf((float)draw_value(now.kind, CK_F32));
        best[i] = below(20) ? (float)draw_value(now.kind, CK_F32) : below(2) ? NAN : INFINITY;
        second[i] = best[i] - fabsf(best[i]) * (float)(below(3) ? 0x1p-11 * (double)below(5) : 0.5);
    }
    const int count =
        kernels->close(best, second, index, sqnorm, slacks, row_slack, largest, (int)n, labels, thresholds, open);
    expect(same_bits(labels, index, n * 4), "labels of close");
    int at = 0;
    for (int32_t i = 0; i < n; i++) {
        const double slack = (double)sqnorm[i] * row_slack + slacks[labels[i]], gap = (double)(best[i] - second[i]);
        const int listed = at < count && open[at] == i;
        at += listed;
        if (!(gap > slack * (1.0 - 0x1p-20))) expect(listed, "close left out an open row");
        if (gap > slack * (1.0 + 0x1p-20) + 0x1p-140) expect(!listed, "close lists a row that is not open");
        if (listed && isfinite(best[i]))
            expect(fabs(thresholds[i] - (best[i] - slack)) <= 0x1p-22 * (fabs(best[i]) + slack) + 0x1p-148,
                   "thresholds of close");
    }
    expect(at == count, "the list of close");
    TIME("close",
         kernels->close(best, second, index, sqnorm, slacks, row_slack, largest, (int)n, labels, thresholds, open));
}

static void check_lists(void)
{
    const int64_t n = now.n, padded = ck_round_up(n, CK_LANES);
    float *upper = ROOM(float, padded), *lower = ROOM(float, padded), *paths = ROOM(float, MOST_CENTERS);
    int32_t *labels = ROOM(int32_t, padded), *others = ROOM(int32_t, padded), *list = ROOM(int32_t, n);
    const float drift = fabsf((float)draw_value(now.kind, CK_F32)), raised = 1.0f + 0x1p-20f;
    int unsure = 0, reached = 0, different = 0, as_told = 1;
    fill_floats(paths, MOST_CENTERS, now.kind);
    fill_floats(upper, padded, now.kind);
    for (int64_t i = 0; i < padded; i++) {
        labels[i] = (int32_t)below(MOST_CENTERS);
        others[i] = below(3) ? labels[i] : (int32_t)below(MOST_CENTERS);
        const float exact = (upper[i] + paths[labels[i]]) * raised;
        lower[i] = below(3) ? exact : below(9) ? (float)draw_value(now.kind, CK_F32) : below(2) ? NAN : INFINITY;
    }
    int count = kernels->unsure(upper, lower, labels, paths, (int)n, list);
    for (int32_t i = 0; i < n; i++)
        if (!(lower[i] > (upper[i] + paths[labels[i]]) * raised)) as_told &= unsure < count && list[unsure++] == i;
    expect(as_told && unsure == count, "unsure");
    count = kernels->reached(upper, lower, drift, (int)n, list);
    for (int32_t i = 0; i < n; i++)
        if (!(lower[i] - drift > upper[i] * raised)) as_told &= reached < count && list[reached++] == i;
    expect(as_told && reached == count, "reached");
    /* The rows that are compared may end where memory does. */
    const int32_t *a = labels + (padded - n), *b = others + (padded - n);
    count = kernels->differ(a, b, (int)n, list);
    for (int32_t i = 0; i < n; i++)
        if (a[i] != b[i]) as_told &= different < count && list[different++] == i;
    expect(as_told && different == count, "differ");
    TIME("unsure", kernels->unsure(upper, lower, labels, paths, (int)n, list));
    TIME("reached", kernels->reached(upper, lower, drift, (int)n, list));
    TIME("differ", kernels->differ(a, b, (int)n, list));
}

void check_screen(const void *entry)
{
    kernels = entry;
    const ck_dtype dtype = now.timed || below(2) ? CK_F32 : (ck_dtype)below(6);
    const test_rows rows = draw_rows(now.kind, dtype, now.timed ? 0 : (int)below(N_LAYOUTS), now.n, now.d);
    check_shape(kernels->narrow, &rows, "narrow");
    check_shape(kernels->tile, &rows, "tile");
    leave_rooms();
    check_listed();
    check_few();
    leave_rooms();
    check_close();
    check_lists();
}

/* --- Coarse -------------------------------------------------------------------------------------------------- */

/* A score may exceed the truth by what the format can have lost of it, twice: docs/numerics.md, section 9. */
static const double MOST_LOST = 0x1p-6;

static void check_bits(const ck_coarse_shape *shape, const uint64_t *of_centers, int64_t n)
{
    uint64_t *masks = ROOM(uint64_t, n);
    memcpy(masks, of_centers, (size_t)n * sizeof *masks);
    int32_t *lanes = ROOM(int32_t, (n + 1) * shape->panel_rows), *centers = ROOM(int32_t, (n + 1) * shape->panel_rows);
    const int64_t count = shape->list(masks, n, 7, lanes, centers);
    int64_t at = 0;
    for (int64_t c = 0; c < n; c++)
        for (int lane = 0; lane < shape->panel_rows; lane++)
            if (masks[c] >> lane & 1) {
                expect(at < count && lanes[at] == lane && centers[at] == (int32_t)c + 7, "list");
                at++;
            }
    expect(at == count, "the length of list");
    TIME("list", shape->list(masks, n, 7, lanes, centers));
}

/* What scores may be above the truth, relative to the norms of row and center: what rounding takes of both, twice. */
static double most_lost(const ck_coarse_format *format, int64_t d)
{
    if (format == &ck_format_bfloat16) return MOST_LOST;
    const double of_row = 0.5 / CK_INT8_LARGEST,
                 of_center = 0.5 / (format == &ck_format_int6_raised ? CK_INT6_LARGEST : CK_INT8_LARGEST);
    return 2.1 * sqrt((double)d) * (of_row + of_center + 4.0 * of_row * of_center);
}

void check_coarse(const void *entry)
{
    enum { K = 67 };
    const ck_coarse_shape *shape = entry;
    if (now.d < shape->least_features) return;
    ck_arena arena = {0};
    ck_screen_model model;
    ck_coarse_model coarse;
    const int64_t d = now.d, width = shape->panel_rows, r = shape->panel_centers;
    const ck_dtype dtype = now.timed || below(2) ? CK_F32 : (ck_dtype)below(6);
    const test_rows rows = draw_rows(now.kind, dtype, now.timed ? 0 : (int)below(N_LAYOUTS), now.n, d);
    static double centers[K * 300], images[K * 300], exact[300];
    double half_norms[K];
    for (int64_t i = 0; i < K * d; i++)
        centers[i] = below(3) ? rows.values[below(now.n) * d + i % d] : draw_value(now.kind, dtype);
    ck_coarse_use(shape);
    ck_screen_model_init(&model, &arena, ck_screen_choose_shape(d), K, d);
    ck_coarse_model_init(&coarse, &arena, shape, K, d);
    expect(!arena.failed && coarse.shape == shape, "the model of centers");
    ck_screen_model_set(&model, &rows.X, centers, 0);
    ck_coarse_model_set(&coarse, &model, centers);
    for (int64_t j = 0; j < K; j++) {
        const double *center = centers + coarse.order[j] * d;
        half_norms[j] = 0.0;
        for (int64_t p = 0; p < d; p++) {
            images[j * d + p] = center[p] * model.image.scale + model.image.minus_offset[p];
            half_norms[j] += 0.5 * images[j * d + p] * images[j * d + p];
        }
    }

    /* Panels in rooms of their own. */
    const int64_t row = draw_start(now.n), n = draw_size(ck_min_i64(width, now.n - row)), n_panels = coarse.n_panels;
    char *points = ROOM(char, width *coarse.row_bytes);
    char *panels = ROOM(char, n_panels *coarse.panel_bytes), *lone = ROOM(char, coarse.panel_bytes);
    void *stage = room(ck_coarse_stage(shape, d), 1);
    float *sqnorm = ROOM(float, width), *threshold = ROOM(float, width);
    float *best = ROOM(float, width), *second = ROOM(float, width), *index = ROOM(float, width), top[64], next[64];
    float *lone_best = ROOM(float, width), *lone_second = ROOM(float, width), *lone_index = ROOM(float, width);
    int32_t labels[64], label;
    uint64_t *masks = ROOM(uint64_t, n_panels *r), expected[K] = {0};
    memcpy(panels, coarse.panels, (size_t)(n_panels * coarse.panel_bytes));
    shape->pack(&rows.X, row, n, &model.image, coarse.n_words, stage, points, sqnorm);
    if (shape->begin) shape->begin();
    shape->score(points, coarse.n_words, panels, n_panels, 1, best, second, index);
    for (int64_t lane = 0; lane < width; lane++) {
        const double norm = image_of(&rows, row + ck_min_i64(lane, n - 1), &model.image, exact);
        threshold[lane] = below(5) ? second[lane] : NAN;
        top[lane] = next[lane] = -INFINITY;
        labels[lane] = coarse.order[0];
        if (norm < 0x1p100)
            expect(fabs(sqnorm[lane] - norm) <= ck_gamma((double)d + 32, 0x1p-24) * norm + 0x1p-110, "norms of pack");
    }
    for (int64_t j = 0; j < K; j++) {
        memcpy(lone, panels + j / r * coarse.panel_bytes, (size_t)coarse.panel_bytes);
        for (int64_t c = 0; c < r; c++)
            if (c != j % r) ck_coarse_set_start(shape, lone, c, -INFINITY);
        shape->score(points, coarse.n_words, lone, 1, 1, lone_best, lone_second, lone_index);
        double largest = 0.0; /* of the panel, whose centers may share a bound */
        for (int64_t c = j / r * r; c < ck_min_i64(K, j / r * r + r); c++) largest = fmax(largest, half_norms[c]);
        for (int64_t lane = 0; lane < width; lane++) {
            const float score = lone_best[lane];
            const double norm = image_of(&rows, row + ck_min_i64(lane, n - 1), &model.image, exact);
            double truth = -half_norms[j];
            for (int64_t p = 0; p < d; p++) truth += exact[p] * images[j * d + p];
            if (score > top[lane]) labels[lane] = coarse.order[j];
            next[lane] = fmaxf(next[lane], fminf(top[lane], score));
            top[lane] = fmaxf(top[lane], score);
            expected[j] |= (uint64_t)(score >= threshold[lane]) << lane;
            if (!(norm < 0x1p100 && half_norms[j] < 0x1p100)) continue;                 /* left to the float32 screen */
            expect(score >= truth - (norm + 1.0) * 0x1p-44, "a score below the truth"); /* of which float64 is sure */
            expect(score <= truth + most_lost(shape->format, d) * (sqrt(norm * 2.0 * largest) + largest) + 0x1p-40,
                   "a score far above the truth");
        }
    }
    for (int64_t lane = 0; lane < width; lane++) {
        memcpy(&label, index + lane, sizeof label);
        if (!(sqnorm[lane] < 0x1p100f)) continue;
        expect(best[lane] == top[lane] && second[lane] == next[lane] && label == labels[lane], "score");
    }
    shape->reach(points, coarse.n_words, panels, n_panels, threshold, masks);
    TIME("score", shape->score(points, coarse.n_words, panels, n_panels, 1, best, second, index));
    TIME("reach", shape->reach(points, coarse.n_words, panels, n_panels, threshold, masks));
    if (shape->end) shape->end();
    expect(same_bits(masks, expected, (int64_t)sizeof expected), "reach");
    check_bits(shape, masks, K);
    for (int64_t j = 0; j < K; j++) masks[j] = below(3) ? 0 : (uint64_t)below(1ll << 32) & ((1ull << width) - 1);
    check_bits(shape, masks, K);
    TIME("pack", shape->pack(&rows.X, row, n, &model.image, coarse.n_words, stage, points, sqnorm));
    ck_arena_free(&arena);
}
