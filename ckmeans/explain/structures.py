"""Connected structures among rows: what remains of a minimum spanning tree when its gaps are cut.

Distances are mutual reachabilities, which keep thin places from looking like gaps (Campello, Moulavi and Sander,
PAKDD 2013).
"""

from __future__ import annotations

import numpy as np

from .. import _core
from .._types import Floats, Positions

NEIGHBORS = 10  # the distance of this neighbor says how dense the surroundings of a row are
GAP = 1.6  # length of an edge across a gap, in medians of the edges at its ends; within one cloud of rows, up to 1.2
STRUCTURE_SHARE = 0.04  # of all rows, at least, in a structure
LINE_SHARE = 0.98  # sum of squared variances by squared sum: beyond, rows lie along a line, where all parts are convex
FAR = 10.0  # medians of those distances, in a structure, beyond which a row counts as none of it
CLEAR = 1.4  # ratio of the smallest gap and the largest other edge so measured: else blobs that touch would look joined


def find_structures(rows: Floats, weights: Floats, n_threads: int) -> Positions:
    """Number of the connected structure that each row is in, -1 for none."""
    distinct, which = np.unique(rows, axis=0, return_inverse=True)
    weights = np.bincount(which, weights).astype(np.float64)
    deviations = (distinct - np.average(distinct, axis=0, weights=weights)) * np.sqrt(weights)[:, np.newaxis]
    scatter = deviations.T @ deviations if len(rows) > rows.shape[1] else deviations @ deviations.T
    if len(distinct) <= 2 * NEIGHBORS or (scatter**2).sum() >= LINE_SHARE * scatter.trace() ** 2:
        return np.full(len(rows), -1)
    distances: Floats = _core.transform(distinct, distinct, n_threads).astype(np.float64, copy=False)
    density = np.partition(distances, NEIGHBORS, axis=1)[:, NEIGHBORS]
    np.maximum(distances, np.maximum(density[:, np.newaxis], density), out=distances)
    parts = parts_of(*spanning_tree(distances), weights)
    for number in range(parts.max() + 1):
        parts[(parts == number) & (density > FAR * np.median(density[parts == number]))] = -1
    return parts[which]


def spanning_tree(distances: Floats) -> tuple[Positions, Floats]:
    """Both ends of the edges of a minimum spanning tree, shape (n - 1, 2), and their lengths (Prim, 1957)."""
    n_rows = len(distances)
    ends, lengths = np.empty((n_rows - 1, 2), np.intp), np.empty(n_rows - 1)
    reach, parent, reached = np.full(n_rows, np.inf), np.zeros(n_rows, np.intp), np.zeros(n_rows, np.bool_)
    newest = 0
    for edge in range(n_rows - 1):
        reached[newest] = True
        closer = distances[newest] < reach
        reach[closer], parent[closer] = distances[newest, closer], newest
        reach[reached] = np.inf
        newest = int(reach.argmin())
        ends[edge], lengths[edge] = (parent[newest], newest), reach[newest]
    return ends, lengths


def parts_of(ends: Positions, lengths: Floats, weights: Floats) -> Positions:
    """Large parts, by number, that a tree falls into when cut at its gaps; -1 for other nodes, and without clear gaps.

    Edges join parts, the shortest first; those much longer than the usual edge of two large parts are the gaps.
    """
    part = np.arange(len(weights))
    nodes = [[node] for node in part.tolist()]
    inner: list[list[float]] = [[] for _ in nodes]
    sizes, enough = weights.copy(), STRUCTURE_SHARE * weights.sum()
    smallest_gap, largest_other = np.inf, 1.0
    for edge in np.argsort(lengths, kind="stable"):
        small, large = sorted(part[ends[edge]].tolist(), key=lambda end: len(nodes[end]))
        if min(sizes[small], sizes[large]) >= enough:
            usual = max((np.median(inner[end]) for end in (small, large) if inner[end]), default=lengths[edge])
            ratio = lengths[edge] / usual
            if ratio > GAP:
                smallest_gap = min(smallest_gap, ratio)
                continue
            largest_other = max(largest_other, ratio)
        part[nodes[small]] = large
        nodes[large] += nodes[small]
        inner[large] += [*inner[small], lengths[edge]]
        sizes[large] += sizes[small]
    is_large = np.bincount(part, weights, minlength=len(part)) >= enough
    if smallest_gap < CLEAR * largest_other:
        is_large[:] = False
    return np.where(is_large, np.cumsum(is_large) - 1, -1)[part]
