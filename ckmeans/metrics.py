"""How good a clustering is: scores of a labeling, by the core, the same for any number of threads.

A row of weight w counts as w rows in every score that takes weights; one of weight 0 as if absent. Clusters are what
the labels name, whichever values they have.
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _core
from . import _input as check
from ._fitting.gap import GapResult, gap_statistic
from ._fitting.sampling import generator, shuffled, stratified_sample
from ._statistics import cluster_members
from ._types import Floats, Labels, Positions

__all__ = [
    "GapResult",
    "adjusted_rand_score",
    "aic",
    "bic",
    "calinski_harabasz_score",
    "davies_bouldin_score",
    "gap_statistic",
    "inertia",
    "silhouette_samples",
    "silhouette_score",
    "simplified_silhouette",
]

METRICS = ("euclidean", "sqeuclidean")


class _Labeled(NamedTuple):
    """Checked arguments of a score."""

    rows: NDArray[Any]
    labels: Labels
    n_labels: int
    weights: Floats | None
    exponent: int
    """Weights were divided by 2**exponent."""
    n_weighted: int
    """Rows of positive weight."""
    n_threads: int

    @property
    def one_row(self) -> float:
        """The weight of one row, in the unit of the weights; infinite where they are that light."""
        return float(check.rescaled(1.0, -self.exponent))


def _check(X: Any, labels: Any, sample_weight: Any, n_threads: Any) -> _Labeled:
    rows = check.check_rows(X)
    codes, n_labels = check.check_labels(labels, len(rows))
    weights, exponent, n_weighted = check.check_weights(sample_weight, len(rows))
    return _Labeled(rows, codes, n_labels, weights, exponent, n_weighted, check.check_n_threads(n_threads))


def rows_by_weight(weights: NDArray[Any], exponent: int) -> float:
    """Sum of weights that were divided by 2**exponent; infinite where that is beyond float64."""
    return float(check.rescaled(math.fsum(weights), exponent))


class _Scatter(NamedTuple):
    """The clusters that have weight. Lengths are in units of 2**unit, weights in units of 2**exponent."""

    weights: Floats
    means: Floats
    squares: Floats
    distances: Floats | None
    unit: int
    exponent: int

    @property
    def n_rows(self) -> float:
        """Rows, by weight."""
        count = rows_by_weight(self.weights, self.exponent)
        if count == math.inf:
            raise ValueError("sample_weight must have a sum that float64 holds; divide all weights by some number")
        return count

    @property
    def within(self) -> float:
        return math.fsum(self.squares)


def _scatter(data: _Labeled, want_distances: bool = False) -> _Scatter:
    weights, means, squares, distances, unit = _core.cluster_scatter(
        data.rows, data.labels, data.n_labels, data.weights, data.n_threads, want_distances
    )
    there = weights > 0
    if not there.all():
        weights, means, squares = weights[there], means[there], squares[there]
        distances = None if distances is None else distances[there]
    return _Scatter(weights, check.rescaled(means, -unit), squares, distances, unit, data.exponent)


def _check_several(n_clusters: int, what: str) -> None:
    if n_clusters < 2:
        raise ValueError(f"{what} needs at least 2 clusters, got labels that name {n_clusters}")


def _check_weight(n_clusters: int, n_rows: float, what: str) -> None:
    """That there is scatter within clusters to be had: rows count by their weight."""
    if not n_rows > n_clusters:
        raise ValueError(
            f"{what} needs more rows than clusters, got {n_clusters} clusters and rows of total weight {n_rows:g}"
            " (a row of weight w counts as w rows)"
        )


# --- Silhouettes ------------------------------------------------------------------------------------------------


def silhouette_samples(
    X: ArrayLike,
    labels: ArrayLike,
    *,
    metric: str = "euclidean",
    sample_weight: ArrayLike | None = None,
    n_threads: int | None = None,
) -> Floats:
    """Silhouette of every row: (b - a) / max(a, b).

    a is the mean distance to the other rows of its cluster, b that to the rows of the nearest other cluster
    (Rousseeuw, J. Comput. Appl. Math. 20, 1987). A row that is alone in its cluster gets 0.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
    labels : array-like of shape (n_samples,)
        Cluster of every row: any values that can be sorted.
    metric : {"euclidean", "sqeuclidean"}, default "euclidean"
        "euclidean" measures every pair of rows that may matter, each once, in memory that does not grow with
        n_samples squared; "sqeuclidean" takes n_samples times n_clusters distances.
    sample_weight : array-like of shape (n_samples,), optional
        A row of weight w counts as w rows.
    n_threads : int, optional

    Returns
    -------
    ndarray of shape (n_samples,), float64
        Between -1 (nearer to another cluster) and 1.

    Raises
    ------
    ValueError
        If X is not finite, shapes do not fit, there are fewer than 2 clusters or not more rows than clusters.
    """
    check.check_choice(metric, "metric", METRICS)
    data = _check(X, labels, sample_weight, n_threads)
    return _silhouettes(data, metric, None, "silhouette_samples")[0]


def _silhouettes(data: _Labeled, metric: str, centers: Floats | None, what: str) -> tuple[Floats, float]:
    counted = data.labels if data.weights is None else data.labels[data.weights > 0]
    n_clusters = int(np.count_nonzero(np.bincount(counted)))
    _check_several(n_clusters, what)
    if n_clusters == len(counted) and (data.weights is None or not (data.weights > data.one_row).any()):
        raise ValueError(f"{what} needs more rows than clusters, got {n_clusters} clusters of a single row each")
    return _core.silhouette(
        data.rows, data.labels, data.n_labels, data.weights, data.one_row, metric, centers, data.n_threads
    )


@overload
def silhouette_score(
    X: ArrayLike,
    labels: ArrayLike,
    *,
    metric: str = ...,
    sample_size: int | None = ...,
    random_state: Any = ...,
    sample_weight: ArrayLike | None = ...,
    n_threads: int | None = ...,
    return_standard_error: Literal[False] = ...,
) -> float: ...
@overload
def silhouette_score(
    X: ArrayLike,
    labels: ArrayLike,
    *,
    metric: str = ...,
    sample_size: int | None = ...,
    random_state: Any = ...,
    sample_weight: ArrayLike | None = ...,
    n_threads: int | None = ...,
    return_standard_error: Literal[True],
) -> tuple[float, float]: ...
def silhouette_score(
    X: ArrayLike,
    labels: ArrayLike,
    *,
    metric: str = "euclidean",
    sample_size: int | None = None,
    random_state: Any = None,
    sample_weight: ArrayLike | None = None,
    n_threads: int | None = None,
    return_standard_error: bool = False,
) -> float | tuple[float, float]:
    """Mean of :func:`silhouette_samples`, weighted; of a stratified sample of the rows where ``sample_size`` says so.

    Parameters
    ----------
    X, labels, metric, sample_weight, n_threads
        As for :func:`silhouette_samples`.
    sample_size : int, optional
        Rows to take, of each cluster in proportion to its rows but at least two (so maybe some more in all), without
        replacement. The silhouettes are those within the sample, their mean that of the clusters' means by the
        clusters' weights. None: all rows.
    random_state : None, int, numpy.random.Generator or numpy.random.RandomState
        Seed of the sample.
    return_standard_error : bool, default False
        Return ``(score, standard_error)``. The error is that of ten parts of the sample, each scored on its own
        (random groups: Wolter, Introduction to Variance Estimation, 2007, chapter 2); 0 where all were taken, NaN where
        a part has less than two rows of a cluster.

    Returns
    -------
    float, or tuple of two floats

    Examples
    --------
    >>> from ckmeans.metrics import silhouette_score
    >>> round(silhouette_score([[0.0], [1.0], [10.0], [11.0]], [0, 0, 1, 1]), 3)
    0.899
    """
    check.check_choice(metric, "metric", METRICS)
    check.check_flag(return_standard_error, "return_standard_error")
    data = _check(X, labels, sample_weight, n_threads)
    if sample_size is not None:
        sample_size = check.check_integer(sample_size, "sample_size", 2)
    samples = sample_size is not None and sample_size < data.n_weighted
    # Nothing is taken from NumPy's global generator where nothing is drawn.
    seed = check.check_random_state(random_state) if samples or random_state is not None else 0
    error = 0.0
    if sample_size is None or not samples:
        _, score = _silhouettes(data, metric, None, "silhouette_score")
    else:
        rows, groups = _sample(data, sample_size, seed)
        score = _stratified_mean(data, rows, metric)
        error = _sampling_error(data, rows, groups, metric) if return_standard_error else 0.0
    return (score, error) if return_standard_error else score


ERROR_GROUPS = 10
"""Parts of a sample that are scored on their own, for the error of its score."""


def _sampling_error(data: _Labeled, rows: Positions, groups: Positions, metric: str) -> float:
    """From the parts of the sample; NaN where one holds less than two rows of a cluster, which tells nothing of it."""
    k = data.n_labels
    counts = np.bincount(groups * k + data.labels[rows], minlength=ERROR_GROUPS * k).reshape(ERROR_GROUPS, k)
    if (counts[:, counts.any(axis=0)] < 2).any():
        return math.nan
    parts = [_stratified_mean(data, rows[groups == group], metric) for group in range(ERROR_GROUPS)]
    left = max(0.0, 1 - len(rows) / data.n_weighted)
    return math.sqrt(left) * float(np.std(parts, ddof=1)) / math.sqrt(ERROR_GROUPS)


def _stratified_mean(data: _Labeled, picked: Positions, metric: str) -> float:
    """Silhouette within the picked rows: the mean of the clusters' means by the weights that the clusters have."""
    weights = np.ones(len(picked)) if data.weights is None else data.weights[picked]
    sample = data._replace(rows=data.rows[picked], labels=data.labels[picked], weights=weights)
    values, _ = _silhouettes(sample, metric, None, "silhouette_score")
    k = data.n_labels
    sums, taken = np.bincount(sample.labels, weights * values, k), np.bincount(sample.labels, weights, k)
    totals = np.bincount(data.labels, data.weights, k)
    there = taken > 0
    return math.fsum(totals[there] * sums[there] / taken[there]) / math.fsum(totals[there])


