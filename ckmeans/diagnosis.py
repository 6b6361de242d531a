"""What is wrong with a clustering, in words and numbers: the pitfalls of k-means that textbooks list."""

import warnings
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property, reduce
from html import escape
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _core
from . import _validation as check
from ._functions import kmeans
from ._kmeans import KMeans
from .profiling import (
    FloatArray,
    Moments,
    Positions,
    blocks,
    cluster_members,
    feature_names_of,
    norms,
    predicted,
    quartiles,
    safe_unit,
    weights_of,
)

__all__ = ["Diagnosis", "Finding", "diagnose"]

# All thresholds. They were set by experiment on data with and without each defect: see tests/test_diagnose.py.

SAMPLE_ROWS = 5000  # of checks whose time grows with the square of the rows, or that fit again
STRUCTURE_ROWS = 2000  # of the minimum spanning tree

SCALE_RATIO = 10.0  # standard deviations: the other features then hold less than 1 % of the variance each
TAIL = 0.01  # left out at both ends when scales are compared, since far rows inflate a standard deviation

UNEVEN_SHARE = 0.1  # of the average size; random cuts of one Gaussian stay above 0.3

OUTLIER_FACTOR = 10.0  # upper quartile less median of the distances; Gaussian rows stay below 8 of it
OUTLIER_PULL = 0.1  # of the cluster's spread, by which outliers move its center
HANDFUL = 10  # rows, at most, of a cluster that consists of outliers

LOW_SILHOUETTE = 0.25  # "no substantial structure" (Kaufman and Rousseeuw, Finding Groups in Data, 1990)
OVERLAP_SHARE = 0.1  # rows of a pair of clusters with a low silhouette; separate blobs have less than 0.05
FEWEST_ROWS = 5  # to speak of a share of them

NEIGHBOURS = 5  # whose distance is how dense the surroundings of a row are, as in HDBSCAN
GAP = 2.0  # length of an edge between two structures, in medians of the edges within
STRUCTURE_SHARE = 0.05  # of all rows, at least, in a structure
REAL_SHARE = 0.1  # of a structure or a cluster: fewer rows do not count as part of it
STRUCTURE_RESTARTS = 10

REFITS = 5
STABLE_RAND = 0.9  # adjusted Rand index: below, about one row in twenty is elsewhere
STABLE_INERTIA = 0.01  # relative range of the inertia: beyond, more restarts would help

DUPLICATE_SHARE = 0.2  # of the rows that are equal to an earlier one

SEVERITIES = ("serious", "warning", "note")


# --- The result -------------------------------------------------------------------------------------------------


class Finding(NamedTuple):
    """One objection."""

    code: str
    """Which check found it; see :func:`diagnose`."""
    severity: str
    """"serious" (the clusters mean little), "warning" or "note"."""
    message: str
    """What was seen, and the remedy."""
    details: dict[str, Any]
    """The numbers behind it: arrays of row positions, features, clusters."""


class Diagnosis(tuple[Finding, ...]):
    """What :func:`diagnose` returns: a tuple of findings, the most severe first; false where there are none."""

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
        if not self:
            return "<p>nothing to object</p>"
        rows = "\n".join(
            f"<tr><td>{each.severity}</td><td>{each.code}</td><td>{escape(each.message)}</td></tr>" for each in self
        )
        return f"<table>\n<tr><th>severity</th><th>code</th><th>finding</th></tr>\n{rows}\n</table>"


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
        Seed of samples and refits; the same seed gives the same findings.
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
    What the codes mean, and what the details hold:

    "too-many-clusters"
        More clusters than distinct rows, or clusters that were left empty: ``distinct``, ``empty`` (clusters).
    "unlike-scales"
        A few features have so much larger standard deviations that they decide alone: ``features`` (columns),
        ``standard_deviations`` of all columns, ``variance_share`` of those features.
    "non-convex"
        k-means cuts through connected structures, such as rings: ``rows`` (a sample), ``structures`` (of these rows;
        -1: of none), ``table`` (weight of structures by clusters). As a note, clusters are parts of such structures:
        then ``structure_of_cluster``, too (-1: of none). Structures are what is left when a minimum spanning tree of
        mutual reachability distances is cut at its gaps (Campello, Moulavi and Sander, PAKDD 2013).
    "outliers"
        Far rows that drag a center along or have clusters of their own: ``rows``, the farthest in relation to its
        cluster first, their ``distances``, ``excess`` (distance in units of the limit) and ``clusters``.
    "overlap"
        Clusters without a gap between them, by silhouettes (Rousseeuw, J. Comput. Appl. Math. 20, 1987) of a sample:
        ``pairs`` of clusters and their ``shares`` of rows of low silhouette, ``silhouette`` (mean),
        ``cluster_silhouettes``.
    "unstable"
        Other seeds lead to other clusters: ``rand_index`` (adjusted, of five refits to a sample) and their
        ``inertia``.
    "uneven-sizes"
        Some clusters are very small: ``small`` (clusters), ``shares`` (of the weight, of all clusters).
    "duplicates"
        Many rows are exactly equal: ``distinct``, ``rows`` (how many).
    "constant-columns"
        Features that have no effect: ``features``.

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
    case = Case(
        rows=rows,
        labels=predicted(model, X, n_threads),
        weights=weights_of(sample_weight, len(rows)),
        model=model,
        names=feature_names_of(X, model, feature_names, rows.shape[1]),
        seed=check.check_random_state(random_state),
        n_threads=check.check_n_threads(model.n_threads if n_threads is None else n_threads),
    )
    findings = [finding for look in CHECKS if (finding := look(case)) is not None]
    return Diagnosis(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)))


