/* bounds_rows.c - the bounds of a block of rows, made or brought up to date, and the labels that follow. */
#include <string.h>

#include "../assign/assign.h"
#include "bounds.h"

static const float CERTAIN = 1.0f + 0x1p-20f; /* pays for rounding, of canonical distances too */

/* Before rows are screened. own: there already. */
static void expect_best(const ck_bounds_scratch *w, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        w->least[i] = w->high[i] = w->best_low[i] = INFINITY;
        w->limit[i] = w->own[i];
        w->best[i] = w->best_group[i] = -1;
    }
}

/* Screens n rows against all centers: those of w->list, or all where they are as many. */
static int screen_all(const ck_bounds *s, int worker, const ck_bounded_rows *b, int64_t n)
{
    const ck_screening *screening = s->base.screening;
    const ck_bounds_scratch *w = s->workers + worker;
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

/* The row's best center becomes its label. What rivals it: the others of its group, and whatever was compared with a
 * limit that is less than its distance. */
static void take_best(const ck_bounds *s, const ck_bounds_scratch *w, const ck_bounded_rows *b, int32_t row, float high)
{
    const int32_t best = w->best[row], group = s->groups.of[best];
    w->after[row] = best;
    b->lower[group * b->n_rows + row] = ck_rounded_down((double)w->others[row] + s->drift[group]);
    b->upper[row] = ck_rounded_up((double)high - s->path[best]);
    w->least[row] = ck_less(w->others[row], w->least[row]);
    if (!(high <= w->limit[row])) w->least[row] = ck_less(w->limit[row], w->least[row]);
}

/* Rows whose bounds leave more than one center: settled among all. They are looked at again in the next pass. */
static int settle_open(const ck_bounds *s, int worker, const ck_bounded_rows *b)
{
    const ck_screening *screening = s->base.screening;
    const ck_bounds_scratch *w = s->workers + worker;
    const int64_t d = b->X->n_features;
    const int64_t n = ck_screen_table()->unsure(b->upper, w->least, w->after, s->path32, (int)b->n_rows, w->list);
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

/* --- Made --------------------------------------------------------------------------------------------------- */

/* All centers at once. What is not the best of all is as far as the second, whatever its group; groups get bounds of
 * their own when rows are looked at again. */
static int start_together(const ck_bounds *s, int worker, const ck_bounded_rows *b)
{
    const ck_bounds_scratch *w = s->workers + worker;
    const int64_t n = b->n_rows;
    const int status = screen_all(s, worker, b, n);
    if (status != CK_OK) return status;
    for (int64_t g = 0; g < s->groups.n; g++)
        ck_quick_table()->round_down(w->bounds.others, s->drift[g], n, b->lower + g * n);
    memcpy(w->least, w->bounds.others, (size_t)n * sizeof *w->least);
    for (int64_t i = 0; i < n; i++) {
        w->after[i] = w->bounds.nearest[i];
        b->upper[i] = ck_rounded_up((double)w->bounds.high[i] - s->path[w->after[i]]);
    }
    return CK_OK;
}

/* Every group by itself. */
static void start_by_groups(const ck_bounds *s, int worker, const ck_bounded_rows *b)
{
    const ck_bounds_scratch *w = s->workers + worker;
    for (int64_t i = 0; i < b->n_rows; i++) w->own[i] = INFINITY;
    expect_best(w, b->n_rows);
    ck_bounds_score_groups(s, worker, b);
    for (int64_t i = 0; i < b->n_rows; i++)
        if (w->best[i] >= 0) {
            take_best(s, w, b, (int32_t)i, w->high[i]);
        } else {
            w->after[i] = 0;
            b->upper[i] = INFINITY;
        }
}

ck_bounded_rows ck_bounds_guess(const ck_bounds *s, int worker, const ck_bounded_rows *b)
{
    const ck_bounds_scratch *w = s->workers + worker;
    ck_bounded_rows guessed = *b;
    guessed.labels = w->guess;
    for (int64_t i = 0; i < b->n_rows; i++) b->upper[i] = INFINITY;
    for (int64_t i = 0; i < b->n_rows * s->groups.n; i++) b->lower[i] = 0.0f;
    if (b->labels[0] >= 0)
        memcpy(w->guess, b->labels, (size_t)b->n_rows * sizeof *w->guess);
    else
        ck_bounds_guess_labels(s, worker, b);
    return guessed;
}

int ck_bounds_start(const ck_bounds *s, int worker, const ck_bounded_rows *b, double *screened)
{
    int status = CK_OK;
    if (s->gaps.known) {
        const ck_bounded_rows guessed = ck_bounds_guess(s, worker, b);
        if (b->labels[0] < 0) *screened += (double)b->n_rows * ck_guessed_pairs(s);
        return ck_bounds_update(s, worker, &guessed, screened);
    }
    *screened += (double)b->n_rows * (double)s->base.screening->assigner.model.k;
    if (s->groups.n > 1 && !s->base.screening->assigner.coarse_serves)
        start_by_groups(s, worker, b);
    else
        status = start_together(s, worker, b);
    return status == CK_OK ? settle_open(s, worker, b) : status;
}

/* --- Brought up to date ------------------------------------------------------------------------------------- */

/* OUT w->survivors: rows that moves may have given another label. */
static int64_t list_survivors(const ck_bounds *s, const ck_bounds_scratch *w, const ck_bounded_rows *b)
{
    for (int64_t i = 0; i < b->n_rows; i++) w->least[i] = INFINITY;
    for (int64_t g = 0; g < s->groups.n; g++)
        ck_quick_table()->least_after(b->lower + g * b->n_rows, s->drift_high[g], b->n_rows, w->least);
    return ck_screen_table()->unsure(b->upper, w->least, b->labels, s->path32, (int)b->n_rows, w->survivors);
}

/* The survivors' distances to their own centers, upper bounds with them. OUT w->own, own_low. */
static void measure_own(const ck_bounds *s, const ck_bounds_scratch *w, const ck_bounded_rows *b, int64_t count)
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
        b->upper[row] = ck_rounded_up((double)high[i] - s->path[b->labels[row]]);
    }
}

