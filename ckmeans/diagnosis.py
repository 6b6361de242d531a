"""What is wrong with a clustering, in words and numbers: the pitfalls of k-means that textbooks list.

A check is one function of a :class:`Case`, which returns a finding or None, and one line in ``CHECKS`` at the end.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property, reduce
from html import escape
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _validation as check
from . import profiling
from ._functions import assign
from ._kmeans import KMeans
from ._structures import find_structures
from .profiling import FloatArray, Moments, Positions, cluster_averages, norms, quartiles, ratios

__all__ = ["Diagnosis", "Finding", "diagnose"]

# Thresholds, set by experiment on data with and without each defect (tests/test_diagnose.py has the main ones).

SAMPLE_ROWS = 5000  # for silhouettes and refits
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

SMALL_SHARE = 0.1  # of the average size of a cluster; cuts of one Gaussian in few dimensions have 0.3 or more
UNEVEN_ROWS = 50  # a cluster on average: smaller ones are uneven by chance
DUPLICATE_SHARE = 0.2  # of the rows

SEVERITIES = ("serious", "warning", "note")


# --- The result -------------------------------------------------------------------------------------------------


class Finding(NamedTuple):
    """One objection."""

    code: str
    """Which check found it; see :func:`diagnose`."""
    severity: str
    """One of "serious" (the clusters mean little), "warning" and "note"."""
    message: str
    """What was seen, and the remedy."""
    details: dict[str, Any]
    """The numbers behind it; see :func:`diagnose`."""


class Diagnosis(tuple[Finding, ...]):
    """What :func:`diagnose` returns: a tuple of findings, the most severe first, and so false where there are none."""

    __slots__ = ()

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of the findings, in order."""
        return tuple(finding.code for finding in self)

    def __str__(self) -> str:
        return "\n".join(f"{each.severity}: {each.message} [{each.code}]" for each in self) or "nothing to object"

    def __repr__(self) -> str:
        return f"<Diagnosis: {', '.join(self.codes) or 'nothing to object'}>"

    def _repr_html_(self) -> str:
        cells = ((each.severity, each.code, escape(each.message)) for each in self)
        lines = ["<tr><td>" + "</td><td>".join(line) + "</td></tr>" for line in cells]
        head = "<tr><th>severity</th><th>code</th><th>finding</th></tr>"
        return "\n".join(["<table>", head, *lines, "</table>"]) if lines else "<p>nothing to object</p>"


# --- The call ---------------------------------------------------------------------------------------------------


