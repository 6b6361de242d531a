#include <string.h>

#include "../base/bits.h"
#include "../base/costs.h"
#include "coarse_block.h"
#include "row_fetch.h"

enum {
    MAX_STRIP_ROWS = 256, /* few, so that loading rows and scoring them alternate */
    MAX_BLOCK_ROWS = 1024,
    MAX_PANEL_ROWS = 64, /* of any shape, a power of two as all of them */
    MIN_BLOCKS = 64      /* so that every thread has work */
};

void ck_assigner_use_rows(ck_assigner *assigner, const ck_matrix *X, const ck_packed_rows *packed)
{
    assigner->X = X;
    assigner->packed = packed;
    if (packed && !packed->as_needed) ck_screen_model_take_image(&assigner->model, &packed->model);
}

void ck_assigner_keep_image(ck_assigner *assigner, int keep) { assigner->keep_image = keep; }

void ck_assigner_init(ck_assigner *assigner, ck_arena *arena, const ck_matrix *X, int64_t k)
{
    const int64_t d = X->n_features;
    assigner->X = X;
    assigner->keep_image = 0;
    assigner->packed = NULL;
    assigner->coarse_serves = 0;
    ck_screen_model_init(&assigner->model, arena, ck_screen_choose_shape(d), k, d);
    ck_coarse_model_init(&assigner->coarse, arena, ck_coarse_choose_shape(X, k), k, d);
    assigner->centers32 = assigner->coarse.shape ? CK_NEW(arena, float, k *d + CK_LANES) : NULL;
    const ck_screen_shape *shape = assigner->model.shape;
    const int64_t width = shape->panel_rows, all_rows = ck_round_up(X->n_rows, width);
    int64_t strip = ck_min_i64(MAX_STRIP_ROWS, CK_POINT_CACHE_BYTES / ((int64_t)sizeof(float) * d)), even = width;
    while (even < strip && even < MAX_PANEL_ROWS) even *= 2;
    strip = ck_min_i64(ck_max_i64(strip / even * even, even), all_rows);
    assigner->strip_rows = strip;
    /* Blocks are whole panels of every shape: some strategies have rows packed for another one. */
    int64_t block = ck_min_i64(MAX_BLOCK_ROWS, X->n_rows / MIN_BLOCKS);
    if (block >= MAX_PANEL_ROWS) block = ck_round_up(block, MAX_PANEL_ROWS);
    assigner->block_rows = ck_min_i64(ck_round_up(ck_max_i64(block, 1), strip), all_rows);
    int64_t panel_bytes = (int64_t)sizeof(float) * (d + 2) * shape->panel_centers;
    assigner->chunk_panels = ck_min_i64(ck_max_i64(CK_CENTER_CACHE_BYTES / panel_bytes, 1), assigner->model.n_panels);
}

ck_assign_scratch *ck_assign_scratch_new(ck_arena *arena, const ck_assigner *assigner, int n_workers)
{
    const ck_screen_shape *shape = assigner->model.shape;
    const int64_t rows = assigner->strip_rows, d = assigner->X->n_features;
    ck_assign_scratch *workers = CK_NEW(arena, ck_assign_scratch, n_workers);
    for (int w = 0; w < n_workers && !arena->failed; w++) {
        ck_assign_scratch *s = workers + w;
        s->points = CK_NEW(arena, float, rows *d);
        s->sqnorm = CK_NEW(arena, float, rows);
        s->best = CK_NEW(arena, float, rows);
        s->second = CK_NEW(arena, float, rows);
        s->index = CK_NEW(arena, float, rows);
        s->thresholds = CK_NEW(arena, float, rows);
        s->open = CK_NEW(arena, int32_t, rows);
        s->stage = CK_NEW(arena, double, shape->panel_rows *d);
        s->waiting_points = CK_NEW(arena, float, shape->panel_rows *d);
        s->is_cleared = 0;
        s->waiting_thresholds = CK_NEW(arena, float, shape->panel_rows);
        s->masks = CK_NEW(arena, uint64_t, assigner->chunk_panels * shape->panel_centers);
        s->n_settled = 0;
        s->pace = (ck_watch_pace){0};
        s->coarse = assigner->coarse.shape ? ck_coarse_scratch_new(arena, assigner) : NULL;
    }
    return workers;
}

