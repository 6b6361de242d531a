/* ck.h - the C API of ckmeans. Knows nothing of Python.
 *
 * Functions that can fail return CK_OK or a negative ck_status; the others say what they return. Sizes are int64_t,
 * strides are in bytes. Pointers marked IN are read only, OUT are written, INOUT both. Results depend on the arguments
 * alone: never on the number of threads, the instruction set or the memory layout of X. What is given must not change
 * during a call but for X, whose changes spoil results alone. docs/numerics.md derives what is promised here.
 */
#ifndef CK_H
#define CK_H

#include <stdint.h>

#define CK_VERSION "0.1.0"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    CK_OK = 0,
    CK_ERROR_MEMORY = -1,       /* out of memory, or a size that overflows */
    CK_ERROR_NOT_FINITE = -2,   /* X holds NaN or infinity: ck_location says where */
    CK_ERROR_STOPPED = -3,      /* the watch or the progress function asked to stop */
    CK_ERROR_TOO_FEW_ROWS = -4, /* fewer rows of positive weight than clusters */
    CK_ERROR_FORKED = -5,       /* the watch forked the process: what helper threads held is lost to this child */
    CK_ERROR_UNKNOWN = -6       /* a name that is none, or of what this machine has not */
} ck_status;
const char *ck_version(void);           /* CK_VERSION as it was compiled */
const char *ck_status_name(int status); /* such as "CK_ERROR_MEMORY"; NULL for what is none */

typedef enum { CK_F32, CK_F64, CK_I8, CK_U8, CK_I16, CK_U16 } ck_dtype;

/* A view of rows of features in any layout. Elements are aligned and in native byte order. */
typedef struct {
    const void *data;
    int64_t n_rows, n_features;
    int64_t row_stride, feature_stride; /* bytes, may be negative or zero */
    ck_dtype dtype;
} ck_matrix;

typedef struct {
    int64_t row, feature;
} ck_location;

/* --- Instruction sets -------------------------------------------------------------------------------------- */

/* Chooses the kernels, each job's by itself. NULL: the best that the processor and operating system can run, of those
 * that were measured to be better than the next. A level (ck_runnable_isas): the best that need no more than it has,
 * measured or not. "-a,-b" as NULL and "level,-a,-b" as the level, without what needs these features; "-coarse" among
 * them leaves all scores to the float32 screen.
 * CK_ERROR_UNKNOWN, and nothing changes, where that names something unknown or a level that this machine cannot run.
 * Call once, before anything else. */
int ck_choose_isa(const char *what);
/* The best level with a kernel in use. */
const char *ck_isa_name(void);
/* These three write at most `capacity` entries and return how many there are. */
int ck_runnable_isas(const char **names, int capacity);  /* levels, the best first */
int ck_found_features(const char **names, int capacity); /* what this machine has of what can be left out */
typedef struct {
    const char *job, *level; /* what it does; by whose name it is asked for */
    int runs;                /* on this machine */
    int measured;            /* to be better than the next, on such a machine */
    int in_use;
    const char *format; /* of the numbers that the screens compute with, else NULL; as in ck_progress */
} ck_kernel_info;
int ck_list_kernels(ck_kernel_info *kernels, int capacity); /* job by job, the best first */

/* --- Threads and interruption ------------------------------------------------------------------------------ */

/* Chooses who lends the threads: "openmp", a team of an OpenMP runtime, or "crew", threads of the core's own; all
 * calls share them. NULL: the first that keeps what docs/platforms.md promises. CK_ERROR_UNKNOWN, and nothing
 * changes, for a name of none that this build has. Call once, before anything else. */
int ck_choose_lender(const char *name);
int ck_list_lenders(const char **names, int capacity); /* as ck_runnable_isas does */
typedef struct {
    const char *lender, *runtime;              /* by whose name it is asked for; whose threads these are */
    const char *file;                          /* that holds the runtime, or NULL */
    int openmp;                                /* version of its standard as year and month, such as 201511; 0: none */
    int max_threads, processors, thread_limit; /* as it has them for the calling thread */
    int proc_bind;                             /* omp_proc_bind_t */
} ck_threading;
void ck_threading_info(ck_threading *threading);
/* What an OpenMP runtime would use for the next region of this thread (OMP_NUM_THREADS, omp_set_num_threads), and how
 * many processors it sees; 0: none is there to be asked. */
