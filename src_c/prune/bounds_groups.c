/* bounds_groups.c - rows that their bounds do not decide, screened against the groups that may hold a nearer center. */
#include <string.h>

#include "bounds.h"

/* The images of listed rows, by their numbers. */
static void image_rows(const ck_bounds *s, int worker, const ck_bounded_rows *b, const int32_t *list, int64_t n)
{
    const ck_bounds_scratch *w = s->workers + worker;
    const ck_screen_image *image = &s->base.screening->assigner.model.image;
    ck_rows_table()->image_listed(b->X, b->row, list, n, image->scale, image->minus_offset, image->minus_offset32,
                                  w->images, w->sqnorms, w->row);
}

/* What screening has told of the nearest center of some group: the best of a row so far gives way to a better one.
 * Returns whether it does. low: of all of the group. */
static int compare(const ck_bounds_scratch *w, int32_t at, float low, float high)
{
    const int better = high < w->high[at]; /* no branch: nobody could foretell it */
    w->least[at] = ck_less(better ? w->best_low[at] : low, w->least[at]);
    w->best_low[at] = better ? low : w->best_low[at];
    w->high[at] = better ? high : w->high[at];
    w->limit[at] = ck_less(w->high[at], w->limit[at]);
    return better;
}

/* Listed rows against one group: its best scores tell how near its nearest center is, not which it is. */
static void screen_group(const ck_bounds *s, int worker, const ck_bounded_rows *b, int64_t group, int64_t n)
{
    const ck_screening *screening = s->base.screening;
    const ck_bounds_scratch *w = s->workers + worker;
    const int64_t n_near = ck_bound_group(&screening->assigner, screening->scratch + worker, w->images, w->sqnorms,
                                          w->list, n, s->groups.panels[group], s->groups.n_panels[group],
                                          s->drift_low[group], w->limit, b->lower + group * b->n_rows, &w->near);
    for (int64_t l = 0; l < n_near; l++) {
        const int32_t at = w->near.rows[l];
        const int better = compare(w, at, w->near.low[l], w->near.high[l]);
        w->best_group[at] = better ? (int32_t)group : w->best_group[at];
    }
}

/* Which center of the best group is the nearest: rows of the same group together. */
static void find_centers(const ck_bounds *s, int worker, int64_t n_rows)
{
    const ck_screening *screening = s->base.screening;
    const ck_bounds_scratch *w = s->workers + worker;
    int64_t *ends = w->counts, begin = 0;
    memset(ends, 0, (size_t)s->groups.n * sizeof *ends);
    for (int64_t i = 0; i < n_rows; i++)
        if (w->best_group[i] >= 0) ends[w->best_group[i]]++;
    for (int64_t g = 0, sum = 0; g < s->groups.n; g++) {
        const int64_t count = ends[g];
        ends[g] = sum;
        sum += count;
    }
    for (int64_t i = 0; i < n_rows; i++)
        if (w->best_group[i] >= 0) w->list[ends[w->best_group[i]]++] = (int32_t)i;
    for (int64_t g = 0; g < s->groups.n; begin = ends[g++]) {
        const int64_t n = ends[g] - begin;
        const int32_t *list = w->list + begin;
        if (n == 0) continue;
        ck_bound_listed(&screening->assigner, screening->scratch + worker, w->images, w->sqnorms, list, n,
                        s->groups.panels[g], s->groups.n_panels[g], &w->bounds);
        for (int64_t l = 0; l < n; l++) {
            w->best[list[l]] = w->bounds.nearest[l];
            w->high[list[l]] = w->bounds.high[l];
            w->others[list[l]] = w->bounds.others[l];
        }
    }
}

