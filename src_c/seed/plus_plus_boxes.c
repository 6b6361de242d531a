/* plus_plus_boxes.c - few features: rows that are neighbors in memory lie in boxes, and a box is skipped where it is
 * farther from a candidate than all of its rows are from their centers. Rows that were sorted along a space-filling
 * curve have small boxes. What is left is measured canonically, a panel at a time. */
#include "../base/bits.h"
#include "plus_plus.h"

enum { BOXES_A_BLOCK = CK_SUM_ROWS / CK_BOX_ROWS };

/* Of boxes, and of whole blocks. */
typedef struct {
    double *corners; /* n x 2 x d: the least values of the features, the largest */
    double *most;    /* n: the largest of closest */
} box_level;

typedef struct {
    box_level boxes, blocks;
    uint64_t *near_boxes, *near_blocks; /* bits of the candidates that may be nearer to some row */
    double *panels;                     /* of each worker: a box of rows */
    int unbounded;                      /* distances are in other units than the rows */
} box_comparison;

static void reserve_level(box_level *level, ck_arena *arena, int64_t n, int64_t d)
{
    level->corners = CK_NEW(arena, double, n * 2 * d);
    level->most = CK_NEW(arena, double, n);
}

static void reserve(ck_plus_plus *s, ck_arena *arena)
{
    const int64_t n_blocks = s->sampler.n_blocks, n_boxes = n_blocks * BOXES_A_BLOCK, d = s->X->n_features;
    box_comparison *comparison = s->comparison_state = CK_NEW(arena, box_comparison, 1);
    if (!comparison) return;
    comparison->unbounded = s->problem->unit != 0;
    reserve_level(&comparison->boxes, arena, n_boxes, d);
    reserve_level(&comparison->blocks, arena, n_blocks, d);
    comparison->near_boxes = CK_NEW(arena, uint64_t, n_boxes);
    comparison->near_blocks = CK_NEW(arena, uint64_t, n_blocks);
    comparison->panels = CK_NEW(arena, double, s->n_workers *ck_apart(CK_BOX_ROWS * d));
}

static double largest_closest(const ck_plus_plus *s, int64_t box)
{
    const int64_t first = box * CK_BOX_ROWS, n = ck_min_i64(CK_BOX_ROWS, s->X->n_rows - first);
    double most;
    s->kernels->sum_masses(s->closest + first, n, &most);
    return most;
}

/* OUT panels: of a box. Returns how many. */
static int64_t load_box(const ck_plus_plus *s, int64_t box, double *panels)
{
    const int64_t first = box * CK_BOX_ROWS, n = ck_min_i64(CK_BOX_ROWS, s->X->n_rows - first);
    for (int64_t i = 0; i < n; i += CK_LANES)
        s->kernels->load_panel(s->problem->X, first + i, ck_min_i64(CK_LANES, n - i), panels + i * s->X->n_features);
    return ck_ceil_div(n, CK_LANES);
}

static int start(void *context, int64_t block, int worker)
{
    ck_plus_plus *s = context;
    const box_comparison *comparison = s->comparison_state;
    const int64_t n = s->X->n_rows, d = s->X->n_features, first = block * BOXES_A_BLOCK;
    const int64_t last = ck_min_i64(first + BOXES_A_BLOCK, ck_ceil_div(n, CK_BOX_ROWS));
    double *low = comparison->blocks.corners + block * 2 * d, *high = low + d;
    double *panels = comparison->panels + worker * ck_apart(CK_BOX_ROWS * d);
    for (int64_t p = 0; p < d; p++) low[p] = INFINITY, high[p] = -INFINITY;
    comparison->blocks.most[block] = 0.0;
    for (int64_t box = first; box < last; box++) {
        double *box_low = comparison->boxes.corners + box * 2 * d, *box_high = box_low + d;
        s->kernels->extent(panels, load_box(s, box, panels), d, box_low, box_high);
        for (int64_t p = 0; p < d; p++) {
            low[p] = fmin(low[p], box_low[p]);
            high[p] = fmax(high[p], box_high[p]);
        }
        comparison->boxes.most[box] = largest_closest(s, box);
        comparison->blocks.most[block] = fmax(comparison->blocks.most[block], comparison->boxes.most[box]);
    }
    return CK_OK;
}

static void prepare(ck_plus_plus *s, int first) { (void)s, (void)first; }

static double operations(const ck_plus_plus *s) { return (double)s->X->n_features / 2.0; }

/* Which of these candidates may be nearer to a row of a box than its center is. */
static uint64_t near_box(const ck_plus_plus *s, const box_level *level, int64_t box, uint64_t among)
{
    const int64_t d = s->X->n_features;
    const double *corners = level->corners + box * 2 * d, most = level->most[box];
    uint64_t near = 0;
    for (; among; among &= among - 1) {
        const double *c = s->candidates + ck_lowest_bit(among) * d;
        double distance = 0.0;
        for (int64_t p = 0; p < d; p++) {
            const double below = corners[p] - c[p], above = c[p] - corners[d + p];
            const double gap = below > above ? below : above;
            distance += gap > 0.0 ? gap * gap : 0.0;
        }
        /* The margin pays for the rounding of both sides. */
        if (!(distance * (1.0 - 0x1p-40) > most)) near |= among & (~among + 1);
    }
    return near;
}

