/* strategy_bounds.c - rows whose label cannot change are skipped, by an upper bound of the distance to the row's center
 * and a lower bound of that to all others (Hamerly, "Making k-means even faster", SDM 2010) or to those of each group
 * of near centers (Ding et al., "Yinyang k-means", ICML 2015), of which Hamerly's is the case of one group. The rows
 * left are gathered into dense blocks for the same kernels. docs/numerics.md, section 7. */
#include <float.h>
#include <string.h>

#include "../assign/coarse_block.h"
#include "../base/costs.h"
#include "strategy.h"

enum { GROUP_BYTES = 64 << 20, GROUP_BYTES_BESIDE_EMBEDDING = 16 << 20 };
enum { BOUNDS_CACHE_BYTES = 1024 << 10 };
enum { SAMPLE_ROWS = 512, ROWS_A_SAMPLED = 64 }; /* of rows that are watched while another strategy runs */
static const float CERTAIN = 1.0f + 0x1p-20f;    /* pays for rounding, of canonical distances too */

/* Rows and their bounds. These are stored less what the centers had moved until then, so that moves do not touch them:
 * upper less the path of the center of the label, lower plus the drift of the group. */
typedef struct {
    const ck_matrix *X;
    int64_t row, n_rows; /* a block of X */
    int32_t *labels;
    float *upper, *lower; /* n_rows, n_groups x n_rows */
} bounded_rows;

/* Arrays of a block are by row, those of a list by place in it. */
typedef struct {
    float *least;           /* block: of a row's lower bounds; then of those that rival its best center's */
    float *own;             /* block: distance to the center of the label, at most; -infinity: the row is skipped */
    float *high, *others;   /* block: distance to the best center screened, at most; to others of its group, at least */
    float *best_low;        /* block: of the group of that center, all its centers at least */
    float *limit;           /* block: what a group's bound must exceed: the less of own and high */
    int32_t *best, *after;  /* block: that center, or -1; labels */
    int32_t *survivors;     /* list: rows whose label may change */
    float *own_low;         /* survivors */
    double *sqdists;        /* survivors */
    int32_t *list, *labels; /* rows that are gathered, and what comes of them */
    ck_row_bounds bounds;
    char *rows;
    float *images, *sqnorms; /* block: where there are groups */
    void *rounded;           /* block: the images as the coarse screen rounds them, where there is one */
    double *row;
} worker_scratch;

typedef struct {
    ck_strategy base; /* first, so that the one is the other */
    int known;        /* bounds are those of the pass before */
    int starting;     /* this pass makes bounds for every row */
    int watching;     /* the same for the sample */
    ck_groups groups;
    double *centers; /* of the pass before */
    float *centers32;
    double *path;            /* k: how far each center has moved in all */
    double *drift;           /* n_groups: the same of the farthest mover of each pass, in all */
    float *path32, *drift32; /* rounded up */
    float *drift_low;        /* rounded down */
    float *upper, *lower;    /* n; of each block: n_groups x rows */
    double error, underflow;
    int tighten;
    int64_t rows_at_once; /* of a block: their bounds stay in cache */
    worker_scratch *workers;
    ck_matrix sample;
    bounded_rows sampled;
} bounds_strategy;

static float rounded_up(double value) { return (float)(value + fabs(value) * 0x1p-22); }
static float rounded_down(double value) { return (float)(value - fabs(value) * 0x1p-22); }

static void forget(ck_strategy *strategy)
{
    bounds_strategy *s = (bounds_strategy *)strategy;
    s->known = s->watching = 0;
    ck_assigner_keep_image(&strategy->screening->assigner, 0);
}

/* Bounds follow the centers; the assigner has them already. */
static int follow(bounds_strategy *s, const double *centers)
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
    for (int64_t j = 0; j < k; j++) s->path32[j] = rounded_up(s->path[j]);
    for (int64_t g = 0; g < s->groups.n; g++) {
        s->drift32[g] = rounded_up(s->drift[g]);
        s->drift_low[g] = rounded_down(s->drift[g]);
    }
    ck_groups_set_centers(&s->groups, assigner);
    ck_assigner_keep_image(assigner, 1); /* bounds are in units of the image */
    memcpy(s->centers, centers, (size_t)(k * d) * sizeof *centers);
    for (int64_t i = 0; i < k * d; i++) s->centers32[i] = (float)centers[i];
    return ck_stopped() ? CK_ERROR_STOPPED : CK_OK;
}

