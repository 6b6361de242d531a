# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, freethreading_compatible=True
"""The C core as Python sees it: arrays to pointers, one call without the GIL, status to exception.

Arguments arrive validated: see ``_input``.
"""

import atexit
import os
import sys
import threading
from collections import namedtuple

import numpy as np

from cpython.buffer cimport PyBUF_STRIDES, PyBuffer_Release, PyObject_GetBuffer
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from ckmeans.ck cimport *

cdef dict DTYPES = {"f": CK_F32, "d": CK_F64, "b": CK_I8, "B": CK_U8, "h": CK_I16, "H": CK_U16}
cdef dict SILHOUETTES = {"euclidean": CK_EUCLIDEAN, "sqeuclidean": CK_SQEUCLIDEAN, "simplified": CK_SIMPLIFIED}
SILHOUETTE_METRICS = tuple(SILHOUETTES)
DTYPE_CODES = frozenset(DTYPES)

cdef list ALGORITHM_NAMES = []
while ck_algorithm_name(len(ALGORITHM_NAMES)) != NULL:
    ALGORITHM_NAMES.append(ck_algorithm_name(len(ALGORITHM_NAMES)).decode())
ALGORITHMS = tuple(ALGORITHM_NAMES)
cdef dict ALGORITHM_CODES = {name: code for code, name in enumerate(ALGORITHMS)}

cdef dict INIT_CODES = {}
while ck_init_name(len(INIT_CODES)) != NULL:
    INIT_CODES[ck_init_name(len(INIT_CODES)).decode()] = len(INIT_CODES)
INITS = tuple(name for name, code in INIT_CODES.items() if code != CK_INIT_GIVEN)
CAREFUL_INITS = tuple(name for name in INITS if ck_init_is_careful(INIT_CODES[name]))
"""Seedings of which a second draw seldom leads to a better fit."""

HISTORY_DTYPE = np.dtype([
    ("inertia", "f8"), ("center_shift", "f8"), ("changed", "i8"),
    ("algorithm", f"U{max(map(len, ALGORITHMS))}"), ("screened", "f8"), ("screen", "U8"),
])


class TooFewRows(ValueError):
    """Fewer rows of positive weight than clusters."""


cdef class Rows:
    """A two-dimensional array held open as a ``ck_matrix``."""

    cdef Py_buffer buffer
    cdef ck_matrix matrix
    cdef object array

    def __cinit__(self, array):
        PyObject_GetBuffer(array, &self.buffer, PyBUF_STRIDES)
        self.array = array
        self.matrix.data = self.buffer.buf
        self.matrix.n_rows = self.buffer.shape[0]
        self.matrix.n_features = self.buffer.shape[1]
        self.matrix.row_stride = self.buffer.strides[0]
        self.matrix.feature_stride = self.buffer.strides[1]
        self.matrix.dtype = DTYPES[array.dtype.char]

    def __dealloc__(self):
        PyBuffer_Release(&self.buffer)


cdef const double *optional(const double[::1] values) noexcept:
    return NULL if values is None else &values[0]


cdef int check(int status, Rows rows, const ck_location *where, Watch watch=None) except -1:
    """The one place where a status of the core becomes an exception. ``where`` is NULL from calls that do not say."""
    if status == CK_OK:
        return 0
    if status == CK_ERROR_NOT_FINITE:
        row, feature = np.argwhere(~np.isfinite(rows.array))[0] if where == NULL else (where.row, where.feature)
        value = rows.array[row, feature]
        raise ValueError(
            f"X contains {'NaN' if value != value else 'infinity'} at row {row}, feature {feature}; "
            "every value must be finite. Drop or impute such rows first."
        )
    if status == CK_ERROR_MEMORY:
        raise MemoryError("not enough memory for the working space of ckmeans")
    if status == CK_ERROR_TOO_FEW_ROWS:
        raise TooFewRows("fewer rows of positive weight than clusters")
    if status == CK_ERROR_STOPPED:
        raise RuntimeError("the interpreter is shutting down") if watch is None or watch.error is None else watch.error
    if status == CK_ERROR_FORKED:
        raise RuntimeError("this process was forked by a signal handler within a call of ckmeans: the call cannot be "
                           "finished in the child, where the threads that held a part of it do not exist")
    raise RuntimeError(f"unexpected status {status} from the core")


