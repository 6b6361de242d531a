/* openmp.c - teams of an OpenMP runtime, one a call: the master runs the call, the other members help its loops until
 * it ends, so that the runtime's barrier is met once. */
#include "lender.h" /* before the headers of the system */

#include "../base/costs.h"

#if !defined(_OPENMP)

static int never(void) { return 0; }
const ck_lender ck_openmp = {.name = "openmp", .runs = never};
int ck_openmp_threads(int in_use) { return (void)in_use, 0; }
int ck_openmp_processors(int in_use) { return (void)in_use, 0; }

#else
#include <limits.h>
#include <omp.h>
#if !defined(_WIN32)
#include <setjmp.h>
#endif

/* --- The runtime ------------------------------------------------------------------------------------------- */

/* Functions that not every runtime has are looked up: those of this library need not be the ones it was built with. */
static struct {
    int known;
    int is_gcc;                 /* else LLVM's or one of its kin, or Microsoft's */
    int (*pause_all)(int kind); /* OpenMP 5.0 */
    int (*thread_limit)(void), (*proc_bind)(void);
    int (*get_blocktime)(void); /* LLVM's: milliseconds that idle threads spin */
    void (*set_blocktime)(int milliseconds);
} runtime;

enum { PAUSE_SOFT = 1 };

static ck_function of_runtime(const char *name) { return ck_symbol_beside((ck_function)omp_get_max_threads, name); }

static void know_runtime(void)
{
    if (runtime.known) return;
    runtime.pause_all = (int (*)(int))of_runtime("omp_pause_resource_all");
    runtime.thread_limit = (int (*)(void))of_runtime("omp_get_thread_limit");
    runtime.proc_bind = (int (*)(void))of_runtime("omp_get_proc_bind");
    runtime.get_blocktime = (int (*)(void))of_runtime("kmp_get_blocktime");
    runtime.set_blocktime = (void (*)(int))of_runtime("kmp_set_blocktime");
    runtime.is_gcc = of_runtime("GOMP_parallel") && !runtime.get_blocktime;
    runtime.known = 1;
}

/* GCC's ends the threads of the calling thread alone. LLVM's speaks of the whole program, and leaves them spinning. */
static int may_pause(void) { return runtime.is_gcc && runtime.pause_all; }

static int runs(void)
{
    know_runtime();
    return 1;
}

/* LLVM's aborts the process where another copy of it is at work, Microsoft's was never measured; and GCC's of before
 * version 9 can neither be kept from spinning nor survive a fork. */
static int keeps_promises(void)
{
    know_runtime();
    return may_pause();
}

/* --- A team ------------------------------------------------------------------------------------------------ */

typedef struct {
    ck_pool pool;
    ck_call_fn call;
    void *context;
    int status;
    int64_t generation;
#if !defined(_WIN32)
    sigset_t signals; /* that the master had blocked */
    jmp_buf way_out;
#endif
} team_t;

/* Signals are for the threads of the program: those that the runtime starts inherit that they are blocked. */
#if defined(_WIN32)
static void block_signals(team_t *team) { (void)team; }
static void unblock_signals(const team_t *team) { (void)team; }
#else
static void block_signals(team_t *team)
{
    const sigset_t all = ck_signals_but_faults();
    pthread_sigmask(SIG_SETMASK, &all, &team->signals);
}
static void unblock_signals(const team_t *team) { pthread_sigmask(SIG_SETMASK, &team->signals, NULL); }
#endif

static void lead(team_t *team, int n_threads)
{
    unblock_signals(team);
    if (n_threads > 1) ck_pool_take(&team->pool);
    team->status = team->call(team->context, n_threads);
    ck_pool_take(NULL);
#if !defined(_WIN32)
    /* In a child that was forked meanwhile the other members are no more, and the barrier would wait for them. */
    if (team->generation != ck_board_generation()) longjmp(team->way_out, 1);
#endif
    ck_board_close(&team->pool);
}

static void run_team(team_t *team, int n_threads)
{
    team->generation = ck_board_generation();
#if !defined(_WIN32)
    if (_setjmp(team->way_out)) return;
#endif
    block_signals(team);
#pragma omp parallel num_threads(n_threads)
    {
        if (omp_get_thread_num() == 0)
            lead(team, omp_get_num_threads());
        else
            ck_board_serve(&team->pool);
    }
}

static int lend(int n_threads, ck_call_fn call, void *context)
{
    team_t team = {.pool = CK_POOL_INIT, .call = call, .context = context};
    const int64_t generation = ck_board_generation();
    const double start = ck_seconds();
    n_threads = ck_board_enter(n_threads);
    const int blocktime = runtime.get_blocktime ? runtime.get_blocktime() : 0;
    if (runtime.set_blocktime) runtime.set_blocktime(0);
    run_team(&team, n_threads);
    if (runtime.set_blocktime) runtime.set_blocktime(blocktime);
    if (generation != ck_board_generation()) return team.status;
    const int others = ck_board_leave(n_threads);
    if (others == 0 && may_pause() && ck_seconds() - start >= CK_WORTH_A_PAUSE) runtime.pause_all(PAUSE_SOFT);
    return team.status;
}

/* --- Forks ------------------------------------------------------------------------------------------------- */

/* A child has none of its parent's threads. It can have teams of its own if the runtime knows that they are gone. */
static int before_fork(int n_calls) { return n_calls == 0 && may_pause() && runtime.pause_all(PAUSE_SOFT) == 0; }

/* --- What it says of itself -------------------------------------------------------------------------------- */

int ck_openmp_threads(int in_use) { return in_use || keeps_promises() ? omp_get_max_threads() : 0; }
int ck_openmp_processors(int in_use) { return in_use || keeps_promises() ? omp_get_num_procs() : 0; }

static void describe(ck_threading *threading)
{
    threading->runtime = runtime.is_gcc ? "GCC's OpenMP" : runtime.get_blocktime ? "LLVM's OpenMP" : "OpenMP";
    threading->file = ck_library_file((ck_function)omp_get_max_threads);
    threading->openmp = _OPENMP;
    threading->pauses = may_pause();
    threading->max_threads = omp_get_max_threads();
    threading->processors = omp_get_num_procs();
    threading->thread_limit = runtime.thread_limit ? runtime.thread_limit() : INT_MAX;
    threading->proc_bind = runtime.proc_bind ? runtime.proc_bind() : 0;
}

const ck_lender ck_openmp = {.name = "openmp",
                             .runs = runs,
                             .keeps_promises = keeps_promises,
                             .lend = lend,
                             .before_fork = before_fork,
                             .describe = describe};

#endif
