"""What follows from all criteria together."""

from __future__ import annotations

import math

import numpy as np

from .._fitting.gap import GapCurve
from .._types import Table
from .criteria import CRITERIA

STRUCTURE_GAIN = 4.0
"""Standard deviations by which data must gain more from clusters than noise does. Of uniform data one sample in some
hundreds comes above, Gaussian data stay at 0, iris is at 12 or more (docs/choosing-k.md)."""
SAME_SHARE = 0.03
"""Criteria whose choices differ by no more than this share of k agree: a grid of 100 clusters is not 99 by mistake."""


def find_structure(curve: GapCurve | None) -> tuple[bool | None, float]:
    """Whether data gain more from clusters than noise, and by how many standard deviations; None: not tested.

    From as many clusters as distinct points on nothing is left to scatter, whatever the data: those k have no say, but
    where all rows are in two places there are no others.
    """
    if curve is None:
        return None, math.nan
    if not np.isfinite(curve.data[0]):  # all rows are the same
        return False, 0.0
    told = np.isfinite(curve.data[1:])
    gain = float(curve.gains()[1:][told].max()) if told.any() else math.inf
    return gain > STRUCTURE_GAIN, max(gain, 0.0)


def recommend(
    table: Table, choices: dict[str, int | None], structured: bool | None
) -> tuple[int, tuple[int, ...], dict[int, int]]:
    """The k with the most votes, other candidates (the best first), and votes by k."""
    ks = table["k"].tolist()
    several = [k for k in ks if k > 1]
    if structured is False or not several:
        return (1 if structured is False else ks[0]), (), {}
    order = _by_mean_rank(table, several)
    chosen = [k for k in choices.values() if k is not None and k > 1]
    if not chosen and order:
        return order[0], tuple(order[1:2]), {}
    if not chosen:
        return ks[0], (), {}
    support = {k: sum(_same(k, other) for other in chosen) for k in set(chosen)}
    place = {k: i for i, k in enumerate(order)}
    best = max(support, key=lambda k: (support[k], chosen.count(k), -place.get(k, len(ks))))
    others = sorted({k for k in support if not _same(k, best)}, key=lambda k: (-support[k], place.get(k, len(ks))))
    next_best = next((k for k in order if not _same(k, best)), None)
    if next_best is not None and next_best not in others:
        others.append(next_best)
    return best, tuple(others), {k: support[k] for k in sorted(support)}


def _same(k: int, other: int) -> bool:
    return abs(k - other) <= SAME_SHARE * max(k, other)


def _by_mean_rank(table: Table, ks: list[int]) -> list[int]:
    """``ks`` from best to worst by the mean of their ranks among the criteria; none where no criterion has a value."""
    lines = table[np.isin(table["k"], ks)]
    ranks = []
    for name, criterion in CRITERIA.items():
        values = lines[name] if criterion.higher_is_better else -lines[name]
        if criterion.ranks and not np.isnan(values).all():
            ranks.append(np.argsort(np.argsort(-np.where(np.isnan(values), -np.inf, values), kind="stable")))
    if not ranks:
        return []
    order = np.argsort(np.sum(ranks, axis=0), kind="stable")
    return [int(lines["k"][i]) for i in order]
