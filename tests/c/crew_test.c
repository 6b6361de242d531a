/* crew_test.c - the threads alone: loops of many callers at once, within each other, that fail, are stopped, are
 * forked.
 *     crew_test [rounds] [forks: 1 or 0]
 * Every item must run exactly once and on a worker number of its own, and nobody may wait for ever (alarm). */
#include "../../src_c/threads/os_threads.h"
#include "../../src_c/threads/threads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if !defined(_WIN32)
#include <sys/wait.h>
#include <unistd.h>
#endif

enum { MOST_ITEMS = 2000, MOST_WORKERS = 16, CALLERS = 4, PATIENCE_SECONDS = 120 };

static void fail(const char *what)
{
    fprintf(stderr, "FAILED: %s\n", what);
    exit(1);
}

typedef struct {
    int64_t runs[MOST_ITEMS];
    int64_t busy[MOST_WORKERS]; /* workers within an item: never two with the same number */
    int64_t failing_item;       /* or -1 */
    int inner_items, spin;
} task_t;

static int64_t items_begun, items_ended, most_at_once;
static int64_t most_threads = MOST_WORKERS; /* that a loop asks for */

/* At least so many are within an item: those that end meanwhile are left out. */
static void count_running(int64_t begun_before)
{
    const int64_t running = begun_before + 1 - ck_load(&items_ended);
    if (running > ck_load(&most_at_once)) ck_store(&most_at_once, running);
}

static int inner_item(void *context, int64_t item, int worker)
{
    (void)item, (void)worker;
    ck_fetch_add(context);
    return CK_OK;
}

static int one_item(void *context, int64_t item, int worker)
{
    task_t *task = context;
    if (worker < 0 || worker >= MOST_WORKERS) fail("worker number");
    if (ck_fetch_add(task->busy + worker) != 0) fail("two threads have one worker number");
    count_running(ck_fetch_add(&items_begun));
    for (int i = 0; i < task->spin; i++) ck_pause();
    if (task->inner_items > 0) {
        int64_t inner = 0;
        if (ck_parallel_for(task->inner_items, 3, inner_item, &inner) != CK_OK) fail("inner loop");
        if (inner != task->inner_items) fail("an inner item is missing");
    }
    ck_fetch_add(task->runs + item);
    ck_fetch_add(&items_ended);
    ck_store(task->busy + worker, 0);
    return item == task->failing_item ? CK_ERROR_NOT_FINITE : CK_OK;
}

static void run_loops(int rounds, unsigned seed)
{
    task_t *task = malloc(sizeof *task);
    for (int round = 0; round < rounds; round++) {
        seed = seed * 1664525u + 1013904223u;
        const int64_t n = 1 + (seed >> 8) % (round % 4 ? 40 : MOST_ITEMS);
        const int n_threads = 1 + (int)(seed >> 20) % (int)ck_load(&most_threads);
        memset(task, 0, sizeof *task);
        task->spin = (int)(seed >> 12) % 200;
        task->inner_items = round % 5 == 0 ? (int)(seed >> 16) % 20 : 0;
        task->failing_item = round % 7 == 0 ? (int64_t)(seed >> 4) % n : -1;
        const int status = ck_parallel_for(n, n_threads, one_item, task);
        if (status != (task->failing_item < 0 ? CK_OK : CK_ERROR_NOT_FINITE)) fail("status of a loop");
        for (int64_t i = 0; i < n; i++)
            if (task->runs[i] != 1 && (task->failing_item < 0 || task->runs[i] > 1)) fail("an item ran not once");
    }
    free(task);
}

/* --- Several callers at once ------------------------------------------------------------------------------- */

static int64_t callers_begun, callers_done;
static int rounds_of_callers;

static ck_thread_result CK_THREAD_CALL caller(void *unused)
{
    (void)unused;
    run_loops(rounds_of_callers, (unsigned)ck_fetch_add(&callers_begun) + 7u);
    ck_fetch_add(&callers_done);
    return 0;
}

static void run_callers(int rounds)
{
    ck_store(&callers_begun, 0);
    ck_store(&callers_done, 0);
    rounds_of_callers = rounds;
    for (int i = 0; i < CALLERS; i++)
        if (ck_thread_start(caller) != 0) fail("a thread cannot be started");
    run_loops(rounds, 1);
    while (ck_load(&callers_done) < CALLERS) ck_pause();
}

/* However many threads each call has of its own, helpers run on processors that are free alone. */
static void share_processors(int rounds, int processors)
{
    ck_set_processors(processors);
    ck_store(&most_threads, processors);
    ck_store(&most_at_once, 0);
    run_callers(rounds);
    if (most_at_once > processors - 1 + CALLERS + 1) fail("more threads run than processors are there");
    ck_store(&most_threads, MOST_WORKERS);
}

/* --- Stopping ---------------------------------------------------------------------------------------------- */

static int asked;
static int stop_at_once(void *user) { return (void)user, asked++, 1; }

static int slow_item(void *context, int64_t item, int worker)
{
    (void)item, (void)worker;
    ck_fetch_add(context);
    const double start = ck_seconds();
    while (ck_seconds() - start < 1e-3) ck_pause();
    return CK_OK;
}