class Sample(NamedTuple):
    positions: Positions
    rows: FloatArray
    """Times a power of two that makes them moderate; what is looked for does not depend on it."""
    labels: NDArray[np.int32]
    weights: FloatArray


@dataclass(frozen=True)
class Case:
    """What the checks look at."""

    rows: NDArray[Any]
    labels: NDArray[np.int32]
    weights: FloatArray
    model: KMeans
    names: NDArray[np.object_]
    seed: int
    n_threads: int

    @cached_property
    def n_clusters(self) -> int:
        return len(self.model.cluster_centers_)

    @cached_property
    def members(self) -> list[Positions]:
        return cluster_members(self.labels, self.n_clusters, self.weights)

    @cached_property
    def cluster_weights(self) -> FloatArray:
        return np.bincount(self.labels, self.weights, minlength=self.n_clusters)

    @cached_property
    def unit(self) -> float:
        return safe_unit(self.rows, self.model.cluster_centers_)

    def blocks(self) -> Any:
        return blocks(self.rows, self.weights, self.members, self.unit)

    @cached_property
    def overall(self) -> Moments:
        return reduce(Moments.merged, (Moments.of(block, weights) for _, block, weights in self.blocks()))

    @cached_property
    def n_distinct(self) -> int:
        rows = np.ascontiguousarray(self.rows[np.flatnonzero(self.weights)] + self.rows.dtype.type(0))  # -0 is 0
        return len(np.unique(rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1])))))

    def sample(self, n_most: int) -> Sample:
        """At most ``n_most`` rows that have a weight, the same share of every cluster."""
        ordered = np.concatenate(self.members)
        if len(ordered) > n_most:
            shuffled = np.random.default_rng(self.seed).permuted  # within each cluster
            ordered = np.concatenate([shuffled(own) for own in self.members])
            ordered = ordered[np.linspace(0, len(ordered), n_most, endpoint=False).astype(np.intp)]
        positions = np.sort(ordered)
        rows = self.rows[positions].astype(np.float64)
        rows = np.ldexp(rows, -int(np.frexp(np.abs(rows).max())[1]))
        return Sample(positions, rows, self.labels[positions], self.weights[positions])

    @cached_property
    def main_sample(self) -> Sample:
        return self.sample(SAMPLE_ROWS)


# --- Checks -----------------------------------------------------------------------------------------------------


def too_many_clusters(case: Case) -> Finding | None:
    empty = np.flatnonzero(case.model.cluster_sizes_ == 0)
    if case.n_clusters <= case.n_distinct and not len(empty):
        return None
    left = f", and {_listed('cluster', empty)} got no rows" if len(empty) else ""
    message = f"There are {case.n_clusters} clusters but {case.n_distinct} distinct rows{left}. Choose fewer clusters."
    return Finding("too-many-clusters", "serious", message, {"distinct": case.n_distinct, "empty": empty})


