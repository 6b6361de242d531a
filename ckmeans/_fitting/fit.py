"""One fit: checked parameters to one call of the core. The estimator and the functions both stand on it."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .. import _input as check
from .._show.progress import Progress, iteration_words
from .._types import Floats
from .result import KMeansResult

RANDOM_RESTARTS = 10  # of n_init="auto", for seedings that are not careful
INITS = _core.INITS
SYNONYMS = {"elkan": "auto"}  # scikit-learn's name for saving distances
ALGORITHMS = (*_core.ALGORITHMS, *SYNONYMS)


def fit(
    X: NDArray[Any],
    *,
    n_clusters: Any,
    init: Any,
    n_init: Any,
    max_iter: Any,
    tol: Any,
    algorithm: Any,
    verbose: Any,
    random_state: Any,
    n_threads: Any,
    callback: Any,
    sample_weight: Any,
    original_X: Any = None,
) -> KMeansResult:
    """Check the parameters and run all restarts. ``X`` has passed ``check_rows``."""
    n_rows, n_features = X.shape
    n_clusters = check.check_integer(n_clusters, "n_clusters", 1, check.MAX_CLUSTERS)
    max_iter = check.check_integer(max_iter, "max_iter", 1)
    tol = check.check_nonnegative(tol, "tol")
    check.check_choice(algorithm, "algorithm", ALGORITHMS)
    n_threads = check.check_n_threads(n_threads)
    verbose = check.check_verbose(verbose)
    callback = check.check_callback(callback)
    restarts = _restarts(init, n_init)
    weights = check.check_weights(sample_weight, n_rows)
    check.check_cluster_count(n_clusters, weights.n_rows)
    seed = check.check_random_state(random_state)

    given = None
    if callable(init):
        rng = np.random.RandomState(np.random.MT19937(seed))
        rows = X if original_X is None else original_X
        given = np.stack(
            [
                check.check_centers(
                    init(rows, n_clusters, random_state=rng), n_features, n_clusters, "what init returned"
                )
                for _ in range(restarts)
            ]
        )
    elif not isinstance(init, str):
        given = check.check_centers(init, n_features, n_clusters, "init")[np.newaxis]

    if given is not None and X.dtype == np.float32 and np.abs(given).max() > np.finfo(np.float32).max:
        raise ValueError(f"init holds {given.flat[np.abs(given).argmax()]}, which float32, the dtype of X, cannot hold")

    return run(
        X,
        weights.values,
        n_clusters=n_clusters,
        restarts=restarts,
        max_iter=max_iter,
        tol=tol,
        init=init if isinstance(init, str) else "given",
        given=given,
        seed=seed,
        n_threads=n_threads,
        reporter=_reporter(callback, verbose, weights.exponent),
        algorithm=SYNONYMS.get(algorithm, algorithm),
        exponent=weights.exponent,
    )


def run(
    X: NDArray[Any],
    weights: Floats | None,
    *,
    n_clusters: int,
    restarts: int,
    max_iter: int,
    tol: float,
    init: str = "given",
    given: Floats | None = None,
    seed: int = 0,
    n_threads: int,
    reporter: Callable[..., None] | None = None,
    algorithm: str = "auto",
    exponent: int = 0,
) -> KMeansResult:
    """All restarts, from checked arguments: of "given", the centers of each. Weights were divided by 2**exponent."""
    result = _core.fit(
        X, weights, n_clusters, restarts, max_iter, tol, init, given, seed, n_threads, reporter, algorithm=algorithm
    )
    centers, labels, sizes, cluster_weights, inertia, n_iter, converged, distinct, history = result
    if distinct < n_clusters:
        check.warn_caller(
            f"Number of distinct clusters ({distinct}) found smaller than n_clusters ({n_clusters}). Possibly due to "
            "duplicate points in X.",
            check.convergence_warning_class(),
        )
    if X.dtype == np.float32:
        centers = centers.astype(np.float32)
    inertia, cluster_weights = float(check.rescaled(inertia, exponent)), check.rescaled(cluster_weights, exponent)
    history["inertia"] = check.rescaled(history["inertia"], exponent)
    return KMeansResult(centers, labels, inertia, n_iter, converged, sizes, history, cluster_weights)


def _restarts(init: Any, n_init: Any) -> int:
    """Number of restarts, after a look at ``init``."""
    if isinstance(init, str):
        check.check_choice(init, "init", INITS)
    elif init is None or isinstance(init, (bool, int, float)):
        raise TypeError(f"init must be one of {', '.join(map(repr, INITS))}, an array or a callable, got {init!r}")
    given = not isinstance(init, str) and not callable(init)
    if isinstance(n_init, str):
        if n_init != "auto":
            raise ValueError(f"n_init must be 'auto' or an integer of at least 1, got {n_init!r}")
        return 1 if given or (isinstance(init, str) and init in _core.CAREFUL_INITS) else RANDOM_RESTARTS
    restarts = check.check_integer(n_init, "n_init", 1, 2**31 - 1)
    if given and restarts > 1:
        check.warn_caller(
            f"Explicit initial center position passed: performing only one init instead of n_init={n_init}",
            RuntimeWarning,
        )
        return 1
    return restarts


def _reporter(callback: Callable[[Progress], Any] | None, verbose: bool, exponent: int) -> Callable[..., None] | None:
    if callback is None and not verbose:
        return None

    def report(*fields: Any) -> None:
        progress = Progress(*fields)
        progress = progress._replace(inertia=float(check.rescaled(progress.inertia, exponent)))
        if verbose:
            print(iteration_words(progress), flush=True)
        if callback is not None:
            callback(progress)

    return report
