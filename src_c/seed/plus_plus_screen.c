/* plus_plus_screen.c - many features: the screen tells which rows may be nearer to a candidate than to the centers
 * there are; these are measured in quick arithmetic with a bound on its error. Where rows are embedded, it is their
 * embedding that is screened. */
#include "../base/bits.h"
#include "../base/costs.h"
#include "narrow_rows.h"
#include "plus_plus.h"

enum { MAX_PANEL_ROWS = 64, ROWS_AT_A_TIME = 32, MOST_FETCHED = 512 /* bytes of a row */ };

typedef struct {
    float *points, *sqnorm, *thresholds, *scores;
    double *stage;
    void *coarse_stage;
    uint64_t *masks;
    int32_t *list, *products, *far; /* rows of a block; scratch; those that are not near */
    double *limits, *sqdists;
} worker_scratch;

typedef struct {
    const ck_embedding *embedding; /* rows to screen; NULL: X itself, by model */
    ck_embedded_centers embedded;  /* the candidates */
    const ck_narrow_rows *narrow;  /* or NULL: beside an embedding, what to look at before a row is measured */
    ck_narrow_center *narrow_candidates;
    int8_t *narrow_scratch;
    int by_lanes;            /* lanes run over the features: rows are not packed */
    float *centers, *starts; /* then: of the candidates, n_trials rounded up to few_centers, images `stride` apart */
    int64_t stride;
    int32_t *places; /* 0, 1, ... */
    ck_screen_model model;
    /* Panels of all rows, packed by the first step for those to come, and what the scores of their rows must reach; or
     * NULL. stale: panels whose thresholds are not those of now. */
    float *points, *sqnorm, *thresholds;
    uint8_t *stale;
    int packing, by_scores; /* by_scores: gains are told by the scores of the rows themselves */
    ck_coarse_model coarse; /* has a shape where the coarse screen tells which rows may be nearer */
    char *coarse_points;    /* then: panels of all rows, in place of `points` */
    int64_t width, n_panels;
    int unscreened; /* the data have no float32 image to speak of */
    double quick_error, quick_underflow;
    float *candidates32;
    uint64_t *masks; /* n_panels x n_trials: rows that may come nearer to the candidate */
    worker_scratch *workers;
} screen_comparison;

/* Memory for candidates that lie in memory as rows do. */
static void reserve_lanes(screen_comparison *comparison, const ck_plus_plus *s, ck_arena *arena)
{
    const int64_t n = ck_round_up(s->n_trials, ck_screen_table()->few_centers);
    comparison->stride = ck_round_up(s->X->n_features, CK_LANES);
    comparison->width = ROWS_AT_A_TIME;
    comparison->n_panels = ck_ceil_div(s->X->n_rows, comparison->width);
    comparison->centers = CK_NEW(arena, float, n * comparison->stride);
    comparison->starts = CK_NEW(arena, float, n);
    comparison->places = CK_NEW(arena, int32_t, ROWS_AT_A_TIME);
    if (arena->failed) return;
    memset(comparison->centers, 0, (size_t)(n * comparison->stride) * sizeof(float));
    for (int32_t i = 0; i < ROWS_AT_A_TIME; i++) comparison->places[i] = i;
}

/* Memory for all rows packed, where that is not too much: packing them takes longer than a step. */
static void reserve_points(screen_comparison *comparison, const ck_plus_plus *s, ck_arena *arena)
{
    const int64_t padded = comparison->n_panels * comparison->width, d = s->X->n_features;
    if (s->k < CK_SEEDED_PACKED_CENTERS || padded > CK_SEEDED_PACKED_BYTES / (int64_t)sizeof(float) / (d + 2)) return;
    comparison->points = CK_NEW(arena, float, padded *d);
    comparison->sqnorm = CK_NEW(arena, float, padded);
    comparison->thresholds = CK_NEW(arena, float, padded);
    comparison->stale = CK_NEW(arena, uint8_t, comparison->n_panels);
    if (!arena->failed) memset(comparison->stale, 1, (size_t)comparison->n_panels);
}

