#include "labeler.h"

#include <string.h>

void ck_labeler_init(ck_labeler *labeler, ck_arena *arena, const ck_matrix *X, int64_t most, int n_threads)
{
    ck_assigner_init(&labeler->assigner, arena, X, most);
    const int64_t block_rows = labeler->assigner.block_rows, n_blocks = ck_ceil_div(X->n_rows, block_rows);
    labeler->n_workers = ck_useful_threads(n_threads, n_blocks, ck_assign_operations(X, most));
    labeler->scratch = ck_assign_scratch_new(arena, &labeler->assigner, labeler->n_workers);
    labeler->labels = CK_NEW(arena, int32_t, labeler->n_workers *block_rows);
}

typedef struct {
    const ck_labeler *labeler;
    int32_t *labels;
} label_task;

static int label_block(void *context, int64_t block, int worker)
{
    const label_task *task = context;
    const ck_labeler *labeler = task->labeler;
    const ck_assigner *assigner = &labeler->assigner;
    const int64_t row = block * assigner->block_rows;
    const int64_t n_rows = ck_min_i64(assigner->block_rows, assigner->X->n_rows - row);
    int32_t *labels = labeler->labels + worker * assigner->block_rows;
    for (int64_t i = 0; i < n_rows; i++) labels[i] = -1;
    const int status = ck_assign_block(assigner, labeler->scratch + worker, assigner->X, row, n_rows, labels);
    if (status == CK_OK) memcpy(task->labels + row, labels, (size_t)n_rows * sizeof *labels);
    return status;
}

int ck_labeler_run(ck_labeler *labeler, const double *centers, int64_t k, int32_t *labels)
{
    const ck_matrix *X = labeler->assigner.X;
    const int64_t n_blocks = ck_ceil_div(X->n_rows, labeler->assigner.block_rows);
    const int workers = ck_useful_threads(labeler->n_workers, n_blocks, ck_assign_operations(X, k));
    label_task task = {labeler, labels};
    ck_assigner_set_count(&labeler->assigner, k);
    const int status = ck_assigner_set_centers(&labeler->assigner, centers);
    return status == CK_OK ? ck_parallel_for(n_blocks, workers, label_block, &task) : status;
}