def diagnose(
    X: ArrayLike,
    model: KMeans,
    *,
    sample_weight: ArrayLike | None = None,
    feature_names: Sequence[str] | None = None,
    random_state: Any = None,
    n_threads: int | None = None,
) -> Diagnosis:
    """Look for what commonly goes wrong with k-means.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The rows that the model was fitted on, scaled as they were then, or others like them.
    model : KMeans
        A fitted estimator.
    sample_weight : array-like of shape (n_samples,) or float, optional
        A row of weight w counts as w rows; one of weight 0 is left out.
    feature_names : sequence of str of length n_features, optional
        None: the column names of X, else those the estimator was fitted with, else "feature 0" and so on.
    random_state : None, int, numpy.random.Generator or numpy.random.RandomState
        Seed of samples and refits.
    n_threads : int, optional
        As for ``KMeans``; None: as the estimator says.

    Returns
    -------
    Diagnosis

    Raises
    ------
    ValueError
        If a value of X is not finite, or a parameter is out of range or of the wrong shape.
    TypeError
        If a parameter is of the wrong type.
    NotFittedError
        If ``model`` is not fitted.

    Notes
    -----
    The codes, and what their details hold (rows, features and clusters by position):

    "too-many-clusters"
        More clusters than distinct rows, or clusters left empty by the fit: ``distinct`` (how many), ``empty``.
    "unlike-scales"
        The standard deviations of a few features are so large that they decide alone: ``features``,
        ``standard_deviations`` (of all), ``variance_share``.
    "non-convex"
        Clusters cut connected structures, such as rings, and mix them; as a note: they are parts of such structures.
        ``rows`` (a sample), ``structures`` (where these rows are; -1: in none), ``table`` (weights, structures by
        clusters). Structures are what remains of a minimum spanning tree of mutual reachability distances when its
        gaps are cut (Campello, Moulavi and Sander, PAKDD 2013); reported are those that k-means cannot find.
    "outliers"
        Far rows that drag a center along or make up a cluster: ``rows``, ``excess`` (distance to the center, or to
        the next cluster, in units of the limit there; descending; maybe infinite), ``clusters``.
    "overlap"
        Clusters with rows between them, by silhouettes of a sample (Rousseeuw, J. Comput. Appl. Math. 20, 1987):
        ``pairs`` of clusters, ``shares`` of their rows, ``silhouette`` (mean), ``cluster_silhouettes``.
    "unstable"
        Other seeds lead to other clusters: ``rand_index`` (adjusted, one a refit to a sample), ``inertia`` (of the
        refits, by the least).
    "uneven-sizes"
        Some clusters are tiny beside others: ``small``, ``shares`` (of the weight, of all clusters).
    "duplicates"
        Many rows are equal: ``distinct`` (how many), ``rows`` (of how many).
    "constant-columns"
        Features without effect: ``features``.

    Examples
    --------
    >>> import numpy as np
    >>> from ckmeans import KMeans
    >>> from ckmeans.diagnosis import diagnose
    >>> X = np.random.default_rng(0).normal(size=(300, 2)) * [1, 1000]
    >>> "unlike-scales" in diagnose(X, KMeans(3, random_state=0).fit(X), random_state=0).codes
    True
    """
    if not isinstance(model, KMeans):
        raise TypeError(f"model must be a fitted KMeans, got {type(model).__name__}")
    rows = check.check_rows(X)
    labels, centers = profiling.predicted(model, X, rows, n_threads)
    case = Case(
        rows=rows,
        labels=labels,
        centers=centers,
        weights=profiling.weights_of(sample_weight, len(rows)),
        model=model,
        names=profiling.feature_names_of(X, model, feature_names, rows.shape[1]),
        seed=check.check_random_state(random_state),
        n_threads=check.check_n_threads(model.n_threads if n_threads is None else n_threads),
    )
    findings = [finding for look in CHECKS if (finding := look(case)) is not None]
    return Diagnosis(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)))


class Sample(NamedTuple):
    """Rows, and the centers, times a power of two that makes them moderate; nothing looked for depends on the unit."""

    positions: Positions
    rows: FloatArray
    labels: NDArray[np.int32]
    weights: FloatArray
    centers: FloatArray


@dataclass(frozen=True)
class Case:
    """What the checks look at, each part computed when it is first asked for."""

    rows: NDArray[Any]
    labels: NDArray[np.int32]
    centers: FloatArray
    weights: FloatArray
    model: KMeans
    names: NDArray[np.object_]
    seed: int
    n_threads: int

    @cached_property
    def members(self) -> list[Positions]:
        return profiling.cluster_members(self.labels, len(self.centers), self.weights)

    @cached_property
    def unit(self) -> float:
        return profiling.safe_unit(self.rows, self.weights, self.centers)

    def blocks(self) -> Iterator[tuple[int, FloatArray, FloatArray]]:
        return profiling.blocks(self.rows, self.weights, self.members, self.unit)

    @cached_property
    def moments(self) -> dict[int, Moments]:
        """Moments of the clusters that have rows, times ``unit``."""
        return {cluster: Moments.of(block, weights) for cluster, block, weights in self.blocks()}

    @cached_property
    def overall(self) -> Moments:
        return reduce(Moments.merged, self.moments.values())

    @cached_property
    def shares(self) -> FloatArray:
        """Share of the weight in each cluster."""
        shares: FloatArray = np.bincount(self.labels, self.weights, len(self.centers)) / self.weights.sum()
        return shares

    @cached_property
    def small(self) -> NDArray[np.bool_]:
        """Whether each cluster has rows, but far fewer than the average."""
        return (self.shares > 0) & (self.shares < SMALL_SHARE / len(self.centers))

    @cached_property
    def n_distinct(self) -> int:
        rows = np.ascontiguousarray(self.rows[self.weights > 0] + self.rows.dtype.type(0))  # makes -0 to 0
        return len(np.unique(rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1])))))

    @cached_property
    def main_sample(self) -> Sample:
        return self.sample(SAMPLE_ROWS)

    def sample(self, n_most: int) -> Sample:
        """At most ``n_most`` rows that have a weight, the same share of every cluster."""
        positions = np.concatenate(self.members)
        if len(positions) > n_most:
            rng = np.random.default_rng(self.seed)
            shuffled = np.concatenate([rng.permuted(own) for own in self.members])
            positions = shuffled[np.linspace(0, len(shuffled), n_most, endpoint=False).astype(np.intp)]
        positions.sort()
        rows = self.rows[positions].astype(np.float64)
        exponent = -np.frexp(np.abs(rows).max())[1]
        scaled, centers = np.ldexp(rows, exponent), check.rescaled(self.centers, exponent)
        return Sample(positions, scaled, self.labels[positions], self.weights[positions], centers)