/* The shape of the coarse screen, where it pays: rows that come nearer are measured then, about n / i of them in step i
 * for each candidate. */
static const ck_coarse_shape *useful_coarse_shape(const ck_plus_plus *s)
{
    const int64_t n = s->X->n_rows, d = s->X->n_features, k = s->k;
    const ck_coarse_shape *shape = ck_coarse_choose_shape(s->X, k);
    if (!shape || n > CK_SEEDED_PACKED_BYTES / ck_coarse_row_bytes(shape, d)) return NULL;
    const double saved = (double)k * ck_pair_operations(d) * (1.0 - ck_coarse_pair_cost(shape, d));
    const double measured = CK_COST_LONE_PAIR + CK_COST_LONE_FEATURE * (double)d;
    return saved > (log((double)k) + 1.0) * measured ? shape : NULL;
}

/* Memory for all rows packed for it. */
static void reserve_coarse(screen_comparison *comparison, const ck_plus_plus *s, ck_arena *arena,
                           const ck_coarse_shape *shape)
{
    ck_coarse_model_init(&comparison->coarse, arena, shape, s->n_trials, s->X->n_features);
    comparison->width = shape->panel_rows;
    comparison->n_panels = ck_ceil_div(s->X->n_rows, comparison->width);
    const int64_t padded = comparison->n_panels * comparison->width;
    comparison->coarse_points = ck_arena_alloc(arena, padded, comparison->coarse.row_bytes);
    comparison->sqnorm = CK_NEW(arena, float, padded);
    comparison->thresholds = CK_NEW(arena, float, padded);
    comparison->stale = CK_NEW(arena, uint8_t, comparison->n_panels);
    if (!arena->failed) memset(comparison->stale, 1, (size_t)comparison->n_panels);
}

