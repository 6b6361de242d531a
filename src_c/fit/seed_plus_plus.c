/* seed_plus_plus.c - greedy k-means++ (Arthur and Vassilvitskii, SODA 2007; the candidates of a step compared as in
 * scikit-learn and in Grunau et al., SODA 2023).
 *
 * The candidates of a step are screened together against all rows: few rows can be nearer to one of them than to the
 * centers there are. What these rows gain is first measured in quick arithmetic with a bound; candidates that the
 * bound cannot tell apart are compared by canonical distances, their gains summed exactly on a grid.
 */
#include "../base/bits.h"
#include "seeding.h"

enum {
    MAX_TRIALS = 64,
    MAX_PANEL_ROWS = 64,
    VECTOR_FEATURES = 8 /* up to here canonical distances of whole panels cost less than quick ones row by row */
};

typedef struct {
    float *points, *sqnorm, *thresholds;
    double *stage, *panel, *distances, *row;
    uint64_t *masks;
} worker_scratch;

typedef struct {
    const ck_problem *problem;
    const ck_settle_kernels *kernels;
    ck_sampler sampler; /* masses: weight * squared distance to the nearest center so far */
    double *closest;    /* that distance, in units of 4^unit */
    double *block_most; /* largest mass of each block */
    double *boxes;      /* n_panels x d x 2: least and largest value of a panel\'s features; or NULL */
    double *panel_most; /* n_panels: the largest of closest, where there are boxes */
    int64_t width, n_panels;
    ck_embedding *embedding; /* rows to screen; NULL: X itself, by model */
    ck_screen_model model;
    int by_panels;  /* canonical distances of whole panels at a time */
    int unscreened; /* the data have no float32 image to speak of */
    int n_trials, n_candidates;
    int64_t rows[MAX_TRIALS];
    double *candidates, *scratch; /* n_candidates x d */
    float *candidates32;
    uint64_t *masks;        /* n_panels x n_trials: rows that may come nearer to the candidate */
    double *gains, *errors; /* n_blocks x MAX_TRIALS: masses saved if the candidate were taken */
    double shift;           /* of the grid of masses */
    double quick_error, quick_underflow;
    int chosen;
    worker_scratch *workers;
} plus_plus;

/* --- Distances and gains ----------------------------------------------------------------------------------- */

static double canonical_distance(const plus_plus *s, const worker_scratch *w, int64_t row, int t)
{
    const int64_t d = s->problem->X->n_features;
    ck_load_row(s->problem->X, row, w->row);
    return ck_sqdist_in_unit(ck_sqdist_of(w->row, s->candidates + t * d, d), s->problem->unit);
}

static double on_grid(const plus_plus *s, double mass) { return (mass + s->shift) - s->shift; }

static double canonical_gain(const plus_plus *s, const worker_scratch *w, int64_t row, int t)
{
    const double distance = canonical_distance(s, w, row, t), closest = s->closest[row];
    const double weight = ck_weight(s->problem, row);
    return distance < closest ? on_grid(s, weight * closest) - on_grid(s, weight * distance) : 0.0;
}

/* Gains of a panel of at most CK_LANES rows, which w->panel holds. */
static double panel_gain(const plus_plus *s, const worker_scratch *w, int64_t row, int64_t n, int t)
{
    const int64_t d = s->problem->X->n_features;
    double *distances = w->distances;
    int plain = s->problem->unit == 0;
    s->kernels->sqdist_panel(w->panel, d, s->candidates + t * d, distances);
    for (int64_t lane = 0; lane < n; lane++) plain &= ck_sqdist_is_plain(distances[lane]) || distances[lane] == 0.0;
    if (plain && n == CK_LANES)
        return s->kernels->gain(distances, s->closest + row, s->problem->weights ? s->problem->weights + row : NULL,
                                s->shift);
    double gain = 0.0;
    for (int64_t lane = 0; lane < n; lane++) gain += canonical_gain(s, w, row + lane, t);
    return gain;
}

/* --- One step ---------------------------------------------------------------------------------------------- */

