"""Pictures of a clustering, drawn with matplotlib, which ``pip install "ckmeans-native[plot]"`` brings along.

Every function draws into the axes it is given, or into new ones, and returns them. A cluster has the same number,
colour and marker in all pictures; the colours are those of Okabe and Ito, which the colour-blind can tell apart.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _validation as check
from ._tables import column_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

__all__ = ["clusters", "convergence", "elbow", "profiles", "scores", "silhouette", "sizes"]

FloatArray = NDArray[np.float64]
Labels = NDArray[np.integer[Any]]

# Seven colours and eight markers have no common divisor: only the 57th cluster looks like the first.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
LINE, EMPHASIS, INK, MUTED = COLOURS[0], COLOURS[5], "0.15", "0.4"
LARGEST_FONT, SMALLEST_FONT = 9.0, 5.0
LONGEST_NAME = 22  # characters
MOST_SILHOUETTE_ROWS = 20_000  # the time silhouettes take grows with the square of the rows
MOST_ANNOTATED_CELLS = 150
MOST_LABEL = 2**16 - 1  # in an array of labels; all numbers up to the greatest are clusters

CRITERIA = {  # title, field of the error, what is better
    "silhouette": ("Silhouette", "silhouette_error", "higher"),
    "calinski_harabasz": ("Calinski-Harabasz", None, "higher"),
    "davies_bouldin": ("Davies-Bouldin", None, "lower"),
    "bic": ("BIC", None, "lower"),
    "gap": ("Gap", "gap_error", "higher"),
    "stability": ("Stability", None, "higher"),
}


# --- How k was selected -----------------------------------------------------------------------------------------


def elbow(selection: Any, *, ax: "Axes | None" = None) -> "Axes":
    """Inertia against the number of clusters, with its elbow, which is no rule to decide by: uniform data have one,
    too, and it moves with the numbers of clusters tried (Schubert, SIGKDD Explorations 25, 2023).

    Parameters
    ----------
    selection : KSelection
    ax : matplotlib Axes, default a new one

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    TypeError, ImportError
        If a parameter is wrong, or matplotlib is missing.
    """
    table = _checked_table(selection)
    ax = _axes(ax)
    k, inertia, knee, recommended = table["k"], table["inertia"], selection.elbow, selection.recommended_k
    ax.plot(k, inertia, "o-", color=LINE, markersize=4)
    if knee is None:
        ax.plot([], [], " ", label="no elbow")
    else:
        _ring(ax, knee, inertia[k == knee], f"elbow{' and recommended' if knee == recommended else ''}: k = {knee}")
    if knee != recommended:
        _mark_recommended(ax, selection)
    ax.set(xlabel="number of clusters k", ylabel="inertia", title="Inertia by number of clusters", ylim=(0, None))
    _integer_axis(ax, k)
    remark = "An elbow is a hint, no decision (Schubert 2023)"
    legend = ax.legend(loc="upper right", fontsize="small", title=remark, alignment="left")  # free: the curve falls
    legend.get_title().set(fontsize="x-small", color=MUTED)
    return ax


def scores(selection: Any, *, axes: Any = None) -> NDArray[np.object_]:
    """Every criterion that was computed, against the number of clusters, with what it chooses and what is recommended.

    Parameters
    ----------
    selection : KSelection
    axes : array-like of matplotlib Axes, default new ones
        As many as there are criteria with a value, or more.

    Returns
    -------
    ndarray of matplotlib Axes, shape (n_criteria,)
        In the order silhouette, Calinski-Harabasz, Davies-Bouldin, BIC, gap, stability.

    Raises
    ------
    TypeError, ValueError, ImportError
        If a parameter is wrong, no criterion has a value, axes are too few, or matplotlib is missing.
    """
    table = _checked_table(selection)
    names = [name for name in CRITERIA if not np.isnan(table[name]).all()]
    if not names:
        raise ValueError(f"selection must have a criterion with a value, got none for k in {table['k'].tolist()}")
    given = None if axes is None else np.asarray(axes, dtype=object).ravel()
    panels = _panels("axes", given, len(names), (6.8, 0.6 + 2.3 * (len(names) + 1) // 2))
    legend: dict[str, Any] = {}
    for ax, name in zip(panels, names, strict=True):
        _draw_criterion(ax, selection, table, name)
        legend |= {label: handle for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    if given is None:
        panels[0].figure.legend(legend.values(), legend.keys(), loc="outside upper center", ncols=2, fontsize="small")
    else:
        panels[0].legend(legend.values(), legend.keys(), fontsize="x-small")
    return np.array(panels, dtype=object)


def _draw_criterion(ax: "Axes", selection: Any, table: NDArray[Any], name: str) -> None:
    title, error, better = CRITERIA[name]
    k, values, choice = table["k"], table[name], selection.choices.get(name)
    ax.plot(k, values, "o-", color=LINE, markersize=4)
    if name == "gap":
        ax.errorbar(k, values, table[error], fmt="none", ecolor=LINE, capsize=2)
    elif error is not None:
        ax.fill_between(k, values - table[error], values + table[error], color=LINE, alpha=0.2, linewidth=0)
    _mark_recommended(ax, selection)
    if choice is not None:
        _ring(ax, choice, values[k == choice], "choice of the criterion")
    ax.set_title(f"{title}: {'no choice' if choice is None else f'k = {choice}'}", fontsize="medium")
    ax.set_ylabel(f"{better} is better", fontsize="small", color=MUTED)
    ax.set_xlabel("k")
    ax.margins(y=0.15)  # room for rings
    _integer_axis(ax, k)


def _checked_table(selection: Any) -> NDArray[Any]:
    """The table of a selection in the order of k."""
    for attribute in ("table", "choices", "recommended_k", "structured", "elbow"):
        if not hasattr(selection, attribute):
            raise TypeError(f"selection must be a KSelection, got {type(selection).__name__} without {attribute}")
    return np.sort(selection.table, order="k")


def _ring(ax: "Axes", x: int, y: FloatArray, label: str) -> None:
    ax.plot([x] * len(y), y, "o", markersize=11, fillstyle="none", color=EMPHASIS, markeredgewidth=2, label=label)


def _mark_recommended(ax: "Axes", selection: Any) -> None:
    label = f"recommended: k = {selection.recommended_k}{'' if selection.structured else ' (no cluster structure)'}"
    ax.axvline(selection.recommended_k, color=INK, linestyle="--", linewidth=1, label=label)


def _integer_axis(ax: "Axes", numbers: NDArray[Any]) -> None:
    from matplotlib.ticker import MaxNLocator

    ax.set_xlim(numbers.min() - 0.5, numbers.max() + 0.5)
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
    _tidy(ax, "both")


# --- Rows and clusters ------------------------------------------------------------------------------------------


def silhouette(
    X: ArrayLike,
    model: Any,
    *,
    sample_weight: ArrayLike | None = None,
    max_rows: int = 2000,
    ax: "Axes | None" = None,
    n_threads: int | None = None,
) -> "Axes":
    """The sorted silhouettes of the rows of each cluster, their means (short lines) and that of all (dashed line).

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Of more than 20 000 rows a sample is used, with the same share of each cluster; the title then says so.
    model : fitted KMeans, or labels from 0, array-like of shape (n_samples,)
    sample_weight : array-like of shape (n_samples,) or float, optional
        What each row counts in the means, and its height in the diagram.
    max_rows : int, default 2000
        Beyond so many rows, quantiles of the silhouettes are drawn instead of each of them.
    ax : matplotlib Axes, default a new one
    n_threads : int, optional
        As for ``KMeans``.

    Returns
    -------
    matplotlib Axes
        Without a diagram, as its title says, where fewer than two clusters have rows.

    Raises
    ------
    TypeError, ValueError, NotFittedError, ImportError
        If a parameter is wrong, ``model`` is not fitted, or matplotlib is missing.
    """
    from .metrics import silhouette_samples

    max_rows = check.check_integer(max_rows, "max_rows", 1)
    rows, labels, counts = _clustering(X, model)
    weights = check.check_sample_weight(sample_weight, len(rows))
    ax = _axes(ax, height=_height(counts))
    ax.set(xlabel="silhouette", ylabel="cluster (rows)")
    if np.count_nonzero(counts) < 2:
        ax.set(title="No silhouettes: they need two clusters", xlim=(0, 1), yticks=[])
        return ax
    sample = _stratified(labels, MOST_SILHOUETTE_ROWS)
    title = "Silhouettes, mean {:.3f}"
    if len(sample) < len(rows):
        title += f"\non a sample of {len(sample)} of {len(rows)} rows"
        rows, labels, weights = rows[sample], labels[sample], weights if weights is None else weights[sample]
    values = silhouette_samples(rows, labels, sample_weight=weights, n_threads=n_threads)

    heights = np.full(len(rows), 1 / len(rows)) if weights is None else weights / weights.sum()
    shares = np.bincount(labels, heights, minlength=len(counts))
    slots = np.maximum(shares * 1.04, 1 / len(counts))  # room for the label of a small cluster
    middles = np.cumsum(slots) - slots / 2
    for cluster in np.flatnonzero(shares).tolist():
        own = labels == cluster
        edges, curve = _sorted_curve(values[own], heights[own], max(2, int(max_rows * own.mean())))
        edges += middles[cluster] - shares[cluster] / 2
        ax.fill_betweenx(edges, curve, step="post", color=_colour(cluster), linewidth=0)
        ax.vlines(np.average(values[own], weights=heights[own]), edges[0], edges[-1], color=INK, linewidth=1.5)
    mean = np.average(values, weights=heights)
    ax.axvline(mean, color=INK, linestyle="--", linewidth=1)
    ax.axvline(0, color=MUTED, linewidth=0.6)
    ax.set(title=title.format(mean), xlim=(min(0.0, values.min() * 1.05), 1), ylim=(slots.sum(), 0))
    _label_ticks(ax.yaxis, middles, _cluster_names(counts))
    _tidy(ax, "x")
    return ax


def _sorted_curve(values: FloatArray, heights: FloatArray, n_most: int) -> tuple[FloatArray, FloatArray]:
    """Steps through the values from the greatest on, each as high as its row; as many quantiles where they are more."""
    order = np.argsort(-values)
    values, edges = values[order], np.concatenate(([0.0], np.cumsum(heights[order])))
    if len(values) > n_most:
        quantiles = (np.arange(n_most) + 0.5) / n_most * edges[-1]
        values = values[np.searchsorted(edges[1:-1], quantiles, side="right")]
        edges = np.linspace(0, edges[-1], n_most + 1)
    return edges, np.append(values, values[-1])


def clusters(
    X: ArrayLike,
    model: Any,
    *,
    features: tuple[int | str, int | str] | None = None,
    feature_names: Sequence[str] | None = None,
    max_points: int = 20_000,
    ax: "Axes | None" = None,
) -> "Axes":
    """Rows as points, numbers at the centers, and the borders between the clusters.

    Rows and centers are projected onto a plane through the mean of X; the borders are where it cuts the cells of the
    centers, exactly. Of more than two features, a row off the plane may thus appear on the other side of a border.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
    model : fitted KMeans, or labels from 0, array-like of shape (n_samples,)
        Labels have no borders, and the means of their rows as centers.
    features : pair of int or str, optional
        The features to draw, by index or by name. None: both of two; a single one along a line, the points scattered
        across it; else the first two principal components of X.
    feature_names : sequence of str of length n_features, default those of X, else of the fit
    max_points : int, default 20000
        Beyond so many rows, draw a sample with the same share of each cluster.
    ax : matplotlib Axes, default a new one

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    TypeError, ValueError, NotFittedError, ImportError
        If a parameter is wrong, ``model`` is not fitted, or matplotlib is missing.
    """
    max_points = check.check_integer(max_points, "max_points", 1)
    rows, labels, counts = _clustering(X, model)
    origin, directions, axis_labels = _plane(rows, features, _feature_names(X, model, feature_names, rows.shape[1]))
    ax = _axes(ax)
    fitted = _is_fitted(model)
    centers = np.asarray(model.cluster_centers_ if fitted else _cluster_means(rows.T, labels, counts), np.float64)
    drawn = _stratified(labels, max_points)
    points, places = (rows[drawn] - origin) @ directions.T, (centers - origin) @ directions.T
    if not directions[1].any():  # a single feature
        points[:, 1] = np.random.default_rng(0).uniform(-1, 1, len(points))
        ax.set_yticks([])
    area = np.clip(8000 / len(points), 5, 25)
    for cluster in np.flatnonzero(counts).tolist():
        x, y = points[labels[drawn] == cluster].T
        marker = MARKERS[cluster % len(MARKERS)]
        ax.scatter(x, y, area, color=_colour(cluster), marker=marker, linewidths=0.3, edgecolors="white")

    framed = np.concatenate((points, places))
    low, high = np.nanmin(framed, axis=0), np.nanmax(framed, axis=0)
    margin = 0.06 * np.where(high > low, high - low, np.maximum(np.abs(high), 1))
    low, high = low - margin, high + margin
    title = f"Clusters: {len(drawn)} of {len(rows)} rows" if len(drawn) < len(rows) else f"Clusters: {len(rows)} rows"
    if fitted:
        _draw_borders(ax, places, np.linalg.norm(centers - origin - places @ directions, axis=1), low, high)
        title += ", projected\ncut by the plane through the mean" if rows.shape[1] > 2 else ""
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), xlabel=axis_labels[0], ylabel=axis_labels[1], title=title)
    _number_centers(ax, places)
    _tidy(ax)
    return ax


def _plane(rows: NDArray[Any], features: Any, names: list[str]) -> tuple[FloatArray, FloatArray, list[str]]:
    """Origin, directions and axis labels of the plane to draw; the second direction is zero for a single feature."""
    origin = rows.mean(axis=0, dtype=np.float64)
    if features is None and len(names) > 2:
        directions, shares = _principal_directions(rows, origin)
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
    return origin, directions, [_short(names[feature]) for feature in pair] + [""]


def _principal_directions(rows: NDArray[Any], mean: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The first two principal directions, shape (2, n_features), and their shares of the variance."""
    n_rows, n_features = rows.shape
    if n_rows <= n_features:
        _, singular, found = np.linalg.svd(rows - mean, full_matrices=False)
        spectrum = singular**2
    else:  # by blocks, without a centered copy of X
        scatter = np.zeros((n_features, n_features))
        for start in range(0, n_rows, 4096):
            centered = rows[start : start + 4096] - mean
            scatter += centered.T @ centered
        ascending, vectors = np.linalg.eigh(scatter)
        spectrum, found = ascending[::-1].clip(0), vectors.T[::-1]
    directions, shares = np.zeros((2, n_features)), np.zeros(2)  # a single row has but one direction
    directions[: len(found)], shares[: len(found)] = found[:2], spectrum[:2] / (spectrum.sum() or 1)
    directions *= np.where(directions.sum(axis=1, keepdims=True) < 0, -1, 1)  # always the same of two signs
    return directions, shares


