"""Every way of saving distances gives the bits of plain Lloyd, on data that it serves and on data that attack it."""

import numpy as np
import pytest
from conftest import layouts
from helpers import blobs, same_bits
from hostile import CORRELATED, FEW_FEATURES, N_ROWS, correlated, few_features

import ckmeans
from ckmeans import _core


@pytest.mark.parametrize("kind", CORRELATED)
@pytest.mark.parametrize("weighted", [False, True])
def test_every_algorithm_gives_the_bits_of_lloyd(isa, kind, weighted):
    rng = np.random.default_rng(len(kind))
    X = correlated(kind, rng)
    weights = rng.integers(0, 3, size=len(X)).astype(float) if weighted else None
    parameters = dict(n_clusters=20, tol=0, max_iter=40, random_state=3, sample_weight=weights)
    plain = ckmeans.kmeans(X, algorithm="lloyd", n_threads=1, **parameters)
    assert set(plain.history["algorithm"]) == {"lloyd"} and (plain.history["screened"] == 1.0).all()
    for algorithm in _core.ALGORITHMS:
        for threads in (1, 2, 3):
            same_bits(plain, ckmeans.kmeans(X, algorithm=algorithm, n_threads=threads, **parameters))


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
@pytest.mark.parametrize("kind", FEW_FEATURES)
@pytest.mark.parametrize("weighted", [False, True])
def test_filtering_gives_the_bits_of_lloyd(isa, kind, weighted):
    rng = np.random.default_rng(len(kind))
    X = few_features(kind, rng)
    weights = rng.integers(0, 3, size=len(X)).astype(float) if weighted else None
    for k in (2, 37):
        init = X[rng.choice(len(X), size=k, replace=False)]
        parameters = dict(n_clusters=k, init=init, tol=0, max_iter=30, sample_weight=weights)
        plain = ckmeans.kmeans(X, algorithm="lloyd", n_threads=1, **parameters)
        for algorithm, threads in (("filtering", 1), ("filtering", 3), ("hamerly", 1), ("yinyang", 2)):
            same_bits(plain, ckmeans.kmeans(X, algorithm=algorithm, n_threads=threads, **parameters))


@pytest.mark.parametrize("n", [1, 2, 63, 64, 65, 300])
def test_filtering_of_few_rows(isa, n):
    X = np.random.default_rng(n).normal(size=(n, 2))
    for k in {1, min(n, 5), n}:
        plain = ckmeans.kmeans(X, k, random_state=0, algorithm="lloyd")
        same_bits(plain, ckmeans.kmeans(X, k, random_state=0, algorithm="filtering"))


def test_filtering_leaves_few_pairs_and_auto_sorts_once_it_pays():
    X = blobs(40_000, 2, 12, seed=0, spread=0.5)
    fits = {
        a: ckmeans.kmeans(X, 12, random_state=0, tol=0, n_init=2, algorithm=a) for a in ("lloyd", "filtering", "auto")
    }
    same_bits(fits["lloyd"], fits["filtering"])
    same_bits(fits["lloyd"], fits["auto"])
    assert set(fits["filtering"].history["algorithm"]) == {"filtering"}
    assert (fits["filtering"].history["screened"] < 0.2).all()
    ran = ckmeans.kmeans(X, 100, random_state=0, tol=0, max_iter=20).history["algorithm"].tolist()
    assert ran[-1] == "filtering" and ran.count("lloyd") <= 2


def test_filtering_relocates_empty_clusters_like_lloyd():
    X = blobs(3000, 3, 8, seed=1)
    init = np.concatenate([X[:5], np.full((4, 3), 1e3)])
    plain = ckmeans.kmeans(X, 9, init=init, tol=0, algorithm="lloyd")
    for threads in (1, 2):
        same_bits(plain, ckmeans.kmeans(X, 9, init=init, tol=0, algorithm="filtering", n_threads=threads))


