"""k-means as functions, for those who need no estimator."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _core
from .. import _input as check
from .._fitting.fit import fit
from .._fitting.result import KMeansResult
from .._show.progress import Progress


def kmeans(
    X: ArrayLike,
    n_clusters: int,
    *,
    sample_weight: ArrayLike | None = None,
    init: Any = "k-means++",
    n_init: int | str = "auto",
    max_iter: int = 300,
    tol: float = 1e-4,
    algorithm: str = "auto",
    verbose: int = 0,
    random_state: Any = None,
    n_threads: int | None = None,
    callback: Callable[[Progress], Any] | None = None,
) -> KMeansResult:
    """Cluster the rows of ``X``: :class:`KMeans` as one call.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Finite numbers; see :class:`KMeans` for dtypes and layouts.
    n_clusters : int
        Number of clusters, at most the number of rows of positive weight.
    sample_weight, init, n_init, max_iter, tol, algorithm, verbose, random_state, n_threads, callback
        As for :class:`KMeans`.

    Returns
    -------
    KMeansResult
        centers, labels, inertia, n_iter, converged, cluster_sizes, history, cluster_weights.

    Raises
    ------
    ValueError, TypeError
        What :meth:`KMeans.fit` raises.

    Examples
    --------
    >>> import ckmeans
    >>> result = ckmeans.kmeans([[0.0], [1.0], [10.0], [11.0]], 2, random_state=0)
    >>> sorted(result.centers.ravel().tolist())
    [0.5, 10.5]
    """
    return fit(
        check.check_rows(X),
        n_clusters=n_clusters,
        init=init,
        n_init=n_init,
        max_iter=max_iter,
        tol=tol,
        algorithm=algorithm,
        verbose=verbose,
        random_state=random_state,
        n_threads=n_threads,
        callback=callback,
        sample_weight=sample_weight,
        original_X=X,
    )


def kmeans_plusplus(
    X: ArrayLike,
    n_clusters: int,
    *,
    sample_weight: ArrayLike | None = None,
    random_state: Any = None,
    n_local_trials: int | None = None,
    n_threads: int | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Draw first centers by greedy k-means++.

    Every center after the first is the best of ``n_local_trials`` rows drawn with a probability in proportion to
    weight times squared distance to the nearest center so far (Arthur and Vassilvitskii, SODA 2007).

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
    n_clusters : int
        Number of centers, at most the number of rows of positive weight.
    sample_weight : array-like of shape (n_samples,), optional
        A row of weight zero is never drawn.
    random_state : None, int, numpy.random.Generator or numpy.random.RandomState
        Seed of the draws; they are the same for any number of threads and any instruction set.
    n_local_trials : int, optional
        Candidates of a step, at most 64; by default 2 + floor(ln(n_clusters)).
    n_threads : int, optional
        Threads; by default as many as OpenMP is told to use, at most the processors that the process may use.

    Returns
    -------
    centers : ndarray of shape (n_clusters, n_features)
        float32 for float32 data, else float64.
    indices : ndarray of shape (n_clusters,), int64
        Rows of ``X`` that the centers are.
    """
    rows = check.check_rows(X)
    n_clusters = check.check_integer(n_clusters, "n_clusters", 1, check.MAX_CLUSTERS)
    weights = check.check_weights(sample_weight, len(rows))
    check.check_cluster_count(n_clusters, weights.n_rows)
    trials = 0 if n_local_trials is None else check.check_integer(n_local_trials, "n_local_trials", 1, 64)
    seed = check.check_random_state(random_state)
    centers, indices = _core.seed_centers(
        rows, weights.values, n_clusters, "k-means++", trials, seed, check.check_n_threads(n_threads)
    )
    return centers.astype(np.float32) if rows.dtype == np.float32 else centers, indices


def assign(X: ArrayLike, centers: ArrayLike, *, n_threads: int | None = None) -> NDArray[np.int32]:
    """Index of the nearest center of every row, decided in float64, the lowest index on a tie.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
    centers : array-like of shape (n_clusters, n_features)
    n_threads : int, optional
        Threads; by default as many as OpenMP is told to use, at most the processors that the process may use.

    Returns
    -------
    ndarray of shape (n_samples,), int32

    Raises
    ------
    ValueError
        If a value is not finite (the message names its place) or the shapes do not fit.

    Examples
    --------
    >>> import ckmeans
    >>> ckmeans.assign([[0.0], [1.0], [10.0]], [[0.0], [9.0]]).tolist()
    [0, 0, 1]
    """
    rows = check.check_rows(X)
    labels, _ = _core.assign(
        rows, check.check_centers(centers, rows.shape[1]), None, check.check_n_threads(n_threads), False
    )
    return labels
