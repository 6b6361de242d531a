"""Run the benchmark: ``python -m benchmarks.run --help``."""

import argparse
import datetime
import json
import platform
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks import machine, modes, report
from benchmarks.cells import CELLS, cache_folder
from benchmarks.contestants import CONTESTANTS
from benchmarks.crew import Crew
from benchmarks.figures import OURS_AVX2
from benchmarks.limits import Limits

RESULTS = Path(__file__).parent / "results"
BUFFER_BYTES = 1 << 30
"""Read to measure the bandwidth: more than any cache holds."""


def whole_number(most: int | None = None) -> Callable[[str], int]:
    allowed = "a whole number from 1" + (f" to {most}, the CPUs usable here" if most else "")

    def parse(text: str) -> int:
        if not text.isdecimal() or int(text) < 1 or (most is not None and int(text) > most):
            raise argparse.ArgumentTypeError(f"{text!r} is not {allowed}")
        return int(text)

    return parse


def names_out_of(allowed: Iterable[str]) -> Callable[[str], list[str]]:
    known = list(allowed)

    def parse(text: str) -> list[str]:
        wanted = text.split(",")
        unknown = [name for name in wanted if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"{unknown[0]!r} is not one of {', '.join(known)}")
        return [name for name in known if name in wanted]

    return parse


def parsed_arguments() -> argparse.Namespace:
    cpus = machine.usable_cpus()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description="Put ckmeans beside its peers.")
    parser.add_argument(
        "--mode",
        choices=[*modes.MODES, "all"],
        default="same-iterations",
        help="the question to ask (default: %(default)s)",
    )
    parser.add_argument(
        "--cells",
        type=names_out_of(CELLS),
        default=list(CELLS),
        metavar="A,B",
        help=f"only these of {', '.join(CELLS)}; sweep and small-jobs have data of their own",
    )
    parser.add_argument(
        "--contestants",
        type=names_out_of(CONTESTANTS),
        default=list(CONTESTANTS),
        metavar="A,B",
        help=f"only these of {', '.join(CONTESTANTS)}",
    )
    parser.add_argument(
        "--threads",
        type=whole_number(cpus),
        default=min(2, cpus),
        metavar="N",
        help="for every contestant (default: %(default)s)",
    )
    parser.add_argument(
        "--repeats", type=whole_number(), metavar="N", help="rounds, the best counts (default: 3; 2 with --quick)"
    )
    parser.add_argument(
        "--long",
        action="store_true",
        help="convergence: ask the cells too that take every contestant minutes ("
        + ", ".join(cell.name for cell in CELLS.values() if cell.slow_to_converge)
        + ")",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a 25th of the rows, a third of the sweeps: shows that everything runs, says nothing about speed",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FOLDER",
        help="where the results go (default: benchmarks/results for a whole run; "
        "the cache folder with --quick, --cells or --contestants, which must not replace a whole run)",
    )
    arguments = parser.parse_args()
    arguments.repeats = arguments.repeats or (2 if arguments.quick else 3)
    if arguments.output is None:
        whole = not arguments.quick and arguments.cells == list(CELLS) and arguments.contestants == list(CONTESTANTS)
        arguments.output = RESULTS if whole else cache_folder() / "results"
    return arguments


def as_text(results: dict[str, Any]) -> str:
    """Indented JSON, but a list of numbers on one line: there are thousands."""
    numbers = re.compile(r"\[([-+\d.eE,\s]+)\]")
    return numbers.sub(lambda found: f"[{' '.join(found[1].split())}]", json.dumps(results, indent=1)) + "\n"


def run_mode(mode: str, plan: modes.Plan, crew: Crew, folder: Path) -> None:
    """Measure and write NAME.json; until the run is complete its results are in NAME.json.unfinished."""
    limits = Limits(plan.threads, BUFFER_BYTES)
    head: dict[str, Any] = {
        "mode": mode,
        "quick": plan.quick,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "cpu": machine.cpu_model(),
        "system": f"{platform.system()} {platform.machine()}",
        "threads": plan.threads,
        "usable_cpus": machine.usable_cpus(),
        "repeats": plan.repeats,
        "peak_kernel": limits.kernel,
        "peak_gflops": limits.peak_gflops(),
        "read_gb_per_s": limits.read_bandwidth(),
        "introductions": crew.introductions,
        "absent": crew.absent,
    }
    if OURS_AVX2 in crew.introductions:
        head["avx2_peak_gflops"] = limits.peak_gflops("avx2")
    unfinished = folder / f"{mode}.json.unfinished"
    unfinished.unlink(missing_ok=True)
    for results in modes.MODES[mode](plan, crew, limits):
        unfinished.write_text(as_text(head | {"results": results}))
    if unfinished.exists():
        unfinished.replace(folder / f"{mode}.json")


def main() -> None:
    arguments = parsed_arguments()
    arguments.output.mkdir(parents=True, exist_ok=True)
    plan = modes.Plan(
        [CELLS[name] for name in arguments.cells],
        arguments.threads,
        arguments.repeats,
        arguments.quick,
        arguments.long,
    )
    with Crew(arguments.contestants, arguments.threads) as crew:
        for name, reason in crew.absent.items():
            modes.say(f"absent: {name} ({reason})")
        for mode in modes.MODES if arguments.mode == "all" else [arguments.mode]:
            run_mode(mode, plan, crew, arguments.output)
            report.write_page(arguments.output)
    modes.say("wrote README.md, JSON and pictures")


if __name__ == "__main__":
    main()
