/* lenders.c - which lender is in use, and forks. */
#include "lender.h" /* before the headers of the system */

#include <string.h>

static const ck_lender *const LENDERS[] = {&ck_openmp, &ck_crew}; /* the first that keeps its promises is taken */
enum { N_LENDERS = sizeof LENDERS / sizeof *LENDERS };

static const ck_lender *in_use = &ck_crew;

int ck_choose_lender(const char *name)
{
    for (int i = 0; i < N_LENDERS; i++) {
        const ck_lender *lender = LENDERS[i];
        if (!lender->runs() || (name ? strcmp(name, lender->name) != 0 : !lender->keeps_promises())) continue;
        in_use = lender;
        return CK_OK;
    }
    return CK_ERROR_UNKNOWN;
}

int ck_list_lenders(const char **names, int capacity)
{
    int count = 0;
    for (int i = 0; i < N_LENDERS; i++)
        if (LENDERS[i]->runs() && ++count <= capacity) names[count - 1] = LENDERS[i]->name;
    return count;
}

void ck_threading_info(ck_threading *threading)
{
    *threading = (ck_threading){.lender = in_use->name};
    in_use->describe(threading);
}

int ck_runtime_threads(void) { return ck_openmp_threads(in_use == &ck_openmp); }
int ck_runtime_processors(void) { return ck_openmp_processors(in_use == &ck_openmp); }

/* --- Forks ------------------------------------------------------------------------------------------------- */

#if defined(_WIN32)
static const int forks_are_handled = 1;
#else
static ck_mutex *lock_of_parent;

static void before_fork(void)
{
    lock_of_parent = ck_board_lock();
    if (in_use->before_fork) in_use->before_fork(lock_of_parent);
}

static void in_parent(void) { ck_unlock(lock_of_parent); }

static void in_child(void)
{
    ck_watch_in_child();
    ck_board_in_child();
    in_use->in_child();
}

/* When the library is loaded: a fork beside the first loop would find the lock taken and nobody to free it. */
static int forks_are_handled = 0;
__attribute__((constructor)) static void handle_forks(void)
{
    forks_are_handled = pthread_atfork(before_fork, in_parent, in_child) == 0;
}
#endif

void ck_hire(int n_helpers)
{
    if (forks_are_handled) in_use->hire(n_helpers);
}