static void measure_box(plus_plus *s, const worker_scratch *w, int64_t panel)
{
    const int64_t d = s->problem->X->n_features, last = ck_min_i64((panel + 1) * s->width, s->problem->X->n_rows);
    double *box = s->boxes + panel * 2 * d, most = 0.0;
    for (int64_t row = panel * s->width; row < last; row++) {
        ck_load_row(s->problem->X, row, w->row);
        for (int64_t p = 0; p < d; p++) {
            const double x = w->row[p];
            box[2 * p] = row == panel * s->width || x < box[2 * p] ? x : box[2 * p];
            box[2 * p + 1] = row == panel * s->width || x > box[2 * p + 1] ? x : box[2 * p + 1];
        }
        most = s->closest[row] > most ? s->closest[row] : most;
    }
    s->panel_most[panel] = most;
}

/* Whether a candidate can be nearer to any row of the panel than the centers there are. */
static int box_is_near(const plus_plus *s, int64_t panel)
{
    const int64_t d = s->problem->X->n_features;
    const double *box = s->boxes + panel * 2 * d, most = s->panel_most[panel];
    for (int t = 0; t < s->n_candidates; t++) {
        double distance = 0.0;
        for (int64_t p = 0; p < d; p++) {
            const double c = s->candidates[t * d + p], below = box[2 * p] - c, above = c - box[2 * p + 1];
            const double gap = below > above ? below : above;
            distance += gap > 0.0 ? gap * gap : 0.0;
        }
        if (!(distance * (1.0 - 0x1p-40) > most)) return 1;
    }
    return 0;
}

/* Masks of the rows of one panel that may come nearer to each candidate. */
static void screen_panel(const plus_plus *s, const worker_scratch *w, int64_t panel)
{
    const int64_t row = panel * s->width, n = ck_min_i64(s->width, s->problem->X->n_rows - row);
    const uint64_t valid = ~0ull >> (64 - n);
    const ck_screen_model *model = s->embedding ? &s->embedding->assigner.model : &s->model;
    const float *points = w->points, *sqnorm = w->sqnorm;
    uint64_t *masks = s->masks + panel * s->n_trials, always = 0;
    if (s->unscreened || model->too_large) {
        for (int t = 0; t < s->n_candidates; t++) masks[t] = valid;
        return;
    }
    if (s->boxes && !box_is_near(s, panel)) {
        for (int t = 0; t < s->n_candidates; t++) masks[t] = 0;
        return;
    }
    if (s->embedding) {
        points = s->embedding->points + row * model->d;
        sqnorm = s->embedding->sqnorm + row;
    } else if (s->problem->packed) {
        points = s->problem->packed->points + row * model->d;
        sqnorm = s->problem->packed->sqnorm + row;
    } else {
        model->shape->pack(s->problem->X, row, n, &model->image, w->stage, w->points, w->sqnorm);
    }
    const ck_reach_rule rule = ck_reach_rule_of(model, s->embedding ? s->embedding->scale : model->image.scale,
                                                s->embedding ? s->embedding->error : 0.0);
    s->kernels->thresholds(rule.row, rule.distance, sqnorm, s->closest + row, n, w->thresholds);
    for (int64_t lane = 0; lane < n; lane++)
        always |= (uint64_t)!(w->thresholds[lane] <= FLT_MAX && sqnorm[lane] <= FLT_MAX) << lane;
    for (int64_t lane = n; lane < s->width; lane++) w->thresholds[lane] = INFINITY;
    model->shape->reach(points, model->d, model->panels, model->n_panels, w->thresholds, w->masks);
    for (int t = 0; t < s->n_candidates; t++) masks[t] = (w->masks[t] | always) & valid;
}

static int gain_block_exact(void *context, int64_t block, int worker);

