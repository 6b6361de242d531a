#include "coarse_block.h"

#include <string.h>

#include "../base/costs.h"
#include "contest.h"
#include "row_fetch.h"

enum {
    SHORTEST_WAIT = 8, /* calls from one failure to the next trial */
    LONGEST_WAIT = 64,
    BATCH_PAIRS = 256
};

/* What it is used for: it may serve the one and not the other. */
typedef enum { FOR_LABELS, FOR_BOUNDS, N_PURPOSES } purpose;

struct ck_coarse_scratch {
    const char *points; /* of a strip */
    const float *sqnorm;
    char *own_points, *gathered; /* the same, unless they were packed before; some rows once more */
    float *own_sqnorm;
    float *best, *second, *index;      /* of a strip */
    float *thresholds;                 /* of the rows that are tried for open pairs */
    double *own, *row;                 /* squared distances to the centers of the labels; d */
    int32_t *labels, *numbers, *lanes; /* of a strip; 0, 1, ...; places of gathered rows */
    int32_t *open_rows;                /* rows with open pairs, */
    uint8_t *is_open;                  /* and whether a row is one of them */
    ck_contender *found;
    uint64_t *masks;
    /* What is open: places of rows in the strip, centers, squared distances of a batch. */
    int32_t *pair_rows, *pair_centers;
    double *pair_sqdists;
    int64_t n_pairs, room;
    int64_t n_tried; /* rows of the strip that were scored twice */
    void *stage;
    struct {
        int wait, next_wait; /* calls that are left to the float32 screen; after the next failure */
    } away[N_PURPOSES];
    ck_open_counts counts;
    int64_t n_served; /* of the rows that were counted */
    double cost;      /* of all rows that were counted, each costing one in the float32 screen */
};

static int64_t chunk_panels(const ck_coarse_model *coarse)
{
    return ck_min_i64(ck_max_i64(CK_CENTER_CACHE_BYTES / coarse->panel_bytes, 1), coarse->n_panels);
}

/* Of a pair that is left open and measured, over one in the float32 screen. */
static double lone_pair_cost(double d)
{
    return (CK_COST_LONE_PAIR_IN_BATCH + CK_COST_LONE_FEATURE * d) / (d + CK_COST_PAIR);
}

ck_coarse_scratch *ck_coarse_scratch_new(ck_arena *arena, const ck_assigner *assigner)
{
    const ck_coarse_model *coarse = &assigner->coarse;
    const ck_coarse_shape *shape = coarse->shape;
    ck_coarse_scratch *s = CK_NEW(arena, ck_coarse_scratch, 1);
    if (!s) return NULL;
    memset(s, 0, sizeof *s);
    const int64_t rows = ck_round_up(assigner->strip_rows, shape->panel_rows), d = assigner->X->n_features;
    s->own_points = ck_arena_alloc(arena, rows, coarse->row_bytes);
    s->gathered = ck_arena_alloc(arena, rows, coarse->row_bytes);
    s->own_sqnorm = CK_NEW(arena, float, rows);
    s->best = CK_NEW(arena, float, rows);
    s->second = CK_NEW(arena, float, rows);
    s->index = CK_NEW(arena, float, rows);
    s->thresholds = CK_NEW(arena, float, rows);
    s->own = CK_NEW(arena, double, rows);
    s->row = CK_NEW(arena, double, d);
    s->labels = CK_NEW(arena, int32_t, rows);
    s->numbers = CK_NEW(arena, int32_t, rows);
    s->lanes = CK_NEW(arena, int32_t, rows);
    s->open_rows = CK_NEW(arena, int32_t, rows + 1);
    s->is_open = CK_NEW(arena, uint8_t, rows);
    s->found = CK_NEW(arena, ck_contender, rows);
    s->masks = CK_NEW(arena, uint64_t, chunk_panels(coarse) * shape->panel_centers);
    /* As many as cost no more to measure than the float32 screen would, and those of one panel. */
    s->room = (int64_t)((double)rows * (double)coarse->k / lone_pair_cost((double)d)) +
              (chunk_panels(coarse) * shape->panel_centers + 1) * shape->panel_rows;
    s->pair_rows = CK_NEW(arena, int32_t, s->room);
    s->pair_centers = CK_NEW(arena, int32_t, s->room);
    s->pair_sqdists = CK_NEW(arena, double, BATCH_PAIRS);
    s->stage = ck_arena_alloc(arena, ck_coarse_stage(shape, d), 1);
    if (arena->failed) return NULL;
    for (int64_t i = 0; i < rows; i++) s->numbers[i] = (int32_t)i;
    for (int p = 0; p < N_PURPOSES; p++) s->away[p].next_wait = SHORTEST_WAIT;
    return s;
}

