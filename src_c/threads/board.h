/* board.h - the board of open loops: what callers, the threads that help them, and who lends these share. */
#ifndef CK_BOARD_H
#define CK_BOARD_H

#include "os_threads.h"
#include "threads.h"

enum { CK_MAX_THREADS = 256 };

/* Threads that wait for loops: the helpers of the crew, or the members of one call's team. Under the lock of the board
 * but for `news`. */
typedef struct {
    ck_condition called; /* sleepers are needed */
    int64_t news;        /* atomic: loops opened so far, for those that watch */
    int n_watching, n_sleeping, n_called;
    int closed;                  /* its threads go home */
    void (*hire)(int n_helpers); /* makes sure of so many, under the lock; NULL: all there will be are there */
} ck_pool;
#define CK_POOL_INIT {.called = CK_CONDITION_INIT}

/* On its caller's stack: helpers touch it between joining and leaving only, both under the lock of the board. */
typedef struct ck_loop {
    int64_t next; /* atomic: the first item that nobody has drawn */
    char own_lines[CK_ALIGNMENT - sizeof(int64_t)];
    int64_t n_items;
    ck_item_fn fn;
    void *context;
    ck_watch *watch;
    ck_pool *pool;
    int64_t status;    /* atomic: of an item that failed */
    int64_t n_helping; /* atomic, changed under the lock */
    int n_threads, n_joined;
    int64_t generation; /* of the process that opened it */
    struct ck_loop *below;
} ck_loop;

/* --- loops.c --- */
/* Works on items until none is left. */
void ck_loop_draw(ck_loop *loop, int worker);
/* Whether this thread is at work on an item. */
int ck_within_loop(void);

/* --- board.c --- */
/* Threads of its pool may join the loop. */
void ck_board_offer(ck_loop *loop);
/* None of them holds an item of it any more, and none will. */
void ck_board_withdraw(ck_loop *loop);
/* Helps with the loops of the pool until it is closed. */
void ck_board_serve(ck_pool *pool);
void ck_board_close(ck_pool *pool);

/* Whose threads help the loops that this thread opens, for as long as a call of it lasts; NULL: it is in none. */
ck_pool *ck_pool_at_hand(void);
void ck_pool_take(ck_pool *pool);

/* A call that would like n_threads begins: how many it shall get, so that calls at once do not gather threads by the
 * hundred; and it ends, which tells how many calls are under way still. */
int ck_board_enter(int n_threads);
int ck_board_leave(int n_threads);

/* Around a fork. The child has none of its parent's threads, and an empty board. */
int64_t ck_board_generation(void); /* of processes, counted by forks */
int ck_board_before_fork(void);    /* takes the lock; how many calls are under way */
void ck_board_after_fork(int in_child);

#endif
