/* pass.c - one pass over the data: labels by a strategy, and the totals of the clusters kept up to date by the rows
 * that moved. Sums are exact on a grid, so they depend on the labels alone. */
#include <string.h>

#include "choose.h"
#include "partial.h"

enum {
    WORKER_BYTES = 4 << 20, /* of sums that a worker keeps for itself; larger ones are updated by slices of features */
    SLICE_FEATURES = 64
};

/* What one worker adds up; the parts are merged after the pass. */
typedef struct {
    ck_partial partial; /* without sums where those are updated by slices */
    int32_t *rows, *before, *after;
    double *row_scratch, screened;
    int64_t changed;
} worker_totals;

struct ck_pass {
    ck_arena *arena;
    const ck_prepared *prepared;
    const ck_problem *problem; /* as the caller knows it, or with its rows sorted */
    int64_t k, n_blocks;
    ck_screening screening;
    ck_choice *choice;
    const ck_ordering *ordering; /* of the rows, once they are sorted */
    worker_totals *workers;
    ck_partial all; /* of all rows */
    ck_totals totals;
    int32_t *labels, *before; /* before: labels of the pass before, where sums are updated by slices */
    int by_slices;
};

ck_pass *ck_pass_new(ck_arena *arena, const ck_prepared *prepared, int64_t k, ck_algorithm algorithm, int n_threads)
{
    const ck_problem *problem = prepared->problem;
    const ck_matrix *X = problem->X;
    const int64_t n = X->n_rows, d = X->n_features;
    ck_pass *pass = CK_NEW(arena, ck_pass, 1);
    if (!pass) return NULL;
    memset(pass, 0, sizeof *pass);
    pass->arena = arena;
    pass->prepared = prepared;
    pass->problem = problem;
    pass->k = k;
    ck_screening_init(&pass->screening, arena, X, k, n_threads);
    if (arena->failed) return NULL;
    ck_assigner_use_rows(&pass->screening.assigner, X, prepared->packed);
    const int64_t block_rows = pass->screening.assigner.block_rows;
    pass->n_blocks = ck_ceil_div(n, block_rows);
    pass->choice = ck_choice_new(arena, prepared, &pass->screening, algorithm);
    pass->by_slices = k * problem->grid.levels * d * (int64_t)sizeof(double) > WORKER_BYTES;
    ck_partial_init(&pass->all, arena, problem, k, 1);
    pass->before = CK_NEW(arena, int32_t, pass->by_slices ? n : 0);
    pass->totals.sums = CK_NEW(arena, double, k *d);
    pass->totals.weights = CK_NEW(arena, double, k);
    pass->totals.sizes = CK_NEW(arena, int64_t, k);
    pass->workers = CK_NEW(arena, worker_totals, pass->screening.n_workers);
    for (int w = 0; w < pass->screening.n_workers && !arena->failed; w++) {
        worker_totals *worker = pass->workers + w;
        ck_partial_init(&worker->partial, arena, problem, k, !pass->by_slices);
        worker->rows = CK_NEW(arena, int32_t, 3 * block_rows);
        worker->before = worker->rows + block_rows;
        worker->after = worker->before + block_rows;
        worker->row_scratch = CK_NEW(arena, double, d);
    }
    return arena->failed ? NULL : pass;
}

ck_totals *ck_pass_totals(ck_pass *pass) { return &pass->totals; }

/* Takes the rows in sorted order, where that can be of use: everything that depends on their order follows. */
static int sort_rows(ck_pass *pass, int has_labels)
{
    const ck_problem *problem = pass->problem;
    const ck_sorted_rows *sorted = pass->prepared->sorted;
    if (!sorted) sorted = ck_sorted_rows_new(problem, pass->arena);
    if (!sorted) return CK_OK;
    int32_t *labels = CK_NEW(pass->arena, int32_t, problem->X->n_rows);
    if (!labels || !ck_choice_sort(pass->choice, sorted->ordering)) return CK_OK;
    int status = CK_OK;
    if (has_labels) status = ck_ordering_gather_labels(sorted->ordering, pass->labels, problem->n_threads, labels);
    pass->problem = &sorted->problem;
    ck_assigner_use_rows(&pass->screening.assigner, sorted->problem.X, NULL);
    pass->labels = labels;
    pass->ordering = sorted->ordering;
    return status;
}

/* Rows stay as they are packed, where there is memory for that. */
static void keep_packed(ck_pass *pass)
{
    const ck_matrix *X = pass->problem->X;
    const int failed = pass->arena->failed;
    ck_packed_rows *packed = ck_packed_room_new(pass->arena, X, pass->k);
    pass->arena->failed = failed; /* it goes without */
    if (packed) ck_assigner_use_rows(&pass->screening.assigner, X, packed);
}

int ck_pass_labels(ck_pass *pass, int32_t *labels)
{
    if (!pass->ordering) return CK_OK;
    return ck_ordering_scatter_labels(pass->ordering, pass->labels, pass->problem->n_threads, labels);
}

int ck_pass_restart(ck_pass *pass, int32_t *labels, int64_t max_passes)
{
    const int64_t n = pass->problem->X->n_rows;
    if (!pass->ordering) pass->labels = labels;
    ck_choice_restart(pass->choice, max_passes);
    if (ck_choice_wants_sorted(pass->choice)) {
        const int status = sort_rows(pass, 0);
        if (status != CK_OK) return status;
        ck_choice_restart(pass->choice, max_passes);
    }
    for (int64_t i = 0; i < n; i++) pass->labels[i] = -1;
    ck_partial_clear(&pass->all);
    return CK_OK;
}

/* --- The pass ---------------------------------------------------------------------------------------------- */

