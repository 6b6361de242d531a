"""The questions, a function each; every one yields its results as they grow."""

import copy
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.cells import MEMORY_CELLS, SCORED_CELL, SWEEPS, Cell, data_file
from benchmarks.choices import choices
from benchmarks.contestants import CONTESTANTS, ScikitLearn
from benchmarks.crew import ContestantError, Crew, Member, rounds, seconds_to_import
from benchmarks.figures import BOTH_OURS, OURS, OURS_AVX2, is_peer
from benchmarks.jobs import JOBS, Job
from benchmarks.limits import Limits
from benchmarks.scores import SCORE_JOBS, WITHOUT_PEER

LONG_FIT = 20.0
"""Default fits: where any contestant takes more seconds than this, nobody is asked for another round."""

LONG_RUN = 60.0
"""The same for runs to convergence and for fits that are followed."""

MOST_ITERATIONS = 300
"""Of a run to convergence: every library's own default."""

SWEEP_BUDGET = 0.2
"""Seconds that a contestant spends on repeating one short fit of a sweep in one round."""

QUALITY_SEEDS, QUALITY_SEEDS_IF_QUICK = 20, 3
QUALITY_CONTESTANTS = (OURS, ScikitLearn.name)
FOLLOWED_ALGORITHMS = ("lloyd", "auto")

COARSE_FEATURES, COARSE_CENTERS = 14, 64
"""From which on there may be a coarse screen."""
COARSE_CALLS = ("assign", "lloyd", "auto")

Results = list[dict[str, Any]]


@dataclass(frozen=True)
class Plan:
    cells: list[Cell]
    threads: int
    repeats: int
    quick: bool
    long: bool
    """Whether to ask cells that take minutes to converge too."""


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


def prepared_cell(
    cell: Cell, crew: Crew, names: list[str], answers: Answers, quick: bool, rows: int | None = None
) -> dict[str, Any]:
    """Every contestant has the data and has run once; returns the description of the cell."""
    say(f"{cell.name}: loading")
    data_file(cell.data_set, cell.dtype, quick)
    shape: dict[str, Any] = {}
    for name in names:
        try:
            shape = crew.ask(name, "load", cell=cell.name, quick=quick, rows=rows)
            crew.ask(name, "warm_up")
        except ContestantError as error:
            answers.fail(name, error)
    return {"cell": cell.name, "k": cell.k, "dtype": cell.dtype, **shape}


def one_round(order: list[str], crew: Crew, answers: Answers, call: str, **arguments: Any) -> float:
    """The same request to each in turn; returns the seconds of the slowest."""
    slowest = 0.0
    for name in order:
        answer = answers.ask(crew, name, call, **arguments)
        if answer is not None:
            done = f", {answer['n_iter']} iterations" if "n_iter" in answer else ""
            say(f"  {name}: {answer['seconds']:.4g} s{done}")
            slowest = max(slowest, answer["seconds"])
    return slowest


def same_iterations(plan: Plan, crew: Crew, limits: Limits) -> Iterator[Results]:
    results: Results = []
    names = crew.and_narrowed(crew.names)
    for cell in plan.cells:
        answers, assign = Answers(), Answers()
        record = prepared_cell(cell, crew, names, answers, plan.quick)
        record |= {"iterations": cell.iterations, "peak_gflops": [], "read_gb_per_s": []}
        if OURS_AVX2 in names:
            record["avx2_peak_gflops"] = []
        for order in rounds(names, plan.repeats):
            record["peak_gflops"].append(limits.peak_gflops())
            record["read_gb_per_s"].append(limits.read_bandwidth())
            if OURS_AVX2 in names:
                record["avx2_peak_gflops"].append(limits.peak_gflops("avx2"))
            one_round(order, crew, answers, "fit", iterations=cell.iterations)
            for ours in BOTH_OURS:
                if "seconds" in answers.by_name.get(ours, {}):
                    assign.ask(crew, ours, "assign")
        results.append(record | {"contestants": answers.by_name, "assign": assign.by_name})
        yield results