static int set_centers(ck_strategy *strategy, const double *centers)
{
    bounds_strategy *s = (bounds_strategy *)strategy;
    int status = ck_assigner_set_centers(&strategy->screening->assigner, centers);
    if (status == CK_OK) status = follow(s, centers);
    s->starting = !s->known;
    s->known = 1;
    return status;
}

/* --- One block --------------------------------------------------------------------------------------------- */

/* The survivors' distances to their own centers, upper bounds with them. OUT w->own, own_low. */
static void measure_own(const bounds_strategy *s, const worker_scratch *w, const bounded_rows *b, int64_t count)
{
    const ck_quick_kernels *kernels = ck_quick_table();
    const double scale = s->base.screening->assigner.model.image.scale;
    float *high = w->bounds.high;
    for (int64_t i = 0; i < count; i++) w->labels[i] = b->labels[w->survivors[i]];
    kernels->label_sqdists(b->X, b->row, w->survivors, w->labels, count, s->centers, s->centers32, w->sqdists, w->row);
    kernels->bound_sqdists(w->sqdists, count, s->error, s->underflow, scale, high, w->own_low);
    for (int64_t i = 0; i < count; i++) {
        const int32_t row = w->survivors[i];
        w->own[row] = high[i];
        b->upper[row] = rounded_up((double)high[i] - s->path[b->labels[row]]);
    }
}

/* OUT w->list: survivors that measuring their own center has not let go. Where there are groups, their images, coarse
 * or not. */
static int64_t list_left(const bounds_strategy *s, int worker, const bounded_rows *b, int64_t count, int *coarse)
{
    const ck_screening *screening = s->base.screening;
    const worker_scratch *w = s->workers + worker;
    const ck_screen_image *image = &screening->assigner.model.image;
    if (s->tighten)
        count = ck_screen_table()->unsure(b->upper, w->least, b->labels, s->path32, (int)b->n_rows, w->list);
    else
        memcpy(w->list, w->survivors, (size_t)count * sizeof *w->list);
    *coarse = 0;
    if (s->groups.n == 1 || count == 0) return count;
    if (screening->assigner.coarse_serves)
        *coarse = ck_coarse_round(&screening->assigner, screening->scratch[worker].coarse, b->X, b->row, w->list, count,
                                  w->rounded, w->sqnorms);
    if (!*coarse)
        ck_rows_table()->image_listed(b->X, b->row, w->list, count, image->scale, image->minus_offset,
                                      image->minus_offset32, w->images, w->sqnorms, w->row);
    return count;
}

/* Screens n rows against all centers: those of w->list, or all where they are as many. */
static int screen_all(const bounds_strategy *s, int worker, const bounded_rows *b, int64_t n)
{
    const ck_screening *screening = s->base.screening;
    const worker_scratch *w = s->workers + worker;
    const int64_t d = b->X->n_features;
    ck_matrix rows = *b->X;
    int64_t row = b->row;
    if (n < b->n_rows) {
        ck_rows_table()->copy_listed(b->X, b->row, w->list, n, w->rows);
        rows = ck_dense_matrix(w->rows, n, d, b->X->dtype);
        row = 0;
    }
    return ck_bound_rows(&screening->assigner, screening->scratch + worker, &rows, row, n, &w->bounds);
}

/* Of n listed rows, how many may be as near to a center of the group as their limits, and stay listed: the others have
 * their bound by the best score alone. */
static int64_t list_within(const bounds_strategy *s, int worker, const bounded_rows *b, int64_t group, int64_t n)
{
    const ck_screening *screening = s->base.screening;
    const worker_scratch *w = s->workers + worker;
    return ck_bound_group(&screening->assigner, screening->scratch + worker, w->images, w->sqnorms, w->list, n,
                          s->groups.panels[group], s->groups.n_panels[group], s->drift_low[group], w->limit,
                          b->lower + group * b->n_rows);
}