# --- Checks of the data -----------------------------------------------------------------------------------------


def too_many_clusters(case: Case) -> Finding | None:
    n_clusters = len(case.centers)
    empty = np.flatnonzero(check.fitted_numbers(case.model, "cluster_sizes_", (n_clusters,), "iu") == 0)
    if n_clusters <= case.n_distinct and not len(empty):
        return None
    left = f"; the fit left {_listed(empty, 'cluster')} empty" if len(empty) else ""
    message = f"{n_clusters} clusters were made of {case.n_distinct:,} distinct rows{left}. Choose fewer clusters."
    return Finding("too-many-clusters", "serious", message, {"distinct": case.n_distinct, "empty": empty})


def unlike_scales(case: Case) -> Finding | None:
    deviations, shown = case.overall.spread, ratios(case.overall.spread, case.unit)
    varying = deviations > 0
    rows = case.main_sample.rows
    inner = np.clip(rows, *np.quantile(rows, (TAIL, 1 - TAIL), axis=0)).std(axis=0)
    inner = np.where(inner > 0, inner, rows.std(axis=0))  # tails are all there is

    def large(scales: FloatArray) -> NDArray[np.bool_]:
        """Which features are far above the median, the lower of two in the middle."""
        return scales / SCALE_RATIO > np.quantile(scales[varying], 0.5, method="lower") if varying.any() else varying

    few = large(deviations) & large(inner)
    if not few.any():
        return None
    squares = (deviations / deviations.max()) ** 2
    share = float(squares[few].sum() / squares.sum())
    others = shown[~few & varying]
    message = (
        f"The standard deviation is up to {shown[few].max():.3g} for {_listed(case.names[few])}, and "
        f"{others.min():.3g} to {others.max():.3g} for the others, which have {1 - share:.2%} of the variance and "
        "hardly count. Standardise them: sklearn.preprocessing.StandardScaler, `ckmeans fit --scale standard`."
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
    message = f"Constant, and so without effect: {_listed(case.names[constant])}."
    return Finding("constant-columns", "note", message, {"features": constant})


# --- Checks of the clusters -------------------------------------------------------------------------------------


def uneven_sizes(case: Case) -> Finding | None:
    small = np.flatnonzero(case.small)
    if not len(small) or np.count_nonzero(case.weights) < UNEVEN_ROWS * len(case.centers):
        return None
    message = (
        f"Clusters have {case.shares[small].min():.2%} to {case.shares.max():.0%} of the rows by weight; far below the "
        f"average: {_listed(small, 'cluster')}. k-means prefers clusters of like extent and may have cut large ones: "
        "compare with sklearn.mixture.GaussianMixture."
    )
    return Finding("uneven-sizes", "warning", message, {"small": small, "shares": case.shares})


def outliers(case: Case) -> Finding | None:
    centers, sizes = case.centers * case.unit, np.array([len(own) for own in case.members])
    limits = np.full(len(centers), np.inf)
    found: list[tuple[Positions, FloatArray]] = []  # rows, and their excess
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
    effect = f"they make up {_listed(alone, 'cluster')}" if len(alone) else "they drag centers along"
    message = (
        f"Far from everything else, up to {excess[0]:.2g} times the limit for outliers: {_listed(positions, 'row')}; "
        f"{effect}. Check or drop them, or use sklearn.cluster.HDBSCAN, which leaves them out."
    )
    return Finding("outliers", "warning", message, {"rows": positions, "excess": excess, "clusters": clusters})


def overlap(case: Case) -> Finding | None:
    from .metrics import silhouette_samples

    _, rows, labels, weights, centers = case.main_sample
    if len(np.unique(labels)) < 2 or len(labels) < ROWS_A_CLUSTER * len(centers):
        return None
    values = silhouette_samples(rows, labels, sample_weight=weights, n_threads=case.n_threads)
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
        f"Rows lie between two clusters, as a share of both: {_listed(named)}; the mean silhouette is {mean:.2f}. Take "
        "fewer clusters if one group was cut; if two overlap, sklearn.mixture.GaussianMixture says how sure a row is."
    )
    details = {"pairs": pairs.T[shown], "shares": shares[shown], "silhouette": mean, "cluster_silhouettes": by_cluster}
    return Finding("overlap", "warning" if mean <= LOW_SILHOUETTE else "note", message, details)


