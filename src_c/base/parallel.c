/* parallel.c - loops whose items several threads draw, and the crew of helpers that all calls of the process share.
 *
 * The caller works on its own loop and never waits for a helper that took nothing: where other processes hold the
 * processors, a loop goes on with the threads that run. Helpers that find nothing to do watch for a moment, since the
 * next loop of a fit is microseconds away, and sleep. No result may depend on which thread ran an item. */
#include "base.h"
#include "os_threads.h"

enum { MAX_THREADS = 256 };
static const double WATCHING_SECONDS = 50e-6; /* as long as it takes to wake a sleeper */

/* On its caller's stack: helpers touch it between joining and leaving only, both under the lock of the crew. */
typedef struct open_loop {
    int64_t next; /* atomic: the first item that nobody has drawn */
    char own_lines[CK_ALIGNMENT - sizeof(int64_t)];
    int64_t n_items;
    ck_item_fn fn;
    void *context;
    ck_watch *watch;
    int64_t status;    /* atomic: of an item that failed */
    int64_t n_helping; /* atomic, changed under the lock */
    int n_threads, n_joined;
    int64_t generation; /* of the process that opened it */
    struct open_loop *below;
} open_loop;

/* What the process has of helpers and loops, all of it under the lock but for `news`. */
static struct {
    ck_mutex lock;
    ck_condition called; /* sleepers are needed */
    ck_condition left;   /* a loop lost its last helper */
    int64_t news;        /* atomic: loops opened so far, for helpers that watch */
    open_loop *newest;
    int n_helpers, n_watching, n_sleeping, n_called;
    int n_running;      /* threads within a loop, of callers and helpers */
    int processors;     /* how many all calls together may keep running */
    int64_t generation; /* of processes, counted by forks */
} crew = {.lock = CK_MUTEX_INIT, .called = CK_CONDITION_INIT, .left = CK_CONDITION_INIT, .processors = MAX_THREADS};

/* Of this thread: how many loops it is within. */
static CK_THREAD_LOCAL int depth = 0;

/* --- Items ------------------------------------------------------------------------------------------------- */

/* In a child whose parent had opened the loop: helpers, and the items they held, are no more. */
static int was_forked(const open_loop *loop) { return loop->generation != crew.generation; }

static void close_with(open_loop *loop, int status)
{
    ck_store(&loop->status, status);
    ck_store(&loop->next, loop->n_items); /* nobody begins another */
}

static void draw_items(open_loop *loop, int worker)
{
    ck_watch_pace pace = {0};
    for (;;) {
        const int64_t item = ck_fetch_add(&loop->next);
        if (item >= loop->n_items || was_forked(loop)) return;
        const int status = ck_watch_stops(&pace) ? CK_ERROR_STOPPED : loop->fn(loop->context, item, worker);
        if (CK_UNLIKELY(status != CK_OK)) {
            close_with(loop, status);
            return;
        }
    }
}

/* --- Helpers ----------------------------------------------------------------------------------------------- */

/* Threads that may run at once: what all calls together find free, or what one of them asks for. */
static int most_running(const open_loop *loop)
{
    return loop->n_threads > crew.processors ? loop->n_threads : crew.processors;
}

static int wants_help(const open_loop *loop)
{
    return loop->n_joined < loop->n_threads && ck_load(&loop->next) < loop->n_items &&
           crew.n_running < most_running(loop);
}

static open_loop *loop_that_wants_help(void)
{
    open_loop *loop = crew.newest;
    while (loop && !wants_help(loop)) loop = loop->below;
    return loop;
}

/* Two at most: those that come call two more, so that many are awake after few steps. */
static void call_sleepers(const open_loop *loop)
{
    int wanted = loop->n_threads - loop->n_joined - crew.n_watching - crew.n_called;
    for (int calls = 0; calls < 2 && wanted > 0 && crew.n_sleeping > crew.n_called; calls++, wanted--) {
        crew.n_called++;
        ck_signal(&crew.called);
    }
}

/* Looks out for another loop, without the lock meanwhile; whether one came. */
static int news_came(void)
{
    const int64_t seen = ck_load(&crew.news);
    const double start = ck_seconds();
    crew.n_watching++;
    ck_unlock(&crew.lock);
    for (double waited = 0.0; waited >= 0.0 && waited < WATCHING_SECONDS; waited = ck_seconds() - start)
        for (int breath = 0; breath < 32 && ck_load(&crew.news) == seen; breath++) ck_pause();
    ck_lock(&crew.lock);
    crew.n_watching--;
    return ck_load(&crew.news) != seen;
}