static void reserve(ck_plus_plus *s, ck_arena *arena)
{
    const ck_packed_rows *packed = s->prepared->packed;
    const int64_t n = s->X->n_rows, d = s->X->n_features;
    const ck_screen_shape *shape = ck_screen_choose_shape(d);
    screen_comparison *comparison = s->comparison_state = CK_NEW(arena, screen_comparison, 1);
    if (!comparison) return;
    memset(comparison, 0, sizeof *comparison);
    comparison->embedding = s->prepared->embedding;
    comparison->unscreened = s->problem->unit != 0;
    comparison->quick_error = ck_quick_sqdist_error(s->X);
    comparison->quick_underflow = ck_quick_sqdist_underflow(s->X);
    if (comparison->embedding && d >= CK_NARROW_FEATURES && s->k >= CK_NARROW_CENTERS)
        comparison->narrow = ck_narrow_rows_new(arena, s->X, s->problem->n_threads);
    if (comparison->narrow) {
        comparison->narrow_candidates = ck_narrow_centers_new(arena, comparison->narrow, s->n_trials);
        comparison->narrow_scratch = CK_NEW(arena, int8_t, comparison->narrow->stride);
    }
    if (comparison->embedding)
        ck_embedded_centers_init(&comparison->embedded, arena, comparison->embedding, s->n_trials, 1.0);
    else
        ck_screen_model_init(&comparison->model, arena, shape, s->n_trials, d);
    if (comparison->embedding) shape = comparison->embedding->model.shape;
    comparison->model.balance = 1.0; /* candidates are rows */
    if (!arena->failed && !comparison->embedding && packed)
        ck_screen_model_take_image(&comparison->model, &packed->model);
    comparison->width = shape->panel_rows;
    comparison->n_panels = ck_ceil_div(n, comparison->width);
    const int plain = !comparison->embedding && !packed && !comparison->unscreened;
    const ck_coarse_shape *coarse = plain ? useful_coarse_shape(s) : NULL;
    if (coarse)
        reserve_coarse(comparison, s, arena, coarse);
    else if (plain)
        reserve_points(comparison, s, arena);
    comparison->by_lanes =
        plain && !coarse && !comparison->points && d >= CK_LANE_FEATURES && d <= ck_screen_table()->few_features;
    comparison->by_scores = !comparison->embedding && !comparison->unscreened && (packed || comparison->points);
    if (comparison->by_lanes) reserve_lanes(comparison, s, arena);
    comparison->candidates32 = CK_NEW(arena, float, s->n_trials *d + CK_LANES);
    comparison->masks = CK_NEW(arena, uint64_t, comparison->n_panels * s->n_trials);
    comparison->workers = CK_NEW(arena, worker_scratch, s->n_workers);
    for (int i = 0; i < s->n_workers && !arena->failed; i++) {
        worker_scratch *w = comparison->workers + i;
        w->points = CK_NEW(arena, float, MAX_PANEL_ROWS *ck_round_up(d, CK_LANES));
        w->sqnorm = CK_NEW(arena, float, 2 * MAX_PANEL_ROWS);
        w->thresholds = w->sqnorm + MAX_PANEL_ROWS;
        w->stage = CK_NEW(arena, double, MAX_PANEL_ROWS *d);
        if (coarse) w->coarse_stage = ck_arena_alloc(arena, ck_coarse_stage(coarse, d), 1);
        w->list = CK_NEW(arena, int32_t, 3 * CK_SUM_ROWS);
        w->products = w->list + CK_SUM_ROWS;
        w->far = w->products + CK_SUM_ROWS;
        w->limits = CK_NEW(arena, double, 2 * CK_SUM_ROWS);
        w->sqdists = w->limits + CK_SUM_ROWS;
        const int64_t of_coarse = coarse ? ck_round_up(s->n_trials, coarse->panel_centers) : 0;
        w->masks = CK_NEW(arena, uint64_t, ck_max_i64(ck_round_up(s->n_trials, shape->panel_centers), of_coarse));
        w->scores = CK_NEW(arena, float, ck_round_up(s->n_trials, shape->panel_centers) * shape->panel_rows);
    }
}

static void unpack_candidates(screen_comparison *comparison, int64_t n)
{
    const int64_t d = comparison->model.d, r = comparison->model.shape->panel_centers;
    for (int64_t t = 0; t < ck_round_up(n, comparison->model.kernels->few_centers); t++) {
        const float *from = comparison->model.panels + t / r * (d + 2) * r + t % r;
        comparison->starts[t] = t < n ? from[0] : -INFINITY;
        for (int64_t p = 0; p < d && t < n; p++) comparison->centers[t * comparison->stride + p] = from[(p + 2) * r];
    }
}

static void prepare(ck_plus_plus *s, int first)
{
    screen_comparison *comparison = s->comparison_state;
    comparison->packing = first && (comparison->points || comparison->coarse_points);
    for (int64_t i = 0; i < s->n_candidates * s->X->n_features; i++)
        comparison->candidates32[i] = (float)s->candidates[i];
    if (comparison->unscreened) return;
    for (int t = 0; t < s->n_candidates && comparison->narrow; t++)
        ck_narrow_center_set(comparison->narrow_candidates + t, comparison->narrow,
                             s->candidates + t * s->X->n_features, comparison->narrow_scratch);
    if (comparison->embedding) {
        ck_embedded_centers_set(&comparison->embedded, s->candidates, s->n_candidates);
    } else {
        ck_screen_model_set_count(&comparison->model, s->n_candidates);
        ck_screen_model_set(&comparison->model, s->X, s->candidates, !first || s->prepared->packed);
        if (comparison->by_lanes) unpack_candidates(comparison, s->n_candidates);
        if (comparison->coarse.shape && !comparison->model.too_large) {
            ck_coarse_model_set_count(&comparison->coarse, s->n_candidates);
            ck_coarse_model_set(&comparison->coarse, &comparison->model, s->candidates);
        }
    }
}