def _sample(data: _Labeled, sample_size: int, seed: int) -> tuple[Positions, Positions]:
    """Rows of positive weight, ascending, and the group of each."""
    strata = shuffled(cluster_members(data.labels, data.n_labels, data.weights), generator(seed))
    picked = stratified_sample(strata, sample_size, least=2)
    order = np.argsort(picked, kind="stable")
    return picked[order], (np.arange(len(picked)) % ERROR_GROUPS)[order]


def simplified_silhouette(
    X: ArrayLike,
    labels: ArrayLike,
    *,
    centers: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    n_threads: int | None = None,
) -> float:
    """Silhouette with distances to centers in place of mean distances to rows: n_samples times n_clusters of them.

    After Hruschka, de Castro and Campello ("Evolutionary algorithms for clustering gene-expression data", ICDM 2004).

    Parameters
    ----------
    X, labels, sample_weight, n_threads
        As for :func:`silhouette_samples`.
    centers : array-like of shape (n_clusters, n_features), optional
        Where given, labels are indices of its rows. By default the means of the clusters.

    Returns
    -------
    float
    """
    data = _check(X, labels, sample_weight, n_threads)
    given = None
    if centers is not None:
        given = check.check_centers(centers, data.rows.shape[1])
        data = data._replace(labels=check.check_label_indices(labels, len(data.rows), len(given)), n_labels=len(given))
    return _silhouettes(data, "simplified", given, "simplified_silhouette")[1]


