"""The picture of times relative to ckmeans, one row a cell; and what it shares with the other pictures."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.contestants import CONTESTANTS
from benchmarks.figures import OURS, OURS_AVX2, fastest_exact_peer, times_ours

INK, SOFT, GRID, BAND = "#24292f", "#6e7781", "#d8dee4", "#f4f6f8"
# Okabe and Ito's colors, which the color-blind can tell apart; and apart in shape, for print without colors.
GREEN, RED, BLUE, PINK = "#009e73", "#d55e00", "#0072b2", "#cc79a7"
MARKS = {
    OURS: ("^", GREEN),
    OURS_AVX2: ("v", GREEN),
    "scikit-learn": ("o", RED),
    "oneDAL": ("s", BLUE),
    "faiss": ("D", PINK),
    "superkmeans": ("o", SOFT),
}
COLUMNS = {OURS: (1.08, 1.01, "fastest\nexact peer"), OURS_AVX2: (1.19, 1.01, "the same,\nto AVX2")}
"""Beside the picture: how many times longer the fastest exact peer takes than each of ours."""
TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


def pyplot() -> Any:
    """Matplotlib, drawing into files and in our style."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    plt.rcParams |= {"font.family": "DejaVu Sans", "font.size": 10, "text.color": INK}
    return plt


def save(figure: Any, path: Path) -> None:
    figure.savefig(path, dpi=160, facecolor="white", metadata={"Software": None})
    pyplot().close(figure)


def plain(axes: Any, grid: str) -> None:
    """No frame and no ticks, but a grid of those lines: "x", "y" or "both"."""
    axes.grid(axis=grid, color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(which="both", length=0, colors=INK)
    axes.spines[:].set_visible(False)


def draw(results: dict[str, Any], path: Path) -> bool:
    """Write the picture if ckmeans and somebody else took part; says whether it did."""
    rows = [(record, ratios) for record in results["results"] if (ratios := times_ours(record))]
    if not rows:
        path.unlink(missing_ok=True)
        return False
    figure, axes = pyplot().subplots(figsize=(9, 1.9 + 0.46 * len(rows)))
    figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.12)
    axes.set_xscale("log")
    everything = [1.0, *(ratio for _, ratios in rows for ratio in ratios.values())]
    axes.set_xlim(min(everything) / 1.3, max(everything) * 1.3)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    shown = [ours for ours in COLUMNS if any(ours in record["contestants"] for record, _ in rows)]
    for row, (record, ratios) in enumerate(rows):
        if row % 2 == 0:
            axes.axhspan(row - 0.5, row + 0.5, color=BAND, linewidth=0, zorder=0)
        draw_row(axes, row, record, ratios, shown)
    axes.axvline(1, color=GREEN, linewidth=2.5, zorder=2)

    ticks = [tick for tick in TICKS if axes.get_xlim()[0] <= tick <= axes.get_xlim()[1]]
    axes.set_xticks(ticks, [f"{tick:g}x" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_yticks([])
    plain(axes, grid="x")
    axes.set_xlabel("log scale; further right is slower", color=SOFT)
    for ours in shown:
        axes.text(*COLUMNS[ours], transform=axes.transAxes, ha="right", va="bottom", fontsize=8.5)
    axes.set_title("Time per iteration, as a multiple of ckmeans\n\n", loc="left", fontsize=13, fontweight="bold")
    words = subtitle(results, "Same data, same initial centers, same number of iterations")
    axes.text(0, 1.01, words, transform=axes.transAxes, va="bottom", fontsize=9, color=SOFT, linespacing=1.4)
    ours = {"color": GREEN, "linewidth": 2.5, "label": OURS}
    add_legend(figure, [ours, *(labeled_mark(name) for name in drawn_names(ratios for _, ratios in rows))])
    save(figure, path)
    return True


def draw_row(axes: Any, row: int, record: dict[str, Any], ratios: dict[str, float], shown: list[str]) -> None:
    beside = axes.get_yaxis_transform()
    axes.text(-0.02, row - 0.19, record["cell"], transform=beside, ha="right", va="center")
    axes.text(-0.02, row + 0.21, shape(record), transform=beside, ha="right", va="center", fontsize=8, color=SOFT)
    for place, name in enumerate(name for name in MARKS if name != OURS):
        if name in ratios:
            # One above the other, so that equal times do not hide each other.
            axes.plot(ratios[name], row + 0.17 * (place - 2), **mark(name), zorder=3)
    for ours in shown:
        fastest = fastest_exact_peer(record, ours=ours)
        if fastest is not None:
            words = f"{fastest:#.3g}x"
            axes.text(COLUMNS[ours][0], row, words, transform=beside, ha="right", va="center", fontweight="bold")


def shape(record: dict[str, Any]) -> str:
    n = f"{record['n'] / 1e6:g}M" if record["n"] >= 1_000_000 else f"{record['n'] / 1e3:.0f}k"
    if record["n"] < 1000:
        n = str(record["n"])
    return f"{n} x {record['d']}, k = {record['k']}"


def mark(name: str) -> dict[str, Any]:
    """Hollow for those whose clusters are approximate."""
    shape, color = MARKS[name]
    return {
        "linestyle": "",
        "marker": shape,
        "markersize": 5.5 if shape in "sD" else 6.5,
        "markeredgecolor": color,
        "markeredgewidth": 1.5,
        "markerfacecolor": color if CONTESTANTS[name].exact else "white",
    }


def labeled_mark(name: str) -> dict[str, Any]:
    label = name if CONTESTANTS[name].exact else f"{name} (approximate, own centers)"
    return {"label": label, **mark(name)}


def drawn_names(groups: Iterable[Iterable[str]]) -> list[str]:
    found = {name for group in groups for name in group}
    return [name for name in MARKS if name in found]


def subtitle(results: dict[str, Any], what: str) -> str:
    quick = "A QUICK RUN, NOT A MEASUREMENT. " if results["quick"] else ""
    return f"{quick}{what}\n{results['threads']} threads, {results['cpu']}, {results['date']}"


def add_legend(figure: Any, lines: Iterable[dict[str, Any]]) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], **line) for line in lines]
    columns = len(handles) if len(handles) <= 5 else -(-len(handles) // 2)
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, frameon=False)
