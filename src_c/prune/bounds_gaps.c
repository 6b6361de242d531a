/* bounds_gaps.c - distances between centers, which exclude those far from a row's own (Elkan, "Using the triangle
 * inequality to accelerate k-means", ICML 2003), by groups: docs/numerics.md, section 7. Measuring them costs as much
 * as k rows; a sample of the rows tells before each pass whether they save more. */
#include <string.h>

#include "../base/costs.h"
#include "bounds.h"

enum { PATIENCE = 2 }; /* looks in a row that may fail */

void ck_gaps_init(ck_bounds *s, ck_arena *arena)
{
    const ck_screening *screening = s->base.screening;
    const ck_assigner *assigner = &screening->assigner;
    const int64_t k = assigner->model.k, d = assigner->model.d, block = assigner->block_rows;
    const int64_t mean_panels = ck_ceil_div(s->groups.n, CK_GUESSES * assigner->model.kernels->listed_centers);
    ck_gaps *gaps = &s->gaps;
    if (s->groups.n == 1 || (double)k > CK_GAPS_CENTERS * (double)assigner->X->n_rows) return;
    gaps->apart = ck_round_up(block, CK_LANES) + CK_LANES;
    const int64_t padded = ck_round_up(s->groups.n, CK_LANES), last_line = (padded - CK_LANES) * k;
    gaps->least = CK_NEW(arena, float, k *padded);
    gaps->list = CK_NEW(arena, int32_t, k);
    gaps->images = CK_NEW(arena, float, k *ck_round_up(d, CK_LANES));
    gaps->sqnorms = CK_NEW(arena, float, k);
    gaps->places = CK_NEW(arena, int32_t, block);
    gaps->no_limits = CK_NEW(arena, float, block);
    for (int q = 0; q < CK_GUESSES; q++)
        gaps->means[q] = CK_NEW(arena, float, mean_panels * assigner->model.kernels->listed_centers * (d + 2));
    for (int i = 0; i < screening->n_workers && !arena->failed; i++) {
        s->workers[i].gaps = CK_NEW(arena, float, CK_LANES * gaps->apart);
        s->workers[i].gap_labels = CK_NEW(arena, int32_t, block);
    }
    for (int64_t i = 0; i < block && !arena->failed; i++) {
        gaps->places[i] = (int32_t)i;
        gaps->no_limits[i] = -INFINITY;
    }
    for (int64_t j = 0; j < k && !arena->failed; j++) /* no lane is left uninitialized */
        for (int64_t g = s->groups.n; g < padded; g++) gaps->least[last_line + j * CK_LANES + g % CK_LANES] = 0.0f;
}

/* --- Distances ---------------------------------------------------------------------------------------------- */

typedef struct {
    const ck_bounds *s;
    int64_t n; /* of the centers listed */
} measuring;

/* Of the centers of a group to the others: screens would find that the nearest to a center is itself. */
static void measure_within(const ck_bounds *s, int64_t group)
{
    const int64_t k = s->base.screening->assigner.model.k, d = s->base.screening->assigner.model.d;
    const int64_t first = s->groups.begins[group], last = s->groups.begins[group + 1];
    const int32_t *centers = s->groups.indices;
    float *least = s->gaps.least + (group - group % CK_LANES) * k + group % CK_LANES;
    for (int64_t a = first; a < last; a++) least[centers[a] * CK_LANES] = INFINITY;
    for (int64_t a = first; a < last; a++)
        for (int64_t b = first; b < a; b++) {
            const int32_t i = centers[a], j = centers[b];
            const double root = ck_sqdist_root(ck_sqdist_of(s->centers + i * d, s->centers + j * d, d));
            const int told = root >= 0x1p-1000 && root <= DBL_MAX; /* else it is not rounded relatively */
            const float low = told ? ck_rounded_down(root * s->base.screening->assigner.model.image.scale) : 0.0f;
            least[i * CK_LANES] = ck_less(low, least[i * CK_LANES]);
            least[j * CK_LANES] = ck_less(low, least[j * CK_LANES]);
        }
}

/* Of listed centers to the groups of a line. */
static int measure_line(void *context, int64_t line, int worker)
{
    const measuring *task = context;
    const ck_bounds *s = task->s;
    const ck_gaps *gaps = &s->gaps;
    const ck_assigner *assigner = &s->base.screening->assigner;
    const int64_t block = assigner->block_rows, stride = ck_round_up(assigner->model.d, CK_LANES);
    const int64_t first = line * CK_LANES, n_groups = ck_min_i64(CK_LANES, s->groups.n - first);
    float *low = s->workers[worker].gaps, *least = gaps->least + first * assigner->model.k;
    for (int64_t at = 0; at < task->n; at += block) {
        const int64_t n = ck_min_i64(block, task->n - at);
        if (ck_watch_stops(&s->base.screening->scratch[worker].pace)) return CK_ERROR_STOPPED;
        for (int64_t g = 0; g < n_groups; g++)
            ck_bound_group(assigner, s->base.screening->scratch + worker, gaps->images + at * stride,
                           gaps->sqnorms + at, gaps->places, n, s->groups.panels[first + g],
                           s->groups.n_panels[first + g], 0.0f, gaps->no_limits, low + g * gaps->apart,
                           &s->workers[worker].near);
        for (int64_t i = 0; i < n; i++)
            for (int64_t g = 0; g < n_groups; g++) least[gaps->list[at + i] * CK_LANES + g] = low[g * gaps->apart + i];
    }
    for (int64_t g = first; g < first + n_groups; g++) measure_within(s, g);
    return CK_OK;
}

