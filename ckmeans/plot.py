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

# Seven colours and eight markers have no common divisor: only the 57th cluster looks like the first.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
LINE, EMPHASIS, INK, MUTED = COLOURS[0], COLOURS[5], "0.15", "0.4"
MOST_SILHOUETTE_ROWS = 20_000  # the time silhouettes take grows with the square of the rows
MOST_CELLS = 150  # with numbers in them
MOST_CLUSTERS = 2**16  # that an array of labels may name
CRITERIA = {  # title, and what is better
    "silhouette": ("Silhouette", "higher"),
    "calinski_harabasz": ("Calinski-Harabasz", "higher"),
    "davies_bouldin": ("Davies-Bouldin", "lower"),
    "bic": ("BIC", "lower"),
    "gap": ("Gap", "higher"),
    "stability": ("Stability", "higher"),
}


def elbow(selection: Any, *, ax: "Axes | None" = None) -> "Axes":
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
    _check_selection(selection)
    ax = _axes(ax)
    _draw_curve(ax, selection, "inertia", "Inertia", "elbow", selection.elbow)
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
    _check_selection(selection)
    names = [name for name in CRITERIA if np.isfinite(selection.table[name]).any()]
    if not names:
        raise ValueError(f"selection must have a criterion with a value, got none for k = {selection.table['k']}")
    given = None if axes is None else np.asarray(axes, dtype=object).ravel().tolist()
    panels = _panels("axes", given, len(names), (6.8, 0.6 + 2.1 * ((len(names) + 1) // 2)))
    legend: dict[str, Any] = {}
    for ax, name in zip(panels, names, strict=True):
        title, better = CRITERIA[name]
        _draw_curve(ax, selection, name, title, "choice", selection.choices.get(name))
        ax.set_ylabel(f"{better} is better", fontsize="small", color=MUTED)
        legend |= {label: handle for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    owner: Any = panels[0].figure if given is None else panels[0]
    place = {"loc": "outside upper center", "ncols": 2} if given is None else {"fontsize": "x-small"}
    owner.legend(legend.values(), legend.keys(), **place)
    return np.array(panels, dtype=object)


def _draw_curve(ax: "Axes", selection: Any, name: str, title: str, mark: str, marked: int | None) -> None:
    """A column of the table against k, with its error, the k that it marks and the one that is recommended."""
    table = np.sort(selection.table, order="k")
    k, values = table["k"], table[name]
    ax.plot(k, values, "o-", color=LINE, ms=4)
    if name == "gap":
        ax.errorbar(k, values, table["gap_error"], fmt="none", ecolor=LINE, capsize=2)
    elif name == "silhouette":
        error = table["silhouette_error"]
        ax.fill_between(k, values - error, values + error, color=LINE, alpha=0.2, linewidth=0)
    remark = "\n(no cluster structure)" if selection.structured is False else ""  # None: not tested
    label = f"recommended: k = {selection.recommended_k}{remark}"
    ax.axvline(selection.recommended_k, color=INK, linestyle="--", linewidth=1, label=label)
    if marked is not None:
        ax.plot(k[k == marked], values[k == marked], "o", ms=11, mew=2, fillstyle="none", color=EMPHASIS, label=mark)
    ax.set_title(f"{title}: {f'no {mark}' if marked is None else f'{mark} k = {marked}'}", fontsize="medium")
    ax.set(xlabel="number of clusters k", ymargin=0.15)  # room for rings
    _integer_axis(ax, k)


def _check_selection(selection: Any) -> None:
    if not (hasattr(selection, "table") and hasattr(selection, "choices")):
        raise TypeError(f"selection must be a KSelection, got {type(selection).__name__}")


def _integer_axis(ax: "Axes", numbers: NDArray[Any]) -> None:
    from matplotlib.ticker import MaxNLocator

    ax.set_xlim(numbers.min() - 0.5, numbers.max() + 0.5)
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
    _tidy(ax, "both")


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
    rows, labels, counts = _clustering(X, model)
    weights = check.check_sample_weight(sample_weight, len(rows))
    present = np.arange(len(rows)) if weights is None else np.flatnonzero(weights)
    sample = present[_stratified(labels[present], MOST_SILHOUETTE_ROWS)]
    rows, labels, weights = rows[sample], labels[sample], None if weights is None else weights[sample]
    ax = _axes(ax, height=_height(counts))
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
        edges, curve = _sorted_curve(values[own], heights[own], max(2, int(max_rows * own.mean())))
        edges += middles[cluster] - shares[cluster] / 2
        ax.fill_betweenx(edges, curve, step="post", color=_colour(cluster), linewidth=0)
        ax.vlines(np.average(values[own], weights=heights[own]), edges[0], edges[-1], color=INK, linewidth=1.5)
    mean = np.average(values, weights=heights)
    ax.axvline(mean, color=INK, linestyle="--", linewidth=1)
    ax.axvline(0, color=MUTED, linewidth=0.6)
    remark = f"\non a sample of {len(sample)} of {len(present)} rows" if len(sample) < len(present) else ""
    ax.set(
        title=f"Silhouettes, mean {mean:.3f}{remark}", xlim=(min(0.0, values.min() * 1.05), 1), ylim=(slots.sum(), 0)
    )
    _label_ticks(ax.yaxis, middles, [f"{i} ({count})" for i, count in enumerate(counts)])
    _tidy(ax, "x")
    return ax


def _sorted_curve(values: FloatArray, heights: FloatArray, n_most: int) -> tuple[FloatArray, FloatArray]:
    """Steps through the values from the greatest on, each as high as its row; as many quantiles where they are more."""
    order = np.argsort(-values)
    ends = np.cumsum(heights[order])
    edges = np.append(0, ends) if len(values) <= n_most else np.linspace(0, ends[-1], n_most + 1)
    steps = values[order][np.searchsorted(ends[:-1], (edges[1:] + edges[:-1]) / 2)]
    return edges, np.append(steps, steps[-1])


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
    centers. Of more than two features, a row off the plane may thus appear on the other side of a border.

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
    rows, labels, counts = _clustering(X, model)
    origin, directions, axis_labels = _plane(rows, features, _feature_names(X, model, feature_names, rows.shape[1]))
    ax = _axes(ax)
    fitted = _is_fitted(model)
    centers = model.cluster_centers_ if fitted else _cluster_means(rows.T, labels, counts, np.ones(len(rows)))
    drawn = _stratified(labels, max_points)
    points, places = (rows[drawn] - origin) @ directions.T, (centers - origin) @ directions.T
    if not directions[1].any():  # a single feature
        points[:, 1] = np.random.default_rng(0).uniform(-1, 1, len(points))
        ax.set_yticks([])
    size = np.clip(180 / np.sqrt(len(points)), 2, 5)
    for cluster in np.flatnonzero(counts).tolist():
        x, y = points[labels[drawn] == cluster].T
        ax.plot(x, y, MARKERS[cluster % len(MARKERS)], color=_colour(cluster), ms=size, mec="white", mew=0.3)
    ax.plot(*places.T, ".", color=INK, ms=4)
    title = f"Clusters: {f'{len(drawn)} of ' if len(drawn) < len(rows) else ''}{len(rows)} rows"
    title += ", projected\nborders in the plane through the mean" if fitted and 2 < rows.shape[1] else ""
    ax.set(xlim=ax.get_xlim(), ylim=ax.get_ylim(), xlabel=axis_labels[0], ylabel=axis_labels[1], title=title)
    if fitted and len(places) > 1:
        _draw_borders(ax, places, np.linalg.norm(centers - origin - places @ directions, axis=1))
    if len(places) <= 100:  # more would hide the points
        _number_centers(ax, places)
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


def _draw_borders(ax: "Axes", places: FloatArray, distances: FloatArray) -> None:
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
        ax.contourf(x, y, lead, [-np.inf, 0], colors=[f"{_colour(cluster)}1F"], zorder=0.5)
        ax.contour(x, y, lead, [0], colors=INK, linewidths=0.8, zorder=0.6)


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
    text: dict[str, Any] = {"textcoords": "offset points", "ha": "center", "va": "center_baseline", "zorder": 5}
    for cluster, shift in zip(numbers.tolist(), spots - home, strict=True):
        disc = {"boxstyle": "circle,pad=0.25", "facecolor": "white", "edgecolor": _colour(cluster), "linewidth": 1.5}
        line = {"arrowstyle": "-", "color": INK, "linewidth": 0.8 if np.linalg.norm(shift) > diameter / 2 else 0}
        ax.annotate(str(cluster), places[cluster], shift, fontsize=diameter / 2, bbox=disc, arrowprops=line, **text)


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
    weights = _shares(check.check_sample_weight(sample_weight, len(rows)), len(rows))
    annotate = check.check_flag(len(counts) * len(names) <= MOST_CELLS if annotate is None else annotate, "annotate")
    ax = _axes(ax, width=min(max(6.4, 2.5 + 0.45 * len(names)), 14), height=_height(counts) + 0.5)
    deviations = _cluster_means((_standardised(column, weights) for column in rows.T), labels, counts, weights)
    limit = max(np.nanmax(np.abs(deviations)), 0.1)
    image = ax.imshow(deviations, cmap="PuOr_r", vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
    ax.figure.colorbar(image, ax=ax, label="standard deviations from the overall mean")
    ax.set(title="Cluster profiles", ylabel="cluster (rows)")
    font = _label_ticks(ax.yaxis, np.arange(len(counts)), [f"{i} ({count})" for i, count in enumerate(counts)])
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
    if _is_fitted(model):
        counts = model.cluster_sizes_
    else:
        counts = np.bincount(check.check_label_indices(model, max(np.size(model), 1), MOST_CLUSTERS, "model"))
    weights = getattr(model, "cluster_weights_", counts)
    weighted = np.isfinite(weights).all() and not np.array_equal(weights, counts)
    ax = _axes(ax, height=_height(counts))
    numbers = np.arange(len(counts))
    bars = ax.barh(numbers, counts, color=[_colour(cluster) for cluster in range(len(counts))])
    ax.set(xlabel="rows", ylabel="cluster", title=f"Cluster sizes, {counts.sum()} rows")
    ax.set(xlim=(0, (1.6 if weighted else 1.3) * counts.max()), ylim=(len(counts) - 0.4, -0.6))
    font = _label_ticks(ax.yaxis, numbers, list(map(str, numbers)))
    texts = [""] * len(counts)
    for i in ax.get_yticks().astype(int):
        texts[i] = f"{counts[i]} ({counts[i] / counts.sum():.1%})"
        texts[i] += f", {_shares(weights, len(weights))[i]:.1%} of weight" if weighted else ""
    ax.bar_label(bars, texts, padding=4, fontsize=font)
    _tidy(ax, "x")
    return ax


def convergence(model: Any, *, ax: "Axes | None" = None) -> "Axes":
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
    ax = _axes(ax)
    history = model.history_
    iterations = np.arange(1, len(history) + 1)
    excess = history["inertia"] / (model.inertia_ if 0 < model.inertia_ < np.inf else np.nan) - 1
    excess[excess < 1e-9] = np.nan  # what is left is rounding
    changed = np.where(history["changed"] > 0, history["changed"] / len(model.labels_), np.nan)
    ax.plot(iterations, excess, "o-", color=LINE, ms=4, label="inertia above its final value")
    ax.plot(iterations, changed, "s--", color=EMPHASIS, ms=4, label="rows with a new label")
    least, most = np.nanmin([excess, changed], initial=0.02), np.nanmax([excess, changed], initial=1)
    ax.set(xlabel="iteration", ylabel="share", yscale="log", ylim=(least / 2, 3 * most))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.set_title(f"{'Converged after' if model.converged_ else 'Stopped at'} iteration {model.n_iter_}")
    _integer_axis(ax, iterations)
    ax.legend(loc="upper right", fontsize="small")
    return ax


def _axes(ax: Any, width: float = 6.4, height: float = 4.2) -> "Axes":
    return _panels("ax", None if ax is None else [ax], 1, (width, height))[0]


def _panels(name: str, given: list[Any] | None, n_panels: int, size: tuple[float, float]) -> "list[Axes]":
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


def _is_fitted(model: Any) -> bool:
    """Whether ``model`` is a fitted estimator rather than labels; an estimator that is not fitted is an error."""
    if hasattr(model, "predict") and not hasattr(model, "cluster_centers_"):
        raise check.not_fitted_error_class()(f"model, a {type(model).__name__}, is not fitted yet: call its fit first")
    return hasattr(model, "predict")


def _clustering(X: Any, model: Any) -> tuple[NDArray[Any], NDArray[np.int32], NDArray[np.int64]]:
    """Checked rows, their labels, and the number of rows in each cluster."""
    rows = check.check_rows(X)
    if _is_fitted(model):
        labels: NDArray[np.int32] = model.predict(X)
        return rows, labels, np.bincount(labels, minlength=len(model.cluster_centers_))
    labels = check.check_label_indices(model, len(rows), MOST_CLUSTERS, "model")
    if not np.isfinite(rows).all():
        raise ValueError("X contains NaN or infinity; values must be finite")
    return rows, labels, np.bincount(labels)


def _feature_names(X: Any, model: Any, given: Any, n_features: int) -> list[str]:
    for names in (given, column_names(X), getattr(model, "feature_names_in_", None)):
        if names is not None:
            if isinstance(names, str) or len(names) != n_features or not all(isinstance(name, str) for name in names):
                raise ValueError(f"feature_names must be {n_features} strings, one a column of X, got {names!r}")
            return list(names)
    return [f"feature {i}" for i in range(n_features)]


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
    """Weights by their sum, which may be beyond float64."""
    shares: FloatArray = np.ones(n_rows) if weights is None else weights / weights.max()
    shares /= shares.sum()
    return shares


def _cluster_means(columns: Iterable[Any], labels: NDArray[np.int32], counts: Any, weights: FloatArray) -> FloatArray:
    """Shape (n_clusters, n_features), NaN for a cluster without weight."""
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


def _short(name: str) -> str:
    """A name without its middle where it is long: the ends tell names apart."""
    return name if len(name) <= 22 else f"{name[:10]}..{name[-10:]}"


def _height(counts: NDArray[np.int64]) -> float:
    """Inches that a new figure with a line for each cluster should be high."""
    return min(max(4.2, 1 + 0.2 * len(counts)), 14.0)


def _label_ticks(axis: "Axis", positions: NDArray[Any], labels: Sequence[str]) -> float:
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


def _tidy(ax: "Axes", grid: Any) -> None:
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis=grid, color="0.9", linewidth=0.6)
    ax.set_axisbelow(True)
