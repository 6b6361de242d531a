/* strategy_projection.c - a few principal directions tell which centers may be nearest: only those are measured in all
 * features. What is known of a row is its label: the distance to that center bounds what others must beat. */
#include <string.h>

#include "../assign/contest.h"
#include "../base/bits.h"
#include "../base/costs.h"
#include "embedding.h"
#include "strategy.h"

typedef struct {
    uint64_t *masks;                           /* n_panels x panel_centers: lanes that a center may be nearest to */
    double *row, *own;                         /* d; a panel's distances to the centers of their labels */
    float *thresholds, *best, *second, *index; /* a panel */
} worker_scratch;

typedef struct {
    ck_strategy base; /* first, so that the one is the other */
    const ck_embedding *embedding;
    ck_embedded_centers embedded;
    const double *centers;
    float *centers32;
    int32_t *numbers; /* 0, 1, ... of a panel */
    worker_scratch *workers;
} projection;

static int set_centers(ck_strategy *strategy, const double *centers)
{
    projection *s = (projection *)strategy;
    const int64_t k = s->base.screening->assigner.model.k, d = s->embedding->d;
    s->centers = centers;
    for (int64_t i = 0; i < k * d; i++) s->centers32[i] = (float)centers[i];
    ck_embedded_centers_set(&s->embedded, centers, k);
    return CK_OK;
}

static void forget(ck_strategy *strategy) { (void)strategy; }

/* Nearest by canonical distance among the label so far and the centers whose mask has the lane, or all. */
static int32_t settle_row(const projection *s, const worker_scratch *w, int64_t row, int lane, int all, int32_t label)
{
    const int64_t d = s->embedding->d, k = s->base.screening->assigner.model.k;
    int32_t nearest = label;
    ck_load_row(s->base.screening->assigner.X, row, w->row);
    ck_sqdist least = ck_sqdist_of(w->row, s->centers + label * d, d);
    for (int32_t j = 0; j < k; j++)
        if (all || w->masks[j] >> lane & 1) ck_take_nearer(w->row, s->centers, d, j, &least, &nearest);
    return nearest;
}

/* Labels of one panel of rows. after: INOUT, what is known of the labels. */
static void assign_panel(const projection *s, const worker_scratch *w, int64_t row, int n_rows, int32_t *after,
                         double *screened)
{
    const ck_embedding *e = s->embedding;
    const ck_screen_model *model = &s->embedded.model;
    const int64_t dimensions = e->m + 1, k = model->k;
    const float *points = e->points + row * dimensions, *sqnorm = e->sqnorm + row;
    const ck_contest contest = ck_contest_of(s->base.screening->assigner.X, s->centers, s->centers32);
    ck_contender found[64];
    uint64_t valid = ~0ull >> (64 - n_rows), open = 0;
    if (after[0] < 0) {
        model->shape->score(points, dimensions, model->panels, model->n_panels, 1, w->best, w->second, w->index);
        memcpy(after, w->index, (size_t)n_rows * sizeof *after);
    }
    const ck_reach_rule rule = ck_reach_rule_of(model, e->scale, e->error);
    for (int lane = 0; lane < n_rows; lane++) after[lane] = after[lane] < 0 || after[lane] >= k ? 0 : after[lane];
    ck_quick_table()->label_sqdists(s->base.screening->assigner.X, row, s->numbers, after, n_rows, s->centers,
                                    s->centers32, w->own, w->row);
    for (int lane = 0; lane < model->shape->panel_rows; lane++) {
        w->thresholds[lane] = INFINITY;
        if (lane >= n_rows) continue;
        ck_contender *c = found + lane;
        c->label = after[lane];
        c->best = w->own[lane];
        c->second = INFINITY;
        w->thresholds[lane] = ck_reach_threshold(rule, sqnorm[lane], ck_contest_at_most(&contest, c->best));
        /* too large for float32 somewhere, or not a number */
        if (!(sqnorm[lane] <= 0x1p100f && c->best <= 0x1p100 && w->thresholds[lane] <= FLT_MAX) || model->too_large)
            open |= 1ull << lane;
    }
    valid &= ~open;
    model->shape->reach(points, dimensions, model->panels, model->n_panels, w->thresholds, w->masks);
    int64_t measured = n_rows;
    for (int64_t j = 0; j < k; j++)
        for (uint64_t mask = w->masks[j] & valid; mask; mask &= mask - 1) {
            const int lane = ck_lowest_bit(mask);
            ck_contender *c = found + lane;
            if (c->label == j) continue;
            ck_contest_enter(c, j, ck_contest_measure(&contest, row + lane, j, c, w->row));
            measured++;
        }
    for (int lane = 0; lane < n_rows; lane++) {
        const ck_contender *c = found + lane;
        const int unscreened = (int)(open >> lane & 1);
        after[lane] = unscreened || ck_contest_is_open(&contest, c)
                          ? settle_row(s, w, row + lane, lane, unscreened, after[lane])
                          : c->label;
    }
    *screened += (double)measured;
}