/* --- Panels ------------------------------------------------------------------------------------------------ */

static void pack_strip(const ck_assigner *assigner, ck_coarse_scratch *s, const ck_matrix *rows, int64_t row,
                       int64_t n_rows)
{
    const ck_coarse_model *coarse = &assigner->coarse;
    const int64_t width = coarse->shape->panel_rows;
    const ck_packed_rows *packed = assigner->packed && rows == assigner->packed->X ? assigner->packed : NULL;
    const int kept = packed && packed->coarse_points && row % width == 0;
    char *points = kept ? packed->coarse_points + row * coarse->row_bytes : s->own_points;
    float *sqnorm = kept ? packed->coarse_sqnorm + row : s->own_sqnorm;
    uint8_t *filled = kept ? packed->coarse_filled + row / width : NULL;
    for (int64_t i = 0; i < n_rows; i += width) {
        if (filled && filled[i / width]) continue;
        coarse->shape->pack(rows, row + i, ck_min_i64(width, n_rows - i), &assigner->model.image, coarse->n_words,
                            s->stage, points + i * coarse->row_bytes, sqnorm + i);
        if (filled) filled[i / width] = 1;
    }
    s->points = points;
    s->sqnorm = sqnorm;
}

/* The strip that follows, while one is scored. */
static ck_row_fetch fetch_next(const ck_coarse_model *coarse, const ck_matrix *rows, int64_t row, int64_t n_rows)
{
    const int64_t steps =
        ck_ceil_div(n_rows, coarse->shape->panel_rows) * ck_ceil_div(coarse->n_panels, chunk_panels(coarse));
    return ck_fetch_rows(rows, row + n_rows, n_rows, steps);
}

/* OUT best, second, index: of the strip against all centers. */
static void score_strip(const ck_coarse_model *coarse, ck_coarse_scratch *s, const ck_matrix *rows, int64_t row,
                        int64_t n_rows)
{
    const ck_coarse_shape *shape = coarse->shape;
    const int64_t width = shape->panel_rows, chunk = chunk_panels(coarse);
    ck_row_fetch fetch = fetch_next(coarse, rows, row, n_rows);
    if (shape->begin) shape->begin();
    for (int64_t q = 0; q < coarse->n_panels; q += chunk) {
        const int64_t n_panels = ck_min_i64(chunk, coarse->n_panels - q);
        for (int64_t i = 0; i < n_rows; i += width) {
            ck_fetch_some(&fetch);
            shape->score(s->points + i * coarse->row_bytes, coarse->n_words, coarse->panels + q * coarse->panel_bytes,
                         n_panels, q == 0, s->best + i, s->second + i, s->index + i);
        }
    }
    if (shape->end) shape->end();
}

/* Appends the pairs of a panel's masks, but those of labels. Returns 0 where there is no room. */
static int append_pairs(const ck_coarse_model *coarse, ck_coarse_scratch *s, const int32_t *lanes, int64_t n_centers,
                        int32_t first)
{
    const ck_coarse_shape *shape = coarse->shape;
    int32_t *rows = s->pair_rows + s->n_pairs, *centers = s->pair_centers + s->n_pairs;
    int64_t count = 0;
    if (s->room - s->n_pairs < (n_centers + 1) * shape->panel_rows) return 0;
    const int64_t n = shape->list(s->masks, n_centers, first, rows, centers);
    for (int64_t i = 0; i < n; i++) {
        const int32_t at = lanes[rows[i]], j = coarse->order[centers[i]];
        rows[count] = at;
        centers[count] = j;
        count += s->labels[at] != j;
    }
    s->n_pairs += count;
    assert(s->n_pairs <= s->room);
    return 1;
}

/* Appends the pairs of these rows, whose numbers stand in `lanes`, that reach the threshold, but those of their labels.
 * Returns 0 where there is no room. */