static int run_block(void *context, int64_t block, int w)
{
    ck_pass *pass = context;
    const ck_problem *problem = pass->problem;
    const int64_t block_rows = pass->screening.assigner.block_rows;
    const int64_t row = block * block_rows, n_rows = ck_min_i64(block_rows, problem->X->n_rows - row);
    worker_totals *worker = pass->workers + w;
    ck_moves moves = {0, worker->rows, worker->before, worker->after};
    if (pass->by_slices) memcpy(pass->before + row, pass->labels + row, (size_t)n_rows * sizeof(int32_t));
    ck_strategy *strategy = ck_choice_strategy(pass->choice);
    int status = strategy->assign(strategy, w, row, n_rows, pass->labels + row, &moves, &worker->screened);
    if (status != CK_OK) return status;
    int64_t uncounted = 0;
    for (int64_t i = 0; i < moves.n && problem->weights; i++)
        uncounted += !(problem->weights[row + moves.rows[i]] > 0.0);
    worker->changed += moves.n - uncounted;
    ck_partial_move(&worker->partial, problem, row, &moves, worker->row_scratch);
    return CK_OK;
}

static int move_slice(void *context, int64_t slice, int w)
{
    ck_pass *pass = context;
    const ck_problem *problem = pass->problem;
    const int64_t n = problem->X->n_rows, d = problem->X->n_features;
    const int64_t first = slice * SLICE_FEATURES, last = ck_min_i64(first + SLICE_FEATURES, d);
    const int64_t block_rows = pass->screening.assigner.block_rows;
    worker_totals *worker = pass->workers + w;
    for (int64_t row = 0; row < n; row += block_rows) {
        const int32_t *after = pass->labels + row, *before = pass->before + row;
        ck_moves moves = {0, worker->rows, worker->before, worker->after};
        moves.n = ck_screen_table()->differ(after, before, (int)ck_min_i64(block_rows, n - row), moves.rows);
        for (int64_t i = 0; i < moves.n; i++) {
            moves.before[i] = before[moves.rows[i]];
            moves.after[i] = after[moves.rows[i]];
        }
        ck_partial_move_features(&pass->all, problem, row, &moves, first, last, worker->row_scratch);
    }
    return CK_OK;
}

static void clear_workers(ck_pass *pass)
{
    for (int w = 0; w < pass->screening.n_workers; w++) {
        pass->workers[w].screened = 0.0;
        pass->workers[w].changed = 0;
        ck_partial_clear(&pass->workers[w].partial);
    }
}

static void merge_workers(ck_pass *pass, ck_pass_report *report)
{
    for (int w = 0; w < pass->screening.n_workers; w++) {
        report->screened += pass->workers[w].screened;
        report->changed += pass->workers[w].changed;
        ck_partial_merge(&pass->all, &pass->workers[w].partial);
    }
}

/* Moves rows between clusters, from..to, one by one: they may be anywhere. */
static void move_leaving(ck_pass *pass, const ck_problem *problem, const ck_leaving *leaving, int32_t *from,
                         int32_t *to)
{
    int32_t here = 0;
    for (int64_t i = 0; i < leaving->n; i++) {
        const ck_moves one = {1, &here, from + i, to + i};
        ck_partial_move(&pass->all, problem, leaving->rows[i], &one, pass->workers[0].row_scratch);
    }
}

void ck_pass_leave(ck_pass *pass, const ck_problem *problem, const ck_leaving *leaving)
{
    move_leaving(pass, problem, leaving, leaving->from, leaving->to);
    for (int64_t i = 0; i < leaving->n; i++) /* once a cluster: its rows follow each other where they are many */
        if (i == 0 || leaving->from[i] != leaving->from[i - 1])
            ck_partial_round(&pass->all, leaving->from[i], &pass->totals);
    move_leaving(pass, problem, leaving, leaving->to, leaving->from); /* sums are exact: as if nothing had been */
}

int ck_pass_run(ck_pass *pass, const double *centers, int32_t *labels, ck_pass_report *report)
{
    const ck_problem *problem = pass->problem;
    const int64_t n_slices = ck_ceil_div(problem->X->n_features, SLICE_FEATURES);
    ck_strategy *strategy = ck_choice_strategy(pass->choice);
    *report = (ck_pass_report){0, strategy->algorithm, 0.0, "float32"};
    if (!pass->ordering) pass->labels = labels;
    clear_workers(pass);
    const ck_served_rows before = ck_coarse_served(pass->screening.scratch, pass->screening.n_workers);
    int status = strategy->set_centers(strategy, centers);
    if (status == CK_OK) status = ck_parallel_for(pass->n_blocks, pass->screening.n_workers, run_block, pass);
    if (status == CK_OK && pass->by_slices)
        status = ck_parallel_for(n_slices, (int)ck_min_i64(pass->screening.n_workers, n_slices), move_slice, pass);
    if (status != CK_OK) return status;
    merge_workers(pass, report);
    const ck_served_rows after = ck_coarse_served(pass->screening.scratch, pass->screening.n_workers);
    if (2 * (after.served - before.served) > after.rows - before.rows)
        report->screen = pass->screening.assigner.coarse.shape->format->name;
    for (int64_t j = 0; j < pass->k; j++) ck_partial_round(&pass->all, j, &pass->totals);
    report->screened /= (double)problem->X->n_rows * (double)pass->k;
    ck_choice_passed(pass->choice, report->screened);
    if (ck_choice_wants_sorted(pass->choice)) status = sort_rows(pass, 1);
    if (status == CK_OK) status = ck_choice_next(pass->choice, centers);
    if (status == CK_OK && ck_choice_wants_packed(pass->choice)) keep_packed(pass);
    return status;
}
