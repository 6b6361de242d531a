"""What the checks of ``diagnose`` look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _input as check
from .._fitting.sampling import even_sample, shuffled
from .._statistics import Moments, blocks, cluster_members, safe_unit
from .._types import Floats, Labels, Mask, Names, Positions
from ..estimators._base import CenterEstimator

SAMPLE_ROWS = 5000  # for silhouettes and refits
SMALL_SHARE = 0.1  # of the average size of a cluster; cuts of one Gaussian in few dimensions have 0.3 or more


class Sample(NamedTuple):
    """Rows, and the centers, times a power of two that makes them moderate; nothing looked for depends on the unit."""

    positions: Positions
    rows: Floats
    labels: Labels
    weights: Floats
    centers: Floats


@dataclass(frozen=True)
class Case:
    """What the checks look at, each part computed when it is first asked for."""

    rows: NDArray[Any]
    labels: Labels
    centers: Floats
    weights: Floats
    model: CenterEstimator
    names: Names
    seed: int
    n_threads: int

    @cached_property
    def members(self) -> list[Positions]:
        return cluster_members(self.labels, len(self.centers), self.weights)

    @cached_property
    def unit(self) -> float:
        return safe_unit(self.rows, self.weights, self.centers)

    def blocks(self) -> Iterator[tuple[int, Floats, Floats]]:
        return blocks(self.rows, self.weights, self.members, self.unit)

    @cached_property
    def moments(self) -> dict[int, Moments]:
        """Moments of the clusters that have rows, times ``unit``."""
        return {cluster: Moments.of(block, weights) for cluster, block, weights in self.blocks()}

    @cached_property
    def overall(self) -> Moments:
        return reduce(Moments.merged, self.moments.values())

    @cached_property
    def shares(self) -> Floats:
        """Share of the weight in each cluster."""
        shares: Floats = np.bincount(self.labels, self.weights, len(self.centers)) / self.weights.sum()
        return shares

    @cached_property
    def small(self) -> Mask:
        """Whether each cluster has rows, but far fewer than the average."""
        return (self.shares > 0) & (self.shares < SMALL_SHARE / len(self.centers))

    @cached_property
    def n_distinct(self) -> int:
        rows = np.ascontiguousarray(self.rows[self.weights > 0] + self.rows.dtype.type(0))  # makes -0 to 0
        return len(np.unique(rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1])))))

    @cached_property
    def main_sample(self) -> Sample:
        return self.sample(SAMPLE_ROWS)

    def sample(self, n_most: int) -> Sample:
        """At most ``n_most`` rows that have a weight, the same share of every cluster."""
        positions = even_sample(shuffled(self.members, np.random.default_rng(self.seed)), n_most)
        rows = self.rows[positions].astype(np.float64)
        exponent = -np.frexp(np.abs(rows).max())[1]
        scaled, centers = np.ldexp(rows, exponent), check.rescaled(self.centers, exponent)
        return Sample(positions, scaled, self.labels[positions], self.weights[positions], centers)
