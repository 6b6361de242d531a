"""Does ``algorithm="auto"`` choose well? Fits by every algorithm over a grid of shapes and kinds of data.

The data are made in the worker, from fixed seeds, and kept nowhere: most take less time to make than to read. The
algorithms take turns within one process, so that what slows the machine for a while slows all of them.
"""

import functools
import itertools
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.contestants import Ckmeans
from benchmarks.crew import ContestantError, Crew
from benchmarks.words import duration, significant, table

if TYPE_CHECKING:
    from benchmarks.limits import Limits
    from benchmarks.modes import Plan

SINGLE = ("lloyd", "hamerly", "yinyang", "projection", "filtering")
AUTO = "auto"
FEATURES_OF = {"filtering": (0, 5), "projection": (24, 1 << 16), "yinyang": (8, 1 << 30)}
"""Features at which an algorithm is another than plain Lloyd or Hamerly; where it is the same it is not asked."""

OUTCLASSED = 1.5
"""Who takes so many times as long as the best in the first round is not asked again."""

BUDGET, BUDGET_IF_QUICK = 2.4, 0.2
"""Seconds a cell; every algorithm that is asked again gets at least the rounds of the plan."""

OPERATIONS = 6e9
"""Pairs times features of a fit, at most: what decides how many iterations it has."""
ITERATIONS = 5, 25


def uniform(rng: np.random.Generator, n: int, d: int, _k: int) -> NDArray[np.float32]:
    return rng.random((n, d), dtype=np.float32)


def low_rank(rng: np.random.Generator, n: int, d: int, _k: int) -> NDArray[np.float32]:
    """Four directions hold nearly all scatter."""
    basis = rng.standard_normal((4, d), dtype=np.float32)
    return rng.standard_normal((n, 4), dtype=np.float32) @ basis + np.float32(0.1) * uniform(rng, n, d, 0)


def falling(rng: np.random.Generator, n: int, d: int, _k: int) -> NDArray[np.float32]:
    """Standard deviations that fall as i^-0.7, along the features in an order of their own."""
    scales = rng.permutation(np.arange(1, d + 1, dtype=np.float32) ** np.float32(-0.7))
    return np.asarray(rng.standard_normal((n, d), dtype=np.float32) * scales)


def blobs(rng: np.random.Generator, n: int, d: int, k: int) -> NDArray[np.float32]:
    """As many as clusters, overlapping a little."""
    middles = rng.uniform(-3.0, 3.0, size=(k, d)).astype(np.float32)
    return rng.standard_normal((n, d), dtype=np.float32) + middles[rng.integers(k, size=n)]


KINDS: dict[str, Callable[[np.random.Generator, int, int, int], NDArray[np.float32]]] = {
    "uniform": uniform,
    "low rank": low_rank,
    "falling": falling,
    "blobs": blobs,
}

SHAPES = (
    (300, 2, 2),
    (300, 20, 8),
    (300, 10_000, 5),
    (1_000, 4, 16),
    (1_000, 1_000, 20),
    (2_000, 2_048, 20),
    (5_000, 100, 10),
    (5_000, 784, 50),
    (10_000, 16, 64),
    (10_000, 64, 512),
    (20_000, 3, 256),
    (20_000, 8, 4_096),
    (20_000, 32, 16),
    (20_000, 128, 100),
    (50_000, 48, 32),
    (100_000, 2, 8),
    (100_000, 5, 64),
    (100_000, 12, 128),
    (300_000, 16, 4),
    (1_000_000, 1, 8),
    (1_000_000, 3, 32),
)
QUICK_SHAPES = SHAPES[1::6]


@dataclass(frozen=True)
class Choice:
    kind: str
    n: int
    d: int
    k: int

    @property
    def name(self) -> str:
        return f"{self.kind}, {self.n:,} x {self.d:,}, k = {self.k:,}"

    @property
    def iterations(self) -> int:
        few, many = ITERATIONS
        return max(few, min(many, int(OPERATIONS / (self.n * self.d * self.k))))

    @property
    def algorithms(self) -> list[str]:
        asked = [name for name in SINGLE if name not in FEATURES_OF or self._within(*FEATURES_OF[name])]
        return [AUTO, *asked]

    def _within(self, least: int, most: int) -> bool:
        return least <= self.d <= most

    def rows(self) -> NDArray[np.float32]:
        return KINDS[self.kind](np.random.default_rng(self.d), self.n, self.d, self.k)