def _draw_borders(ax: "Axes", places: FloatArray, distances: FloatArray, low: FloatArray, high: FloatArray) -> None:
    """The cells of centers whose projections lie at ``places`` and which are at ``distances`` from the plane.

    The squared distance of a point p of the plane to a center is ||p - place||^2 + distance^2. Less ||p||^2, which is
    common to all, that is linear in p: a cell is what lines, one for every other center, leave of the picture.
    """
    from matplotlib.collections import PolyCollection

    middle = (low + high) / 2
    corners = 0.55 * (high - low) * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])  # its own edges are not seen
    places = places - middle
    slopes, offsets = -2 * places, (places**2).sum(axis=1) + distances**2
    cells = [_cell(corners, slope - slopes, offset - offsets) for slope, offset in zip(slopes, offsets, strict=True)]
    shades = [f"{_colour(cluster)}1F" for cluster in range(len(cells))]  # 12 % opaque
    polygons = [cell + middle for cell in cells]
    borders = PolyCollection(polygons, facecolors=shades, edgecolors=INK, linewidths=0.8, zorder=0.5)
    ax.add_collection(borders, autolim=False)


def _cell(polygon: FloatArray, slopes: FloatArray, offsets: FloatArray) -> FloatArray:
    """The part of a convex polygon where all of ``slopes @ point + offsets`` are at most zero; empty if there is none."""
    for _ in offsets:
        values = polygon @ slopes.T + offsets
        values = values[:, values.max(axis=0).argmax()]  # of the line that cuts deepest
        following, inside = np.roll(values, -1), values <= 1e-12 * np.abs(values).max()
        crossing = inside != np.roll(inside, -1)
        step = np.divide(values, values - following, out=np.zeros(len(values)), where=crossing)
        crossings = polygon + step[:, np.newaxis] * (np.roll(polygon, -1, axis=0) - polygon)
        polygon = np.stack((polygon, crossings), axis=1)[np.stack((inside, crossing), axis=1)]
        if inside.all() or not len(polygon):
            break
    return polygon


