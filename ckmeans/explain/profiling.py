"""What sets each cluster apart, in the units of the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import _input as check
from .._show.tables import html_table
from .._show.text import counted
from .._statistics import LARGEST_DIFFERENCE, Moments, blocks, cluster_members, norms, quartiles, ratios, safe_unit
from .._types import Counts, Floats, Names, Positions

MOST_LABEL = 2**20 - 1  # of an array of labels: the tables have a row for every number up to the greatest
SLIGHT, CLEAR = 0.2, 0.8  # small and large standardized differences (Cohen, Statistical Power Analysis, 1988)
SHOWN_FEATURES, SHOWN_CLUSTERS = 5, 50  # in texts


# --- The result -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class Profile:
    """What :func:`profile` returns; ``print`` it for a summary in words.

    *Table* stands for a pandas data frame (index: cluster, columns: features) or a polars data frame (a column
    "cluster" first, named "cluster_" where a feature has that name) where X was one, else for an array of shape
    (n_clusters, n_features), float64. Clusters without rows have size 0, share 0 and NaN elsewhere.
    """

    feature_names: Names
    """Shape (n_features,)."""
    size: Counts
    """Rows of positive weight in each cluster, shape (n_clusters,)."""
    share: Floats
    """Share of the total weight that each cluster has, shape (n_clusters,)."""
    summary: Any
    """``size`` and ``share`` as a data frame, or a structured array with fields cluster, size and share."""
    mean: Any
    """Table of weighted means."""
    median: Any
    """Table of weighted medians: of the repeated rows where weights are integers."""
    lower_quartile: Any
    """Table of weighted first quartiles, by the rule of the median."""
    upper_quartile: Any
    """Table of weighted third quartiles."""
    spread: Any
    """Table of weighted standard deviations (divided by the weight, not by the weight less one)."""
    difference: Any
    """Table of standardized differences to the other rows, without unit, at most 1e6 in absolute value."""
    apart: Names
    """Names of the features of each cluster by falling absolute difference, shape (n_clusters, n_features)."""
    representatives: Positions
    """Positions in X of the rows nearest to the center, nearest first, shape (n_clusters, n_rows); -1 where a cluster
    has fewer rows."""
    representative_distances: Floats
    """Their distances to the center, NaN for -1; infinite where float64 cannot hold them."""
    farthest: Positions
    """Positions of the rows farthest from the center, farthest first, likewise."""
    farthest_distances: Floats
    """Their distances to the center."""
    representative_index: list[list[Any]] | None
    """Index labels of the representatives of each cluster where X is a pandas data frame."""
    _arrays: dict[str, Floats]

    def to_pandas(self) -> Any:
        """One long pandas data frame: cluster, size, share, feature, mean, median, spread, difference."""
        import pandas as pd

        n_clusters, n_features = len(self.size), len(self.feature_names)
        by_cluster = {"cluster": np.arange(n_clusters), "size": self.size, "share": self.share}
        columns: dict[str, Any] = {name: np.repeat(values, n_features) for name, values in by_cluster.items()}
        columns["feature"] = np.tile(self.feature_names, n_clusters)
        for name in ("mean", "median", "spread", "difference"):
            columns[name] = self._arrays[name].ravel()
        return pd.DataFrame(columns)

    def _headline(self, cluster: int) -> str:
        size = self.size[cluster]
        rows = f"{counted(size, 'row')}, {self.share[cluster]:.1%}"
        return f"Cluster {cluster}: {rows if size else 'empty'}"

    def _remarks(self, cluster: int) -> list[str]:
        """What sets a cluster apart, a line a feature."""
        if self.size[cluster] == 0:
            return []
        means, differences = self._arrays["mean"][cluster], self._arrays["difference"][cluster]
        first = _by_difference(differences)[:SHOWN_FEATURES]
        lines = [
            f"{self.feature_names[j]} {_number(means[j])} ({_in_words(differences[j])})"
            for j in first
            if abs(differences[j]) >= SLIGHT
        ]
        return lines or ["nothing sets it apart"]

    def _hidden(self) -> list[str]:
        hidden = len(self.size) - SHOWN_CLUSTERS
        return [f"... and {hidden:,} more clusters"] if hidden > 0 else []

    def __str__(self) -> str:
        lines: list[str] = []
        for cluster in range(min(len(self.size), SHOWN_CLUSTERS)):
            lines += [self._headline(cluster), *(f"  {remark}" for remark in self._remarks(cluster))]
        return "\n".join(lines + self._hidden())

    def __repr__(self) -> str:
        return f"<Profile of {len(self.size)} clusters by {len(self.feature_names)} features>"

    def _repr_html_(self) -> str:
        rows = [
            (str(cluster), f"{self.size[cluster]:,}", f"{self.share[cluster]:.1%}", "\n".join(self._remarks(cluster)))
            for cluster in range(min(len(self.size), SHOWN_CLUSTERS))
        ]
        return "\n".join([html_table(("cluster", "rows", "share", "what sets it apart"), rows), *self._hidden()])


def _number(value: float) -> str:
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:.4g}"


def _in_words(difference: float) -> str:
    degree = "slightly " if abs(difference) < CLEAR else ""
    size = f"{difference:+.1f} sd" if abs(difference) < 1000 else "over 1000 sd"
    return f"{degree}{'high' if difference > 0 else 'low'}, {size}"


# --- The call ---------------------------------------------------------------------------------------------------


def profile(
    X: ArrayLike,
    model: Any,
    feature_names: Sequence[str] | None = None,
    *,
    sample_weight: ArrayLike | None = None,
    n_rows: int = 3,
    n_threads: int | None = None,
) -> Profile:
    """Describe each cluster by what sets it apart from the rest.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Rows to describe: those the model was fitted on, or others with the same features. With labels for ``model``,
        it may be what the data were before they were scaled for the fit.
    model : KMeans or array-like of shape (n_samples,)
        A fitted estimator, which predicts the clusters of X, or their numbers, integers from 0; numbers that do not
        occur are empty clusters.
    feature_names : sequence of str of length n_features, optional
        None: the column names of X, else those the estimator was fitted with, else "feature 0" and so on.
    sample_weight : array-like of shape (n_samples,) or float, optional
        A row of weight w counts as w rows; one of weight 0 as if absent.
    n_rows : int, default 3
        How many nearest and farthest rows to name for each cluster.
    n_threads : int, optional
        As for ``KMeans``; None: as the estimator says.

    Returns
    -------
    Profile

    Raises
    ------
    ValueError
        If a value of X is not finite, or a parameter is out of range or of the wrong shape.
    TypeError
        If a parameter is of the wrong type.
    NotFittedError
        If ``model`` is an estimator before ``fit``.

    Notes
    -----
    The difference of a feature is (mean of the cluster - mean of the other rows) / sqrt((s^2 + t^2) / 2), with the
    standard deviations s and t of the two (Austin, Statistics in Medicine 28, 2009). It is 0 where the means are equal
    or there are no other rows, and limited to 1e6, which stands for features constant in both parts.

    Representative rows are nearest in Euclidean distance to the center of the model, in units of X. With labels, the
    center is the mean of the cluster, and each feature is divided by its standard deviation over all rows.

    Examples
    --------
    >>> from ckmeans import KMeans
    >>> from ckmeans.profiling import profile
    >>> X = [[0.0, 5.0], [1.0, 6.0], [10.0, 5.0], [11.0, 6.0]]
    >>> print(profile(X, KMeans(2, init=[[0, 5], [10, 5]]).fit(X), ["length", "width"]))
    Cluster 0: 2 rows, 50.0%
      length 0.5 (low, -20.0 sd)
    Cluster 1: 2 rows, 50.0%
      length 10.5 (high, +20.0 sd)
    """
    n_rows = check.check_integer(n_rows, "n_rows", 1)
    rows = check.check_rows(X)
    labels, centers = check.labels_and_centers(model, X, rows, MOST_LABEL + 1, n_threads)
    names = check.feature_names_of(X, model, feature_names, rows.shape[1])
    n_clusters = len(centers) if centers is not None else int(labels.max()) + 1
    weights = check.weights_of(sample_weight, len(rows))
    members = cluster_members(labels, n_clusters, weights)

    unit = safe_unit(rows, weights, centers)

    moments = [Moments.nothing(rows.shape[1])] * n_clusters
    quartile_values = np.full((3, n_clusters, rows.shape[1]), np.nan)
    for cluster, block, block_weights in blocks(rows, weights, members, unit):
        moments[cluster] = Moments.of(block, block_weights)
        quartile_values[:, cluster] = quartiles(block, block_weights)
    differences, overall = _differences(moments)
    means = np.stack([each.mean for each in moments])

    if centers is None:
        origins, scale, distance_unit = means, np.where(overall.spread > 0, overall.spread, 1.0), 1.0
    else:
        origins, scale, distance_unit = centers * unit, np.ones(rows.shape[1]), unit
    positions = np.full((2, n_clusters, n_rows), -1)
    distances = np.full((2, n_clusters, n_rows), np.nan)
    for cluster, block, _ in blocks(rows, weights, members, unit):
        far = norms((block - origins[cluster]) / scale, axis=1)
        for end, order in enumerate((np.argsort(far, kind="stable"), np.argsort(-far, kind="stable"))):
            first = order[:n_rows]
            positions[end, cluster, : len(first)] = members[cluster][first]
            distances[end, cluster, : len(first)] = ratios(far[first], distance_unit)

    arrays = {
        "mean": means / unit,
        "median": quartile_values[1] / unit,
        "lower_quartile": quartile_values[0] / unit,
        "upper_quartile": quartile_values[2] / unit,
        "spread": ratios(np.stack([each.spread for each in moments]), unit),
        "difference": differences,
    }
    size = np.array([len(own) for own in members])
    share = np.array([each.weight for each in moments]) / overall.weight
    fields = [("cluster", np.int64), ("size", np.int64), ("share", np.float64)]
    counts = np.array(list(zip(range(n_clusters), size, share, strict=True)), dtype=fields)
    return Profile(
        feature_names=names,
        size=size,
        share=share,
        summary=check.framed(X, ["size", "share"], [size, share], otherwise=counts),
        apart=names[_by_difference(differences)],
        representatives=positions[0],
        representative_distances=distances[0],
        farthest=positions[1],
        farthest_distances=distances[1],
        representative_index=_index_labels(X, positions[0]),
        _arrays=arrays,
        **{name: check.framed(X, names, values.T, otherwise=values) for name, values in arrays.items()},
    )


def _differences(moments: list[Moments]) -> tuple[Floats, Moments]:
    """Standardized difference of each cluster to the rest, and the moments of all rows."""
    nothing = Moments.nothing(len(moments[0].mean))
    before = list(accumulate(moments, Moments.merged, initial=nothing))
    after = list(accumulate(reversed(moments), Moments.merged, initial=nothing))[::-1]
    differences = np.full((len(moments), len(nothing.mean)), np.nan)
    for cluster, own in enumerate(moments):
        rest = before[cluster].merged(after[cluster + 1])
        if own.weight and rest.weight:
            shift = own.mean - rest.mean
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                ratio = shift / (np.hypot(own.spread, rest.spread) / np.sqrt(2))
            differences[cluster] = np.where(shift == 0, 0, np.clip(ratio, -LARGEST_DIFFERENCE, LARGEST_DIFFERENCE))
        elif own.weight:
            differences[cluster] = 0
    return differences, before[-1]


def _by_difference(differences: Floats) -> Positions:
    """Features by falling absolute difference, in their own order where equal."""
    return np.argsort(-np.abs(differences), axis=-1, kind="stable")


def _index_labels(X: Any, positions: Positions) -> list[list[Any]] | None:
    """Index labels of the rows at ``positions`` where X is a pandas data frame."""
    if check.frame_library(X) != "pandas":
        return None
    return [X.index[own[own >= 0]].tolist() for own in positions]
