/* threads.h - loops on several threads, and the watch that may stop them. */
#ifndef CK_THREADS_H
#define CK_THREADS_H

#include "../base/base.h"

/* --- watch.c: see ck_set_watch --- */
typedef struct {
    int untimed, stride; /* items until the next look at the clock */
    double last;
} ck_watch_pace;
/* Whether the work of this thread is to end, which it is for good once it was; for loops of many short items, whose
 * pace keeps clocks cheap. */
int ck_watch_stops(ck_watch_pace *pace);
int ck_stopped(void);
/* Rows between two questions of a loop that does next to nothing for each. */
enum { CK_UNWATCHED_ROWS = 1 << 18 };
ck_watch *ck_current_watch(void);
void ck_watch_in_child(void); /* after a fork */

/* --- loops.c --- */
/* Work on one item; worker is in [0, n_threads) and owns its scratch while the call lasts. */
typedef int (*ck_item_fn)(void *context, int64_t item, int worker);
/* All items, unless one fails or the watch of this thread asks to stop: the status of an item that failed, or
 * CK_ERROR_STOPPED, is returned. */
CK_CHECKED int ck_parallel_for(int64_t n_items, int n_threads, ck_item_fn fn, void *context);
/* Threads worth using for `operations` scalar operations split into n_items: small work runs serially. */
int ck_useful_threads(int n_threads, int64_t n_items, double operations);

/* --- sort.c --- */
typedef struct {
    int (*before)(const void *context, int64_t a, int64_t b);
    const void *context;
} ck_sort_order;
/* INOUT values: n, in this order; equal ones stay as they are. scratch: n. */
CK_CHECKED int ck_sort(int64_t *values, int64_t n, const ck_sort_order *order, int64_t *scratch, int n_threads);

#endif
