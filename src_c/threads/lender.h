/* lender.h - who lends a call its threads. */
#ifndef CK_LENDER_H
#define CK_LENDER_H

#include "board.h"

typedef struct {
    const char *name; /* as CKMEANS_THREADING has it */
    int (*runs)(void);
    /* Whether it was shown to be a good guest: idle threads sleep, forked children work, nobody else is disturbed.
     * Otherwise it lends where it is asked for by name alone. */
    int (*keeps_promises)(void);
    /* Runs a call with up to so many threads at hand. */
    int (*lend)(int n_threads, ck_call_fn call, void *context);
    /* Under the lock of the board. Whether the child that comes may use it; NULL: it may. */
    int (*before_fork)(int n_calls);
    void (*in_child)(void); /* or NULL */
    void (*describe)(ck_threading *threading);
} ck_lender;

extern const ck_lender ck_openmp, ck_crew;

/* --- openmp.c --- */
/* What the runtime would use for the next region of this thread; 0: there is none, or none that may be asked where it
 * is not in use. */
int ck_openmp_threads(int in_use);
int ck_openmp_processors(int in_use); /* likewise */

/* --- lenders.c --- */
int ck_forks_are_handled(void);

#endif
