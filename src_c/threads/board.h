/* board.h - the board of open loops: what callers, the threads that help them, and who lends these share. */
#ifndef CK_BOARD_H
#define CK_BOARD_H

#include "os_threads.h"
#include "threads.h"

enum { CK_MAX_THREADS = 256 };

/* On its caller's stack: helpers touch it between joining and leaving only, both under the lock of the board. */
typedef struct ck_loop {
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
    struct ck_loop *below;
} ck_loop;

/* --- loops.c --- */
/* Works on items until none is left. */
void ck_loop_draw(ck_loop *loop, int worker);
/* Whether this thread is at work on an item. */
int ck_within_loop(void);

/* --- board.c --- */
/* Helpers may join the loop. */
void ck_board_offer(ck_loop *loop);
/* None of them holds an item of it any more, and none will. */
void ck_board_withdraw(ck_loop *loop);
/* Helps with loops until helpers are dismissed. */
void ck_board_serve(void);

/* For who lends the helpers: the lock of the board, taken; and under it, whether they are to leave. */
ck_mutex *ck_board_lock(void);
void ck_board_dismiss(int leave);

/* Around a fork: the child has none of its parent's threads, and an empty board. */
void ck_board_in_child(void);
int64_t ck_board_generation(void); /* of processes, counted by forks */

#endif