static int assign(ck_strategy *strategy, int worker, int64_t row, int64_t n_rows, int32_t *labels, ck_moves *moves,
                  double *screened)
{
    const projection *s = (const projection *)strategy;
    const ck_screening *screening = strategy->screening;
    const int64_t width = s->embedding->model.shape->panel_rows;
    int32_t *after = screening->labels + worker * screening->assigner.block_rows;
    memcpy(after, labels, (size_t)n_rows * sizeof *after);
    for (int64_t i = 0; i < n_rows; i += width)
        assign_panel(s, s->workers + worker, row + i, (int)ck_min_i64(width, n_rows - i), after + i, screened);
    ck_apply_labels(after, 0, n_rows, labels, moves);
    return CK_OK;
}

static double operations(const ck_strategy *strategy, double share)
{
    const ck_embedding *e = ((const projection *)strategy)->embedding;
    return ck_projected_operations(e->d, e->m, strategy->screening->assigner.model.k, share);
}

ck_strategy *ck_strategy_projection(ck_arena *arena, ck_screening *screening, const ck_embedding *embedding)
{
    const int64_t k = screening->assigner.model.k, d = embedding->d;
    const ck_screen_shape *shape = embedding->model.shape;
    projection *s = CK_NEW(arena, projection, 1);
    if (!s || screening->assigner.block_rows % shape->panel_rows != 0) return NULL;
    memset(s, 0, sizeof *s);
    s->base = (ck_strategy){CK_PROJECTION, screening, forget, set_centers, assign, operations};
    s->embedding = embedding;
    s->centers32 = CK_NEW(arena, float, k *d + CK_LANES);
    s->numbers = CK_NEW(arena, int32_t, 64);
    for (int32_t i = 0; i < 64 && s->numbers; i++) s->numbers[i] = i;
    ck_embedded_centers_init(&s->embedded, arena, embedding, k, 0.0);
    s->workers = CK_NEW(arena, worker_scratch, screening->n_workers);
    for (int w = 0; w < screening->n_workers && !arena->failed; w++) {
        const int64_t panels = ck_ceil_div(k, shape->panel_centers);
        s->workers[w].masks = CK_NEW(arena, uint64_t, panels * shape->panel_centers);
        s->workers[w].row = CK_NEW(arena, double, d);
        s->workers[w].own = CK_NEW(arena, double, 64);
        s->workers[w].thresholds = CK_NEW(arena, float, 4 * 64);
        s->workers[w].best = s->workers[w].thresholds + 64;
        s->workers[w].second = s->workers[w].best + 64;
        s->workers[w].index = s->workers[w].second + 64;
    }
    return arena->failed ? NULL : &s->base;
}

static ck_strategy *create(ck_arena *arena, ck_screening *screening, const ck_prepared *prepared)
{
    return prepared->embedding ? ck_strategy_projection(arena, screening, prepared->embedding) : NULL;
}

const ck_strategy_kind ck_strategy_kind_projection = {"projection", create};