void ck_assigner_set_count(ck_assigner *assigner, int64_t k)
{
    ck_screen_model_set_count(&assigner->model, k);
    if (assigner->coarse.shape) ck_coarse_model_set_count(&assigner->coarse, k);
}

int ck_assigner_set_centers(ck_assigner *assigner, const double *centers)
{
    assigner->centers = centers;
    assigner->coarse_serves = 0;
    if (assigner->model.k > 1)
        ck_screen_model_set(&assigner->model, assigner->X, centers, assigner->keep_image || assigner->packed);
    if (ck_stopped()) return CK_ERROR_STOPPED;
    if (!assigner->coarse.shape || assigner->model.k < CK_COARSE_MIN_CENTERS) return CK_OK;
    ck_coarse_model_set(&assigner->coarse, &assigner->model, centers);
    if (ck_stopped()) return CK_ERROR_STOPPED;
    int exact = 1;
    for (int64_t i = 0; i < assigner->model.k * assigner->model.d; i++) {
        assigner->centers32[i] = (float)centers[i];
        exact &= (double)assigner->centers32[i] == centers[i];
    }
    /* Quick distances of float32 rows hold for centers that float32 holds: those of a fit, not whatever is given. */
    assigner->coarse_serves = !assigner->model.too_large && (exact || assigner->X->dtype != CK_F32);
    return CK_OK;
}

double ck_assign_operations(const ck_matrix *X, int64_t k)
{
    return (double)X->n_rows * ((double)X->n_features + 4.0) * ((double)k + 4.0) / 8.0;
}

typedef struct {
    ck_sqdist distance;
    int32_t label; /* -1: none yet */
} nearest_center;

static void settle_pair(const ck_assigner *assigner, const double *x, int64_t j, nearest_center *nearest)
{
    const int64_t d = assigner->X->n_features;
    ck_sqdist distance = ck_sqdist_of(x, assigner->centers + j * d, d);
    if (nearest->label < 0 || ck_sqdist_less(distance, nearest->distance)) {
        nearest->distance = distance;
        nearest->label = (int32_t)j;
    }
}

static int all_finite(const double *x, int64_t d)
{
    for (int64_t p = 0; p < d; p++)
        if (!isfinite(x[p])) return 0;
    return 1;
}

/* Decides the waiting rows among the centers that their bounds leave open, in the order of the centers, so that the
 * lowest index wins a tie. */
int ck_assign_settle(const ck_assigner *assigner, ck_assign_scratch *s, const ck_matrix *rows, int64_t row,
                     const ck_center_set *settle, int32_t *labels)
{
    const ck_screen_model *model = &assigner->model;
    const ck_screen_shape *shape = model->shape;
    const int64_t d = model->d, r = shape->panel_centers;
    const uint64_t waiting = ~0ull >> (64 - ck_max_i64(s->n_waiting, 1));
    nearest_center nearest[64];
    if (s->n_waiting == 0) return CK_OK;
    for (int lane = 0; lane < shape->panel_rows; lane++) {
        nearest[lane].label = -1;
        if (lane >= s->n_waiting) {
            s->waiting_thresholds[lane] = INFINITY;
            continue;
        }
        ck_load_row(rows, row + s->waiting[lane], s->stage + lane * d);
        if (!all_finite(s->stage + lane * d, d)) return CK_ERROR_NOT_FINITE;
    }
    for (int64_t q = 0; q < settle->n_panels; q += assigner->chunk_panels) {
        const int64_t n_panels = ck_min_i64(assigner->chunk_panels, settle->n_panels - q);
        if (ck_watch_stops(&s->pace)) return CK_ERROR_STOPPED;
        shape->reach(s->waiting_points, d, settle->panels + q * (d + 2) * r, n_panels, s->waiting_thresholds, s->masks);
        const int64_t first = q * r, last = ck_min_i64(first + n_panels * r, settle->n);
        for (int64_t c = first; c < last; c++)
            for (uint64_t mask = (s->masks[c - first] & waiting) | s->unscreened; mask; mask &= mask - 1) {
                int lane = ck_lowest_bit(mask);
                settle_pair(assigner, s->stage + lane * d, settle->indices ? settle->indices[c] : c, nearest + lane);
            }
    }
    for (int lane = 0; lane < s->n_waiting; lane++) {
        assert(nearest[lane].label >= 0); /* the thresholds let the best score through */
        labels[s->waiting[lane]] = nearest[lane].label;
    }
    s->n_waiting = 0;
    s->unscreened = 0;
    return CK_OK;
}

