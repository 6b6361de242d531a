"""Weights of rows, in a unit in which their sums stay within float64."""

from typing import Any, NamedTuple

import numpy as np

from .._types import Floats
from .arrays import to_numeric

MODERATE = 64
"""Largest exponent of two that weights keep as it is."""


class Weights(NamedTuple):
    """Weights of the rows in a unit that keeps their sums within float64."""

    values: Floats | None
    """None where all rows weigh one."""
    exponent: int
    """The unit is 2**exponent; mostly 1."""
    n_rows: int
    """Rows of positive weight."""


def check_weights(sample_weight: Any, n_rows: int) -> Weights:
    """``sample_weight``, checked, copied and scaled.

    Extreme weights are divided by a power of two, such that the largest is just below 1. Rows are counted first, and
    none that has a weight loses it: what would be less than the smallest positive float64 becomes that. Weights that
    have been through this already come back as they are.
    """
    if isinstance(sample_weight, Weights):
        return sample_weight
    weights = _weights(sample_weight, n_rows)
    if weights is None:
        return Weights(None, 0, n_rows)
    counted = int(np.count_nonzero(weights))
    exponent = int(np.frexp(weights.max())[1])
    if abs(exponent) <= MODERATE:
        return Weights(weights, 0, counted)
    scaled = rescaled(weights, -exponent)
    np.copyto(scaled, np.nextafter(0.0, 1.0), where=(scaled == 0) & (weights > 0))
    return Weights(scaled, exponent, counted)


def rescaled(values: Any, exponent: int) -> Any:
    """``values`` times 2**exponent; infinite or 0 where that is beyond float64."""
    if not exponent:
        return values
    with np.errstate(over="ignore", under="ignore"):
        return np.ldexp(values, exponent)


def _weights(sample_weight: Any, n_rows: int) -> Floats | None:
    """A copy of the weights as a float64 array, or None where all rows weigh one."""
    if sample_weight is None:
        return None
    weights = np.array(to_numeric(sample_weight, "sample_weight"), dtype=np.float64, order="C")
    if weights.ndim == 0:
        weights = np.full(n_rows, weights)
    if weights.shape != (n_rows,):
        raise ValueError(f"sample_weight must have shape ({n_rows},), one weight a row of X; got {weights.shape}")
    bad = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if len(bad):
        raise ValueError(
            f"sample_weight must be finite and at least 0, got {weights[bad[0]]} at row {bad[0]}"
            + (f" and {len(bad) - 1} more" if len(bad) > 1 else "")
        )
    if not weights.any():
        raise ValueError("sample_weight is zero for every row; at least one weight must be positive")
    return weights
