"""How pictures are drawn: axes, ticks, colors, planes and borders. matplotlib is imported by the functions here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .. import _input as check
from .._types import Counts, Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

# Seven colors and eight markers have no common divisor: only the 57th cluster looks like the first.
COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
LINE, EMPHASIS, INK, MUTED = COLORS[0], COLORS[5], "0.15", "0.4"


def new_axes(ax: Any, width: float = 6.4, height: float = 4.2) -> Axes:
    return new_panels("ax", None if ax is None else [ax], 1, (width, height))[0]


def new_panels(name: str, given: list[Any] | None, n_panels: int, size: tuple[float, float]) -> list[Axes]:
    """The first ``n_panels`` of the axes given, or those of a new figure."""
    try:
        from matplotlib.axes import Axes
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError('pictures need matplotlib: pip install "ckmeans-native[plot]"') from error
    if given is None:
        try:
            from matplotlib import pyplot

            figure: Figure = pyplot.figure(figsize=size, layout="constrained")
        except ImportError:  # the backend chosen does not work here; files can be written all the same
            figure = Figure(figsize=size, layout="constrained")
        return [figure.add_subplot((n_panels + 1) // 2, min(n_panels, 2), i + 1) for i in range(n_panels)]
    if not all(isinstance(ax, Axes) for ax in given):
        raise TypeError(f"{name} must be matplotlib Axes or None, got {given!r}")
    if len(given) < n_panels:
        raise ValueError(f"{name} must be at least {n_panels} Axes, one a criterion, got {len(given)}")
    return given[:n_panels]


def drawing_unit(*arrays: NDArray[Any]) -> float:
    """What to divide values by before they are drawn: 1, but a power of ten where pictures cannot hold them.

    matplotlib takes differences and reciprocals of what it draws, near the ends of the range of float64 in vain.
    """
    largest = max(float(np.abs(array[np.isfinite(array)], dtype=np.float64).max(initial=0)) for array in arrays)
    if largest == 0 or 1e-100 <= largest <= 1e100:
        return 1.0
    return float(10.0 ** max(np.floor(np.log10(largest)), -320))  # the least that has three digits left


def with_unit(label: str, unit: float) -> str:
    return label if unit == 1 or not label else f"{label}, in {unit:.0e}"


def figure_height(counts: Counts) -> float:
    """Inches that a new figure with a line for each cluster should be high."""
    return min(max(4.2, 1 + 0.2 * len(counts)), 14.0)


def tidy(ax: Axes, grid: Any) -> None:
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis=grid, color="0.9", linewidth=0.6)
    ax.set_axisbelow(True)


def integer_axis(ax: Axes, numbers: NDArray[Any]) -> None:
    from matplotlib.ticker import MaxNLocator

    ax.set_xlim(numbers.min() - 0.5, numbers.max() + 0.5)
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
    tidy(ax, "both")


def label_ticks(axis: Axis, positions: NDArray[Any], labels: Sequence[str]) -> float:
    """Label ticks in a font that fits, and return its size; every few of them where even the smallest does not."""
    ax, horizontal = axis.axes, axis is axis.axes.xaxis
    pixels = ax.transData.transform(np.column_stack([positions, positions]))[:, 0 if horizontal else 1]
    room = np.abs(np.diff(pixels)).min(initial=ax.bbox.width) * 72 / ax.figure.dpi
    font = float(np.clip(0.8 * room, 5, 9))
    every = int(np.ceil(font / room))
    axis.set_ticks(positions[::every], labels[::every], fontsize=font)
    if horizontal and 0.7 * font * max(map(len, labels)) > every * room:
        ax.tick_params(axis="x", labelrotation=90)
    return font


def cluster_color(cluster: int) -> str:
    return COLORS[cluster % len(COLORS)]


def shortened(name: str) -> str:
    """A name without its middle where it is long: the ends tell names apart."""
    return name if len(name) <= 22 else f"{name[:10]}..{name[-10:]}"


def sorted_curve(values: Floats, heights: Floats, n_most: int) -> tuple[Floats, Floats]:
    """Steps through the values from the greatest on, each as high as its row; as many quantiles where they are more."""
    order = np.argsort(-values)
    ends = np.cumsum(heights[order])
    edges = np.append(0, ends) if len(values) <= n_most else np.linspace(0, ends[-1], n_most + 1)
    steps = values[order][np.searchsorted(ends[:-1], (edges[1:] + edges[:-1]) / 2)]
    return edges, np.append(steps, steps[-1])


def plane(rows: NDArray[Any], features: Any, names: list[str]) -> tuple[Floats, Floats, list[str]]:
    """Origin, directions and axis labels of the plane to draw; the second direction is zero for a single feature."""
    origin = rows.mean(axis=0, dtype=np.float64)
    if features is None and len(names) > 2:
        directions, shares = principal_directions(rows, origin)
        return origin, directions, [f"component {i} ({share:.0%} of the variance)" for i, share in enumerate(shares, 1)]
    pair = []
    for feature in range(len(names)) if features is None else features if isinstance(features, (tuple, list)) else ():
        if isinstance(feature, str):
            pair.append(names.index(check.check_choice(feature, "features", names)))
        else:
            pair.append(check.check_integer(feature, "features", 0, len(names) - 1))
    if features is not None and not len(pair) == len(set(pair)) == 2:
        raise ValueError(f"features must be a pair of different features, by index or by name, got {features!r}")
    directions = np.zeros((2, len(names)))
    directions[range(len(pair)), pair] = 1
    origin[pair] = 0  # so that the axes show the features' own values
    return origin, directions, [shortened(names[feature]) for feature in pair] + [""]


def principal_directions(rows: NDArray[Any], mean: Floats) -> tuple[Floats, Floats]:
    """The first two principal directions, shape (2, n_features), and their shares of the variance."""
    if len(rows) <= len(mean):
        _, roots, found = np.linalg.svd(rows - mean, full_matrices=False)
        spectrum = roots**2
    else:  # by blocks, without a centered copy of X
        blocks = np.array_split(rows, len(rows) // 4096 + 1)
        scatter = np.sum([(block - mean).T @ (block - mean) for block in blocks], axis=0)
        _, spectrum, found = np.linalg.svd(scatter, hermitian=True)
    directions, shares = np.zeros((2, len(mean))), np.zeros(2)  # a single row has but one direction
    directions[: len(found)], shares[: len(found)] = found[:2], spectrum[:2] / (spectrum.sum() or 1)
    directions *= np.where(directions.sum(axis=1, keepdims=True) < 0, -1, 1)  # always the same of two signs
    return directions, shares


def draw_borders(ax: Axes, places: Floats, distances: Floats) -> None:
    """The cells of centers whose projections lie at ``places`` and which are at ``distances`` from the plane.

    The squared distance of a point p of the plane to a center is ||p - place||^2 + distance^2. Without ||p||^2, which
    is common to all, it is linear in p, so that contour lines of differences are exact.
    """
    x_limits, y_limits = ax.get_xlim(), ax.get_ylim()
    n_lines = int(np.clip(np.sqrt(1e7 / len(places)), 50, 300))
    x, y = np.linspace(*x_limits, n_lines), np.linspace(*y_limits, n_lines)
    middle = np.array([np.mean(x_limits), np.mean(y_limits)])  # the origin, so that little cancels
    slopes, offsets = 2 * (middle - places), ((places - middle) ** 2).sum(axis=1) + distances**2
    scores = np.multiply.outer(y - middle[1], slopes[:, 1])[:, np.newaxis] + offsets
    scores = scores + np.multiply.outer(x - middle[0], slopes[:, 0])
    nearest = scores.argmin(axis=2)
    visible = np.unique(nearest).tolist()
    if len(visible) < 2:
        return
    least, second = np.partition(scores[..., visible], 1)[..., :2].transpose(2, 0, 1)
    for cluster in visible:
        lead = scores[..., cluster] - np.where(nearest == cluster, second, least)
        ax.contourf(x, y, lead, [-np.inf, 0], colors=[f"{cluster_color(cluster)}1F"], zorder=0.5)
        ax.contour(x, y, lead, [0], colors=INK, linewidths=0.8, zorder=0.6)


def number_centers(ax: Axes, places: Floats) -> None:
    """A disc with its number at each center; discs that would overlap move apart, tied to their centers by a line."""
    numbers = np.flatnonzero(~np.isnan(places).any(axis=1))
    diameter = 16.0 if len(numbers) <= 20 else 13.0  # in points
    home = ax.transData.transform(places[numbers]) * 72 / ax.figure.dpi
    spots = home + np.random.default_rng(0).normal(0, 1e-3, home.shape)  # discs in one place or line can part, too
    for _ in range(100):
        between = spots[:, np.newaxis] - spots
        distance = np.linalg.norm(between, axis=2) + np.diag(np.full(len(spots), np.inf))
        push = np.maximum(diameter - distance, 0) / 2
        spots += (between * (push / distance)[:, :, np.newaxis]).sum(axis=1)
    text: dict[str, Any] = {"textcoords": "offset points", "ha": "center", "va": "center_baseline", "zorder": 5}
    for cluster, shift in zip(numbers.tolist(), spots - home, strict=True):
        disc = {
            "boxstyle": "circle,pad=0.25",
            "facecolor": "white",
            "edgecolor": cluster_color(cluster),
            "linewidth": 1.5,
        }
        line = {"arrowstyle": "-", "color": INK, "linewidth": 0.8 if np.linalg.norm(shift) > diameter / 2 else 0}
        ax.annotate(str(cluster), places[cluster], shift, fontsize=diameter / 2, bbox=disc, arrowprops=line, **text)
