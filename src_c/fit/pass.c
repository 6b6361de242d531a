#include <string.h>

#include "fit.h"

enum {
    CHUNK_BYTES = 2 << 20,     /* aimed at for the totals of all chunks together */
    MAX_CHUNK_BYTES = 8 << 20, /* above it rows are summed in one chunk, after the assignment, by slices of features */
    MIN_CHUNKS = 16,           /* enough for every core of a desktop to have work */
    MAX_CHUNKS = 64,
    MIN_CHUNK_ROWS = 256,
    SLICE_FEATURES = 64,
    SLICE_ROWS = 256
};

struct ck_pass {
    const ck_problem *problem;
    int64_t k, n_chunks, chunk_rows, item_rows;
    int workers;
    ck_assigner assigner;
    ck_assign_scratch *scratch;
    int32_t *block_labels; /* a block for each worker, and the list of its rows with a new label */
    double *row_scratch;   /* a row for each worker */
    double *minus_ones;    /* a block */
    int fused;             /* rows are summed as soon as they have their labels, chunk by chunk */
    int moved_only;        /* in this pass: sums are exact, so that only rows with a new label need be touched */
    int fresh;             /* the totals are those of the labels */
    double moved_share;    /* of the rows, in the pass before */
    ck_totals totals;
    double *chunk_sums, *chunk_weights; /* n_chunks x k x d, n_chunks x k */
    int64_t *item_sizes;                /* n_items x k: changes */
    int64_t *item_changed, *item_moved;
    int32_t *previous;  /* labels before the pass, where sums follow it */
    double *multiplier; /* weight / 2^unit, or NULL where that is one */
    int32_t *labels;
};

/* Fixed by the shape of the problem alone. */
static void choose_chunks(ck_pass *pass)
{
    const int64_t n = pass->problem->X->n_rows, bytes = 8 * pass->k * (pass->problem->X->n_features + 1);
    int64_t chunks = MAX_CHUNKS;
    while (chunks > MIN_CHUNKS && chunks * bytes > CHUNK_BYTES) chunks /= 2;
    pass->fused = chunks * bytes <= MAX_CHUNK_BYTES;
    if (!pass->fused) chunks = 1;
    pass->chunk_rows = ck_max_i64(ck_ceil_div(n, chunks), MIN_CHUNK_ROWS);
    pass->n_chunks = ck_ceil_div(n, pass->chunk_rows);
}

static double *row_multipliers(ck_arena *arena, const ck_problem *problem)
{
    const int64_t n = problem->X->n_rows;
    if (!problem->weights && problem->unit == 0) return NULL;
    double *multiplier = CK_NEW(arena, double, n);
    for (int64_t i = 0; i < n && multiplier; i++) multiplier[i] = ldexp(ck_weight(problem, i), -problem->unit);
    return multiplier;
}

ck_pass *ck_pass_new(ck_arena *arena, const ck_problem *problem, int64_t k)
{
    const ck_matrix *X = problem->X;
    const int64_t n = X->n_rows, d = X->n_features;
    ck_pass *pass = CK_NEW(arena, ck_pass, 1);
    if (!pass) return NULL;
    memset(pass, 0, sizeof *pass);
    pass->problem = problem;
    pass->k = k;
    choose_chunks(pass);
    ck_assigner_init(&pass->assigner, arena, X, k);
    pass->item_rows = pass->fused ? pass->chunk_rows : pass->assigner.block_rows;
    const int64_t n_items = ck_ceil_div(n, pass->item_rows);
    pass->workers = ck_useful_threads(problem->n_threads, n_items, ck_assign_operations(X, k));
    pass->scratch = ck_assign_scratch_new(arena, &pass->assigner, pass->workers);
    pass->block_labels = CK_NEW(arena, int32_t, pass->workers * 2 * pass->assigner.block_rows);
    pass->row_scratch = CK_NEW(arena, double, pass->workers *ck_apart(d));
    pass->minus_ones = CK_NEW(arena, double, ck_max_i64(pass->assigner.block_rows, SLICE_ROWS));
    pass->totals.sums = CK_NEW(arena, double, k *d);
    pass->totals.weights = CK_NEW(arena, double, k);
    pass->totals.sizes = CK_NEW(arena, int64_t, k);
    if (pass->fused) {
        pass->chunk_sums = CK_NEW(arena, double, pass->n_chunks *ck_apart(k * d));
        pass->chunk_weights = CK_NEW(arena, double, pass->n_chunks *ck_apart(k));
    } else {
        pass->previous = CK_NEW(arena, int32_t, n);
    }
    pass->item_sizes = CK_NEW(arena, int64_t, pass->fused ? n_items * ck_apart(k) : 0);
    pass->item_changed = CK_NEW(arena, int64_t, n_items);
    pass->item_moved = CK_NEW(arena, int64_t, n_items);
    pass->multiplier = row_multipliers(arena, problem);
    if (arena->failed) return NULL;
    for (int64_t i = 0; i < ck_max_i64(pass->assigner.block_rows, SLICE_ROWS); i++) pass->minus_ones[i] = -1.0;
    return pass;
}

