"""Rows and labels to draw, checked, and samples and sums of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _input as check
from .._fitting.sampling import even_sample
from .._statistics import cluster_averages, cluster_members, moderate
from .._types import Counts, Floats, Labels, Positions

MOST_CLUSTERS = 2**16  # that an array of labels may name


class Clustering(NamedTuple):
    """Checked rows that have a weight, and what belongs to them."""

    rows: NDArray[Any]
    labels: Labels
    counts: Counts
    """Such rows in each cluster."""
    weights: Floats | None
    centers: Floats | None
    """Of an estimator."""


def clustering(X: Any, model: Any, sample_weight: Any = None) -> Clustering:
    rows = check.check_rows(X)
    labels, centers = check.labels_and_centers(model, X, rows, MOST_CLUSTERS)
    n_clusters = int(labels.max()) + 1 if centers is None else len(centers)
    weights = check.check_weights(sample_weight, len(rows)).values
    if weights is not None:
        counted = np.flatnonzero(weights)
        rows, labels, weights = rows[counted], labels[counted], weights[counted]
    return Clustering(rows, labels, np.bincount(labels, minlength=n_clusters), weights, centers)


def sample(labels: Labels, n_most: int) -> Positions:
    """At most ``n_most`` rows, the same share of every cluster, but one at least of each, in the order of X."""
    order = np.random.default_rng(0).permutation(len(labels))
    strata = cluster_members(labels[order], int(labels.max()) + 1)
    return even_sample([order[own] for own in strata], n_most, least=1)


def shares(weights: Floats | None, n_rows: int) -> Floats:
    """Weights by their sum."""
    shares: Floats = np.ones(n_rows) if weights is None else weights / weights.max()
    shares /= shares.sum()
    return shares


def cluster_means(columns: Iterable[Any], labels: Labels, counts: Any, weights: Floats) -> Floats:
    """Shape (n_clusters, n_features), NaN for a cluster without weight."""
    return np.stack([cluster_averages(column, labels, weights, len(counts)) for column in columns], axis=1)


def standardized(column: NDArray[Any], weights: Any) -> Floats:
    """Less its mean, by its standard deviation: of differences to a value, so that a constant comes to exactly zero."""
    column = moderate(column.astype(np.float64))
    column = moderate(column - column[weights.argmax()])
    column = moderate(column - np.average(column, weights=weights))
    return column / (np.sqrt(np.average(column**2, weights=weights)) or 1)