@pytest.mark.parametrize("algorithm", ["projection", "auto"])
def test_projection_runs_where_it_serves_and_measures_few_pairs(float_screen, algorithm):
    X = correlated("wide", np.random.default_rng(0))
    history = ckmeans.kmeans(X, 64, algorithm=algorithm, random_state=0).history
    assert set(history["algorithm"]) == {"projection"}
    assert (history["screened"] < 0.1).all() and (history["screened"] >= 1 / 64).all()


def test_auto_never_projects_where_directions_are_equal():
    X = np.random.default_rng(0).normal(size=(N_ROWS, 60))
    assert "projection" not in ckmeans.kmeans(X, 32, random_state=0, max_iter=5).history["algorithm"]


def test_bounds_skip_rows_of_separate_clusters():
    X = blobs(N_ROWS, 6, 30, seed=3, spread=0.3)
    history = ckmeans.kmeans(X, 30, algorithm="hamerly", random_state=0, tol=0).history
    assert set(history["algorithm"]) == {"hamerly"} and history["screened"][0] == 1.0
    assert len(history) > 1 and history["screened"][-1] < 0.2


@pytest.mark.parametrize("groups", ["hamerly", "yinyang"])
def test_bounds_of_rows_that_the_screen_leaves_open(isa, groups):
    """Dense halves far from each other: their rows are settled in float64, and many change their label."""
    rng = np.random.default_rng(2)
    X = (rng.normal(size=(3000, 6)) + rng.choice([-1e4, 1e4], size=(3000, 1))).astype(np.float32)
    init = X[rng.choice(3000, size=120, replace=False)]
    plain = ckmeans.kmeans(X, 120, init=init, tol=0, max_iter=60, algorithm="lloyd")
    assert plain.n_iter > 20
    same_bits(plain, ckmeans.kmeans(X, 120, init=init, tol=0, max_iter=60, algorithm=groups))


def many_centers(kind, rng):
    """Rows and 1100 centers, enough for 64 groups and more."""
    X = blobs(8000, 12, 300, seed=5, spread=4.0)
    if kind == "ties":
        X = np.round(X)
    elif kind == "far row":
        X[4321] = 1e30
    elif kind == "dense halves":
        X += rng.choice([-1e5, 1e5], size=(8000, 1))
    elif kind == "equal rows":
        X[100:4000] = X[rng.integers(100, size=3900)]
    return X.astype(np.float32), X[rng.choice(8000, size=1100, replace=False)].astype(np.float32)


@pytest.mark.parametrize("kind", ["plain", "ties", "far row", "dense halves", "equal rows"])
def test_bounds_of_many_groups_give_the_bits_of_lloyd(isa, kind):
    rng = np.random.default_rng(11)
    X, init = many_centers(kind, rng)
    weights = rng.random(8000) if kind == "plain" else None
    fits = [
        ckmeans.kmeans(X, 1100, init=init, tol=0, max_iter=12, algorithm=a, sample_weight=weights, n_threads=threads)
        for a, threads in (("lloyd", 1), ("yinyang", 1), ("yinyang", 3), ("auto", 2))
    ]
    for fit in fits[1:]:
        same_bits(fits[0], fit)


def test_auto_bounds_many_groups_from_the_first_pass_on(float_screen):
    X, init = many_centers("plain", np.random.default_rng(11))
    history = ckmeans.kmeans(X, 1100, init=init, tol=0, max_iter=12).history
    assert set(history["algorithm"]) == {"yinyang"}
    assert history["screened"][0] == 1.0 and history["screened"][-1] < 0.2
    few_passes = ckmeans.kmeans(X, 1100, init=init, tol=0, max_iter=3).history
    assert set(few_passes["algorithm"]) == {"lloyd"}


def test_auto_does_not_keep_bounds_that_exclude_nothing():
    X = np.random.default_rng(0).random((N_ROWS, 60))
    history = ckmeans.kmeans(X, 200, random_state=0, max_iter=3, tol=0).history
    assert history["algorithm"].tolist() == ["lloyd"] * 3


