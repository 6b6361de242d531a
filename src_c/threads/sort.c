/* sort.c - a stable merge sort on several threads, which asks the watch between its steps. */
#include <string.h>

#include "threads.h"

enum { RUN = 4096 }; /* sorted as one item */

typedef struct {
    const ck_sort_order *order;
    int64_t *from, *to;
    int64_t n, width; /* of the runs that are merged in pairs */
} merge_task;

/* OUT to: of two runs that follow each other. */
static void merge(const ck_sort_order *order, const int64_t *from, int64_t n_first, int64_t n, int64_t *to)
{
    int64_t a = 0, b = n_first;
    while (a < n_first && b < n) *to++ = order->before(order->context, from[b], from[a]) ? from[b++] : from[a++];
    memcpy(to, from + a, (size_t)(n_first - a) * sizeof *to);
    memcpy(to + n_first - a, from + b, (size_t)(n - b) * sizeof *to);
}

static int merge_pair(void *context, int64_t item, int worker)
{
    const merge_task *task = context;
    const int64_t first = 2 * item * task->width, n = ck_min_i64(2 * task->width, task->n - first);
    (void)worker;
    merge(task->order, task->from + first, ck_min_i64(task->width, n), n, task->to + first);
    return CK_OK;
}

/* INOUT from: one run sorted in place, by as many merges as leave it there. */
static int sort_run(void *context, int64_t item, int worker)
{
    const merge_task *task = context;
    const int64_t first = item * RUN, n = ck_min_i64(RUN, task->n - first);
    int64_t *from = task->from + first, *to = task->to + first;
    (void)worker;
    for (int64_t width = 1; width < n; width *= 2) {
        for (int64_t at = 0; at < n; at += 2 * width)
            merge(task->order, from + at, ck_min_i64(width, n - at), ck_min_i64(2 * width, n - at), to + at);
        memcpy(from, to, (size_t)n * sizeof *from);
    }
    return CK_OK;
}

int ck_sort(int64_t *values, int64_t n, const ck_sort_order *order, int64_t *scratch, int n_threads)
{
    merge_task task = {order, values, scratch, n, RUN};
    const double operations = 64.0 * (double)n;
    int64_t n_items = ck_ceil_div(n, RUN);
    int status = ck_parallel_for(n_items, ck_useful_threads(n_threads, n_items, operations), sort_run, &task);
    for (; task.width < n && status == CK_OK; task.width *= 2) {
        n_items = ck_ceil_div(n, 2 * task.width);
        status = ck_parallel_for(n_items, ck_useful_threads(n_threads, n_items, operations), merge_pair, &task);
        int64_t *merged = task.to;
        task.to = task.from;
        task.from = merged;
    }
    if (task.from != values && status == CK_OK) memcpy(values, task.from, (size_t)n * sizeof *values);
    return status;
}