cdef class Watch:
    """Lets Ctrl-C, what else interrupts a thread, and the errors of a callback end a call of the core.

    From ``begin`` to ``end`` the core asks it now and then.
    """

    cdef ck_watch watch
    cdef ck_watch *before
    cdef object callback
    cdef object error

    def __cinit__(self, callback=None):
        self.callback = callback
        self.watch.stop = is_interrupted
        self.watch.user = <void *>self
        self.watch.owner = NULL
        self.watch.stopped = 0
        self.watch.last = 0.0

    cdef void begin(self) noexcept nogil:
        self.before = ck_set_watch(&self.watch)

    cdef void end(self) noexcept nogil:
        ck_set_watch(self.before)

    cdef int look(self) noexcept:
        try:
            PyErr_CheckSignals()
            run_bytecode()
            if main_thread_is_interrupted():
                raise KeyboardInterrupt("the main thread was interrupted")
        except BaseException as error:
            self.error = error
            return 1
        return 0

    cdef int report(self, const ck_progress *now) noexcept:
        try:
            self.callback(now.restart, now.iteration, now.inertia, now.center_shift, now.changed,
                          ALGORITHM_NAMES[now.algorithm], now.screened, now.screen.decode())
        except BaseException as error:
            self.error = error
            return 1
        return 0


# Exceptions sent to a thread (PyThreadState_SetAsyncExc) are raised where it runs bytecode.
cdef object run_bytecode = eval("lambda: None")


cdef bint main_thread_is_interrupted():
    """Whether the main thread is being left for Ctrl-C, which Python delivers to it alone.

    It then often waits for this thread: on leaving ``with ThreadPoolExecutor()``, or at the end of the program.
    """
    main = threading.main_thread()
    if threading.get_ident() == main.ident:
        return False
    if not main.is_alive():
        return getattr(sys, "last_type", None) is KeyboardInterrupt
    handled = sys._current_exceptions().get(main.ident)
    return isinstance(handled[1] if isinstance(handled, tuple) else handled, KeyboardInterrupt)  # a tuple: Python 3.11


def end_other_calls():
    """At the end of the program, where Python ends other threads as soon as they want to run some of it."""
    with nogil:
        ck_end_other_calls()


atexit.register(end_other_calls)


cdef int is_interrupted(void *user) noexcept nogil:
    with gil:
        return (<Watch>user).look()


cdef int on_progress(void *user, const ck_progress *now) noexcept nogil:
    with gil:
        return (<Watch>user).report(now)


def fit(X, const double[::1] weights, int64_t n_clusters, int n_init, int64_t max_iter, double tol, str init,
        const double[:, :, ::1] given_centers, uint64_t seed, int n_threads, callback, int n_trials=0,
        str algorithm="auto"):
    """Fits; returns centers, labels, sizes, weights, inertia, n_iter, converged, distinct, history."""
    cdef Rows rows = Rows(X)
    cdef Watch watch = Watch(callback)
    cdef ck_fit_params params
    cdef ck_fit_result result
    cdef ck_location where
    cdef int status
    cdef int64_t i
    centers = np.empty((n_clusters, rows.matrix.n_features))
    labels = np.empty(rows.matrix.n_rows, dtype=np.int32)
    sizes = np.empty(n_clusters, dtype=np.int64)
    cluster_weights = np.empty(n_clusters)
    cdef double[:, ::1] centers_view = centers
    cdef int32_t[::1] labels_view = labels
    cdef int64_t[::1] sizes_view = sizes
    cdef double[::1] cluster_weights_view = cluster_weights
    params.k = n_clusters
    params.n_init = n_init
    params.max_iter = max_iter
    params.tol = tol
    params.init = INIT_CODES[init]
    params.n_trials = n_trials
    params.given_centers = NULL if given_centers is None else &given_centers[0, 0, 0]
    params.seed = seed
    params.n_threads = n_threads
    params.algorithm = ALGORITHM_CODES[algorithm]
    params.progress = NULL
    if callback is not None:
        params.progress = on_progress
    params.progress_user = <void *>watch
    result.centers = &centers_view[0, 0]
    result.labels = &labels_view[0]
    result.sizes = &sizes_view[0]
    result.weights = &cluster_weights_view[0]
    cdef const double *weights_pointer = optional(weights)
    with nogil:
        watch.begin()
        status = ck_fit(&rows.matrix, weights_pointer, &params, &result, &where)
        watch.end()
    check(status, rows, &where, watch)
    try:
        history = np.empty(result.n_iter, dtype=HISTORY_DTYPE)
        for i in range(result.n_iter):
            history[i] = (result.history[i].inertia, result.history[i].center_shift, result.history[i].changed,
                          ALGORITHM_NAMES[result.history[i].algorithm], result.history[i].screened,
                          result.history[i].screen.decode())
    finally:
        ck_free(result.history)
    return (centers, labels, sizes, cluster_weights, result.inertia, result.n_iter, bool(result.converged),
            result.distinct, history)