/* Screens the survivors that a group's bound does not exclude. INOUT left: survivors; OUT how many were screened. */
static int screen_group(const bounds_strategy *s, int worker, const bounded_rows *b, int64_t group, int64_t *left,
                        int coarse)
{
    const ck_screening *screening = s->base.screening;
    const ck_quick_kernels *kernels = ck_quick_table();
    const worker_scratch *w = s->workers + worker;
    float *lower = b->lower + group * b->n_rows, *low = w->bounds.low;
    const float drift = s->drift32[group];
    int64_t n = *left;
    int status = CK_OK;
    if (s->groups.n > 1) {
        n = ck_screen_table()->reached(w->own, lower, s->drift32[group], (int)b->n_rows, w->list);
        if (coarse) {
            *left = n;
            const ck_rounded_rows rows = {b->X, b->row, w->rounded, w->sqnorms, w->own};
            const int64_t size = s->groups.begins[group + 1] - s->groups.begins[group];
            ck_coarse_bound_listed(&screening->assigner, screening->scratch[worker].coarse, &rows, w->list, n,
                                   s->groups.coarse_panels[group],
                                   ck_ceil_div(size, screening->assigner.coarse.shape->panel_centers), &w->bounds);
        } else {
            *left = n;
            n = list_within(s, worker, b, group, n);
            ck_bound_listed(&screening->assigner, screening->scratch + worker, w->images, w->sqnorms, w->list, n,
                            s->groups.panels[group], s->groups.n_panels[group], &w->bounds);
        }
    } else {
        status = screen_all(s, worker, b, n);
    }
    if (status != CK_OK) return status;
    kernels->round_down(low, s->drift[group], n, low);
    kernels->round_down(w->bounds.others, s->drift[group], n, w->bounds.others);
    for (int64_t l = 0; l < n; l++) {
        const int32_t at = w->list[l];
        const int better = w->bounds.high[l] < w->high[at]; /* no branch: nobody could foretell it */
        const float low_now = low[l] - drift, beaten = better ? w->best_low[at] : low_now;
        lower[at] = low[l];
        w->least[at] = beaten < w->least[at] ? beaten : w->least[at];
        w->best_low[at] = better ? low_now : w->best_low[at];
        w->high[at] = better ? w->bounds.high[l] : w->high[at];
        w->best[at] = better ? w->bounds.nearest[l] : w->best[at];
        w->others[at] = better ? w->bounds.others[l] : w->others[at];
        w->limit[at] = w->high[at] < w->limit[at] ? w->high[at] : w->limit[at];
    }
    return CK_OK;
}

/* Before groups are screened. own: there already. */
static void expect_best(const worker_scratch *w, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        w->least[i] = w->high[i] = w->best_low[i] = INFINITY;
        w->limit[i] = w->own[i];
        w->best[i] = -1;
    }
}

/* The row's best center becomes its label. What rivals it: the others of its group, and whatever was compared with a
 * limit that is less than its distance. */
static void take_best(const bounds_strategy *s, const worker_scratch *w, const bounded_rows *b, int32_t row, float high)
{
    const int32_t best = w->best[row], group = s->groups.of[best];
    const float others = w->others[row] - s->drift32[group];
    w->after[row] = best;
    b->lower[group * b->n_rows + row] = w->others[row];
    b->upper[row] = rounded_up((double)high - s->path[best]);
    w->least[row] = others < w->least[row] ? others : w->least[row];
    if (!(high <= w->limit[row])) w->least[row] = w->limit[row] < w->least[row] ? w->limit[row] : w->least[row];
}

/* The best center of every survivor that was screened, and what follows for its bounds. */
static void choose_best(const bounds_strategy *s, const worker_scratch *w, const bounded_rows *b, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        const int32_t row = w->survivors[i], best = w->best[row];
        float high = w->high[row], *least = w->least + row;
        if (best < 0) continue;
        if (s->tighten) {
            const int32_t label = b->labels[row], group = s->groups.of[label];
            float *lower = b->lower + group * b->n_rows + row;
            if (label == best) {
                high = w->own[row] < high ? w->own[row] : high;
            } else if (*lower - s->drift32[group] > w->own[row] * CERTAIN) { /* its own group was not screened */
                const int stays = w->own[row] < high; /* upper is of this label, lower of the others */
                const float rival = stays ? w->best_low[row] : w->own_low[i];
                *least = rival < *least ? rival : *least;
                if (stays) continue;
                const float own_low = rounded_down((double)w->own_low[i] + s->drift[group]);
                *lower = own_low < *lower ? own_low : *lower;
            }
        }
        take_best(s, w, b, row, high);
    }
}

