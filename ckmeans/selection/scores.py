"""The values of the criteria: of one fit, against noise, and over subsamples."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core, metrics
from .. import _input as check
from .._fitting.gap import GapCurve, gap_curve
from .._fitting.result import KMeansResult
from .._fitting.sampling import generator, sample_rows
from .._fitting.side_by_side import side_by_side
from .._fitting.sweep import sweep
from .._types import Floats, Labels, Table
from ..estimators.kmeans import KMeans

SILHOUETTE_ROWS = 10_000
"""Rows of the sample that silhouettes are taken of."""
N_REFERENCES = 20
N_SUBSAMPLES = 10
SUBSAMPLE_SHARE = 0.8
NOISE_N_INIT = 2
"""Restarts of the many small fits."""

MOST_ROWS = 2.0**960
"""By weight, of what counts rows: that float64 holds, also multiplied by what it is multiplied by."""


def score(
    line: Any, rows: NDArray[Any], weights: check.Weights, fit: KMeansResult, names: list[str], seed: int
) -> None:
    """Fill what follows from one fit. One that found fewer clusters than k is not scored: it is that of a lesser k."""
    started = time.perf_counter()
    line["inertia"] = fit.inertia
    k = len(fit.centers)
    totals = fit.cluster_weights if not weights.exponent else np.bincount(fit.labels, weights.values, k)
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
        labeled = metrics._check(rows, fit.labels, **common)
        line["calinski_harabasz"] = metrics._calinski_harabasz(labeled, without_scatter=math.inf)
    if several and "davies_bouldin" in names:
        line["davies_bouldin"] = metrics.davies_bouldin_score(rows, fit.labels, **common)
    line["seconds"] += time.perf_counter() - started


def compare_with_noise(
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


def measure_stability(
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

    def assigned(centers: Any) -> Labels:
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