CHOICES = {
    choice.name: choice for choice in itertools.starmap(Choice, ((kind, *shape) for shape in SHAPES for kind in KINDS))
}


def timed_fits(contestant: Ckmeans, choice: Choice, rounds: int, budget: float) -> dict[str, Any]:
    """The seconds of every fit by every algorithm that was asked again, and what auto ran."""
    X = choice.rows()
    initial = X[np.random.default_rng(choice.k).permutation(choice.n)[: choice.k]].astype(np.float64)
    fit = functools.partial(contestant.estimator, choice.k, init=initial, max_iter=choice.iterations, tol=0)
    seconds: dict[str, list[float]] = {}
    ran: list[list[Any]] = []

    def time_one(algorithm: str) -> None:
        started = time.perf_counter()
        fitted = fit(algorithm=algorithm).fit(X)
        seconds.setdefault(algorithm, []).append(time.perf_counter() - started)
        if algorithm == AUTO:
            names = fitted.history_["algorithm"].tolist()
            ran[:] = [[name, len(list(run))] for name, run in itertools.groupby(names)]

    time_one(AUTO)
    seconds.clear()
    end = time.perf_counter() + budget
    for algorithm in choice.algorithms:
        time_one(algorithm)
    least = min(taken[0] for taken in seconds.values())
    again = [name for name in choice.algorithms if name == AUTO or seconds[name][0] <= OUTCLASSED * least]
    for number in itertools.count():
        if number >= rounds - 1 and time.perf_counter() >= end:
            break
        first = number % len(again)
        for algorithm in [*again[first:], *again[:first]]:
            time_one(algorithm)
    return {"seconds": seconds, "ran": ran}


def choices(plan: "Plan", crew: Crew, _limits: "Limits") -> Iterator[list[dict[str, Any]]]:
    """The contestants are algorithms of ckmeans; auto beside the best of the others."""
    results: list[dict[str, Any]] = []
    if Ckmeans.name not in crew.names:
        return
    for choice in CHOICES.values():
        if plan.quick and (choice.n, choice.d, choice.k) not in QUICK_SHAPES:
            continue
        record: dict[str, Any] = {"cell": choice.name, "iterations": choice.iterations}
        try:
            record |= crew.ask(
                Ckmeans.name,
                "choose",
                choice=choice.name,
                rounds=plan.repeats,
                budget=BUDGET_IF_QUICK if plan.quick else BUDGET,
            )
        except ContestantError as error:
            record["error"] = str(error)
        results.append(record)
        print(" ".join(row_of(record)), file=sys.stderr, flush=True)
        yield results


def over_best(record: dict[str, Any]) -> tuple[float, str]:
    """Auto's best time over the best of a single algorithm, and which that was."""
    best = {algorithm: min(seconds) for algorithm, seconds in record["seconds"].items()}
    auto = best.pop(AUTO)
    least = min(best, key=best.__getitem__)
    return auto / best[least], least


def row_of(record: dict[str, Any]) -> list[str]:
    if "error" in record:
        return [record["cell"], "failed", record["error"], "", ""]
    ratio, best = over_best(record)
    seconds = record["seconds"]
    ran = ", ".join(f"{name} {count}" for name, count in record["ran"])
    return [
        record["cell"],
        duration(min(seconds[AUTO])),
        f"{duration(min(seconds[best]))} ({best})",
        significant(ratio),
        ran,
    ]


def section(results: dict[str, Any]) -> list[str]:
    records = results["results"]
    ratios = {record["cell"]: over_best(record)[0] for record in records if "error" not in record}
    lines = [
        "## What auto chooses",
        'One fit by `algorithm="auto"` and by every single algorithm, from the same centers (distinct rows drawn at '
        "random), tol = 0, 5 to 25 iterations; best of the rounds, which take turns in one process.",
        table(
            ["cell", "auto", "best single algorithm", "auto over it", "what auto ran"], [row_of(one) for one in records]
        ),
    ]
    if ratios:
        worst = max(ratios, key=ratios.__getitem__)
        lines.append(
            f"Auto over the best single algorithm, {len(ratios)} cells: median "
            f"**{significant(statistics.median(ratios.values()))}**, worst **{significant(ratios[worst])}** ({worst})."
        )
    return lines
