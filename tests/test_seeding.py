"""First centers against the reference, draw by draw."""

import numpy as np
import pytest
import reference
from conftest import layouts
from hostile import seeded

import ckmeans
from ckmeans import _core


@pytest.mark.parametrize(
    ("counter", "key", "answer"),
    [  # the known answers distributed with Random123
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_known_answers(counter, key, answer):
    assert _core.random_block(counter, key) == answer
    assert reference.philox(counter, key) == answer


@pytest.mark.parametrize("kind", ["normal", "duplicates", "float32", "offset"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("n", "d", "k"), [(1, 1, 1), (40, 3, 5), (40, 2, 40), (2600, 4, 12), (1024, 17, 3)])
def test_kmeans_plusplus_equals_the_reference(isa, kind, weighted, n, d, k):
    rng = np.random.default_rng(n + d)
    X = seeded(rng, kind, n, d)
    weights = rng.integers(0, 4, size=n) + (np.arange(n) % 2 if n < 50 else 0) if weighted else None
    if weights is not None:
        weights = np.maximum(weights, np.arange(n) < k).astype(float)  # enough rows that count
    for seed in (0, 7, 2**63 + 1):
        centers, indices = ckmeans.kmeans_plusplus(X, k, sample_weight=weights, random_state=seed, n_threads=2)
        expected, rows = reference.seed_plus_plus(X, k, seed, weights=weights)
        np.testing.assert_array_equal(indices, rows)
        np.testing.assert_array_equal(centers, expected)
        assert centers.dtype == X.dtype


@pytest.mark.parametrize(
    "kind", ["normal", "duplicates", "float32", "offset", "huge float32", "strided", "one huge row"]
)
@pytest.mark.parametrize(
    ("n", "d", "k"),
    [(9001, 3, 9), (8200, 33, 6), (8200, 33, 3)],
    ids=["sorted into boxes", "packed once", "not packed"],
)
def test_kmeans_plusplus_of_many_rows_equals_the_reference(isa, kind, n, d, k):
    rng = np.random.default_rng(d)
    X = seeded(rng, kind, n, d)
    weights = rng.integers(0, 3, size=n).astype(float) if kind in ("normal", "duplicates", "strided") else None
    _, indices = ckmeans.kmeans_plusplus(X, k, sample_weight=weights, random_state=1, n_threads=2)
    np.testing.assert_array_equal(indices, reference.seed_plus_plus(X, k, 1, weights=weights)[1])


def correlated(rng, kind, n, d):
    """Rows that are embedded in a few dimensions, and long enough to be kept in bytes too."""
    X = rng.normal(size=(n, 4)) @ rng.normal(size=(4, d)) + 0.3 * rng.normal(size=(n, d))
    if kind == "pixels":
        X = np.clip(np.rint(128 + 40 * X), 0, 255).astype(np.uint8)
    if kind == "equal pixels":
        X = np.clip(np.rint(128 + 40 * X), 0, 255).astype(np.float32)[rng.integers(0, n // 100, size=n)]
    if kind == "far rows":
        X[rng.integers(0, n, size=9)] *= 100.0  # beyond what a byte holds at the scale of the others
    if kind == "offset":
        X += 1e6
    return X


@pytest.mark.heavy
@pytest.mark.parametrize("kind", ["pixels", "equal pixels", "far rows", "offset", "weighted"])
def test_kmeans_plusplus_of_long_rows_equals_the_reference(isa, kind):
    n, d, k = 4200, 260, 33
    rng = np.random.default_rng(d)
    X = correlated(rng, kind, n, d)
    weights = rng.integers(0, 3, size=n).astype(float) if kind == "weighted" else None
    if weights is not None:
        X[weights == 0] *= 1e4
    _, indices = ckmeans.kmeans_plusplus(X, k, sample_weight=weights, random_state=1, n_threads=2)
    np.testing.assert_array_equal(indices, reference.seed_plus_plus(X, k, 1, weights=weights)[1])


@pytest.mark.parametrize("kind", ["normal", "one center far away", "offset"])
def test_many_steps_equal_the_reference(isa, kind):
    """Rows go over by many and by few, and candidates that are nearly as good are told apart."""
    rng = np.random.default_rng(9)
    for d in (2, 8, 20):
        X = rng.normal(size=(8500, d)).astype(np.float32)
        if kind == "one center far away":
            X[17] = 1e4
        if kind == "offset":
            X += np.float32(3e3)
        _, indices = ckmeans.kmeans_plusplus(X, 40, random_state=2, n_threads=2)
        np.testing.assert_array_equal(indices, reference.seed_plus_plus(X, 40, 2)[1])


SEEDINGS = {"k-means||": reference.seed_parallel, "afk-mc2": reference.seed_chains}


@pytest.mark.heavy
@pytest.mark.parametrize("init", SEEDINGS)
@pytest.mark.parametrize("kind", ["normal", "duplicates", "float32", "offset", "equal rows", "tiny"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("n", "d", "k"), [(1, 1, 1), (40, 2, 40), (1500, 4, 6), (300, 17, 9)])
def test_other_seedings_equal_the_reference(isa, init, kind, weighted, n, d, k):
    rng = np.random.default_rng(n + d)
    X = seeded(rng, kind, n, d)
    weights = np.maximum(rng.integers(0, 4, size=n), np.arange(n) < k).astype(float) if weighted else None
    for seed in (0, 2**63 + 1):
        centers, indices = _core.seed_centers(X, weights, k, init, 0, seed, 2)
        expected, rows = SEEDINGS[init](X, k, seed, weights=weights)
        np.testing.assert_array_equal(indices, rows)
        np.testing.assert_array_equal(centers, expected)


@pytest.mark.parametrize("init", SEEDINGS)
def test_other_seedings_have_the_same_bits_for_any_threads_instruction_set_and_layout(init):
    X = np.random.default_rng(2).normal(size=(20000, 6)).astype(np.float32)
    _, expected = _core.seed_centers(X, None, 20, init, 0, 3, 1)
    for name in _core.runnable_isas():
        _core.choose_isa(name)
        try:
            for threads in (1, 2, 7):
                for layout in layouts(X).values():
                    _, indices = _core.seed_centers(layout, None, 20, init, 0, 3, threads)
                    np.testing.assert_array_equal(indices, expected)
        finally:
            _core.choose_isa(None)


@pytest.mark.parametrize("init", SEEDINGS)
def test_other_seedings_find_separate_clusters_and_fit_like_their_own_centers(init):
    rng = np.random.default_rng(4)
    middles = np.array([[0, 0], [100, 0], [0, 100], [100, 100]], dtype=float)
    X = np.repeat(middles, 500, axis=0) + rng.normal(size=(2000, 2))
    for seed in range(10):
        centers, indices = _core.seed_centers(X, None, 4, init, 0, seed, 1)
        assert set(indices // 500) == {0, 1, 2, 3}
        model, given = (ckmeans.KMeans(4, init=i, random_state=seed).fit(X) for i in (init, centers))
        np.testing.assert_array_equal(model.labels_, given.labels_)
        assert model.inertia_ == given.inertia_


@pytest.mark.parametrize("init", SEEDINGS)
@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_other_seedings_of_extreme_data(init, scale):
    X = np.random.default_rng(5).normal(size=(3000, 3))
    _, ordinary = _core.seed_centers(X * 2.0**-10, None, 12, init, 0, 7, 2)
    power = 2.0 ** np.round(np.log2(scale))  # squares leave the range of float64: sums are taken in other units
    _, extreme = _core.seed_centers(X * power, None, 12, init, 0, 7, 2)
    np.testing.assert_array_equal(extreme, ordinary)


@pytest.mark.parametrize("weighted", [False, True])
def test_random_rows_equal_the_reference(weighted):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(3000, 3))
    weights = rng.integers(0, 3, size=3000).astype(float) if weighted else None
    centers, indices = _core.seed_centers(X, weights, 60, "random", 0, 5, 2)
    expected, rows = reference.seed_random(X, 60, 5, weights=weights)
    np.testing.assert_array_equal(indices, rows)
    np.testing.assert_array_equal(centers, expected)
    assert len(set(indices)) == 60


def test_same_bits_for_any_threads_instruction_set_and_layout():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(5000, 6)).astype(np.float32)
    _, expected = ckmeans.kmeans_plusplus(X, 20, random_state=3, n_threads=1)
    for name in _core.runnable_isas():
        _core.choose_isa(name)
        try:
            for threads in (1, 2, 3, 7):
                for layout in layouts(X).values():
                    _, indices = ckmeans.kmeans_plusplus(layout, 20, random_state=3, n_threads=threads)
                    np.testing.assert_array_equal(indices, expected)
        finally:
            _core.choose_isa(None)


def test_rows_of_weight_zero_are_never_drawn():
    X = np.arange(200.0).reshape(-1, 1)
    weights = (np.arange(200) % 3 == 0).astype(float)
    for seed in range(30):
        for init in ("k-means++", "k-means||", "afk-mc2", "random"):
            _, indices = _core.seed_centers(X, weights, 10, init, 0, seed, 1)
            assert (weights[indices] > 0).all()


@pytest.mark.parametrize("init", ["k-means++", "k-means||", "afk-mc2", "random"])
def test_nothing_is_drawn_where_there_is_no_weight(init):
    """As the C API allows, and as weights may become that change under a call."""
    X = np.arange(3000.0).reshape(-1, 2)
    with pytest.raises(_core.TooFewRows):
        _core.seed_centers(X, np.zeros(1500), 3, init, 0, 0, 1)
    weights = np.zeros(1500)
    weights[:2] = 1.0
    if init == "random":
        with pytest.raises(_core.TooFewRows):
            _core.seed_centers(X, weights, 3, init, 0, 0, 1)
    vanishing = np.ones(1500)
    args = (3, 3, 2, 1e-4, init, None, 0, 1)
    with pytest.raises(_core.TooFewRows):
        _core.fit(X, vanishing, *args, lambda *progress: vanishing.fill(0.0))


def test_random_rows_are_drawn_in_proportion_to_their_weights():
    """First draws of 4000 seeds: within five standard deviations of the expected counts."""
    X, weights = np.arange(4.0).reshape(-1, 1), np.array([1.0, 2.0, 3.0, 4.0])
    firsts = [_core.seed_centers(X, weights, 1, "random", 0, seed, 1)[1][0] for seed in range(4000)]
    counts, expected = np.bincount(firsts, minlength=4), 400 * weights
    assert (np.abs(counts - expected) < 5 * np.sqrt(expected)).all()


def test_kmeans_plusplus_spreads_over_separate_clusters():
    rng = np.random.default_rng(4)
    middles = np.array([[0, 0], [100, 0], [0, 100], [100, 100]], dtype=float)
    X = np.repeat(middles, 50, axis=0) + rng.normal(size=(200, 2))
    for seed in range(20):
        _, indices = ckmeans.kmeans_plusplus(X, 4, random_state=seed)
        assert set(indices // 50) == {0, 1, 2, 3}