# --- Scores from the scatter of the clusters ----------------------------------------------------------------------


def calinski_harabasz_score(
    X: ArrayLike, labels: ArrayLike, *, sample_weight: ArrayLike | None = None, n_threads: int | None = None
) -> float:
    """Ratio of the scatter between clusters to that within, each by its degrees of freedom; higher is better.

    Calinski and Harabasz (Communications in Statistics 3, 1974). 1 where nothing scatters within, as in scikit-learn;
    infinite where the ratio is beyond float64. Parameters and errors as for :func:`silhouette_samples`.
    """
    return _calinski_harabasz(_check(X, labels, sample_weight, n_threads), without_scatter=1.0)


def _calinski_harabasz(data: _Labeled, without_scatter: float) -> float:
    scatter = _scatter(data)
    n, k = scatter.n_rows, len(scatter.weights)
    _check_several(k, "calinski_harabasz_score")
    _check_weight(k, n, "calinski_harabasz_score")
    weights = scatter.weights[:, np.newaxis]
    overall = np.add.reduce(weights * scatter.means) / math.fsum(scatter.weights)
    between = math.fsum(np.add.reduce(weights * (scatter.means - overall) ** 2))
    return between / scatter.within * ((n - k) / (k - 1)) if scatter.within > 0 else without_scatter


