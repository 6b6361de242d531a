#include "groups.h"

#include <stdlib.h>

typedef struct ck_ranked_center {
    double key;
    int32_t center;
} ranked;

void ck_groups_init(ck_groups *groups, ck_arena *arena, const ck_assigner *assigner, int64_t n)
{
    const int64_t k = assigner->model.k, d = assigner->model.d, width = assigner->model.kernels->listed_centers;
    groups->n = ck_max_i64(ck_min_i64(n, k), 1);
    groups->begins = CK_NEW(arena, int64_t, groups->n + 1);
    groups->indices = CK_NEW(arena, int32_t, k);
    groups->of = CK_NEW(arena, int32_t, k);
    groups->ranks = CK_NEW(arena, ranked, k);
    groups->means = CK_NEW(arena, double, 2 * d);
    groups->n_panels = CK_NEW(arena, int64_t, groups->n);
    groups->panels = CK_NEW(arena, float *, groups->n);
    const int64_t largest = ck_ceil_div(k, groups->n) + 1, most = ck_round_up(largest, width); /* centers of a group */
    for (int64_t g = 0; g < groups->n && groups->n > 1 && !arena->failed; g++)
        groups->panels[g] = CK_NEW(arena, float, most *(d + 2));
}

static int compare_keys(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->key != y->key) return (x->key > y->key) - (x->key < y->key);
    return (x->center > y->center) - (x->center < y->center);
}

/* Puts the `left` least ones first, in any order. */
static void put_least_first(ranked *ranks, int64_t n, int64_t left)
{
    enum { MANY_ROUNDS = 64 };
    int64_t first = 0, last = n - 1;
    for (int round = 0; first < last; round++) {
        const ranked pivot = ranks[first + (last - first) / 2];
        int64_t i = first, j = last;
        if (round == MANY_ROUNDS) {
            qsort(ranks + first, (size_t)(last - first + 1), sizeof *ranks, compare_keys);
            return;
        }
        while (i <= j) {
            while (compare_keys(ranks + i, &pivot) < 0) i++;
            while (compare_keys(ranks + j, &pivot) > 0) j--;
            if (i > j) break;
            const ranked other = ranks[i];
            ranks[i++] = ranks[j];
            ranks[j--] = other;
        }
        if (left - 1 <= j)
            last = j;
        else
            first = i;
        if (left - 1 < first) return;
    }
}

/* Puts the `left` centers first that are nearest to a rather than b. */
static void put_nearest_first(const double *centers, int64_t d, const double *a, const double *b, ranked *ranks,
                              int64_t n, int64_t left)
{
    for (int64_t i = 0; i < n; i++) {
        const double *c = centers + ranks[i].center * d;
        const double key = ck_sqdist_plain(c, a, d) - ck_sqdist_plain(c, b, d);
        ranks[i].key = key == key ? key : 0.0;
    }
    put_least_first(ranks, n, left);
}

static void mean_of(const double *centers, int64_t d, const ranked *ranks, int64_t n, double *mean)
{
    for (int64_t p = 0; p < d; p++) mean[p] = 0.0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t p = 0; p < d; p++) mean[p] += centers[ranks[i].center * d + p] / (double)n;
}

/* Puts `left` centers first that are near to each other, and far from the others: those nearer to one that is far from
 * the first than to the one farthest from that, and then, once more, those nearer to the mean of these than to that of
 * the others. means: 2 x d. */
static void halve(const double *centers, int64_t d, ranked *ranks, int64_t n, int64_t left, double *means)
{
    const double *from = centers + ranks[0].center * d;
    int64_t ends[2] = {0, 0};
    for (int end = 0; end < 2; end++) {
        double farthest = -1.0;
        for (int64_t i = 0; i < n; i++) {
            const double distance = ck_sqdist_plain(centers + ranks[i].center * d, from, d);
            if (distance > farthest) farthest = distance, ends[end] = i;
        }
        from = centers + ranks[ends[end]].center * d;
    }
    const double *a = centers + ranks[ends[0]].center * d, *b = centers + ranks[ends[1]].center * d;
    put_nearest_first(centers, d, a, b, ranks, n, left);
    mean_of(centers, d, ranks, left, means);
    mean_of(centers, d, ranks + left, n - left, means + d);
    put_nearest_first(centers, d, means, means + d, ranks, n, left);
}

static int split(ck_groups *groups, const ck_assigner *assigner, ranked *ranks, int64_t first, int64_t n, int64_t group,
                 int64_t n_groups)
{
    if (n_groups == 1) {
        for (int64_t i = first; i < first + n; i++) {
            ranks[i].key = 0.0;
            groups->of[ranks[i].center] = (int32_t)group;
        }
        qsort(ranks + first, (size_t)n, sizeof *ranks, compare_keys); /* by index */
        groups->begins[group + 1] = first + n;
        return CK_OK;
    }
    const int64_t half = n_groups / 2, left = ck_ceil_div(n * half, n_groups);
    if (ck_stopped()) return CK_ERROR_STOPPED;
    halve(assigner->centers, assigner->model.d, ranks + first, n, left, groups->means);
    const int status = split(groups, assigner, ranks, first, left, group, half);
    if (status != CK_OK) return status;
    return split(groups, assigner, ranks, first + left, n - left, group + half, n_groups - half);
}

int ck_groups_form(ck_groups *groups, const ck_assigner *assigner)
{
    const int64_t k = assigner->model.k;
    for (int64_t j = 0; j < k; j++) groups->ranks[j] = (ranked){0.0, (int32_t)j};
    groups->begins[0] = 0;
    const int status = split(groups, assigner, groups->ranks, 0, k, 0, groups->n);
    assert(status != CK_OK || groups->begins[groups->n] == k);
    for (int64_t i = 0; i < k; i++) groups->indices[i] = groups->ranks[i].center;
    return status;
}

void ck_groups_set_centers(ck_groups *groups, const ck_assigner *assigner)
{
    const ck_screen_model *model = &assigner->model;
    const int64_t r = model->shape->panel_centers, width = model->kernels->listed_centers, lines = model->d + 2;
    for (int64_t g = 0; g < groups->n && groups->n > 1; g++) {
        const int64_t first = groups->begins[g], size = groups->begins[g + 1] - first;
        groups->n_panels[g] = ck_ceil_div(size, width);
        for (int64_t c = 0; c < groups->n_panels[g] * width; c++) {
            /* What fills the last panel has the score -infinity, as in the model. */
            const int64_t j = groups->indices[first + ck_min_i64(c, size - 1)];
            const float *from = model->panels + j / r * lines * r + j % r;
            float *to = groups->panels[g] + c / width * lines * width + c % width;
            for (int64_t line = 0; line < lines; line++) to[line * width] = from[line * r];
            if (c >= size) to[0] = -INFINITY;
        }
    }
}
