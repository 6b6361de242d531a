/* inertia.c - canonical distances of rows to the centers of their labels, and their exact sum. */
#include "inertia.h"

#include "../settle/exact_sum.h"
#include "../settle/rows.h"
#include "../threads/threads.h"

enum {
    ABREAST = 4,          /* sums that run at a time, to hide the latency of an addition */
    BATCH_ELEMENTS = 1024 /* rows of this many elements are converted together */
};

static int64_t batch_rows(int64_t d) { return ck_max_i64(BATCH_ELEMENTS / d / ABREAST, 1) * ABREAST; }
int64_t ck_label_distances_scratch(int64_t d) { return batch_rows(d) * d; }

/* rows: n of d, `stride` elements apart. */
static void batch_distances(const double *rows, int64_t stride, const double *centers, const int32_t *labels, int64_t n,
                            int64_t d, int unit, double *distances)
{
    for (int64_t i = 0; i < n; i += ABREAST) {
        const double *x[ABREAST], *c[ABREAST];
        double sum[ABREAST] = {0.0};
        const int64_t count = ck_min_i64(ABREAST, n - i);
        for (int64_t lane = 0; lane < ABREAST; lane++) {
            const int64_t at = i + ck_min_i64(lane, count - 1);
            assert(labels[at] >= 0);
            x[lane] = rows + at * stride;
            c[lane] = centers + labels[at] * d;
        }
        for (int64_t p = 0; p < d; p++)
            for (int lane = 0; lane < ABREAST; lane++) {
                double difference = x[lane][p] - c[lane][p];
                sum[lane] += difference * difference;
            }
        for (int64_t lane = 0; lane < count; lane++)
            distances[i + lane] = unit == 0 && ck_sqdist_is_plain(sum[lane])
                                      ? sum[lane]
                                      : ck_sqdist_in_unit(ck_sqdist_of(x[lane], c[lane], d), unit);
    }
}

void ck_label_distances(const ck_matrix *X, const double *centers, const int32_t *labels, int64_t row, int64_t n_rows,
                        int unit, double *distances, double *scratch)
{
    const int64_t d = X->n_features, batch = batch_rows(d);
    int64_t apart;
    const double *rows = ck_rows_in_place(X, row, &apart);
    if (rows) {
        batch_distances(rows, apart, centers, labels, n_rows, d, unit, distances);
        return;
    }
    for (int64_t i = 0; i < n_rows; i += batch) {
        const int64_t count = ck_min_i64(batch, n_rows - i);
        ck_rows_table()->copy_rows(X, row + i, count, scratch);
        batch_distances(scratch, d, centers, labels + i, count, d, unit, distances + i);
    }
}

typedef struct {
    const ck_matrix *X;
    const double *centers, *weights;
    const int32_t *labels;
    int unit;
    ck_exact_sum *sums; /* of each worker */
    double *scratch;
} inertia_task;

static int sum_block(void *context, int64_t block, int worker)
{
    inertia_task *task = context;
    double *masses = task->scratch + worker * ck_block_scratch(task->X->n_features);
    const int64_t row = block * CK_SUM_ROWS, n_rows = ck_min_i64(CK_SUM_ROWS, task->X->n_rows - row);
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
    const int64_t n_blocks = ck_ceil_div(X->n_rows, CK_SUM_ROWS);
    int workers = ck_useful_threads(n_threads, n_blocks, 4.0 * (double)X->n_rows * (double)X->n_features);
    inertia_task task = {X, centers, weights, labels, unit, NULL, NULL};
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
