/* strategy_filtering.c - few features: rows that lie together in a box are compared as one (the filtering algorithm of
 * Kanungo et al., IEEE PAMI 24, 2002, over two levels of boxes). Where one center is left, all rows of the box have its
 * label; else they are screened against the centers left. docs/numerics.md, section 8. */
#include <string.h>

#include "../base/costs.h"
#include "strategy.h"

typedef struct {
    double *centers;                   /* d x k: those left for a block */
    double *scratch;                   /* k */
    int32_t *of_block, *of_box, *kept; /* k each */
    float *block_panels, *box_panels;
    int32_t *touched; /* boxes of the block that may have new labels */
} worker_scratch;

typedef struct {
    ck_strategy base; /* first, so that the one is the other */
    const ck_ordering *ordering;
    int64_t stride;
    double *centers;                      /* d x stride */
    double *block_middles, *block_widths; /* n_blocks x d */
    int32_t *uniform;                     /* boxes: the label of all their rows, or -1 where they may differ */
    worker_scratch *workers;
} filtering;

static void forget(ck_strategy *strategy)
{
    filtering *s = (filtering *)strategy;
    for (int64_t box = 0; box < s->ordering->boxes.n; box++) s->uniform[box] = -1;
}

static int set_centers(ck_strategy *strategy, const double *centers)
{
    filtering *s = (filtering *)strategy;
    ck_assigner *assigner = &strategy->screening->assigner;
    const int64_t k = assigner->model.k, d = assigner->model.d;
    for (int64_t j = 0; j < k; j++)
        for (int64_t p = 0; p < d; p++) s->centers[p * s->stride + j] = centers[j * d + p];
    return ck_assigner_set_centers(assigner, centers);
}

/* OUT indices: the centers left for a box, of n in `among` (NULL: all). Returns how many. */
static int64_t left_for_box(const filtering *s, const worker_scratch *w, const double *centers, int64_t n,
                            const int32_t *among, const double *middles, const double *half_widths, int32_t *indices)
{
    const int64_t d = s->ordering->X.n_features;
    const int64_t count =
        ck_quick_table()->filter_centers(centers, n, s->stride, d, middles, half_widths, w->scratch, w->kept);
    for (int64_t c = 0; c < count; c++) indices[c] = among ? among[w->kept[c]] : w->kept[c];
    return count;
}

static int assign(ck_strategy *strategy, int worker, int64_t row, int64_t n_rows, int32_t *labels, ck_moves *moves,
                  double *screened)
{
    filtering *s = (filtering *)strategy;
    ck_screening *screening = strategy->screening;
    const ck_assigner *assigner = &screening->assigner;
    const ck_boxes *boxes = &s->ordering->boxes;
    const worker_scratch *w = s->workers + worker;
    ck_assign_scratch *scratch = screening->scratch + worker;
    int32_t *after = screening->labels + worker * assigner->block_rows;
    const int64_t k = assigner->model.k, d = assigner->model.d, block = row / assigner->block_rows;
    ck_center_set of_block, of_box;
    int n_touched = 0;

    const int64_t left =
        left_for_box(s, w, s->centers, k, NULL, s->block_middles + block * d, s->block_widths + block * d, w->of_block);
    if (left > 1) {
        ck_center_set_of(assigner, w->of_block, left, w->block_panels, &of_block);
        for (int64_t p = 0; p < d; p++)
            for (int64_t c = 0; c < left; c++)
                w->centers[p * s->stride + c] = s->centers[p * s->stride + w->of_block[c]];
    }
    ck_assign_begin(scratch);
    for (int64_t first = 0; first < n_rows; first += CK_BOX_ROWS) {
        const int64_t box = (row + first) / CK_BOX_ROWS, count = ck_min_i64(CK_BOX_ROWS, n_rows - first);
        int64_t candidates = 1;
        w->of_box[0] = w->of_block[0];
        if (left > 1)
            candidates = left_for_box(s, w, w->centers, left, w->of_block, boxes->middles + box * d,
                                      boxes->half_widths + box * d, w->of_box);
        if (candidates == 1 && s->uniform[box] == w->of_box[0]) continue;
        w->touched[n_touched++] = (int32_t)first;
        s->uniform[box] = candidates == 1 ? w->of_box[0] : -1;
        if (candidates == 1) {
            for (int64_t i = first; i < first + count; i++) after[i] = w->of_box[0];
            continue;
        }
        ck_center_set_of(assigner, w->of_box, candidates, w->box_panels, &of_box);
        int status = ck_assign_rows(assigner, scratch, assigner->X, row, first, count, &of_box, &of_block, after);
        if (status != CK_OK) return status;
        *screened += (double)count * (double)candidates;
    }
    if (left > 1) {
        int status = ck_assign_settle(assigner, scratch, assigner->X, row, &of_block, after);
        if (status != CK_OK) return status;
    }
    for (int t = 0; t < n_touched; t++)
        ck_apply_labels(after, w->touched[t], ck_min_i64(w->touched[t] + CK_BOX_ROWS, n_rows), labels, moves);
    return CK_OK;
}

