/* strategy_hamerly.c - rows whose label cannot change are skipped (Hamerly, "Making k-means even faster", SDM 2010): an
 * upper bound of the distance to the row's center, a lower bound of that to all others. The rows left are gathered
 * into dense blocks for the same kernels. docs/numerics.md, section 7. */
#include <string.h>

#include "strategy.h"

/* From here measuring one distance costs little beside scoring all. */
enum { TIGHTEN_CENTERS = 64, TIGHTEN_FEATURES = 32 };
static const double CERTAIN = 1.0 + 0x1p-20; /* pays for the canonical distances' own rounding */
static const double MOST_GATHERED = 0.85;    /* share of a block above which all of it is screened in place */

typedef struct {
    float *near, *far;
    int32_t *survivors, *labels;
    char *rows; /* a block of gathered rows */
    double *row;
} worker_scratch;

typedef struct {
    ck_strategy base; /* first, so that the one is the other */
    int known;        /* bounds are those of the pass before */
    int starting;     /* this pass screens every row and makes bounds */
    double *centers;  /* of the pass before */
    float *centers32;
    /* Bounds are stored less what the centers had moved until then, so that moves need not touch them. */
    float *upper, *lower;
    double *path; /* k: how far each center has moved in all */
    double most;  /* the same of the farthest mover of each pass, in all */
    double error, underflow;
    worker_scratch *workers;
} hamerly;

static void forget(ck_strategy *strategy) { ((hamerly *)strategy)->known = 0; }

static void set_centers(ck_strategy *strategy, const double *centers)
{
    hamerly *s = (hamerly *)strategy;
    ck_assigner *assigner = &strategy->screening->assigner;
    const int64_t k = assigner->model.k, d = assigner->model.d;
    s->starting = !s->known;
    if (s->starting) {
        memset(s->path, 0, (size_t)k * sizeof *s->path);
        s->most = 0.0;
    } else {
        double largest = 0.0;
        for (int64_t j = 0; j < k; j++) {
            const ck_sqdist moved = ck_sqdist_of(centers + j * d, s->centers + j * d, d);
            const double move = ck_sqdist_root(moved) * assigner->model.image.scale * (1.0 + 0x1p-24);
            s->path[j] += move;
            largest = move > largest ? move : largest;
        }
        s->most += largest;
    }
    assigner->keep_image = s->known; /* bounds are in units of the image */
    ck_assigner_set_centers(assigner, centers);
    s->known = 1;
    memcpy(s->centers, centers, (size_t)(k * d) * sizeof *centers);
    for (int64_t i = 0; i < k * d; i++) s->centers32[i] = (float)centers[i];
}

static float rounded_up(double value) { return (float)(value + fabs(value) * 0x1p-22); }
static float rounded_down(double value) { return (float)(value - fabs(value) * 0x1p-22); }

static void store_bounds(hamerly *s, int64_t row, int32_t label, float near, float far)
{
    s->upper[row] = rounded_up((double)near - s->path[label]);
    s->lower[row] = rounded_down((double)far + s->most);
}

/* OUT w->survivors: rows of the block whose label may change. Returns how many. */
static int64_t filter(hamerly *s, const worker_scratch *w, int64_t row, int64_t n_rows, const int32_t *labels)
{
    const ck_screening *screening = s->base.screening;
    const ck_matrix *X = screening->assigner.X;
    const int64_t d = X->n_features;
    const int tighten = screening->assigner.model.k >= TIGHTEN_CENTERS && d >= TIGHTEN_FEATURES;
    int64_t count = 0;
    for (int64_t i = 0; i < n_rows; i++) {
        const double low = (double)s->lower[row + i] - s->most;
        w->survivors[count] = (int32_t)i;
        count += !(((double)s->upper[row + i] + s->path[labels[i]]) * CERTAIN < low);
    }
    if (!tighten) return count;
    int64_t left = 0;
    for (int64_t i = 0; i < count; i++) {
        const int64_t at = row + w->survivors[i], label = labels[w->survivors[i]];
        const double low = (double)s->lower[at] - s->most;
        int stays = 0;
        if (low > 0.0) {
            const double distance = ck_settle_table()->quick_sqdist(X, at, s->centers + label * d,
                                                                    s->centers32 + label * d, INFINITY, w->row);
            const double upper = sqrt(distance * (1.0 + s->error) + s->underflow) *
                                 screening->assigner.model.image.scale * (1.0 + 0x1p-40);
            stays = upper * CERTAIN < low;
            if (stays) s->upper[at] = rounded_up(upper - s->path[label]);
        }
        w->survivors[left] = w->survivors[i];
        left += !stays;
    }
    return left;
}

