/* inertia.c - canonical distances of rows to the centers of their labels, and their exact sum. */
#include "inertia.h"

#include "../settle/exact_sum.h"
#include "../threads/threads.h"

enum { MIN_BLOCKS = 16 }; /* so that few wide rows occupy all threads: their sum is exact however it is split */

/* What own_sqdists asks for, and a row. */
int64_t ck_label_distances_scratch(int64_t d) { return (CK_OWN_ROWS + 1) * d; }

void ck_label_distances(const ck_matrix *X, const double *centers, const int32_t *labels, int64_t row, int64_t n_rows,
                        int unit, double *distances, double *scratch)
{
    const int64_t d = X->n_features;
    double *x = scratch + CK_OWN_ROWS * d;
    const int plain = ck_settle_table()->own_sqdists(X, row, labels, n_rows, centers, distances, scratch);
    for (int64_t i = 0; i < n_rows && !(plain && unit == 0); i++) {
        if (unit == 0 && ck_sqdist_is_plain(distances[i])) continue;
        ck_load_row(X, row + i, x);
        distances[i] = ck_sqdist_in_unit(ck_sqdist_of(x, centers + labels[i] * d, d), unit);
    }
}

typedef struct {
    const ck_matrix *X;
    const double *centers, *weights;
    const int32_t *labels;
    int unit;
    int64_t block_rows;
    ck_exact_sum *sums; /* of each worker */
    double *scratch;
} inertia_task;

static int sum_block(void *context, int64_t block, int worker)
{
    inertia_task *task = context;
    double *masses = task->scratch + worker * ck_block_scratch(task->X->n_features);
    const int64_t row = block * task->block_rows, n_rows = ck_min_i64(task->block_rows, task->X->n_rows - row);
    ck_label_distances(task->X, task->centers, task->labels + row, row, n_rows, task->unit, masses,
                       masses + CK_SUM_ROWS);
    for (int64_t i = 0; i < n_rows && task->weights; i++) {
        const double weight = task->weights[row + i];
        masses[i] = weight > 0.0 ? weight * masses[i] : 0.0; /* however far a row is that does not count */
    }
    ck_exact_sum_add_all(task->sums + worker, masses, n_rows);
    return CK_OK;
}

int ck_inertia(const ck_matrix *X, const double *centers, const double *weights, const int32_t *labels, int unit,
               int n_threads, double *inertia)
{
    const int64_t few = ck_round_up(ck_ceil_div(X->n_rows, MIN_BLOCKS), CK_OWN_ROWS);
    const int64_t block_rows = ck_min_i64(few, CK_SUM_ROWS), n_blocks = ck_ceil_div(X->n_rows, block_rows);
    int workers = ck_useful_threads(n_threads, n_blocks, 4.0 * (double)X->n_rows * (double)X->n_features);
    inertia_task task = {X, centers, weights, labels, unit, block_rows, NULL, NULL};
    ck_arena arena = {0};
    task.sums = CK_NEW(&arena, ck_exact_sum, workers);
    task.scratch = CK_NEW(&arena, double, workers *ck_block_scratch(X->n_features));
    int status = arena.failed ? CK_ERROR_MEMORY : CK_OK;
    for (int w = 0; w < workers && status == CK_OK; w++) ck_exact_sum_init(task.sums + w);
    if (status == CK_OK) status = ck_parallel_for(n_blocks, workers, sum_block, &task);
    for (int w = 1; w < workers && status == CK_OK; w++) ck_exact_sum_merge(task.sums, task.sums + w);
    if (status == CK_OK) *inertia = ck_exact_sum_round(task.sums);
    ck_arena_free(&arena);
    return status;
}