def convergence(plan: Plan, crew: Crew, _limits: Limits) -> Iterator[Results]:
    """From given centers until nothing changes: faiss and superkmeans, which have no such test, are not asked."""
    results: Results = []
    for cell in plan.cells:
        if cell.slow_to_converge and not (plan.long or plan.quick):
            results.append({"cell": cell.name, "left_out": True, "contestants": {}})
            continue
        answers = Answers()
        record = prepared_cell(cell, crew, crew.estimators, answers, plan.quick)
        for order in rounds(crew.estimators, plan.repeats):
            if one_round(order, crew, answers, "fit", iterations=MOST_ITERATIONS) > LONG_RUN:
                break
        results.append(record | {"contestants": answers.by_name})
        yield results


def default_fit(plan: Plan, crew: Crew, _limits: Limits) -> Iterator[Results]:
    """k-means++, n_init = 1, to convergence with everything else at its default; another seed every round."""
    results: Results = []
    names = crew.and_narrowed(crew.estimators)
    for cell in plan.cells:
        if not cell.default_fit:
            continue
        answers, seeding = Answers(), Answers()
        record = prepared_cell(cell, crew, names, answers, plan.quick)
        for seed, order in enumerate(rounds(names, plan.repeats)):
            slowest = one_round(order, crew, answers, "default_fit", seed=seed)
            if "seconds" in answers.by_name.get(OURS, {}):
                seeding.ask(crew, OURS, "seeding", seed=seed)
            if slowest > LONG_FIT:
                break
        results.append(record | {"contestants": answers.by_name, "seeding": seeding.by_name.get(OURS, {})})
        yield results


def quality(plan: Plan, crew: Crew, _limits: Limits) -> Iterator[Results]:
    """Default fits of many seeds, for their inertia."""
    results: Results = []
    names = [name for name in QUALITY_CONTESTANTS if name in crew.names]
    for cell in plan.cells:
        if not cell.default_fit:
            continue
        answers = Answers()
        record = prepared_cell(cell, crew, names, answers, plan.quick, rows=cell.quality_rows)
        for seed in range(QUALITY_SEEDS_IF_QUICK if plan.quick else QUALITY_SEEDS):
            one_round(names, crew, answers, "default_fit", seed=seed)
        results.append(record | {"contestants": answers.by_name})
        yield results


def along_a_fit(plan: Plan, crew: Crew, _limits: Limits) -> Iterator[Results]:
    """The contestants are algorithms of ckmeans here."""
    results: Results = []
    if OURS not in crew.names:
        return
    for cell in plan.cells:
        if cell.followed == 0:
            continue
        loading = Answers()
        record = prepared_cell(cell, crew, [OURS], loading, plan.quick)
        answers = {algorithm: copy.deepcopy(loading) for algorithm in FOLLOWED_ALGORITHMS}
        for order in rounds(FOLLOWED_ALGORITHMS, plan.repeats):
            slowest = 0.0
            for algorithm in order:
                answer = answers[algorithm].ask(
                    crew, OURS, "followed_fit", algorithm=algorithm, iterations=cell.followed
                )
                if answer is not None:
                    say(f"  {algorithm}: {sum(answer['seconds']):.4g} s, {answer['ran']}")
                    slowest = max(slowest, sum(answer["seconds"]))
            if slowest > LONG_RUN:
                break
        entries = {algorithm: kept.by_name[OURS] for algorithm, kept in answers.items()}
        results.append(record | {"contestants": entries})
        yield results


def coarse_screen(plan: Plan, crew: Crew, limits: Limits) -> Iterator[Results]:
    """The contestants are calls of ckmeans, by each of the screens that run here."""
    results: Results = []
    isas = crew.ask(OURS, "screens") if OURS in crew.names else {}
    if not isas:
        yield results
    for cell in plan.cells if isas else ():
        loading = Answers()
        record = prepared_cell(cell, crew, [OURS], loading, plan.quick)
        if record.get("d", 0) < COARSE_FEATURES or record["k"] < COARSE_CENTERS:
            continue
        loading.ask(crew, OURS, "fit", iterations=cell.iterations)
        answers = {f"{call}: {screen}": Answers() for call in COARSE_CALLS for screen in isas}
        record |= {"iterations": cell.iterations, "isas": isas, "peak_gflops": []}
        for order in rounds(list(answers), plan.repeats):
            record["peak_gflops"].append(limits.peak_gflops())
            for key in order:
                call, screen = key.split(": ")
                answer = answers[key].ask(crew, OURS, "screened", isa=isas[screen], what=call)
                if answer is not None:
                    say(f"  {key}: {answer['seconds']:.4g} s")
        entries = {key: kept.by_name[OURS] for key, kept in answers.items()}
        left_open = {screen: crew.ask(OURS, "left_open", isa=isa) for screen, isa in isas.items()}
        results.append(record | {"contestants": entries, "open": left_open})
        yield results


