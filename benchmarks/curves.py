"""The pictures made of curves: the iterations of one fit, and cost against n, d and k."""

from pathlib import Path
from typing import Any

from benchmarks.figures import OURS, best_of_each_iteration, seconds_per_product, what_ran
from benchmarks.picture import (
    BLUE,
    GREEN,
    INK,
    MARKS,
    PINK,
    RED,
    SOFT,
    add_legend,
    drawn_names,
    labeled_mark,
    mark,
    plain,
    pyplot,
    save,
    shape,
    subtitle,
)

COLUMNS = 3
RAN = {"lloyd": ("o", RED), "hamerly": ("s", BLUE), "projection": ("^", GREEN), "filtering": ("D", PINK)}


def heading(figure: Any, title: str, words: str) -> None:
    figure.suptitle(title + "\n\n", x=0.012, ha="left", fontsize=13, fontweight="bold", linespacing=1.3)
    figure.text(0.012, 1 - 0.36 / figure.get_figheight(), words, va="top", fontsize=9, color=SOFT, linespacing=1.4)


# ---- along a fit -----------------------------------------------------------------------------------------------------


def along_a_fit(results: dict[str, Any], path: Path) -> bool:
    """One panel a cell, milliseconds of every iteration; says whether there was anything to draw."""
    records = [
        record for record in results["results"] if all("seconds" in entry for entry in record["contestants"].values())
    ]
    if not records:
        path.unlink(missing_ok=True)
        return False
    lines = -(-len(records) // COLUMNS)
    figure, panels = pyplot().subplots(lines, COLUMNS, figsize=(9, 1.5 + 2.2 * lines), squeeze=False)
    figure.set_layout_engine("constrained", w_pad=0.08, h_pad=0.08)
    for axes, record in zip(panels.flat, records, strict=False):
        draw_fit(axes, record)
    for axes in panels.flat[len(records) :]:
        axes.set_visible(False)
    for axes in panels[:, 0]:
        axes.set_ylabel("ms per iteration", color=SOFT)
    for column, axes in enumerate(panels[(len(records) - 1) // COLUMNS]):
        if axes.get_visible():
            axes.set_xlabel("iteration", color=SOFT)
        elif lines > 1:
            panels[-2, column].set_xlabel("iteration", color=SOFT)
    heading(
        figure,
        "Time of every iteration of one fit",
        subtitle(results, 'ckmeans, algorithm="auto" and "lloyd" from the same initial centers, best of the rounds'),
    )
    ran = {name for record in records for name in what_ran(record["contestants"]["auto"])}
    add_legend(
        figure,
        [
            {"color": SOFT, "linewidth": 1.5, "label": "lloyd"},
            *({"label": f"auto, running {name}", **strategy_mark(name)} for name in sorted(ran)),
        ],
    )
    save(figure, path)
    return True


def draw_fit(axes: Any, record: dict[str, Any]) -> None:
    axes.set_yscale("log")
    lloyd, auto = (
        [1e3 * seconds for seconds in best_of_each_iteration(record["contestants"][algorithm])]
        for algorithm in ("lloyd", "auto")
    )
    axes.plot(range(1, len(lloyd) + 1), lloyd, color=SOFT, linewidth=1.5, zorder=2)
    ran = what_ran(record["contestants"]["auto"])
    for name in set(ran):
        places = [place for place, running in enumerate(ran) if running == name]
        axes.plot([place + 1 for place in places], [auto[place] for place in places], **strategy_mark(name), zorder=3)
    axes.set_title(record["cell"], loc="left", fontsize=10, color=INK)
    axes.set_title(shape(record), loc="right", fontsize=8, color=SOFT)
    least, most = min(lloyd + auto) / 1.2, max(lloyd + auto) * 1.2
    axes.set_ylim(least, max(most, 10 * least))  # a decade at least, lest small differences look large
    plain_numbers(axes.yaxis, (1, 2, 5))
    axes.xaxis.get_major_locator().set_params(integer=True)
    plain(axes, grid="both")


def strategy_mark(name: str) -> dict[str, Any]:
    marker, color = RAN.get(name, ("x", INK))
    return {"linestyle": "", "marker": marker, "markersize": 3.2, "color": color}


def plain_numbers(axis: Any, in_every_decade: tuple[float, ...]) -> None:
    """On a logarithmic axis."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axis.set_major_locator(LogLocator(subs=in_every_decade))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:,g}"))


# ---- sweep -----------------------------------------------------------------------------------------------------------


def sweep(results: dict[str, Any], path: Path) -> bool:
    """A panel for n, d and k each, without cells that stand for themselves; says whether there was anything to draw."""
    records = [record for record in results["results"] if record["sweep"] in record and answered(record)]
    if not records:
        path.unlink(missing_ok=True)
        return False
    variables = list(dict.fromkeys(record["sweep"] for record in records))
    figure, panels = pyplot().subplots(1, len(variables), figsize=(9, 4.9), sharey=True, squeeze=False)
    figure.set_layout_engine("constrained", w_pad=0.08, h_pad=0.08)
    for axes, variable in zip(panels.flat, variables, strict=True):
        draw_sweep(axes, variable, [record for record in records if record["sweep"] == variable])
        # A multiply-add counts as two operations: what the machine can do where every pair is scored.
        axes.axhline(1e12 * 2e-9 / results["peak_gflops"], color=INK, linewidth=1, linestyle=":", zorder=1)
    plain_numbers(panels[0, 0].yaxis, (1,))
    panels[0, 0].set_ylabel("picoseconds per row, feature and center", color=SOFT)
    heading(
        figure,
        "Time per iteration, divided by n d k",
        subtitle(
            results, "Same data, same initial centers, same number of iterations; flat is in proportion to the work"
        ),
    )
    names = drawn_names(answered(record) for record in records)
    peak = {"color": INK, "linewidth": 1, "linestyle": ":", "label": "float32 peak"}
    add_legend(figure, [*({**labeled_mark(name), **line(name)} for name in names), peak])
    save(figure, path)
    return True


def answered(record: dict[str, Any]) -> dict[str, Any]:
    return {name: entry for name, entry in record["contestants"].items() if "seconds" in entry}


def draw_sweep(axes: Any, variable: str, records: list[dict[str, Any]]) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    for name in MARKS:
        points = [(record[variable], record, found[name]) for record in records if name in (found := answered(record))]
        costs = [1e12 * seconds_per_product(record, entry) for _, record, entry in points]
        axes.plot([x for x, _, _ in points], costs, **{**mark(name), **line(name)}, zorder=4 if name == OURS else 3)
    fixed = ", ".join(f"{other} = {records[0][other]:,}" for other in "ndk" if other != variable)
    axes.set_title(fixed, loc="left", fontsize=9, color=SOFT)
    axes.set_xlabel(variable, color=SOFT)
    plain(axes, grid="both")


def line(name: str) -> dict[str, Any]:
    return {"linestyle": "-", "color": MARKS[name][1], "linewidth": 2.5 if name == OURS else 1.2}