def assign(X, const double[:, ::1] centers, const double[::1] weights, int n_threads, bint want_inertia):
    """Labels of the nearest centers, and the inertia or None."""
    cdef Rows rows = Rows(X)
    cdef Watch watch = Watch()
    cdef ck_location where
    cdef int status
    cdef double inertia = 0.0
    labels = np.empty(rows.matrix.n_rows, dtype=np.int32)
    cdef int32_t[::1] labels_view = labels
    cdef const double *weights_pointer = optional(weights)
    with nogil:
        watch.begin()
        status = ck_assign(&rows.matrix, &centers[0, 0], centers.shape[0], weights_pointer, n_threads,
                           &labels_view[0], &inertia if want_inertia else NULL, &where)
        watch.end()
    check(status, rows, &where, watch)
    return labels, inertia if want_inertia else None


def transform(X, const double[:, ::1] centers, int n_threads):
    """Distances of every row to every center, in the floating dtype of X."""
    cdef Rows rows = Rows(X)
    cdef Watch watch = Watch()
    cdef ck_location where
    cdef int status
    cdef ck_dtype dtype = CK_F32 if rows.matrix.dtype == CK_F32 else CK_F64
    out = np.empty((rows.matrix.n_rows, centers.shape[0]), dtype=np.float32 if dtype == CK_F32 else np.float64)
    cdef uint8_t[:, ::1] out_view = out.view(np.uint8)
    with nogil:
        watch.begin()
        status = ck_distances(&rows.matrix, &centers[0, 0], centers.shape[0], n_threads, dtype, &out_view[0, 0],
                              &where)
        watch.end()
    check(status, rows, &where, watch)
    return out


def seed_centers(X, const double[::1] weights, int64_t n_clusters, str init, int n_trials, uint64_t seed,
                 int n_threads):
    """Rows drawn as first centers, and their indices."""
    cdef Rows rows = Rows(X)
    cdef Watch watch = Watch()
    cdef ck_location where
    cdef int status
    centers = np.empty((n_clusters, rows.matrix.n_features))
    indices = np.empty(n_clusters, dtype=np.int64)
    cdef double[:, ::1] centers_view = centers
    cdef int64_t[::1] indices_view = indices
    cdef const double *weights_pointer = optional(weights)
    cdef ck_init method = INIT_CODES[init]
    with nogil:
        watch.begin()
        status = ck_seed(&rows.matrix, weights_pointer, n_clusters, method, n_trials, seed, n_threads,
                         &centers_view[0, 0], &indices_view[0], &where)
        watch.end()
    check(status, rows, &where, watch)
    return centers, indices