def sweep(plan: Plan, crew: Crew, _limits: Limits) -> Iterator[Results]:
    results: Results = []
    names = crew.and_narrowed(crew.names)
    for variable, cells in SWEEPS.items():
        for cell in cells[::3] if plan.quick else cells:
            answers = Answers()
            record = prepared_cell(cell, crew, names, answers, plan.quick)
            for order in rounds(names, plan.repeats):
                one_round(order, crew, answers, "fit", iterations=cell.iterations, budget=SWEEP_BUDGET)
            results.append({"sweep": variable, **record, "contestants": answers.by_name})
            yield results


def small_jobs(plan: Plan, crew: Crew, _limits: Limits) -> Iterator[Results]:
    results: Results = []
    for name, job in JOBS.items():
        results.append({"job": name, "title": job.title, "contestants": repeated_job(name, job, plan, crew)})
        yield results
    results.append({"job": "import", "title": "import, beyond NumPy", "contestants": imports(plan, crew)})
    yield results
    given = ("peak_memory_of_fit", "given centers", crew.names, MEMORY_CELLS[:1])
    seeded = ("peak_memory_of_seeded_fit", "k-means++", crew.estimators, MEMORY_CELLS)
    for call, start, names, cells in (given, seeded):
        for cell in cells:
            title = f"peak memory above X, {cell.name}, a million rows, k = {cell.k}, {start}"
            contestants = peak_memory(call, cell, names, plan)
            results.append({"job": f"{call} {cell.name}", "title": title, "contestants": contestants})
            yield results


def repeated_job(key: str, job: Job, plan: Plan, crew: Crew) -> dict[str, Any]:
    say(f"{key}: preparing")
    data_file(job.data_set, job.dtype, plan.quick)
    answers, able = Answers(), []
    for name in crew.and_narrowed(crew.estimators):
        if key in WITHOUT_PEER and is_peer(name):
            continue
        try:
            if crew.ask(name, "prepare_job", job=key, quick=plan.quick)["has_call"]:
                able.append(name)
        except ContestantError as error:
            answers.fail(name, error)
    for order in rounds(able, plan.repeats):
        one_round(order, crew, answers, "time_job")
    return answers.by_name


def scores(plan: Plan, crew: Crew, _limits: Limits) -> Iterator[Results]:
    results: Results = []
    for name, job in SCORE_JOBS.items():
        results.append({"job": name, "title": job.title, "contestants": repeated_job(name, job, plan, crew)})
        yield results
    title = "peak memory above X, silhouette_score, 100k x 16, k = 8"
    call = "peak_memory_of_silhouette"
    results.append({"job": call, "title": title, "contestants": peak_memory(call, SCORED_CELL, [OURS], plan)})
    yield results


def imports(plan: Plan, crew: Crew) -> dict[str, Any]:
    say("import")
    answers = Answers()
    for order in rounds(crew.names, plan.repeats):
        for name in order:
            answers.keep(name, {"seconds": seconds_to_import(CONTESTANTS[name].import_line, plan.threads)})
    return answers.by_name


def peak_memory(call: str, cell: Cell, names: list[str], plan: Plan) -> dict[str, Any]:
    """A fresh process a contestant and round: memory that an earlier fit left behind would hide what this one needs."""
    say(f"{call.replace('_', ' ')}, {cell.name}")
    data_file(cell.data_set, cell.dtype, plan.quick)
    answers = Answers()
    for order in rounds(names, plan.repeats):
        for name in order:
            try:
                with Member(name, plan.threads) as member:
                    member.ask("load", cell=cell.name, quick=plan.quick)
                    answers.keep(name, member.ask(call))
            except ContestantError as error:
                answers.fail(name, error)
    return answers.by_name


MODES: dict[str, Callable[[Plan, Crew, Limits], Iterator[Results]]] = {
    "same-iterations": same_iterations,
    "convergence": convergence,
    "along-a-fit": along_a_fit,
    "coarse-screen": coarse_screen,
    "choices": choices,
    "sweep": sweep,
    "default-fit": default_fit,
    "quality": quality,
    "small-jobs": small_jobs,
    "scores": scores,
}
