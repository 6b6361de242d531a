/* watch.c - long work that can be stopped, by the thread that called for it. */
#include "os_threads.h"
#include "threads.h"

static const double LOOK_SECONDS = 0.05;  /* between questions: an answer may have to wait for others */
static const double CLOCK_SECONDS = 1e-4; /* between looks at the clock, where items are short */

static CK_THREAD_LOCAL ck_watch *current = NULL;

ck_watch *ck_set_watch(ck_watch *watch)
{
    ck_watch *before = current;
    current = watch;
    if (watch && !watch->owner) {
        watch->owner = &current;
        watch->last = ck_seconds();
    }
    return before;
}

ck_watch *ck_current_watch(void) { return current; }

/* --- The end of the program -------------------------------------------------------------------------------- */

/* Under the lock. */
static struct {
    ck_mutex lock;
    ck_condition answered;
    int n_asking, has_come;
    int64_t generation;
} end = {.lock = CK_MUTEX_INIT, .answered = CK_CONDITION_INIT};
static CK_THREAD_LOCAL int goes_on = 0; /* the thread that ends the program */

void ck_end_other_calls(void)
{
    goes_on = 1;
    ck_lock(&end.lock);
    end.has_come = 1;
    while (end.n_asking > 0) ck_wait(&end.answered, &end.lock);
    ck_unlock(&end.lock);
}

static int ask(const ck_watch *watch)
{
    ck_lock(&end.lock);
    const int may_ask = goes_on || !end.has_come;
    const int64_t generation = end.generation;
    end.n_asking += may_ask;
    ck_unlock(&end.lock);
    if (!may_ask) return 1;
    const int stop = watch->stop(watch->user);
    ck_lock(&end.lock);
    if (generation == end.generation && --end.n_asking == 0) ck_broadcast(&end.answered);
    ck_unlock(&end.lock);
    return stop;
}

void ck_watch_in_child(void)
{
    end.lock = (ck_mutex)CK_MUTEX_INIT;
    end.answered = (ck_condition)CK_CONDITION_INIT;
    end.n_asking = 0;
    end.generation++;
}

/* --- Questions --------------------------------------------------------------------------------------------- */

int ck_watch_stops(ck_watch_pace *pace)
{
    enum { MOST_UNTIMED = 63 };
    ck_watch *watch = current;
    if (!watch) return 0;
    if (ck_load(&watch->stopped)) return 1;
    if (watch->owner != &current) return 0; /* a helper: it does not ask */
    if (pace->untimed-- > 0) return 0;
    const double now = ck_seconds();
    const int soon = pace->last > 0.0 && now - pace->last < CLOCK_SECONDS;
    pace->stride = soon ? (int)ck_min_i64(2 * pace->stride + 1, MOST_UNTIMED) : 0;
    pace->untimed = pace->stride;
    pace->last = now;
    if (now - watch->last >= 0.0 && now - watch->last < LOOK_SECONDS) return 0;
    watch->last = now;
    if (!ask(watch)) return 0;
    ck_store(&watch->stopped, 1);
    return 1;
}

int ck_stopped(void)
{
    ck_watch_pace pace = {0};
    return ck_watch_stops(&pace);
}