def cluster_scatter(X, const int32_t[::1] labels, int64_t n_clusters, const double[::1] weights, int n_threads,
                    bint want_distances):
    """Weights, means, sums of squared distances, sums of distances (or None) of the clusters, and their unit."""
    cdef Rows rows = Rows(X)
    cdef Watch watch = Watch()
    cdef ck_location where
    cdef ck_scatter scatter
    cdef int status
    totals, squares, distances = np.empty(n_clusters), np.empty(n_clusters), np.empty(n_clusters)
    means = np.empty((n_clusters, rows.matrix.n_features))
    cdef double[::1] totals_view = totals, squares_view = squares, distances_view = distances
    cdef double[:, ::1] means_view = means
    scatter.weights = &totals_view[0]
    scatter.means = &means_view[0, 0]
    scatter.squares = &squares_view[0]
    scatter.distances = &distances_view[0] if want_distances else NULL
    cdef const double *weights_pointer = optional(weights)
    with nogil:
        watch.begin()
        status = ck_cluster_scatter(&rows.matrix, &labels[0], n_clusters, weights_pointer, n_threads, &scatter, &where)
        watch.end()
    check(status, rows, &where, watch)
    return totals, means, squares, distances if want_distances else None, scatter.unit


def silhouette(X, const int32_t[::1] labels, int64_t n_clusters, const double[::1] weights, double one, str metric,
               const double[:, ::1] centers, int n_threads):
    """Silhouettes of the rows, and their mean; ``one`` is the weight of one row."""
    cdef Rows rows = Rows(X)
    cdef Watch watch = Watch()
    cdef ck_location where
    cdef ck_silhouette_metric kind = SILHOUETTES[metric]
    cdef double mean
    cdef int status
    samples = np.empty(rows.matrix.n_rows)
    cdef double[::1] samples_view = samples
    cdef const double *weights_pointer = optional(weights)
    cdef const double *centers_pointer = NULL if centers is None else &centers[0, 0]
    with nogil:
        watch.begin()
        status = ck_silhouette(&rows.matrix, &labels[0], n_clusters, weights_pointer, one, kind, centers_pointer,
                               n_threads, &samples_view[0], &mean, &where)
        watch.end()
    check(status, rows, &where, watch)
    return samples, mean


def distances_to_own(X, const double[:, ::1] centers, const int32_t[::1] labels, int n_threads):
    """Euclidean distances of the rows to the centers of their labels."""
    cdef Rows rows = Rows(X)
    cdef Watch watch = Watch()
    cdef ck_location where
    cdef int status
    distances = np.empty(rows.matrix.n_rows)
    cdef double[::1] distances_view = distances
    with nogil:
        watch.begin()
        status = ck_distances_to_own(&rows.matrix, &centers[0, 0], &labels[0], n_threads, &distances_view[0], &where)
        watch.end()
    check(status, rows, &where, watch)
    return distances


def screen_probe(X, const double[:, ::1] centers, int shape, const float[::1] cut):
    """The screen's scores, what reaches ``cut``, the slacks, scale and negated offset: for the tests."""
    cdef Rows rows = Rows(X)
    cdef int status
    cdef double scale
    cdef int64_t n = rows.matrix.n_rows, k = centers.shape[0]
    scores = np.empty((n, k), dtype=np.float32)
    reached = np.empty((n, k), dtype=np.uint8)
    row_slack, center_slack, minus_offset = np.empty(n), np.empty(k), np.empty(rows.matrix.n_features)
    cdef float[:, ::1] scores_view = scores
    cdef uint8_t[:, ::1] reached_view = reached
    cdef double[::1] row_slack_view = row_slack, center_slack_view = center_slack, offset_view = minus_offset
    with nogil:
        status = ck_screen_probe(&rows.matrix, &centers[0, 0], k, shape, &cut[0], &scores_view[0, 0],
                                 &reached_view[0, 0], &row_slack_view[0], &center_slack_view[0], &scale,
                                 &offset_view[0])
    check(status, rows, NULL)
    return scores, reached.astype(bool), row_slack, center_slack, scale, minus_offset


def open_probe(X, const double[:, ::1] centers, int32_t[::1] labels):
    """Labels in place, from guesses or -1; how many rows and pairs each stage left open, for tests and benchmarks."""
    cdef Rows rows = Rows(X)
    cdef ck_open_counts counts
    cdef int status
    with nogil:
        status = ck_open_probe(&rows.matrix, &centers[0, 0], centers.shape[0], &labels[0], &counts)
    check(status, rows, NULL)
    return counts


