/* openmp.c - threads of an OpenMP runtime: one team for all calls of the process, within one parallel region.
 *
 * A thread of our own is the team's master. It asks the runtime for members as calls want them and sleeps; the members
 * help with loops, and sleep by the ways of the board, never at a barrier of the runtime: there idle threads spin for
 * milliseconds, and a team waits for all of its members. A forked child starts a master, and a team, of its own. */
#include "lender.h" /* before the headers of the system */

#if !defined(_OPENMP)

static int never(void) { return 0; }
const ck_lender ck_openmp = {.name = "openmp", .runs = never};
int ck_openmp_threads(int in_use) { return (void)in_use, 0; }
int ck_openmp_processors(int in_use) { return (void)in_use, 0; }

#else
#include <limits.h>
#include <omp.h>

/* --- The runtime ------------------------------------------------------------------------------------------- */

/* Functions that not every runtime has are looked up. */
static ck_function of_runtime(const char *name) { return ck_symbol_beside((ck_function)omp_get_max_threads, name); }

static int is_gcc(void) { return of_runtime("GOMP_parallel") && !of_runtime("kmp_get_blocktime"); }
static int is_llvm(void) { return of_runtime("kmp_get_blocktime") != NULL; }

static int always(void) { return 1; }

/* GCC's: LLVM's and its kin abort the process where another copy of them is at work, Microsoft's was never measured. */
static int keeps_promises(void)
{
    static int answer = -1;
    if (answer < 0) answer = is_gcc();
    return answer;
}

/* Within a region of the program's own a call is to do with one thread, as regions within regions do. */
int ck_openmp_threads(int in_use)
{
    if (!in_use && !keeps_promises()) return 0;
    return omp_in_parallel() ? 1 : omp_get_max_threads();
}
int ck_openmp_processors(int in_use) { return in_use || keeps_promises() ? omp_get_num_procs() : 0; }

static int ask(const char *name, int otherwise)
{
    int (*function)(void) = (int (*)(void))of_runtime(name);
    return function ? function() : otherwise;
}

static void describe(ck_threading *threading)
{
    threading->runtime = is_gcc() ? "GCC's OpenMP" : is_llvm() ? "LLVM's OpenMP" : "OpenMP";
    threading->file = ck_library_file((ck_function)omp_get_max_threads);
    threading->openmp = _OPENMP;
    threading->max_threads = omp_get_max_threads();
    threading->processors = omp_get_num_procs();
    threading->thread_limit = ask("omp_get_thread_limit", INT_MAX);
    threading->proc_bind = ask("omp_get_proc_bind", 0);
}

/* --- The team ---------------------------------------------------------------------------------------------- */

/* All of it under the lock of the board. */
static struct {
    ck_condition altered;
    int has_master;
    int n_wanted;    /* members, so far */
    int n_asked;     /* of the runtime, which may have given fewer */
    int is_changing; /* between two regions: nothing may be forked, for the runtime holds locks of its own */
} team = {.altered = CK_CONDITION_INIT};

static void await_wishes(void)
{
    ck_mutex *lock = ck_board_lock();
    team.is_changing = 0;
    ck_broadcast(&team.altered);
    while (team.n_wanted <= team.n_asked) ck_wait(&team.altered, lock);
    team.is_changing = 1;
    ck_board_dismiss(1);
    ck_unlock(lock);
}

static ck_thread_result CK_THREAD_CALL master(void *unused)
{
    (void)unused;
    ck_name_this_thread("ckmeans");
    for (;;) {
        ck_mutex *lock = ck_board_lock();
        const int n_threads = 1 + (team.n_asked = team.n_wanted);
        ck_board_dismiss(0);
        ck_unlock(lock);
#pragma omp parallel num_threads(n_threads)
        {
            if (omp_get_thread_num() == 0)
                await_wishes();
            else
                ck_board_serve();
        }
    }
    return 0;
}

static void hire(int n_helpers)
{
    if (n_helpers <= team.n_wanted) return;
    team.n_wanted = n_helpers;
    if (team.has_master) {
        ck_broadcast(&team.altered);
    } else if (ck_thread_start(master) == 0) {
        team.has_master = team.is_changing = 1;
    } else {
        team.n_wanted = 0; /* another time */
    }
}

/* --- Forks ------------------------------------------------------------------------------------------------- */

static void before_fork(ck_mutex *lock)
{
    while (team.is_changing) ck_wait(&team.altered, lock);
}

static void in_child(void)
{
    team.altered = (ck_condition)CK_CONDITION_INIT;
    team.has_master = team.n_wanted = team.n_asked = team.is_changing = 0;
}

const ck_lender ck_openmp = {.name = "openmp",
                             .runs = always,
                             .keeps_promises = keeps_promises,
                             .hire = hire,
                             .before_fork = before_fork,
                             .in_child = in_child,
                             .describe = describe};

#endif