static double operations(const ck_plus_plus *s)
{
    const screen_comparison *comparison = s->comparison_state;
    return (comparison->embedding ? (double)comparison->embedding->m : (double)s->X->n_features) / 4.0;
}

/* OUT points, sqnorm: of one panel, packed now unless they are there. */
static void panel_points(const ck_plus_plus *s, int worker, int64_t panel, const float **points, const float **sqnorm)
{
    const screen_comparison *comparison = s->comparison_state;
    const ck_screen_model *model = &comparison->model;
    const ck_embedding *embedding = comparison->embedding;
    const ck_packed_rows *packed = s->prepared->packed;
    const worker_scratch *w = comparison->workers + worker;
    const ck_matrix *X = s->X;
    const int64_t row = panel * comparison->width, n = ck_min_i64(comparison->width, X->n_rows - row);
    if (embedding || packed || (comparison->points && !comparison->packing)) {
        *points = embedding ? embedding->points + row * (embedding->m + 1)
                            : (packed ? packed->points : comparison->points) + row * model->d;
        *sqnorm = (embedding ? embedding->sqnorm : packed ? packed->sqnorm : comparison->sqnorm) + row;
        return;
    }
    float *own_points = comparison->points ? comparison->points + row * model->d : w->points;
    float *own_sqnorm = comparison->points ? comparison->sqnorm + row : w->sqnorm;
    *points = own_points;
    *sqnorm = own_sqnorm;
    if (comparison->by_lanes) {
        ck_rows_table()->image_listed(X, row, comparison->places, n, model->image.scale, model->image.minus_offset,
                                      model->image.minus_offset32, own_points, own_sqnorm, ck_plus_plus_row(s, worker));
        return;
    }
    model->shape->pack(X, row, n, &model->image, w->stage, own_points, own_sqnorm);
    if (!ck_is_dense(X) || row + 2 * comparison->width > X->n_rows) return;
    for (const char *next = ck_row_start(X, row + n), *end = next + n * ck_row_bytes(X); next < end;
         next += CK_CACHE_LINE)
        CK_PREFETCH(next);
}

/* OUT thresholds: what the scores of one panel must reach. Returns the bits of rows that have none. */
static uint64_t panel_thresholds(const ck_plus_plus *s, int64_t panel, const ck_screen_model *model,
                                 const float *sqnorm, float *thresholds)
{
    const screen_comparison *comparison = s->comparison_state;
    const int64_t row = panel * comparison->width, n = ck_min_i64(comparison->width, s->X->n_rows - row);
    const int coarse = comparison->coarse.shape != NULL;
    const ck_reach_rule rule =
        coarse ? comparison->coarse.rule
               : ck_reach_rule_of(model, comparison->embedding ? comparison->embedding->scale : model->image.scale,
                                  comparison->embedding ? comparison->embedding->error : 0.0);
    const int finite = ck_quick_table()->thresholds(rule.row, rule.distance, sqnorm, s->closest + row, n, thresholds);
    const float most = coarse ? 0x1p100f : FLT_MAX;
    uint64_t none = 0;
    for (int64_t lane = 0; lane < n && (coarse || !finite); lane++)
        none |= (uint64_t)!(thresholds[lane] <= FLT_MAX && sqnorm[lane] <= most) << lane;
    for (int64_t lane = n; lane < comparison->width; lane++) thresholds[lane] = INFINITY;
    return none;
}

/* What rows of one panel gain by their scores, as docs/numerics.md, section 7, bounds distances by them. Those that are
 * in the mask but have no score may gain all that they have. */