/* OUT w->gap_labels. The other rows read the gaps of the one before, which caches hold, and do nothing with them. */
static void label_left(const ck_bounds_scratch *w, const ck_bounded_rows *b, int64_t n)
{
    int32_t label = n > 0 ? b->labels[w->list[0]] : 0;
    for (int64_t i = 0, l = 0; i < b->n_rows; i++) {
        if (l < n && w->list[l] == i) {
            label = b->labels[i];
            l++;
        } else {
            w->own[i] = -INFINITY;
        }
        w->gap_labels[i] = label;
    }
}

/* OUT w->own; w->list: survivors that measuring their own center has not let go. */
static int64_t list_left(const ck_bounds *s, const ck_bounds_scratch *w, const ck_bounded_rows *b, int64_t count)
{
    for (int64_t i = 0; i < b->n_rows && s->groups.n > 1; i++)
        w->own[i] = -INFINITY; /* others are not looked for by group */
    if (s->tighten) {
        measure_own(s, w, b, count);
        const int64_t n = ck_screen_table()->unsure(b->upper, w->least, b->labels, s->path32, (int)b->n_rows, w->list);
        if (s->gaps.known) label_left(w, b, n);
        return n;
    }
    for (int64_t i = 0; i < count; i++) w->own[w->survivors[i]] = INFINITY;
    memcpy(w->list, w->survivors, (size_t)count * sizeof *w->list);
    return count;
}

/* Where there are no groups: the best center of every row that is left, and what follows for its bounds. */
static int screen_together(const ck_bounds *s, int worker, const ck_bounded_rows *b, int64_t n)
{
    const ck_bounds_scratch *w = s->workers + worker;
    float *lower = w->near.low;
    const int status = screen_all(s, worker, b, n);
    if (status != CK_OK) return status;
    ck_quick_table()->round_down(w->bounds.others, s->drift[0], n, lower);
    for (int64_t i = 0; i < b->n_rows; i++) w->least[i] = INFINITY;
    for (int64_t l = 0; l < n; l++) {
        const int32_t at = w->list[l], best = w->bounds.nearest[l];
        const float own = best == b->labels[at] ? w->own[at] : INFINITY, high = ck_less(own, w->bounds.high[l]);
        w->after[at] = best;
        w->least[at] = w->bounds.others[l];
        b->lower[at] = lower[l];
        b->upper[at] = ck_rounded_up((double)high - s->path[best]);
    }
    return CK_OK;
}

/* The best center of every survivor that was screened, and what follows for its bounds. */
static void choose_best(const ck_bounds *s, const ck_bounds_scratch *w, const ck_bounded_rows *b, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        const int32_t row = w->survivors[i], best = w->best[row];
        float high = w->high[row];
        if (best < 0) continue;
        const int32_t label = b->labels[row], group = s->groups.of[label];
        float *lower = b->lower + group * b->n_rows + row;
        if (label == best) {
            high = ck_less(w->own[row], high);
        } else if (*lower - s->drift_high[group] > w->own[row] * CERTAIN) { /* its own group was not screened */
            const int stays = w->own[row] < high; /* upper is of this label, lower of the others */
            w->least[row] = ck_less(stays ? w->best_low[row] : w->own_low[i], w->least[row]);
            if (stays) continue;
            *lower = ck_less(ck_rounded_down((double)w->own_low[i] + s->drift[group]), *lower);
        }
        take_best(s, w, b, row, high);
    }
}

int64_t ck_bounds_open_pairs(const ck_bounds *s, int worker, const ck_bounded_rows *b)
{
    const ck_bounds_scratch *w = s->workers + worker;
    const int64_t count = list_survivors(s, w, b);
    int64_t pairs = 0;
    if (count == 0 || list_left(s, w, b, count) == 0) return 0;
    for (int64_t g = 0; g < s->groups.n; g++)
        pairs += ck_bounds_reached(s, worker, b, g) * (s->groups.begins[g + 1] - s->groups.begins[g]);
    return pairs;
}

int ck_bounds_update(const ck_bounds *s, int worker, const ck_bounded_rows *b, double *screened)
{
    const ck_screening *screening = s->base.screening;
    const ck_bounds_scratch *w = s->workers + worker;
    int64_t pairs = 0;
    int status = CK_OK;
    memcpy(w->after, b->labels, (size_t)b->n_rows * sizeof *w->after);
    const int64_t count = list_survivors(s, w, b);
    const int64_t left = count == 0 ? 0 : list_left(s, w, b, count);
    if (left == 0) return CK_OK;
    if (s->groups.n > 1) {
        expect_best(w, b->n_rows);
        ck_bounds_screen_groups(s, worker, b, left, &pairs);
        choose_best(s, w, b, count);
    } else {
        pairs = left * screening->assigner.model.k;
        status = screen_together(s, worker, b, left);
    }
    if (status != CK_OK) return status;
    *screened += (double)pairs;
    return settle_open(s, worker, b);
}
