"""Pictures of the rows of each cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from .. import _input as check
from .. import metrics
from .._statistics import LARGEST_DIFFERENCE
from ._drawing import (
    INK,
    MARKERS,
    MUTED,
    cluster_color,
    draw_borders,
    drawing_unit,
    figure_height,
    label_ticks,
    new_axes,
    number_centers,
    plane,
    shortened,
    sorted_curve,
    tidy,
    with_unit,
)
from ._rows import cluster_means, clustering, sample, shares, standardized

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_SILHOUETTE_ROWS = 20_000  # the time silhouettes take grows with the square of the rows
MOST_CELLS = 150  # with numbers in them


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
    max_rows = check.check_integer(max_rows, "max_rows", 1)
    n_threads = check.check_n_threads(n_threads)
    present, labels, counts, weights, _ = clustering(X, model, sample_weight)
    drawn = sample(labels, MOST_SILHOUETTE_ROWS)
    rows, labels, weights = present[drawn], labels[drawn], None if weights is None else weights[drawn]
    ax = new_axes(ax, height=figure_height(counts))
    ax.set(xlabel="silhouette", ylabel="cluster (rows)")
    if not 2 <= len(np.unique(labels)) < len(rows):
        ax.set(title="No silhouettes: fewer than two clusters, or as many as rows", xlim=(0, 1), yticks=[])
        return ax
    values = metrics.silhouette_samples(rows, labels, sample_weight=weights, n_threads=n_threads)
    heights = shares(weights, len(rows))
    by_cluster = np.bincount(labels, heights, minlength=len(counts))
    slots = np.maximum(by_cluster * 1.04, 1 / len(counts))  # room for the label of a small cluster
    middles = np.cumsum(slots) - slots / 2
    for cluster in np.flatnonzero(by_cluster).tolist():
        own = labels == cluster
        edges, curve = sorted_curve(values[own], heights[own], max(2, int(max_rows * own.mean())))
        edges += middles[cluster] - by_cluster[cluster] / 2
        ax.fill_betweenx(edges, curve, step="post", color=cluster_color(cluster), linewidth=0)
        ax.vlines(np.average(values[own], weights=heights[own]), edges[0], edges[-1], color=INK, linewidth=1.5)
    mean = np.average(values, weights=heights)
    ax.axvline(mean, color=INK, linestyle="--", linewidth=1)
    ax.axvline(0, color=MUTED, linewidth=0.6)
    remark = f"\non a sample of {len(drawn)} of {len(present)} rows" if len(drawn) < len(present) else ""
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
    rows, labels, counts, _, centers = clustering(X, model)
    fitted = centers is not None
    unit = drawing_unit(rows) if centers is None else drawing_unit(rows, centers)
    if unit != 1:
        rows, centers = rows / unit, None if centers is None else centers / unit
    if centers is None:
        centers = cluster_means(rows.T, labels, counts, np.ones(len(rows)))
    origin, directions, axis_labels = plane(
        rows, features, check.feature_names_of(X, model, feature_names, rows.shape[1]).tolist()
    )
    ax = new_axes(ax)
    drawn = sample(labels, max_points)
    points, places = (rows[drawn] - origin) @ directions.T, (centers - origin) @ directions.T
    if not directions[1].any():  # a single feature
        points[:, 1] = np.random.default_rng(0).uniform(-1, 1, len(points))
        ax.set_yticks([])
    size = np.clip(180 / np.sqrt(len(points)), 2, 5)
    for cluster in np.flatnonzero(counts).tolist():
        x, y = points[labels[drawn] == cluster].T
        ax.plot(x, y, MARKERS[cluster % len(MARKERS)], color=cluster_color(cluster), ms=size, mec="white", mew=0.3)
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
    rows, labels, counts, given, _ = clustering(X, model, sample_weight)
    names = check.feature_names_of(X, model, feature_names, rows.shape[1]).tolist()
    weights = np.ones(len(rows)) if given is None else given
    annotate = check.check_flag(len(counts) * len(names) <= MOST_CELLS if annotate is None else annotate, "annotate")
    ax = new_axes(ax, width=min(max(6.4, 2.5 + 0.45 * len(names)), 14), height=figure_height(counts) + 0.5)
    deviations = cluster_means((standardized(column, weights) for column in rows.T), labels, counts, weights)
    deviations = np.clip(deviations, -LARGEST_DIFFERENCE, LARGEST_DIFFERENCE)  # of rows that have next to no weight
    limit = max(np.nanmax(np.abs(deviations)), 0.1)
    image = ax.imshow(deviations, cmap="PuOr_r", vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
    ax.figure.colorbar(image, ax=ax, label="standard deviations from the overall mean")
    ax.set(title="Cluster profiles", ylabel="cluster (rows)")
    font = label_ticks(ax.yaxis, np.arange(len(counts)), [f"{i} ({count})" for i, count in enumerate(counts)])
    label_ticks(ax.xaxis, np.arange(len(names)), [shortened(name) for name in names])
    for cluster, feature in np.argwhere(np.isfinite(deviations) & annotate).tolist():
        value = deviations[cluster, feature]
        color = "white" if abs(value) > 0.6 * limit else INK
        ax.text(feature, cluster, f"{value:z.1f}", ha="center", va="center", fontsize=font, color=color)
    return ax
