/* The only file that knows a threading runtime. Workers draw items from a shared counter, so that a slow core
 * holds nobody up; no result may depend on which worker ran an item. */
#include "base.h"

#if defined(_OPENMP)
#include <omp.h>
#elif defined(__APPLE__)
#include <dispatch/dispatch.h>
#endif
#if !defined(_WIN32)
#include <pthread.h>
#endif

#if defined(_MSC_VER)
#include <intrin.h>
static int64_t fetch_add(int64_t *value) { return _InterlockedExchangeAdd64((volatile __int64 *)value, 1); }
static void store(int64_t *value, int64_t to) { _InterlockedExchange64((volatile __int64 *)value, to); }
#else
static int64_t fetch_add(int64_t *value) { return __atomic_fetch_add(value, 1, __ATOMIC_RELAXED); }
static void store(int64_t *value, int64_t to) { __atomic_store_n(value, to, __ATOMIC_RELAXED); }
#endif

typedef struct {
    int64_t next, n_items;
    ck_item_fn fn;
    void *context;
    int status[256]; /* by worker */
} shared_loop;

enum { MAX_WORKERS = 256 };

static void run_worker(shared_loop *loop, int worker)
{
    for (;;) {
        int64_t item = fetch_add(&loop->next);
        if (item >= loop->n_items) return;
        int status = loop->fn(loop->context, item, worker);
        if (CK_UNLIKELY(status != CK_OK)) {
            loop->status[worker] = status;
            store(&loop->next, loop->n_items); /* nobody begins another */
            return;
        }
    }
}

/* A forked child has none of its parent's workers, and OpenMP runtimes hang when asked for them: it stays serial. */
static int forked_child = 0;
#if !defined(_WIN32)
static pthread_once_t fork_handler_once = PTHREAD_ONCE_INIT;
static void in_child(void) { forked_child = 1; }
static void install_fork_handler(void) { pthread_atfork(NULL, NULL, in_child); }
#endif

#if !defined(_OPENMP) && defined(__APPLE__)
static void dispatch_worker(void *loop, size_t worker) { run_worker((shared_loop *)loop, (int)worker); }
#endif

int ck_parallel_for(int64_t n_items, int n_threads, ck_item_fn fn, void *context)
{
    if (n_threads > MAX_WORKERS) n_threads = MAX_WORKERS;
    if (n_threads > n_items) n_threads = (int)n_items;
    if (n_threads <= 1 || forked_child) {
        for (int64_t item = 0; item < n_items; item++) {
            int status = fn(context, item, 0);
            if (status != CK_OK) return status;
        }
        return CK_OK;
    }
    shared_loop loop = {0, n_items, fn, context, {0}};
#if defined(_OPENMP)
#pragma omp parallel num_threads(n_threads)
    run_worker(&loop, omp_get_thread_num());
#elif defined(__APPLE__)
    dispatch_apply_f((size_t)n_threads, dispatch_get_global_queue(QOS_CLASS_USER_INITIATED, 0), &loop, dispatch_worker);
#else
    run_worker(&loop, 0);
#endif
    for (int worker = 0; worker < n_threads; worker++)
        if (loop.status[worker] != CK_OK) return loop.status[worker];
    return CK_OK;
}

int ck_useful_threads(int n_threads, int64_t n_items, double operations)
{
    /* Waking a team costs some microseconds, and milliseconds where another process computes: below this much work for
     * each thread one alone is faster. */
    const double worth_a_thread = 2.5e5;
#if !defined(_WIN32)
    if (n_threads > 1) pthread_once(&fork_handler_once, install_fork_handler);
#endif
    if (operations < worth_a_thread * n_threads) n_threads = (int)(operations / worth_a_thread);
    if (n_threads > n_items) n_threads = (int)n_items;
    if (n_threads > MAX_WORKERS) n_threads = MAX_WORKERS;
    return n_threads < 1 || forked_child ? 1 : n_threads;
}

const char *ck_parallel_backend(void)
{
#if defined(_OPENMP)
    return "openmp";
#elif defined(__APPLE__)
    return "dispatch";
#else
    return "serial";
#endif
}
