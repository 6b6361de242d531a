/* assign.h - labels of blocks of rows: screen, then settle what the bound leaves open. */
#ifndef CK_ASSIGN_H
#define CK_ASSIGN_H

#include "../settle/quick.h"
#include "../settle/rows.h"
#include "../threads/threads.h"
#include "inertia.h"
#include "packed.h"

/* What all workers share while one set of centers is assigned to. */
typedef struct {
    const ck_matrix *X;
    const double *centers;
    float *centers32; /* the same rounded, where something is measured in float32 */
    ck_screen_model model;
    ck_coarse_model coarse; /* tried before the model's screen, where it has a shape */
    int coarse_serves;      /* for the centers set last */
    int keep_image;         /* rows are imaged as for the centers before, so that bounds and packed rows stay valid */
    const ck_packed_rows *packed; /* or NULL */
    int64_t block_rows;           /* the most rows of one ck_assign_block */
    int64_t strip_rows;           /* rows of a block that are screened together: their image stays in cache */
    int64_t chunk_panels;         /* panels of centers that pass over a strip together */
} ck_assigner;

/* Centers that rows are screened against: all, or some whose panels were copied together. Indices in panels ascend. */
typedef struct {
    const float *panels;
    int64_t n_panels, n;
    const int32_t *indices; /* n; NULL: all centers in their order */
} ck_center_set;

typedef struct ck_coarse_scratch ck_coarse_scratch;

/* What one worker owns. */
typedef struct {
    ck_coarse_scratch *coarse;                /* or NULL */
    const float *strip_points, *strip_sqnorm; /* points and sqnorm, or rows that were packed before */
    float *points, *sqnorm, *best, *second, *index, *thresholds; /* of a strip */
    int32_t *open;
    double *stage; /* one panel of rows in float64 */
    /* Open rows wait, across the strips of a block, until they fill a panel. */
    int n_waiting, is_cleared;
    int32_t waiting[64]; /* their places in the block */
    uint64_t unscreened; /* bits of those too large for a float32 image */
    float *waiting_points, *waiting_thresholds;
    uint64_t *masks;
    int64_t n_settled; /* rows so far that needed canonical distances after the float32 screen */
    ck_watch_pace pace;
} ck_assign_scratch;

/* Both reserve memory: check arena->failed. */
void ck_assigner_init(ck_assigner *assigner, ck_arena *arena, const ck_matrix *X, int64_t k);
ck_assign_scratch *ck_assign_scratch_new(ck_arena *arena, const ck_assigner *assigner, int n_workers);

/* Other rows of as many features; taken from where they are packed, and imaged like that. NULL: as they are. */
void ck_assigner_use_rows(ck_assigner *assigner, const ck_matrix *X, const ck_packed_rows *packed);
/* Whether rows are to be imaged as for the centers before, so that bounds stay valid. */
void ck_assigner_keep_image(ck_assigner *assigner, int keep);

/* How many centers are to be set: at most as many as there is memory for. */
void ck_assigner_set_count(ck_assigner *assigner, int64_t k);
/* centers: k x d, to stay valid and unchanged while blocks are assigned. */
int ck_assigner_set_centers(ck_assigner *assigner, const double *centers);

/* INOUT labels: of rows [row, row + n_rows) of `rows`, X or some rows of it gathered; n_rows <= block_rows; room for a
 * whole number of panels. IN: what they probably are, which saves work, or -1. */
int ck_assign_block(const ck_assigner *assigner, ck_assign_scratch *scratch, const ck_matrix *rows, int64_t row,
                    int64_t n_rows, int32_t *labels);

/* The same in steps, for rows whose nearest center is known to be one of a set: rows [row + at, row + at + n_rows), at
 * most strip_rows, are screened against `set`, which is part of what the rows left open are settled among, at the end.
 */
void ck_assign_begin(ck_assign_scratch *scratch);
int ck_assign_rows(const ck_assigner *assigner, ck_assign_scratch *scratch, const ck_matrix *rows, int64_t row,
                   int64_t at, int64_t n_rows, const ck_center_set *set, const ck_center_set *settle, int32_t *labels);
int ck_assign_settle(const ck_assigner *assigner, ck_assign_scratch *scratch, const ck_matrix *rows, int64_t row,
                     const ck_center_set *settle, int32_t *labels);
/* OUT set: of these centers, ascending; panels: room for whole panels, (2 + d) float32 a center. */
void ck_center_set_of(const ck_assigner *assigner, const int32_t *indices, int64_t n, float *panels,
                      ck_center_set *set);

/* Rows of all workers so far: those that were to be screened, and those that the coarse screen did. */
typedef struct {
    int64_t rows, served;
} ck_served_rows;
ck_served_rows ck_coarse_served(const ck_assign_scratch *workers, int n_workers);

/* Bounds of the distances of images to the nearest of some centers, as far as the screen can tell, and to the others.
 */
typedef struct {
    int32_t *nearest;
    float *high;   /* at least the distance to nearest; not finite where the screen cannot tell anything */
    float *low;    /* at most the distance to any center of the set */
    float *others; /* at most the distance to any other center of the set */
} ck_row_bounds;
/* Rows [row, row + n_rows), against all centers. OUT bounds: n_rows each. */
int ck_bound_rows(const ck_assigner *assigner, ck_assign_scratch *scratch, const ck_matrix *rows, int64_t row,
                  int64_t n_rows, const ck_row_bounds *bounds);
/* Listed rows against the centers of panels for score_listed. images, sqnorms: by the numbers of the list. */
void ck_bound_listed(const ck_assigner *assigner, ck_assign_scratch *scratch, const float *images, const float *sqnorms,
                     const int32_t *list, int64_t n, const float *panels, int64_t n_panels,
                     const ck_row_bounds *bounds);

/* The same, of the nearest alone and without telling which. OUT lower, near: as of ck_quick_kernels.bound_group.
 * Returns how many are near. */
int64_t ck_bound_group(const ck_assigner *assigner, ck_assign_scratch *scratch, const float *images,
                       const float *sqnorms, const int32_t *list, int64_t n, const float *panels, int64_t n_panels,
                       float drift, const float *limits, float *lower, const ck_near_rows *near);

/* What the coarse screen takes of a row beside scoring it, where few directions hold most of the scatter. */
double ck_coarse_row_operations(const ck_matrix *X, int64_t k);
/* What scoring a row against k centers is thought to cost before anything is known, by the screens that there are. */
double ck_scoring_operations(const ck_matrix *X, int64_t k);

/* Cost of assigning all rows, in scalar operations: for ck_useful_threads. */
double ck_assign_operations(const ck_matrix *X, int64_t k);

#endif
