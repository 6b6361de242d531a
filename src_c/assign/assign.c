/* assign.c - whole-matrix calls: labels, distances. */
#include <string.h>

#include "../ck_test.h"
#include "coarse_block.h"
#include "labeler.h"

/* --- Labels ------------------------------------------------------------------------------------------------ */

static int locate(int status, const ck_matrix *X, ck_location *where)
{
    if (status == CK_ERROR_NOT_FINITE) ck_find_not_finite(X, where);
    return status;
}

int ck_assign(const ck_matrix *X, const double *centers, int64_t k, const double *weights, int n_threads,
              int32_t *labels, double *inertia, ck_location *where)
{
    ck_arena arena = {0};
    ck_labeler labeler;
    ck_labeler_init(&labeler, &arena, X, k, n_threads);
    int status = arena.failed ? CK_ERROR_MEMORY : ck_labeler_run(&labeler, centers, k, labels);
    if (status == CK_OK && inertia) status = ck_inertia(X, centers, weights, labels, 0, n_threads, inertia);
    ck_arena_free(&arena);
    return locate(status, X, where);
}

int ck_open_probe(const ck_matrix *X, const double *centers, int64_t k, int32_t *labels, ck_open_counts *counts)
{
    ck_arena arena = {0};
    ck_assigner assigner;
    ck_assigner_init(&assigner, &arena, X, k);
    ck_assign_scratch *scratch = ck_assign_scratch_new(&arena, &assigner, 1);
    int32_t *block = CK_NEW(&arena, int32_t, assigner.block_rows);
    int status = arena.failed ? CK_ERROR_MEMORY : CK_OK;
    if (status == CK_OK) status = ck_assigner_set_centers(&assigner, centers);
    for (int64_t row = 0; row < X->n_rows && status == CK_OK; row += assigner.block_rows) {
        const int64_t n_rows = ck_min_i64(assigner.block_rows, X->n_rows - row);
        memcpy(block, labels + row, (size_t)n_rows * sizeof *labels);
        status = ck_assign_block(&assigner, scratch, X, row, n_rows, block);
        memcpy(labels + row, block, (size_t)n_rows * sizeof *labels);
    }
    *counts = (ck_open_counts){X->n_rows, 0, 0, 0, 0};
    if (status == CK_OK && scratch->coarse) *counts = ck_coarse_counts(scratch->coarse);
    if (status == CK_OK) counts->settled_rows += scratch->n_settled;
    ck_arena_free(&arena);
    return status;
}

/* --- Distances --------------------------------------------------------------------------------------------- */

typedef struct {
    const ck_matrix *X;
    const double *centers;
    int64_t k;
    ck_dtype out_dtype;
    char *out;
    double *scratch;
} transform_task;

/* A panel, its distances and one row. */
static int64_t transform_scratch(int64_t d) { return ck_apart(CK_LANES * (d + 1) + d); }

/* Writes those distances of a panel anew whose squares are not plain. sqdists, x: scratch. */
static void restore_distances(const transform_task *task, int64_t row, int64_t n_rows, const double *panel,
                              double *sqdists, double *x)
{
    const int64_t d = task->X->n_features, k = task->k;
    for (int64_t j = 0; j < k; j++) {
        const double *center = task->centers + j * d;
        ck_settle_table()->sqdist_panel(panel, d, center, sqdists);
        for (int64_t lane = 0; lane < n_rows; lane++) {
            if (ck_sqdist_is_plain(sqdists[lane])) continue;
            ck_load_row(task->X, row + lane, x);
            const double root = ck_sqdist_root(ck_sqdist_scaled(x, center, d));
            const int64_t at = (row + lane) * k + j;
            if (task->out_dtype == CK_F32)
                ((float *)task->out)[at] = (float)root;
            else
                ((double *)task->out)[at] = root;
        }
    }
}

static int transform_panel(void *context, int64_t item, int worker)
{
    transform_task *task = context;
    const ck_settle_kernels *kernels = ck_settle_table();
    const int64_t d = task->X->n_features, k = task->k, row = item * CK_LANES;
    const int64_t n_rows = ck_min_i64(CK_LANES, task->X->n_rows - row);
    double *panel = task->scratch + worker * transform_scratch(d), *sqdists = panel + CK_LANES * d;
    double largest;
    kernels->load_panel(task->X, row, n_rows, panel);
    if (!kernels->largest_magnitude(panel, CK_LANES * d, &largest)) return CK_ERROR_NOT_FINITE;
    const int plain = kernels->distances(panel, d, task->centers, k, n_rows, task->out_dtype == CK_F32,
                                         task->out + row * k * ck_itemsize(task->out_dtype));
    if (CK_UNLIKELY(!plain)) restore_distances(task, row, n_rows, panel, sqdists, sqdists + CK_LANES);
    return CK_OK;
}

int ck_distances(const ck_matrix *X, const double *centers, int64_t k, int n_threads, ck_dtype out_dtype, void *out,
                 ck_location *where)
{
    ck_arena arena = {0};
    const int64_t d = X->n_features, n_items = ck_ceil_div(X->n_rows, CK_LANES);
    const int workers = ck_useful_threads(n_threads, n_items, (double)X->n_rows * (double)k * ((double)d + 8.0));
    transform_task task = {X, centers, k, out_dtype, out, NULL};
    task.scratch = CK_NEW(&arena, double, workers *transform_scratch(d));
    int status = arena.failed ? CK_ERROR_MEMORY : ck_parallel_for(n_items, workers, transform_panel, &task);
    ck_arena_free(&arena);
    return locate(status, X, where);
}