/* Queues the open rows of the strip that starts at `strip`, settling whenever a panel of them is full. */
static int queue_open(const ck_assigner *assigner, ck_assign_scratch *s, const ck_matrix *rows, int64_t row,
                      int64_t strip, int n_open, const ck_center_set *settle, int32_t *labels)
{
    const int64_t d = assigner->model.d, width = assigner->model.shape->panel_rows;
    /* Lanes that hold no row are computed with all the same; what malloc left there may be subnormal, and slow. */
    if (n_open > 0 && !s->is_cleared) memset(s->waiting_points, 0, (size_t)(width * d) * sizeof(float));
    s->is_cleared |= n_open > 0;
    s->n_settled += n_open;
    for (int o = 0; o < n_open; o++) {
        const int64_t i = s->open[o], lane = s->n_waiting++;
        const float *points = s->strip_points + i / width * width * d + i % width;
        for (int64_t p = 0; p < d; p++) s->waiting_points[p * width + lane] = points[p * width];
        s->waiting[lane] = (int32_t)(strip + i);
        s->waiting_thresholds[lane] = s->thresholds[i];
        if (!(s->strip_sqnorm[i] <= FLT_MAX)) s->unscreened |= 1ull << lane;
        if (s->n_waiting < width) continue;
        int status = ck_assign_settle(assigner, s, rows, row, settle, labels);
        if (status != CK_OK) return status;
    }
    return CK_OK;
}

static int label_single_cluster(const ck_matrix *rows, int64_t row, int64_t n_rows, int32_t *labels)
{
    const ck_matrix block = ck_rows_of(rows, row, n_rows);
    ck_location where;
    memset(labels, 0, (size_t)n_rows * sizeof *labels);
    return ck_find_not_finite(&block, &where) ? CK_ERROR_NOT_FINITE : CK_OK;
}

/* OUT s->strip_points, strip_sqnorm: of rows of a strip. Returns whether all of them were packed before. */
static int pack_strip(const ck_assigner *assigner, ck_assign_scratch *s, const ck_matrix *rows, int64_t row,
                      int64_t n_rows)
{
    const ck_screen_model *model = &assigner->model;
    const int64_t d = model->d, width = model->shape->panel_rows;
    const int kept = assigner->packed && assigner->packed->points && rows == assigner->packed->X;
    const ck_packed_rows *packed = kept ? assigner->packed : NULL;
    float *points = packed ? packed->points + row * d : s->points;
    float *sqnorm = packed ? packed->sqnorm + row : s->sqnorm;
    uint8_t *filled = packed ? packed->filled + row / width : NULL;
    int n_packed = 0;
    for (int64_t i = 0; i < n_rows; i += width) {
        if (filled && filled[i / width]) continue;
        n_packed++;
        model->shape->pack(rows, row + i, ck_min_i64(width, n_rows - i), &model->image, s->stage, points + i * d,
                           sqnorm + i);
        if (filled) filled[i / width] = 1;
    }
    s->strip_points = points;
    s->strip_sqnorm = sqnorm;
    return n_packed == 0;
}