static int gain_block_quick(void *context, int64_t block, int worker)
{
    plus_plus *s = context;
    const ck_matrix *X = s->problem->X;
    const int64_t d = X->n_features, per_block = CK_SUM_ROWS / s->width, first = block * per_block;
    const int64_t last = ck_min_i64(first + per_block, s->n_panels);
    worker_scratch *w = s->workers + worker;
    double *gains = s->gains + block * MAX_TRIALS, *errors = s->errors + block * MAX_TRIALS;
    for (int64_t panel = first; panel < last; panel++) screen_panel(s, w, panel);
    if (s->by_panels || s->unscreened) return gain_block_exact(context, block, worker);
    for (int t = 0; t < s->n_candidates; t++) {
        gains[t] = errors[t] = 0.0;
        for (int64_t panel = first; panel < last; panel++)
            for (uint64_t mask = s->masks[panel * s->n_trials + t]; mask; mask &= mask - 1) {
                const int64_t row = panel * s->width + ck_lowest_bit(mask);
                const double closest = s->closest[row], weight = ck_weight(s->problem, row);
                const double limit = closest * (1.0 + 4.0 * s->quick_error) + 4.0 * s->quick_underflow;
                const double distance =
                    s->kernels->quick_sqdist(X, row, s->candidates + t * d, s->candidates32 + t * d, limit, w->row);
                if (distance > limit) {
                    if (distance <= DBL_MAX)
                        s->masks[panel * s->n_trials + t] &= ~(mask & (~mask + 1));
                    else
                        errors[t] += weight * closest; /* overflowed, maybe in float32 alone */
                    continue;
                }
                gains[t] += weight * fmax(closest - distance, 0.0);
                errors[t] += weight * (s->quick_error * limit + s->quick_underflow);
            }
    }
    return CK_OK;
}

/* Gains by canonical distances. The masks are there, but for few features this is all there is. */
static int gain_block_exact(void *context, int64_t block, int worker)
{
    plus_plus *s = context;
    const ck_matrix *X = s->problem->X;
    const int64_t per_block = CK_SUM_ROWS / s->width, first = block * per_block;
    const int64_t last = ck_min_i64(first + per_block, s->n_panels);
    const worker_scratch *w = s->workers + worker;
    double *gains = s->gains + block * MAX_TRIALS, *errors = s->errors + block * MAX_TRIALS;
    for (int t = 0; t < s->n_candidates; t++) gains[t] = errors[t] = 0.0;
    for (int64_t panel = first; panel < last; panel++) {
        const uint64_t *masks = s->masks + panel * s->n_trials;
        if (!s->by_panels) {
            for (int t = 0; t < s->n_candidates; t++)
                for (uint64_t mask = masks[t]; mask; mask &= mask - 1)
                    gains[t] += canonical_gain(s, w, panel * s->width + ck_lowest_bit(mask), t);
            continue;
        }
        uint64_t any = 0;
        for (int t = 0; t < s->n_candidates; t++) any |= masks[t];
        for (int64_t lanes = 0; lanes < s->width; lanes += CK_LANES) {
            const uint64_t window = 0xffffull << lanes;
            if (!(any & window)) continue;
            const int64_t row = panel * s->width + lanes, n = ck_min_i64(CK_LANES, X->n_rows - row);
            s->kernels->load_panel(X, row, n, w->panel);
            for (int t = 0; t < s->n_candidates; t++)
                if (masks[t] & window) gains[t] += panel_gain(s, w, row, n, t);
        }
    }
    return CK_OK;
}

