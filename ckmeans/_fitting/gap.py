"""The gap statistic: how much better data cluster than uniform noise of their shape."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _input as check
from .._types import Floats
from .sampling import generator, sample_rows
from .side_by_side import side_by_side
from .sweep import sweep


class GapCurve(NamedTuple):
    """Logarithms of the mean squared distance to the nearest center, of data and of noise."""

    ks: NDArray[np.intp]
    data: Floats
    """Shape (n_ks,)."""
    references: Floats
    """Shape (n_references, n_ks)."""
    log_unit: float = 0.0
    """To be added to all for squared units of the rows."""

    @property
    def gap(self) -> Floats:
        with np.errstate(invalid="ignore"):  # where neither has any extent
            return np.asarray(self.references.mean(axis=0) - self.data)

    @property
    def error(self) -> Floats:
        """Tibshirani's s: the standard deviation over the references, and for their number."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.references.std(axis=0) * math.sqrt(1 + 1 / len(self.references)))

    def gains(self) -> Floats:
        """How far the gap rises above that of the first k, in standard deviations of what it does for noise.

        The differences are paired: noise that is worse for one k is worse for all. Variances of neighboring k are
        pooled, because few references tell little of each.
        """
        rise = self.references - self.references[:, :1]
        variances = rise.var(axis=0, ddof=1)
        pooled = variances.copy()
        for i in range(1, len(pooled)):
            pooled[i] = variances[max(1, i - 1) : i + 2].mean()
        error = np.sqrt(pooled * (1 + 1 / len(self.references)))
        excess = self.gap - self.gap[0]
        return np.asarray(np.divide(excess, error, out=np.zeros_like(excess), where=error > 0))


class PrincipalBox:
    """The box along the principal axes of the data that holds them, and the data in these axes.

    Distances do not care for the axes, so nothing is turned back; more axes than rows there are none.
    """

    def __init__(self, rows: Floats, weights: Floats | None) -> None:
        centered = rows - np.average(rows, axis=0, weights=weights)
        spread = centered if weights is None else centered * np.sqrt(weights)[:, np.newaxis]
        if len(rows) < rows.shape[1]:
            axes = np.linalg.svd(spread, full_matrices=False)[2].T
        else:
            axes = np.linalg.eigh(spread.T @ spread)[1]
        self.rows = np.ascontiguousarray(centered @ axes)
        self.low, self.high = self.rows.min(axis=0), self.rows.max(axis=0)

    def draw(self, n_rows: int, random: np.random.RandomState) -> Floats:
        return np.asarray(self.low + random.random_sample((n_rows, len(self.low))) * (self.high - self.low))


def gap_curve(
    rows: NDArray[Any],
    weights: Floats | None,
    ks: list[int],
    *,
    n_references: int,
    n_init: int,
    seed: int,
    n_threads: int,
) -> GapCurve:
    """Of checked rows. Data and references go through the same fits."""
    values = rows.astype(np.float64)
    room = max(0, int(np.frexp(np.abs(values).max())[1]) - 1000)
    values = np.ldexp(values, -room)  # the gap has no unit, and so differences may have one that float64 holds
    values -= values[0]
    exponent = int(np.frexp(np.abs(values).max())[1])
    values = np.ldexp(values, -exponent)
    exponent += room
    box, wide = PrincipalBox(values, weights), len(values) < values.shape[1]
    random = generator(seed)
    seeds = [int(s) for s in random.randint(2**32, size=n_references + 1, dtype=np.uint64)]

    def log_dispersions(item: int) -> Floats:
        own_rows, own_weights = box.rows if wide else values, weights
        if item > 0:
            own_rows, own_weights = box.draw(len(values), generator(seeds[item])), None
        count = len(own_rows) if own_weights is None else math.fsum(own_weights)
        fits = sweep(own_rows, own_weights, ks, n_init=n_init, seed=seeds[item], n_threads=1)
        with np.errstate(divide="ignore"):
            return np.log([fit.inertia / count for _, fit in fits])

    curves = side_by_side(log_dispersions, range(n_references + 1), n_threads)
    return GapCurve(np.asarray(ks), curves[0], np.asarray(curves[1:]), 2 * exponent * math.log(2))


class GapResult(NamedTuple):
    """What :func:`gap_statistic` returns."""

    gap: float
    """Mean logarithm of the dispersion of noise, minus that of the data: large where the data are clustered, infinite
    where nothing is left of their dispersion in float64."""
    standard_error: float
    """Tibshirani's s: choose the least k with gap(k) >= gap(k + 1) - s(k + 1)."""
    log_dispersion: float
    """Of the data: logarithm of inertia over total weight, in squared units of X; minus infinity for an inertia of 0,
    and where it is less than 1e-308 of the squared extent of the data."""
    reference_log_dispersions: Floats
    """The same of the noise, shape (n_references,)."""


def gap_statistic(
    X: ArrayLike,
    n_clusters: int,
    *,
    n_references: int = 20,
    n_init: int = 3,
    sample_weight: ArrayLike | None = None,
    random_state: Any = None,
    n_threads: int | None = None,
) -> GapResult:
    """Gap statistic of k-means with ``n_clusters``: of the data, against noise in the box of their principal axes.

    Tibshirani, Walther and Hastie, "Estimating the number of clusters in a data set via the gap statistic", J. R.
    Statist. Soc. B 63 (2001), reference distribution (b).

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
    n_clusters : int
    n_references : int, default 20
        Samples of noise, each of n_samples rows.
    n_init : int, default 3
        Restarts of each fit.
    sample_weight : array-like of shape (n_samples,), optional
        A row of weight w counts as w rows; noise is not weighted.
    random_state, n_threads
        As for :class:`ckmeans.KMeans`.

    Returns
    -------
    GapResult
        NaN where neither data nor noise have any extent left, as for as many clusters as rows.
    """
    rows = check.check_rows(X)
    weights = check.check_weights(sample_weight, len(rows))
    n_clusters = check.check_integer(n_clusters, "n_clusters", 1, check.MAX_CLUSTERS)
    check.check_cluster_count(n_clusters, weights.n_rows)
    n_references = check.check_integer(n_references, "n_references", 1)
    n_init = check.check_integer(n_init, "n_init", 1, 10_000)
    seed = check.check_random_state(random_state)
    threads = check.check_n_threads(n_threads)
    check.check_finite(rows, threads)
    sample, sample_weights = sample_rows(rows, weights.values, weights.n_rows, generator(seed))
    with check.convergence_warnings_ignored():
        curve = gap_curve(
            sample, sample_weights, [n_clusters], n_references=n_references, n_init=n_init, seed=seed, n_threads=threads
        )
    data, references = curve.data[0] + curve.log_unit, curve.references[:, 0] + curve.log_unit
    return GapResult(float(curve.gap[0]), float(curve.error[0]), float(data), references)
