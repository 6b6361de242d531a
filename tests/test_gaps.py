"""Distances between centers exclude groups of them, from the first pass on: never the center that is nearest."""

from functools import cache

import numpy as np
import pytest
import reference
from helpers import blobs, same_bits

import ckmeans

N_ROWS, K = 4000, 300
KINDS = [
    "float32",
    "float64",
    "ties",
    "line",
    "equal rows",
    "equal centers",
    "a group of equal centers",
    "far row",
    "far center",
    "dense halves",
    "huge",
    "tiny",
    "subnormal",
    "subnormal float32",
]
EXCLUDES_NOTHING = {"far row", "far center", "dense halves", "subnormal", "subnormal float32"}
"""Kinds whose images lie too near to each other to be told apart, or whose distances float64 cannot hold."""


@cache
def rows_and_centers(kind):
    rng = np.random.default_rng(7)
    X = blobs(N_ROWS, 9, 250, seed=5, spread=0.4)
    if kind == "ties":
        X = np.round(X)
    elif kind == "line":  # where the triangle inequality is an equation, and rows lie in the middle of two centers
        X = rng.integers(3000, size=(N_ROWS, 1)) * rng.integers(1, 4, size=9)
    elif kind == "equal rows":
        X[100:3000] = X[rng.integers(100, size=2900)]
    elif kind == "far row":
        X[3210] = 1e30
    elif kind == "dense halves":
        X = X * 1e-3 + rng.choice([-1e3, 1e3], size=(N_ROWS, 1))
    elif kind in ("huge", "tiny", "subnormal", "subnormal float32"):
        X *= {"huge": 1e150, "tiny": 1e-150, "subnormal": 1e-315, "subnormal float32": 1e-40}[kind]
    if kind not in ("float64", "huge", "tiny", "subnormal"):
        X = X.astype(np.float32)
    init = X[rng.choice(3000, size=K, replace=False)]
    if kind == "equal centers":
        init[rng.choice(K, size=60, replace=False)] = init[rng.choice(K, size=60)]
    elif kind == "a group of equal centers":
        init[100:140] = init[100]
    elif kind == "far center":
        init[17] = 1e30
    return X, init


@cache
def expected(kind):
    X, init = rows_and_centers(kind)
    return reference.lloyd(X, init, tol=0, max_iter=1)


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
@pytest.mark.parametrize("kind", KINDS)
def test_labels_are_the_nearest_centers(isa, kind):
    X, init = rows_and_centers(kind)
    fit = ckmeans.kmeans(X, K, init=init, tol=0, max_iter=1, algorithm="yinyang")
    assert fit.centers.tobytes() == expected(kind).centers.astype(fit.centers.dtype).tobytes()
    np.testing.assert_array_equal(fit.labels, expected(kind).labels)
    assert (fit.history["screened"][0] == 1.0) == (kind in EXCLUDES_NOTHING)


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
@pytest.mark.parametrize("kind", KINDS)
def test_bounds_that_were_raised_hold_in_later_passes(isa, kind):
    X, init = rows_and_centers(kind)
    weights = np.random.default_rng(1).random(N_ROWS) if kind == "float32" else None
    parameters = dict(init=init, tol=0, max_iter=12, sample_weight=weights)
    plain = ckmeans.kmeans(X, K, algorithm="lloyd", **parameters)
    for threads in (1, 3):
        same_bits(plain, ckmeans.kmeans(X, K, algorithm="yinyang", n_threads=threads, **parameters))


def test_clusters_far_apart_leave_few_pairs_from_the_first_pass_on(float_screen):
    X = blobs(N_ROWS * 3, 12, 300, seed=5, spread=0.5).astype(np.float32)
    init = X[np.random.default_rng(0).choice(len(X), size=1100, replace=False)]
    fits = [
        ckmeans.kmeans(X, 1100, init=init, tol=0, max_iter=12, algorithm=algorithm, n_threads=2)
        for algorithm in ("lloyd", "auto")
    ]
    same_bits(*fits)
    history = fits[1].history
    assert set(history["algorithm"]) == {"yinyang"}
    assert history["screened"][0] < 0.3 and (history["screened"][1:] < 0.2).all()


def test_labels_there_are_already_need_no_guess(float_screen):
    X = blobs(8000, 40, 40, seed=4, spread=1.5)
    history = ckmeans.kmeans(X, 200, random_state=0, tol=0).history
    first = list(history["algorithm"]).index("yinyang")
    assert first > 0 and history["screened"][first] < 0.5


def test_centers_that_exclude_little_are_not_measured(float_screen):
    X = np.random.default_rng(0).normal(size=(N_ROWS, 16))
    history = ckmeans.kmeans(X, K, init=X[:K], tol=0, max_iter=2, algorithm="yinyang").history
    assert history["screened"][0] == 1.0