/* Rows of one panel that are nearer to the chosen candidate go over to it; returns whether there were any. */
static int commit_panel(plus_plus *s, const worker_scratch *w, int64_t panel)
{
    const ck_matrix *X = s->problem->X;
    int altered = 0;
    for (uint64_t mask = s->masks[panel * s->n_trials + s->chosen]; mask;) {
        const int lane = ck_lowest_bit(mask), lanes = lane / CK_LANES * CK_LANES;
        const int64_t row = panel * s->width + lanes;
        if (s->by_panels && s->problem->unit == 0 && row + CK_LANES <= X->n_rows) {
            int plain = 1;
            s->kernels->load_panel(X, row, CK_LANES, w->panel);
            s->kernels->sqdist_panel(w->panel, X->n_features, s->candidates + s->chosen * X->n_features, w->distances);
            for (int i = 0; i < CK_LANES; i++) plain &= ck_sqdist_is_plain(w->distances[i]) || w->distances[i] == 0.0;
            if (plain) {
                altered |= s->kernels->take_closer(w->distances, s->problem->weights ? s->problem->weights + row : NULL,
                                                   s->closest + row, s->sampler.masses + row);
                mask &= ~(0xffffull << lanes);
                continue;
            }
        }
        const double distance = canonical_distance(s, w, panel * s->width + lane, s->chosen);
        mask &= mask - 1;
        if (!(distance < s->closest[panel * s->width + lane])) continue;
        s->closest[panel * s->width + lane] = distance;
        s->sampler.masses[panel * s->width + lane] = ck_weight(s->problem, panel * s->width + lane) * distance;
        altered = 1;
    }
    if (altered && s->boxes) {
        double most = 0.0;
        for (int64_t i = panel * s->width; i < ck_min_i64((panel + 1) * s->width, X->n_rows); i++)
            most = s->closest[i] > most ? s->closest[i] : most;
        s->panel_most[panel] = most;
    }
    return altered;
}

/* Takes the chosen candidate as a center. */
static int commit_block(void *context, int64_t block, int worker)
{
    plus_plus *s = context;
    const int64_t per_block = CK_SUM_ROWS / s->width, first = block * per_block;
    const int64_t last = ck_min_i64(first + per_block, s->n_panels);
    int altered = 0;
    for (int64_t panel = first; panel < last; panel++) altered |= commit_panel(s, s->workers + worker, panel);
    if (altered) s->block_most[block] = ck_sampler_sum_block(&s->sampler, block);
    return CK_OK;
}

/* Distances to the first center, the only candidate. */
static int start_block(void *context, int64_t block, int worker)
{
    plus_plus *s = context;
    const ck_matrix *X = s->problem->X;
    const worker_scratch *w = s->workers + worker;
    const int64_t last = ck_min_i64((block + 1) * CK_SUM_ROWS, X->n_rows);
    double *distances = w->distances;
    for (int64_t row = block * CK_SUM_ROWS; row < last; row += CK_LANES) {
        const int64_t n = ck_min_i64(CK_LANES, last - row);
        s->kernels->load_panel(X, row, n, w->panel);
        s->kernels->sqdist_panel(w->panel, X->n_features, s->candidates, distances);
        for (int64_t lane = 0; lane < n; lane++) {
            double distance = distances[lane];
            if (CK_UNLIKELY(s->problem->unit != 0 || !ck_sqdist_is_plain(distance)))
                distance = canonical_distance(s, w, row + lane, 0);
            s->closest[row + lane] = distance;
            s->sampler.masses[row + lane] = ck_weight(s->problem, row + lane) * distance;
        }
    }
    s->block_most[block] = ck_sampler_sum_block(&s->sampler, block);
    const int64_t per_block = CK_SUM_ROWS / s->width, first = block * per_block;
    for (int64_t panel = first; s->boxes && panel < ck_min_i64(first + per_block, s->n_panels); panel++)
        measure_box(s, w, panel);
    return CK_OK;
}

static void run(plus_plus *s, ck_item_fn fn, double operations_a_row)
{
    const int64_t n_blocks = s->sampler.n_blocks;
    const double operations = (double)s->problem->X->n_rows * operations_a_row;
    ck_parallel_for(n_blocks, ck_useful_threads(s->problem->n_threads, n_blocks, operations), fn, s);
}

/* --- Choosing ---------------------------------------------------------------------------------------------- */

static void sum_gains(const plus_plus *s, double *gains, double *errors)
{
    for (int t = 0; t < s->n_candidates; t++) {
        gains[t] = errors[t] = 0.0;
        for (int64_t block = 0; block < s->sampler.n_blocks; block++) {
            gains[t] += s->gains[block * MAX_TRIALS + t];
            errors[t] += s->errors[block * MAX_TRIALS + t];
        }
    }
}

/* The candidate that gains most, the first on a tie. */
static int most_gaining(const plus_plus *s, const double *gains)
{
    int best = 0;
    for (int t = 1; t < s->n_candidates; t++)
        if (gains[t] > gains[best]) best = t;
    return best;
}

