"""The elbow of a curve of inertia: shown, and no part of the recommendation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._types import Floats


def elbow_point(ks: ArrayLike, inertia: ArrayLike) -> int | None:
    """The k at which the curve of inertia bends most: "Kneedle", or None where it has no knee.

    Satopaa, Albrecht, Irwin and Raghavan, "Finding a 'Kneedle' in a haystack" (ICDCS Workshops 2011), offline and of
    sensitivity 1: the curve is scaled to the unit square, and its greatest distance below the diagonal counts if it is
    followed by a fall of at least the mean step.

    Parameters
    ----------
    ks : array-like of shape (n,)
        Ascending.
    inertia : array-like of shape (n,)

    Returns
    -------
    int or None
    """
    x, y = np.asarray(ks, dtype=np.float64), np.asarray(inertia, dtype=np.float64)
    if len(x) < 3 or not np.isfinite(y).all() or not y.max() > y.min():
        return None
    y = y / 2 - y.min() / 2  # halves, whose difference float64 holds
    x, y = (x - x[0]) / (x[-1] - x[0]), y / y.max()
    below = 1 - x - y
    step = float(np.diff(x).mean())
    peaks = [i for i in range(1, len(x) - 1) if below[i - 1] <= below[i] > below[i + 1]]
    for i in sorted(peaks, key=lambda i: -below[i]):
        rest = below[i + 1 :]
        rises = np.flatnonzero(np.diff(np.concatenate([[below[i]], rest])) > 0)
        until = rest[: rises[0]] if len(rises) else rest
        if len(until) and until.min() < below[i] - step and below[i] > 0:
            return int(np.asarray(ks)[i])
    return None


def bend(ks: NDArray[Any], inertia: Floats) -> int | None:
    """The k of the largest second difference (divided: steps may be uneven)."""
    if len(ks) < 3 or not np.isfinite(inertia).all():
        return None
    slopes = np.diff(inertia) / np.diff(ks)
    return int(ks[1 + int(np.argmax(np.diff(slopes) / (ks[2:] - ks[:-2])))])
