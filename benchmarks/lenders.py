"""Who lends the threads: fits and calls by OpenMP and by the crew, in turns, quiet and beside a busy process.

    python -m benchmarks.lenders [--also before=/path/to/python] [--rounds 30]

Each contestant is a process of its own that has run every job once. In every round each runs a job once, in an order
that rotates; best and median of the rounds count. ``--also`` adds the ckmeans of another environment. The page on
platforms (docs/platforms.md) has the results.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

LENDERS = ("openmp", "crew")
PAUSE = 0.02
"""Seconds between two contestants: longer than idle threads of a runtime spin."""
BURNT_SECONDS = 0.1
REPEATED_SECONDS = 0.02
"""Calls of less are repeated for so long, and their mean counts."""

# --- A contestant -----------------------------------------------------------------------------------------------


def jobs() -> dict[str, Callable[[], Any]]:
    import numpy as np

    import ckmeans

    def normal(n: int, d: int) -> Any:
        return np.random.default_rng(d).normal(size=(n, d)).astype(np.float32)

    def fit(rows: Any, k: int, **settings: Any) -> Callable[[], Any]:
        return lambda: ckmeans.KMeans(k, random_state=0, **settings).fit(rows)

    few, pixels, table, wide = normal(20_000, 8), normal(300_000, 3), normal(400_000, 14), normal(100_000, 128)
    iris = np.random.default_rng(0).normal(size=(150, 4)) + np.repeat(np.eye(3, 4) * 5, 50, axis=0)
    model = ckmeans.KMeans(8, random_state=0).fit(few)

    def given(rows: Any, k: int, iterations: int) -> Callable[[], Any]:
        return fit(rows, k, init=rows[:k], n_init=1, max_iter=iterations, tol=0.0)

    return {
        "20k x 8, k = 8": given(few, 8, 10),
        "300k x 3, k = 16": given(pixels, 16, 10),
        "400k x 14, k = 127": given(table, 127, 5),
        "100k x 128, k = 256": given(wide, 256, 5),
        "k-means++, 400k x 14, k = 127": lambda: ckmeans.kmeans_plusplus(table, 127, random_state=0),
        "predict of 2,000 rows": lambda: model.predict(few[:2000]),
        "predict of one row": lambda: model.predict(few[:1]),
        "iris, n_init = 10": fit(iris, 3, n_init=10),
    }


def seconds_of(call: Callable[[], Any]) -> float:
    start, calls = time.perf_counter(), 0
    while True:
        call()
        calls += 1
        spent = time.perf_counter() - start
        if spent >= REPEATED_SECONDS:
            return spent / calls


def burnt_after(call: Callable[[], Any]) -> float:
    """Processor time of this process while it sleeps after a call."""
    call()
    before = time.process_time()
    time.sleep(BURNT_SECONDS)
    return time.process_time() - before


def serve() -> None:
    """Answer the names of jobs, a line each, by seconds."""
    known = jobs()
    for call in known.values():
        call()
    print(json.dumps(list(known)), flush=True)
    for line in sys.stdin:
        question, job = json.loads(line)
        print(json.dumps({"seconds": seconds_of, "burnt": burnt_after}[question](known[job])), flush=True)


# --- The runner -------------------------------------------------------------------------------------------------


class Contestant:
    def __init__(self, python: str, lender: str) -> None:
        self._process = subprocess.Popen(
            [python, __file__, "--serve"],
            env=os.environ | {"CKMEANS_THREADING": lender, "PYTHONPATH": str(Path(__file__).parents[1])}
            if python == sys.executable
            else os.environ | {"PYTHONPATH": ""},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None and self._process.stdin is not None
        self._read, self._write = self._process.stdout, self._process.stdin
        self.jobs: list[str] = json.loads(self._read.readline())

    def ask(self, question: str, job: str) -> float:
        self._write.write(json.dumps([question, job]) + "\n")
        self._write.flush()
        answer: float = json.loads(self._read.readline())
        return answer

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def busy_process(wanted: bool) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if wanted else None
    try:
        yield
    finally:
        if process:
            process.kill()
            process.wait()


def measured(contestants: dict[str, Contestant], job: str, count: int) -> dict[str, list[float]]:
    from benchmarks.crew import rounds  # here, for contestants of another environment do not see this package

    times: dict[str, list[float]] = {name: [] for name in contestants}
    for order in rounds(list(contestants), count):
        for name in order:
            time.sleep(PAUSE)
            times[name].append(contestants[name].ask("seconds", job))
    return times


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lenders", description=__doc__.partition("\n")[0])
    parser.add_argument("--also", action="append", default=[], metavar="NAME=PYTHON", help="another environment's")
    parser.add_argument("--rounds", type=int, default=30, metavar="N")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        return serve()
    contestants = {lender: Contestant(sys.executable, lender) for lender in LENDERS}
    for also in arguments.also:
        name, _, python = also.partition("=")
        contestants[name] = Contestant(python, "")
    print("| job | beside |", " | ".join(f"{name}, ms: best, median" for name in contestants), "| openmp : crew |")
    print("| --- " * (len(contestants) + 3) + "|")
    for job in contestants[LENDERS[0]].jobs:
        for busy in (False, True):
            with busy_process(busy):
                times = measured(contestants, job, arguments.rounds)
            medians = {name: statistics.median(values) for name, values in times.items()}
            cells = [f"{1e3 * min(values):.3g}, {1e3 * medians[name]:.3g}" for name, values in times.items()]
            ratio = f"{medians['openmp'] / medians['crew']:.3f}"
            print("|", " | ".join([job, "a busy process" if busy else "nothing", *cells, ratio]), "|", flush=True)
    job = "100k x 128, k = 256"
    burnt = {name: statistics.median(one.ask("burnt", job) for _ in range(9)) for name, one in contestants.items()}
    print("\nProcessor time in the 100 ms after a fit, ms:", {name: round(1e3 * s, 3) for name, s in burnt.items()})
    for contestant in contestants.values():
        contestant.close()


if __name__ == "__main__":
    main()
