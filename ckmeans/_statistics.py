"""Numbers of the rows of clusters: moments, quartiles and norms, also where squares or sums overflow or vanish."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from ._types import Floats, Positions

LARGEST_DIFFERENCE = 1e6  # stands for any greater one, infinity included: constant in both parts, yet not equal


def cluster_members(
    labels: NDArray[np.integer[Any]], n_clusters: int, weights: Floats | None = None
) -> list[Positions]:
    """Positions of the rows of each cluster that have a weight, in their order."""
    counted = np.arange(len(labels)) if weights is None else np.flatnonzero(weights)
    labels = labels[counted]
    keys = labels.astype(np.uint16) if n_clusters <= 2**16 else labels  # sorted by radix
    order = counted[np.argsort(keys, kind="stable")]
    return np.split(order, np.cumsum(np.bincount(labels, minlength=n_clusters))[:-1])


def safe_unit(rows: NDArray[Any], weights: Floats, centers: Floats | None) -> float:
    """A power of two to multiply huge values by, so that their differences do not overflow; mostly 1.

    Rows that have no weight are not looked at."""
    counted = rows if weights.all() else rows[weights > 0]
    arrays = [counted] if centers is None else [counted, centers]
    largest = max(max(float(array.max()), -float(array.min())) for array in arrays)
    return 2.0**-16 if largest > 2.0**1000 else 1.0


def blocks(
    rows: NDArray[Any], weights: Floats, members: list[Positions], unit: float
) -> Iterator[tuple[int, Floats, Floats]]:
    """Cluster, rows times ``unit`` and weights of each cluster that has rows."""
    for cluster, own in enumerate(members):
        if len(own):
            yield cluster, rows[own].astype(np.float64) * unit, weights[own]


class Moments(NamedTuple):
    """Weight, and mean and standard deviation of each feature, of some rows.

    Deviations are merged as roots, by ``hypot``: their squares might overflow or vanish.
    """

    weight: float
    mean: Floats
    spread: Floats

    @classmethod
    def nothing(cls, n_features: int) -> Self:
        return cls(0.0, *np.full((2, n_features), np.nan))

    @classmethod
    def of(cls, block: Floats, weights: Floats) -> Self:
        total = weights.sum()
        shares = weights / total
        # As differences to one row, large values lose nothing, and what is constant stays so exactly.
        deviations = block - block[0]
        shift = shares @ deviations
        deviations -= shift
        return cls(float(total), block[0] + shift, norms(deviations * np.sqrt(shares)[:, np.newaxis], axis=0))

    def merged(self, other: Self) -> Self:
        """Moments of both together (Chan, Golub and LeVeque, The American Statistician 37, 1983)."""
        if not (self.weight and other.weight):
            return self if self.weight else other
        total = self.weight + other.weight
        share = other.weight / total
        shift = other.mean - self.mean
        within = np.hypot(self.spread * np.sqrt(1 - share), other.spread * np.sqrt(share))
        between = shift * np.sqrt(share * (1 - share))
        return type(self)(total, self.mean + shift * share, np.hypot(within, between))


def moderate(values: Floats) -> Floats:
    """``values`` times a power of two that brings the largest to just below 1."""
    return np.asarray(np.ldexp(values, -np.frexp(np.abs(values).max())[1]))


def ratios(values: Floats, limits: Any) -> Floats:
    """``values / limits``, infinite where float64 cannot hold that."""
    with np.errstate(over="ignore"):
        return np.asarray(values / limits)


def cluster_averages(values: Floats, labels: NDArray[np.integer[Any]], weights: Floats, n_clusters: int) -> Floats:
    """Weighted mean of the values in each cluster; NaN where it has no rows of positive weight.

    Weights are divided by the largest of their cluster first: light ones would leave too few digits of a product.
    """
    largest = np.zeros(n_clusters)
    np.maximum.at(largest, labels, weights)
    weights = weights / np.where(largest > 0, largest, 1)[labels]
    with np.errstate(invalid="ignore"):
        averages: Floats = np.bincount(labels, weights * values, n_clusters) / np.bincount(labels, weights, n_clusters)
    return averages


def norms(values: Floats, axis: int) -> Floats:
    """Euclidean norms along ``axis``, scaled by powers of two so that no square overflows or vanishes."""
    largest = np.abs(values).max(axis=axis, keepdims=True)
    scale = np.ldexp(1.0, np.frexp(largest)[1])
    scaled = values / scale
    scaled *= scaled
    norms: Floats = np.sqrt(scaled.sum(axis=axis)) * scale.squeeze(axis)
    return norms


def quartiles(block: Floats, weights: Floats) -> Floats:
    """Lower quartile, median and upper quartile of each feature, shape (3, n_features).

    The smallest value at which the cumulated weight reaches the share, averaged with the next where it meets the share
    exactly (type 2 of Hyndman and Fan, The American Statistician 50, 1996).
    """
    shares = (0.25, 0.5, 0.75)
    if (weights == weights[0]).all():
        return np.quantile(block, shares, axis=0, method="averaged_inverted_cdf")
    order = np.argsort(block, axis=0)
    values = np.take_along_axis(block, order, axis=0)
    reached = np.cumsum(weights[order], axis=0)
    reached /= reached[-1]
    slack = len(block) * np.finfo(np.float64).eps  # what the sums are rounded by
    features = np.arange(block.shape[1])
    found = []
    for share in shares:
        lower = (reached < share - slack).sum(axis=0)
        upper = np.minimum((reached <= share + slack).sum(axis=0), len(block) - 1)
        found.append(values[lower, features] / 2 + values[upper, features] / 2)
    return np.stack(found)
