"""The Markdown page: it derives every table from the JSON files, so that it never says what they do not."""

import json
import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import choices, curves, picture
from benchmarks.cells import CELLS_BY_NAME
from benchmarks.contestants import ScikitLearn
from benchmarks.figures import (
    OURS,
    PEAKS,
    Measure,
    best_of_each_iteration,
    best_seconds,
    difference_of_means,
    fastest_exact_peer,
    is_peer,
    mean,
    mean_seconds,
    rates,
    seconds_per_iteration,
    times_ours,
    what_ran,
)
from benchmarks.words import (
    Records,
    Results,
    cells_of_row,
    circumstances,
    duration,
    failures,
    percent,
    present,
    rounds_of,
    shape,
    significant,
    spread,
    summary,
    table,
    titled,
)


def write_page(folder: Path) -> None:
    """README.md, and the pictures, from whatever result files the folder holds."""
    sections = [
        "# Benchmark results",
        "Written by `python -m benchmarks.run`; `benchmarks/README.md` says how it measures and why so.",
    ]
    for mode, section in SECTIONS.items():
        path = folder / f"{mode}.json"
        if path.exists():
            results = json.loads(path.read_text())
            title, *rest = section(results)
            sections += [title, *pictured(mode, results, folder), *rest, *circumstances(results)]
    (folder / "README.md").write_text("\n\n".join(sections) + "\n")


def pictured(mode: str, results: Results, folder: Path) -> list[str]:
    """Draws the picture of a mode that has one, and shows it."""
    if mode not in PICTURES:
        return []
    description, draw = PICTURES[mode]
    path = folder / f"{mode.replace('-', '_')}.png"
    return [f"![{description}]({path.name})"] if draw(results, path) else []


def ratios_by_cell(records: Records, measure: Measure, ours: str = OURS) -> dict[str, float]:
    """The fastest exact peer over ckmeans, or the one of ours that is named, where both took part."""
    ratios = {record["cell"]: fastest_exact_peer(record, measure, ours) for record in records}
    return {cell: ratio for cell, ratio in ratios.items() if ratio is not None}


def ratios_of_ours(results: Results, measure: Measure) -> dict[str, dict[str, float]]:
    """The same of each of ours that took part."""
    return {ours: ratios_by_cell(results["results"], measure, ours) for ours in ours_in(results)}


def ours_in(results: Results) -> list[str]:
    return [name for name in present(results) if not is_peer(name)]


def peers_over(ours: Iterable[str]) -> list[str]:
    return [f"fastest exact peer / {name}" for name in ours]


def summaries(ratios: dict[str, dict[str, float]], asked: int) -> list[str]:
    return [
        line for name, by_cell in ratios.items() for line in summary(f"Fastest exact peer over {name}", by_cell, asked)
    ]