ck_totals *ck_pass_totals(ck_pass *pass) { return &pass->totals; }
void ck_pass_forget(ck_pass *pass) { pass->fresh = 0; }

void ck_pass_restart(ck_pass *pass, int32_t *labels)
{
    for (int64_t i = 0; i < pass->problem->X->n_rows; i++) labels[i] = -1;
    memset(pass->totals.sizes, 0, (size_t)pass->k * sizeof(int64_t));
    ck_pass_forget(pass);
}

/* --- Adding up rows ---------------------------------------------------------------------------------------- */

/* Takes the listed rows out of their old clusters' sums and into their new ones'. */
static void move_rows(const ck_pass *pass, int64_t row, const int32_t *list, int64_t n, int64_t first, int64_t last,
                      const int32_t *after, const int32_t *before, double *sums, double *scratch)
{
    const ck_settle_kernels *kernels = ck_settle_table();
    kernels->add_rows(pass->problem->X, row, list, n, first, last, before, pass->minus_ones, sums, scratch);
    kernels->add_rows(pass->problem->X, row, list, n, first, last, after, NULL, sums, scratch);
}

static void add_all_rows(const ck_pass *pass, int64_t row, int64_t n, int64_t first, int64_t last,
                         const int32_t *labels, double *sums, double *scratch)
{
    ck_settle_table()->add_rows(pass->problem->X, row, NULL, n, first, last, labels,
                                pass->multiplier ? pass->multiplier + row : NULL, sums, scratch);
}

/* --- The pass ---------------------------------------------------------------------------------------------- */

static int run_item(void *context, int64_t item, int worker)
{
    ck_pass *pass = context;
    const ck_problem *problem = pass->problem;
    const int64_t d = problem->X->n_features, k = pass->k, block_rows = pass->assigner.block_rows;
    const int64_t first = item * pass->item_rows, last = ck_min_i64(first + pass->item_rows, problem->X->n_rows);
    int32_t *labels = pass->block_labels + worker * 2 * block_rows, *list = labels + block_rows;
    double *row_scratch = pass->row_scratch + worker * ck_apart(d);
    double *sums = pass->fused ? pass->chunk_sums + item * ck_apart(k * d) : NULL;
    double *weights = pass->fused ? pass->chunk_weights + item * ck_apart(k) : NULL;
    int64_t *sizes = pass->fused ? pass->item_sizes + item * ck_apart(k) : NULL;
    int64_t changed = 0, moved = 0;
    if (pass->fused) {
        memset(sums, 0, (size_t)(k * d) * sizeof *sums);
        memset(weights, 0, (size_t)k * sizeof *weights);
        memset(sizes, 0, (size_t)k * sizeof *sizes);
    }
    for (int64_t row = first; row < last; row += block_rows) {
        const int64_t n_rows = ck_min_i64(block_rows, last - row);
        int32_t *before = pass->labels + row;
        for (int64_t i = 0; i < n_rows; i += 16) CK_PREFETCH(before + i);
        int status = ck_assign_block(&pass->assigner, pass->scratch + worker, row, n_rows, labels);
        if (status != CK_OK) return status;
        const int64_t n_moved = pass->assigner.model.kernels->differ(labels, before, (int)n_rows, list);
        moved += n_moved;
        for (int64_t i = 0; i < n_moved; i++) changed += ck_weight(problem, row + list[i]) > 0.0;
        if (pass->fused) {
            if (pass->moved_only)
                move_rows(pass, row, list, n_moved, 0, d, labels, before, sums, row_scratch);
            else
                add_all_rows(pass, row, n_rows, 0, d, labels, sums, row_scratch);
            for (int64_t i = 0; i < n_moved; i++) {
                sizes[labels[list[i]]]++;
                if (before[list[i]] >= 0) sizes[before[list[i]]]--;
            }
            if (problem->weights)
                for (int64_t i = 0; i < n_rows; i++) weights[labels[i]] += problem->weights[row + i];
        }
        if (!pass->fused) memcpy(pass->previous + row, before, (size_t)n_rows * sizeof *before);
        memcpy(before, labels, (size_t)n_rows * sizeof *before);
    }
    pass->item_changed[item] = changed;
    pass->item_moved[item] = moved;
    return CK_OK;
}

