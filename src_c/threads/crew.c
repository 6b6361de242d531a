/* crew.c - helpers that are threads of the core's own: they need no runtime. */
#include "lender.h"

static int n_hired = 0; /* under the lock of the board */

static ck_thread_result CK_THREAD_CALL helper(void *unused)
{
    (void)unused;
    ck_board_serve();
    return 0;
}

static void hire(int n_helpers)
{
    while (n_hired < n_helpers && ck_thread_start(helper) == 0) n_hired++;
}

static void in_child(void) { n_hired = 0; }

static int always(void) { return 1; }
static void describe(ck_threading *threading) { threading->runtime = CK_THREADS_NAME; }

const ck_lender ck_crew = {
    .name = "crew", .runs = always, .keeps_promises = always, .hire = hire, .in_child = in_child, .describe = describe};
