/* board.c - open loops, and the threads that look for one to help with.
 *
 * A caller works on its own loop and never waits for a helper that took nothing: where other processes hold the
 * processors, a loop goes on with the threads that run. Helpers that find nothing to do watch for a moment, since the
 * next loop of a fit is microseconds away, and sleep. */
#include "board.h"

static const double WATCHING_SECONDS = 50e-6; /* as long as it takes to wake a sleeper */
enum { LENT_PER_PROCESSOR = 4 };              /* threads that all calls at once may have waiting for them */

/* All of it under the lock. */
static struct {
    ck_mutex lock;
    ck_condition left; /* a loop lost its last helper */
    ck_loop *newest;
    int n_running;  /* threads within a loop, of callers and helpers */
    int n_watching; /* of all pools */
    int n_calls, n_lent;
    int processors;     /* how many all calls together may keep running */
    int64_t generation; /* of processes, counted by forks */
} board = {.lock = CK_MUTEX_INIT, .left = CK_CONDITION_INIT, .processors = CK_MAX_THREADS};

static CK_THREAD_LOCAL ck_pool *at_hand = NULL;

ck_pool *ck_pool_at_hand(void) { return at_hand; }
void ck_pool_take(ck_pool *pool) { at_hand = pool; }

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

static ck_loop *loop_that_wants_help(const ck_pool *of_pool)
{
    ck_loop *loop = board.newest;
    while (loop && !((of_pool == NULL || loop->pool == of_pool) && wants_help(loop))) loop = loop->below;
    return loop;
}

/* Two at most: those that come call two more, so that many are awake after few steps. */
static void call_sleepers(const ck_loop *loop)
{
    ck_pool *pool = loop->pool;
    int wanted = loop->n_threads - loop->n_joined - pool->n_watching - pool->n_called;
    for (int calls = 0; calls < 2 && wanted > 0 && pool->n_sleeping > pool->n_called; calls++, wanted--) {
        pool->n_called++;
        ck_signal(&pool->called);
    }
}

/* Looks out for another loop, without the lock meanwhile; whether one came. */
static int news_came(ck_pool *pool)
{
    const int64_t seen = ck_load(&pool->news);
    const double start = ck_seconds();
    pool->n_watching++;
    board.n_watching++;
    ck_unlock(&board.lock);
    for (double waited = 0.0; waited >= 0.0 && waited < WATCHING_SECONDS; waited = ck_seconds() - start)
        for (int breath = 0; breath < 32 && ck_load(&pool->news) == seen; breath++) ck_pause();
    ck_lock(&board.lock);
    pool->n_watching--;
    board.n_watching--;
    return ck_load(&pool->news) != seen;
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
    ck_pool_take(loop->pool);
    ck_loop_draw(loop, worker);
    ck_pool_take(NULL);
    ck_set_watch(NULL);

    ck_lock(&board.lock);
    board.n_running--;
    const int64_t remaining = loop->n_helping - 1;
    ck_store(&loop->n_helping, remaining); /* the last touch: its caller may be gone now */
    if (remaining == 0) ck_broadcast(&board.left);
}

void ck_board_serve(ck_pool *pool)
{
    ck_lock(&board.lock);
    while (!pool->closed) {
        ck_loop *loop = loop_that_wants_help(pool);
        if (loop) {
            help(loop);
            continue;
        }
        if (board.n_running + board.n_watching < board.processors && news_came(pool)) continue;
        if (pool->closed) break;
        pool->n_sleeping++;
        ck_wait(&pool->called, &board.lock);
        pool->n_sleeping--;
        if (pool->n_called > 0) pool->n_called--;
    }
    ck_unlock(&board.lock);
}

void ck_board_close(ck_pool *pool)
{
    ck_lock(&board.lock);
    pool->closed = 1;
    ck_fetch_add(&pool->news);
    ck_broadcast(&pool->called);
    ck_unlock(&board.lock);
}

/* --- Loops ------------------------------------------------------------------------------------------------- */

void ck_board_offer(ck_loop *loop)
{
    ck_lock(&board.lock);
    if (loop->pool->hire) loop->pool->hire(loop->n_threads - 1);
    board.n_running += !ck_within_loop();
    loop->below = board.newest;
    board.newest = loop;
    ck_fetch_add(&loop->pool->news);
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
    ck_loop *other = loop_that_wants_help(NULL);
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

/* --- Calls ------------------------------------------------------------------------------------------------- */

void ck_set_processors(int processors)
{
    ck_lock(&board.lock);
    board.processors = processors;
    ck_unlock(&board.lock);
}

int ck_board_enter(int n_threads)
{
    ck_lock(&board.lock);
    board.n_calls++;
    const int share = (board.processors + board.n_calls - 1) / board.n_calls;
    const int most = 1 + LENT_PER_PROCESSOR * board.processors - board.n_lent;
    if (n_threads <= board.processors && n_threads > most && n_threads > share) n_threads = most > share ? most : share;
    board.n_lent += n_threads - 1;
    ck_unlock(&board.lock);
    return n_threads;
}

int ck_board_leave(int n_threads)
{
    ck_lock(&board.lock);
    board.n_lent -= n_threads - 1;
    const int n_calls = --board.n_calls;
    ck_unlock(&board.lock);
    return n_calls;
}

/* --- Forks ------------------------------------------------------------------------------------------------- */

int64_t ck_board_generation(void) { return board.generation; }

int ck_board_before_fork(void)
{
    ck_lock(&board.lock);
    return board.n_calls;
}

void ck_board_after_fork(int in_child)
{
    if (!in_child) {
        ck_unlock(&board.lock);
        return;
    }
    board.lock = (ck_mutex)CK_MUTEX_INIT;
    board.left = (ck_condition)CK_CONDITION_INIT;
    board.newest = NULL;
    board.n_running = board.n_watching = board.n_calls = board.n_lent = 0;
    board.generation++;
}
