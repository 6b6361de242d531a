"""Pictures of the choice of k."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _input as check
from .._types import Names, Table
from ._drawing import EMPHASIS, INK, LINE, MUTED, drawing_unit, integer_axis, new_axes, new_panels, with_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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


def scores(selection: Any, *, axes: Any = None) -> Names:
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


def _table(selection: Any) -> Table:
    if not (hasattr(selection, "table") and hasattr(selection, "choices")):
        raise TypeError(f"selection must be a KSelection, got {type(selection).__name__}")
    return check.check_selection(selection)