static int reach_panels(const ck_coarse_model *coarse, ck_coarse_scratch *s, const char *points, const int32_t *lanes,
                        int64_t n_rows, ck_row_fetch fetch)
{
    const ck_coarse_shape *shape = coarse->shape;
    const int64_t width = shape->panel_rows, chunk = chunk_panels(coarse), r = shape->panel_centers;
    int has_room = 1;
    if (shape->begin) shape->begin();
    for (int64_t q = 0; q < coarse->n_panels && has_room; q += chunk) {
        const int64_t n_panels = ck_min_i64(chunk, coarse->n_panels - q), first = q * r;
        const int64_t n_centers = ck_min_i64(n_panels * r, coarse->k - first);
        for (int64_t i = 0; i < n_rows && has_room; i += width) {
            ck_fetch_some(&fetch);
            shape->reach(points + i * coarse->row_bytes, coarse->n_words, coarse->panels + q * coarse->panel_bytes,
                         n_panels, s->thresholds + i, s->masks);
            has_room = append_pairs(coarse, s, lanes + i, n_centers, (int32_t)first);
        }
    }
    if (shape->end) shape->end();
    return has_room;
}

/* --- One strip --------------------------------------------------------------------------------------------- */

/* OUT s->own, thresholds: what a score must reach to be of a center as near as that of the label. Returns 0 where
 * a row has no float32 image, or its distance none. */
static int set_thresholds(const ck_assigner *assigner, ck_coarse_scratch *s, const ck_contest *contest, int64_t row,
                          int64_t n_rows)
{
    int screened = 1;
    ck_quick_table()->label_sqdists(contest->rows, row, s->numbers, s->labels, n_rows, contest->centers,
                                    contest->centers32, s->own, s->row);
    for (int64_t i = 0; i < n_rows; i++) {
        s->thresholds[i] =
            ck_reach_threshold(assigner->coarse.rule, s->sqnorm[i], ck_contest_at_most(contest, s->own[i]));
        screened &= s->sqnorm[i] <= 0x1p100f && s->own[i] <= 0x1p100 && s->thresholds[i] <= FLT_MAX;
    }
    return screened;
}

/* Rows whose second best score reaches the threshold, packed side by side. Returns how many. */
static int64_t gather_open(const ck_coarse_model *coarse, ck_coarse_scratch *s, int64_t n_rows)
{
    const int64_t width = coarse->shape->panel_rows, unit = coarse->shape->point_words * CK_WORD_BYTES;
    int64_t n_open = 0;
    for (int64_t i = 0; i < n_rows; i++) {
        if (s->second[i] < s->thresholds[i]) continue;
        const char *from = s->points + i / width * width * coarse->row_bytes + i % width * unit;
        char *to = s->gathered + n_open / width * width * coarse->row_bytes + n_open % width * unit;
        for (int64_t p = 0; p < coarse->row_bytes; p += unit)
            for (int64_t u = 0; u < unit; u += CK_WORD_BYTES)
                memcpy(to + p * width + u, from + p * width + u, CK_WORD_BYTES);
        s->thresholds[n_open] = s->thresholds[i]; /* n_open <= i */
        s->lanes[n_open++] = (int32_t)i;
    }
    return n_open;
}

/* Whatever the lanes without a row hold, no score of theirs is at least what is not a number. */
static void close_lanes(const ck_coarse_model *coarse, ck_coarse_scratch *s, int64_t n)
{
    for (int64_t i = n; i < ck_round_up(n, coarse->shape->panel_rows); i++) s->thresholds[i] = NAN;
}

/* OUT s->pairs: what the coarse screen leaves open. Returns 0 where that cannot be told, or is too much. */
static int screen_strip(const ck_assigner *assigner, ck_coarse_scratch *s, const ck_contest *contest, int64_t row,
                        int64_t n_rows, const int32_t *labels)
{
    const ck_coarse_model *coarse = &assigner->coarse;
    const int known = labels[0] >= 0;
    s->n_pairs = s->n_tried = 0;
    pack_strip(assigner, s, contest->rows, row, n_rows);
    if (known) {
        for (int64_t i = 0; i < n_rows; i++) s->labels[i] = labels[i] < 0 || labels[i] >= coarse->k ? 0 : labels[i];
        if (!set_thresholds(assigner, s, contest, row, n_rows)) return 0;
        close_lanes(coarse, s, n_rows);
        return reach_panels(coarse, s, s->points, s->numbers, n_rows, fetch_next(coarse, contest->rows, row, n_rows));
    }
    score_strip(coarse, s, contest->rows, row, n_rows);
    memcpy(s->labels, s->index, (size_t)n_rows * sizeof *s->labels);
    if (!set_thresholds(assigner, s, contest, row, n_rows)) return 0;
    s->n_tried = gather_open(coarse, s, n_rows);
    close_lanes(coarse, s, s->n_tried);
    return s->n_tried == 0 || reach_panels(coarse, s, s->gathered, s->lanes, s->n_tried, (ck_row_fetch){NULL, NULL, 0});
}

