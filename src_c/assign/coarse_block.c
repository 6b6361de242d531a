#include "coarse_block.h"

#include <string.h>

#include "../base/bits.h"
#include "contest.h"

enum {
    LONGEST_WAIT = 64,            /* strips from one failure to the next trial */
    ROOM_A_ROW = 256,             /* for open pairs */
    CENTER_CACHE_BYTES = 24 << 10 /* of the panels of centers that pass over a strip: half a first-level cache */
};
/* Measuring one pair costs this many times what it costs among many. */
static const double LONE_PAIR = 4.0;

typedef struct {
    int32_t row, center; /* the row's place in the strip */
} open_pair;

struct ck_coarse_scratch {
    float *points, *gathered;              /* rows of a strip; some of them once more */
    float *sqnorm, *best, *second, *index; /* of a strip */
    float *thresholds;                     /* of the rows that are tried for open pairs */
    double *own, *row;                     /* squared distances to the centers of the labels; d */
    int32_t *labels, *numbers, *lanes;     /* of a strip; 0, 1, ...; places of gathered rows */
    ck_contender *found;
    uint64_t *masks;
    open_pair *pairs;
    int64_t n_pairs, room;
    void *stage;
    int wait, next_wait; /* strips that are left to the float32 screen; after the next failure */
};

static int64_t chunk_panels(const ck_coarse_model *coarse)
{
    const int64_t bytes = coarse->panel_floats * (int64_t)sizeof(float);
    return ck_min_i64(ck_max_i64(CENTER_CACHE_BYTES / bytes, 1), coarse->n_panels);
}

ck_coarse_scratch *ck_coarse_scratch_new(ck_arena *arena, const ck_assigner *assigner)
{
    const ck_coarse_model *coarse = &assigner->coarse;
    const ck_coarse_shape *shape = coarse->shape;
    ck_coarse_scratch *s = CK_NEW(arena, ck_coarse_scratch, 1);
    if (!s) return NULL;
    memset(s, 0, sizeof *s);
    const int64_t rows = ck_round_up(assigner->strip_rows, shape->panel_rows), d = assigner->X->n_features;
    s->points = CK_NEW(arena, float, rows * coarse->n_pairs);
    s->gathered = CK_NEW(arena, float, rows * coarse->n_pairs);
    s->sqnorm = CK_NEW(arena, float, rows);
    s->best = CK_NEW(arena, float, rows);
    s->second = CK_NEW(arena, float, rows);
    s->index = CK_NEW(arena, float, rows);
    s->thresholds = CK_NEW(arena, float, rows);
    s->own = CK_NEW(arena, double, rows);
    s->row = CK_NEW(arena, double, d);
    s->labels = CK_NEW(arena, int32_t, rows);
    s->numbers = CK_NEW(arena, int32_t, rows);
    s->lanes = CK_NEW(arena, int32_t, rows);
    s->found = CK_NEW(arena, ck_contender, rows);
    s->masks = CK_NEW(arena, uint64_t, chunk_panels(coarse) * shape->panel_centers);
    s->room = rows * ck_min_i64(ROOM_A_ROW, coarse->k);
    s->pairs = CK_NEW(arena, open_pair, s->room);
    s->stage = ck_arena_alloc(arena, ck_coarse_stage(shape, d), 1);
    if (arena->failed) return NULL;
    for (int64_t i = 0; i < rows; i++) s->numbers[i] = (int32_t)i;
    /* Lanes that hold no row are computed with all the same; what malloc left there may be subnormal, and slow. */
    memset(s->gathered, 0, (size_t)(rows * coarse->n_pairs) * sizeof *s->gathered);
    s->next_wait = 1;
    return s;
}

/* --- Panels ------------------------------------------------------------------------------------------------ */

static void pack_strip(const ck_assigner *assigner, ck_coarse_scratch *s, const ck_matrix *rows, int64_t row,
                       int64_t n_rows)
{
    const ck_coarse_model *coarse = &assigner->coarse;
    const int64_t width = coarse->shape->panel_rows;
    for (int64_t i = 0; i < n_rows; i += width)
        coarse->shape->pack(rows, row + i, ck_min_i64(width, n_rows - i), &assigner->model.image, coarse->n_pairs,
                            s->stage, s->points + i * coarse->n_pairs, s->sqnorm + i);
}