def unstable(case: Case) -> Finding | None:
    from .metrics import adjusted_rand_score
    from .metrics import inertia as metrics_inertia

    sample, init = case.main_sample, case.model.init
    by_chance = isinstance(init, str) or callable(init)
    if not by_chance or len(case.centers) < 2 or len(sample.labels) < ROWS_A_CLUSTER * len(case.centers):
        return None
    again = copy(case.model).set_params(verbose=0, callback=None, n_threads=case.n_threads)
    rand, inertia = np.empty(REFITS), np.empty(REFITS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # too few distinct rows: that has a check of its own
        for i, seed in enumerate(np.random.default_rng(case.seed).integers(2**63, size=REFITS)):
            again.set_params(random_state=int(seed)).fit(case.rows[sample.positions], sample_weight=sample.weights)
            rand[i] = adjusted_rand_score(sample.labels, again.labels_)
            inertia[i] = metrics_inertia(sample.rows, again.labels_, sample_weight=sample.weights)
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


# --- Connected structures ---------------------------------------------------------------------------------------


def non_convex(case: Case) -> Finding | None:
    sample = case.sample(STRUCTURE_ROWS)
    structures = find_structures(sample.rows, sample.weights, case.n_threads)
    n_structures, n_clusters, inside = int(structures.max()) + 1, len(case.centers), structures >= 0
    if n_structures < 2:
        return None
    best = KMeans(n_structures, n_init=STRUCTURE_RESTARTS, random_state=case.seed, n_threads=case.n_threads)
    best.fit(sample.rows[inside], sample_weight=sample.weights[inside])

    def by_structure(labels: NDArray[Any], n_labels: int) -> FloatArray:
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


def _cuts(table: FloatArray) -> bool:
    """Whether some structure has real parts in several clusters of which one mixes several structures."""
    real = (table > 0) & (table >= REAL_SHARE * np.maximum(table.sum(axis=0), table.sum(axis=1, keepdims=True)))
    return bool(real[np.ix_(real.sum(axis=1) > 1, real.sum(axis=0) > 1)].any())


# --- What is looked for -----------------------------------------------------------------------------------------


def _listed(items: Sequence[Any] | NDArray[Any], thing: str = "", most: int = 5) -> str:
    """ "1, 2 and 5", or "clusters 1, 2 and 5"; the last of many as a count."""
    words = [str(item) for item in items[:most]]
    if len(items) > most:
        words.append(f"{len(items) - most:,} more")
    listed = f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else words[0]
    return f"{thing}{'s' if len(items) > 1 else ''} {listed}" if thing else listed


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