def davies_bouldin_score(
    X: ArrayLike, labels: ArrayLike, *, sample_weight: ArrayLike | None = None, n_threads: int | None = None
) -> float:
    """Mean over the clusters of the worst ratio of spreads to distance with another cluster; lower is better.

    Davies and Bouldin (IEEE Trans. Pattern Analysis and Machine Intelligence 1, 1979). Spread is the mean distance to
    the mean. Clusters of equal means do not count against each other, as in scikit-learn. Parameters and errors as for
    :func:`silhouette_samples`.
    """
    data = _check(X, labels, sample_weight, n_threads)
    scatter = _scatter(data, want_distances=True)
    _check_several(len(scatter.weights), "davies_bouldin_score")
    if len(scatter.weights) == data.n_weighted:
        raise ValueError(f"davies_bouldin_score needs more rows than clusters, got {data.n_weighted} of both")
    spread = scatter.distances / scatter.weights  # type: ignore[operator]
    worst = np.zeros(len(spread))
    block = max(1, 2**20 // len(spread))
    for start in range(0, len(spread), block):
        part = slice(start, start + block)
        apart = _core.transform(scatter.means[part], scatter.means, data.n_threads)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            ratios = np.where(apart > 0, (spread[part, np.newaxis] + spread) / apart, 0.0)
        worst[part] = ratios.max(axis=1)
    return math.fsum(worst) / len(worst)


def inertia(
    X: ArrayLike,
    labels: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    n_threads: int | None = None,
) -> float:
    """Sum over the rows of weight times squared distance to the mean of the cluster, in squared units of X.

    Parameters and errors as for :func:`silhouette_samples`, but that one cluster is enough.
    """
    data = _check(X, labels, sample_weight, n_threads)
    scatter = _scatter(data)
    return float(check.rescaled(scatter.within, 2 * scatter.unit + scatter.exponent))


def bic(
    X: ArrayLike, labels: ArrayLike, *, sample_weight: ArrayLike | None = None, n_threads: int | None = None
) -> float:
    """Bayesian information criterion of equal spherical Gaussians, one a cluster; lower is better.

    The likelihood is that of Pelleg and Moore ("X-means", ICML 2000) with hard labels, corrected: the variance, one
    for all clusters and features, is the scatter within by its n_features (n - k) degrees of freedom. There are
    k n_features means, k - 1 shares and the variance to estimate. -inf where nothing scatters within. Parameters and
    errors as for :func:`silhouette_samples`, but that one cluster is enough.
    """
    return _information_criterion(_check(X, labels, sample_weight, n_threads), "bic", math.log)


def aic(
    X: ArrayLike, labels: ArrayLike, *, sample_weight: ArrayLike | None = None, n_threads: int | None = None
) -> float:
    """Akaike information criterion of the model of :func:`bic`; lower is better."""
    return _information_criterion(_check(X, labels, sample_weight, n_threads), "aic", lambda _: 2.0)


def _information_criterion(data: _Labeled, what: str, penalty: Any) -> float:
    scatter = _scatter(data)
    n, k, d = scatter.n_rows, len(scatter.weights), data.rows.shape[1]
    _check_weight(k, n, what)
    if not scatter.within > 0:
        return -math.inf
    log_variance = (
        math.log(scatter.within) - math.log(d * (n - k)) + (2 * scatter.unit + scatter.exponent) * math.log(2)
    )
    shares = scatter.weights / math.fsum(scatter.weights)
    log_likelihood = (
        n * math.fsum(p * math.log(p) for p in shares.tolist() if p > 0)
        - n * d / 2 * (math.log(2 * math.pi) + log_variance)
        - d * (n - k) / 2
    )
    criterion = float(-2 * log_likelihood + (k * d + k) * penalty(n))
    if not math.isfinite(criterion):
        raise ValueError(
            f"{what} of rows of total weight {n:g} is more than float64 holds; divide all weights by some number"
        )
    return criterion


# --- Agreement of two labelings ------------------------------------------------------------------------------------


def adjusted_rand_score(labels_true: ArrayLike, labels_pred: ArrayLike) -> float:
    """Agreement of two labelings about pairs of rows: 1 for the same clusters, near 0 for chance.

    Hubert and Arabie (Journal of Classification 2, 1985). Symmetric; names of clusters do not matter.

    Parameters
    ----------
    labels_true, labels_pred : array-like of shape (n_samples,)

    Returns
    -------
    float
    """
    first, n_first = check.check_labels(labels_true, None, "labels_true")
    second, n_second = check.check_labels(labels_pred, len(first), "labels_pred")
    cells = first.astype(np.int64) * n_second + second
    if n_first * n_second <= 4 * len(cells) + 2**20:
        table = np.bincount(cells, minlength=n_first * n_second)
    else:
        table = np.unique(cells, return_counts=True)[1]
    n = len(cells)
    both = int((table**2).sum())
    rows, columns = (int((np.bincount(codes) ** 2).sum()) for codes in (first, second))
    # Ordered pairs: together in both, in the first alone, in the second alone, in neither. Whole numbers, no rounding.
    together, first_alone, second_alone = both - n, rows - both, columns - both
    neither = n * n - both - first_alone - second_alone
    if first_alone == 0 and second_alone == 0:
        return 1.0
    agreement = 2 * (together * neither - first_alone * second_alone)
    return agreement / (
        (together + first_alone) * (first_alone + neither) + (together + second_alone) * (second_alone + neither)
    )
