/* board.c - open loops, and the threads that look for one to help with.
 *
 * A caller works on its own loop and never waits for a helper that took nothing: where other processes hold the
 * processors, a loop goes on with the threads that run. Helpers that find nothing to do watch for a moment, since the
 * next loop of a fit is microseconds away, and sleep. */
#include "lender.h"

static const double WATCHING_SECONDS = 50e-6; /* as long as it takes to wake a sleeper */

/* All of it under the lock but for `news`. */
static struct {
    ck_mutex lock;
    ck_condition called; /* sleepers are needed */
    ck_condition left;   /* a loop lost its last helper */
    int64_t news;        /* atomic: loops opened so far, for helpers that watch */
    ck_loop *newest;
    int n_watching, n_sleeping, n_called;
    int n_running;      /* threads within a loop, of callers and helpers */
    int processors;     /* how many all calls together may keep running */
    int dismissed;      /* helpers go home */
    int64_t generation; /* of processes, counted by forks */
} board = {.lock = CK_MUTEX_INIT, .called = CK_CONDITION_INIT, .left = CK_CONDITION_INIT, .processors = CK_MAX_THREADS};

int64_t ck_board_generation(void) { return board.generation; }

/* --- Helpers ----------------------------------------------------------------------------------------------- */

/* Threads that may run at once: what all calls together find free, or what one of them asks for. */
static int most_running(const ck_loop *loop)
{
    return loop->n_threads > board.processors ? loop->n_threads : board.processors;
}

static int wants_help(const ck_loop *loop)
{
    return loop->n_joined < loop->n_threads && ck_load(&loop->next) < loop->n_items &&
           board.n_running < most_running(loop);
}

static ck_loop *loop_that_wants_help(void)
{
    ck_loop *loop = board.newest;
    while (loop && !wants_help(loop)) loop = loop->below;
    return loop;
}

/* Two at most: those that come call two more, so that many are awake after few steps. */
static void call_sleepers(const ck_loop *loop)
{
    int wanted = loop->n_threads - loop->n_joined - board.n_watching - board.n_called;
    for (int calls = 0; calls < 2 && wanted > 0 && board.n_sleeping > board.n_called; calls++, wanted--) {
        board.n_called++;
        ck_signal(&board.called);
    }
}

/* Looks out for another loop, without the lock meanwhile; whether one came. */
static int news_came(void)
{
    const int64_t seen = ck_load(&board.news);
    const double start = ck_seconds();
    board.n_watching++;
    ck_unlock(&board.lock);
    for (double waited = 0.0; waited >= 0.0 && waited < WATCHING_SECONDS; waited = ck_seconds() - start)
        for (int breath = 0; breath < 32 && ck_load(&board.news) == seen; breath++) ck_pause();
    ck_lock(&board.lock);
    board.n_watching--;
    return ck_load(&board.news) != seen;
}

static void help(ck_loop *loop)
{
    const int worker = loop->n_joined++;
    assert(worker > 0 && worker < loop->n_threads);
    ck_store(&loop->n_helping, loop->n_helping + 1);
    board.n_running++;
    if (wants_help(loop)) call_sleepers(loop);
    ck_unlock(&board.lock);

    ck_set_watch(loop->watch);
    ck_loop_draw(loop, worker);
    ck_set_watch(NULL);

    ck_lock(&board.lock);
    board.n_running--;
    const int64_t remaining = loop->n_helping - 1;
    ck_store(&loop->n_helping, remaining); /* the last touch: its caller may be gone now */
    if (remaining == 0) ck_broadcast(&board.left);
}

void ck_board_serve(void)
{
    ck_name_this_thread("ckmeans");
    ck_lock(&board.lock);
    while (!board.dismissed) {
        ck_loop *loop = loop_that_wants_help();
        if (loop) {
            help(loop);
            continue;
        }
        if (board.n_running + board.n_watching < board.processors && news_came()) continue;
        if (board.dismissed) break;
        board.n_sleeping++;
        ck_wait(&board.called, &board.lock);
        board.n_sleeping--;
        if (board.n_called > 0) board.n_called--;
    }
    ck_unlock(&board.lock);
}

ck_mutex *ck_board_lock(void)
{
    ck_lock(&board.lock);
    return &board.lock;
}

void ck_board_dismiss(int leave)
{
    board.dismissed = leave;
    ck_fetch_add(&board.news);
    ck_broadcast(&board.called);
}

/* --- Loops ------------------------------------------------------------------------------------------------- */

void ck_board_offer(ck_loop *loop)
{
    ck_lock(&board.lock);
    ck_hire(loop->n_threads - 1);
    board.n_running += !ck_within_loop();
    loop->below = board.newest;
    board.newest = loop;
    ck_fetch_add(&board.news);
    if (wants_help(loop)) call_sleepers(loop);
    ck_unlock(&board.lock);
}

void ck_board_withdraw(ck_loop *loop)
{
    ck_lock(&board.lock);
    ck_loop **at = &board.newest;
    while (*at != loop) at = &(*at)->below;
    *at = loop->below;
    board.n_running -= !ck_within_loop();
    ck_loop *other = loop_that_wants_help();
    if (other) call_sleepers(other);
    ck_unlock(&board.lock);
    for (int breath = 0; breath < 1000; breath++) {
        if (ck_load(&loop->n_helping) == 0) return;
        ck_pause();
    }
    ck_lock(&board.lock);
    while (loop->n_helping > 0) ck_wait(&board.left, &board.lock);
    ck_unlock(&board.lock);
}

void ck_set_processors(int processors)
{
    ck_lock(&board.lock);
    board.processors = processors;
    ck_unlock(&board.lock);
}

/* --- Forks ------------------------------------------------------------------------------------------------- */

void ck_board_in_child(void)
{
    board.lock = (ck_mutex)CK_MUTEX_INIT;
    board.called = (ck_condition)CK_CONDITION_INIT;
    board.left = (ck_condition)CK_CONDITION_INIT;
    board.newest = NULL;
    board.n_watching = board.n_sleeping = board.n_called = board.n_running = board.dismissed = 0;
    board.generation++;
}