static void add_scored(const ck_plus_plus *s, const worker_scratch *w, int64_t row, int t, uint64_t mask,
                       uint64_t scored, const float *sqnorm, double *gain, double *error)
{
    const screen_comparison *comparison = s->comparison_state;
    const ck_screen_model *model = &comparison->model;
    const double of_center = (double)model->center_slack[t], of_row = (double)ck_sqnorm_slack(model);
    const double unit = 1.0 / (model->image.scale * model->image.scale);
    const float *scores = w->scores + t * comparison->width;
    for (; mask; mask &= mask - 1) {
        const int lane = ck_lowest_bit(mask);
        const double closest = s->closest[row + lane], weight = ck_weight(s->problem, row + lane);
        const double score = scored >> lane & 1 ? (double)scores[lane] : NAN, norm = (double)sqnorm[lane];
        const double sqdist = (norm - 2.0 * score + of_center) * unit;
        if (fabs(sqdist) <= DBL_MAX) {
            *gain += weight * (closest > sqdist ? closest - sqdist : 0.0);
            *error += weight * unit * (of_row * norm + of_center + 0x1p-50 * fabs(score) + 0x1p-100);
        } else {
            *error += weight * closest;
        }
    }
}

/* OUT masks: of the rows of one panel that may come nearer to each candidate, by the coarse screen. */
static void screen_panel_coarse(const ck_plus_plus *s, int worker, int64_t panel, uint64_t valid, uint64_t *masks)
{
    const screen_comparison *comparison = s->comparison_state;
    const ck_coarse_model *coarse = &comparison->coarse;
    const ck_coarse_shape *shape = coarse->shape;
    const worker_scratch *w = comparison->workers + worker;
    const int64_t row = panel * comparison->width, n = ck_min_i64(comparison->width, s->X->n_rows - row);
    char *points = comparison->coarse_points + row * coarse->row_bytes;
    float *sqnorm = comparison->sqnorm + row, *thresholds = comparison->thresholds + row;
    uint64_t always = 0;
    if (comparison->packing)
        shape->pack(s->X, row, n, &comparison->model.image, coarse->n_words, w->coarse_stage, points, sqnorm);
    if (comparison->stale[panel]) {
        always = panel_thresholds(s, panel, &comparison->model, sqnorm, thresholds);
        comparison->stale[panel] = always != 0;
    }
    for (int t = 0; t < s->n_candidates; t++) masks[t] = valid;
    if (comparison->model.too_large) return; /* its centers are not there */
    if (shape->begin) shape->begin();
    shape->reach(points, coarse->n_words, coarse->panels, coarse->n_panels, thresholds, w->masks);
    if (shape->end) shape->end();
    for (int t = 0; t < s->n_candidates; t++) masks[coarse->order[t]] = (w->masks[t] | always) & valid;
}

/* Masks of the rows of one panel that may come nearer to each candidate. Where there are scores: INOUT gains, errors.
 */
static void screen_panel(const ck_plus_plus *s, int worker, int64_t panel, double *gains, double *errors)
{
    const screen_comparison *comparison = s->comparison_state;
    const worker_scratch *w = comparison->workers + worker;
    const int64_t row = panel * comparison->width, n = ck_min_i64(comparison->width, s->X->n_rows - row);
    const uint64_t valid = ~0ull >> (64 - n);
    const ck_matrix *X = s->X;
    const ck_screen_model *model = comparison->embedding ? &comparison->embedded.model : &comparison->model;
    float *thresholds = comparison->thresholds ? comparison->thresholds + row : w->thresholds;
    const float *points, *sqnorm;
    uint64_t *masks = comparison->masks + panel * s->n_trials, always = 0;
    if (comparison->unscreened || (model->too_large && !comparison->packing)) {
        for (int t = 0; t < s->n_candidates; t++) {
            masks[t] = valid;
            errors[t] = INFINITY;
        }
        return;
    }
    if (comparison->coarse.shape) {
        screen_panel_coarse(s, worker, panel, valid, masks);
        return;
    }
    panel_points(s, worker, panel, &points, &sqnorm);
    if (!comparison->thresholds || comparison->stale[panel]) {
        always = panel_thresholds(s, panel, model, sqnorm, thresholds);
        if (comparison->thresholds) comparison->stale[panel] = always != 0;
    }
    if (comparison->by_lanes) {
        const int dense = ck_is_dense(X) && row + 2 * comparison->width <= X->n_rows;
        model->kernels->reach_few(points, comparison->stride, n, model->d, comparison->centers, comparison->starts,
                                  s->n_candidates, thresholds, ck_row_start(X, dense ? row + n : row),
                                  dense ? ck_row_bytes(X) : 0 /* of the rows to come, fetched meanwhile */, w->masks);
    } else if (comparison->by_scores) {
        model->shape->reach_scores(points, model->d, model->panels, model->n_panels, thresholds, w->masks, w->scores);
    } else {
        model->shape->reach(points, model->d, model->panels, model->n_panels, thresholds, w->masks);
    }
    if (model->too_large) always = valid;
    for (int t = 0; t < s->n_candidates; t++) masks[t] = (w->masks[t] | always) & valid;
    if (!comparison->by_scores) return;
    for (int t = 0; t < s->n_candidates; t++)
        if (masks[t]) add_scored(s, w, row, t, masks[t], w->masks[t], sqnorm, gains + t, errors + t);
}

