"""The picture: how many times longer than ckmeans the others take, one row a cell."""

from pathlib import Path
from typing import Any

from benchmarks.contestants import CONTESTANTS
from benchmarks.figures import OURS, fastest_exact_peer, times_ours

FILE_NAME = "same_iterations.png"

INK, SOFT, GRID, BAND, OUR_COLOR = "#24292f", "#6e7781", "#d8dee4", "#f4f6f8", "#1a7f37"
# Apart in shape as well as in color, for readers who see or print no colors.
MARKS = {
    "scikit-learn": ("o", "#e36209"),
    "oneDAL": ("s", "#0969da"),
    "faiss": ("D", "#8250df"),
    "superkmeans": ("o", SOFT),
}
TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


def draw(results: dict[str, Any], path: Path) -> bool:
    """Write the picture if ckmeans and somebody else took part; says whether it did."""
    rows = [(record, ratios) for record in results["results"] if (ratios := times_ours(record))]
    if not rows:
        path.unlink(missing_ok=True)
        return False

    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    plt.rcParams |= {"font.family": "DejaVu Sans", "font.size": 10, "text.color": INK}
    figure, axes = plt.subplots(figsize=(9, 1.9 + 0.46 * len(rows)))
    figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.12)
    axes.set_xscale("log")
    everything = [1.0, *(ratio for _, ratios in rows for ratio in ratios.values())]
    axes.set_xlim(min(everything) / 1.3, max(everything) * 1.3)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    for row, (record, ratios) in enumerate(rows):
        if row % 2 == 0:
            axes.axhspan(row - 0.5, row + 0.5, color=BAND, linewidth=0, zorder=0)
        draw_row(axes, row, record, ratios)
    axes.axvline(1, color=OUR_COLOR, linewidth=2.5, zorder=2)

    ticks = [tick for tick in TICKS if axes.get_xlim()[0] <= tick <= axes.get_xlim()[1]]
    axes.set_xticks(ticks, [f"{tick:g}x" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_yticks([])
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, colors=INK)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("log scale; further right is slower", color=SOFT)
    axes.text(1.08, 1.01, "fastest\nexact peer", transform=axes.transAxes, ha="right", va="bottom", fontsize=8.5)
    axes.set_title("Time per iteration, as a multiple of ckmeans\n\n", loc="left", fontsize=13, fontweight="bold")
    axes.text(
        0, 1.01, subtitle(results), transform=axes.transAxes, va="bottom", fontsize=9, color=SOFT, linespacing=1.4
    )
    add_legend(figure, {name for _, ratios in rows for name in ratios})
    figure.savefig(path, dpi=160, facecolor="white", metadata={"Software": None})
    plt.close(figure)
    return True


def draw_row(axes: Any, row: int, record: dict[str, Any], ratios: dict[str, float]) -> None:
    beside = axes.get_yaxis_transform()
    n = f"{record['n'] / 1e6:g}M" if record["n"] >= 1_000_000 else f"{record['n'] / 1e3:.0f}k"
    axes.text(-0.02, row - 0.19, record["cell"], transform=beside, ha="right", va="center")
    shape = f"{n} x {record['d']}, k = {record['k']}"
    axes.text(-0.02, row + 0.21, shape, transform=beside, ha="right", va="center", fontsize=8, color=SOFT)
    for place, name in enumerate(MARKS):
        if name in ratios:
            # One above the other, so that equal times do not hide each other.
            axes.plot(ratios[name], row + 0.2 * (place - 1.5), **mark(name), zorder=3)
    fastest = fastest_exact_peer(record)
    if fastest is not None:
        axes.text(1.08, row, f"{fastest:#.3g}x", transform=beside, ha="right", va="center", fontweight="bold")


def mark(name: str) -> dict[str, Any]:
    """Hollow for those whose clusters are approximate."""
    shape, color = MARKS[name]
    return {
        "linestyle": "",
        "marker": shape,
        "markersize": 6.5 if shape == "o" else 5.5,
        "markeredgecolor": color,
        "markeredgewidth": 1.5,
        "markerfacecolor": color if CONTESTANTS[name].exact else "white",
    }


def subtitle(results: dict[str, Any]) -> str:
    quick = "A QUICK RUN, NOT A MEASUREMENT. " if results["quick"] else ""
    return (
        f"{quick}Same data, same initial centers, same number of iterations\n"
        f"{results['threads']} threads, {results['cpu']}, {results['date']}"
    )


def add_legend(figure: Any, names: set[str]) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=OUR_COLOR, linewidth=2.5, label=OURS)]
    for name in MARKS:
        if name in names:
            label = name if CONTESTANTS[name].exact else f"{name} (approximate, own centers)"
            handles.append(Line2D([], [], label=label, **mark(name)))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