double ck_narrow_operations(int64_t d, int64_t k)
{
    return (double)k * ((double)d + CK_COST_NARROW_PAIR) + CK_COST_PASS;
}

double ck_filtered_operations(int64_t d, int64_t k, double share)
{
    const double left = share * (double)k;
    return CK_COST_FILTERED_ROW + CK_COST_OPEN_BOX * fmin(left, 1.0) + CK_COST_LEFT_FEATURE * (double)d * left;
}

/* A box is left with the centers around it, as far again as it is wide; where that is one, nothing is scored. */
double ck_filtered_share(int64_t n, int64_t d, int64_t k)
{
    const double width = pow((double)CK_BOX_ROWS * (double)k / (double)n, 1.0 / (double)d); /* one: between centers */
    const double left = pow(1.0 + 2.0 * width, (double)d);
    return fmin((left - 1.0 / left) / (double)k, 1.0);
}

static double operations(const ck_strategy *strategy, double share)
{
    const ck_screen_model *model = &strategy->screening->assigner.model;
    return ck_filtered_operations(model->d, model->k, share);
}

ck_strategy *ck_strategy_filtering(ck_arena *arena, ck_screening *screening, const ck_ordering *ordering)
{
    const ck_assigner *assigner = &screening->assigner;
    const int64_t k = assigner->model.k, d = assigner->model.d, n = ordering->X.n_rows;
    const int64_t block_boxes = ck_ceil_div(assigner->block_rows, CK_BOX_ROWS);
    const int64_t n_blocks = ck_ceil_div(n, assigner->block_rows), r = assigner->model.shape->panel_centers;
    if (k < 2 || (n_blocks > 1 && assigner->block_rows % CK_BOX_ROWS != 0)) return NULL;
    filtering *s = CK_NEW(arena, filtering, 1);
    if (!s) return NULL;
    memset(s, 0, sizeof *s);
    s->base = (ck_strategy){CK_FILTERING, screening, forget, set_centers, assign, operations};
    s->ordering = ordering;
    s->stride = ck_round_up(k, CK_LANES);
    s->centers = CK_NEW(arena, double, d * s->stride);
    s->block_middles = CK_NEW(arena, double, n_blocks *d);
    s->block_widths = CK_NEW(arena, double, n_blocks *d);
    s->uniform = CK_NEW(arena, int32_t, ordering->boxes.n);
    s->workers = CK_NEW(arena, worker_scratch, screening->n_workers);
    for (int i = 0; i < screening->n_workers && !arena->failed; i++) {
        worker_scratch *w = s->workers + i;
        w->centers = CK_NEW(arena, double, d * s->stride);
        w->scratch = CK_NEW(arena, double, s->stride);
        w->of_block = CK_NEW(arena, int32_t, k);
        w->of_box = CK_NEW(arena, int32_t, k);
        w->kept = CK_NEW(arena, int32_t, k);
        w->block_panels = CK_NEW(arena, float, ck_round_up(k, r) * (d + 2));
        w->box_panels = CK_NEW(arena, float, ck_round_up(k, r) * (d + 2));
        w->touched = CK_NEW(arena, int32_t, block_boxes);
    }
    for (int64_t block = 0; block < n_blocks && !arena->failed; block++)
        ck_boxes_around(&ordering->boxes, d, block * block_boxes,
                        ck_min_i64((block + 1) * block_boxes, ordering->boxes.n), s->block_middles + block * d,
                        s->block_widths + block * d);
    return arena->failed ? NULL : &s->base;
}

const ck_strategy_kind ck_strategy_kind_filtering = {"filtering", NULL};