static void panels_of(const screen_comparison *comparison, int64_t block, int64_t *first, int64_t *last)
{
    const int64_t per_block = CK_SUM_ROWS / comparison->width;
    *first = block * per_block;
    *last = ck_min_i64(*first + per_block, comparison->n_panels);
}

/* Gains by canonical distances. The masks are there. */
static int gain_exact(void *context, int64_t block, int worker)
{
    const ck_plus_plus *s = context;
    const screen_comparison *comparison = s->comparison_state;
    double *gains = s->gains + block * CK_MAX_TRIALS, *errors = s->errors + block * CK_MAX_TRIALS;
    int64_t first, last;
    panels_of(comparison, block, &first, &last);
    for (int t = 0; t < s->n_candidates; t++) gains[t] = errors[t] = 0.0;
    for (int64_t panel = first; panel < last; panel++)
        for (int t = 0; t < s->n_candidates; t++)
            for (uint64_t mask = comparison->masks[panel * s->n_trials + t]; mask; mask &= mask - 1)
                gains[t] += ck_plus_plus_gain(s, worker, panel * comparison->width + ck_lowest_bit(mask), t);
    return CK_OK;
}

/* OUT list: rows of a block that may come nearer to the candidate. Returns how many. */
static int64_t list_rows(const ck_plus_plus *s, int64_t block, int t, int32_t *list)
{
    const screen_comparison *comparison = s->comparison_state;
    int64_t first, last, n = 0;
    panels_of(comparison, block, &first, &last);
    for (int64_t panel = first; panel < last; panel++)
        for (uint64_t mask = comparison->masks[panel * s->n_trials + t]; mask; mask &= mask - 1)
            list[n++] = (int32_t)((panel - first) * comparison->width) + ck_lowest_bit(mask);
    return n;
}

static void leave_mask(const ck_plus_plus *s, int64_t row, int t)
{
    const screen_comparison *comparison = s->comparison_state;
    comparison->masks[row / comparison->width * s->n_trials + t] &= ~(1ull << row % comparison->width);
}

