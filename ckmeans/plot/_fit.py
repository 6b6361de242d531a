"""Pictures of a fitted estimator, without its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _input as check
from ._drawing import EMPHASIS, LINE, cluster_color, figure_height, integer_axis, label_ticks, new_axes, tidy
from ._rows import MOST_CLUSTERS, shares

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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
    if check.is_estimator(model):
        counts = check.fitted_numbers(model, "cluster_sizes_", kinds="iu")
    else:
        counts = np.bincount(check.check_label_indices(model, max(np.size(model), 1), MOST_CLUSTERS, "model"))
    has_weights = hasattr(model, "cluster_weights_")
    weights = check.fitted_numbers(model, "cluster_weights_", counts.shape) if has_weights else counts
    weighted = np.isfinite(weights).all() and weights.any() and not np.array_equal(weights, counts)
    ax = new_axes(ax, height=figure_height(counts))
    numbers = np.arange(len(counts))
    bars = ax.barh(numbers, counts, color=[cluster_color(cluster) for cluster in range(len(counts))])
    ax.set(xlabel="rows", ylabel="cluster", title=f"Cluster sizes, {counts.sum()} rows")
    ax.set(xlim=(0, (1.6 if weighted else 1.3) * max(counts.max(), 1)), ylim=(len(counts) - 0.4, -0.6))
    font = label_ticks(ax.yaxis, numbers, list(map(str, numbers)))
    texts = [""] * len(counts)
    for i in ax.get_yticks().astype(int):
        texts[i] = f"{counts[i]} ({counts[i] / max(counts.sum(), 1):.1%})"
        texts[i] += f", {shares(weights, len(weights))[i]:.1%} of weight" if weighted else ""
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
    if not (check.is_estimator(model) and hasattr(model, "history_")):
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