static int measure_listed(const ck_bounds *s, int64_t n)
{
    const ck_screening *screening = s->base.screening;
    const ck_screen_model *model = &screening->assigner.model;
    const int64_t d = model->d, n_lines = ck_ceil_div(s->groups.n, CK_LANES);
    const double operations = (double)n * ck_float_operations(screening);
    measuring task = {s, n};
    for (int64_t i = 0; i < n; i++) {
        const ck_matrix center = ck_dense_matrix(s->centers + s->gaps.list[i] * d, 1, d, CK_F64);
        ck_rows_table()->image_listed(&center, 0, s->gaps.places, 1, model->image.scale, model->image.minus_offset,
                                      model->image.minus_offset32, s->gaps.images + i * ck_round_up(d, CK_LANES),
                                      s->gaps.sqnorms + i, s->workers[0].row);
    }
    return ck_parallel_for(n_lines, ck_useful_threads(screening->n_workers, n_lines, operations), measure_line, &task);
}

/* --- What labels are guessed by ----------------------------------------------------------------------------- */

/* Panels of the groups' means, every fourth together, so that rows find the best of each quarter. */
static void pack_means(const ck_bounds *s)
{
    const ck_screen_model *model = &s->base.screening->assigner.model;
    const int64_t d = model->d, width = model->kernels->listed_centers;
    const int64_t padded = ck_round_up(ck_ceil_div(s->groups.n, CK_GUESSES), width);
    for (int64_t place = 0; place < padded * CK_GUESSES; place++) {
        const int64_t group = ck_min_i64(place, s->groups.n - 1), c = place / CK_GUESSES;
        const int64_t first = s->groups.begins[group], last = s->groups.begins[group + 1];
        const int32_t index = (int32_t)group;
        float *to = s->gaps.means[place % CK_GUESSES] + c / width * (d + 2) * width + c % width;
        double sqnorm = 0.0;
        for (int64_t p = 0; p < d; p++) {
            double mean = model->image.minus_offset[p];
            for (int64_t i = first; i < last; i++)
                mean += s->centers[s->groups.indices[i] * d + p] * model->image.scale / (double)(last - first);
            to[(2 + p) * width] = (float)mean;
            sqnorm += mean * mean;
        }
        to[0] = place < s->groups.n ? (float)(-0.5 * sqnorm) : -INFINITY;
        memcpy(to + width, &index, sizeof index);
    }
}

/* --- Whether it pays ---------------------------------------------------------------------------------------- */

/* The centers that label a sample, ascending. */
static int64_t list_labels(const ck_bounds *s, const ck_bounded_rows *b)
{
    const int64_t k = s->base.screening->assigner.model.k;
    int32_t *list = s->gaps.list;
    int64_t n = 0;
    for (int64_t j = 0; j < k; j++) list[j] = 0;
    for (int64_t i = 0; i < b->n_rows; i++) list[b->labels[i]] = 1;
    for (int64_t j = 0; j < k; j++)
        if (list[j]) list[n++] = (int32_t)j;
    return n;
}

int ck_gaps_measure(ck_bounds *s)
{
    const ck_assigner *assigner = &s->base.screening->assigner;
    const double n = (double)assigner->X->n_rows, m = (double)s->sample.n_rows, k = (double)assigner->model.k;
    const double pair = (double)assigner->model.d + CK_COST_LISTED_PAIR, price = CK_GAPS_SLOWDOWN * k * k * pair / n;
    const int guessing = s->starting && s->sampled.labels[0] < 0;
    ck_bounded_rows sampled = s->sampled;
    ck_gaps *gaps = &s->gaps;
    gaps->known = 0;
    if (s->starting) gaps->looks = 0;
    if (!gaps->least || assigner->model.too_large || !(s->starting || gaps->looks)) return CK_OK;
    if (guessing) pack_means(s);
    if (s->starting) sampled = ck_bounds_guess(s, 0, &s->sampled);
    const int64_t pairs = ck_bounds_open_pairs(s, 0, &sampled);
    const double guesses = guessing ? CK_GAPS_SLOWDOWN * ck_guessed_pairs(s) * pair : 0.0;
    const double enough = price + guesses + (double)s->groups.n * CK_COST_RAISED_BOUND;
    if (!((double)pairs / m * pair > enough)) return CK_OK;
    int status = measure_listed(s, list_labels(s, &sampled));
    if (status != CK_OK) return status;
    gaps->known = 1;
    const int64_t left = ck_bounds_open_pairs(s, 0, &sampled);
    gaps->known = (double)(pairs - left) / m * pair > enough;
    if (gaps->known || (s->starting && (double)(pairs - left) > CK_GAPS_HOPE * (double)pairs))
        gaps->looks = PATIENCE;
    else if (!s->starting)
        gaps->looks--;
    if (!gaps->known) return CK_OK;
    for (int64_t j = 0; j < assigner->model.k; j++) gaps->list[j] = (int32_t)j;
    return measure_listed(s, assigner->model.k);
}
