"""The gap statistic: how much better data cluster than uniform noise of their shape."""

import math
import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ._sweep import Floats, generator, side_by_side, sweep


class GapCurve(NamedTuple):
    """Logarithms of the mean squared distance to the nearest center, of data and of noise."""

    ks: NDArray[np.intp]
    data: Floats
    """Shape (n_ks,)."""
    references: Floats
    """Shape (n_references, n_ks)."""
    log_unit: float = 0.0
    """To be added to all for squared units of the rows."""

    @property
    def gap(self) -> Floats:
        return self.references.mean(axis=0) - self.data

    @property
    def error(self) -> Floats:
        """Tibshirani's s: the standard deviation over the references, and for their number."""
        return self.references.std(axis=0) * math.sqrt(1 + 1 / len(self.references))

    def gains(self) -> Floats:
        """How far the gap rises above that of the first k, in standard deviations of what it does for noise.

        The differences are paired: noise that is worse for one k is worse for all. Variances of neighboring k are
        pooled, because few references tell little of each.
        """
        rise = self.references - self.references[:, :1]
        variances = rise.var(axis=0, ddof=1)
        pooled = variances.copy()
        for i in range(1, len(pooled)):
            pooled[i] = variances[max(1, i - 1) : i + 2].mean()
        error = np.sqrt(pooled * (1 + 1 / len(self.references)))
        excess = self.gap - self.gap[0]
        return np.divide(excess, error, out=np.zeros_like(excess), where=error > 0)


class PrincipalBox:
    """The box along the principal axes of the data that holds them; axes are not turned back, distances do not care."""

    def __init__(self, rows: Floats, weights: Floats | None) -> None:
        centered = rows - np.average(rows, axis=0, weights=weights)
        spread = centered if weights is None else centered * np.sqrt(weights)[:, np.newaxis]
        _, axes = np.linalg.eigh(spread.T @ spread)
        turned = centered @ axes
        self.low, self.high = turned.min(axis=0), turned.max(axis=0)

    def draw(self, n_rows: int, random: np.random.RandomState) -> Floats:
        return self.low + random.random_sample((n_rows, len(self.low))) * (self.high - self.low)


def gap_curve(
    rows: NDArray[Any],
    weights: Floats | None,
    ks: list[int],
    *,
    n_references: int,
    n_init: int,
    seed: int,
    n_threads: int,
) -> GapCurve:
    """Of checked rows. Data and references go through the same fits."""
    values = rows.astype(np.float64)
    exponent = int(np.frexp(np.abs(values).max())[1])
    values = np.ldexp(values, -exponent)  # the gap has no unit
    values -= values[0]
    box = PrincipalBox(values, weights)
    random = generator(seed)
    seeds = [int(s) for s in random.randint(2**32, size=n_references + 1, dtype=np.uint64)]

    def log_dispersions(item: int) -> Floats:
        own_rows, own_weights = values, weights
        if item > 0:
            own_rows, own_weights = box.draw(len(values), generator(seeds[item])), None
        count = len(own_rows) if own_weights is None else math.fsum(own_weights)
        fits = sweep(own_rows, own_weights, ks, n_init=n_init, seed=seeds[item], n_threads=1)
        with warnings.catch_warnings(), np.errstate(divide="ignore"):
            warnings.simplefilter("ignore")  # of fewer distinct points than clusters: their dispersion is 0
            return np.log([fit.inertia / count for _, fit in fits])

    curves = side_by_side(log_dispersions, range(n_references + 1), n_threads)
    return GapCurve(np.asarray(ks), curves[0], np.asarray(curves[1:]), 2 * exponent * math.log(2))