/* What the strip that was screened last has cost, the float32 screen costing one. */
static double cost_of_strip(const ck_coarse_model *coarse, const ck_coarse_scratch *s, int64_t n_rows, int64_t d)
{
    const double n = (double)n_rows, measured = (double)s->n_pairs * lone_pair_cost((double)d);
    return (1.0 + (double)s->n_tried / n) * ck_coarse_pair_cost(coarse->shape, d) + measured / (n * (double)coarse->k);
}

/* The nearest by canonical distance of the label and the centers that were open with it, in any order. */
static int32_t settle_row(const ck_contest *contest, const ck_coarse_scratch *s, int64_t row, int32_t at)
{
    const int64_t d = contest->rows->n_features;
    int32_t nearest = s->labels[at];
    ck_load_row(contest->rows, row, s->row);
    ck_sqdist least = ck_sqdist_of(s->row, contest->centers + nearest * d, d);
    for (int64_t i = 0; i < s->n_pairs; i++)
        if (s->pair_rows[i] == at) ck_take_nearer(s->row, contest->centers, d, s->pair_centers[i], &least, &nearest);
    return nearest;
}

/* OUT found: of rows with open pairs, the nearest centers by quick distances; s->open_rows: these rows. Returns how
 * many. */
static int64_t measure_pairs(ck_coarse_scratch *s, const ck_contest *contest, int64_t row, int64_t n_rows)
{
    int64_t n_open = 0;
    memset(s->is_open, 0, (size_t)n_rows);
    for (int64_t i = 0; i < s->n_pairs; i++) {
        const int32_t at = s->pair_rows[i];
        s->open_rows[n_open] = at;
        s->found[at] = (ck_contender){s->own[at], INFINITY, s->labels[at]};
        n_open += !s->is_open[at];
        s->is_open[at] = 1;
    }
    for (int64_t i = 0; i < s->n_pairs; i += BATCH_PAIRS) {
        const int64_t n = ck_min_i64(BATCH_PAIRS, s->n_pairs - i);
        const int32_t *rows = s->pair_rows + i, *centers = s->pair_centers + i;
        ck_quick_table()->label_sqdists(contest->rows, row, rows, centers, n, contest->centers, contest->centers32,
                                        s->pair_sqdists, s->row);
        for (int64_t b = 0; b < n; b++) ck_contest_enter(s->found + rows[b], centers[b], s->pair_sqdists[b]);
    }
    return n_open;
}

static int is_waiting(ck_coarse_scratch *s, purpose use, int64_t n_rows)
{
    if (s->away[use].wait == 0) return 0;
    s->away[use].wait--;
    s->counts.rows += n_rows;
    s->cost += (double)n_rows;
    return 1;
}

ck_open_counts ck_coarse_counts(const ck_coarse_scratch *scratch) { return scratch->counts; }

ck_served_rows ck_coarse_served(const ck_assign_scratch *workers, int n_workers)
{
    ck_served_rows sum = {0, 0};
    for (int w = 0; w < n_workers && workers->coarse; w++) {
        sum.rows += workers[w].coarse->counts.rows;
        sum.served += workers[w].coarse->n_served;
    }
    return sum;
}

double ck_coarse_row_operations(const ck_matrix *X, int64_t k)
{
    const int64_t d = X->n_features;
    if (!ck_coarse_choose_shape(X, k)) return 0.0;
    return ck_coarse_row_cost(X) + CK_OPEN_SHARE * (double)k * lone_pair_cost((double)d) * ck_pair_operations(d);
}

double ck_scoring_operations(const ck_matrix *X, int64_t k)
{
    const int64_t d = X->n_features;
    const ck_coarse_shape *shape = ck_coarse_choose_shape(X, k);
    const double cost = shape ? ck_coarse_pair_cost(shape, d) : 1.0;
    return (double)k * ck_pair_operations(d) * cost + ck_coarse_row_operations(X, k) +
           (ck_packed_fits(X) ? 0.0 : CK_COST_PACK_FEATURE * (double)d);
}

