"""How many clusters: one call that fits, scores, tests for structure and recommends.

``choose_k`` goes through the functions below in the order they stand here: fit, score, compare with noise, compare
subsamples, find the elbow, choose.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _core, metrics
from . import _validation as check
from ._fit import FitResult
from ._gap import GapCurve, gap_curve
from ._kmeans import KMeans
from ._selection_result import KSelection
from ._sweep import Floats, generator, sample_rows, side_by_side, sweep
from ._tables import column_names

__all__ = ["CRITERIA", "KSelection", "SelectionProgress", "choose_k", "elbow_point"]

SILHOUETTE_ROWS = 10_000
"""Rows of the sample that silhouettes are taken of."""
NOISE_ROWS = 2000
"""Rows of the sample that is compared with noise and that stability is measured on; subsamples have 0.8 of as many."""
N_REFERENCES = 20
N_SUBSAMPLES = 10
SUBSAMPLE_SHARE = 0.8
NOISE_N_INIT = 2
"""Restarts of the many small fits."""
STRUCTURE_GAIN = 4.0
"""Standard deviations by which data must gain more from clusters than noise does. Of uniform data one sample in some
hundreds comes above, Gaussian data stay at 0, iris is at 12 or more (docs/choosing-k.md)."""
STABLE, AS_STABLE = 0.9, 0.02
"""Adjusted Rand index from which clusters count as found again, and how far below the highest one it may be."""
SAME_SHARE = 0.03
"""Criteria whose choices differ by no more than this share of k agree: a grid of 100 clusters is not 99 by mistake."""

MOST_ROWS = 2.0**960
"""By weight, of what counts rows: that float64 holds, also multiplied by what it is multiplied by."""

DTYPE = np.dtype(
    [("k", np.int64)]
    + [
        (name, np.float64)
        for name in (
            "inertia",
            "silhouette",
            "silhouette_error",
            "calinski_harabasz",
            "davies_bouldin",
            "bic",
            "gap",
            "gap_error",
            "stability",
            "smallest_share",
            "seconds",
        )
    ]
)
Table = NDArray[np.void]


class SelectionProgress(NamedTuple):
    """What the progress function of :func:`choose_k` gets."""

    done: int
    total: int
    doing: str


# --- What each criterion chooses ------------------------------------------------------------------------------------


def _best(table: Table, name: str, sign: float) -> int | None:
    values = sign * table[name]
    return int(table["k"][np.nanargmax(values)]) if not np.isnan(values).all() else None


def _turning_bic(table: Table) -> int | None:
    """Of least BIC; none where it still falls at the end, as it does where clusters are no spheres."""
    k, defined = _best(table, "bic", -1), table[~np.isnan(table["bic"])]
    if k is None or (k == defined["k"][-1] and np.isfinite(defined["bic"][-1])):
        return None
    return k


def _first_gap(table: Table) -> int | None:
    """The least k whose gap the next one does not exceed by more than its error (Tibshirani et al.)."""
    gap, error = table["gap"], table["gap_error"]
    with np.errstate(invalid="ignore"):  # both infinite: not comparable
        enough = np.flatnonzero(gap[:-1] >= gap[1:] - error[1:])
    return int(table["k"][enough[0]]) if len(enough) else None


def _largest_stable(table: Table) -> int | None:
    stability = np.nan_to_num(table["stability"])
    stable = np.flatnonzero(stability >= max(STABLE, stability.max() - AS_STABLE))
    return int(table["k"][stable[-1]]) if len(stable) else None


class Criterion(NamedTuple):
    title: str
    higher_is_better: bool
    choose: Callable[[Table], int | None]
    ranks: bool = True
    """Values for different k may be compared: the criterion takes part in naming the next best."""


CRITERIA = {
    "silhouette": Criterion("Silhouette", True, lambda table: _best(table, "silhouette", 1)),
    "calinski_harabasz": Criterion("Calinski-Harabasz", True, lambda table: _best(table, "calinski_harabasz", 1)),
    "davies_bouldin": Criterion("Davies-Bouldin", False, lambda table: _best(table, "davies_bouldin", -1)),
    "bic": Criterion("BIC", False, _turning_bic, ranks=False),
    "gap": Criterion("Gap", True, _first_gap, ranks=False),
    "stability": Criterion("Stability", True, _largest_stable),
}
"""By the names of their columns. All that is particular to a criterion stands here and in ``_score``."""


# --- The one call ---------------------------------------------------------------------------------------------------


def choose_k(
    X: ArrayLike,
    ks: Iterable[int] = range(1, 11),
    *,
    criteria: Iterable[str] | None = None,
    n_init: int = 3,
    max_iter: int = 300,
    tol: float = 1e-4,
    sample_weight: ArrayLike | None = None,
    random_state: Any = None,
    n_threads: int | None = None,
    progress: Callable[[SelectionProgress], Any] | bool | None = None,
) -> KSelection:
    """Fit k-means for every k, score the fits, and recommend a k, or 1 where the data show no clusters.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Finite numbers. Scale features of unlike units first.
    ks : iterable of int, default range(1, 11)
        Numbers of clusters to try. Of the default, those that exceed the number of rows are left out.
    criteria : iterable of str, optional
        Of "silhouette", "calinski_harabasz", "davies_bouldin", "bic", "gap", "stability"; by default all. Without
        "gap" nothing is said about whether there is any structure.
    n_init : int, default 3
        Fits of each k from k-means++, beside one that continues the fit before.
    max_iter, tol
        Of each fit, as for :class:`ckmeans.KMeans`.
    sample_weight : array-like of shape (n_samples,), optional
        A row of weight w counts as w rows. Weights that sum to no more than a k, or to more than 1e289, leave it
        without Calinski-Harabasz and BIC, which count rows: do not divide weights by their sum.
    random_state : None, int, numpy.random.Generator or numpy.random.RandomState
        Seed of everything drawn; results do not depend on the number of threads.
    n_threads : int, optional
    progress : callable or bool, optional
        Called with a :class:`SelectionProgress` as the work goes on; True prints a line to standard error.

    Returns
    -------
    KSelection
        The table, the choices, the recommendation and the fitted models.

    Raises
    ------
    ValueError
        If X is not finite, a k exceeds the number of rows of positive weight, or a parameter is out of range.

    Notes
    -----
    The silhouette (Rousseeuw 1987) is taken of at most 10,000 rows, with its standard error. The gap statistic
    (Tibshirani, Walther and Hastie, J. R. Statist. Soc. B 63, 2001) compares at most 2,000 rows with 20 samples of
    uniform noise in the box along their principal axes. Stability is the mean adjusted Rand index between the labels of
    the fit and those of fits to 10 subsamples (after Ben-Hur, Elisseeff and Guyon, PSB 2002). *No structure*: for no k
    does the gap rise above that of one cluster by four standard deviations of what it does for noise.

    The recommendation is the k above one that most criteria choose; the elbow is found and shown, but has no vote:
    Schubert, "Stop using the elbow criterion for k-means" (SIGKDD Explorations 25, 2023).

    Examples
    --------
    >>> import numpy as np
    >>> from ckmeans import choose_k
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(place, 1.0, (100, 2)) for place in (0.0, 10.0, 20.0)])
    >>> choose_k(X, random_state=0).recommended_k
    3
    """
    rows = check.check_rows(X)
    weights = check.check_weights(sample_weight, len(rows))
    wanted = _check_ks(ks, weights.n_rows)
    names = _check_criteria(criteria)
    n_init = check.check_integer(n_init, "n_init", 1, 10_000)
    max_iter = check.check_integer(max_iter, "max_iter", 1)
    tol = check.check_nonnegative(tol, "tol")
    threads = check.check_n_threads(n_threads)
    seed = check.check_random_state(random_state)
    report = _Reporter(progress, len(wanted) + 1 + ("gap" in names) + ("stability" in names))
    seeds = [int(s) for s in generator(seed).randint(2**32, size=5, dtype=np.uint64)]

    table = _empty_table(wanted)
    models: dict[int, KMeans] = {}
    parameters = {"n_init": n_init, "max_iter": max_iter, "tol": tol, "random_state": seed, "n_threads": n_threads}
    with check.convergence_warnings_ignored():  # the table shows what was found
        fit_parameters: dict[str, Any] = {"seed": seeds[0], "n_threads": threads, "exponent": weights.exponent}
        fits: dict[int, FitResult] = {}
        started = time.perf_counter()
        for line, (k, fit) in zip(
            table,
            sweep(rows, weights.values, wanted, n_init=n_init, max_iter=max_iter, tol=tol, **fit_parameters),
            strict=True,
        ):
            fits[k] = fit
            models[k] = _model(k, fit, X, rows, parameters)
            line["seconds"] = time.perf_counter() - started
            report(f"fitted k = {k}")
            started = time.perf_counter()
        side_by_side(
            lambda line: _score(line, rows, weights, fits[int(line["k"])], names, seeds[1]), list(table), threads
        )
        report("scored")
        sample, sample_weights = sample_rows(rows, weights.values, NOISE_ROWS, generator(seeds[2]))
        curve = None
        if "gap" in names:
            curve = _compare_with_noise(table, sample, sample_weights, seeds[3], threads)
            report("compared with noise")
        if "stability" in names:
            _measure_stability(table, rows, weights.values, sample, models, seeds[4], threads)
            report("compared subsamples")
        structured, gain = _find_structure(curve)
        choices = {name: CRITERIA[name].choose(table) for name in names}
        recommended, alternatives, votes = _recommend(table, choices, structured)
        if recommended not in models:
            _, fit = next(iter(sweep(rows, weights.values, [1], n_init=1, **fit_parameters)))
            models[1] = _model(1, fit, X, rows, parameters)
    report.close()
    return KSelection(
        table=table,
        criteria={name: CRITERIA[name][:2] for name in names},
        n_rows=weights.n_rows,
        choices=choices,
        recommended_k=recommended,
        alternatives=alternatives,
        votes=votes,
        structured=structured,
        structure_gain=gain,
        structure_threshold=STRUCTURE_GAIN,
        elbow=elbow_point(table["k"], table["inertia"]),
        elbow_by_curvature=_bend(table["k"], table["inertia"]),
        models=models,
    )


def _empty_table(ks: list[int]) -> Table:
    table = np.zeros(len(ks), dtype=DTYPE)
    table["k"] = ks
    for name in DTYPE.names[1:]:  # type: ignore[index]
        table[name] = np.nan
    return table


def _check_ks(ks: Any, n_rows: int) -> list[int]:
    if isinstance(ks, str) or not isinstance(ks, Iterable) or getattr(ks, "ndim", 1) != 1:
        raise TypeError(f"ks must be several numbers of clusters, such as range(1, 11), got {ks!r}")
    wanted = sorted({check.check_integer(k, "each of ks", 1, check.MAX_CLUSTERS) for k in ks})
    if not wanted:
        raise ValueError("ks must hold at least one number of clusters, got none")
    if isinstance(ks, range) and ks == range(1, 11):
        wanted = [k for k in wanted if k <= n_rows]
    if wanted[-1] > n_rows:
        raise ValueError(f"ks must not exceed n_samples={n_rows} (rows of positive weight), got {wanted[-1]}")
    return wanted


def _check_criteria(criteria: Any) -> list[str]:
    if criteria is None:
        return list(CRITERIA)
    if not isinstance(criteria, Iterable):
        raise TypeError(f"criteria must be names of criteria, such as ['silhouette', 'gap'], got {criteria!r}")
    names = [criteria] if isinstance(criteria, str) else list(criteria)
    for name in names:
        check.check_choice(name, "each of criteria", CRITERIA)
    return [name for name in CRITERIA if name in names]


class _Reporter:
    """Tells a function, or a terminal, how far the work is."""

    def __init__(self, progress: Any, total: int) -> None:
        if progress is not None and not isinstance(progress, (bool, np.bool_)) and not callable(progress):
            raise TypeError(f"progress must be True, False, None or callable, got {progress!r}")
        self.prints = progress is not None and not callable(progress) and bool(progress)
        self.function = progress if callable(progress) else None
        self.done, self.total = 0, total

    def __call__(self, doing: str) -> None:
        self.done += 1
        if self.function is not None:
            self.function(SelectionProgress(self.done, self.total, doing))
        if self.prints:
            print(f"\r{self.done} of {self.total}: {doing:<24}", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        if self.prints:
            print(file=sys.stderr)


def _model(k: int, fit: FitResult, X: Any, rows: NDArray[Any], parameters: dict[str, Any]) -> KMeans:
    return KMeans(k, **parameters)._take(fit, rows.shape[1], column_names(X))


# --- Scores ---------------------------------------------------------------------------------------------------------


def _score(line: Any, rows: NDArray[Any], weights: check.Weights, fit: FitResult, names: list[str], seed: int) -> None:
    """Fill what follows from one fit. One that found fewer clusters than k is not scored: it is that of a lesser k."""
    started = time.perf_counter()
    line["inertia"] = fit.inertia
    k = len(fit.centers)
    totals = fit.weights if not weights.exponent else np.bincount(fit.labels, weights.values, k)
    line["smallest_share"] = totals.min() / math.fsum(totals)
    countable = k < metrics.rows_by_weight(totals, weights.exponent) <= MOST_ROWS
    found = np.count_nonzero(totals) == k
    common: dict[str, Any] = {"sample_weight": weights, "n_threads": 1}
    if "bic" in names and found and countable:
        line["bic"] = metrics.bic(rows, fit.labels, **common)
    several = found and 2 <= k < weights.n_rows
    if several and "silhouette" in names:
        sampling: dict[str, Any] = {"sample_size": SILHOUETTE_ROWS, "random_state": seed}
        line["silhouette"], line["silhouette_error"] = metrics.silhouette_score(
            rows, fit.labels, return_standard_error=True, **sampling, **common
        )
    if several and countable and "calinski_harabasz" in names:
        # Where nothing scatters within, the public function says 1, as scikit-learn does; here it is to be the best.
        labelled = metrics._check(rows, fit.labels, **common)
        line["calinski_harabasz"] = metrics._calinski_harabasz(labelled, without_scatter=math.inf)
    if several and "davies_bouldin" in names:
        line["davies_bouldin"] = metrics.davies_bouldin_score(rows, fit.labels, **common)
    line["seconds"] += time.perf_counter() - started


def _compare_with_noise(
    table: Table, sample: NDArray[Any], weights: Floats | None, seed: int, threads: int
) -> GapCurve | None:
    """Gaps of a sample of the rows. None where it holds too few rows, or ks are too few, to say anything."""
    ks = sorted({1, *table["k"].tolist()})
    within = [k for k in ks if k < len(sample)]
    if len(within) < 2:
        return None
    curve = gap_curve(
        sample, weights, within, n_references=N_REFERENCES, n_init=NOISE_N_INIT, seed=seed, n_threads=threads
    )
    there = np.isin(table["k"], within)
    where = np.isin(within, table["k"])
    table["gap"][there], table["gap_error"][there] = curve.gap[where], curve.error[where]
    return curve


def _measure_stability(
    table: Table,
    rows: NDArray[Any],
    weights: Floats | None,
    sample: NDArray[Any],
    models: dict[int, KMeans],
    seed: int,
    threads: int,
) -> None:
    """Mean agreement, on the sample, of each fit with fits to subsamples."""
    size = math.ceil(SUBSAMPLE_SHARE * len(sample))
    ks = [k for k in table["k"].tolist() if 1 < k < size and models[k].cluster_weights_.all()]
    if not ks:
        return
    random = generator(seed)

    def assigned(centers: Any) -> NDArray[np.int32]:
        return _core.assign(sample, np.asarray(centers, dtype=np.float64), None, 1, False)[0]

    labels = {k: assigned(models[k].cluster_centers_) for k in ks}
    subsamples = [sample_rows(rows, weights, size, random) for _ in range(N_SUBSAMPLES)]
    seeds = [int(s) for s in random.randint(2**32, size=N_SUBSAMPLES, dtype=np.uint64)]

    def agreements(item: int) -> list[float]:
        own_rows, own_weights = subsamples[item]
        fits = sweep(own_rows, own_weights, ks, n_init=NOISE_N_INIT, seed=seeds[item], n_threads=1)
        return [metrics.adjusted_rand_score(labels[k], assigned(fit.centers)) for k, fit in fits]

    means = np.mean(side_by_side(agreements, range(N_SUBSAMPLES), threads), axis=0)
    table["stability"][np.isin(table["k"], ks)] = means


# --- The elbow ------------------------------------------------------------------------------------------------------


def elbow_point(ks: ArrayLike, inertia: ArrayLike) -> int | None:
    """The k at which the curve of inertia bends most: "Kneedle", or None where it has no knee.

    Satopaa, Albrecht, Irwin and Raghavan, "Finding a 'Kneedle' in a haystack" (ICDCS Workshops 2011), offline and of
    sensitivity 1: the curve is scaled to the unit square, and its greatest distance below the diagonal counts if it is
    followed by a fall of at least the mean step.

    Parameters
    ----------
    ks : array-like of shape (n,)
        Ascending.
    inertia : array-like of shape (n,)

    Returns
    -------
    int or None
    """
    x, y = np.asarray(ks, dtype=np.float64), np.asarray(inertia, dtype=np.float64)
    if len(x) < 3 or not np.isfinite(y).all() or not y.max() > y.min():
        return None
    y = y / 2 - y.min() / 2  # halves, whose difference float64 holds
    x, y = (x - x[0]) / (x[-1] - x[0]), y / y.max()
    below = 1 - x - y
    step = float(np.diff(x).mean())
    peaks = [i for i in range(1, len(x) - 1) if below[i - 1] <= below[i] > below[i + 1]]
    for i in sorted(peaks, key=lambda i: -below[i]):
        rest = below[i + 1 :]
        rises = np.flatnonzero(np.diff(np.concatenate([[below[i]], rest])) > 0)
        until = rest[: rises[0]] if len(rises) else rest
        if len(until) and until.min() < below[i] - step and below[i] > 0:
            return int(np.asarray(ks)[i])
    return None


def _bend(ks: NDArray[Any], inertia: Floats) -> int | None:
    """The k of the largest second difference (divided: steps may be uneven)."""
    if len(ks) < 3 or not np.isfinite(inertia).all():
        return None
    slopes = np.diff(inertia) / np.diff(ks)
    return int(ks[1 + int(np.argmax(np.diff(slopes) / (ks[2:] - ks[:-2])))])


# --- The recommendation -----------------------------------------------------------------------------------------------


def _find_structure(curve: GapCurve | None) -> tuple[bool | None, float]:
    """Whether data gain more from clusters than noise, and by how many standard deviations; None: not tested.

    From as many clusters as distinct points on nothing is left to scatter, whatever the data: those k have no say, but
    where all rows are in two places there are no others.
    """
    if curve is None:
        return None, math.nan
    if not np.isfinite(curve.data[0]):  # all rows are the same
        return False, 0.0
    told = np.isfinite(curve.data[1:])
    gain = float(curve.gains()[1:][told].max()) if told.any() else math.inf
    return gain > STRUCTURE_GAIN, max(gain, 0.0)


def _recommend(
    table: Table, choices: dict[str, int | None], structured: bool | None
) -> tuple[int, tuple[int, ...], dict[int, int]]:
    """The k with the most votes, other candidates (the best first), and votes by k."""
    ks = table["k"].tolist()
    several = [k for k in ks if k > 1]
    if structured is False or not several:
        return (1 if structured is False else ks[0]), (), {}
    order = _by_mean_rank(table, several)
    chosen = [k for k in choices.values() if k is not None and k > 1]
    if not chosen and order:
        return order[0], tuple(order[1:2]), {}
    if not chosen:
        return ks[0], (), {}
    support = {k: sum(_same(k, other) for other in chosen) for k in set(chosen)}
    place = {k: i for i, k in enumerate(order)}
    best = max(support, key=lambda k: (support[k], chosen.count(k), -place.get(k, len(ks))))
    others = sorted({k for k in support if not _same(k, best)}, key=lambda k: (-support[k], place.get(k, len(ks))))
    next_best = next((k for k in order if not _same(k, best)), None)
    if next_best is not None and next_best not in others:
        others.append(next_best)
    return best, tuple(others), {k: support[k] for k in sorted(support)}


def _same(k: int, other: int) -> bool:
    return abs(k - other) <= SAME_SHARE * max(k, other)


def _by_mean_rank(table: Table, ks: list[int]) -> list[int]:
    """``ks`` from best to worst by the mean of their ranks among the criteria; none where no criterion has a value."""
    lines = table[np.isin(table["k"], ks)]
    ranks = []
    for name, criterion in CRITERIA.items():
        values = lines[name] if criterion.higher_is_better else -lines[name]
        if criterion.ranks and not np.isnan(values).all():
            ranks.append(np.argsort(np.argsort(-np.where(np.isnan(values), -np.inf, values), kind="stable")))
    if not ranks:
        return []
    order = np.argsort(np.sum(ranks, axis=0), kind="stable")
    return [int(lines["k"][i]) for i in order]