/* Gain of a box, whose panels these are. */
static double box_gain(const ck_plus_plus *s, int worker, const double *panels, int64_t box, int t)
{
    const int64_t d = s->X->n_features, row = box * CK_BOX_ROWS, last = ck_min_i64(row + CK_BOX_ROWS, s->X->n_rows);
    const double *weights = s->problem->weights ? s->problem->weights + row : NULL;
    double gain = NAN;
    if (s->problem->unit == 0 && last - row == CK_BOX_ROWS)
        gain = s->kernels->gain(panels, CK_BOX_ROWS / CK_LANES, d, s->candidates + t * d, s->closest + row, weights,
                                s->shift);
    if (gain == gain) return gain;
    gain = 0.0;
    for (int64_t i = row; i < last; i++) gain += ck_plus_plus_gain(s, worker, i, t);
    return gain;
}

static int gain(void *context, int64_t block, int worker)
{
    ck_plus_plus *s = context;
    const box_comparison *comparison = s->comparison_state;
    const int64_t n = s->X->n_rows, d = s->X->n_features;
    const int64_t last_box = ck_min_i64((block + 1) * BOXES_A_BLOCK, ck_ceil_div(n, CK_BOX_ROWS));
    const uint64_t all = ~0ull >> (64 - s->n_candidates);
    const uint64_t near = comparison->unbounded ? all : near_box(s, &comparison->blocks, block, all);
    double *gains = s->gains + block * CK_MAX_TRIALS, *panels = comparison->panels + worker * ck_apart(CK_BOX_ROWS * d);
    for (int t = 0; t < s->n_candidates; t++) gains[t] = s->errors[block * CK_MAX_TRIALS + t] = 0.0;
    comparison->near_blocks[block] = near;
    for (int64_t box = block * BOXES_A_BLOCK; box < last_box && near; box++) {
        uint64_t mask = comparison->near_boxes[box] =
            comparison->unbounded ? all : near_box(s, &comparison->boxes, box, near);
        if (!mask) continue;
        load_box(s, box, panels);
        for (; mask; mask &= mask - 1) {
            const int t = ck_lowest_bit(mask);
            gains[t] += box_gain(s, worker, panels, box, t);
        }
    }
    return CK_OK;
}

/* Rows of one box; returns whether any of them may have gone over. */
static int commit_box(ck_plus_plus *s, int worker, int64_t box)
{
    const int64_t last = ck_min_i64((box + 1) * CK_BOX_ROWS, s->X->n_rows);
    double *panel = ck_plus_plus_panel(s, worker);
    int altered = s->many_go_over;
    for (int64_t row = box * CK_BOX_ROWS; row < last; row += CK_LANES) {
        const int64_t n = ck_min_i64(CK_LANES, last - row);
        if (s->many_go_over) {
            ck_plus_plus_approach(s, worker, s->problem, row, n, NULL, s->closest + row);
            continue;
        }
        s->kernels->load_panel(s->problem->X, row, n, panel);
        int64_t rows[CK_LANES];
        for (int64_t lane = 0; lane < n; lane++) rows[lane] = row + lane;
        altered |= ck_plus_plus_take_closer(s, worker, panel, rows, n);
    }
    return altered;
}

static int64_t going_over(const ck_plus_plus *s)
{
    const box_comparison *comparison = s->comparison_state;
    const int64_t n_boxes = ck_ceil_div(s->X->n_rows, CK_BOX_ROWS);
    int64_t n = 0;
    for (int64_t block = 0; block < s->sampler.n_blocks; block++) {
        if (!(comparison->near_blocks[block] >> s->chosen & 1)) continue;
        const int64_t last = ck_min_i64((block + 1) * BOXES_A_BLOCK, n_boxes);
        for (int64_t box = block * BOXES_A_BLOCK; box < last; box++)
            n += (int64_t)(comparison->near_boxes[box] >> s->chosen & 1);
    }
    return n * CK_BOX_ROWS;
}

static int commit(void *context, int64_t block, int worker)
{
    ck_plus_plus *s = context;
    const box_comparison *comparison = s->comparison_state;
    const int64_t first = block * BOXES_A_BLOCK;
    const int64_t last = ck_min_i64(first + BOXES_A_BLOCK, ck_ceil_div(s->X->n_rows, CK_BOX_ROWS));
    double most = 0.0;
    if (!(comparison->near_blocks[block] >> s->chosen & 1)) return CK_OK;
    for (int64_t box = first; box < last; box++) {
        if (comparison->near_boxes[box] >> s->chosen & 1 && commit_box(s, worker, box))
            comparison->boxes.most[box] = largest_closest(s, box);
        most = fmax(most, comparison->boxes.most[box]);
    }
    comparison->blocks.most[block] = most;
    return CK_OK;
}

const ck_comparison ck_compare_boxes = {reserve, start, prepare, gain, operations, NULL, NULL, commit, going_over};
