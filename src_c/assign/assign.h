/* assign.h - labels of blocks of rows: screen, then settle what the bound leaves open. */
#ifndef CK_ASSIGN_H
#define CK_ASSIGN_H

#include "../screen/screen.h"
#include "../settle/settle.h"

/* What all workers share while one set of centers is assigned to. */
typedef struct {
    const ck_matrix *X;
    const double *centers;
    ck_screen_model model;
    int keep_image;       /* rows are imaged as for the centers before, so that bounds and packed rows stay valid */
    int64_t block_rows;   /* the most rows of one ck_assign_block */
    int64_t strip_rows;   /* rows of a block that are screened together: their image stays in cache */
    int64_t chunk_panels; /* panels of centers that pass over a strip together */
} ck_assigner;

/* What one worker owns. */
typedef struct {
    float *points, *sqnorm, *best, *second, *index, *thresholds; /* of a strip */
    int32_t *open;
    double *stage; /* one panel of rows in float64 */
    /* Where not NULL, OUT for each row of a block: bounds of the image's distance to the center of the label, and to
     * all others. A row that the screen leaves open has a far of -1. */
    float *near, *far;
    /* Open rows wait, across the strips of a block, until they fill a panel. */
    int n_waiting;
    int32_t waiting[64]; /* their places in the block */
    uint64_t unscreened; /* bits of those too large for a float32 image */
    float *waiting_points, *waiting_thresholds;
    uint64_t *masks;
} ck_assign_scratch;

/* Both reserve memory: check arena->failed. */
void ck_assigner_init(ck_assigner *assigner, ck_arena *arena, const ck_matrix *X, int64_t k);
ck_assign_scratch *ck_assign_scratch_new(ck_arena *arena, const ck_assigner *assigner, int n_workers);

/* centers: k x d, to stay valid and unchanged while blocks are assigned. */
void ck_assigner_set_centers(ck_assigner *assigner, const double *centers);

/* OUT labels: of rows [row, row + n_rows) of `rows`, X or some rows of it gathered; n_rows <= block_rows; room for a
 * whole number of panels. */
int ck_assign_block(const ck_assigner *assigner, ck_assign_scratch *scratch, const ck_matrix *rows, int64_t row,
                    int64_t n_rows, int32_t *labels);

/* Cost of assigning all rows, in scalar operations: for ck_useful_threads. */
double ck_assign_operations(const ck_matrix *X, int64_t k);

/* Sum over the rows of weight * squared distance to the center of the label, in units of 4^unit. The sum is taken in
 * row order in blocks of CK_SUM_ROWS, then over the blocks. */
enum { CK_SUM_ROWS = 1024 };
int ck_inertia(const ck_matrix *X, const double *centers, const double *weights, const int32_t *labels, int unit,
               int n_threads, double *inertia);

/* Canonical squared distances of the rows to the centers of their labels, in units of 4^unit. OUT distances: n_rows.
 * scratch: ck_label_distances_scratch(d) float64. */
int64_t ck_label_distances_scratch(int64_t d);
void ck_label_distances(const ck_matrix *X, const double *centers, const int32_t *labels, int64_t row, int64_t n_rows,
                        int unit, double *distances, double *scratch);

#endif