double ck_coarse_cost(const ck_assigner *assigner, const ck_assign_scratch *workers, int n_workers)
{
    double cost = 0.0, rows = 0.0;
    if (!assigner->coarse.shape) return 1.0;
    for (int w = 0; w < n_workers; w++) {
        cost += workers[w].coarse->cost;
        rows += (double)workers[w].coarse->counts.rows;
    }
    return rows > 0.0 ? cost / rows : ck_coarse_pair_cost(assigner->coarse.shape, assigner->model.d);
}

/* Takes account of a strip; cost: what the coarse screen has cost, more than one where it should not have been tried.
 */
static void keep_account(ck_coarse_scratch *s, purpose use, int64_t n_rows, double cost)
{
    s->counts.rows += n_rows;
    s->cost += cost * (double)n_rows;
    if (cost > 1.0) {
        s->away[use].wait = s->away[use].next_wait;
        s->away[use].next_wait = (int)ck_min_i64(2 * s->away[use].next_wait, LONGEST_WAIT);
    } else {
        s->away[use].next_wait = SHORTEST_WAIT;
    }
}

int ck_coarse_assign(const ck_assigner *assigner, ck_coarse_scratch *s, const ck_matrix *rows, int64_t row,
                     int64_t n_rows, int32_t *labels)
{
    const ck_contest contest = ck_contest_of(rows, assigner->centers, assigner->centers32);
    if (is_waiting(s, FOR_LABELS, n_rows)) return 0;
    const int done = screen_strip(assigner, s, &contest, row, n_rows, labels);
    keep_account(s, FOR_LABELS, n_rows, cost_of_strip(&assigner->coarse, s, n_rows, rows->n_features) + !done);
    if (!done) return 0;
    s->n_served += n_rows;
    s->counts.screened_rows += n_rows;
    s->counts.tried_rows += s->n_tried;
    s->counts.open_pairs += s->n_pairs;
    const int64_t n_open = measure_pairs(s, &contest, row, n_rows);
    memcpy(labels, s->labels, (size_t)n_rows * sizeof *labels);
    for (int64_t i = 0; i < n_open; i++) {
        const int32_t at = s->open_rows[i];
        const int open = ck_contest_is_open(&contest, s->found + at);
        labels[at] = open ? settle_row(&contest, s, row + at, at) : s->found[at].label;
        s->counts.settled_rows += open;
    }
    return 1;
}

int ck_coarse_bound(const ck_assigner *assigner, ck_coarse_scratch *s, const ck_matrix *rows, int64_t row,
                    int64_t n_rows, const ck_row_bounds *bounds)
{
    const ck_screen_model *model = &assigner->model;
    const ck_contest contest = ck_contest_of(rows, assigner->centers, assigner->centers32);
    if (is_waiting(s, FOR_BOUNDS, n_rows)) return 0;
    s->n_pairs = s->n_tried = 0;
    pack_strip(assigner, s, rows, row, n_rows);
    score_strip(&assigner->coarse, s, rows, row, n_rows);
    memcpy(s->labels, s->index, (size_t)n_rows * sizeof *s->labels);
    const double cost = cost_of_strip(&assigner->coarse, s, n_rows, rows->n_features);
    if (!set_thresholds(assigner, s, &contest, row, n_rows)) {
        keep_account(s, FOR_BOUNDS, n_rows, cost + 1.0);
        return 0;
    }
    s->n_served += n_rows;
    memcpy(bounds->nearest, s->labels, (size_t)n_rows * sizeof *s->labels);
    ck_quick_table()->bound_scores(s->sqnorm, s->best, s->second, s->labels, model->center_slack,
                                   ck_sqnorm_slack(model), n_rows, bounds->high, bounds->low, bounds->others);
    /* The best score may not be of the nearest center, and says little of its distance, which was measured. */
    ck_quick_table()->bound_sqdists(s->own, n_rows, contest.error, contest.underflow, model->image.scale, bounds->high,
                                    bounds->low);
    int64_t n_unsure = 0;
    for (int64_t i = 0; i < n_rows; i++) {
        bounds->low[i] = bounds->others[i] < bounds->low[i] ? bounds->others[i] : bounds->low[i];
        n_unsure += !(bounds->others[i] > bounds->high[i]);
    }
    /* These have to be screened once more, and in the next pass again. */
    keep_account(s, FOR_BOUNDS, n_rows, cost * (1.0 + CK_COST_UNSURE_ROW * (double)n_unsure / (double)n_rows));
    return 1;
}
