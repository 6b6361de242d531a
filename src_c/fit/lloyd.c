/* lloyd.c - restarts of Lloyd's iteration: assign, update, relocate, converge. */
#include <stdlib.h>
#include <string.h>

#include "../base/costs.h"
#include "../seed/seeding.h"
#include "tolerance.h"
#include "update.h"

typedef struct {
    int restart; /* -1: none */
    double *centers;
    int32_t *labels;
    double *weights; /* of the clusters */
    int64_t *sizes;
    double inertia;        /* infinite or zero where its square leaves float64 */
    double scaled_inertia; /* in units of 4^unit */
    int64_t n_iter, history_capacity;
    int converged;
    ck_progress *history; /* malloc: it leaves with the result */
} run_state;

/* What one restart after the other needs: there are as many as restarts that run side by side. */
typedef struct {
    const ck_prepared *prepared;
    const ck_problem *problem;
    const ck_fit_params *params;
    ck_pass *pass;
    double *next_centers, *scratch;
    ck_tolerance tolerance;
    run_state run, best;
    ck_arena arena;
} fit_state;

static ck_progress *next_history_entry(run_state *run)
{
    if (run->n_iter == run->history_capacity) {
        int64_t capacity = run->history_capacity > 0 ? 2 * run->history_capacity : 32;
        ck_progress *grown = realloc(run->history, (size_t)capacity * sizeof *grown);
        if (!grown) return NULL;
        run->history = grown;
        run->history_capacity = capacity;
    }
    return run->history + run->n_iter++;
}

/* --- One restart ------------------------------------------------------------------------------------------- */

static int iterate(fit_state *fit, int restart, run_state *run, int *settled)
{
    const ck_fit_params *params = fit->params;
    const int64_t size = params->k * fit->problem->X->n_features;
    const int exponent = 2 * fit->problem->unit;
    int status = ck_pass_restart(fit->pass, run->labels, params->max_iter), within;
    run->n_iter = 0;
    run->converged = *settled = 0;
    while (status == CK_OK && run->n_iter < params->max_iter && !run->converged) {
        ck_pass_report pass;
        ck_update update;
        status = ck_pass_run(fit->pass, run->centers, run->labels, &pass);
        if (status == CK_OK)
            status = ck_update_centers(fit->pass, fit->problem, params->k, run->centers, run->labels, fit->next_centers,
                                       fit->scratch, &update);
        if (status == CK_OK) status = ck_tolerance_allows(&fit->tolerance, update.shift, &within);
        if (status != CK_OK) return status;
        memcpy(run->centers, fit->next_centers, (size_t)size * sizeof(double));
        /* No center moved: the labels, and their totals, are those of the new centers as well. */
        *settled = !update.relocated && !update.moved;
        const int vanished = update.moved && update.shift == 0.0; /* its square underflows */
        run->converged = pass.changed == 0 || (within && !vanished);

        ck_progress *entry = next_history_entry(run);
        if (!entry) return CK_ERROR_MEMORY;
        *entry = (ck_progress){restart,
                               run->n_iter,
                               ldexp(update.inertia, exponent),
                               ldexp(update.shift, exponent),
                               pass.changed,
                               pass.algorithm,
                               pass.screened,
                               pass.screen};
        if (params->progress && params->progress(params->progress_user, entry)) return CK_ERROR_STOPPED;
    }
    return status;
}

