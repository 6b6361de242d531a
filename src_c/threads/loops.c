/* loops.c - loops whose items several threads draw. No result may depend on which thread ran an item. */
#include "../base/costs.h"
#include "board.h"

/* Of this thread: how many loops it is within. */
static CK_THREAD_LOCAL int depth = 0;

int ck_within_loop(void) { return depth > 0; }

/* In a child whose parent had opened the loop: helpers, and the items they held, are no more. */
static int was_forked(const ck_loop *loop) { return loop->generation != ck_board_generation(); }

static void close_with(ck_loop *loop, int status)
{
    ck_store(&loop->status, status);
    ck_store(&loop->next, loop->n_items); /* nobody begins another */
}

void ck_loop_draw(ck_loop *loop, int worker)
{
    ck_watch_pace pace = {0};
    depth++;
    for (;;) {
        const int64_t item = ck_fetch_add(&loop->next);
        if (item >= loop->n_items || was_forked(loop)) break;
        const int status = ck_watch_stops(&pace) ? CK_ERROR_STOPPED : loop->fn(loop->context, item, worker);
        if (CK_UNLIKELY(status != CK_OK)) {
            close_with(loop, status);
            break;
        }
    }
    depth--;
}

static int run_alone(int64_t n_items, ck_item_fn fn, void *context)
{
    ck_watch_pace pace = {0};
    for (int64_t item = 0; item < n_items; item++) {
        const int status = ck_watch_stops(&pace) ? CK_ERROR_STOPPED : fn(context, item, 0);
        if (status != CK_OK) return status;
    }
    return CK_OK;
}

int ck_parallel_for(int64_t n_items, int n_threads, ck_item_fn fn, void *context)
{
    if (n_threads > CK_MAX_THREADS) n_threads = CK_MAX_THREADS;
    if (n_threads > n_items) n_threads = (int)n_items;
    if (n_threads <= 1) return run_alone(n_items, fn, context);
    ck_loop loop = {.n_items = n_items, .fn = fn, .context = context, .n_threads = n_threads, .n_joined = 1};
    loop.watch = ck_current_watch();
    loop.generation = ck_board_generation();
    ck_board_offer(&loop);
    ck_loop_draw(&loop, 0);
    if (was_forked(&loop)) return CK_ERROR_FORKED;
    ck_board_withdraw(&loop);
    return (int)loop.status;
}

int ck_useful_threads(int n_threads, int64_t n_items, double operations)
{
    if (operations < CK_WORTH_A_THREAD * n_threads) n_threads = (int)(operations / CK_WORTH_A_THREAD);
    if (n_threads > n_items) n_threads = (int)n_items;
    if (n_threads > CK_MAX_THREADS) n_threads = CK_MAX_THREADS;
    return n_threads < 1 ? 1 : n_threads;
}
