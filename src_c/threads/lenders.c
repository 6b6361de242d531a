/* lenders.c - which lender a call takes, and what becomes of that in a forked child. */
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

int ck_with_threads(int n_threads, double operations, ck_call_fn call, void *context)
{
    if (ck_pool_at_hand()) return call(context, n_threads); /* of the call that this one is a part of */
    n_threads = ck_useful_threads(n_threads, CK_MAX_THREADS, operations);
    return n_threads == 1 ? call(context, 1) : in_use->lend(n_threads, call, context);
}

/* --- Forks ------------------------------------------------------------------------------------------------- */

#if defined(_WIN32)
int ck_forks_are_handled(void) { return 1; }
#else
static int child_may_use_it = 0;

static void before_fork(void)
{
    const int n_calls = ck_board_before_fork();
    child_may_use_it = !in_use->before_fork || in_use->before_fork(n_calls);
}

static void in_parent(void) { ck_board_after_fork(0); }

static void in_child(void)
{
    ck_board_after_fork(1);
    in_use = child_may_use_it ? in_use : &ck_crew;
    for (int i = 0; i < N_LENDERS; i++)
        if (LENDERS[i]->in_child) LENDERS[i]->in_child();
}

/* When the library is loaded: a fork beside the first loop would find the lock taken and nobody to free it. */
static int forks_are_handled = 0;
__attribute__((constructor)) static void handle_forks(void)
{
    forks_are_handled = pthread_atfork(before_fork, in_parent, in_child) == 0;
}
int ck_forks_are_handled(void) { return forks_are_handled; }
#endif