def unlike_scales(case: Case) -> Finding | None:
    deviations = case.overall.spread / case.unit
    varying = deviations > 0
    rows = case.main_sample.rows
    within = np.clip(rows, *np.quantile(rows, (TAIL, 1 - TAIL), axis=0)).std(axis=0)
    within = np.where(within > 0, within, rows.std(axis=0))  # nearly constant: tails are all there is

    def large(scales: FloatArray) -> NDArray[np.bool_]:
        """Features far above the median, the lower of two in the middle."""
        return scales > SCALE_RATIO * np.quantile(scales[varying], 0.5, method="lower") if varying.any() else ~varying

    few = large(deviations) & large(within)
    if not few.any():
        return None
    squares = (deviations / deviations.max()) ** 2
    share = float(squares[few].sum() / squares.sum())
    others = deviations[~few & varying]
    message = (
        f"The standard deviation is {deviations[few].max():.3g} for {_listed('feature', case.names[few])}, and "
        f"{others.min():.3g} to {others.max():.3g} for the others, which make up {1 - share:.2%} of the variance and "
        "hardly count. Standardise the features, with sklearn.preprocessing.StandardScaler or "
        "`ckmeans fit --scale standard`."
    )
    details = {"features": np.flatnonzero(few), "standard_deviations": deviations, "variance_share": share}
    return Finding("unlike-scales", "serious", message, details)


def non_convex(case: Case) -> Finding | None:
    sample = case.sample(STRUCTURE_ROWS)
    structures = _structures(sample.rows, sample.weights, case.n_threads)
    n_structures = int(structures.max()) + 1
    inside = structures >= 0
    if n_structures < 2:
        return None
    rows, weights, own = sample.rows[inside], sample.weights[inside], structures[inside]

    def against(labels: NDArray[Any], n_clusters: int) -> FloatArray:
        """Weight of the rows of each structure in each cluster."""
        flat = np.bincount(own * n_clusters + labels, weights, minlength=n_structures * n_clusters)
        return flat.reshape(n_structures, n_clusters)

    best = kmeans(
        rows, n_structures, sample_weight=weights, n_init=STRUCTURE_RESTARTS, random_state=case.seed,
        n_threads=case.n_threads,
    )  # fmt: skip
    if not _cut(against(best.labels, n_structures)):
        return None  # they are convex enough for k-means, with the right number of clusters
    table = against(sample.labels[inside], case.n_clusters)
    details = {"rows": sample.positions, "structures": structures, "table": table}
    remedy = "sklearn.cluster.HDBSCAN or DBSCAN follows such shapes"
    if _cut(table):
        message = (
            f"The rows form {n_structures} connected structures, apart from each other, that the clusters cut and mix. "
            f"k-means finds round clusters only; {remedy}."
        )
        return Finding("non-convex", "serious", message, details)
    if case.n_clusters <= n_structures:
        return None
    details["structure_of_cluster"] = np.where(table.any(axis=0), table.argmax(axis=0), -1)
    message = (
        f"The {case.n_clusters} clusters are parts of {n_structures} connected structures that are not round. If those "
        f"are what you look for: {remedy}, or merge the clusters of each (details)."
    )
    return Finding("non-convex", "note", message, details)


def _cut(table: FloatArray) -> bool:
    """Whether a cluster mixes structures of which one is split over several clusters."""
    of_structure = table >= REAL_SHARE * table.sum(axis=1, keepdims=True)
    of_cluster = table >= REAL_SHARE * table.sum(axis=0)
    real = of_structure & of_cluster & (table > 0)
    split, mixed = real.sum(axis=1) > 1, real.sum(axis=0) > 1
    return bool(real[np.ix_(split, mixed)].any())


def _structures(rows: FloatArray, weights: FloatArray, n_threads: int) -> NDArray[np.intp]:
    """Number of the connected structure that each row is in, -1 for none; all -1 where there are not two."""
    distinct, which = np.unique(rows, axis=0, return_inverse=True)
    nothing = np.full(len(rows), -1)
    if len(distinct) <= 2 * NEIGHBOURS:
        return nothing
    weights = np.bincount(which, weights)
    distances = _core.transform(distinct, distinct, n_threads)
    density = np.partition(distances, NEIGHBOURS, axis=1)[:, NEIGHBOURS]
    np.maximum(distances, np.maximum(density[:, np.newaxis], density), out=distances)
    ends, lengths = _spanning_tree(distances)
    parts = _parts(ends, lengths, weights)
    return nothing if parts is None else parts[which]


