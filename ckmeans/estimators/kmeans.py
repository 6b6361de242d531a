"""k-means by Lloyd's iteration."""

from collections.abc import Callable
from typing import Any, Self

from numpy.typing import ArrayLike

from .. import _input as check
from .._fitting.fit import fit
from .._show.progress import Progress
from ._base import CenterEstimator


class KMeans(CenterEstimator):
    """Exact k-means clustering with the interface of scikit-learn's ``KMeans``.

    Labels are those of the nearest centers as float64 sees them, the lowest index on a tie; the same bits come out
    for any number of threads, any instruction set and any memory layout of the data.

    Parameters
    ----------
    n_clusters : int, default 8
        Number of clusters.
    init : {"k-means++", "k-means||", "afk-mc2", "random"}, array or callable, default "k-means++"
        First centers. "k-means++": rows drawn one after the other by their squared distance to the nearest center so
        far, each the best of several (Arthur and Vassilvitskii, SODA 2007, in its greedy form). "k-means||": about
        2 n_clusters rows join in each of five rounds, and k-means++ chooses among them (Bahmani et al., VLDB 2012);
        the number of passes over X does not grow with ``n_clusters``. "afk-mc2": Markov chains of 200 rows imitate
        k-means++ (Bachem et al., NIPS 2016); after one pass the cost does not depend on the number of rows.
        "random": rows drawn by their weight. An array of shape (n_clusters, n_features): the centers themselves. A
        callable: what ``init(X, n_clusters, random_state)`` returns.
    n_init : "auto" or int, default "auto"
        Restarts, of which the one of least inertia is kept (the first on a tie). "auto" is 10 for "random" and a
        callable, else 1.
    max_iter : int, default 300
        Most iterations of one restart.
    tol : float, default 1e-4
        A restart has converged when the squared moves of its centers sum to at most ``tol`` times the mean variance
        of the features, or when no label changes.
    verbose : int or bool, default 0
        Print a line after every iteration.
    random_state : None, int, numpy.random.Generator or numpy.random.RandomState
        Seed; None draws one from NumPy's global generator.
    copy_x : bool, default True
        Accepted for compatibility: X is never copied nor altered.
    algorithm : {"auto", "lloyd", "hamerly", "yinyang", "projection", "filtering", "elkan"}, default "auto"
        How distances are saved; the result is the same, to the bit, for all. "lloyd" scores every row against every
        center. "hamerly" keeps two bounds a row (8 bytes) and skips the rows that they show to keep their label.
        "yinyang" keeps a bound for each of at most 256 groups of near centers and screens the groups that the bounds
        leave. "projection" finds the few centers that may be nearest along principal directions; it serves from 24
        features, 4096 rows and 16 clusters, where few directions hold nearly all of the scatter, and is "lloyd"
        elsewhere. "filtering" sorts rows of at most 8 features into boxes that are compared as one. "auto" chooses
        by what a sample of the rows and the passes so far show, and goes back where a choice does not pay. "elkan"
        is accepted for compatibility and means "auto".
    n_threads : int, optional
        Threads; by default as many as OpenMP is told to use (``OMP_NUM_THREADS``, ``omp_set_num_threads``,
        threadpoolctl), at most the processors that the process may use. :func:`ckmeans.show_config` tells.
    callback : callable, optional
        Called as ``callback(progress)`` after every iteration, with a :class:`ckmeans.Progress`: fields restart,
        iteration, inertia, center_shift, changed, algorithm, screened and screen. An exception that it raises ends the
        fit and leaves the estimator as it was.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (n_clusters, n_features)
        float32 for float32 data, else float64.
    labels_ : ndarray of shape (n_samples,), int32
        Equal to ``predict(X)``.
    inertia_ : float
        Sum of weight times squared Euclidean distance to the nearest center, in squared units of X; infinite where
        float64 cannot hold it.
    n_iter_ : int
        Iterations of the restart kept.
    converged_ : bool
        False where that restart stopped at ``max_iter``.
    cluster_sizes_ : ndarray of shape (n_clusters,), int64
        Rows in each cluster.
    cluster_weights_ : ndarray of shape (n_clusters,), float64
        Sums of the weights of those rows; infinite where float64 cannot hold one.
    history_ : structured ndarray of shape (n_iter_,)
        Fields inertia, center_shift and changed (rows with a new label) of every iteration; which algorithm ran, what
        share of all pairs of row and center it scored (screened), and in which numbers first (screen: "float32" or
        a cheaper format such as "int8"). The inertia is derived from sums over clusters and rounded relative to the
        total scatter; ``inertia_`` is summed over the rows. The last three fields may differ between machines and,
        with several threads, between runs; all else may not.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,), object
        Only where X was a table whose column names are strings.

    Notes
    -----
    X may be any array-like or a pandas, polars or Arrow table; float32 and float64, and integers of 8 and 16 bits,
    are read in place in any memory layout, other numbers become float64. So X may be a memory map, larger than memory:
    ``np.load(path, mmap_mode="r")`` or ``np.memmap(path, dtype, "r", shape=shape)``, row by row (C order) for
    speed. A file that another program shortens meanwhile ends the process (SIGBUS), as it does for whoever reads a map:
    replace such files under another name rather than in place. X should not be written to during a call; weights and
    given centers are copied. From some features and 64 clusters on, where processors multiply bytes faster, a fit keeps
    the rows as bytes beside X, up to 1 GiB. Lloyd's iteration (Lloyd, IEEE Trans. Inf.
    Theory 28, 1982); k-means++ after Arthur and Vassilvitskii (SODA 2007). Empty clusters take the farthest rows.

    Examples
    --------
    >>> from ckmeans import KMeans
    >>> model = KMeans(2, random_state=0).fit([[0.0], [1.0], [10.0], [11.0]])
    >>> model.predict([[2.0], [9.0]]).tolist() == [model.labels_[0], model.labels_[2]]
    True
    """

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        init: Any = "k-means++",
        n_init: int | str = "auto",
        max_iter: int = 300,
        tol: float = 1e-4,
        verbose: int = 0,
        random_state: Any = None,
        copy_x: bool = True,
        algorithm: str = "auto",
        n_threads: int | None = None,
        callback: Callable[[Progress], Any] | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.verbose = verbose
        self.random_state = random_state
        self.copy_x = copy_x
        self.algorithm = algorithm
        self.n_threads = n_threads
        self.callback = callback

    # --- Fitting ------------------------------------------------------------------------------------------------

    def fit(self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Cluster the rows of ``X``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers.
        y : ignored
        sample_weight : array-like of shape (n_samples,) or float, optional
            Weight of each row, at least 0. A row of weight w counts as w rows; one of weight 0 as if absent, though
            it gets a label. A positive weight of less than 2**-1074 times the largest counts as that.

        Returns
        -------
        KMeans
            The estimator itself; as it was before if an exception is raised.

        Raises
        ------
        ValueError
            If X is not two-dimensional and finite, has fewer rows of positive weight than clusters, or a parameter
            is out of range.
        TypeError
            If a parameter is of the wrong type, or X is sparse.
        MemoryError
            If the working space does not fit.
        """
        rows = check.check_rows(X)
        names = check.column_names(X)
        check.check_flag(self.copy_x, "copy_x")
        result = fit(
            rows,
            n_clusters=self.n_clusters,
            init=self.init,
            n_init=self.n_init,
            max_iter=self.max_iter,
            tol=self.tol,
            algorithm=self.algorithm,
            verbose=self.verbose,
            random_state=self.random_state,
            n_threads=self.n_threads,
            callback=self.callback,
            sample_weight=sample_weight,
            original_X=X,
        )
        return self._take(result, rows.shape[1], names)
