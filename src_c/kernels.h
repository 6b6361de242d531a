/* kernels.h - which kernels there are for each job, which of them run here, and which one is in use. */
#ifndef CK_KERNELS_H
#define CK_KERNELS_H

#include "base/base.h"

typedef enum {
    CK_JOB_SCREEN, /* ck_screen_kernels: float32 scores */
    CK_JOB_COARSE, /* ck_coarse_shape: scores in a cheaper format, in front of them; there may be none */
    CK_JOB_SETTLE, /* ck_settle_kernels: canonical float64 */
    CK_JOB_QUICK,  /* ck_quick_kernels: quick distances and bounds */
    CK_JOB_ROWS,   /* ck_rows_kernels: rows in bulk */
    CK_JOB_COUNT
} ck_job;

/* Whether a kernel is known to be faster than those behind it in its table: elsewhere it serves only those who name its
 * level. */
typedef enum { CK_FASTER, CK_FASTER_ON_AMD, CK_UNMEASURED } ck_measured;

typedef struct {
    const char *level; /* by whose name it is asked for */
    ck_features needs;
    ck_measured measured;
    const void *kernels; /* the type is the job's */
} ck_kernel;

/* All that were compiled, the best first. OUT count. */
const ck_kernel *ck_kernels_of(ck_job job, int *count);
int ck_kernel_runs(const ck_kernel *kernel);
/* NULL where a coarse screen has none. */
const ck_kernel *ck_kernel_in_use(ck_job job);

#endif
