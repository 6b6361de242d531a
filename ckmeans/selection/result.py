"""What ``choose_k`` returns, and how it shows itself."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _input as check
from .._show.tables import Cell, aligned, escaped, html_table
from ..estimators.kmeans import KMeans
from .criteria import COLUMNS, ERRORS, SHORT


@dataclass(frozen=True, repr=False)
class KSelection:
    """The outcome of :func:`ckmeans.choose_k`.

    Printed, it shows the table, what each criterion chooses, and the recommendation; in a notebook likewise.
    """

    table: NDArray[np.void]
    """One entry for each k: fields k, inertia, silhouette, silhouette_error, calinski_harabasz, davies_bouldin, bic,
    gap, gap_error, stability (mean adjusted Rand index), smallest_share (of the smallest cluster, by weight), seconds
    (to fit and score). NaN where a score is not defined, cannot be computed or was not asked for; an inertia that
    float64 cannot hold is infinite."""
    criteria: dict[str, tuple[str, bool]]
    """Title of each criterion that was asked for, and whether higher values are better."""
    n_rows: int
    """Rows of positive weight."""
    choices: dict[str, int | None]
    """The k that each criterion chooses; None where it chooses none."""
    recommended_k: int
    alternatives: tuple[int, ...]
    """Other candidates, the best first: what other criteria choose, and the next best in the mean of the ranks."""
    votes: dict[int, int]
    """By k: how many criteria choose it, or one so near that it counts as the same."""
    structured: bool | None
    """False: *no cluster structure*, ``recommended_k`` is 1. None: not tested, for want of
    the criterion "gap", of rows, or of several k."""
    structure_gain: float
    """Standard deviations by which the data gain more from clusters than uniform noise of their shape does, at the k
    where that is most."""
    structure_threshold: float
    """What ``structure_gain`` must exceed."""
    elbow: int | None
    """Knee of the inertia by Kneedle: shown, and no part of the recommendation."""
    elbow_by_curvature: int | None
    """The same by the largest second difference."""
    models: dict[int, KMeans] = field(default_factory=dict)
    """The fitted estimator of each k."""

    def __post_init__(self) -> None:
        check.check_selection(self)

    @property
    def ks(self) -> NDArray[np.int64]:
        """Numbers of clusters tried, ascending."""
        return np.asarray(self.table["k"])

    @property
    def best_estimator_(self) -> KMeans:
        """The fitted estimator of ``recommended_k``."""
        if self.recommended_k not in self.models:
            raise ValueError(f"models must hold an estimator for recommended_k={self.recommended_k}, got {self.models}")
        return self.models[self.recommended_k]

    @property
    def agreement(self) -> float:
        """Share of the criteria that chose a number of clusters above one which chose the recommended one; NaN where
        none did."""
        voters = self._voters()
        return self.votes.get(self.recommended_k, 0) / voters if voters and self.structured is not False else math.nan

    def _voters(self) -> int:
        return sum(k is not None and k > 1 for k in self.choices.values())

    # --- Words --------------------------------------------------------------------------------------------------

    @property
    def verdict(self) -> str:
        """The recommendation in one or two sentences."""
        if self.structured is False:
            return (
                f"No cluster structure: the data gain no more from clusters than uniform noise of their shape does "
                f"(at most {self.structure_gain:.1f} standard deviations; {self.structure_threshold:g} would tell). "
                "Recommended: k = 1."
            )
        voters = self._voters()
        agreed = self.votes.get(self.recommended_k, 0)
        words = [f"Recommended: k = {self.recommended_k}"]
        if agreed:
            words.append(f", chosen by {agreed} of the {voters} criteria that choose more than one cluster")
        elif self.alternatives:
            words.append(", the best in the mean of the ranks: no criterion chooses")
        elif len(self.ks) > 1:
            words.append(", the least: there is nothing to choose by")
        if self.alternatives:
            words.append("; also plausible: " + ", ".join(f"k = {k}" for k in self.alternatives))
        words.append(".")
        if self.ks[-1] < self.n_rows and self.recommended_k == self.ks[-1] > 1:
            words.append(f" That is the largest k tried: try more than {self.ks[-1]}.")
        if self.structured is None:
            words.append(" Whether there is any structure was not tested.")
        elif self.structured and math.isfinite(self.structure_gain):
            words.append(
                f" There is structure: the data gain {self.structure_gain:.1f} standard deviations more from clusters "
                "than uniform noise of their shape does."
            )
        return "".join(words)

    def _elbow_words(self) -> str:
        found = [f"{self.elbow} (Kneedle)" if self.elbow is not None else "none (Kneedle)"]
        if self.elbow_by_curvature is not None:
            found.append(f"{self.elbow_by_curvature} (second differences)")
        return f"Elbow of the inertia, which has no vote: {', '.join(found)}."

    def _columns(self) -> list[str]:
        return [name for name in COLUMNS if not np.isnan(self.table[name]).all()]

    def _cells(self) -> list[list[str]]:
        """A list for each k: k, then the columns; a star where a criterion chooses it."""
        lines = []
        for entry in self.table:
            line = [str(entry["k"])]
            for name in self._columns():
                cell = "-" if np.isnan(entry[name]) else COLUMNS[name].format(entry[name])
                error = entry[ERRORS[name]] if name in ERRORS else math.nan
                if 0 < error < math.inf and np.isfinite(entry[name]):
                    cell += f" ± {error:.3f}"
                line.append(cell + ("*" if self.choices.get(name) == entry["k"] else ""))
            lines.append(line)
        return lines

    def _head(self) -> list[str]:
        titles = {name: title for name, (title, _) in self.criteria.items()} | SHORT
        return ["k", *(titles.get(name, name) for name in self._columns())]

    def __str__(self) -> str:
        lines = [self._head(), *self._cells()]
        starred = any(cell.endswith("*") for line in lines for cell in line)
        if starred:  # a column of its own, so that digits stay below digits
            lines = [[cell if cell.endswith("*") else cell + " " for cell in line] for line in lines]
        text = [line.rstrip() for line in aligned(list(zip(*lines, strict=True)), " ", n_left=0)]
        for i, entry in enumerate(self.table):
            if entry["k"] == self.recommended_k:
                text[i + 1] += "   <- recommended"
        notes = ["* chosen by the criterion"] if starred else []
        return "\n".join([*text, *notes, "", self.verdict, self._elbow_words()])

    def __repr__(self) -> str:
        return (
            f"<KSelection: k = {self.recommended_k} of {self.ks[0]} to {self.ks[-1]}, structured={self.structured}, "
            f"agreement={self.agreement:.0%}>".replace("agreement=nan%", "agreement=nan")
        )

    def _repr_html_(self) -> str:
        rows = []
        for entry, line in zip(self.table, self._cells(), strict=True):
            bold = "; font-weight: bold" if entry["k"] == self.recommended_k else ""
            plain, shaded = (f"text-align: right{bold}{shade}" for shade in ("", "; background: #cfe8f7"))
            rows.append([Cell(cell.removesuffix("*"), shaded if cell.endswith("*") else plain) for cell in line])
        return (
            f"<p><b>{escaped(self.verdict)}</b></p>{html_table(self._head(), rows)}"
            f"<p>Shaded: chosen by the criterion. {escaped(self._elbow_words())}</p>"
        )

    # --- Other forms --------------------------------------------------------------------------------------------

    def to_pandas(self) -> Any:
        """The table as a pandas data frame with k as its index."""
        import pandas as pd

        return pd.DataFrame({name: self.table[name] for name in self.table.dtype.names or ()}).set_index("k")

    def plot(self, kind: str = "scores", **kwargs: Any) -> Any:
        """A picture, by matplotlib: "scores" or "elbow"; see :mod:`ckmeans.plot`. Returns the axes drawn into."""
        from .. import plot

        return getattr(plot, check.check_choice(kind, "kind", ("scores", "elbow")))(self, **kwargs)
