"""The three questions: same iterations, default fits, small jobs. Each yields its results as they grow."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.cells import Cell, data_file
from benchmarks.contestants import CONTESTANTS
from benchmarks.crew import ContestantError, Crew, Member, rounds, seconds_to_import
from benchmarks.figures import OURS, rates
from benchmarks.jobs import JOBS
from benchmarks.limits import Limits

LONG_FIT = 20.0
"""Default fits: where any contestant takes more seconds than this, nobody is asked for another round."""

MEMORY_CELL = "table14-f32"

Results = list[dict[str, Any]]


@dataclass(frozen=True)
class Plan:
    cells: list[Cell]
    threads: int
    repeats: int
    quick: bool


class Answers:
    """What every contestant answered: a list of values a quantity, or the error that ended its part."""

    def __init__(self) -> None:
        self.by_name: dict[str, dict[str, Any]] = {}

    def ask(self, crew: Crew, name: str, call: str, **arguments: Any) -> dict[str, Any] | None:
        """Ask and keep the answer; None, and no question, once the contestant has failed."""
        entry = self.by_name.setdefault(name, {})
        if "error" in entry:
            return None
        try:
            answer = crew.ask(name, call, **arguments)
        except ContestantError as error:
            self.fail(name, error)
            return None
        self.keep(name, answer)
        return answer

    def keep(self, name: str, answer: dict[str, Any]) -> None:
        entry = self.by_name.setdefault(name, {})
        for quantity, value in answer.items():
            entry.setdefault(quantity, []).append(value)

    def fail(self, name: str, error: Exception) -> None:
        self.by_name[name] = {"error": str(error)}
        say(f"  {name}: {error}")


def say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def prepared_cell(cell: Cell, crew: Crew, names: list[str], answers: Answers, quick: bool) -> dict[str, Any]:
    """Every contestant has the data and has run once; returns the description of the cell."""
    say(f"{cell.name}: loading")
    data_file(cell.data_set, cell.dtype, quick)
    shape: dict[str, Any] = {}
    for name in names:
        try:
            shape = crew.ask(name, "load", cell=cell.name, quick=quick)
            crew.ask(name, "warm_up")
        except ContestantError as error:
            answers.fail(name, error)
    return {"cell": cell.name, "k": cell.k, "dtype": cell.dtype, **shape}


def same_iterations(plan: Plan, crew: Crew, limits: Limits) -> Iterator[Results]:
    results: Results = []
    for cell in plan.cells:
        answers, assign = Answers(), Answers()
        record = prepared_cell(cell, crew, crew.names, answers, plan.quick)
        record |= {"iterations": cell.iterations, "peak_gflops": [], "read_gb_per_s": []}
        for order in rounds(crew.names, plan.repeats):
            record["peak_gflops"].append(limits.peak_gflops())
            record["read_gb_per_s"].append(limits.read_bandwidth())
            for name in order:
                answer = answers.ask(crew, name, "fit")
                if answer is not None:
                    say(f"  {name}: {answer['seconds']:.4g} s")
                    if name == OURS:
                        assign.ask(crew, name, "assign")
        record["contestants"] = answers.by_name
        record["assign"] = assign.by_name.get(OURS, {})
        results.append(record | rates(record))
        yield results


def default_fit(plan: Plan, crew: Crew) -> Iterator[Results]:
    """k-means++, n_init = 1, to convergence with everything else at its default; another seed every round."""
    results: Results = []
    for cell in plan.cells:
        if not cell.default_fit:
            continue
        answers = Answers()
        record = prepared_cell(cell, crew, crew.estimators, answers, plan.quick)
        for seed, order in enumerate(rounds(crew.estimators, plan.repeats)):
            longest = 0.0
            for name in order:
                answer = answers.ask(crew, name, "default_fit", seed=seed)
                if answer is not None:
                    say(f"  {name}: {answer['seconds']:.4g} s, {answer['n_iter']} iterations")
                    longest = max(longest, answer["seconds"])
            if longest > LONG_FIT:
                break
        results.append(record | {"contestants": answers.by_name})
        yield results


def small_jobs(plan: Plan, crew: Crew) -> Iterator[Results]:
    results: Results = []
    for job in JOBS:
        results.append({"job": job, "title": JOBS[job].title, "contestants": repeated_job(job, plan, crew)})
        yield results
    results.append({"job": "import", "title": "import, beyond NumPy", "contestants": imports(plan, crew)})
    yield results
    for call, title, names in (
        ("peak_memory_of_fit", "peak memory above X, 1M x 14, k = 127, given centers", crew.names),
        ("peak_memory_of_seeded_fit", "peak memory above X, 1M x 14, k = 127, k-means++", crew.estimators),
    ):
        results.append({"job": call, "title": title, "contestants": peak_memory(call, names, plan)})
        yield results


def repeated_job(job: str, plan: Plan, crew: Crew) -> dict[str, Any]:
    say(f"{job}: preparing")
    data_file(JOBS[job].data_set, JOBS[job].dtype, plan.quick)
    answers, able = Answers(), []
    for name in crew.estimators:
        try:
            if crew.ask(name, "prepare_job", job=job, quick=plan.quick)["has_call"]:
                able.append(name)
        except ContestantError as error:
            answers.fail(name, error)
    for order in rounds(able, plan.repeats):
        for name in order:
            answer = answers.ask(crew, name, "time_job")
            if answer is not None:
                say(f"  {name}: {answer['seconds']:.4g} s")
    return answers.by_name


def imports(plan: Plan, crew: Crew) -> dict[str, Any]:
    say("import")
    answers = Answers()
    for order in rounds(crew.names, plan.repeats):
        for name in order:
            answers.keep(name, {"seconds": seconds_to_import(CONTESTANTS[name].import_line, plan.threads)})
    return answers.by_name


def peak_memory(call: str, names: list[str], plan: Plan) -> dict[str, Any]:
    """A fresh process a contestant and round: memory that an earlier fit left behind would hide what this one needs."""
    say(call.replace("_", " "))
    data_file("table14", "float32", plan.quick)
    answers = Answers()
    for order in rounds(names, plan.repeats):
        for name in order:
            try:
                with Member(name, plan.threads) as member:
                    member.ask("load", cell=MEMORY_CELL, quick=plan.quick)
                    answers.keep(name, member.ask(call))
            except ContestantError as error:
                answers.fail(name, error)
    return answers.by_name