static int run_restart(fit_state *fit, int restart, run_state *run)
{
    const ck_fit_params *params = fit->params;
    const ck_matrix *X = fit->problem->X;
    const int64_t size = params->k * X->n_features;
    int status = CK_OK;
    if (params->init == CK_INIT_GIVEN) {
        memcpy(run->centers, params->given_centers + restart * size, (size_t)size * sizeof(double));
    } else {
        ck_arena scratch = {0};
        status = ck_seeding_of(params->init)
                     ->draw(fit->prepared, &scratch, params->k, params->n_trials,
                            ck_random_stream(params->seed, (uint32_t)restart), run->centers, NULL);
        ck_arena_free(&scratch);
    }
    int settled = 0;
    if (status == CK_OK) {
        ck_round_centers(X, run->centers, size);
        status = iterate(fit, restart, run, &settled);
    }
    ck_pass_report report;
    if (status == CK_OK && !settled) status = ck_pass_run(fit->pass, run->centers, run->labels, &report);
    if (status == CK_OK) status = ck_pass_labels(fit->pass, run->labels);
    if (status == CK_OK)
        status =
            ck_inertia(X, run->centers, fit->problem->weights, run->labels, 0, fit->problem->n_threads, &run->inertia);
    run->scaled_inertia = run->inertia;
    if (status == CK_OK && fit->problem->unit != 0)
        status = ck_inertia(X, run->centers, fit->problem->weights, run->labels, fit->problem->unit,
                            fit->problem->n_threads, &run->scaled_inertia);
    return status;
}

static void copy_result(const fit_state *fit, ck_fit_result *result)
{
    const run_state *run = &fit->best;
    const int64_t k = fit->params->k, n = fit->problem->X->n_rows, size = k * fit->problem->X->n_features;
    memcpy(result->centers, run->centers, (size_t)size * sizeof(double));
    if (result->labels != run->labels) memcpy(result->labels, run->labels, (size_t)n * sizeof(int32_t));
    memcpy(result->sizes, run->sizes, (size_t)k * sizeof(int64_t));
    memcpy(result->weights, run->weights, (size_t)k * sizeof(double));
    result->inertia = run->inertia;
    result->n_iter = run->n_iter;
    result->converged = run->converged;
    result->history = run->history;
    result->distinct = 0;
    for (int64_t j = 0; j < k; j++) result->distinct += run->weights[j] > 0.0;
}

/* Whether a is the one to keep: the first of the lowest inertia. */
static int is_better(const run_state *a, const run_state *b)
{
    if (b->restart < 0 || a->restart < 0) return b->restart < 0;
    if (a->scaled_inertia != b->scaled_inertia) return a->scaled_inertia < b->scaled_inertia;
    if (a->inertia != b->inertia) return a->inertia < b->inertia;
    return a->restart < b->restart;
}

static int64_t rows_with_weight(const ck_problem *problem)
{
    int64_t count = problem->X->n_rows;
    if (problem->weights)
        for (int64_t i = 0; i < problem->X->n_rows; i++) count -= !(problem->weights[i] > 0.0);
    return count;
}

/* --- All restarts ------------------------------------------------------------------------------------------ */

static int init_run(run_state *run, ck_arena *arena, const ck_fit_params *params, const ck_matrix *X, int32_t *labels)
{
    memset(run, 0, sizeof *run);
    run->restart = -1;
    run->centers = CK_NEW(arena, double, params->k * X->n_features);
    run->labels = labels ? labels : CK_NEW(arena, int32_t, X->n_rows);
    run->weights = CK_NEW(arena, double, params->k);
    run->sizes = CK_NEW(arena, int64_t, params->k);
    return arena->failed ? CK_ERROR_MEMORY : CK_OK;
}

/* labels: those of one of its runs; NULL: it has its own. */
static int init_state(fit_state *fit, const ck_prepared *prepared, const ck_fit_params *params, int32_t *labels)
{
    memset(fit, 0, sizeof *fit);
    fit->prepared = prepared;
    fit->problem = prepared->problem;
    fit->params = params;
    ck_tolerance_init(&fit->tolerance, fit->problem, params->tol);
    fit->next_centers = CK_NEW(&fit->arena, double, params->k * fit->problem->X->n_features);
    fit->scratch = CK_NEW(&fit->arena, double, ck_label_distances_scratch(fit->problem->X->n_features));
    fit->pass = ck_pass_new(&fit->arena, prepared, params->k, params->algorithm, fit->problem->n_threads);
    int status = fit->pass ? init_run(&fit->run, &fit->arena, params, fit->problem->X, labels) : CK_ERROR_MEMORY;
    if (status == CK_OK && params->n_init > 1)
        status = init_run(&fit->best, &fit->arena, params, fit->problem->X, NULL);
    if (params->n_init == 1) fit->best.restart = -1;
    return status;
}