int ck_runtime_threads(void);
int ck_runtime_processors(void);

/* How many threads all calls of this process together may keep running, where none of them asks for more. */
void ck_set_processors(int processors);

/* Asked now and then; a non-zero answer ends the work with CK_ERROR_STOPPED. */
typedef int (*ck_stop_fn)(void *user);
typedef struct {
    ck_stop_fn stop;
    void *user;
    const void *owner; /* this and all that follows: 0 at first, then the library's own */
    int64_t stopped;
    double last;
} ck_watch;
/* Sets what the calls of this thread ask, every 50 ms or so and on this thread alone, and returns what they asked
 * before: to be set again afterwards. NULL: nothing. What they were to write is undefined once they stopped. */
ck_watch *ck_set_watch(ck_watch *watch);
/* The program ends: whoever asks a watch on another thread may not come back, while helpers work on what lies on that
 * thread's stack. From now on calls of other threads end with CK_ERROR_STOPPED as soon as they would ask. Returns when
 * nobody is asking any more. */
void ck_end_other_calls(void);

/* --- Assignment -------------------------------------------------------------------------------------------- */

/* Labels of the nearest centers, decided in float64, lowest index on a tie.
 *   X        IN  n x d
 *   centers  IN  k x d float64, C order, finite
 *   weights  IN  n float64 or NULL (only for inertia)
 *   labels   OUT n
 *   inertia  OUT sum of weight * squared distance, or NULL
 *   where    OUT place of the first value that is not finite, on CK_ERROR_NOT_FINITE */
int ck_assign(const ck_matrix *X, const double *centers, int64_t k, const double *weights, int n_threads,
              int32_t *labels, double *inertia, ck_location *where);

/* Euclidean distances of every row to every center, n x k in C order, into float32 or float64 (dtype of out). */
int ck_distances(const ck_matrix *X, const double *centers, int64_t k, int n_threads, ck_dtype out_dtype, void *out,
                 ck_location *where);

/* --- Seeding and fit --------------------------------------------------------------------------------------- */

typedef enum {
    CK_INIT_GIVEN,
    CK_INIT_KMEANS_PLUSPLUS, /* greedy k-means++ */
    CK_INIT_RANDOM,          /* rows drawn by weight */
    CK_INIT_KMEANS_PARALLEL, /* k-means||: many rows a round, then k-means++ among them */
    CK_INIT_AFK_MC2          /* Markov chains instead of the distances of all rows */
} ck_init;

/* Names of the methods, NULL from the first code on that is none; whether a second draw seldom leads to a better fit.
 */
const char *ck_init_name(int init);
int ck_init_is_careful(int init);

/* Draws k rows. indices OUT k, centers OUT k x d. */
int ck_seed(const ck_matrix *X, const double *weights, int64_t k, ck_init method, int n_trials, uint64_t seed,
            int n_threads, double *centers, int64_t *indices, ck_location *where);

/* How distances are saved; labels, centers and inertia are the same for all. */
typedef enum {
    CK_AUTO,       /* chosen by what a sample of the rows and the passes show */
    CK_LLOYD,      /* every row against every center */
    CK_HAMERLY,    /* rows whose two bounds show that their label stays are skipped */
    CK_YINYANG,    /* the same with a bound for each group of near centers: rows are compared with some groups only */
    CK_PROJECTION, /* correlated features: a few principal directions tell which centers may matter */
    CK_FILTERING   /* few features: rows are sorted into boxes that are compared as one */
} ck_algorithm;
/* Names of these, and of what a build may have beside them; NULL from the first code on that is none. */
const char *ck_algorithm_name(int algorithm);