static void help(open_loop *loop)
{
    const int worker = loop->n_joined++;
    ck_store(&loop->n_helping, loop->n_helping + 1);
    crew.n_running++;
    if (wants_help(loop)) call_sleepers(loop);
    ck_unlock(&crew.lock);

    depth = 1;
    ck_set_watch(loop->watch);
    draw_items(loop, worker);
    ck_set_watch(NULL);
    depth = 0;

    ck_lock(&crew.lock);
    crew.n_running--;
    const int64_t remaining = loop->n_helping - 1;
    ck_store(&loop->n_helping, remaining); /* the last touch: its caller may be gone now */
    if (remaining == 0) ck_broadcast(&crew.left);
}

static void serve(void)
{
    ck_lock(&crew.lock);
    for (;;) {
        open_loop *loop = loop_that_wants_help();
        if (loop) {
            help(loop);
            continue;
        }
        if (crew.n_running + crew.n_watching < crew.processors && news_came()) continue;
        crew.n_sleeping++;
        ck_wait(&crew.called, &crew.lock);
        crew.n_sleeping--;
        if (crew.n_called > 0) crew.n_called--;
    }
}

static ck_thread_result CK_THREAD_CALL helper(void *unused)
{
    (void)unused;
    ck_name_this_thread("ckmeans");
    serve();
    return 0;
}

/* A forked child has none of its parent's helpers and begins anew. */
#if !defined(_WIN32)
static void before_fork(void) { ck_lock(&crew.lock); }
static void in_parent(void) { ck_unlock(&crew.lock); }
static void in_child(void)
{
    crew.lock = (ck_mutex)CK_MUTEX_INIT;
    crew.called = (ck_condition)CK_CONDITION_INIT;
    crew.left = (ck_condition)CK_CONDITION_INIT;
    crew.newest = NULL;
    crew.n_helpers = crew.n_watching = crew.n_sleeping = crew.n_called = crew.n_running = 0;
    crew.generation++;
}
/* When the library is loaded: a fork beside the first loop would find the lock taken and nobody to free it. */
static int forks_are_handled = 0;
__attribute__((constructor)) static void handle_forks(void)
{
    forks_are_handled = pthread_atfork(before_fork, in_parent, in_child) == 0;
}
#endif

static void hire(int n_helpers)
{
#if !defined(_WIN32)
    if (!forks_are_handled) return;
#endif
    while (crew.n_helpers < n_helpers && ck_thread_start(helper) == 0) crew.n_helpers++;
}

/* --- Loops ------------------------------------------------------------------------------------------------- */

static void offer(open_loop *loop)
{
    ck_lock(&crew.lock);
    hire(loop->n_threads - 1);
    crew.n_running += depth == 0;
    loop->below = crew.newest;
    crew.newest = loop;
    ck_fetch_add(&crew.news);
    if (wants_help(loop)) call_sleepers(loop);
    ck_unlock(&crew.lock);
}

/* Takes the loop from the crew, and waits for the helpers that hold items of it. */
static void withdraw(open_loop *loop)
{
    ck_lock(&crew.lock);
    open_loop **at = &crew.newest;
    while (*at != loop) at = &(*at)->below;
    *at = loop->below;
    crew.n_running -= depth == 0;
    open_loop *other = loop_that_wants_help();
    if (other) call_sleepers(other);
    ck_unlock(&crew.lock);
    for (int breath = 0; breath < 1000; breath++) {
        if (ck_load(&loop->n_helping) == 0) return;
        ck_pause();
    }
    ck_lock(&crew.lock);
    while (loop->n_helping > 0) ck_wait(&crew.left, &crew.lock);
    ck_unlock(&crew.lock);
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
    if (n_threads > MAX_THREADS) n_threads = MAX_THREADS;
    if (n_threads > n_items) n_threads = (int)n_items;
    if (n_threads <= 1) return run_alone(n_items, fn, context);
    open_loop loop = {.n_items = n_items, .fn = fn, .context = context, .n_threads = n_threads, .n_joined = 1};
    loop.watch = ck_current_watch();
    loop.generation = crew.generation;
    offer(&loop);
    depth++;
    draw_items(&loop, 0);
    depth--;
    if (was_forked(&loop)) return CK_ERROR_FORKED;
    withdraw(&loop);
    return (int)loop.status;
}

void ck_set_processors(int processors)
{
    ck_lock(&crew.lock);
    crew.processors = processors;
    ck_unlock(&crew.lock);
}

int ck_useful_threads(int n_threads, int64_t n_items, double operations)
{
    /* Waking a helper costs some microseconds: below this much work for each thread one alone is faster. */
    const double worth_a_thread = 2.5e5;
    if (operations < worth_a_thread * n_threads) n_threads = (int)(operations / worth_a_thread);
    if (n_threads > n_items) n_threads = (int)n_items;
    if (n_threads > MAX_THREADS) n_threads = MAX_THREADS;
    return n_threads < 1 ? 1 : n_threads;
}

const char *ck_parallel_backend(void) { return CK_THREADS_NAME; }
