"""How many clusters: one call that fits, scores, tests for structure and recommends."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _input as check
from .._fitting.result import KMeansResult
from .._fitting.sampling import generator, sample_rows
from .._fitting.side_by_side import side_by_side
from .._fitting.sweep import sweep
from .._show.progress import ProgressLine
from ..estimators.kmeans import KMeans
from .criteria import CRITERIA, empty_table
from .elbow import bend, elbow_point
from .recommendation import STRUCTURE_GAIN, find_structure, recommend
from .result import KSelection
from .scores import compare_with_noise, measure_stability, score

NOISE_ROWS = 2000
"""Rows of the sample that is compared with noise and that stability is measured on; subsamples have 0.8 of as many."""


class SelectionProgress(NamedTuple):
    """What the progress function of :func:`choose_k` gets."""

    done: int
    total: int
    doing: str


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

    table = empty_table(wanted)
    models: dict[int, KMeans] = {}
    parameters = {"n_init": n_init, "max_iter": max_iter, "tol": tol, "random_state": seed, "n_threads": n_threads}
    with check.convergence_warnings_ignored():  # the table shows what was found
        fit_parameters: dict[str, Any] = {"seed": seeds[0], "n_threads": threads, "exponent": weights.exponent}
        fits: dict[int, KMeansResult] = {}
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
            lambda line: score(line, rows, weights, fits[int(line["k"])], names, seeds[1]), list(table), threads
        )
        report("scored")
        sample, sample_weights = sample_rows(rows, weights.values, NOISE_ROWS, generator(seeds[2]))
        curve = None
        if "gap" in names:
            curve = compare_with_noise(table, sample, sample_weights, seeds[3], threads)
            report("compared with noise")
        if "stability" in names:
            measure_stability(table, rows, weights.values, sample, models, seeds[4], threads)
            report("compared subsamples")
        structured, gain = find_structure(curve)
        choices = {name: CRITERIA[name].choose(table) for name in names}
        recommended, alternatives, votes = recommend(table, choices, structured)
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
        elbow_by_curvature=bend(table["k"], table["inertia"]),
        models=models,
    )


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
        prints = progress is not None and not callable(progress) and bool(progress)
        self.line = ProgressLine(sys.stderr.write) if prints else None
        self.function = progress if callable(progress) else None
        self.done, self.total = 0, total

    def __call__(self, doing: str) -> None:
        self.done += 1
        if self.function is not None:
            self.function(SelectionProgress(self.done, self.total, doing))
        if self.line is not None:
            self.line.show(f"{self.done} of {self.total}: {doing}")
            sys.stderr.flush()

    def close(self) -> None:
        if self.line is not None:
            self.line.keep()


def _model(k: int, fit: KMeansResult, X: Any, rows: NDArray[Any], parameters: dict[str, Any]) -> KMeans:
    return KMeans(k, **parameters)._take(fit, rows.shape[1], check.column_names(X))
