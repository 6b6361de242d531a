/* crew.c - the helpers that all calls of the process share.
 *
 * The caller works on its own loop and never waits for a helper that took nothing: where other processes hold the
 * processors, a loop goes on with the threads that run. Helpers that find nothing to do watch for a moment, since the
 * next loop of a fit is microseconds away, and sleep. */
#include "loops.h"
#include "os_threads.h"

static const double WATCHING_SECONDS = 50e-6; /* as long as it takes to wake a sleeper */

/* What the process has of helpers and loops, all of it under the lock but for `news`. */
static struct {
    ck_mutex lock;
    ck_condition called; /* sleepers are needed */
    ck_condition left;   /* a loop lost its last helper */
    int64_t news;        /* atomic: loops opened so far, for helpers that watch */
    ck_loop *newest;
    int n_helpers, n_watching, n_sleeping, n_called;
    int n_running;      /* threads within a loop, of callers and helpers */
    int processors;     /* how many all calls together may keep running */
    int64_t generation; /* of processes, counted by forks */
} crew = {.lock = CK_MUTEX_INIT, .called = CK_CONDITION_INIT, .left = CK_CONDITION_INIT, .processors = CK_MAX_THREADS};

int64_t ck_crew_generation(void) { return crew.generation; }

/* --- Helpers ----------------------------------------------------------------------------------------------- */

/* Threads that may run at once: what all calls together find free, or what one of them asks for. */
static int most_running(const ck_loop *loop)
{
    return loop->n_threads > crew.processors ? loop->n_threads : crew.processors;
}

static int wants_help(const ck_loop *loop)
{
    return loop->n_joined < loop->n_threads && ck_load(&loop->next) < loop->n_items &&
           crew.n_running < most_running(loop);
}

static ck_loop *loop_that_wants_help(void)
{
    ck_loop *loop = crew.newest;
    while (loop && !wants_help(loop)) loop = loop->below;
    return loop;
}

/* Two at most: those that come call two more, so that many are awake after few steps. */
static void call_sleepers(const ck_loop *loop)
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

static void help(ck_loop *loop)
{
    const int worker = loop->n_joined++;
    assert(worker > 0 && worker < loop->n_threads);
    ck_store(&loop->n_helping, loop->n_helping + 1);
    crew.n_running++;
    if (wants_help(loop)) call_sleepers(loop);
    ck_unlock(&crew.lock);

    ck_set_watch(loop->watch);
    ck_loop_draw(loop, worker);
    ck_set_watch(NULL);

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
        ck_loop *loop = loop_that_wants_help();
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

void ck_crew_offer(ck_loop *loop)
{
    ck_lock(&crew.lock);
    hire(loop->n_threads - 1);
    crew.n_running += !ck_within_loop();
    loop->below = crew.newest;
    crew.newest = loop;
    ck_fetch_add(&crew.news);
    if (wants_help(loop)) call_sleepers(loop);
    ck_unlock(&crew.lock);
}

void ck_crew_withdraw(ck_loop *loop)
{
    ck_lock(&crew.lock);
    ck_loop **at = &crew.newest;
    while (*at != loop) at = &(*at)->below;
    *at = loop->below;
    crew.n_running -= !ck_within_loop();
    ck_loop *other = loop_that_wants_help();
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

void ck_set_processors(int processors)
{
    ck_lock(&crew.lock);
    crew.processors = processors;
    ck_unlock(&crew.lock);
}

const char *ck_parallel_backend(void) { return CK_THREADS_NAME; }
