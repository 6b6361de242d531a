"""The Markdown page: it derives every table from the JSON files, so that it never says what they do not."""

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import picture
from benchmarks.contestants import CONTESTANTS
from benchmarks.figures import fastest_exact_peer, geometric_mean, mean, seconds_per_iteration

MODES = ("same-iterations", "default-fit", "small-jobs")

Results = dict[str, Any]


def write_page(folder: Path) -> None:
    """README.md, and the picture, from whatever result files the folder holds."""
    sections = [
        "# Benchmark results",
        "Written by `python -m benchmarks.run`; `benchmarks/README.md` says how it measures and why so.",
    ]
    for mode in MODES:
        path = folder / f"{mode}.json"
        if path.exists():
            results = json.loads(path.read_text())
            drawn = mode == "same-iterations" and picture.draw(results, folder / picture.FILE_NAME)
            sections += [*SECTIONS[mode](results, drawn), *circumstances(results)]
    (folder / "README.md").write_text("\n\n".join(sections) + "\n")


# ---- words -----------------------------------------------------------------------------------------------------------


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
    lines = [
        f"Measured on {results['date']}: {results['cpu']}, {results['system']}, {results['threads']} threads on "
        f"{results['usable_cpus']} usable CPUs, rounds: {results['repeats']}. {runtime}; {versions}. Float32 peak "
        f"{results['peak_gflops']:.0f} GFLOP/s ({results['peak_kernel']}), reading {results['read_gb_per_s']:.1f} GB/s."
    ]
    if results["quick"]:
        lines.append("**A quick run on a 25th of the rows: it shows that everything runs and says nothing of speed.**")
    lines += [f"Absent: {name} ({reason})." for name, reason in results["absent"].items()]
    return lines


# ---- sections --------------------------------------------------------------------------------------------------------


def same_iterations(results: Results, drawn: bool) -> list[str]:
    records, names = results["results"], present(results)
    sections = ["## Same initial centers, same number of iterations"]
    if drawn:
        sections.append(f"![How many times longer the others take]({picture.FILE_NAME})")
    sections.append(
        "Seconds for the whole fit, best round; in parentheses the iterations of a fit that had converged before the "
        "last one. The last column compares seconds per iteration."
    )
    rows, ratios = [], {}
    for record in records:
        ratio = fastest_exact_peer(record)
        if ratio is not None:
            ratios[record["cell"]] = ratio

        def show(entry: dict[str, Any], asked: int = record["iterations"]) -> str:
            done = entry["n_iter"][0]
            return significant(min(entry["seconds"])) + (f" ({done})" if done != asked else "")

        rows.append(
            [
                record["cell"],
                shape(record),
                record["dtype"],
                str(record["iterations"]),
                *cells_of_row(record, names, show),
                significant(ratio) if ratio is not None else "",
            ]
        )
    header = ["cell", "n x d, k", "dtype", "iterations", *titled(names), "fastest exact peer / ckmeans"]
    sections.append(table(header, rows))
    if ratios:
        worst = min(ratios, key=ratios.__getitem__)
        sections.append(
            f"Fastest exact peer over ckmeans, {len(ratios)} of {len(records)} cells: "
            f"geometric mean **{significant(geometric_mean(list(ratios.values())))}**, "
            f"worst cell **{significant(ratios[worst])}** ({worst})."
        )
    sections += failures(records, "cell")
    sections += machine_use(records) + double_beside_single(records, names)
    sections += [
        "### Inertia of the centers that came back",
        "Computed in float64 by the same code for all, from the last round.",
        table(
            ["cell", *titled(names)],
            [
                [record["cell"], *cells_of_row(record, names, lambda entry: significant(entry["inertia"][-1], 7))]
                for record in records
            ],
        ),
    ]
    return sections


def machine_use(records: Sequence[dict[str, Any]]) -> list[str]:
    used = [record for record in records if "fit_gflops" in record and "assign_gflops" in record]
    if not used:
        return []
    rows = [
        [
            record["cell"],
            significant(record["fit_gflops"]),
            percent(record["fit_share_of_peak"]),
            duration(min(record["assign"]["seconds"])),
            significant(record["assign_gflops"]),
            percent(record["assign_share_of_peak"]),
            significant(max(record["peak_gflops"])),
            significant(max(record["read_gb_per_s"])),
        ]
        for record in used
    ]
    header = ["cell", "fit GFLOP/s", "of peak", "one assign", "GFLOP/s", "of peak", "peak GFLOP/s", "read GB/s"]
    return [
        "### What ckmeans makes of the machine",
        "2 n k d operations an iteration, or for one `ckmeans.assign(X, centers)`; peak and bandwidth measured beside "
        "each cell.",
        table(header, rows),
    ]


def double_beside_single(records: Sequence[dict[str, Any]], names: Sequence[str]) -> list[str]:
    """Pairs of cells named NAME-f32 and NAME-f64."""
    by_cell = {record["cell"]: record["contestants"] for record in records}
    rows = []
    for cell, double in by_cell.items():
        single = by_cell.get(cell.removesuffix("-f64") + "-f32")
        if cell.endswith("-f64") and single is not None:
            row = [cell.removesuffix("-f64")]
            for name in names:
                both = [entries.get(name, {}) for entries in (double, single)]
                known = all("seconds" in entry for entry in both)
                row.append(
                    significant(seconds_per_iteration(both[0]) / seconds_per_iteration(both[1])) if known else ""
                )
            rows.append(row)
    if not rows:
        return []
    return [
        "### float64 over float32, seconds per iteration",
        "faiss and superkmeans convert float64 to float32, inside the time measured.",
        table(["data", *titled(names)], rows),
    ]


def default_fit(results: Results, _drawn: bool) -> list[str]:
    records, names = results["results"], [name for name in present(results) if has_estimator(results, name)]

    def show(entry: dict[str, Any]) -> str:
        return (
            f"{significant(mean(entry['seconds']))} s ({mean(entry['n_iter']):.0f}, "
            f"{significant(mean(entry['inertia']), 4)})"
        )

    return [
        "## Default fits",
        "k-means++, n_init = 1, to convergence, everything else at its default: seconds (iterations, inertia), means "
        "over the seeds. Every library draws its own random numbers, so the starts differ.",
        table(
            ["cell", "n x d, k", *names, "seeds"],
            [
                [record["cell"], shape(record), *cells_of_row(record, names, show), str(seeds_of(record))]
                for record in records
            ],
        ),
        *failures(records, "cell"),
    ]


def seeds_of(record: dict[str, Any]) -> int:
    return max((len(entry.get("seconds", ())) for entry in record["contestants"].values()), default=0)


def has_estimator(results: Results, name: str) -> bool:
    return bool(results["introductions"][name]["estimator"])


def small_jobs(results: Results, _drawn: bool) -> list[str]:
    records, names = results["results"], present(results)

    def show(entry: dict[str, Any]) -> str:
        if "bytes" in entry:
            return f"{significant(min(entry['bytes']) / 1e6)} MB"
        return duration(min(entry["seconds"]))

    return [
        "## Small jobs",
        "The best call of all rounds. Empty: the library has no such call.",
        table(["job", *titled(names)], [[record["title"], *cells_of_row(record, names, show)] for record in records]),
        *failures(records, "job"),
    ]


SECTIONS: dict[str, Callable[[Results, bool], list[str]]] = {
    "same-iterations": same_iterations,
    "default-fit": default_fit,
    "small-jobs": small_jobs,
}
