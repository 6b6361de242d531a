/* strategy_bounds.c - rows whose label cannot change are skipped, by an upper bound of the distance to the row's center
 * and a lower bound of that to all others (Hamerly, "Making k-means even faster", SDM 2010) or to those of each group
 * of near centers (Ding et al., "Yinyang k-means", ICML 2015), of which Hamerly's is the case of one group. The rows
 * left are gathered into dense blocks for the same kernels. docs/numerics.md, section 7. */
#include <string.h>

#include "../base/costs.h"
#include "bounds.h"

enum { GROUP_BYTES = 64 << 20, GROUP_BYTES_BESIDE_EMBEDDING = 16 << 20 };
enum { SAMPLE_ROWS = 512, ROWS_A_SAMPLED = 64 }; /* of rows that are watched while another strategy runs */

static void forget(ck_strategy *strategy)
{
    ck_bounds *s = (ck_bounds *)strategy;
    s->known = s->watching = 0;
    for (int64_t i = 0; i < s->sample.n_rows; i++) s->sampled.labels[i] = -1;
    ck_assigner_keep_image(&strategy->screening->assigner, 0);
}

/* Bounds follow the centers; the assigner has them already. */
static int follow(ck_bounds *s, const double *centers)
{
    ck_assigner *assigner = &s->base.screening->assigner;
    const int64_t k = assigner->model.k, d = assigner->model.d;
    if (!s->known && !s->watching) {
        memset(s->path, 0, (size_t)k * sizeof *s->path);
        memset(s->drift, 0, (size_t)s->groups.n * sizeof *s->drift);
        const int status = ck_groups_form(&s->groups, assigner);
        if (status != CK_OK) return status;
    } else {
        for (int64_t g = 0; g < s->groups.n; g++) {
            double largest = 0.0;
            for (int64_t i = s->groups.begins[g]; i < s->groups.begins[g + 1]; i++) {
                const int64_t j = s->groups.indices[i];
                const ck_sqdist moved = ck_sqdist_of(centers + j * d, s->centers + j * d, d);
                const double move = ck_sqdist_root(moved) * assigner->model.image.scale * (1.0 + 0x1p-24);
                s->path[j] += move;
                largest = move > largest ? move : largest;
            }
            s->drift[g] += largest;
        }
    }
    for (int64_t j = 0; j < k; j++) s->path32[j] = ck_rounded_up(s->path[j]);
    for (int64_t g = 0; g < s->groups.n; g++) {
        s->drift_high[g] = ck_rounded_up(s->drift[g]);
        s->drift_low[g] = ck_rounded_down(s->drift[g]);
    }
    ck_groups_set_centers(&s->groups, assigner);
    ck_assigner_keep_image(assigner, 1); /* bounds are in units of the image */
    memcpy(s->centers, centers, (size_t)(k * d) * sizeof *centers);
    for (int64_t i = 0; i < k * d; i++) s->centers32[i] = (float)centers[i];
    return ck_stopped() ? CK_ERROR_STOPPED : CK_OK;
}

/* The sample does what all rows do in a pass. INOUT screened: as of ck_bounds_start. */
static int follow_sample(ck_bounds *s, int starting, double *screened)
{
    const int status =
        starting ? ck_bounds_start(s, 0, &s->sampled, screened) : ck_bounds_update(s, 0, &s->sampled, screened);
    if (status == CK_OK)
        memcpy(s->sampled.labels, s->workers[0].after, (size_t)s->sample.n_rows * sizeof *s->sampled.labels);
    return status;
}

static int set_centers(ck_strategy *strategy, const double *centers)
{
    ck_bounds *s = (ck_bounds *)strategy;
    double screened = 0.0;
    int status = ck_assigner_set_centers(&strategy->screening->assigner, centers);
    if (status == CK_OK) status = follow(s, centers);
    s->starting = !s->known;
    s->known = 1;
    if (status == CK_OK) status = ck_gaps_measure(s);
    if (status == CK_OK && s->gaps.looks) status = follow_sample(s, s->starting, &screened);
    return status;
}