static int choose_candidate(plus_plus *s)
{
    const int64_t d = s->problem->X->n_features;
    const int exact = s->by_panels || s->unscreened;
    double gains[MAX_TRIALS], errors[MAX_TRIALS];
    run(s, gain_block_quick, (double)s->n_candidates * (s->embedding ? (double)s->embedding->m : (double)d) / 4.0);
    sum_gains(s, gains, errors);
    int best = most_gaining(s, gains), rivals = 0;
    if (exact) return best;
    /* The grid rounds each row's masses, and double sums round too: both far below the first term. */
    const double grid = s->shift * 0x1p-51 * (double)s->problem->X->n_rows;
    for (int t = 0; t < s->n_candidates; t++) {
        const double reach = gains[t] + gains[best] > 0.0 ? 0x1p-30 * (gains[t] + gains[best]) : 0.0;
        rivals += t != best && s->rows[t] != s->rows[best] &&
                  !(gains[best] - gains[t] > errors[best] + errors[t] + reach + grid);
    }
    if (rivals > 0) {
        run(s, gain_block_exact, (double)s->n_candidates * (double)d);
        sum_gains(s, gains, errors);
        best = most_gaining(s, gains);
    }
    for (int t = 0; t < best; t++) /* the same row drawn twice */
        if (s->rows[t] == s->rows[best]) return t;
    return best;
}

/* --- Seeding ----------------------------------------------------------------------------------------------- */

static int reserve(plus_plus *s, ck_arena *arena, const ck_problem *problem, int n_trials)
{
    const ck_matrix *X = problem->X;
    const int64_t n = X->n_rows, d = X->n_features;
    s->problem = problem;
    s->n_trials = n_trials;
    s->kernels = ck_settle_table();
    s->embedding = problem->embedding;
    s->unscreened = problem->unit != 0;
    s->quick_error = ck_quick_sqdist_error(X);
    s->quick_underflow = ck_quick_sqdist_underflow(X);
    ck_sampler_init(&s->sampler, arena, n);
    const ck_screen_shape *shape = ck_screen_choose_shape(d);
    if (s->embedding)
        shape = s->embedding->assigner.model.shape;
    else
        ck_screen_model_init(&s->model, arena, shape, n_trials, d);
    s->model.balance = 1.0; /* candidates are rows */
    if (!arena->failed && !s->embedding && problem->packed)
        ck_screen_model_take_image(&s->model, &problem->packed->model);
    s->width = shape->panel_rows;
    s->n_panels = ck_ceil_div(n, s->width);
    s->by_panels = d <= VECTOR_FEATURES && s->width >= CK_LANES;
    s->closest = CK_NEW(arena, double, n);
    s->block_most = CK_NEW(arena, double, s->sampler.n_blocks);
    s->candidates = CK_NEW(arena, double, MAX_TRIALS *d);
    s->scratch = CK_NEW(arena, double, MAX_TRIALS *d);
    /* Neighbours in memory are often neighbours in space: images, series. */
    if (s->by_panels && !s->unscreened) {
        s->boxes = CK_NEW(arena, double, s->n_panels * 2 * d);
        s->panel_most = CK_NEW(arena, double, s->n_panels);
    }
    s->candidates32 = CK_NEW(arena, float, MAX_TRIALS *d);
    s->masks = CK_NEW(arena, uint64_t, s->n_panels *MAX_TRIALS);
    s->gains = CK_NEW(arena, double, s->sampler.n_blocks *MAX_TRIALS);
    s->errors = CK_NEW(arena, double, s->sampler.n_blocks *MAX_TRIALS);
    const int most_workers = ck_useful_threads(problem->n_threads, s->sampler.n_blocks, INFINITY);
    s->workers = CK_NEW(arena, worker_scratch, most_workers);
    for (int i = 0; i < most_workers && !arena->failed; i++) {
        worker_scratch *w = s->workers + i;
        w->points = CK_NEW(arena, float, MAX_PANEL_ROWS *d);
        w->sqnorm = CK_NEW(arena, float, 2 * MAX_PANEL_ROWS);
        w->thresholds = w->sqnorm + MAX_PANEL_ROWS;
        w->stage = CK_NEW(arena, double, MAX_PANEL_ROWS *d);
        w->panel = CK_NEW(arena, double, CK_LANES *d);
        w->distances = CK_NEW(arena, double, CK_LANES);
        w->row = CK_NEW(arena, double, d);
        w->masks = CK_NEW(arena, uint64_t, ck_round_up(MAX_TRIALS, shape->panel_centers));
    }
    return arena->failed ? CK_ERROR_MEMORY : CK_OK;
}

