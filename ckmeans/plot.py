"""Pictures of a clustering, drawn with matplotlib, which ``pip install "ckmeans-native[plot]"`` brings along.

Every function draws into the axes it is given, or into new ones, and returns them. A cluster has the same number,
colour and marker in all pictures; the colours are those of Okabe and Ito, which the colour-blind can tell apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _validation as check
from ._drawing import (
    EMPHASIS,
    INK,
    LINE,
    MARKERS,
    MUTED,
    FloatArray,
    cluster_colour,
    draw_borders,
    drawing_unit,
    figure_height,
    integer_axis,
    label_ticks,
    new_axes,
    new_panels,
    number_centers,
    plane,
    shortened,
    sorted_curve,
    tidy,
    with_unit,
)
from .profiling import LARGEST_DIFFERENCE, cluster_averages, feature_names_of, moderate, predicted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["clusters", "convergence", "elbow", "profiles", "scores", "silhouette", "sizes"]

MOST_SILHOUETTE_ROWS = 20_000  # the time silhouettes take grows with the square of the rows
MOST_CELLS = 150  # with numbers in them
MOST_CLUSTERS = 2**16  # that an array of labels may name


def elbow(selection: Any, *, ax: Axes | None = None) -> Axes:
    """Inertia against the number of clusters, with its elbow.

    That is no rule to decide by: uniform data have one, too, and it moves with the numbers of clusters that were tried
    (Schubert, SIGKDD Explorations 25, 2023).

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
    table = _table(selection)
    ax = new_axes(ax)
    _draw_curve(ax, selection, table, "inertia", "Inertia", "elbow", selection.elbow)
    ax.set(ylabel="inertia", ylim=(0, None))
    ax.legend(
        loc="upper right", title="A hint, no decision (Schubert 2023)", fontsize="small", title_fontsize="x-small"
    )
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
    table = _table(selection)
    names = [name for name in selection.criteria if np.isfinite(table[name]).any()]
    if not names:
        raise ValueError(f"selection must have a criterion with a value, got none for k = {table['k']}")
    given = None if axes is None else np.asarray(axes, dtype=object).ravel().tolist()
    panels = new_panels("axes", given, len(names), (6.8, 0.6 + 2.1 * ((len(names) + 1) // 2)))
    legend: dict[str, Any] = {}
    for ax, name in zip(panels, names, strict=True):
        title, higher_is_better = selection.criteria[name]
        _draw_curve(ax, selection, table, name, title, "choice", selection.choices.get(name))
        ax.set_ylabel(f"{'higher' if higher_is_better else 'lower'} is better", fontsize="small", color=MUTED)
        legend |= {label: handle for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    owner: Any = panels[0].figure if given is None else panels[0]
    place = {"loc": "outside upper center", "ncols": 2} if given is None else {"fontsize": "x-small"}
    owner.legend(legend.values(), legend.keys(), **place)
    return np.array(panels, dtype=object)


def _draw_curve(ax: Axes, selection: Any, table: Any, name: str, title: str, mark: str, marked: int | None) -> None:
    """A column of the table against k, with its error, the k that it marks and the one that is recommended."""
    k, unit = table["k"], drawing_unit(table[name])
    values = np.where(np.isfinite(table[name]), table[name], np.nan) / unit
    ax.plot(k, values, "o-", color=LINE, ms=4)
    if name == "gap":
        ax.errorbar(k, values, table["gap_error"] / unit, fmt="none", ecolor=LINE, capsize=2)
    elif name == "silhouette":
        error = table["silhouette_error"] / unit
        ax.fill_between(k, values - error, values + error, color=LINE, alpha=0.2, linewidth=0)
    remark = "\n(no cluster structure)" if selection.structured is False else ""  # None: not tested
    label = f"recommended: k = {selection.recommended_k}{remark}"
    ax.axvline(selection.recommended_k, color=INK, linestyle="--", linewidth=1, label=label)
    if marked is not None:
        ax.plot(k[k == marked], values[k == marked], "o", ms=11, mew=2, fillstyle="none", color=EMPHASIS, label=mark)
    ax.set_title(
        f"{with_unit(title, unit)}: {f'no {mark}' if marked is None else f'{mark} k = {marked}'}", fontsize="medium"
    )
    ax.set(xlabel="number of clusters k", ymargin=0.15)  # room for rings
    integer_axis(ax, k)


def _table(selection: Any) -> NDArray[np.void]:
    if not (hasattr(selection, "table") and hasattr(selection, "choices")):
        raise TypeError(f"selection must be a KSelection, got {type(selection).__name__}")
    return check.check_selection(selection)


def silhouette(
    X: ArrayLike,
    model: Any,
    *,
    sample_weight: ArrayLike | None = None,
    max_rows: int = 2000,
    ax: Axes | None = None,
    n_threads: int | None = None,
) -> Axes:
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
    n_threads : int, default as for KMeans

    Returns
    -------
    matplotlib Axes
        Without a diagram, as its title says, where fewer than two clusters have rows, or each has a single one.

    Raises
    ------
    TypeError, ValueError, NotFittedError, ImportError
        If a parameter is wrong, ``model`` is not fitted, or matplotlib is missing.
    """
    from .metrics import silhouette_samples

    max_rows = check.check_integer(max_rows, "max_rows", 1)
    n_threads = check.check_n_threads(n_threads)
    present, labels, counts, weights, _ = _clustering(X, model, sample_weight)
    sample = _stratified(labels, MOST_SILHOUETTE_ROWS)
    rows, labels, weights = present[sample], labels[sample], None if weights is None else weights[sample]
    ax = new_axes(ax, height=figure_height(counts))
    ax.set(xlabel="silhouette", ylabel="cluster (rows)")
    if not 2 <= len(np.unique(labels)) < len(rows):
        ax.set(title="No silhouettes: fewer than two clusters, or as many as rows", xlim=(0, 1), yticks=[])
        return ax
    values = silhouette_samples(rows, labels, sample_weight=weights, n_threads=n_threads)
    heights = _shares(weights, len(rows))
    shares = np.bincount(labels, heights, minlength=len(counts))
    slots = np.maximum(shares * 1.04, 1 / len(counts))  # room for the label of a small cluster
    middles = np.cumsum(slots) - slots / 2
    for cluster in np.flatnonzero(shares).tolist():
        own = labels == cluster
        edges, curve = sorted_curve(values[own], heights[own], max(2, int(max_rows * own.mean())))
        edges += middles[cluster] - shares[cluster] / 2
        ax.fill_betweenx(edges, curve, step="post", color=cluster_colour(cluster), linewidth=0)
        ax.vlines(np.average(values[own], weights=heights[own]), edges[0], edges[-1], color=INK, linewidth=1.5)
    mean = np.average(values, weights=heights)
    ax.axvline(mean, color=INK, linestyle="--", linewidth=1)
    ax.axvline(0, color=MUTED, linewidth=0.6)
    remark = f"\non a sample of {len(sample)} of {len(present)} rows" if len(sample) < len(present) else ""
    ax.set(
        title=f"Silhouettes, mean {mean:.3f}{remark}", xlim=(min(0.0, values.min() * 1.05), 1), ylim=(slots.sum(), 0)
    )
    label_ticks(ax.yaxis, middles, [f"{i} ({count})" for i, count in enumerate(counts)])
    tidy(ax, "x")
    return ax


def clusters(
    X: ArrayLike,
    model: Any,
    *,
    features: tuple[int | str, int | str] | None = None,
    feature_names: Sequence[str] | None = None,
    max_points: int = 20_000,
    ax: Axes | None = None,
) -> Axes:
    """Rows as points, numbers at the centers, and the borders between the clusters.

    Rows and centers are projected onto a plane through the mean of X; the borders are where it cuts the cells of the
    centers. Of more than two features, a row off the plane may thus appear on the other side of a border. Values beyond
    1e100, or all below 1e-100, are drawn in a unit that the axes name.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
    model : fitted KMeans, or labels from 0, array-like of shape (n_samples,)
        Labels have no borders, and the means of their rows as centers.
    features : pair of int or str, optional
        Indices or names. None: both of two, a single one along a line with points scattered across it, of more the
        first two principal components of X.
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
    rows, labels, counts, _, centers = _clustering(X, model)
    fitted = centers is not None
    unit = drawing_unit(rows) if centers is None else drawing_unit(rows, centers)
    if unit != 1:
        rows, centers = rows / unit, None if centers is None else centers / unit
    if centers is None:
        centers = _cluster_means(rows.T, labels, counts, np.ones(len(rows)))
    origin, directions, axis_labels = plane(
        rows, features, feature_names_of(X, model, feature_names, rows.shape[1]).tolist()
    )
    ax = new_axes(ax)
    drawn = _stratified(labels, max_points)
    points, places = (rows[drawn] - origin) @ directions.T, (centers - origin) @ directions.T
    if not directions[1].any():  # a single feature
        points[:, 1] = np.random.default_rng(0).uniform(-1, 1, len(points))
        ax.set_yticks([])
    size = np.clip(180 / np.sqrt(len(points)), 2, 5)
    for cluster in np.flatnonzero(counts).tolist():
        x, y = points[labels[drawn] == cluster].T
        ax.plot(x, y, MARKERS[cluster % len(MARKERS)], color=cluster_colour(cluster), ms=size, mec="white", mew=0.3)
    ax.plot(*places.T, ".", color=INK, ms=4)
    title = f"Clusters: {f'{len(drawn)} of ' if len(drawn) < len(rows) else ''}{len(rows)} rows"
    title += ", projected\nborders in the plane through the mean" if fitted and 2 < rows.shape[1] else ""
    ax.set(xlim=ax.get_xlim(), ylim=ax.get_ylim(), title=title)
    ax.set(xlabel=with_unit(axis_labels[0], unit), ylabel=with_unit(axis_labels[1], unit))
    if fitted and len(places) > 1:
        draw_borders(ax, places, np.linalg.norm(centers - origin - places @ directions, axis=1))
    if len(places) <= 100:  # more would hide the points
        number_centers(ax, places)
    return ax


def profiles(
    X: ArrayLike,
    model: Any,
    *,
    feature_names: Sequence[str] | None = None,
    sample_weight: ArrayLike | None = None,
    annotate: bool | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Heat map of (mean of a cluster - overall mean) / overall standard deviation, at most 1e6 in absolute value; 0
    where a feature is constant.

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

    Returns
    -------
    matplotlib Axes
        That of the heat map. The line of a cluster without rows is blank.

    Raises
    ------
    TypeError, ValueError, NotFittedError, ImportError
        If a parameter is wrong, ``model`` is not fitted, or matplotlib is missing.
    """
    rows, labels, counts, given, _ = _clustering(X, model, sample_weight)
    names = feature_names_of(X, model, feature_names, rows.shape[1]).tolist()
    weights = np.ones(len(rows)) if given is None else given
    annotate = check.check_flag(len(counts) * len(names) <= MOST_CELLS if annotate is None else annotate, "annotate")
    ax = new_axes(ax, width=min(max(6.4, 2.5 + 0.45 * len(names)), 14), height=figure_height(counts) + 0.5)
    deviations = _cluster_means((_standardised(column, weights) for column in rows.T), labels, counts, weights)
    deviations = np.clip(deviations, -LARGEST_DIFFERENCE, LARGEST_DIFFERENCE)  # of rows that have next to no weight
    limit = max(np.nanmax(np.abs(deviations)), 0.1)
    image = ax.imshow(deviations, cmap="PuOr_r", vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
    ax.figure.colorbar(image, ax=ax, label="standard deviations from the overall mean")
    ax.set(title="Cluster profiles", ylabel="cluster (rows)")
    font = label_ticks(ax.yaxis, np.arange(len(counts)), [f"{i} ({count})" for i, count in enumerate(counts)])
    label_ticks(ax.xaxis, np.arange(len(names)), [shortened(name) for name in names])
    for cluster, feature in np.argwhere(np.isfinite(deviations) & annotate).tolist():
        value = deviations[cluster, feature]
        colour = "white" if abs(value) > 0.6 * limit else INK
        ax.text(feature, cluster, f"{value:z.1f}", ha="center", va="center", fontsize=font, color=colour)
    return ax


def sizes(model: Any, *, ax: Axes | None = None) -> Axes:
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
    if _is_fitted(model):
        counts = check.fitted_numbers(model, "cluster_sizes_", kinds="iu")
    else:
        counts = np.bincount(check.check_label_indices(model, max(np.size(model), 1), MOST_CLUSTERS, "model"))
    has_weights = hasattr(model, "cluster_weights_")
    weights = check.fitted_numbers(model, "cluster_weights_", counts.shape) if has_weights else counts
    weighted = np.isfinite(weights).all() and weights.any() and not np.array_equal(weights, counts)
    ax = new_axes(ax, height=figure_height(counts))
    numbers = np.arange(len(counts))
    bars = ax.barh(numbers, counts, color=[cluster_colour(cluster) for cluster in range(len(counts))])
    ax.set(xlabel="rows", ylabel="cluster", title=f"Cluster sizes, {counts.sum()} rows")
    ax.set(xlim=(0, (1.6 if weighted else 1.3) * max(counts.max(), 1)), ylim=(len(counts) - 0.4, -0.6))
    font = label_ticks(ax.yaxis, numbers, list(map(str, numbers)))
    texts = [""] * len(counts)
    for i in ax.get_yticks().astype(int):
        texts[i] = f"{counts[i]} ({counts[i] / max(counts.sum(), 1):.1%})"
        texts[i] += f", {_shares(weights, len(weights))[i]:.1%} of weight" if weighted else ""
    ax.bar_label(bars, texts, padding=4, fontsize=font)
    tidy(ax, "x")
    return ax


def convergence(model: Any, *, ax: Axes | None = None) -> Axes:
    """By iteration, how far above its final value the inertia was and the rows with a new label, as shares.

    Parameters
    ----------
    model : fitted KMeans
    ax : matplotlib Axes, default a new one

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    TypeError, NotFittedError, ImportError
        If a parameter is wrong, ``model`` is not fitted, or matplotlib is missing.
    """
    if not (_is_fitted(model) and hasattr(model, "history_")):
        raise TypeError(f"model must be a fitted KMeans, got {type(model).__name__}")
    ax = new_axes(ax)
    history = check.check_fields(model.history_, "history_", ("inertia", "changed"))
    inertia = float(check.fitted_numbers(model, "inertia_", ()))
    n_rows = len(check.fitted_numbers(model, "labels_", kinds="iu"))
    iterations = np.arange(1, len(history) + 1)
    with np.errstate(over="ignore"):
        excess = history["inertia"] / (inertia if 0 < inertia < np.inf else np.nan) - 1
    excess[~((excess >= 1e-9) & np.isfinite(excess))] = np.nan  # less is rounding
    changed = np.where(history["changed"] > 0, history["changed"] / n_rows, np.nan)
    ax.plot(iterations, excess, "o-", color=LINE, ms=4, label="inertia above its final value")
    ax.plot(iterations, changed, "s--", color=EMPHASIS, ms=4, label="rows with a new label")
    least, most = np.nanmin([excess, changed], initial=0.02), np.nanmax([excess, changed], initial=1)
    ax.set(xlabel="iteration", ylabel="share", yscale="log", ylim=(least / 2, 3 * most))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.set_title(f"{'Converged after' if model.converged_ else 'Stopped at'} iteration {model.n_iter_}")
    integer_axis(ax, iterations)
    ax.legend(loc="upper right", fontsize="small")
    return ax


def _is_fitted(model: Any) -> bool:
    """Whether ``model`` is a fitted estimator rather than labels; an estimator that is not fitted is an error."""
    if hasattr(model, "predict") and not hasattr(model, "cluster_centers_"):
        raise check.not_fitted_error_class()(f"model, a {type(model).__name__}, is not fitted yet: call its fit first")
    return hasattr(model, "predict")


class _Clustering(NamedTuple):
    """Checked rows that have a weight, and what belongs to them."""

    rows: NDArray[Any]
    labels: NDArray[np.int32]
    counts: NDArray[np.int64]
    """Such rows in each cluster."""
    weights: FloatArray | None
    centers: FloatArray | None
    """Of an estimator."""


def _clustering(X: Any, model: Any, sample_weight: Any = None) -> _Clustering:
    rows = check.check_rows(X)
    if _is_fitted(model):
        labels, centers = predicted(model, X, rows)
        n_clusters = len(centers)
    else:
        centers = None
        labels = check.check_label_indices(model, len(rows), MOST_CLUSTERS, "model")
        check.check_finite(rows, check.check_n_threads(None))
        n_clusters = int(labels.max()) + 1
    weights = check.check_weights(sample_weight, len(rows)).values
    if weights is not None:
        counted = np.flatnonzero(weights)
        rows, labels, weights = rows[counted], labels[counted], weights[counted]
    return _Clustering(rows, labels, np.bincount(labels, minlength=n_clusters), weights, centers)


def _stratified(labels: NDArray[np.int32], n_most: int) -> NDArray[np.intp]:
    """At most ``n_most`` rows, the same share of every cluster, but one at least of each, in the order of X."""
    if len(labels) <= n_most:
        return np.arange(len(labels))
    shuffled = np.random.default_rng(0).permutation(len(labels))
    by_cluster = shuffled[np.argsort(labels[shuffled], kind="stable")]
    _, first_of_each = np.unique(labels[by_cluster], return_index=True)
    evenly = np.linspace(0, len(labels), max(0, n_most - len(first_of_each)), endpoint=False).astype(np.intp)
    return np.sort(by_cluster[np.union1d(evenly, first_of_each)])


def _shares(weights: FloatArray | None, n_rows: int) -> FloatArray:
    """Weights by their sum."""
    shares: FloatArray = np.ones(n_rows) if weights is None else weights / weights.max()
    shares /= shares.sum()
    return shares


def _cluster_means(columns: Iterable[Any], labels: NDArray[np.int32], counts: Any, weights: FloatArray) -> FloatArray:
    """Shape (n_clusters, n_features), NaN for a cluster without weight."""
    return np.stack([cluster_averages(column, labels, weights, len(counts)) for column in columns], axis=1)


def _standardised(column: NDArray[Any], weights: Any) -> FloatArray:
    """Less its mean, by its standard deviation: of differences to a value, so that a constant comes to exactly zero."""
    column = moderate(column.astype(np.float64))
    column = moderate(column - column[weights.argmax()])
    column = moderate(column - np.average(column, weights=weights))
    return column / (np.sqrt(np.average(column**2, weights=weights)) or 1)
