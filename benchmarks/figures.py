"""The figures that the page and the pictures derive from what was measured."""

import math
import statistics
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.contestants import CONTESTANTS, Ckmeans, CkmeansAvx2

OURS, OURS_AVX2 = Ckmeans.name, CkmeansAvx2.name
BOTH_OURS = (OURS, OURS_AVX2)
PEAKS = {OURS: "peak_gflops", OURS_AVX2: "avx2_peak_gflops"}
"""What a record calls the peak that each of them is held against."""

Entry = dict[str, Any]
Measure = Callable[[Entry], float]


def seconds_per_iteration(entry: Entry) -> float:
    """Of the best round: comparable where one contestant converged, and stopped, before the last iteration."""
    return float(min(seconds / done for seconds, done in zip(entry["seconds"], entry["n_iter"], strict=True)))


def best_seconds(entry: Entry) -> float:
    return float(min(entry["seconds"]))


def mean_seconds(entry: Entry) -> float:
    """Where every round is another fit."""
    return mean(entry["seconds"])


def is_peer(name: str) -> bool:
    return name not in BOTH_OURS


def times_ours(record: dict[str, Any], measure: Measure = seconds_per_iteration, ours: str = OURS) -> dict[str, float]:
    """What every other contestant that answered took, over what ckmeans, or the one of ours that is named, took."""
    answered = {name: entry for name, entry in record["contestants"].items() if "seconds" in entry}
    if ours not in answered:
        return {}
    least = measure(answered.pop(ours))
    return {name: measure(entry) / least for name, entry in answered.items()}


def fastest_exact_peer(
    record: dict[str, Any], measure: Measure = seconds_per_iteration, ours: str = OURS
) -> float | None:
    """The smallest of times_ours among the exact peers, if there is one."""
    ratios = times_ours(record, measure, ours)
    return min((ratio for name, ratio in ratios.items() if is_peer(name) and CONTESTANTS[name].exact), default=None)


def best_of_each_iteration(entry: Entry) -> list[float]:
    """Of a fit followed several times over: the least seconds that each of its iterations took."""
    return [float(min(rounds)) for rounds in zip(*entry["seconds"], strict=True)]


def what_ran(entry: Entry) -> list[str]:
    """The algorithm of each iteration, the same in all rounds: its choice rests on counts and not on times."""
    return [name for name, count in entry["ran"][0] for _ in range(count)]


def seconds_per_product(record: dict[str, Any], entry: Entry) -> float:
    """Seconds of an iteration for one feature of one pair of row and center."""
    return seconds_per_iteration(entry) / float(record["n"] * record["d"] * record["k"])


def difference_of_means(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float]:
    """And its standard error, for two independent samples that may differ in variance."""
    error = math.sqrt(sum(statistics.variance(sample) / len(sample) for sample in (ours, theirs)))
    return mean(ours) - mean(theirs), error


def rates(record: dict[str, Any], name: str) -> dict[str, float]:
    """GFLOP/s of one of ours, 2*n*k*d for one assignment of all rows, and their share of the peak beside it."""
    figures: dict[str, float] = {}
    fit, assign = record["contestants"].get(name, {}), record["assign"].get(name, {})
    if "seconds" in fit:
        figures["fit_gflops"] = 2e-9 * record["n"] * record["k"] * record["d"] / seconds_per_iteration(fit)
    if "seconds" in assign:
        figures["assign_gflops"] = 2e-9 * record["n"] * record["k"] * record["d"] / min(assign["seconds"])
    peak = max(record[PEAKS[name]])
    return figures | {figure.replace("gflops", "share_of_peak"): rate / peak for figure, rate in figures.items()}


def geometric_mean(values: Sequence[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
