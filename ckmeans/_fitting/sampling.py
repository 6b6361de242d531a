"""Rows drawn at random: how, stands here alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._types import Floats, Positions


def generator(seed: int) -> np.random.RandomState:
    """The generator whose numbers NumPy has promised never to change."""
    return np.random.RandomState(np.random.MT19937(seed))


def sample_rows(
    rows: NDArray[Any], weights: Floats | None, size: int, random: np.random.RandomState
) -> tuple[NDArray[Any], Floats | None]:
    """At most ``size`` rows of positive weight, without replacement, in their order."""
    counted = np.arange(len(rows)) if weights is None else np.flatnonzero(weights)
    if size < len(counted):
        counted = np.sort(counted[random.permutation(len(counted))[:size]])
    return np.ascontiguousarray(rows[counted]), None if weights is None else weights[counted]


def shuffled(strata: Sequence[Positions], random: np.random.RandomState | np.random.Generator) -> list[Positions]:
    """Each of ``strata`` in a random order."""
    return [random.permutation(own) for own in strata]


def stratified_sample(strata: Sequence[Positions], size: int, least: int) -> Positions:
    """Of shuffled strata some ``size`` rows in all, each in proportion to its rows but ``least`` at least; one after
    the other."""
    share = size / sum(map(len, strata))
    return np.concatenate([own[: max(round(len(own) * share), least)] for own in strata])


def even_sample(strata: Sequence[Positions], n_most: int, least: int = 0) -> Positions:
    """Of shuffled strata at most ``n_most`` rows in all, evenly spread but ``least`` of each at least; ascending."""
    rows = np.concatenate(strata)
    if len(rows) > n_most:
        begins = np.cumsum([0, *map(len, strata[:-1])])
        first = [begin + np.arange(min(len(own), least)) for begin, own in zip(begins, strata, strict=True)]
        sure = np.concatenate(first)
        spread = np.linspace(0, len(rows), max(0, n_most - len(sure)), endpoint=False)
        rows = rows[np.union1d(spread.astype(np.intp), sure)]
    return np.sort(rows)
