#include "variance.h"

#include "../settle/exact_sum.h"
#include "../settle/rows.h"

static const double UNIT_ROUNDOFF = 0x1p-53;

typedef struct {
    const ck_problem *problem;
    double scale;
    double *means;      /* d; NULL: not known yet */
    double *rows;       /* of each worker: a block */
    ck_exact_sum *sums; /* of each worker: of every feature, then of all squares */
    int64_t n_sums;
} variance_task;

enum { BLOCK_ROWS = 64 };

static int add_block(void *context, int64_t block, int worker)
{
    const variance_task *task = context;
    const ck_matrix *X = task->problem->X;
    const int64_t d = X->n_features, row = block * BLOCK_ROWS, n = ck_min_i64(BLOCK_ROWS, X->n_rows - row);
    double *rows = task->rows + worker * ck_apart(BLOCK_ROWS * d);
    ck_exact_sum *sums = task->sums + worker * task->n_sums;
    ck_rows_table()->copy_rows(X, row, n, rows);
    for (int64_t i = 0; i < n; i++) {
        const double weight = ck_weight(task->problem, row + i);
        double *x = rows + i * d;
        for (int64_t p = 0; p < d; p++) {
            const double value = weight > 0.0 ? x[p] * task->scale : 0.0;
            const double difference = task->means && weight > 0.0 ? value - task->means[p] : 0.0;
            x[p] = task->means ? weight * (difference * difference) : weight * value;
            if (!task->means) ck_exact_sum_add(sums + p, x[p]);
        }
    }
    if (task->means) ck_exact_sum_add_all(sums + d, rows, n * d);
    return CK_OK;
}

/* The sums of all workers join those of the first. */
static int add_rows(variance_task *task, int64_t first, int64_t last)
{
    const int64_t n = task->problem->X->n_rows, d = task->problem->X->n_features, n_blocks = ck_ceil_div(n, BLOCK_ROWS);
    const int workers = ck_useful_threads(task->problem->n_threads, n_blocks, 8.0 * (double)n * (double)d);
    const int status = ck_parallel_for(n_blocks, workers, add_block, task);
    for (int w = 1; w < workers && status == CK_OK; w++)
        for (int64_t i = first; i < last; i++) ck_exact_sum_merge(task->sums + i, task->sums + w * task->n_sums + i);
    return status;
}

static int sum_weights(const ck_problem *problem, double *total)
{
    ck_exact_sum sum;
    ck_exact_sum_init(&sum);
    for (int64_t row = 0; row < problem->X->n_rows && problem->weights; row += CK_UNWATCHED_ROWS) {
        if (ck_stopped()) return CK_ERROR_STOPPED;
        ck_exact_sum_add_all(&sum, problem->weights + row, ck_min_i64(CK_UNWATCHED_ROWS, problem->X->n_rows - row));
    }
    *total = problem->weights ? ck_exact_sum_round(&sum) : (double)problem->X->n_rows;
    return CK_OK;
}

int ck_mean_variance(const ck_problem *problem, double *variance)
{
    const int64_t d = problem->X->n_features, n_blocks = ck_ceil_div(problem->X->n_rows, BLOCK_ROWS);
    const int workers = ck_useful_threads(problem->n_threads, n_blocks, INFINITY);
    ck_arena arena = {0};
    double total, *means = CK_NEW(&arena, double, d);
    variance_task task = {.problem = problem, .scale = ldexp(1.0, -problem->unit), .n_sums = d + 1};
    task.rows = CK_NEW(&arena, double, workers *ck_apart(BLOCK_ROWS * d));
    task.sums = CK_NEW(&arena, ck_exact_sum, workers * task.n_sums);
    int status = arena.failed ? CK_ERROR_MEMORY : sum_weights(problem, &total);
    for (int64_t i = 0; i < workers * task.n_sums && status == CK_OK; i++) ck_exact_sum_init(task.sums + i);
    if (status == CK_OK) status = add_rows(&task, 0, d);
    for (int64_t p = 0; p < d && status == CK_OK; p++) means[p] = ck_exact_sum_round(task.sums + p) / total;
    task.means = means;
    if (status == CK_OK) status = add_rows(&task, d, d + 1);
    if (status == CK_OK) *variance = ck_exact_sum_round(task.sums + d) / total / (double)d;
    ck_arena_free(&arena);
    return status;
}

/* docs/numerics.md, section 11. */
ck_variance ck_variance_of(const ck_problem *problem)
{
    const double n = (double)problem->X->n_rows, d = (double)problem->X->n_features;
    const double scatter = problem->scatter / problem->total_weight / d;
    const double mean = problem->largest * ldexp(1.0, -problem->unit) * UNIT_ROUNDOFF;
    return (ck_variance){problem->mean_variance,
                         16.0 * (n + d + 64.0) * UNIT_ROUNDOFF * scatter + 32.0 * mean * mean + 0x1p-1000};
}
