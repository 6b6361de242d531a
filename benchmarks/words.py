"""The words of the page: numbers, tables, and what is said alike about every mode."""

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from benchmarks.contestants import CONTESTANTS
from benchmarks.figures import geometric_mean

Results = dict[str, Any]
Records = Sequence[dict[str, Any]]


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rules = ["---"] + ["---:"] * (len(header) - 1)
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, rules, *rows))


def present(results: Results) -> list[str]:
    return [name for name in CONTESTANTS if name in results["introductions"]]


def titled(names: Sequence[str]) -> list[str]:
    return [name if CONTESTANTS[name].exact else f"{name} (approximate)" for name in names]


def significant(value: float, digits: int = 3) -> str:
    """Rounded to so many digits, in plain notation up to a million."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    if abs(value) >= 1e6:
        return f"{value:.{digits - 1}e}".replace("e+0", "e")
    return f"{value:.{max(0, digits - 1 - math.floor(math.log10(abs(value))))}f}"


def duration(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{significant(seconds / size)} {unit}"
    return f"{significant(seconds / 1e-9)} ns"


def percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def shape(record: dict[str, Any]) -> str:
    return f"{record['n']:,} x {record['d']}, {record['k']}" if "n" in record else "not loaded"


def cells_of_row(record: dict[str, Any], names: Sequence[str], show: Callable[[dict[str, Any]], str]) -> list[str]:
    entries = [record["contestants"].get(name, {}) for name in names]
    return ["failed" if "error" in entry else show(entry) if entry else "" for entry in entries]


def failures(records: Sequence[dict[str, Any]], key: str) -> list[str]:
    return [
        f"Failed: {name} on {record[key]}: {entry['error']}"
        for record in records
        for name, entry in record["contestants"].items()
        if "error" in entry
    ]


def circumstances(results: Results) -> list[str]:
    introductions = results["introductions"]
    versions = ", ".join(f"{name} {said['version']}" for name, said in introductions.items())
    runtime = next((f"Python {said['python']}, NumPy {said['numpy']}" for said in introductions.values()), "")
    by_avx2 = f", {results['avx2_peak_gflops']:.0f} (avx2)" if "avx2_peak_gflops" in results else ""
    lines = [
        f"Measured on {results['date']}: {results['cpu']}, {results['system']}, {results['threads']} threads on "
        f"{results['usable_cpus']} usable CPUs, rounds: {results['repeats']}. {runtime}; {versions}. Float32 peak "
        f"{results['peak_gflops']:.0f} GFLOP/s ({results['peak_kernel']}){by_avx2}, reading "
        f"{results['read_gb_per_s']:.1f} GB/s."
    ]
    if results["quick"]:
        lines.append(
            "**A quick run, on a 25th of the rows or a third of a sweep: it shows that everything runs and says "
            "nothing of speed.**"
        )
    lines += [f"Absent: {name} ({reason})." for name, reason in results["absent"].items()]
    return lines


def summary(of_what: str, ratios: dict[str, float], asked: int) -> list[str]:
    """One sentence on a ratio a cell, where above one means that ckmeans is the faster."""
    if not ratios:
        return []
    worst = min(ratios, key=ratios.__getitem__)
    return [
        f"{of_what}, {len(ratios)} of {asked} cells: geometric mean "
        f"**{significant(geometric_mean(list(ratios.values())))}**, "
        f"worst cell **{significant(ratios[worst])}** ({worst})."
    ]


def rounds_of(records: Records, key: str = "cell") -> list[tuple[str, list[Any]]]:
    """Who on what, and the seconds of every round."""
    return [
        (f"{name} on {record[key]}", entry["seconds"])
        for record in records
        for name, entry in record["contestants"].items()
        if "seconds" in entry
    ]


def spread(rounds: Iterable[tuple[str, Sequence[float]]]) -> list[str]:
    """How much the rounds of one measurement differ: what a difference between two must exceed to mean anything."""
    ratios = {who: max(seconds) / min(seconds) for who, seconds in rounds if len(seconds) > 1}
    if not ratios:
        return []
    worst = max(ratios, key=ratios.__getitem__)
    return [
        f"Slowest round over best: median {significant(statistics.median(ratios.values()))}, "
        f"most {significant(ratios[worst])} ({worst})."
    ]