def _number_centers(ax: "Axes", places: FloatArray) -> None:
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
    text: dict[str, Any] = {"ha": "center", "va": "center_baseline", "fontsize": diameter / 2, "zorder": 5}
    for cluster, shift in zip(numbers.tolist(), spots - home, strict=True):
        disc = {"boxstyle": "circle,pad=0.25", "facecolor": "white", "edgecolor": _colour(cluster), "linewidth": 1.5}
        line = {"arrowstyle": "-", "color": INK, "linewidth": 0.8 if np.linalg.norm(shift) > diameter / 2 else 0}
        place, text["xytext"], text["textcoords"] = places[cluster], shift, "offset points"
        ax.annotate(str(cluster), place, bbox=disc, arrowprops=line, **text)


def profiles(
    X: ArrayLike,
    model: Any,
    *,
    feature_names: Sequence[str] | None = None,
    sample_weight: ArrayLike | None = None,
    annotate: bool | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Heat map of (mean of a cluster - overall mean) / overall standard deviation; 0 where a feature is constant.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
    model : fitted KMeans, or labels from 0, array-like of shape (n_samples,)
    feature_names : sequence of str of length n_features, default those of X, else of the fit
    sample_weight : array-like of shape (n_samples,) or float, optional
        What each row counts in means and deviations.
    annotate : bool, optional
        Write the numbers into the cells; None: where there are at most 150.
    ax : matplotlib Axes, default a new one
        Gives room to the colour bar, too.

    Returns
    -------
    matplotlib Axes
        That of the heat map. The line of a cluster without rows is blank.

    Raises
    ------
    TypeError, ValueError, NotFittedError, ImportError
        If a parameter is wrong, ``model`` is not fitted, or matplotlib is missing.
    """
    rows, labels, counts = _clustering(X, model)
    names = _feature_names(X, model, feature_names, rows.shape[1])
    weights = check.check_sample_weight(1.0 if sample_weight is None else sample_weight, len(rows))
    few = len(counts) * len(names) <= MOST_ANNOTATED_CELLS
    annotate = few if annotate is None else check.check_flag(annotate, "annotate")
    ax = _axes(ax, width=min(max(6.4, 2.5 + 0.45 * len(names)), 14), height=_height(counts) + 0.5)

    deviations = _cluster_means((_standardised(column, weights) for column in rows.T), labels, counts, weights)
    limit = max(np.nanmax(np.abs(deviations)), 0.1)
    image = ax.imshow(deviations, cmap="PuOr_r", vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
    ax.figure.colorbar(image, ax=ax, label="standard deviations from the overall mean")
    ax.set(title="Cluster profiles", ylabel="cluster (rows)")
    ax.tick_params(length=0)
    font = _label_ticks(ax.yaxis, np.arange(len(counts)), _cluster_names(counts))
    _label_ticks(ax.xaxis, np.arange(len(names)), [_short(name) for name in names])
    for cluster, feature in np.argwhere(np.isfinite(deviations) & annotate).tolist():
        value = deviations[cluster, feature]
        colour = "white" if abs(value) > 0.6 * limit else INK
        ax.text(feature, cluster, f"{value:z.1f}", ha="center", va="center", fontsize=font, color=colour)
    return ax


def sizes(model: Any, *, ax: "Axes | None" = None) -> "Axes":
    """Bars of the rows in each cluster, with their shares, and those of the weight where the fit had weights.

    Parameters
    ----------
    model : fitted KMeans, or labels from 0, array-like of shape (n_samples,)
    ax : matplotlib Axes, default a new one

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    TypeError, ValueError, NotFittedError, ImportError
        If a parameter is wrong, ``model`` is not fitted, or matplotlib is missing.
    """
    counts = model.cluster_sizes_ if _is_fitted(model) else np.bincount(_checked_labels(model))
    weights = getattr(model, "cluster_weights_", counts)
    weighted = not np.array_equal(weights, counts)
    ax = _axes(ax, height=_height(counts))
    numbers = np.arange(len(counts))
    bars = ax.barh(numbers, counts, color=[_colour(cluster) for cluster in numbers.tolist()])
    ax.set(xlabel="rows", ylabel="cluster", title=f"Cluster sizes, {counts.sum()} rows")
    ax.set(xlim=(0, (1.6 if weighted else 1.3) * counts.max()), ylim=(len(counts) - 0.4, -0.6))
    font = _label_ticks(ax.yaxis, numbers, list(map(str, numbers)))
    texts = [""] * len(counts)
    for i in ax.get_yticks().astype(int):
        texts[i] = f"{counts[i]} ({counts[i] / counts.sum():.1%})"
        texts[i] += f", {weights[i] / weights.sum():.1%} of weight" if weighted else ""
    ax.bar_label(bars, texts, padding=4, fontsize=font)
    _tidy(ax, "x")
    return ax


def convergence(model: Any, *, ax: "Axes | None" = None) -> "Axes":
    """By iteration, how far above its final value the inertia was and the rows with a new label, both as shares.

    Parameters
    ----------
    model : fitted KMeans
    ax : matplotlib Axes, default a new one

    Returns
    -------
    matplotlib Axes
        Logarithmic, without zeros.

    Raises
    ------
    TypeError, NotFittedError, ImportError
        If a parameter is wrong, ``model`` is not fitted, or matplotlib is missing.
    """
    if not (_is_fitted(model) and hasattr(model, "history_")):
        raise TypeError(f"model must be a fitted KMeans, got {type(model).__name__}")
    ax = _axes(ax)
    history = model.history_
    iterations = np.arange(1, len(history) + 1)
    excess = history["inertia"] / (model.inertia_ or np.inf) - 1
    excess[excess < 1e-9] = np.nan  # what is left is rounding
    changed = np.where(history["changed"] > 0, history["changed"] / len(model.labels_), np.nan)
    ax.plot(iterations, excess, "o-", color=LINE, markersize=4, label="inertia above its final value")
    ax.plot(iterations, changed, "s--", color=EMPHASIS, markersize=4, label="rows with a new label")
    shares = np.append(excess, changed)
    ax.set(xlabel="iteration", ylabel="share", yscale="log")
    ax.set_ylim(np.nanmin(shares, initial=0.02) / 2, 3 * np.nanmax(shares, initial=1))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.set_title(f"{'Converged after' if model.converged_ else 'Stopped at'} iteration {model.n_iter_}")
    _integer_axis(ax, iterations)
    ax.legend(loc="upper right", fontsize="small")
    return ax


# --- What the pictures share ------------------------------------------------------------------------------------


def _axes(ax: Any, width: float = 6.4, height: float = 4.2) -> "Axes":
    return _panels("ax", None if ax is None else [ax], 1, (width, height))[0]


def _panels(name: str, given: Iterable[Any] | None, n_panels: int, size: tuple[float, float]) -> "list[Axes]":
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
    panels = list(given)
    for ax in panels:
        if not isinstance(ax, Axes):
            raise TypeError(f"{name} must be matplotlib Axes or None, got {ax!r}")
    if len(panels) < n_panels:
        raise ValueError(f"{name} must be at least {n_panels} Axes, one a criterion, got {len(panels)}")
    return panels[:n_panels]


def _is_fitted(model: Any) -> bool:
    """Whether ``model`` is a fitted estimator rather than labels; an estimator that is not fitted is an error."""
    if hasattr(model, "predict") and not hasattr(model, "cluster_centers_"):
        raise check.not_fitted_error_class()(f"model, a {type(model).__name__}, is not fitted yet: call its fit first")
    return hasattr(model, "predict")


def _clustering(X: Any, model: Any) -> tuple[NDArray[Any], Labels, NDArray[np.int64]]:
    """Checked rows, their labels, and the number of rows in each cluster."""
    rows = check.check_rows(X)
    if _is_fitted(model):
        labels = model.predict(X)
        return rows, labels, np.bincount(labels, minlength=len(model.cluster_centers_))
    labels = _checked_labels(model)
    if len(labels) != len(rows):
        raise ValueError(f"model must hold a label for each of the {len(rows)} rows of X, got {len(labels)}")
    if not np.isfinite(rows).all():
        raise ValueError("X contains NaN or infinity; values must be finite")
    return rows, labels, np.bincount(labels)


def _checked_labels(model: Any) -> Labels:
    labels = np.asarray(model)
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or not len(labels):
        seen = f"{type(model).__name__} of shape {labels.shape} and dtype {labels.dtype}"
        raise TypeError(f"model must be a fitted KMeans or a vector of integer labels, got {seen}")
    if labels.min() < 0 or labels.max() > MOST_LABEL:
        raise ValueError(f"model must hold labels from 0 to {MOST_LABEL}, got {labels.min()} to {labels.max()}")
    return labels


def _feature_names(X: Any, model: Any, given: Any, n_features: int) -> list[str]:
    for names in (given, column_names(X), getattr(model, "feature_names_in_", None)):
        if names is not None:
            if isinstance(names, str) or len(names) != n_features or not all(isinstance(name, str) for name in names):
                raise ValueError(f"feature_names must be {n_features} strings, one a column of X, got {names!r}")
            return list(names)
    return [f"feature {i}" for i in range(n_features)]


def _stratified(labels: Labels, n_most: int) -> NDArray[np.intp]:
    """At most ``n_most`` rows, the same share of every cluster, but one at least of each, in the order of X."""
    if len(labels) <= n_most:
        return np.arange(len(labels))
    shuffled = np.random.default_rng(0).permutation(len(labels))
    by_cluster = shuffled[np.argsort(labels[shuffled], kind="stable")]
    _, first_of_each = np.unique(labels[by_cluster], return_index=True)
    evenly = np.linspace(0, len(labels), max(0, n_most - len(first_of_each)), endpoint=False).astype(np.intp)
    return np.sort(by_cluster[np.union1d(evenly, first_of_each)])


def _cluster_means(columns: Iterable[Any], labels: Labels, counts: Any, weights: Any = None) -> FloatArray:
    """Shape (n_clusters, n_features), NaN for a cluster without weight."""
    weights = np.ones(len(labels)) if weights is None else weights
    totals = np.bincount(labels, weights, len(counts))
    with np.errstate(invalid="ignore"):
        return np.stack([np.bincount(labels, weights * column, len(counts)) / totals for column in columns], axis=1)


def _standardised(column: NDArray[Any], weights: Any) -> FloatArray:
    """Less its mean, by its standard deviation: of differences to a value, so that a constant comes to exactly zero."""
    column = column - column[weights.argmax()].astype(np.float64)
    column -= np.average(column, weights=weights)
    return column / (np.sqrt(np.average(column**2, weights=weights)) or 1)


def _colour(cluster: int) -> str:
    return COLOURS[cluster % len(COLOURS)]


def _cluster_names(counts: NDArray[np.int64]) -> list[str]:
    return [f"{cluster} ({count})" for cluster, count in enumerate(counts)]


def _short(name: str) -> str:
    """A name without its middle where it is long: the ends tell names apart."""
    half = LONGEST_NAME // 2 - 1
    return name if len(name) <= LONGEST_NAME else f"{name[:half]}..{name[-half:]}"


def _height(counts: NDArray[np.int64]) -> float:
    """Inches that a new figure with a line for each cluster should be high."""
    return min(max(4.2, 1 + 0.2 * len(counts)), 14.0)


def _label_ticks(axis: "Axis", positions: NDArray[Any], labels: Sequence[str]) -> float:
    """Label ticks in a font that fits, and return its size; labels that would overlap in the smallest are left out."""
    ax, horizontal = axis.axes, axis is axis.axes.xaxis
    pixels = ax.transData.transform(np.column_stack([positions, positions]))[:, 0 if horizontal else 1]
    points = np.abs(pixels - pixels[0]) * 72 / ax.figure.dpi
    font = float(np.clip(0.8 * np.diff(points).min(initial=np.inf), SMALLEST_FONT, LARGEST_FONT))
    kept = [0]
    for i, point in enumerate(points):
        if point >= points[kept[-1]] + font:
            kept.append(i)
    axis.set_ticks(positions[kept], [labels[i] for i in kept], fontsize=font)
    if horizontal and 0.7 * font * max(map(len, labels)) > np.diff(points[kept]).min(initial=np.inf):
        ax.tick_params(axis="x", labelrotation=90)
    return font


def _tidy(ax: "Axes", grid: Any = None) -> None:
    ax.spines[["top", "right"]].set_visible(False)
    if grid is not None:
        ax.grid(axis=grid, color="0.9", linewidth=0.6)
        ax.set_axisbelow(True)