def _spanning_tree(distances: FloatArray) -> tuple[NDArray[np.intp], FloatArray]:
    """Both ends of each edge of a minimum spanning tree, shape (n - 1, 2), and its length (Prim, 1957)."""
    n_rows = len(distances)
    ends, lengths = np.empty((n_rows - 1, 2), np.intp), np.empty(n_rows - 1)
    reach, parent, reached = np.full(n_rows, np.inf), np.zeros(n_rows, np.intp), np.zeros(n_rows, np.bool_)
    newest = 0
    for edge in range(n_rows - 1):
        reached[newest] = True
        closer = distances[newest] < reach
        reach[closer], parent[closer] = distances[newest, closer], newest
        reach[reached] = np.inf
        newest = int(reach.argmin())
        ends[edge], lengths[edge] = (parent[newest], newest), reach[newest]
    return ends, lengths


def _parts(ends: NDArray[np.intp], lengths: FloatArray, weights: FloatArray) -> NDArray[np.intp]:
    """Parts that a tree falls into when cut at its gaps, from 0; -1 for the rows of parts too small to count.

    Edges join parts, the shortest first, but for those that are far longer than what they would join, where both
    sides are large enough to be structures.
    """
    part = np.arange(len(weights))
    members, inner = [[row] for row in part], [[] for _ in part]  # type: ignore[var-annotated]
    sizes, enough = weights.copy(), STRUCTURE_SHARE * weights.sum()
    for edge in np.argsort(lengths, kind="stable"):
        small, large = sorted(part[ends[edge]], key=lambda each: len(members[each]))
        usual = [np.median(inner[side]) for side in (small, large) if inner[side]]
        if min(sizes[small], sizes[large]) >= enough and lengths[edge] > GAP * max(usual, default=0.0):
            continue
        part[members[small]] = large
        members[large] += members[small]
        inner[large] += [*inner[small], lengths[edge]]
        sizes[large] += sizes[small]
    structures = np.flatnonzero(np.bincount(part, weights, minlength=len(part)) >= enough)
    number = np.full(len(part), -1)
    number[structures] = np.arange(len(structures))
    return number[part]


def outliers(case: Case) -> Finding | None:
    centers = case.model.cluster_centers_.astype(np.float64) * case.unit
    sizes = np.array([len(own) for own in case.members])
    handful = case.small & (sizes <= HANDFUL)
    limits = np.full(case.n_clusters, np.inf)
    found: list[tuple[Positions, FloatArray, FloatArray]] = []  # positions, distances, limits
    for cluster, block, weights in case.blocks():
        if sizes[cluster] <= HANDFUL:
            continue
        far = norms(block - centers[cluster], axis=1)
        _, median, upper = quartiles(far[:, np.newaxis], weights)[:, 0]
        limits[cluster] = max(median + OUTLIER_FACTOR * (upper - median), OUTLIER_RATIO * median)
        beyond = far > limits[cluster]
        if 0 < weights[beyond].sum() <= OUTLIER_SHARE * weights.sum():
            rest = Moments.of(block[~beyond], weights[~beyond])
            pull = norms(case.moments[cluster].mean - rest.mean, axis=0)
            if pull >= OUTLIER_PULL * norms(rest.spread, axis=0):
                found.append((case.members[cluster][beyond], far[beyond], limits[[cluster] * beyond.sum()]))
    for cluster in np.flatnonzero(handful & (sizes > 0)):
        own = case.members[cluster]
        rows = case.rows[own].astype(np.float64) * case.unit
        far = np.stack([norms(centers[~handful] - row, axis=1) for row in rows])
        next_one = far.argmin(axis=1)
        limit = limits[~handful][next_one]
        far = far.min(axis=1)
        if (far > limit).all():
            found.append((own, far, limit))
    if not found:
        return None
    rows, far, limit = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.argsort(-far / limit, kind="stable")
    rows, far, limit = rows[order], far[order], limit[order]
    clusters = case.labels[rows]
    alone = np.flatnonzero(handful & (np.bincount(clusters, minlength=case.n_clusters) > 0))
    has = f"; {_listed('cluster', alone)} consists of such rows alone" if len(alone) else ""
    message = (
        f"{_listed('row', rows)} lies up to {far[0] / limit[0] * 1:.1f} times as far from the center"
    )
    return Finding("outliers", "warning", message, {"rows": rows, "distances": far / case.unit, "excess": far / limit, "clusters": clusters})