int64_t ck_bounds_reached(const ck_bounds *s, int worker, const ck_bounded_rows *b, int64_t group)
{
    const ck_quick_kernels *quick = ck_quick_table();
    const ck_bounds_scratch *w = s->workers + worker;
    const int64_t n = b->n_rows, at = group % CK_LANES;
    float *lower = b->lower + group * n;
    if (s->gaps.known) {
        if (at == 0)
            quick->spread_gaps(s->gaps.least + group * s->base.screening->assigner.model.k, w->gap_labels, n, w->gaps,
                               s->gaps.apart);
        quick->raise_lower(w->gaps + at * s->gaps.apart, w->own, s->drift_low[group], n, lower);
    }
    return ck_screen_table()->reached(w->own, lower, s->drift_high[group], (int)n, w->list);
}

void ck_bounds_screen_groups(const ck_bounds *s, int worker, const ck_bounded_rows *b, int64_t n, int64_t *pairs)
{
    image_rows(s, worker, b, s->workers[worker].list, n);
    for (int64_t g = 0; g < s->groups.n; g++) {
        const int64_t n_reached = ck_bounds_reached(s, worker, b, g);
        *pairs += n_reached * (s->groups.begins[g + 1] - s->groups.begins[g]);
        if (n_reached > 0) screen_group(s, worker, b, g, n_reached);
    }
    find_centers(s, worker, b->n_rows);
}

void ck_bounds_guess_labels(const ck_bounds *s, int worker, const ck_bounded_rows *b)
{
    const ck_screen_model *model = &s->base.screening->assigner.model;
    const ck_bounds_scratch *w = s->workers + worker;
    const int64_t n = b->n_rows;
    float *best = w->near.low, *second = w->near.high, *index = w->least, *high = w->limit;
    for (int64_t i = 0; i < n; i++) {
        w->list[i] = (int32_t)i;
        high[i] = INFINITY;
        w->guess[i] = 0;
    }
    image_rows(s, worker, b, w->list, n);
    for (int64_t q = 0; q < ck_min_i64(CK_GUESSES, s->groups.n); q++) {
        const int64_t n_means = ck_ceil_div(s->groups.n - q, CK_GUESSES);
        for (int64_t i = 0; i < n; i++) w->list[i] = (int32_t)i;
        model->kernels->score_listed(w->images, ck_round_up(model->d, CK_LANES), w->list, n, model->d, s->gaps.means[q],
                                     ck_ceil_div(n_means, model->kernels->listed_centers), best, second, index);
        memcpy(w->best_group, index, (size_t)n * sizeof *index);
        find_centers(s, worker, n);
        for (int64_t i = 0; i < n; i++) {
            const int better = w->high[i] < high[i];
            w->guess[i] = better ? w->best[i] : w->guess[i];
            high[i] = better ? w->high[i] : high[i];
        }
    }
}

void ck_bounds_score_groups(const ck_bounds *s, int worker, const ck_bounded_rows *b)
{
    const ck_screen_model *model = &s->base.screening->assigner.model;
    const ck_quick_kernels *quick = ck_quick_table();
    const ck_bounds_scratch *w = s->workers + worker;
    const int64_t n = b->n_rows;
    float *scores = w->near.low, *best = w->near.high;
    for (int64_t i = 0; i < n; i++) {
        w->list[i] = (int32_t)i;
        best[i] = -INFINITY;
    }
    image_rows(s, worker, b, w->list, n);
    for (int64_t g = 0; g < s->groups.n; g++) {
        model->kernels->best_listed(w->images, ck_round_up(model->d, CK_LANES), w->list, n, model->d,
                                    s->groups.panels[g], s->groups.n_panels[g], scores);
        quick->keep_best_group(scores, n, (int32_t)g, best, w->best_group, b->lower + g * n);
    }
    if (model->too_large) /* nothing can be told */
        for (int64_t i = 0; i < n * s->groups.n; i++) b->lower[i] = NAN;
    for (int64_t g = 0; g < s->groups.n; g++)
        quick->bound_all(w->sqnorms, n, ck_sqnorm_slack(model), s->drift_low[g], (int32_t)g, w->best_group,
                         b->lower + g * n, w->least);
    find_centers(s, worker, n);
    memcpy(w->limit, w->high, (size_t)n * sizeof *w->limit);
}