/* Candidates drawn and made ready; CK_ERROR_TOO_FEW_ROWS where there is none. */
static int draw_candidates(plus_plus *s, const ck_sampler *source, int n, ck_random *random)
{
    const int64_t d = s->problem->X->n_features;
    s->n_candidates = n;
    for (int t = 0; t < n; t++) {
        s->rows[t] = ck_sampler_draw(source, random);
        if (s->rows[t] < 0) return CK_ERROR_TOO_FEW_ROWS;
        ck_load_row(s->problem->X, s->rows[t], s->candidates + t * d);
    }
    for (int64_t i = 0; i < n * d; i++) s->candidates32[i] = (float)s->candidates[i];
    return CK_OK;
}

static void prepare_step(plus_plus *s, int first)
{
    double most = 0.0;
    for (int64_t block = 0; block < s->sampler.n_blocks; block++) most = fmax(most, s->block_most[block]);
    s->shift = ck_sum_shift(most, s->problem->X->n_rows);
    if (s->unscreened) return;
    if (s->embedding) {
        s->embedding->assigner.model.balance = 1.0;
        ck_embedding_set_centers(s->embedding, s->candidates, s->n_candidates, s->scratch);
    } else {
        s->model.k = s->n_candidates;
        s->model.n_panels = ck_ceil_div(s->n_candidates, s->model.shape->panel_centers);
        ck_screen_model_set(&s->model, s->problem->X, s->candidates, !first || s->problem->packed);
    }
}

int ck_seed_plus_plus(const ck_problem *problem, ck_arena *arena, int64_t k, const ck_seeding_options *options,
                      ck_random random, double *centers, int64_t *indices)
{
    const ck_progress heartbeat = {0};
    const int64_t d = problem->X->n_features;
    int n_trials = options->n_trials < 1 ? 2 + (int)floor(log((double)k)) : options->n_trials;
    if (n_trials > MAX_TRIALS) n_trials = MAX_TRIALS;
    plus_plus *s = CK_NEW(arena, plus_plus, 1);
    ck_sampler by_weight;
    ck_sampler_init(&by_weight, arena, problem->X->n_rows);
    if (arena->failed) return CK_ERROR_MEMORY;
    memset(s, 0, sizeof *s);
    if (reserve(s, arena, problem, n_trials) != CK_OK) return CK_ERROR_MEMORY;
    ck_sampler_set_weights(&by_weight, problem);

    for (int64_t j = 0; j < k; j++) {
        /* Once every row coincides with a center there is no distance left to draw by: weights decide. */
        const int by_distance = j > 0 && ck_sampler_total(&s->sampler) > 0.0;
        int status = draw_candidates(s, by_distance ? &s->sampler : &by_weight, by_distance ? n_trials : 1, &random);
        if (status != CK_OK) return status;
        s->chosen = 0;
        if (j == 0) {
            run(s, start_block, (double)d);
        } else if (by_distance) {
            prepare_step(s, j == 1);
            s->chosen = choose_candidate(s);
            run(s, commit_block, 16.0);
        }
        memcpy(centers + j * d, s->candidates + s->chosen * d, (size_t)d * sizeof(double));
        if (indices) indices[j] = s->rows[s->chosen];
        if (options->progress && options->progress(options->progress_user, &heartbeat)) return CK_ERROR_STOPPED;
    }
    return CK_OK;
}
