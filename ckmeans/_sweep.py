"""Fits for many numbers of clusters, each building on those before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextvars import copy_context
from threading import Lock, Thread
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from . import _core
from . import _validation as check
from ._fit import FitResult, run

Floats = NDArray[np.float64]
T = TypeVar("T")
R = TypeVar("R")

FAR_UNIT = 2.0**-32
MAX_ITER = 300
TOL = 1e-4


def sweep(
    rows: NDArray[Any],
    weights: Floats | None,
    ks: Sequence[int],
    *,
    n_init: int,
    seed: int,
    n_threads: int,
    max_iter: int = MAX_ITER,
    tol: float = TOL,
    exponent: int = 0,
) -> Iterable[tuple[int, FitResult]]:
    """For every k of ``ks``, ascending, the best of ``n_init`` fits from k-means++ and one from the fit before.

    k-means++ draws one row after the other, so the seeds for k are the first of those for the largest k: they are drawn
    once. The fit before is continued with rows drawn as k-means++ would add them to its centers.
    """
    random = generator(seed)
    seedings = [
        _core.seed_centers(
            rows, weights, ks[-1], "k-means++", 2 + int(np.log(ks[-1])), check.check_random_state(random), n_threads
        )[0]
        for _ in range(n_init)
    ]
    before: FitResult | None = None
    for k in ks:
        starts = [seeds[:k] for seeds in seedings]
        if before is not None:
            starts.append(extend(rows, weights, before, k, random, n_threads))
        before = run(
            rows,
            weights,
            n_clusters=k,
            restarts=len(starts),
            max_iter=max_iter,
            tol=tol,
            given=np.stack(starts),
            n_threads=n_threads,
            exponent=exponent,
        )
        yield k, before


def extend(
    rows: NDArray[Any],
    weights: Floats | None,
    fitted: FitResult,
    n_clusters: int,
    random: np.random.RandomState,
    n_threads: int,
) -> Floats:
    """The centers of a fit and rows that greedy k-means++ adds to them."""
    centers = np.asarray(fitted.centers, dtype=np.float64)
    closest = _core.distances_to_own(rows, centers, fitted.labels, n_threads)
    if weights is not None:
        closest[weights == 0] = 0  # they may be anywhere
    farthest = closest.max()
    if farthest > np.finfo(np.float32 if rows.dtype == np.float32 else np.float64).max:
        # Distances are beyond what they are returned in: in another unit they are not.
        fitted = fitted._replace(centers=centers * FAR_UNIT)
        return extend(rows.astype(np.float64) * FAR_UNIT, weights, fitted, n_clusters, random, n_threads) / FAR_UNIT
    if farthest > 0:
        closest /= farthest  # no square overflows or vanishes
    trials = 2 + int(np.log(n_clusters))
    while len(centers) < n_clusters:
        masses = closest**2 if weights is None else weights * closest**2
        if not masses.any():
            masses = np.ones(len(rows)) if weights is None else weights
        running = np.cumsum(masses)
        drawn = np.searchsorted(running, random.random_sample(trials) * running[-1], side="right")
        candidates = np.ascontiguousarray(rows[np.minimum(drawn, len(rows) - 1)], dtype=np.float64)
        distances = np.asarray(_core.transform(rows, candidates, n_threads), dtype=np.float64)
        if farthest > 0:
            with np.errstate(over="ignore"):  # what is infinitely farther is not nearer
                distances /= farthest
        left = np.minimum(distances, closest[:, np.newaxis])
        potentials = np.add.reduce(left**2 if weights is None else weights[:, np.newaxis] * left**2)
        best = int(potentials.argmin())
        centers = np.vstack([centers, candidates[best]])
        closest = np.ascontiguousarray(left[:, best])
    return centers


def generator(seed: int) -> np.random.RandomState:
    """The generator whose numbers NumPy has promised never to change."""
    return np.random.RandomState(np.random.MT19937(seed))


def sample_rows(
    rows: NDArray[Any], weights: Floats | None, size: int, random: np.random.RandomState
) -> tuple[NDArray[Any], Floats | None]:
    """At most ``size`` rows of positive weight, without replacement, in their order."""
    counted = np.arange(len(rows)) if weights is None else np.flatnonzero(weights)
    if size < len(counted):
        counted = np.sort(counted[random.permutation(len(counted))[:size]])
    return np.ascontiguousarray(rows[counted]), None if weights is None else weights[counted]


def side_by_side(function: Callable[[T], R], items: Sequence[T], n_threads: int) -> list[R]:
    """``function`` of every item, in their order, on several threads: for small fits, which gain nothing from threads
    of their own.

    The caller draws items like its helpers, of whom there are as many as can be started, and so maybe none. Once one
    of them has failed, nobody draws another item.
    """
    if n_threads == 1 or len(items) == 1:
        return [function(item) for item in items]
    left, lock = list(range(len(items)))[::-1], Lock()
    results: dict[int, R] = {}
    errors: list[BaseException] = []

    def work() -> None:
        while True:
            with lock:
                if errors or not left:
                    return
                item = left.pop()
            results[item] = function(items[item])

    def help_out() -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)

    helpers: list[Thread] = []
    try:
        for _ in range(min(n_threads, len(items)) - 1):
            helper = Thread(target=copy_context().run, args=(help_out,))
            try:
                helper.start()
            except RuntimeError:  # no thread is to be had
                break
            helpers.append(helper)
        work()
        for helper in helpers:
            helper.join()
    except BaseException as error:
        errors.append(error)
        for helper in helpers:  # within this block, so that their fits see where the main thread is left for Ctrl-C
            helper.join()
        raise
    if errors:
        raise errors[0]
    return [results[item] for item in range(len(items))]