static int run_item(void *context, int64_t restart, int worker)
{
    fit_state *fit = (fit_state *)context + worker;
    const ck_totals *totals = ck_pass_totals(fit->pass);
    run_state *run = &fit->run;
    int status = run_restart(fit, (int)restart, run);
    if (status != CK_OK) return status;
    memcpy(run->sizes, totals->sizes, (size_t)fit->params->k * sizeof(int64_t));
    memcpy(run->weights, totals->weights, (size_t)fit->params->k * sizeof(double));
    run->restart = (int)restart;
    if (is_better(run, &fit->best)) {
        const run_state best = *run;
        *run = fit->best;
        fit->best = best;
    }
    return CK_OK;
}

/* Restarts that run side by side: of problems so small that threads gain little within one. The progress function is
 * called from this thread alone. */
static int restarts_abreast(const ck_problem *problem, const ck_fit_params *params)
{
    const double operations = ck_assign_operations(problem->X, params->k);
    if (params->n_init == 1 || operations > CK_SMALL_OPERATIONS) return 1;
    if (params->progress) return 1;
    return ck_useful_threads(params->n_threads, params->n_init, operations * CK_USUAL_PASSES * (double)params->n_init);
}

static int fit_restarts(ck_prepared *prepared, ck_arena *arena, const ck_fit_params *params, ck_fit_result *result)
{
    const int abreast = restarts_abreast(prepared->problem, params);
    fit_state *states = CK_NEW(arena, fit_state, abreast), *best = states;
    int status = states ? CK_OK : CK_ERROR_MEMORY;
    if (abreast > 1) ck_prepared_set_threads(prepared, 1);
    for (int i = 0; i < abreast && states; i++) {
        int reserved = init_state(states + i, prepared, params, i == 0 ? result->labels : NULL);
        if (status == CK_OK) status = reserved;
    }
    if (status == CK_OK) status = ck_parallel_for(params->n_init, abreast, run_item, states);
    for (int i = 1; i < abreast && status == CK_OK; i++)
        if (is_better(&states[i].best, &best->best)) best = states + i;
    if (status == CK_OK) {
        copy_result(best, result);
        best->best.history = NULL;
    }
    for (int i = 0; i < abreast && states; i++) {
        free(states[i].run.history);
        free(states[i].best.history);
        ck_arena_free(&states[i].arena);
    }
    return status;
}

/* What the fit may use an embedding for: nothing, where the algorithm is another. */
static ck_prospect prospect_of(const ck_fit_params *params)
{
    const double passes = (double)params->n_init * fmin((double)params->max_iter + 1.0, CK_USUAL_PASSES);
    const double candidates = ck_seeding_candidates(params->init, params->k, params->n_trials);
    if (params->algorithm == CK_PROJECTION) return (ck_prospect){params->k, INFINITY, candidates};
    return (ck_prospect){params->k, params->algorithm == CK_AUTO ? passes : 0.0, (double)params->n_init * candidates};
}

int ck_fit(const ck_matrix *X, const double *weights, const ck_fit_params *params, ck_fit_result *result,
           ck_location *where)
{
    ck_arena arena = {0};
    ck_problem problem;
    ck_prepared prepared = {.problem = &problem};
    const ck_seeding *seeding = ck_seeding_of(params->init);
    result->history = NULL;
    int status = ck_problem_init(&problem, &arena, X, weights, params->n_threads);
    if (status == CK_OK && rows_with_weight(&problem) < params->k) status = CK_ERROR_TOO_FEW_ROWS;
    if (status == CK_OK) ck_prepare_packed(&prepared, &arena, params->k);
    const ck_prospect prospect = prospect_of(params);
    if (status == CK_OK && prospect.passes > 0.0) ck_prepare_embedding(&prepared, &arena, &prospect);
    if (status == CK_OK && seeding && seeding->likes_sorted) ck_prepare_sorted(&prepared, &arena, params->k);
    if (status == CK_OK) status = fit_restarts(&prepared, &arena, params, result);
    if (status == CK_ERROR_NOT_FINITE) ck_find_not_finite(X, where);
    ck_arena_free(&arena);
    return status;
}