static void find_least(const bounds_strategy *s, const worker_scratch *w, const bounded_rows *b)
{
    for (int64_t i = 0; i < b->n_rows; i++) w->least[i] = INFINITY;
    for (int64_t g = 0; g < s->groups.n; g++)
        ck_quick_table()->least_after(b->lower + g * b->n_rows, s->drift32[g], b->n_rows, w->least);
}

/* Rows whose bounds leave more than one center: settled among all. They are looked at again in the next pass. */
static int settle_open(const bounds_strategy *s, int worker, const bounded_rows *b, int64_t *n_settled)
{
    const ck_screening *screening = s->base.screening;
    const worker_scratch *w = s->workers + worker;
    const int64_t d = b->X->n_features;
    const int64_t n = ck_screen_table()->unsure(b->upper, w->least, w->after, s->path32, (int)b->n_rows, w->list);
    *n_settled = n;
    if (n == 0) return CK_OK;
    ck_rows_table()->copy_listed(b->X, b->row, w->list, n, w->rows);
    const ck_matrix rows = ck_dense_matrix(w->rows, n, d, b->X->dtype);
    for (int64_t i = 0; i < n; i++) w->labels[i] = w->after[w->list[i]];
    int status = ck_assign_block(&screening->assigner, screening->scratch + worker, &rows, 0, n, w->labels);
    for (int64_t i = 0; i < n && status == CK_OK; i++) {
        const int64_t at = w->list[i], best = w->after[at];
        /* The bound of best's group leaves best out, which is not the label now. */
        if (w->labels[i] != best) b->lower[s->groups.of[best] * b->n_rows + at] = 0.0f;
        w->after[at] = w->labels[i];
        b->upper[at] = INFINITY;
    }
    return status;
}

/* Bounds of all rows, group by group. */
static int start_groups(const bounds_strategy *s, int worker, const bounded_rows *b)
{
    const worker_scratch *w = s->workers + worker;
    const ck_screen_image *image = &s->base.screening->assigner.model.image;
    const int64_t n = b->n_rows;
    for (int64_t i = 0; i < n; i++) {
        w->own[i] = INFINITY;
        w->list[i] = (int32_t)i;
    }
    expect_best(w, n);
    ck_rows_table()->image_listed(b->X, b->row, w->list, n, image->scale, image->minus_offset, image->minus_offset32,
                                  w->images, w->sqnorms, w->row);
    for (int64_t i = 0; i < n * s->groups.n; i++) b->lower[i] = -INFINITY; /* all groups are screened */
    for (int64_t g = 0; g < s->groups.n; g++) {
        int64_t n_screened;
        const int status = screen_group(s, worker, b, g, &n_screened, 0);
        if (status != CK_OK) return status;
    }
    for (int64_t i = 0; i < n; i++)
        if (w->best[i] >= 0) {
            take_best(s, w, b, (int32_t)i, w->high[i]);
        } else {
            w->after[i] = 0;
            b->upper[i] = INFINITY;
        }
    int64_t n_settled;
    return settle_open(s, worker, b, &n_settled);
}

/* Bounds of all rows. What is not the best of all is as far as the second, whatever its group; groups get bounds of
 * their own when rows are looked at again. */
