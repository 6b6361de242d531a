# The C core as src_c/ck.h and src_c/ck_test.h declare it.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t


cdef extern from "ck.h" nogil:
    ctypedef enum ck_dtype:
        CK_F32, CK_F64, CK_I8, CK_U8, CK_I16, CK_U16
    ctypedef enum ck_init:
        CK_INIT_GIVEN, CK_INIT_KMEANS_PLUSPLUS, CK_INIT_RANDOM, CK_INIT_KMEANS_PARALLEL, CK_INIT_AFK_MC2
    enum:
        CK_OK, CK_ERROR_MEMORY, CK_ERROR_NOT_FINITE, CK_ERROR_STOPPED, CK_ERROR_TOO_FEW_ROWS, CK_ERROR_FORKED
    ctypedef struct ck_matrix:
        const void *data
        int64_t n_rows, n_features, row_stride, feature_stride
        ck_dtype dtype
    ctypedef struct ck_location:
        int64_t row, feature
    ctypedef enum ck_algorithm:
        CK_AUTO, CK_LLOYD, CK_HAMERLY, CK_YINYANG, CK_PROJECTION, CK_FILTERING
    ctypedef struct ck_progress:
        int restart
        int64_t iteration
        double inertia, center_shift
        int64_t changed
        ck_algorithm algorithm
        double screened
        const char *screen
    ctypedef int (*ck_progress_fn)(void *, const ck_progress *)
    ctypedef struct ck_fit_params:
        int64_t k
        int n_init
        int64_t max_iter
        double tol
        ck_init init
        int n_trials
        const double *given_centers
        uint64_t seed
        int n_threads
        ck_algorithm algorithm
        ck_progress_fn progress
        void *progress_user
    ctypedef struct ck_fit_result:
        double *centers
        int32_t *labels
        int64_t *sizes
        double *weights
        double inertia
        int64_t n_iter
        int converged
        int64_t distinct
        ck_progress *history

    int ck_choose_isa(const char *what)
    const char *ck_isa_name()
    int ck_runnable_isas(const char **names, int capacity)
    int ck_found_features(const char **names, int capacity)
    ctypedef struct ck_kernel_info:
        const char *job
        const char *level
        int runs, measured, in_use
        const char *format
    int ck_list_kernels(ck_kernel_info *kernels, int capacity)
    int ck_choose_lender(const char *)
    int ck_list_lenders(const char **names, int capacity)
    ctypedef struct ck_threading:
        const char *lender
        const char *runtime
        const char *file
        int openmp, max_threads, processors, thread_limit, proc_bind
    void ck_threading_info(ck_threading *)
    int ck_runtime_threads()
    int ck_runtime_processors()
    void ck_set_processors(int)
    ctypedef int (*ck_stop_fn)(void *)
    ctypedef struct ck_watch:
        ck_stop_fn stop
        void *user
        const void *owner
        int64_t stopped
        double last
    ck_watch *ck_set_watch(ck_watch *)
    void ck_end_other_calls()
    void ck_free(void *)
    const char *ck_algorithm_name(int)
    const char *ck_init_name(int)
    int ck_init_is_careful(int)
    int ck_assign(const ck_matrix *, const double *, int64_t, const double *, int, int32_t *, double *, ck_location *)
    int ck_distances(const ck_matrix *, const double *, int64_t, int, ck_dtype, void *, ck_location *)
    int ck_seed(const ck_matrix *, const double *, int64_t, ck_init, int, uint64_t, int, double *, int64_t *,
                ck_location *)
    int ck_fit(const ck_matrix *, const double *, const ck_fit_params *, ck_fit_result *, ck_location *)
    ctypedef struct ck_scatter:
        double *weights
        double *means
        double *squares
        double *distances
        int unit
    ctypedef enum ck_silhouette_metric:
        CK_EUCLIDEAN, CK_SQEUCLIDEAN, CK_SIMPLIFIED
    int ck_cluster_scatter(const ck_matrix *, const int32_t *, int64_t, const double *, int, ck_scatter *,
                           ck_location *)
    int ck_silhouette(const ck_matrix *, const int32_t *, int64_t, const double *, double, ck_silhouette_metric,
                      const double *, int, double *, double *, ck_location *)
    int ck_distances_to_own(const ck_matrix *, const double *, const int32_t *, int, double *, ck_location *)


cdef extern from "ck_test.h" nogil:
    int ck_screen_probe(const ck_matrix *, const double *, int64_t, int, const float *, float *, uint8_t *, double *,
                        double *, double *, double *)
    ctypedef struct ck_open_counts:
        int64_t rows, screened_rows, tried_rows, open_pairs, settled_rows
    int ck_open_probe(const ck_matrix *, const double *, int64_t, int32_t *, ck_open_counts *)
    void ck_random_block(const uint32_t *, const uint32_t *, uint32_t *)
