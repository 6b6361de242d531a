"""The criteria of the choice of k: their columns, how they are shown, and what each chooses.

All that is particular to a criterion stands here, but for its value, which ``scores.py`` computes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .._types import Table

STABLE, AS_STABLE = 0.9, 0.02
"""Adjusted Rand index from which clusters count as found again, and how far below the highest one it may be."""

DTYPE = np.dtype(
    [("k", np.int64)]
    + [
        (name, np.float64)
        for name in (
            "inertia",
            "silhouette",
            "silhouette_error",
            "calinski_harabasz",
            "davies_bouldin",
            "bic",
            "gap",
            "gap_error",
            "stability",
            "smallest_share",
            "seconds",
        )
    ]
)
COLUMNS = {
    "inertia": "{:.6g}",
    "silhouette": "{:.3f}",
    "calinski_harabasz": "{:.4g}",
    "davies_bouldin": "{:.3f}",
    "bic": "{:.6g}",
    "gap": "{:.3f}",
    "stability": "{:.3f}",
    "smallest_share": "{:.1%}",
    "seconds": "{:.3f}",
}
ERRORS = {"silhouette": "silhouette_error", "gap": "gap_error"}
SHORT = {"calinski_harabasz": "Calinski-H.", "davies_bouldin": "Davies-B.", "smallest_share": "smallest"}


def empty_table(ks: list[int]) -> Table:
    table = np.zeros(len(ks), dtype=DTYPE)
    table["k"] = ks
    for name in DTYPE.names[1:]:  # type: ignore[index]
        table[name] = np.nan
    return table


# --- What each criterion chooses ------------------------------------------------------------------------------------


def best(table: Table, name: str, sign: float) -> int | None:
    values = sign * table[name]
    return int(table["k"][np.nanargmax(values)]) if not np.isnan(values).all() else None


def turning_bic(table: Table) -> int | None:
    """Of least BIC; none where it still falls at the end, as it does where clusters are no spheres."""
    k, defined = best(table, "bic", -1), table[~np.isnan(table["bic"])]
    if k is None or (k == defined["k"][-1] and np.isfinite(defined["bic"][-1])):
        return None
    return k


def first_gap(table: Table) -> int | None:
    """The least k whose gap the next one does not exceed by more than its error (Tibshirani et al.)."""
    gap, error = table["gap"], table["gap_error"]
    with np.errstate(invalid="ignore"):  # both infinite: not comparable
        enough = np.flatnonzero(gap[:-1] >= gap[1:] - error[1:])
    return int(table["k"][enough[0]]) if len(enough) else None


def largest_stable(table: Table) -> int | None:
    stability = np.nan_to_num(table["stability"])
    stable = np.flatnonzero(stability >= max(STABLE, stability.max() - AS_STABLE))
    return int(table["k"][stable[-1]]) if len(stable) else None


class Criterion(NamedTuple):
    title: str
    higher_is_better: bool
    choose: Callable[[Table], int | None]
    ranks: bool = True
    """Values for different k may be compared: the criterion takes part in naming the next best."""


CRITERIA = {
    "silhouette": Criterion("Silhouette", True, lambda table: best(table, "silhouette", 1)),
    "calinski_harabasz": Criterion("Calinski-Harabasz", True, lambda table: best(table, "calinski_harabasz", 1)),
    "davies_bouldin": Criterion("Davies-Bouldin", False, lambda table: best(table, "davies_bouldin", -1)),
    "bic": Criterion("BIC", False, turning_bic, ranks=False),
    "gap": Criterion("Gap", True, first_gap, ranks=False),
    "stability": Criterion("Stability", True, largest_stable),
}
"""By the names of their columns."""