/* OUT best, second, index: of the strip against all centers. */
static void score_strip(const ck_coarse_model *coarse, ck_coarse_scratch *s, int64_t n_rows)
{
    const ck_coarse_shape *shape = coarse->shape;
    const int64_t width = shape->panel_rows, chunk = chunk_panels(coarse);
    if (shape->begin) shape->begin();
    for (int64_t q = 0; q < coarse->n_panels; q += chunk) {
        const int64_t n_panels = ck_min_i64(chunk, coarse->n_panels - q);
        for (int64_t i = 0; i < n_rows; i += width)
            shape->score(s->points + i * coarse->n_pairs, coarse->n_pairs, coarse->panels + q * coarse->panel_floats,
                         n_panels, q == 0, s->best + i, s->second + i, s->index + i);
    }
    if (shape->end) shape->end();
}

/* Appends the pairs of these rows, whose numbers stand in `lanes`, that reach the threshold, but those of their labels.
 * Returns 0 where there is no room. */
static int reach_panels(const ck_coarse_model *coarse, ck_coarse_scratch *s, const float *points, const int32_t *lanes,
                        int64_t n_rows)
{
    const ck_coarse_shape *shape = coarse->shape;
    const int64_t width = shape->panel_rows, chunk = chunk_panels(coarse), r = shape->panel_centers;
    int has_room = 1;
    if (shape->begin) shape->begin();
    for (int64_t q = 0; q < coarse->n_panels && has_room; q += chunk) {
        const int64_t n_panels = ck_min_i64(chunk, coarse->n_panels - q), first = q * r;
        const int64_t n_centers = ck_min_i64(n_panels * r, coarse->k - first);
        for (int64_t i = 0; i < n_rows && has_room; i += width) {
            shape->reach(points + i * coarse->n_pairs, coarse->n_pairs, coarse->panels + q * coarse->panel_floats,
                         n_panels, s->thresholds + i, s->masks);
            for (int64_t c = 0; c < n_centers; c++)
                for (uint64_t mask = s->masks[c]; mask; mask &= mask - 1) {
                    const int32_t at = lanes[i + ck_lowest_bit(mask)];
                    s->pairs[s->n_pairs] = (open_pair){at, (int32_t)(first + c)};
                    s->n_pairs += s->labels[at] != first + c;
                    has_room = s->n_pairs < s->room;
                    if (!has_room) mask = 1;
                }
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
    ck_settle_table()->label_sqdists(contest->rows, row, s->numbers, s->labels, n_rows, contest->centers,
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
    const int64_t width = coarse->shape->panel_rows, unit = coarse->shape->point_pairs;
    int64_t n_open = 0;
    for (int64_t i = 0; i < n_rows; i++) {
        if (s->second[i] < s->thresholds[i]) continue;
        const float *from = s->points + i / width * width * coarse->n_pairs + i % width * unit;
        float *to = s->gathered + n_open / width * width * coarse->n_pairs + n_open % width * unit;
        for (int64_t p = 0; p < coarse->n_pairs; p += unit)
            memcpy(to + p * width, from + p * width, (size_t)unit * sizeof *to);
        s->thresholds[n_open] = s->thresholds[i]; /* n_open <= i */
        s->lanes[n_open++] = (int32_t)i;
    }
    return n_open;
}

static void close_lanes(const ck_coarse_model *coarse, ck_coarse_scratch *s, int64_t n)
{
    for (int64_t i = n; i < ck_round_up(n, coarse->shape->panel_rows); i++) s->thresholds[i] = INFINITY;
}

/* OUT s->pairs: what the coarse screen leaves open. Returns 0 where that is too much, or cannot be told. */
static int screen_strip(const ck_assigner *assigner, ck_coarse_scratch *s, const ck_contest *contest, int64_t row,
                        int64_t n_rows, const int32_t *labels)
{
    const ck_coarse_model *coarse = &assigner->coarse;
    const double share = (1.0 - coarse->shape->pair_cost) / LONE_PAIR;
    const int known = labels[0] >= 0;
    s->n_pairs = 0;
    pack_strip(assigner, s, contest->rows, row, n_rows);
    if (known) {
        for (int64_t i = 0; i < n_rows; i++) s->labels[i] = labels[i] < 0 || labels[i] >= coarse->k ? 0 : labels[i];
        if (!set_thresholds(assigner, s, contest, row, n_rows)) return 0;
        close_lanes(coarse, s, n_rows);
        if (!reach_panels(coarse, s, s->points, s->numbers, n_rows)) return 0;
    } else {
        score_strip(coarse, s, n_rows);
        memcpy(s->labels, s->index, (size_t)n_rows * sizeof *s->labels);
        if (!set_thresholds(assigner, s, contest, row, n_rows)) return 0;
        const int64_t n_open = gather_open(coarse, s, n_rows);
        close_lanes(coarse, s, n_open);
        if (n_open > 0 && !reach_panels(coarse, s, s->gathered, s->lanes, n_open)) return 0;
    }
    return (double)s->n_pairs <= share * (double)n_rows * (double)coarse->k;
}

/* The nearest by canonical distance of the label and the centers that were open with it, which ascend. */
static int32_t settle_row(const ck_contest *contest, const ck_coarse_scratch *s, int64_t row, int32_t at)
{
    const int64_t d = contest->rows->n_features;
    int32_t nearest = s->labels[at];
    ck_load_row(contest->rows, row, s->row);
    ck_sqdist least = ck_sqdist_of(s->row, contest->centers + nearest * d, d);
    for (int64_t i = 0; i < s->n_pairs; i++) {
        const int32_t j = s->pairs[i].center;
        if (s->pairs[i].row != at) continue;
        const ck_sqdist distance = ck_sqdist_of(s->row, contest->centers + j * d, d);
        if (ck_sqdist_less(distance, least) || (j < nearest && !ck_sqdist_less(least, distance))) {
            least = distance;
            nearest = j;
        }
    }
    return nearest;
}

static int is_waiting(ck_coarse_scratch *s) { return s->wait > 0 && s->wait--; }

static void keep_away(ck_coarse_scratch *s)
{
    s->wait = s->next_wait;
    s->next_wait = (int)ck_min_i64(2 * s->next_wait, LONGEST_WAIT);
}

int ck_coarse_assign(const ck_assigner *assigner, ck_coarse_scratch *s, const ck_matrix *rows, int64_t row,
                     int64_t n_rows, int32_t *labels)
{
    const ck_contest contest = ck_contest_of(rows, assigner->centers, assigner->centers32);
    if (is_waiting(s)) return 0;
    if (!screen_strip(assigner, s, &contest, row, n_rows, labels)) {
        keep_away(s);
        return 0;
    }
    s->next_wait = 1;
    for (int64_t i = 0; i < n_rows; i++) s->found[i] = (ck_contender){s->own[i], INFINITY, s->labels[i]};
    for (int64_t i = 0; i < s->n_pairs; i++)
        ck_contest_enter(&contest, row + s->pairs[i].row, s->pairs[i].center, s->found + s->pairs[i].row, s->row);
    for (int64_t i = 0; i < n_rows; i++)
        labels[i] = ck_contest_is_open(&contest, s->found + i) ? settle_row(&contest, s, row + i, (int32_t)i)
                                                               : s->found[i].label;
    return 1;
}

int ck_coarse_bound(const ck_assigner *assigner, ck_coarse_scratch *s, const ck_matrix *rows, int64_t row,
                    int64_t n_rows, const ck_row_bounds *bounds)
{
    const ck_screen_model *model = &assigner->model;
    const ck_contest contest = ck_contest_of(rows, assigner->centers, assigner->centers32);
    if (is_waiting(s)) return 0;
    pack_strip(assigner, s, rows, row, n_rows);
    score_strip(&assigner->coarse, s, n_rows);
    memcpy(s->labels, s->index, (size_t)n_rows * sizeof *s->labels);
    if (!set_thresholds(assigner, s, &contest, row, n_rows)) {
        keep_away(s);
        return 0;
    }
    s->next_wait = 1;
    memcpy(bounds->nearest, s->labels, (size_t)n_rows * sizeof *s->labels);
    ck_settle_table()->bound_scores(s->sqnorm, s->best, s->second, s->labels, model->center_slack,
                                    ck_sqnorm_slack(model), n_rows, bounds->high, bounds->low, bounds->others);
    /* The best score may not be of the nearest center, and says little of its distance, which was measured. */
    ck_settle_table()->bound_sqdists(s->own, n_rows, contest.error, contest.underflow, model->image.scale, bounds->high,
                                     bounds->low);
    for (int64_t i = 0; i < n_rows; i++)
        bounds->low[i] = bounds->others[i] < bounds->low[i] ? bounds->others[i] : bounds->low[i];
    return 1;
}
