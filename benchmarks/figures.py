"""The figures that the page and the picture derive from what was measured."""

import math
from collections.abc import Sequence
from typing import Any

from benchmarks.contestants import CONTESTANTS, Ckmeans

OURS = Ckmeans.name


def seconds_per_iteration(entry: dict[str, Any]) -> float:
    """Of the best round: comparable where one contestant converged, and stopped, before the last iteration."""
    return float(min(seconds / done for seconds, done in zip(entry["seconds"], entry["n_iter"], strict=True)))


def times_ours(record: dict[str, Any]) -> dict[str, float]:
    """Seconds per iteration of every other contestant that answered, over those of ckmeans."""
    answered = {name: entry for name, entry in record["contestants"].items() if "seconds" in entry}
    if OURS not in answered:
        return {}
    ours = seconds_per_iteration(answered.pop(OURS))
    return {name: seconds_per_iteration(entry) / ours for name, entry in answered.items()}


def fastest_exact_peer(record: dict[str, Any]) -> float | None:
    """The smallest of times_ours among the exact ones, if there is one."""
    return min((ratio for name, ratio in times_ours(record).items() if CONTESTANTS[name].exact), default=None)


def rates(record: dict[str, Any]) -> dict[str, float]:
    """GFLOP/s of ckmeans, 2*n*k*d for one assignment of all rows, and their share of the peak measured beside them."""
    figures: dict[str, float] = {}
    fit, assign = record["contestants"].get(OURS, {}), record["assign"]
    if "seconds" in fit:
        figures["fit_gflops"] = 2e-9 * record["n"] * record["k"] * record["d"] / seconds_per_iteration(fit)
    if "seconds" in assign:
        figures["assign_gflops"] = 2e-9 * record["n"] * record["k"] * record["d"] / min(assign["seconds"])
    peak = max(record["peak_gflops"])
    return figures | {name.replace("gflops", "share_of_peak"): rate / peak for name, rate in figures.items()}


def geometric_mean(values: Sequence[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