static int assign(ck_strategy *strategy, int worker, int64_t row, int64_t n_rows, int32_t *labels, ck_moves *moves,
                  double *screened)
{
    const ck_bounds *s = (const ck_bounds *)strategy;
    const ck_bounded_rows rows = {strategy->screening->assigner.X, row, n_rows, labels, s->upper + row,
                                  s->lower + row * s->groups.n};
    int status =
        s->starting ? ck_bounds_start(s, worker, &rows, screened) : ck_bounds_update(s, worker, &rows, screened);
    if (status == CK_OK) ck_apply_labels(s->workers[worker].after, 0, n_rows, labels, moves);
    return status;
}

double ck_strategy_bounds_operations(const ck_screening *screening, int64_t n_groups, double share)
{
    const double k = (double)screening->assigner.model.k, d = (double)screening->assigner.model.d;
    double keep = CK_COST_KEEP_BOUNDS;
    if (n_groups > 1 || ck_float_operations(screening) >= CK_WORTH_MEASURING) keep += CK_COST_MEASURE_OWN;
    if (n_groups > 1) keep += CK_COST_IMAGE * d;
    if (n_groups > 1)
        return share * k * (d + CK_COST_LISTED_PAIR) + CK_COST_LISTED_GROUP * (double)n_groups + CK_COST_GATHER + keep;
    return share * (CK_BOUNDED_SLOWDOWN * ck_screen_operations(screening) + CK_COST_GATHER) + keep;
}

static double operations(const ck_strategy *strategy, double share)
{
    return ck_strategy_bounds_operations(strategy->screening, ((const ck_bounds *)strategy)->groups.n, share);
}

int ck_strategy_bounds_watch(ck_strategy *strategy, const double *centers, double *share)
{
    ck_bounds *s = (ck_bounds *)strategy;
    const int starting = !s->watching;
    double screened = 0.0;
    int status = follow(s, centers);
    s->watching = 1;
    s->gaps.known = 0;
    if (status == CK_OK) status = follow_sample(s, starting, &screened);
    if (status != CK_OK) return status;
    *share = screened / ((double)s->sample.n_rows * (double)strategy->screening->assigner.model.k);
    return CK_OK;
}

/* --- Memory ------------------------------------------------------------------------------------------------ */

static void take_sample(ck_bounds *s, ck_arena *arena, const ck_matrix *X, int64_t n)
{
    const int64_t d = X->n_features, item = ck_itemsize(X->dtype), n_groups = s->groups.n;
    char *data = ck_arena_alloc(arena, n * d * item + CK_COPY_ROOM, 1);
    int32_t *labels = CK_NEW(arena, int32_t, n);
    float *upper = CK_NEW(arena, float, n), *lower = CK_NEW(arena, float, n *n_groups);
    if (arena->failed) return;
    for (int64_t i = 0; i < n; i++) {
        const int32_t here = 0;
        const int64_t row = (int64_t)((double)i * ((double)X->n_rows / (double)n));
        ck_rows_table()->copy_listed(X, row, &here, 1, data + i * d * item);
    }
    s->sample = ck_dense_matrix(data, n, d, X->dtype);
    s->sampled = (ck_bounded_rows){&s->sample, 0, n, labels, upper, lower};
    for (int64_t i = 0; i < n; i++) labels[i] = -1;
}

