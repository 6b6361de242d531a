/* loops.h - an open loop, as those who draw its items and who lends the threads see it. */
#ifndef CK_LOOPS_H
#define CK_LOOPS_H

#include "threads.h"

enum { CK_MAX_THREADS = 256 };

/* On its caller's stack: helpers touch it between joining and leaving only, both under the lock of the crew. */
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

/* --- crew.c --- */
/* Helpers may join the loop. */
void ck_crew_offer(ck_loop *loop);
/* None of them holds an item of it any more, and none will. */
void ck_crew_withdraw(ck_loop *loop);
/* Of processes, counted by forks. */
int64_t ck_crew_generation(void);

#endif
