/* lender.h - who lends the helpers. */
#ifndef CK_LENDER_H
#define CK_LENDER_H

#include "board.h"

typedef struct {
    const char *name; /* as CKMEANS_THREADING has it */
    int (*runs)(void);
    /* Whether it was shown to be a good guest: otherwise it lends where it is asked for by name alone. */
    int (*keeps_promises)(void);
    /* Under the lock of the board: makes sure that so many helpers serve, now or soon. */
    void (*hire)(int n_helpers);
    void (*before_fork)(ck_mutex *lock); /* under that lock: what must not happen beside a fork has ended; or NULL */
    void (*in_child)(void);              /* its helpers are no more */
    void (*describe)(ck_threading *threading);
} ck_lender;

extern const ck_lender ck_openmp, ck_crew;

/* --- openmp.c --- */
/* Threads that the runtime would use for the next region of this thread, and processors that it sees; 0: there is no
 * runtime, or none that may be asked where it is not in use. */
int ck_openmp_threads(int in_use);
int ck_openmp_processors(int in_use);

/* --- lenders.c --- */
/* Under the lock of the board: as the lender in use does. */
void ck_hire(int n_helpers);

#endif