ck_strategy *ck_strategy_bounds(ck_arena *arena, ck_screening *screening, int64_t n_groups)
{
    const ck_assigner *assigner = &screening->assigner;
    const ck_matrix *X = assigner->X;
    const int64_t k = assigner->model.k, d = X->n_features, n = X->n_rows, block = assigner->block_rows;
    if (k < 2) return NULL;
    ck_bounds *s = CK_NEW(arena, ck_bounds, 1);
    if (!s) return NULL;
    memset(s, 0, sizeof *s);
    ck_groups_init(&s->groups, arena, assigner, n_groups);
    n_groups = s->groups.n;
    s->base = (ck_strategy){n_groups > 1 ? CK_YINYANG : CK_HAMERLY, screening, forget, set_centers, assign, operations};
    s->centers = CK_NEW(arena, double, k *d);
    s->centers32 = CK_NEW(arena, float, k *d + CK_LANES);
    s->path = CK_NEW(arena, double, k);
    s->drift = CK_NEW(arena, double, n_groups);
    s->path32 = CK_NEW(arena, float, k);
    s->drift_high = CK_NEW(arena, float, n_groups);
    s->drift_low = CK_NEW(arena, float, n_groups);
    s->upper = CK_NEW(arena, float, n);
    s->lower = CK_NEW(arena, float, n > INT64_MAX / n_groups ? -1 : n * n_groups);
    s->error = ck_quick_sqdist_error(X);
    s->underflow = ck_quick_sqdist_underflow(X);
    s->tighten = n_groups > 1 || ck_float_operations(screening) >= CK_WORTH_MEASURING;
    s->workers = CK_NEW(arena, ck_bounds_scratch, screening->n_workers);
    for (int i = 0; i < screening->n_workers && !arena->failed; i++) {
        ck_bounds_scratch *w = s->workers + i;
        w->least = CK_NEW(arena, float, block);
        w->own = CK_NEW(arena, float, block);
        w->high = CK_NEW(arena, float, block);
        w->others = CK_NEW(arena, float, block);
        w->best_low = CK_NEW(arena, float, block);
        w->best_group = CK_NEW(arena, int32_t, block);
        w->near.rows = CK_NEW(arena, int32_t, block);
        w->near.low = CK_NEW(arena, float, block);
        w->near.high = CK_NEW(arena, float, block);
        w->counts = CK_NEW(arena, int64_t, n_groups);
        w->limit = CK_NEW(arena, float, block);
        w->own_low = CK_NEW(arena, float, block);
        w->best = CK_NEW(arena, int32_t, block);
        w->after = CK_NEW(arena, int32_t, block);
        w->guess = CK_NEW(arena, int32_t, block);
        w->survivors = CK_NEW(arena, int32_t, block);
        w->list = CK_NEW(arena, int32_t, block);
        w->labels = CK_NEW(arena, int32_t, block);
        w->sqdists = CK_NEW(arena, double, block);
        w->bounds.high = CK_NEW(arena, float, block);
        w->bounds.low = CK_NEW(arena, float, block);
        w->bounds.others = CK_NEW(arena, float, block);
        w->bounds.nearest = CK_NEW(arena, int32_t, block);
        w->rows = ck_arena_alloc(arena, block * d * ck_itemsize(X->dtype) + CK_COPY_ROOM, 1);
        w->images = CK_NEW(arena, float, n_groups > 1 ? block * ck_round_up(d, CK_LANES) : 0);
        w->sqnorms = CK_NEW(arena, float, block);
        w->row = CK_NEW(arena, double, d);
    }
    ck_gaps_init(s, arena);
    take_sample(s, arena, X, ck_min_i64(ck_min_i64(SAMPLE_ROWS, block), ck_ceil_div(n, ROWS_A_SAMPLED)));
    return arena->failed ? NULL : &s->base;
}

/* As many floats a row as memory is meant for bounds. */
static int64_t affordable_groups(const ck_screening *screening, int beside_embedding)
{
    const ck_assigner *assigner = &screening->assigner;
    const int64_t bytes = beside_embedding ? GROUP_BYTES_BESIDE_EMBEDDING : GROUP_BYTES;
    const int64_t at_most = ck_max_i64(bytes / (int64_t)sizeof(float) / assigner->X->n_rows, 1);
    const int64_t groups = ck_ceil_div(assigner->model.k, ck_screen_table()->listed_centers);
    return ck_min_i64(groups, ck_min_i64(CK_MAX_GROUPS, at_most));
}

int64_t ck_useful_groups(const ck_screening *screening, int beside_embedding)
{
    const int64_t k = screening->assigner.model.k, d = screening->assigner.model.d;
    const int useful = d >= CK_GROUPED_FEATURES && k * d >= CK_GROUPED_CENTERS_FEATURES_2 / d;
    return useful ? affordable_groups(screening, beside_embedding) : 1;
}

static ck_strategy *create_hamerly(ck_arena *arena, ck_screening *screening, const ck_prepared *prepared)
{
    (void)prepared;
    return ck_strategy_bounds(arena, screening, 1);
}

static ck_strategy *create_yinyang(ck_arena *arena, ck_screening *screening, const ck_prepared *prepared)
{
    (void)prepared;
    return ck_strategy_bounds(arena, screening, ck_max_i64(affordable_groups(screening, 0), 2));
}

const ck_strategy_kind ck_strategy_kind_hamerly = {"hamerly", create_hamerly};
const ck_strategy_kind ck_strategy_kind_yinyang = {"yinyang", create_yinyang};