static void stop_loops(int n_threads)
{
    ck_watch watch = {.stop = stop_at_once};
    int64_t done = 0, count = 100000;
    asked = 0;
    ck_watch *before = ck_set_watch(&watch);
    if (ck_parallel_for(count, n_threads, slow_item, &done) != CK_ERROR_STOPPED) fail("a loop was not stopped");
    if (ck_parallel_for(count, n_threads, slow_item, &done) != CK_ERROR_STOPPED) fail("a stopped watch lets loops run");
    if (!ck_stopped() || asked != 1) fail("a watch was asked again");
    if (ck_set_watch(before) != &watch) fail("the watch set before");
    if (done < 1 || done > 2000) fail("stopped too soon or too late");
    done = 0;
    if (ck_parallel_for(5, n_threads, slow_item, &done) != CK_OK) fail("a loop without a watch");
    if (done != 5 || ck_stopped()) fail("a loop without a watch");
}

static int64_t asked_by_others;
static int count_questions(void *user) { return (void)user, (void)ck_fetch_add(&asked_by_others), 0; }
static int64_t others_done;

static ck_thread_result CK_THREAD_CALL other_caller(void *expected_status)
{
    ck_watch watch = {.stop = count_questions};
    int64_t done = 0;
    ck_watch *before = ck_set_watch(&watch);
    watch.last = 0.0; /* asked at once */
    if (ck_parallel_for(20, 3, slow_item, &done) != *(int *)expected_status) fail("a call at the end of the program");
    ck_set_watch(before);
    ck_fetch_add(&others_done);
    return 0;
}

static ck_thread_result CK_THREAD_CALL before_the_end(void *unused)
{
    int status = CK_OK;
    return (void)unused, other_caller(&status);
}

static ck_thread_result CK_THREAD_CALL after_the_end(void *unused)
{
    int status = CK_ERROR_STOPPED;
    return (void)unused, other_caller(&status);
}

static void wait_for_others(int64_t how_many)
{
    while (ck_load(&others_done) < how_many) ck_pause();
}

/* Nobody else is asked any more, and their calls end; this thread's go on. */
static void end_program(void)
{
    if (ck_thread_start(before_the_end) != 0) fail("a thread cannot be started");
    wait_for_others(1);
    if (ck_load(&asked_by_others) == 0) fail("a watch that is not asked");
    ck_store(&asked_by_others, 0);
    ck_end_other_calls();
    if (ck_thread_start(after_the_end) != 0) fail("a thread cannot be started");
    wait_for_others(2);
    if (ck_load(&asked_by_others) != 0) fail("asked after the end");
    for (int n_threads = 1; n_threads <= 4; n_threads++) stop_loops(n_threads);
    int status = CK_OK;
    other_caller(&status);
}

/* --- Forks ------------------------------------------------------------------------------------------------- */

#if defined(_WIN32)
static void fork_and_run(void) {}
#else
/* The first time it is asked, and neither the parent nor the child ever again. */
static int fork_once(void *user)
{
    pid_t *child = user;
    if (*child < 0) *child = fork();
    return *child < 0; /* none can be had: stop */
}

static void expect_exit(pid_t child, int code)
{
    int status = -1;
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != code)
        fail("a forked child");
}

static void fork_and_run(void)
{
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        alarm(PATIENCE_SECONDS);
        run_loops(20, 3);
        _exit(0);
    }
    expect_exit(child, 0);

    /* From within a loop: the child has lost the items of the helpers, and must not wait for them. */
    pid_t grandchild = -1;
    ck_watch watch = {.stop = fork_once, .user = &grandchild};
    int64_t done = 0;
    ck_watch *before = ck_set_watch(&watch);
    watch.last = 0.0; /* asked at once */
    const int status = ck_parallel_for(150, 4, slow_item, &done);
    ck_set_watch(before);
    if (grandchild == 0) {
        alarm(PATIENCE_SECONDS);
        run_loops(20, 5);
        _exit(status == CK_ERROR_FORKED ? 0 : 1);
    }
    if (status != CK_OK || done != 150 || grandchild < 0) fail("the parent of a fork within a loop");
    expect_exit(grandchild, 0);
}
#endif

/* --- Regions of the program's own -------------------------------------------------------------------------- */

#if defined(_OPENMP)
/* A call from within one is to do with a thread, but may have as many as it asks for. */
static void run_within_region(void)
{
    if (ck_runtime_threads() < 1 || ck_runtime_processors() < 1) fail("what the runtime would use");
#pragma omp parallel num_threads(2)
    {
        if (ck_runtime_threads() != 1) fail("threads within a region");
        run_loops(20, (unsigned)ck_fetch_add(&callers_begun));
    }
}
#else
static void run_within_region(void) {}
#endif

static void run_lender(const char *lender, int rounds, int forks)
{
    if (ck_choose_lender(lender) != CK_OK) fail("a lender that was listed cannot be chosen");
    run_loops(rounds, 1);
    for (int processors = 1; processors <= 4; processors++) {
        ck_set_processors(processors);
        run_callers(rounds / 4);
        share_processors(rounds / 4, processors);
    }
    for (int n_threads = 1; n_threads <= 4; n_threads++) stop_loops(n_threads);
    if (strcmp(lender, "openmp") == 0) run_within_region();
    if (forks) fork_and_run();
    printf("%s: every item ran once in %d rounds\n", lender, rounds);
}

int main(int argc, char **argv)
{
    const int rounds = argc > 1 ? atoi(argv[1]) : 300, forks = argc < 3 || atoi(argv[2]);
    const char *lenders[4];
    const int n_lenders = ck_list_lenders(lenders, 4);
#if !defined(_WIN32)
    alarm(PATIENCE_SECONDS);
#endif
    if (ck_choose_lender("nobody") != CK_ERROR_UNKNOWN) fail("a lender that there is not");
    for (int i = 0; i < n_lenders; i++) run_lender(lenders[i], rounds, forks);
    end_program();
    return 0;
}