/* OUT s->strip_points, strip_sqnorm, best, second, index: of at most strip_rows rows. */
static void score_strip(const ck_assigner *assigner, ck_assign_scratch *s, const ck_matrix *rows, int64_t row,
                        int64_t n_rows, const ck_center_set *set)
{
    const ck_screen_model *model = &assigner->model;
    const ck_screen_shape *shape = model->shape;
    const int64_t d = model->d, width = shape->panel_rows, r = shape->panel_centers;
    const int were_packed = pack_strip(assigner, s, rows, row, n_rows);
    if (model->too_large) {
        for (int64_t i = 0; i < n_rows; i++) s->sqnorm[i] = INFINITY;
        s->strip_sqnorm = s->sqnorm;
    }
    /* The strip that follows: packed most likely where this one was. */
    const ck_matrix images = ck_dense_matrix(were_packed ? assigner->packed->points : NULL, rows->n_rows, d, CK_F32);
    ck_row_fetch fetch = ck_fetch_rows(were_packed ? &images : rows, row + n_rows, n_rows,
                                       ck_ceil_div(n_rows, width) * ck_ceil_div(set->n_panels, assigner->chunk_panels));
    for (int64_t q = 0; q < set->n_panels; q += assigner->chunk_panels) {
        const int64_t n_panels = ck_min_i64(assigner->chunk_panels, set->n_panels - q);
        for (int64_t i = 0; i < n_rows; i += width) {
            ck_fetch_some(&fetch);
            shape->score(s->strip_points + i * d, d, set->panels + q * (d + 2) * r, n_panels, q == 0, s->best + i,
                         s->second + i, s->index + i);
        }
    }
}

void ck_assign_begin(ck_assign_scratch *s)
{
    s->n_waiting = 0;
    s->unscreened = 0;
}

int ck_assign_rows(const ck_assigner *assigner, ck_assign_scratch *s, const ck_matrix *rows, int64_t row, int64_t at,
                   int64_t n_rows, const ck_center_set *set, const ck_center_set *settle, int32_t *labels)
{
    const ck_screen_model *model = &assigner->model;
    assert(n_rows <= assigner->strip_rows && set->n >= 1);
    score_strip(assigner, s, rows, row + at, n_rows, set);
    int n_open =
        model->kernels->close(s->best, s->second, s->index, s->strip_sqnorm, model->center_slack, model->row_slack,
                              model->largest_slack, (int)n_rows, labels + at, s->thresholds, s->open);
    return queue_open(assigner, s, rows, row, at, n_open, settle, labels);
}

/* OUT bounds: of the first n rows of a strip, by their scores. */
static void bound_strip(const ck_screen_model *model, const ck_assign_scratch *s, int64_t n,
                        const ck_row_bounds *bounds, int64_t at)
{
    memcpy(bounds->nearest + at, s->index, (size_t)n * sizeof(int32_t));
    ck_quick_table()->bound_scores(s->strip_sqnorm, s->best, s->second, bounds->nearest + at, model->center_slack,
                                   ck_sqnorm_slack(model), n, bounds->high + at, bounds->low + at, bounds->others + at);
}

int ck_bound_rows(const ck_assigner *assigner, ck_assign_scratch *s, const ck_matrix *rows, int64_t row, int64_t n_rows,
                  const ck_row_bounds *bounds)
{
    const ck_screen_model *model = &assigner->model;
    const ck_center_set all = {model->panels, model->n_panels, model->k, NULL};
    for (int64_t at = 0; at < n_rows; at += assigner->strip_rows) {
        const int64_t count = ck_min_i64(assigner->strip_rows, n_rows - at);
        const ck_row_bounds of_strip = {bounds->nearest + at, bounds->high + at, bounds->low + at, bounds->others + at};
        if (ck_watch_stops(&s->pace)) return CK_ERROR_STOPPED;
        if (assigner->coarse_serves && ck_coarse_bound(assigner, s->coarse, rows, row + at, count, &of_strip)) continue;
        score_strip(assigner, s, rows, row + at, count, &all);
        bound_strip(model, s, count, bounds, at);
    }
    return CK_OK;
}