def test_auto_takes_to_bounds_when_centers_come_to_rest(float_screen):
    X = blobs(N_ROWS, 40, 40, seed=4, spread=1.5)
    history = ckmeans.kmeans(X, 200, random_state=0, tol=0).history
    assert history["algorithm"][0] == "lloyd" and history["algorithm"][-1] == "yinyang"
    assert history["screened"][-1] < 0.2


@pytest.mark.parametrize("scale", [1.0, 1e-20, 1e20])
def test_bounds_hold_over_thousands_of_iterations_of_hardly_moving_centers(scale):
    """Rows evenly spread over a line: borders creep by a row or so an iteration, and ties are everywhere."""
    X = np.arange(3000.0)[:, None] * scale
    init = (np.arange(40.0)[:, None] * 3) * scale
    fits = [
        ckmeans.kmeans(X, 40, init=init, tol=0, max_iter=3000, algorithm=a)
        for a in ("lloyd", "hamerly", "filtering", "auto")
    ]
    assert fits[0].n_iter > 300
    for fit in fits[1:]:
        same_bits(fits[0], fit)


def test_auto_leaves_projection_where_it_measures_too_much():
    """Nearly all scatter along one direction, but the clusters differ in the others."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(N_ROWS, 48)) * 0.05
    X[:, 0] = rng.choice([-1.0, 1.0], size=N_ROWS) * 30
    history = ckmeans.kmeans(X, 32, algorithm="auto", random_state=0, max_iter=6).history
    assert history["algorithm"][0] == "projection" and history["algorithm"][-1] == "lloyd"


def test_projection_from_given_centers_and_any_layout():
    X = correlated("wide", np.random.default_rng(5)).astype(np.float32)
    init = X[:: N_ROWS // 30][:30]
    plain = ckmeans.kmeans(X, 30, init=init, algorithm="lloyd", tol=0)
    for layout in layouts(X).values():
        same_bits(plain, ckmeans.kmeans(layout, 30, init=init, algorithm="projection", tol=0))


def test_seeds_are_the_same_with_and_without_principal_directions():
    """With algorithm="lloyd" the seeding screens the rows themselves."""
    X = correlated("wide", np.random.default_rng(6))
    centers = {
        algorithm: ckmeans.kmeans(X, 40, algorithm=algorithm, random_state=1, max_iter=1, tol=0).centers
        for algorithm in _core.ALGORITHMS
    }
    for name in centers:
        np.testing.assert_array_equal(centers[name], centers["lloyd"])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("d", [100, 1100])
def test_rows_that_stay_packed_over_passes_and_restarts(isa, dtype, d):
    rng = np.random.default_rng(d)
    X = rng.normal(size=(300_000 // d, d)) / np.arange(1, d + 1) ** 0.7  # more than are packed beforehand
    X = X.astype(dtype)
    init = np.stack([X[rng.choice(len(X), size=9, replace=False)] for _ in range(2)])
    for given in (X, np.asfortranarray(X)):
        for one in init:
            parameters = dict(n_clusters=9, init=one, tol=0, max_iter=12)
            plain = ckmeans.kmeans(given, algorithm="lloyd", n_threads=1, **parameters)
            assert plain.n_iter > 4
            np.testing.assert_array_equal(plain.labels, ckmeans.assign(given, plain.centers))
            for algorithm, threads in (("lloyd", 2), ("hamerly", 1), ("auto", 3)):
                same_bits(plain, ckmeans.kmeans(given, algorithm=algorithm, n_threads=threads, **parameters))


def test_projection_serves_wide_rows_whose_blocks_are_small(isa):
    """Blocks were once no whole panels of embedded rows here, and the embedding was of no use."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(5000, 4)) @ rng.normal(size=(4, 784)) + 0.01 * rng.random((5000, 784))
    found = ckmeans.kmeans(X.astype(np.float32), 20, init="random", random_state=0, max_iter=3, algorithm="projection")
    assert set(found.history["algorithm"]) == {"projection"}
