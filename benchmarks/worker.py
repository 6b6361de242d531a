"""The process of one contestant: requests come in and answers go out as JSON, one line each.

Started by crew.py as ``python -m benchmarks.worker CONTESTANT THREADS``.
"""

import itertools
import json
import os
import platform
import sys
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import machine
from benchmarks.cells import CELLS_BY_NAME, data_file, initial_centers
from benchmarks.choices import CHOICES, timed_fits
from benchmarks.contestants import CONTESTANTS, Ckmeans, EstimatorContestant, Fit
from benchmarks.jobs import JOBS, Call, prepared_call, seconds_per_call
from benchmarks.scores import SCORE_JOBS

CALL_BUDGET = 0.3
"""Seconds spent on repeating one short call in one round."""


def inertia(X: NDArray[Any], centers: NDArray[Any]) -> float:
    """The sum of squared distances to the nearest center, in float64, by the same code for every contestant."""
    centers = centers.astype(np.float64)
    half_norms = 0.5 * np.einsum("ij,ij->i", centers, centers)
    rows = max(1, (1 << 23) // max(centers.shape))
    total = 0.0
    for start in range(0, len(X), rows):
        block = X[start : start + rows].astype(np.float64)
        nearest = (block @ centers.T - half_norms).argmax(axis=1)
        difference = block - centers[nearest]
        total += float(np.einsum("ij,ij->", difference, difference))
    return total


class Worker:
    """Answers the requests of the runner; every public method is one."""

    def __init__(self, name: str, threads: int) -> None:
        self._contestant = CONTESTANTS[name]()
        self._contestant.prepare(threads)
        self._call: Call | None = None

    def introduce(self) -> dict[str, Any]:
        return {
            "version": self._contestant.version(),
            "exact": self._contestant.exact,
            "estimator": isinstance(self._contestant, EstimatorContestant),
            "configuration": machine.without_folders(self._contestant.configuration() or ""),
            "python": platform.python_version(),
            "numpy": np.__version__,
        }

    def load(self, cell: str, quick: bool, rows: int | None = None) -> dict[str, Any]:
        """The data of a cell, or so many ``rows`` of it, evenly spaced: neighbors in a picture are much alike."""
        self._cell = CELLS_BY_NAME[cell]
        self._X = np.load(data_file(self._cell.data_set, self._cell.dtype, quick))
        if rows is not None and rows < len(self._X):
            self._X = np.ascontiguousarray(self._X[:: len(self._X) // rows][:rows])
        self._initial = initial_centers(self._X, self._cell.k)
        return {"n": self._X.shape[0], "d": self._X.shape[1]}

    def warm_up(self) -> dict[str, Any]:
        self._contestant.fit(self._X, self._initial, min(2, self._cell.iterations))
        return {}

    def fit(self, iterations: int, budget: float = 0.0) -> dict[str, Any]:
        """From the given centers; the best of as many fits as the budget of seconds holds, and at least of one."""
        fits: list[Fit] = []
        seconds = seconds_per_call(
            lambda: fits.append(self._contestant.fit(self._X, self._initial, iterations)), budget
        )
        self._centers = fits[-1].centers
        return {"seconds": min(seconds), "n_iter": fits[-1].n_iter, "inertia": inertia(self._X, self._centers)}

    def default_fit(self, seed: int) -> dict[str, Any]:
        assert isinstance(self._contestant, EstimatorContestant)
        started = time.perf_counter()
        fitted = self._contestant.estimator(self._cell.k, n_init=1, random_state=seed).fit(self._X)
        seconds = time.perf_counter() - started
        return {
            "seconds": seconds,
            "n_iter": int(fitted.n_iter_),
            "inertia": inertia(self._X, fitted.cluster_centers_),
        }

    def seeding(self, seed: int) -> dict[str, Any]:
        """The part of a default fit that draws the first centers, alone."""
        assert isinstance(self._contestant, EstimatorContestant) and self._contestant.kmeans_plusplus is not None
        started = time.perf_counter()
        self._contestant.kmeans_plusplus(self._X, self._cell.k, random_state=seed)
        return {"seconds": time.perf_counter() - started}

    def followed_fit(self, algorithm: str, iterations: int) -> dict[str, Any]:
        """The seconds of every iteration, and what ran: names, each with how many iterations in a row.

        ckmeans calls back at the end of an iteration. The first one carries what a fit does once at its start; the
        labeling after the last is left out.
        """
        assert isinstance(self._contestant, Ckmeans)
        ends: list[float] = []
        fit = self._contestant.estimator(
            self._cell.k,
            init=self._initial,
            max_iter=iterations,
            tol=0,
            algorithm=algorithm,
            callback=lambda _progress: ends.append(time.perf_counter()),
        )
        started = time.perf_counter()
        fit.fit(self._X)
        return {
            "seconds": np.diff([started, *ends]).tolist(),
            "ran": [[name, len(list(run))] for name, run in itertools.groupby(fit.history_["algorithm"].tolist())],
        }

    def choose(self, choice: str, rounds: int, budget: float) -> dict[str, Any]:
        """One cell of the grid over which the choice of an algorithm is judged."""
        assert isinstance(self._contestant, Ckmeans)
        return timed_fits(self._contestant, CHOICES[choice], rounds, budget)

    def assign(self) -> dict[str, Any]:
        """One pass of assignment to the centers of the last fit."""
        contestant = self._contestant
        assert isinstance(contestant, Ckmeans)
        return {"seconds": min(seconds_per_call(lambda: contestant.assign(self._X, self._centers), CALL_BUDGET))}

    def screens(self) -> dict[str, Any]:
        """By format and level, what chooses the kernels that score in it first; empty where there is only float32."""
        from ckmeans import _core

        plain = {"float32": "-coarse"}
        if {"avx2", "avx512"} <= set(_core.runnable_isas()):
            plain |= {"float32 (avx2)": "avx2,-coarse"}
        coarse = [kernel for kernel in _core.kernels() if kernel.job == "coarse" and kernel.runs and kernel.measured]
        screens = {f"{kernel.format} ({kernel.level})": kernel.level for kernel in coarse}
        return plain | screens if screens else {}

    def screened(self, isa: str, what: str) -> dict[str, Any]:
        """One assignment without a guess at the labels, or a fit by an algorithm, with these kernels."""
        assert isinstance(self._contestant, Ckmeans)
        chosen = self._contestant.use_kernels(isa)
        try:
            started = time.perf_counter()
            if what == "assign":
                self._contestant.assign(self._X, self._centers)
            else:
                self._contestant.estimator(
                    self._cell.k, init=self._initial, max_iter=self._cell.iterations, tol=0, algorithm=what
                ).fit(self._X)
            return {"seconds": time.perf_counter() - started}
        finally:
            self._contestant.use_kernels(chosen)

    def left_open(self, isa: str) -> dict[str, Any]:
        """What each stage of an assignment left open: without a guess at the labels, and with those before."""
        from ckmeans import _core

        assert isinstance(self._contestant, Ckmeans)
        chosen = self._contestant.use_kernels(isa)
        first, last = self._initial.astype(np.float64), self._centers.astype(np.float64)
        labels = np.full(len(self._X), -1, dtype=np.int32)
        counts = {"first": _core.open_probe(self._X, first, labels)}
        _core.open_probe(self._X, last, labels)
        counts["last"] = _core.open_probe(self._X, last, labels)
        self._contestant.use_kernels(chosen)
        return counts

    def prepare_job(self, job: str, quick: bool) -> dict[str, Any]:
        assert isinstance(self._contestant, EstimatorContestant)
        self._call = prepared_call((JOBS | SCORE_JOBS)[job], self._contestant, quick)
        return {"has_call": self._call is not None}

    def time_job(self) -> dict[str, Any]:
        assert self._call is not None
        seconds = seconds_per_call(self._call, CALL_BUDGET)
        return {"seconds": min(seconds), "median_seconds": float(np.median(seconds)), "calls": len(seconds)}

    def peak_memory_of_fit(self) -> dict[str, Any]:
        """Bytes above what was resident with the library imported and the data loaded."""
        before = machine.memory_now()
        self._contestant.fit(self._X, self._initial, self._cell.iterations)
        return {"bytes": max(0, machine.memory_peak() - before)}

    def peak_memory_of_silhouette(self) -> dict[str, Any]:
        from benchmarks.scores import plain_labels

        assert isinstance(self._contestant, EstimatorContestant)
        labels = plain_labels(self._X)
        before = machine.memory_now()
        self._contestant.metrics.silhouette_score(self._X, labels)
        return {"bytes": max(0, machine.memory_peak() - before)}

    def peak_memory_of_seeded_fit(self) -> dict[str, Any]:
        assert isinstance(self._contestant, EstimatorContestant)
        before = machine.memory_now()
        self._contestant.estimator(self._cell.k, n_init=1, max_iter=self._cell.iterations, random_state=0).fit(self._X)
        return {"bytes": max(0, machine.memory_peak() - before)}


def main() -> None:
    # Libraries print as they like: their output goes to stderr, and only answers to the pipe.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(outcome: dict[str, Any]) -> None:
        answers.write(json.dumps(outcome) + "\n")
        answers.flush()

    try:
        worker = Worker(sys.argv[1], int(sys.argv[2]))
        answer(worker.introduce())
    except Exception as error:
        answer({"error": machine.without_folders(f"{type(error).__name__}: {error}")})
        return
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer(getattr(worker, request["call"])(**request["arguments"]))
        except Exception as error:
            answer({"error": machine.without_folders(f"{type(error).__name__}: {error}")})


if __name__ == "__main__":
    main()