/* The gain of one candidate by quick distances. Rows that are shown to be no nearer leave the masks. */
static void measure_gain(const ck_plus_plus *s, int worker, int64_t block, int t, double *gain, double *error)
{
    const screen_comparison *comparison = s->comparison_state;
    const worker_scratch *w = comparison->workers + worker;
    const int64_t d = s->X->n_features, row = block * CK_SUM_ROWS;
    int64_t n = list_rows(s, block, t, w->list);
    if (comparison->narrow) {
        const int64_t near = ck_narrow_near(comparison->narrow, comparison->narrow_candidates + t, row, w->list, n,
                                            s->closest, w->products, w->far);
        for (int64_t i = 0; i < n - near; i++) leave_mask(s, row + w->far[i], t);
        n = near;
    }
    for (int64_t i = 0; i < n; i++)
        w->limits[i] =
            s->closest[row + w->list[i]] * (1.0 + 4.0 * comparison->quick_error) + 4.0 * comparison->quick_underflow;
    ck_quick_table()->listed_sqdists(s->X, row, w->list, n, s->candidates + t * d, comparison->candidates32 + t * d,
                                     w->limits, w->sqdists, ck_plus_plus_row(s, worker));
    *gain = *error = 0.0;
    for (int64_t i = 0; i < n; i++) {
        const int64_t at = row + w->list[i];
        const double closest = s->closest[at], weight = ck_weight(s->problem, at), sqdist = w->sqdists[i];
        if (sqdist <= w->limits[i]) {
            *gain += weight * (closest > sqdist ? closest - sqdist : 0.0);
            *error += weight * (comparison->quick_error * w->limits[i] + comparison->quick_underflow);
        } else if (sqdist <= DBL_MAX) {
            leave_mask(s, at, t);
        } else {
            *error += weight * closest; /* overflowed, maybe in float32 alone */
        }
    }
}

static void measure_block(const ck_plus_plus *s, int worker, int64_t block)
{
    double *gains = s->gains + block * CK_MAX_TRIALS, *errors = s->errors + block * CK_MAX_TRIALS;
    for (int t = 0; t < s->n_candidates; t++) measure_gain(s, worker, block, t, gains + t, errors + t);
}

/* Where gains were not told by scores, this has been done already. */
static int gain_measured(void *context, int64_t block, int worker)
{
    const ck_plus_plus *s = context;
    const screen_comparison *comparison = s->comparison_state;
    if (comparison->by_scores) measure_block(s, worker, block);
    return CK_OK;
}

static int gain(void *context, int64_t block, int worker)
{
    const ck_plus_plus *s = context;
    const screen_comparison *comparison = s->comparison_state;
    double *gains = s->gains + block * CK_MAX_TRIALS, *errors = s->errors + block * CK_MAX_TRIALS;
    int64_t first, last;
    panels_of(comparison, block, &first, &last);
    for (int t = 0; t < s->n_candidates; t++) gains[t] = errors[t] = 0.0;
    for (int64_t panel = first; panel < last; panel++) screen_panel(s, worker, panel, gains, errors);
    if (comparison->unscreened) return gain_exact(context, block, worker);
    if (!comparison->by_scores) measure_block(s, worker, block);
    return CK_OK;
}

static int commit(void *context, int64_t block, int worker)
{
    ck_plus_plus *s = context;
    const screen_comparison *comparison = s->comparison_state;
    const int64_t row = block * CK_SUM_ROWS, bytes = ck_min_i64(ck_row_bytes(s->X), MOST_FETCHED);
    const int32_t *list = comparison->workers[worker].list;
    const int64_t n = list_rows(s, block, s->chosen, comparison->workers[worker].list);
    int64_t rows[CK_LANES];
    double *panel = ck_plus_plus_panel(s, worker);
    for (int64_t i = 0; i < n; i += CK_LANES) {
        const int64_t count = ck_min_i64(CK_LANES, n - i);
        for (int64_t next = i + 2 * CK_LANES; next < ck_min_i64(i + 3 * CK_LANES, n); next++)
            for (int64_t b = 0; b < bytes; b += CK_CACHE_LINE) CK_PREFETCH(ck_row_start(s->X, row + list[next]) + b);
        for (int64_t lane = 0; lane < count; lane++) {
            rows[lane] = row + list[i + lane];
            if (comparison->stale) comparison->stale[rows[lane] / comparison->width] = 1;
        }
        s->kernels->load_listed(s->X, rows, count, panel);
        ck_plus_plus_take_closer(s, worker, panel, rows, count);
    }
    return CK_OK;
}

const ck_comparison ck_compare_screen = {reserve,       NULL,       prepare, gain, operations,
                                         gain_measured, gain_exact, commit,  NULL};
