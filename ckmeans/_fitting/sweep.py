"""Fits for many numbers of clusters, each building on those before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .. import _input as check
from .._types import Floats
from .fit import run
from .result import KMeansResult
from .sampling import generator

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
) -> Iterable[tuple[int, KMeansResult]]:
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
    before: KMeansResult | None = None
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
    fitted: KMeansResult,
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