static ck_matrix gather(const ck_matrix *X, const worker_scratch *w, int64_t row, int64_t n)
{
    const int64_t item = ck_itemsize(X->dtype), d = X->n_features;
    for (int64_t i = 0; i < n; i++) {
        const char *from = ck_row_start(X, row + w->survivors[i]);
        char *to = w->rows + i * d * item;
        if (ck_rows_contiguous(X))
            memcpy(to, from, (size_t)(d * item));
        else
            for (int64_t p = 0; p < d; p++) memcpy(to + p * item, from + p * X->feature_stride, (size_t)item);
    }
    return (ck_matrix){w->rows, n, d, d * item, item, X->dtype};
}

static int assign(ck_strategy *strategy, int worker, int64_t row, int64_t n_rows, int32_t *labels, ck_moves *moves,
                  double *screened)
{
    hamerly *s = (hamerly *)strategy;
    ck_screening *screening = strategy->screening;
    const ck_assigner *assigner = &screening->assigner;
    ck_assign_scratch *scratch = screening->scratch + worker;
    const worker_scratch *w = s->workers + worker;
    int32_t *after = screening->labels + worker * assigner->block_rows;
    const int64_t left = s->starting ? n_rows : filter(s, w, row, n_rows, labels);
    int status = CK_OK;
    if (left == 0) return CK_OK;
    scratch->near = w->near;
    scratch->far = w->far;
    if ((double)left > MOST_GATHERED * (double)n_rows) {
        status = ck_assign_block(assigner, scratch, assigner->X, row, n_rows, after);
        for (int64_t i = 0; i < n_rows && status == CK_OK; i++)
            store_bounds(s, row + i, after[i], w->near[i], w->far[i]);
        *screened += (double)n_rows * (double)assigner->model.k;
    } else {
        const ck_matrix rows = gather(assigner->X, w, row, left);
        status = ck_assign_block(assigner, scratch, &rows, 0, left, w->labels);
        memcpy(after, labels, (size_t)n_rows * sizeof *after);
        for (int64_t i = 0; i < left && status == CK_OK; i++) {
            after[w->survivors[i]] = w->labels[i];
            store_bounds(s, row + w->survivors[i], w->labels[i], w->near[i], w->far[i]);
        }
        *screened += (double)left * (double)assigner->model.k;
    }
    scratch->near = scratch->far = NULL;
    if (status == CK_OK) ck_apply_labels(after, 0, n_rows, labels, moves);
    return status;
}

ck_strategy *ck_strategy_hamerly(ck_arena *arena, ck_screening *screening)
{
    const ck_assigner *assigner = &screening->assigner;
    const ck_matrix *X = assigner->X;
    const int64_t k = assigner->model.k, d = X->n_features, n = X->n_rows, block = assigner->block_rows;
    if (k < 2) return NULL;
    hamerly *s = CK_NEW(arena, hamerly, 1);
    if (!s) return NULL;
    memset(s, 0, sizeof *s);
    s->base = (ck_strategy){CK_HAMERLY, screening, forget, set_centers, assign};
    s->centers = CK_NEW(arena, double, k *d);
    s->centers32 = CK_NEW(arena, float, k *d);
    s->upper = CK_NEW(arena, float, n);
    s->lower = CK_NEW(arena, float, n);
    s->path = CK_NEW(arena, double, k);
    s->error = ck_quick_sqdist_error(X);
    s->underflow = ck_quick_sqdist_underflow(X);
    s->workers = CK_NEW(arena, worker_scratch, screening->n_workers);
    for (int i = 0; i < screening->n_workers && !arena->failed; i++) {
        worker_scratch *w = s->workers + i;
        w->near = CK_NEW(arena, float, block);
        w->far = CK_NEW(arena, float, block);
        w->survivors = CK_NEW(arena, int32_t, block + 1);
        w->labels = CK_NEW(arena, int32_t, block);
        w->rows = CK_NEW(arena, char, block * d * ck_itemsize(X->dtype));
        w->row = CK_NEW(arena, double, d);
    }
    return arena->failed ? NULL : &s->base;
}