static void merge_chunks(ck_pass *pass)
{
    const int64_t k = pass->k, d = pass->problem->X->n_features;
    ck_totals *totals = &pass->totals;
    for (int64_t chunk = 0; chunk < pass->n_chunks; chunk++) {
        for (int64_t i = 0; i < k * d; i++) totals->sums[i] += pass->chunk_sums[chunk * ck_apart(k * d) + i];
        for (int64_t j = 0; j < k; j++) totals->sizes[j] += pass->item_sizes[chunk * ck_apart(k) + j];
        for (int64_t j = 0; j < k; j++) totals->weights[j] += pass->chunk_weights[chunk * ck_apart(k) + j];
    }
}

static int sum_slice(void *context, int64_t slice, int worker)
{
    ck_pass *pass = context;
    const int64_t n = pass->problem->X->n_rows, d = pass->problem->X->n_features;
    const int64_t first = slice * SLICE_FEATURES, last = ck_min_i64(first + SLICE_FEATURES, d);
    double *scratch = pass->row_scratch + worker * ck_apart(d);
    int32_t list[SLICE_ROWS];
    if (!pass->moved_only) {
        add_all_rows(pass, 0, n, first, last, pass->labels, pass->totals.sums, scratch);
        return CK_OK;
    }
    for (int64_t row = 0; row < n; row += SLICE_ROWS) {
        const int32_t *after = pass->labels + row, *before = pass->previous + row;
        const int64_t n_moved =
            pass->assigner.model.kernels->differ(after, before, (int)ck_min_i64(SLICE_ROWS, n - row), list);
        move_rows(pass, row, list, n_moved, first, last, after, before, pass->totals.sums, scratch);
    }
    return CK_OK;
}

static void sum_slices(ck_pass *pass)
{
    const ck_problem *problem = pass->problem;
    const int64_t n = problem->X->n_rows, n_slices = ck_ceil_div(problem->X->n_features, SLICE_FEATURES);
    memset(pass->totals.sizes, 0, (size_t)pass->k * sizeof(int64_t));
    for (int64_t i = 0; i < n; i++) pass->totals.sizes[pass->labels[i]]++;
    if (problem->weights)
        for (int64_t i = 0; i < n; i++) pass->totals.weights[pass->labels[i]] += problem->weights[i];
    ck_parallel_for(n_slices, (int)ck_min_i64(pass->workers, n_slices), sum_slice, pass);
}

int ck_pass_run(ck_pass *pass, const double *centers, int32_t *labels, int64_t *changed)
{
    const ck_problem *problem = pass->problem;
    const int64_t n = problem->X->n_rows, d = problem->X->n_features, k = pass->k;
    const int64_t n_items = ck_ceil_div(n, pass->item_rows);
    pass->labels = labels;
    /* Touching a moved row costs twice what adding a row costs, and more for the loss of order. */
    pass->moved_only = problem->exact_sums && pass->fresh && pass->moved_share < 0.25;
    ck_assigner_set_centers(&pass->assigner, centers);
    int status = ck_parallel_for(n_items, pass->workers, run_item, pass);
    if (status != CK_OK) return status;

    if (!pass->moved_only) memset(pass->totals.sums, 0, (size_t)(k * d) * sizeof(double));
    memset(pass->totals.weights, 0, (size_t)k * sizeof(double));
    if (pass->fused)
        merge_chunks(pass);
    else
        sum_slices(pass);
    int64_t moved = 0;
    *changed = 0;
    for (int64_t item = 0; item < n_items; item++) {
        *changed += pass->item_changed[item];
        moved += pass->item_moved[item];
    }
    if (!problem->weights)
        for (int64_t j = 0; j < k; j++) pass->totals.weights[j] = (double)pass->totals.sizes[j];
    pass->moved_share = (double)moved / (double)n;
    pass->fresh = 1;
    return CK_OK;
}
