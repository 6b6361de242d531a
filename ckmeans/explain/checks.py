"""The checks of ``diagnose``: the pitfalls of k-means that textbooks list.

A check is one function of a :class:`Case`, which returns a finding or None, and one line in ``CHECKS`` at the end.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _input as check
from .. import metrics
from .._show.text import listed
from .._statistics import Moments, cluster_averages, norms, quartiles, ratios
from .._types import Floats, Mask, Positions
from ..estimators.functions import assign
from ..estimators.kmeans import KMeans
from .case import Case
from .findings import Finding
from .structures import find_structures

# Thresholds, set by experiment on data with and without each defect (tests/test_diagnose.py has the main ones).

STRUCTURE_ROWS = 2000  # for the minimum spanning tree
ROWS_A_CLUSTER = 5  # of such a sample on average, at least: fewer do not show a cluster

SCALE_RATIO = 10.0  # of standard deviations: the other features then have a hundredth of the variance each
TAIL = 0.01  # left out at both ends when scales are compared, since far rows inflate a standard deviation

OUTLIER_FACTOR = 25.0  # limit of distances: median + this times (upper quartile - median), 13 sd in two dimensions
OUTLIER_RATIO = 5.0  # medians that the limit is at least: in many dimensions, distances are much alike
OUTLIER_SHARE = 0.05  # of a cluster, at most: what is more common is part of it
OUTLIER_PULL = 0.1  # move of the center, at least, in units of the cluster's spread
HANDFUL = 10  # rows, at most, of a cluster that may consist of outliers, and has no limit of its own

LOW_SILHOUETTE = 0.25  # "no substantial structure" (Kaufman and Rousseeuw, Finding Groups in Data, 1990)
OVERLAP_SHARE = 0.1  # of the rows of two clusters that lie between them; separate blobs have less than 0.06
OVERLAP_ROWS = 5  # that lie between them, at least

MISPLACED_SHARE = 0.1  # of the rows, at least, that k-means puts to another structure, given as many clusters
REAL_SHARE = 0.1  # of a structure, or of a cluster, at least, to count as a part of it
STRUCTURE_RESTARTS = 10

REFITS = 5
STABLE_RAND = 0.9  # adjusted Rand index, on average; 1 for separate blobs, 0.1 to 0.8 for cuts of one Gaussian
STABLE_INERTIA = 0.01  # relative range: beyond, the best of several restarts is worth having

UNEVEN_ROWS = 50  # a cluster on average: smaller ones are uneven by chance
DUPLICATE_SHARE = 0.2  # of the rows

SHOWN = 5  # of rows, features or clusters named in a message


def _named(items: Any, thing: str = "") -> str:
    """ "1, 2 and 5", or "clusters 1, 2 and 5"; the last of many as a count."""
    names = listed(items, SHOWN)
    return f"{thing}{'s' if len(items) > 1 else ''} {names}" if thing else names


# --- Of the data ------------------------------------------------------------------------------------------------


def too_many_clusters(case: Case) -> Finding | None:
    n_clusters = len(case.centers)
    empty = np.flatnonzero(check.fitted_numbers(case.model, "cluster_sizes_", (n_clusters,), "iu") == 0)
    if n_clusters <= case.n_distinct and not len(empty):
        return None
    left = f"; the fit left {_named(empty, 'cluster')} empty" if len(empty) else ""
    message = f"{n_clusters} clusters were made of {case.n_distinct:,} distinct rows{left}. Choose fewer clusters."
    return Finding("too-many-clusters", "serious", message, {"distinct": case.n_distinct, "empty": empty})


def unlike_scales(case: Case) -> Finding | None:
    deviations, shown = case.overall.spread, ratios(case.overall.spread, case.unit)
    varying = deviations > 0
    rows = case.main_sample.rows
    inner = np.clip(rows, *np.quantile(rows, (TAIL, 1 - TAIL), axis=0)).std(axis=0)
    inner = np.where(inner > 0, inner, rows.std(axis=0))  # tails are all there is

    def large(scales: Floats) -> Mask:
        """Which features are far above the median, the lower of two in the middle."""
        return scales / SCALE_RATIO > np.quantile(scales[varying], 0.5, method="lower") if varying.any() else varying

    few = large(deviations) & large(inner)
    if not few.any():
        return None
    squares = (deviations / deviations.max()) ** 2
    share = float(squares[few].sum() / squares.sum())
    others = shown[~few & varying]
    message = (
        f"The standard deviation is up to {shown[few].max():.3g} for {_named(case.names[few])}, and "
        f"{others.min():.3g} to {others.max():.3g} for the others, which have {1 - share:.2%} of the variance and "
        "hardly count. Standardize them: sklearn.preprocessing.StandardScaler, `ckmeans fit --scale standard`."
    )
    details = {"features": np.flatnonzero(few), "standard_deviations": shown, "variance_share": share}
    return Finding("unlike-scales", "serious", message, details)


def duplicates(case: Case) -> Finding | None:
    n_rows = np.count_nonzero(case.weights)
    repeated = 1 - case.n_distinct / n_rows
    if repeated < DUPLICATE_SHARE:
        return None
    message = (
        f"{repeated:.0%} of {n_rows:,} rows repeat another one, {case.n_distinct:,} are distinct. If that is no "
        "mistake, distinct rows with their counts as sample_weight lead to the same clusters sooner."
    )
    return Finding("duplicates", "note", message, {"distinct": case.n_distinct, "rows": n_rows})


def constant_columns(case: Case) -> Finding | None:
    constant = np.flatnonzero(case.overall.spread == 0)
    if not len(constant):
        return None
    message = f"Constant, and so without effect: {_named(case.names[constant])}."
    return Finding("constant-columns", "note", message, {"features": constant})


# --- Of the clusters --------------------------------------------------------------------------------------------


def uneven_sizes(case: Case) -> Finding | None:
    small = np.flatnonzero(case.small)
    if not len(small) or np.count_nonzero(case.weights) < UNEVEN_ROWS * len(case.centers):
        return None
    message = (
        f"Clusters have {case.shares[small].min():.2%} to {case.shares.max():.0%} of the rows by weight; far below the "
        f"average: {_named(small, 'cluster')}. k-means prefers clusters of like extent and may have cut large ones: "
        "compare with sklearn.mixture.GaussianMixture."
    )
    return Finding("uneven-sizes", "warning", message, {"small": small, "shares": case.shares})


def outliers(case: Case) -> Finding | None:
    centers, sizes = case.centers * case.unit, np.array([len(own) for own in case.members])
    limits = np.full(len(centers), np.inf)
    found: list[tuple[Positions, Floats]] = []  # rows, and their excess
    for cluster, block, weights in case.blocks():
        if sizes[cluster] <= HANDFUL:
            continue
        far = norms(block - centers[cluster], axis=1)
        _, median, upper = quartiles(far[:, np.newaxis], weights)[:, 0]
        limits[cluster] = max(median + OUTLIER_FACTOR * (upper - median), OUTLIER_RATIO * median) or np.inf
        beyond = far > limits[cluster]
        if 0 < weights[beyond].sum() <= OUTLIER_SHARE * weights.sum():
            rest = Moments.of(block[~beyond], weights[~beyond])
            pull = norms(case.moments[cluster].mean - rest.mean, axis=0)
            if pull >= OUTLIER_PULL * norms(rest.spread, axis=0):
                found.append((case.members[cluster][beyond], ratios(far[beyond], limits[cluster])))
    handfuls = case.small & (sizes <= HANDFUL)
    for cluster in np.flatnonzero(handfuls).tolist():  # would its rows be outliers of the next cluster?
        rows = case.rows[case.members[cluster]] * case.unit
        far = np.stack([norms(centers[~handfuls] - row, axis=1) for row in rows])
        excess = ratios(far.min(axis=1), limits[~handfuls][far.argmin(axis=1)])
        if (excess > 1).all():
            found.append((case.members[cluster], excess))
    if not found:
        return None
    positions, excess = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.argsort(-excess, kind="stable")
    positions, excess = positions[order], excess[order]
    clusters = case.labels[positions]
    alone = np.flatnonzero(handfuls & np.isin(np.arange(len(centers)), clusters))
    effect = f"they make up {_named(alone, 'cluster')}" if len(alone) else "they drag centers along"
    message = (
        f"Far from everything else, up to {excess[0]:.2g} times the limit for outliers: {_named(positions, 'row')}; "
        f"{effect}. Check or drop them, or use sklearn.cluster.HDBSCAN, which leaves them out."
    )
    return Finding("outliers", "warning", message, {"rows": positions, "excess": excess, "clusters": clusters})


def overlap(case: Case) -> Finding | None:
    _, rows, labels, weights, centers = case.main_sample
    if len(np.unique(labels)) < 2 or len(labels) < ROWS_A_CLUSTER * len(centers):
        return None
    values = metrics.silhouette_samples(rows, labels, sample_weight=weights, n_threads=case.n_threads)
    mean, totals = float(np.average(values, weights=weights)), np.bincount(labels, weights, len(centers))
    by_cluster = cluster_averages(values, labels, weights, len(centers))

    low = values < LOW_SILHOUETTE
    next_one = labels.copy()
    for own in np.unique(labels[low]):
        there, others = low & (labels == own), np.delete(np.arange(len(centers)), own)
        next_one[there] = others[assign(rows[there], centers[others], n_threads=case.n_threads)]
    ends = np.stack([labels[low], next_one[low]])
    pairs, pair, counts = np.unique(np.sort(ends, axis=0), axis=1, return_inverse=True, return_counts=True)
    shares = np.bincount(pair, weights[low]) / totals[pairs].sum(axis=0)
    order = np.argsort(-shares, kind="stable")
    real = order[(shares[order] >= OVERLAP_SHARE) & (counts[order] >= OVERLAP_ROWS)]
    if not len(real) and mean > LOW_SILHOUETTE:
        return None
    shown = real if len(real) else order[:1]
    named = [f"{a}-{b} ({share:.0%})" for (a, b), share in zip(pairs.T[shown], shares[shown], strict=True)]
    message = (
        f"Rows lie between two clusters, as a share of both: {_named(named)}; the mean silhouette is {mean:.2f}. Take "
        "fewer clusters if one group was cut; if two overlap, sklearn.mixture.GaussianMixture says how sure a row is."
    )
    details = {"pairs": pairs.T[shown], "shares": shares[shown], "silhouette": mean, "cluster_silhouettes": by_cluster}
    return Finding("overlap", "warning" if mean <= LOW_SILHOUETTE else "note", message, details)


def unstable(case: Case) -> Finding | None:
    sample, init = case.main_sample, getattr(case.model, "init", "its own")
    by_chance = isinstance(init, str) or callable(init)
    if not by_chance or len(case.centers) < 2 or len(sample.labels) < ROWS_A_CLUSTER * len(case.centers):
        return None
    again = copy(case.model).set_params(verbose=0, callback=None, n_threads=case.n_threads)
    rand, inertia = np.empty(REFITS), np.empty(REFITS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # too few distinct rows: that has a check of its own
        for i, seed in enumerate(np.random.default_rng(case.seed).integers(2**63, size=REFITS)):
            again.set_params(random_state=int(seed)).fit(case.rows[sample.positions], sample_weight=sample.weights)
            rand[i] = metrics.adjusted_rand_score(sample.labels, again.labels_)
            inertia[i] = metrics.inertia(sample.rows, again.labels_, sample_weight=sample.weights)
    if rand.mean() >= STABLE_RAND:
        return None
    inertia /= inertia.min() or 1.0
    remedy = "Raise n_init; if that does not help, try" if np.ptp(inertia) > STABLE_INERTIA else "Try"
    message = (
        f"{REFITS} refits from other seeds agree with the clusters by an adjusted Rand index of {rand.mean():.2f} on "
        f"average, {rand.min():.2f} at worst; their inertia varies by {np.ptp(inertia):.1%}. "
        f"{remedy} other numbers of clusters, as there may be no such groups."
    )
    return Finding("unstable", "warning", message, {"rand_index": rand, "inertia": inertia})


# --- Of connected structures ------------------------------------------------------------------------------------


def non_convex(case: Case) -> Finding | None:
    sample = case.sample(STRUCTURE_ROWS)
    structures = find_structures(sample.rows, sample.weights, case.n_threads)
    n_structures, n_clusters, inside = int(structures.max()) + 1, len(case.centers), structures >= 0
    if n_structures < 2:
        return None
    best = KMeans(n_structures, n_init=STRUCTURE_RESTARTS, random_state=case.seed, n_threads=case.n_threads)
    best.fit(sample.rows[inside], sample_weight=sample.weights[inside])

    def by_structure(labels: NDArray[Any], n_labels: int) -> Floats:
        """Weight of the rows of each structure in each cluster."""
        table = np.zeros((n_structures, n_labels))
        np.add.at(table, (structures[inside], labels), sample.weights[inside])
        return table

    found = by_structure(best.labels_, n_structures)
    if 1 - found.max(axis=0).sum() / found.sum() < MISPLACED_SHARE:
        return None  # convex enough for k-means
    table = by_structure(sample.labels[inside], n_clusters)
    serious = _cuts(table)
    if not serious and n_clusters <= n_structures:
        return None
    what = "cut and mix" if serious else "are parts of"
    message = (
        f"The {n_clusters} clusters {what} {n_structures} connected structures with gaps between them, which k-means "
        "cannot find; sklearn.cluster.HDBSCAN and DBSCAN can."
    )
    details = {"rows": sample.positions, "structures": structures, "table": table}
    return Finding("non-convex", "serious" if serious else "note", message, details)


def _cuts(table: Floats) -> bool:
    """Whether some structure has real parts in several clusters of which one mixes several structures."""
    real = (table > 0) & (table >= REAL_SHARE * np.maximum(table.sum(axis=0), table.sum(axis=1, keepdims=True)))
    return bool(real[np.ix_(real.sum(axis=1) > 1, real.sum(axis=0) > 1)].any())


# In the order in which findings of like severity are reported.
CHECKS: tuple[Callable[[Case], Finding | None], ...] = (
    too_many_clusters,
    unlike_scales,
    non_convex,
    outliers,
    overlap,
    unstable,
    uneven_sizes,
    duplicates,
    constant_columns,
)
