/* crew.c - threads of the core's own, which all calls of the process share: they need no runtime, are asleep when
 * there is nothing to do, and help whichever call has a loop open. */
#include "lender.h"

static void hire(int n_helpers);
static ck_pool crew = {.called = CK_CONDITION_INIT, .hire = hire};
static int n_hired = 0; /* under the lock of the board */

static ck_thread_result CK_THREAD_CALL helper(void *unused)
{
    (void)unused;
    ck_name_this_thread("ckmeans");
    ck_board_serve(&crew);
    return 0;
}

static void hire(int n_helpers)
{
    if (!ck_forks_are_handled()) return; /* a fork beside a loop would find the lock taken and nobody to free it */
    while (n_hired < n_helpers && ck_thread_start(helper) == 0) n_hired++;
}

static int lend(int n_threads, ck_call_fn call, void *context)
{
    ck_pool_take(&crew);
    const int status = call(context, n_threads);
    ck_pool_take(NULL);
    return status;
}

static void in_child(void)
{
    crew = (ck_pool){.called = CK_CONDITION_INIT, .hire = hire};
    n_hired = 0;
}

static int is_there(void) { return 1; }
static void describe(ck_threading *threading) { threading->runtime = CK_THREADS_NAME; }

const ck_lender ck_crew = {.name = "crew",
                           .runs = is_there,
                           .keeps_promises = is_there,
                           .lend = lend,
                           .in_child = in_child,
                           .describe = describe};
