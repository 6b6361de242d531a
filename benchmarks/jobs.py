"""The small jobs: calls that take microseconds or a few seconds, where overheads and seeding show."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.cells import data_file
from benchmarks.contestants import EstimatorContestant

Call = Callable[[], object]


@dataclass(frozen=True)
class Job:
    title: str
    data_set: str
    dtype: str
    prepare: Callable[[EstimatorContestant, NDArray[Any]], Call | None]
    """Everything that is not timed; returns the call that is, or None if the library has no such call."""


def fit_ten_times(k: int) -> Callable[[EstimatorContestant, NDArray[Any]], Call]:
    def prepare(contestant: EstimatorContestant, X: NDArray[Any]) -> Call:
        return lambda: contestant.estimator(k, n_init=10, random_state=0).fit(X)

    return prepare


def ask_fitted_model(method: str, rows: int | None) -> Callable[[EstimatorContestant, NDArray[Any]], Call]:
    def prepare(contestant: EstimatorContestant, X: NDArray[Any]) -> Call:
        model = contestant.estimator(64, init=X[:64].copy(), n_init=1, max_iter=3).fit(X[:10_000])
        question = X[:rows]
        return lambda: getattr(model, method)(question)

    return prepare


def seed(k: int, rows: int | None) -> Callable[[EstimatorContestant, NDArray[Any]], Call | None]:
    def prepare(contestant: EstimatorContestant, X: NDArray[Any]) -> Call | None:
        kmeans_plusplus = contestant.kmeans_plusplus
        if kmeans_plusplus is None:
            return None
        part = X[:rows]
        return lambda: kmeans_plusplus(part, k, random_state=0)

    return prepare


JOBS = {
    "iris": Job("fit iris, k = 3, n_init = 10", "iris", "float64", fit_ten_times(3)),
    "digits": Job("fit digits, k = 10, n_init = 10", "digits", "float64", fit_ten_times(10)),
    "predict-one": Job("predict one row of 16, k = 64, warm", "table16", "float32", ask_fitted_model("predict", 1)),
    "predict-all": Job("predict 1M x 16, k = 64, float32", "table16", "float32", ask_fitted_model("predict", None)),
    "transform-all": Job(
        "transform 1M x 16, k = 64, float32", "table16", "float32", ask_fitted_model("transform", None)
    ),
    "seed-pixels": Job("kmeans_plusplus, pixels (547k x 3), k = 64", "pixels", "float32", seed(64, None)),
    "seed-patches": Job("kmeans_plusplus, 50k x 48 patches, k = 1000", "patch48", "float32", seed(1000, 50_000)),
}


def prepared_call(job: Job, contestant: EstimatorContestant, quick: bool) -> Call | None:
    """The call of a job, made once already, or None if the library has none such."""
    X = np.load(data_file(job.data_set, job.dtype, quick))
    call = job.prepare(contestant, X)
    if call is not None:
        call()
    return call


def seconds_per_call(call: Call, budget: float) -> list[float]:
    """The seconds of one call after the other until the budget is spent; always at least one."""
    seconds: list[float] = []
    end = time.perf_counter() + budget
    while not seconds or time.perf_counter() < end:
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return seconds