static int start_rows(const bounds_strategy *s, int worker, const bounded_rows *b)
{
    const worker_scratch *w = s->workers + worker;
    const int64_t n = b->n_rows;
    if (s->groups.n > 1 && !s->base.screening->assigner.coarse_serves) return start_groups(s, worker, b);
    const int status = screen_all(s, worker, b, n);
    if (status != CK_OK) return status;
    for (int64_t g = 0; g < s->groups.n; g++)
        ck_quick_table()->round_down(w->bounds.others, s->drift[g], n, b->lower + g * n);
    memcpy(w->least, w->bounds.others, (size_t)n * sizeof *w->least);
    for (int64_t i = 0; i < n; i++) {
        w->after[i] = w->bounds.nearest[i];
        b->upper[i] = rounded_up((double)w->bounds.high[i] - s->path[w->after[i]]);
    }
    int64_t n_settled;
    return settle_open(s, worker, b, &n_settled);
}

/* Brings bounds up to date. OUT w->after: labels. INOUT screened: increased by the pairs that were scored. */
static int update_rows(const bounds_strategy *s, int worker, const bounded_rows *b, double *screened)
{
    const worker_scratch *w = s->workers + worker;
    const int64_t n = b->n_rows;
    int64_t pairs = 0;
    memcpy(w->after, b->labels, (size_t)n * sizeof *w->after);
    find_least(s, w, b);
    const int64_t count = ck_screen_table()->unsure(b->upper, w->least, b->labels, s->path32, (int)n, w->survivors);
    if (count == 0) return CK_OK;
    for (int64_t i = 0; i < n; i++) w->own[i] = -INFINITY; /* others are not looked for by group */
    if (s->tighten)
        measure_own(s, w, b, count);
    else
        for (int64_t i = 0; i < count; i++) w->own[w->survivors[i]] = INFINITY;
    int coarse;
    const int64_t left = list_left(s, worker, b, count, &coarse);
    expect_best(w, n);
    if (left == 0) return CK_OK;
    for (int64_t g = 0; g < s->groups.n; g++) {
        int64_t n_screened = left;
        const int status = screen_group(s, worker, b, g, &n_screened, coarse);
        if (status != CK_OK) return status;
        pairs += n_screened * (s->groups.begins[g + 1] - s->groups.begins[g]);
    }
    *screened += (double)pairs;
    choose_best(s, w, b, count);
    int64_t n_settled;
    const int status = settle_open(s, worker, b, &n_settled);
    if (coarse)
        ck_coarse_judge(&s->base.screening->assigner, s->base.screening->scratch[worker].coarse, left, n_settled);
    return status;
}

static int assign(ck_strategy *strategy, int worker, int64_t row, int64_t n_rows, int32_t *labels, ck_moves *moves,
                  double *screened)
{
    const bounds_strategy *s = (const bounds_strategy *)strategy;
    int32_t *after = strategy->screening->labels + worker * strategy->screening->assigner.block_rows;
    int status = CK_OK;
    if (s->starting) *screened += (double)n_rows * (double)strategy->screening->assigner.model.k;
    for (int64_t at = 0; at < n_rows && status == CK_OK; at += s->rows_at_once) {
        const int64_t first = row + at, n = ck_min_i64(s->rows_at_once, n_rows - at);
        const bounded_rows rows = {strategy->screening->assigner.X, first, n, labels + at, s->upper + first,
                                   s->lower + first * s->groups.n};
        status = s->starting ? start_rows(s, worker, &rows) : update_rows(s, worker, &rows, screened);
        if (status == CK_OK) memcpy(after + at, s->workers[worker].after, (size_t)n * sizeof *after);
    }
    if (status == CK_OK) ck_apply_labels(after, 0, n_rows, labels, moves);
    return status;
}

double ck_strategy_bounds_operations(const ck_screening *screening, int64_t n_groups, double share)
{
    const double all = ck_screen_operations(screening);
    double keep = CK_COST_KEEP_BOUNDS;
    if (ck_float_operations(screening) >= CK_WORTH_MEASURING) keep += CK_COST_MEASURE_OWN;
    if (n_groups > 1) keep += CK_COST_IMAGE * (double)screening->assigner.model.d;
    return share * (CK_BOUNDED_SLOWDOWN * all + CK_COST_GATHER) + keep;
}

static double operations(const ck_strategy *strategy, double share)
{
    return ck_strategy_bounds_operations(strategy->screening, ((const bounds_strategy *)strategy)->groups.n, share);
}