/* What an iteration reports. iteration counts from 1. */
typedef struct {
    int restart;
    int64_t iteration;
    double inertia;         /* of this iteration's labels, at the centers they were assigned to */
    double center_shift;    /* sum of squared moves of the centers */
    int64_t changed;        /* rows whose label changed */
    ck_algorithm algorithm; /* what ran: never CK_AUTO */
    double screened;        /* share of all pairs of row and center that were scored */
    const char *screen;     /* the numbers that most of them were scored in first, such as "int8"; static */
} ck_progress;

/* Called from the thread that called ck_fit; a non-zero return ends the fit with CK_ERROR_STOPPED. */
typedef int (*ck_progress_fn)(void *user, const ck_progress *progress);

typedef struct {
    int64_t k;
    int n_init;
    int64_t max_iter;
    double tol; /* relative to the mean variance of the features */
    ck_init init;
    int n_trials;                /* candidates a step of k-means++; 0: 2 + floor(ln k) */
    const double *given_centers; /* IN n_init x k x d for CK_INIT_GIVEN: finite in the dtype of X */
    uint64_t seed;
    int n_threads;
    ck_algorithm algorithm;
    ck_progress_fn progress; /* or NULL: then restarts may run side by side */
    void *progress_user;
} ck_fit_params;

typedef struct {
    double *centers;      /* OUT k x d, rounded to the dtype of X when that is float32 */
    int32_t *labels;      /* OUT n */
    int64_t *sizes;       /* OUT k: rows */
    double *weights;      /* OUT k: sums of weights */
    double inertia;       /* OUT */
    int64_t n_iter;       /* OUT of the best restart, like all that follow */
    int converged;        /* OUT */
    int64_t distinct;     /* OUT clusters with a row of positive weight */
    ck_progress *history; /* OUT n_iter entries, owned by the caller: ck_free */
} ck_fit_result;

int ck_fit(const ck_matrix *X, const double *weights, const ck_fit_params *params, ck_fit_result *result,
           ck_location *where);
void ck_free(void *pointer);

/* --- Scores of a clustering -------------------------------------------------------------------------------- */

/* Labels are in [0, k). A row of weight w stands for w rows; weights NULL: all one. Clusters without weight are left
 * out. Sums over rows are taken in an order that the sizes alone give. */

typedef struct {
    double *weights;   /* OUT k */
    double *means;     /* OUT k x d, in the units of X; 0 for a cluster without weight */
    double *squares;   /* OUT k: sums of weight * squared distance to the mean, in units of 4^unit */
    double *distances; /* OUT k: sums of weight * distance to the mean, in units of 2^unit; or NULL */
    int unit;          /* OUT 0 but for data whose squares would overflow or vanish */
} ck_scatter;
int ck_cluster_scatter(const ck_matrix *X, const int32_t *labels, int64_t k, const double *weights, int n_threads,
                       ck_scatter *scatter, ck_location *where);

/* What a silhouette compares. */
typedef enum {
    CK_EUCLIDEAN,   /* mean distances to the rows of each cluster: all pairs of rows */
    CK_SQEUCLIDEAN, /* mean squared distances: n k distances are enough */
    CK_SIMPLIFIED   /* distances to the centers */
} ck_silhouette_metric;
/*   one      the weight of one row: 1, but where weights were scaled
 *   centers  IN  k x d for CK_SIMPLIFIED, or NULL: the means
 *   samples  OUT n: (b - a) / max(a, b), 0 for a row that is alone; not a number for a single cluster and
 *                for a row of weight 0
 *   mean     OUT by weight */
int ck_silhouette(const ck_matrix *X, const int32_t *labels, int64_t k, const double *weights, double one,
                  ck_silhouette_metric metric, const double *centers, int n_threads, double *samples, double *mean,
                  ck_location *where);

/* Euclidean distances of the rows to the centers of their labels. OUT distances: n. */
int ck_distances_to_own(const ck_matrix *X, const double *centers, const int32_t *labels, int n_threads,
                        double *distances, ck_location *where);

#ifdef __cplusplus
}
#endif

#endif