def random_block(counter, key):
    """Philox 4x32-10 of four and two 32-bit words: for the known answers of its paper."""
    cdef uint32_t c[4]
    cdef uint32_t k[2]
    cdef uint32_t out[4]
    for i in range(4):
        c[i] = counter[i]
    for i in range(2):
        k[i] = key[i]
    ck_random_block(c, k, out)
    return out[0], out[1], out[2], out[3]


def isa():
    """Name of the best level with a kernel in use."""
    return ck_isa_name().decode()


cdef enum:
    MOST_NAMES = 32
    MOST_KERNELS = 64


def runnable_isas():
    """Names of the levels of instruction sets that this machine can run, fastest first."""
    cdef const char *names[MOST_NAMES]
    cdef int count = ck_runnable_isas(names, MOST_NAMES)
    return [names[i].decode() for i in range(min(count, MOST_NAMES))]


def features():
    """Names of the processor features found here."""
    cdef const char *names[MOST_NAMES]
    cdef int count = ck_found_features(names, MOST_NAMES)
    return [names[i].decode() for i in range(min(count, MOST_NAMES))]


Kernel = namedtuple("Kernel", "job level runs measured in_use format")


def kernels():
    """Every kernel of this build, job by job, the best first."""
    cdef ck_kernel_info entries[MOST_KERNELS]
    cdef int count = ck_list_kernels(entries, MOST_KERNELS)
    return [
        Kernel(entries[i].job.decode(), entries[i].level.decode(), bool(entries[i].runs), bool(entries[i].measured),
               bool(entries[i].in_use), entries[i].format.decode() if entries[i].format != NULL else None)
        for i in range(min(count, MOST_KERNELS))
    ]


cdef object chosen = None


def choose_isa(what):
    """Chooses kernels for the whole process: those of a level, or all but what needs some features.

    ``what`` is as for the environment variable CKMEANS_ISA; None: the fastest. Returns what was chosen before.
    """
    global chosen
    cdef bytes encoded = b"" if what is None else what.encode("utf-8", "surrogateescape")
    cdef int status = ck_choose_isa(NULL) if what is None else ck_choose_isa(encoded)
    if status != 0:
        raise ImportError(
            f"CKMEANS_ISA={what!r} cannot be used: this machine and build run {', '.join(runnable_isas())}; features can "
            f"be left out of one of these, or of all: {','.join('-' + name for name in (*features(), 'coarse'))}"
        )
    before, chosen = chosen, what
    return before


def lenders():
    """Names of those who can lend threads here, the preferred first."""
    cdef const char *names[MOST_NAMES]
    cdef int count = ck_list_lenders(names, MOST_NAMES)
    return [names[i].decode() for i in range(min(count, MOST_NAMES))]


Threading = namedtuple(
    "Threading", "lender runtime file openmp max_threads processors thread_limit proc_bind"
)


def threading_info():
    """Who lends threads to the calls of this process, and what their OpenMP runtime says of itself to this thread."""
    cdef ck_threading now
    ck_threading_info(&now)
    return Threading(now.lender.decode(), now.runtime.decode(), os.fsdecode(now.file) if now.file != NULL else None,
                     now.openmp, now.max_threads, now.processors, now.thread_limit, now.proc_bind)


def runtime_threads():
    """Threads that an OpenMP runtime would give this thread; 0: there is none to ask."""
    return ck_runtime_threads()


def runtime_processors():
    """Processors that it sees; 0: there is none to ask."""
    return ck_runtime_processors()


def choose_lender(what):
    """Chooses who lends threads, as the environment variable CKMEANS_THREADING names them; None: the preferred."""
    cdef bytes encoded = b"" if what is None else what.encode("utf-8", "surrogateescape")
    cdef int status = ck_choose_lender(NULL) if what is None else ck_choose_lender(encoded)
    if status != 0:
        raise ImportError(f"CKMEANS_THREADING={what!r} cannot be used: this build has {', '.join(lenders())}")


def set_processors(int processors):
    """How many threads all calls of this process together may keep running."""
    ck_set_processors(processors)


choose_isa(os.environ.get("CKMEANS_ISA") or None)
choose_lender(os.environ.get("CKMEANS_THREADING") or None)
