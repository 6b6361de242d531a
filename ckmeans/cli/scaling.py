"""Columns of different units made to count alike, and back."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._types import Floats

SCALES = {
    "standard": "standard (each column to mean 0 and standard deviation 1)",
    "minmax": "minmax (each column to the range 0 to 1)",
    "none": "none (columns as they are)",
}


class Scaling(NamedTuple):
    """What was done to each column: scaled = (value / 2**exponent - offset) / unit."""

    exponent: NDArray[np.intc]
    offset: Floats
    unit: Floats

    def restore(self, scaled: Floats) -> Floats:
        """Scaled values in the columns' own units."""
        return np.ldexp(scaled * self.unit + self.offset, self.exponent)


def scale(values: Floats, method: str) -> tuple[Floats, Scaling]:
    """Scale columns by "standard", "minmax" or "none"; the first two make a constant column 0."""
    low, high = values.min(axis=0), values.max(axis=0)
    if method == "none":
        return values, Scaling(np.zeros(len(low), np.intc), np.zeros_like(low), np.ones_like(low))
    # Division by a power of two is exact; after it no square overflows or vanishes, whatever the column's unit.
    exponent = np.frexp(np.maximum(-low, high))[1]
    low, high, scaled = (np.ldexp(x, -exponent) for x in (low, high, values))
    offset, unit = (scaled.mean(axis=0), scaled.std(axis=0)) if method == "standard" else (low, high - low)
    # The rounded mean of equal values need not be that value, and noise would be scaled to 1.
    offset, unit = np.where(low == high, low, offset), np.where(low == high, 1.0, unit)
    scaled -= offset
    scaled /= unit
    return scaled, Scaling(exponent, offset, unit)
