#include "closest.h"

void ck_closest_init(ck_closest *c, ck_arena *arena, const ck_problem *problem, int64_t most)
{
    const int64_t n = problem->X->n_rows;
    c->problem = problem;
    c->most = most;
    ck_labeler_init(&c->labeler, arena, problem->X, most, problem->n_threads);
    ck_sampler_init(&c->sampler, arena, n);
    const int workers = ck_useful_threads(problem->n_threads, c->sampler.n_blocks, INFINITY);
    c->sqdists = CK_NEW(arena, double, n);
    c->nearest = CK_NEW(arena, int32_t, n);
    c->labels = CK_NEW(arena, int32_t, n);
    c->scratch = CK_NEW(arena, double, workers *ck_block_scratch(problem->X->n_features));
}

int ck_closest_run(const ck_closest *c, ck_item_fn fn, void *context, double operations_a_row)
{
    const int64_t n_blocks = c->sampler.n_blocks;
    const double operations = (double)c->problem->X->n_rows * operations_a_row;
    return ck_parallel_for(n_blocks, ck_useful_threads(c->problem->n_threads, n_blocks, operations), fn, context);
}

typedef struct {
    ck_closest *closest;
    const double *centers; /* of this batch */
    int64_t first;
} add_task;

static int add_block(void *context, int64_t block, int worker)
{
    const add_task *task = context;
    ck_closest *c = task->closest;
    const ck_matrix *X = c->problem->X;
    const int64_t start = block * CK_SUM_ROWS, n = ck_min_i64(CK_SUM_ROWS, X->n_rows - start);
    double *sqdists = c->scratch + worker * ck_block_scratch(X->n_features);
    ck_label_distances(X, task->centers, c->labels + start, start, n, c->problem->unit, sqdists, sqdists + CK_SUM_ROWS);
    for (int64_t i = 0; i < n; i++) {
        const int64_t row = start + i;
        if (task->first > 0 && !(sqdists[i] < c->sqdists[row])) continue;
        c->sqdists[row] = sqdists[i];
        c->nearest[row] = (int32_t)task->first + c->labels[row];
        c->sampler.masses[row] = ck_mass(c->problem, row, sqdists[i]);
    }
    ck_sampler_sum_block(&c->sampler, block);
    return CK_OK;
}

int ck_closest_add(ck_closest *c, const double *centers, int64_t first, int64_t last)
{
    const int64_t d = c->problem->X->n_features;
    int status = CK_OK;
    for (int64_t count; first < last && status == CK_OK; first += count) {
        add_task task = {c, centers + first * d, first};
        count = ck_min_i64(last - first, c->most);
        status = ck_labeler_run(&c->labeler, task.centers, count, c->labels);
        if (status == CK_OK) status = ck_closest_run(c, add_block, &task, 2.0 * (double)d);
    }
    return status;
}