def inertias(records: Records, names: Sequence[str]) -> list[str]:
    return [
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


def estimators(results: Results) -> list[str]:
    return [name for name in present(results) if results["introductions"][name]["estimator"]]


def ratios_to_peer(records: Records, measure: Measure, peer: str, ours: str, key: str = "cell") -> dict[str, float]:
    """One peer over one of ours, where both took part."""
    ratios = {record[key]: times_ours(record, measure, ours) for record in records}
    return {cell: of_all[peer] for cell, of_all in ratios.items() if peer in of_all}


def ratio_or_empty(ratios: dict[str, float], key: str) -> str:
    return significant(ratios[key]) if key in ratios else ""


# ---- same centers ----------------------------------------------------------------------------------------------------


def same_iterations(results: Results) -> list[str]:
    records, names = results["results"], present(results)
    ratios = ratios_of_ours(results, seconds_per_iteration)
    rows = []
    for record in records:

        def show(entry: dict[str, Any], asked: int = record["iterations"]) -> str:
            done = entry["n_iter"][0]
            return significant(best_seconds(entry)) + (f" ({done})" if done != asked else "")

        rows.append(
            [
                record["cell"],
                shape(record),
                record["dtype"],
                str(record["iterations"]),
                *cells_of_row(record, names, show),
                *(ratio_or_empty(by_cell, record["cell"]) for by_cell in ratios.values()),
            ]
        )
    header = ["cell", "n x d, k", "dtype", "iterations", *titled(names), *peers_over(ratios)]
    return [
        "## Same initial centers, same number of iterations",
        "Seconds for the whole fit, best round; in parentheses the iterations of a fit that had converged before the "
        "last one. The last columns compare seconds per iteration.",
        table(header, rows),
        *summaries_by_rows(ratios, records),
        *spread(rounds_of(records)),
        *failures(records, "cell"),
        *machine_use(records, ours_in(results)),
        *double_beside_single(records, names),
        *inertias(records, names),
    ]


def summaries_by_rows(ratios: dict[str, dict[str, float]], records: Records) -> list[str]:
    """Cells of few rows and many features apart from the others: other things decide there."""
    parts = []
    of_few_rows = {name for name, cell in CELLS_BY_NAME.items() if cell.few_rows}
    for few, heading in ((False, "Cells with many rows:"), (True, "Few rows with many features:")):
        names = [record["cell"] for record in records if (record["cell"] in of_few_rows) == few]
        part = {whose: {name: by[name] for name in names if name in by} for whose, by in ratios.items()}
        if names:
            parts += [heading, *summaries(part, len(names))]
    return parts


def machine_use(records: Records, names: Sequence[str]) -> list[str]:
    rows = []
    for record in records:
        for name in names:
            assign = record["assign"].get(name, {})
            if "seconds" not in assign:
                continue
            figures = rates(record, name)
            rows.append(
                [
                    record["cell"],
                    name,
                    significant(figures["fit_gflops"]),
                    percent(figures["fit_share_of_peak"]),
                    duration(best_seconds(assign)),
                    significant(figures["assign_gflops"]),
                    percent(figures["assign_share_of_peak"]),
                    significant(max(record[PEAKS[name]])),
                    significant(max(record["read_gb_per_s"])),
                ]
            )
    if not rows:
        return []
    header = ["cell", "of", "fit GFLOP/s", "of peak", "one assign", "GFLOP/s", "of peak", "peak GFLOP/s", "read GB/s"]
    return [
        "### What ckmeans makes of the machine",
        "2 n k d operations an iteration, or for one `ckmeans.assign(X, centers)`; the peak of each one's instruction "
        "set and the bandwidth were measured beside each cell.",
        table(header, rows),
    ]


def double_beside_single(records: Records, names: Sequence[str]) -> list[str]:
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


def convergence(results: Results) -> list[str]:
    records, names = [record for record in results["results"] if "left_out" not in record], estimators(results)
    left_out = [record["cell"] for record in results["results"] if "left_out" in record]
    whole, each = ratios_by_cell(records, best_seconds), ratios_by_cell(records, seconds_per_iteration)

    def show(entry: dict[str, Any]) -> str:
        return f"{significant(best_seconds(entry))} s ({entry['n_iter'][0]})"

    rows = [
        [
            record["cell"],
            shape(record),
            record["dtype"],
            *cells_of_row(record, names, show),
            ratio_or_empty(whole, record["cell"]),
            ratio_or_empty(each, record["cell"]),
            str(seeds_of(record)),
        ]
        for record in records
    ]
    header = ["cell", "n x d, k", "dtype", *names, "fastest exact peer / ckmeans", "the same per iteration", "rounds"]
    return [
        "## Same initial centers, to convergence",
        "`tol = 0`, at most 300 iterations: seconds for the whole fit, best round (iterations). Rounding, in which the "
        "libraries differ, can lead to other iterations and another end; see the inertia. faiss and superkmeans have "
        "no test of convergence.",
        *([f"Left out without `--long`: {', '.join(left_out)}."] if left_out else []),
        table(header, rows),
        *summary("Fastest exact peer over ckmeans, whole fit", whole, len(records)),
        *summary("Per iteration", each, len(records)),
        *spread(rounds_of(records)),
        *failures(records, "cell"),
        *inertias(records, names),
    ]


def along_a_fit(results: Results) -> list[str]:
    records, ratios, rows = results["results"], {}, []
    for record in records:
        entries = record["contestants"]
        if all("seconds" in entry for entry in entries.values()):
            lloyd, auto = (sum(best_of_each_iteration(entries[algorithm])) for algorithm in ("lloyd", "auto"))
            ratios[record["cell"]] = lloyd / auto
            rows.append(
                [
                    record["cell"],
                    shape(record),
                    str(len(what_ran(entries["auto"]))),
                    duration(lloyd),
                    duration(auto),
                    significant(lloyd / auto),
                    ", ".join(f"{name} {count}" for name, count in entries["auto"]["ran"][0]),
                ]
            )
    totals = [(who, [sum(fit) for fit in fits]) for who, fits in rounds_of(records)]
    return [
        "## Along a fit",
        'ckmeans alone, `algorithm="lloyd"` and `"auto"` from the same initial centers, `tol = 0`: sums over the '
        "iterations, each the best of all rounds, and what auto ran, with how many iterations in a row.",
        table(["cell", "n x d, k", "iterations", "lloyd", "auto", "lloyd / auto", "auto ran"], rows),
        *summary("lloyd over auto", ratios, len(records)),
        *spread(totals),
        *failures(records, "cell"),
    ]


def coarse_screen(results: Results) -> list[str]:
    records, rows, shares = results["results"], [], []
    if not records:
        return ["## By each of the screens", "There is no coarse screen here."]
    for record in records:
        if any("seconds" not in entry for entry in record["contestants"].values()):
            continue
        best = {key: best_seconds(entry) for key, entry in record["contestants"].items()}
        n, gflop = record["n"], 2e-9 * record["n"] * record["d"] * record["k"]
        for screen, isa in record["isas"].items():
            plain = "float32 (avx2)" if isa.startswith("avx2") and "float32 (avx2)" in record["isas"] else "float32"
            rate = gflop / best[f"assign: {screen}"]
            row = [record["cell"], shape(record), record["dtype"], screen]
            row += [duration(best[f"{call}: {screen}"]) for call in ("assign", "lloyd", "auto")]
            row += [significant(rate), percent(rate / max(record["peak_gflops"]))]
            calls = ("assign", "lloyd", "auto") if screen != plain else ()
            ratios = [significant(best[f"{call}: {plain}"] / best[f"{call}: {screen}"]) for call in calls]
            rows.append(row + (ratios or ["", "", ""]))
            for when, counts in record["open"][screen].items() if screen != plain else ():
                served = counts["screened_rows"]
                shares.append(
                    [
                        *(record["cell"], screen, when, percent(served / n), percent(counts["tried_rows"] / n)),
                        f"{counts['open_pairs'] / max(1, served):.3g}",
                        f"{100 * counts['open_pairs'] / max(1, served) / record['k']:.2g} %",
                        f"{100 * counts['settled_rows'] / n:.2g} %",
                    ]
                )
    titles = [
        "cell",
        "n x d, k",
        "dtype",
        "screen (kernels of)",
        "assign",
        "lloyd",
        "auto",
        "GFLOP/s",
        "of float32 peak",
    ]
    gains = [f"{call}, float32 / this" for call in ("assign", "lloyd", "auto")]
    return [
        "## By each of the screens",
        "ckmeans alone, with each screen that runs here, and in float32 alone: one `ckmeans.assign(X, centers)`, which "
        "knows no labels before, and whole fits of the cell's iterations. GFLOP/s are of the assignment, 2 n k d "
        "operations whatever they were carried out in, beside the float32 peak measured in the run. AVX2 is compared "
        "with float32 by AVX2. Where a screen is thought not to pay, float32 ran instead.",
        table([*titles, *gains], rows),
        "### What each stage leaves open",
        "On one thread, for the first centers without a guess at the labels and for the last with the labels that "
        "belong to them. Rows that the coarse screen served (the others were left to float32); rows that were scored "
        "twice, for want of labels; pairs left open, which quick distances in the precision of the rows decide; rows "
        "that those did not decide, settled by canonical distances in float64.",
        table(
            [
                *("cell", "screen", "pass", "rows served", "scored twice", "open pairs a row", "open pairs"),
                "settled rows",
            ],
            shares,
        ),
        *failures(records, "cell"),
    ]


def sweep(results: Results) -> list[str]:
    records, names = results["results"], present(results)
    ratios = ratios_of_ours(results, seconds_per_iteration)
    rows = [
        [
            record["sweep"],
            shape(record),
            *cells_of_row(record, names, lambda entry: duration(seconds_per_iteration(entry))),
            *(ratio_or_empty(by_cell, record["cell"]) for by_cell in ratios.values()),
        ]
        for record in records
    ]
    return [
        "## Cost against n, d and k",
        "Overlapping Gaussians, float32; same initial centers, ten iterations: time per iteration of the best fit. Far "
        "apart: as many Gaussians as clusters, without overlap; it is not in the picture.",
        table(["sweep of", "n x d, k", *titled(names), *peers_over(ratios)], rows),
        *summaries(ratios, len(records)),
        *spread(rounds_of(records)),
        *failures(records, "cell"),
    ]


# ---- default fits ----------------------------------------------------------------------------------------------------


def default_fit(results: Results) -> list[str]:
    records, names = results["results"], estimators(results)
    pairs = [(peer, ours) for peer in names if is_peer(peer) for ours in ours_in(results)]
    by_pair = {pair: ratios_to_peer(records, mean_seconds, *pair) for pair in pairs}

    def show(entry: dict[str, Any]) -> str:
        return (
            f"{significant(mean_seconds(entry))} s ({mean(entry['n_iter']):.0f}, "
            f"{significant(mean(entry['inertia']), 4)})"
        )

    rows = [
        [
            record["cell"],
            shape(record),
            *cells_of_row(record, names, show),
            *(ratio_or_empty(by_cell, record["cell"]) for by_cell in by_pair.values()),
            seeding_share(record),
            str(seeds_of(record)),
        ]
        for record in records
    ]
    header = ["cell", "n x d, k", *names, *(f"{peer} / {ours}" for peer, ours in pairs), "seeding in ckmeans", "seeds"]
    return [
        "## Default fits",
        "k-means++, n_init = 1, to convergence, everything else at its default: seconds (iterations, inertia), means "
        "over the seeds. Every library draws its own random numbers, so the starts differ. Seeding: "
        "`ckmeans.kmeans_plusplus` alone, with the same seeds, as a share of those fits (median).",
        table(header, rows),
        *(
            line
            for (peer, ours), by_cell in by_pair.items()
            for line in summary(f"{peer} over {ours}", by_cell, len(records))
        ),
        *failures(records, "cell"),
    ]


def seeding_share(record: dict[str, Any]) -> str:
    """The median over the seeds: a disturbance in either of the two times would spoil a mean."""
    fits, seeding = (
        entry.get("seconds", ()) for entry in (record["contestants"].get(OURS, {}), record.get("seeding", {}))
    )
    shares = [drawing / whole for drawing, whole in zip(seeding, fits, strict=False)]
    return percent(statistics.median(shares)) if shares else ""


def seeds_of(record: dict[str, Any]) -> int:
    return max((len(entry.get("seconds", ())) for entry in record["contestants"].values()), default=0)


def quality(results: Results) -> list[str]:
    records = results["results"]
    names = [name for name in present(results) if any(name in record["contestants"] for record in records)]
    peers = [name for name in names if name != OURS]

    def show(entry: dict[str, Any]) -> str:
        return f"{significant(mean(entry['inertia']), 5)} ({significant(statistics.stdev(entry['inertia']), 2)})"

    rows, in_errors = [], {}
    for record in records:
        row = [record["cell"], shape(record), str(seeds_of(record)), *cells_of_row(record, names, show)]
        for peer in peers:
            samples = [record["contestants"].get(name, {}).get("inertia") for name in (OURS, peer)]
            if None in samples:
                row += ["", "", ""]
                continue
            difference, error = difference_of_means(*samples)
            row += [f"{100 * difference / mean(samples[1]):+.3f} %", f"{100 * error / mean(samples[1]):.3f} %"]
            if error > 0:
                in_errors[record["cell"]] = difference / error
            row.append(f"{difference / error:+.1f}" if error > 0 else "")
        rows.append(row)
    differences = [
        column for peer in peers for column in (f"ckmeans - {peer}", "its standard error", "in standard errors")
    ]
    lines = [
        "## Quality of default fits",
        "Inertia of the fits that users get, mean over the seeds (standard deviation). The difference of the means is "
        "relative to that of the peer: below zero, ckmeans found the better clusters. Between equals one "
        "difference in twenty exceeds two standard errors. Where n is less than in the other tables, the fits were "
        "given that many evenly spaced rows: twenty fits of all would take too long.",
        table(["cell", "n x d, k", "seeds", *names, *differences], rows),
    ]
    if in_errors:
        low, high = min(in_errors, key=in_errors.__getitem__), max(in_errors, key=in_errors.__getitem__)
        lines.append(
            f"In standard errors: mean {mean(list(in_errors.values())):+.2f}, from {in_errors[low]:+.1f} ({low}) to "
            f"{in_errors[high]:+.1f} ({high})."
        )
    return [*lines, *failures(records, "cell")]


def small_jobs(results: Results) -> list[str]:
    return [
        "## Small jobs",
        "The best call of all rounds. Empty: the library has no such call, or was not asked.",
        table_of_jobs(results, "job", present(results)),
        *failures(results["results"], "job"),
    ]


def table_of_jobs(results: Results, heading: str, names: Sequence[str]) -> str:
    ours = ours_in(results)

    def show(entry: dict[str, Any]) -> str:
        if "bytes" in entry:
            return f"{significant(min(entry['bytes']) / 1e6)} MB"
        return duration(best_seconds(entry))

    ratios = [ratios_to_peer(results["results"], best_seconds, ScikitLearn.name, name, key="job") for name in ours]
    rows = [
        [
            record["title"],
            *cells_of_row(record, names, show),
            *(ratio_or_empty(by_job, record["job"]) for by_job in ratios),
        ]
        for record in results["results"]
    ]
    return table([heading, *titled(names), *(f"{ScikitLearn.name} / {name}" for name in ours)], rows)


def scores(results: Results) -> list[str]:
    return [
        "## Scores and the choice of k",
        "The best call of all rounds, float64, the same labels for both. Choosing k: `choose_k` with all its criteria "
        "(fits, five scores, the comparison with noise, stability), beside a loop over scikit-learn that fits with the "
        "defaults and takes the silhouette of 10,000 rows and two scores, no more. scikit-learn has the squared "
        "Euclidean silhouette by all pairs only, which a million rows do not allow.",
        table_of_jobs(results, "what", [*ours_in(results), ScikitLearn.name]),
        *failures(results["results"], "job"),
    ]


SECTIONS: dict[str, Callable[[Results], list[str]]] = {
    "same-iterations": same_iterations,
    "convergence": convergence,
    "along-a-fit": along_a_fit,
    "coarse-screen": coarse_screen,
    "choices": choices.section,
    "sweep": sweep,
    "default-fit": default_fit,
    "quality": quality,
    "small-jobs": small_jobs,
    "scores": scores,
}

PICTURES: dict[str, tuple[str, Callable[[Results, Path], bool]]] = {
    "same-iterations": ("How many times longer the others take", picture.draw),
    "along-a-fit": ("Time of every iteration of one fit", curves.along_a_fit),
    "sweep": ("Time per row, feature and center against n, d and k", curves.sweep),
}
"""What is seen, and who draws it: says whether there was anything to draw."""