int ck_strategy_bounds_watch(ck_strategy *strategy, const double *centers, double *share)
{
    bounds_strategy *s = (bounds_strategy *)strategy;
    const int starting = !s->watching;
    double screened = 0.0;
    int status = follow(s, centers);
    s->watching = 1;
    if (status == CK_OK) status = starting ? start_rows(s, 0, &s->sampled) : update_rows(s, 0, &s->sampled, &screened);
    if (status != CK_OK) return status;
    memcpy(s->sampled.labels, s->workers[0].after, (size_t)s->sample.n_rows * sizeof *s->sampled.labels);
    *share = starting ? 1.0 : screened / ((double)s->sample.n_rows * (double)strategy->screening->assigner.model.k);
    return CK_OK;
}

/* --- Memory ------------------------------------------------------------------------------------------------ */

static void take_sample(bounds_strategy *s, ck_arena *arena, const ck_matrix *X, int64_t n)
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
    s->sampled = (bounded_rows){&s->sample, 0, n, labels, upper, lower};
    for (int64_t i = 0; i < n; i++) labels[i] = 0;
}

ck_strategy *ck_strategy_bounds(ck_arena *arena, ck_screening *screening, int64_t n_groups)
{
    const ck_assigner *assigner = &screening->assigner;
    const ck_matrix *X = assigner->X;
    const int64_t k = assigner->model.k, d = X->n_features, n = X->n_rows, block = assigner->block_rows;
    if (k < 2) return NULL;
    bounds_strategy *s = CK_NEW(arena, bounds_strategy, 1);
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
    s->drift32 = CK_NEW(arena, float, n_groups);
    s->drift_low = CK_NEW(arena, float, n_groups);
    s->upper = CK_NEW(arena, float, n);
    s->lower = CK_NEW(arena, float, n > INT64_MAX / n_groups ? -1 : n * n_groups);
    s->rows_at_once = ck_max_i64(BOUNDS_CACHE_BYTES / (int64_t)sizeof(float) / n_groups, CK_LANES);
    s->error = ck_quick_sqdist_error(X);
    s->underflow = ck_quick_sqdist_underflow(X);
    s->tighten = n_groups > 1 || ck_float_operations(screening) >= CK_WORTH_MEASURING;
    s->workers = CK_NEW(arena, worker_scratch, screening->n_workers);
    for (int i = 0; i < screening->n_workers && !arena->failed; i++) {
        worker_scratch *w = s->workers + i;
        w->least = CK_NEW(arena, float, block);
        w->own = CK_NEW(arena, float, block);
        w->high = CK_NEW(arena, float, block);
        w->others = CK_NEW(arena, float, block);
        w->best_low = CK_NEW(arena, float, block);
        w->limit = CK_NEW(arena, float, block);
        w->own_low = CK_NEW(arena, float, block);
        w->best = CK_NEW(arena, int32_t, block);
        w->after = CK_NEW(arena, int32_t, block);
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
        w->rounded = n_groups > 1 && assigner->coarse.shape
                         ? ck_arena_alloc(arena, block, assigner->coarse.rounded_bytes)
                         : NULL;
        w->row = CK_NEW(arena, double, d);
    }
    take_sample(s, arena, X, ck_min_i64(ck_min_i64(SAMPLE_ROWS, block), ck_ceil_div(n, ROWS_A_SAMPLED)));
    return arena->failed ? NULL : &s->base;
}

/* As many floats a row as memory is meant for bounds. */
static int64_t affordable_groups(const ck_screening *screening, int beside_embedding)
{
    const int64_t bytes = beside_embedding ? GROUP_BYTES_BESIDE_EMBEDDING : GROUP_BYTES;
    const int64_t at_most = bytes / (int64_t)sizeof(float) / screening->assigner.X->n_rows;
    const int64_t groups = ck_ceil_div(screening->assigner.model.k, ck_screen_table()->listed_centers);
    return ck_min_i64(groups, ck_min_i64(CK_MAX_GROUPS, ck_max_i64(at_most, 1)));
}

int64_t ck_useful_groups(const ck_screening *screening, int beside_embedding)
{
    return screening->assigner.model.d >= CK_GROUPED_FEATURES ? affordable_groups(screening, beside_embedding) : 1;
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