void ck_bound_listed(const ck_assigner *assigner, ck_assign_scratch *s, const float *images, const float *sqnorms,
                     const int32_t *list, int64_t n, const float *panels, int64_t n_panels, const ck_row_bounds *bounds)
{
    const ck_screen_model *model = &assigner->model;
    for (int64_t at = 0; at < n; at += assigner->strip_rows) {
        const int64_t count = ck_min_i64(assigner->strip_rows, n - at);
        model->kernels->score_listed(images, ck_round_up(model->d, CK_LANES), list + at, count, model->d, panels,
                                     n_panels, s->best, s->second, s->index);
        for (int64_t i = 0; i < count; i++) s->sqnorm[i] = model->too_large ? INFINITY : sqnorms[list[at + i]];
        s->strip_sqnorm = s->sqnorm;
        bound_strip(model, s, count, bounds, at);
    }
}

int64_t ck_bound_group(const ck_assigner *assigner, ck_assign_scratch *s, const float *images, const float *sqnorms,
                       const int32_t *list, int64_t n, const float *panels, int64_t n_panels, float drift,
                       const float *limits, float *lower, const ck_near_rows *near)
{
    const ck_screen_model *model = &assigner->model;
    int64_t n_near = 0;
    for (int64_t at = 0; at < n; at += assigner->strip_rows) {
        const int64_t count = ck_min_i64(assigner->strip_rows, n - at);
        const ck_near_rows rest = {near->rows + n_near, near->low + n_near, near->high + n_near};
        if (model->too_large) /* nothing can be told */
            for (int64_t i = 0; i < count; i++) s->best[i] = NAN;
        else
            model->kernels->best_listed(images, ck_round_up(model->d, CK_LANES), list + at, count, model->d, panels,
                                        n_panels, s->best);
        n_near += ck_quick_table()->bound_group(s->best, sqnorms, list + at, count, ck_sqnorm_slack(model),
                                                model->largest_slack, drift, limits, lower, &rest);
    }
    return n_near;
}

void ck_center_set_of(const ck_assigner *assigner, const int32_t *indices, int64_t n, float *panels, ck_center_set *set)
{
    const ck_screen_model *model = &assigner->model;
    const int64_t r = model->shape->panel_centers, stride = (model->d + 2) * r;
    assert(n >= 1 && n <= model->k);
    *set = (ck_center_set){panels, ck_ceil_div(n, r), n, indices};
    for (int64_t c = 0; c < set->n_panels * r; c++) {
        /* What fills the last panel has the score -infinity, as in the model. */
        const int64_t j = indices[ck_min_i64(c, n - 1)];
        const float *from = model->panels + j / r * stride + j % r;
        float *to = panels + c / r * stride + c % r;
        for (int64_t f = 0; f < stride; f += r) to[f] = from[f];
        if (c >= n) to[0] = -INFINITY;
    }
}

int ck_assign_block(const ck_assigner *assigner, ck_assign_scratch *s, const ck_matrix *rows, int64_t row,
                    int64_t n_rows, int32_t *labels)
{
    const ck_center_set all = {assigner->model.panels, assigner->model.n_panels, assigner->model.k, NULL};
    assert(n_rows <= assigner->block_rows && row + n_rows <= rows->n_rows);
    if (assigner->model.k == 1) return label_single_cluster(rows, row, n_rows, labels);
    ck_assign_begin(s);
    for (int64_t strip = 0; strip < n_rows; strip += assigner->strip_rows) {
        const int64_t count = ck_min_i64(assigner->strip_rows, n_rows - strip);
        if (ck_watch_stops(&s->pace)) return CK_ERROR_STOPPED;
        if (assigner->coarse_serves && ck_coarse_assign(assigner, s->coarse, rows, row + strip, count, labels + strip))
            continue;
        int status = ck_assign_rows(assigner, s, rows, row, strip, count, &all, &all, labels);
        if (status != CK_OK) return status;
    }
    return ck_assign_settle(assigner, s, rows, row, &all, labels);
}
