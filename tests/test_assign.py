"""Labels, distances and inertia against the float64 reference: equal, not nearly."""

import numpy as np
import pytest
import reference
from conftest import layouts
from hostile import ASSIGNED, assigned
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ckmeans
from ckmeans import _core

DTYPES = ["f4", "f8", "i1", "u1", "i2", "u2"]
each_isa = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)


@each_isa
@given(
    seed=st.integers(0, 2**32),
    n=st.integers(1, 150),
    d=st.sampled_from([1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 70]),
    k=st.integers(1, 40),
    dtype=st.sampled_from(DTYPES),
    kind=st.sampled_from(ASSIGNED),
    layout=st.sampled_from(["C", "Fortran", "strided", "reversed"]),
)
def test_labels_equal_the_oracle(isa, seed, n, d, k, dtype, kind, layout):
    X, C = assigned(seed, n, d, k, dtype, kind)
    np.testing.assert_array_equal(ckmeans.assign(layouts(X)[layout], C, n_threads=2), reference.assign(X, C))


@pytest.mark.heavy
@pytest.mark.parametrize("kind", ASSIGNED)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_labels_of_many_rows_and_runs_of_features(isa, kind, dtype):
    """Several blocks, several chunks of centers, and more features than one run of the screen."""
    for n, d, k in ((3000, 3, 300), (1100, 40, 150), (200, 600, 30)):
        X, C = assigned(n, n, d, k, dtype, kind)
        np.testing.assert_array_equal(ckmeans.assign(X, C, n_threads=2), reference.assign(X, C))


EXTREME_SCALES = [1e300, 1.7e308, 1e-300, 5e-324, 1e154, 1e-154]


@pytest.mark.parametrize("scale", EXTREME_SCALES)
def test_extreme_float64(isa, scale):
    rng = np.random.default_rng(5)
    X, C = rng.uniform(-1, 1, size=(80, 5)) * scale, rng.uniform(-1, 1, size=(7, 5)) * scale
    np.testing.assert_array_equal(ckmeans.assign(X, C), reference.assign(X, C))


@pytest.mark.parametrize("scale", [3e38, 1e-38, 1e-45, 1e20, 1e-20])
def test_extreme_float32(isa, scale):
    rng = np.random.default_rng(6)
    X = (rng.uniform(-1, 1, size=(80, 20)) * scale).astype(np.float32)
    C = X[:9].astype(np.float64)
    np.testing.assert_array_equal(ckmeans.assign(X, C), reference.assign(X, C))


@each_isa
@given(seed=st.integers(0, 2**32), n=st.integers(1, 40), d=st.integers(1, 20), k=st.integers(2, 12))
def test_mixed_magnitudes(isa, seed, n, d, k):
    """Every value has its own exponent, from subnormal to the largest."""
    rng = np.random.default_rng(seed)

    def values(shape):
        return rng.choice([-1.0, 1.0], shape) * np.ldexp(rng.uniform(0.5, 1, shape), rng.integers(-1073, 1024, shape))

    X, C = values((n, d)), values((k, d))
    C[rng.integers(k)] = X[0]
    np.testing.assert_array_equal(ckmeans.assign(X, C), reference.assign(X, C))


@pytest.mark.parametrize("scale", [1e300, 1e60, 1e-300])
def test_float32_rows_and_centers_beyond_their_range(isa, scale):
    rng = np.random.default_rng(9)
    X = rng.normal(size=(70, 6)).astype(np.float32)
    C = np.vstack([X[:5], rng.normal(size=(4, 6)) * scale, X[5:9]])
    np.testing.assert_array_equal(ckmeans.assign(X, C), reference.assign(X, C))


def test_far_center_leaves_the_others_screened(isa):
    """A center a billion spreads away must not widen the bound of the near ones (labels stay exact either way)."""
    rng = np.random.default_rng(7)
    X = rng.normal(size=(500, 12))
    C = np.vstack([X[:20], np.full((1, 12), 1e9)])
    np.testing.assert_array_equal(ckmeans.assign(X, C), reference.assign(X, C))


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("k", [1, 2, 30])
def test_a_value_that_is_not_finite_is_named(isa, dtype, bad, k):
    rng = np.random.default_rng(8)
    X, C = rng.normal(size=(2500, 6)).astype(dtype), rng.normal(size=(k, 6))
    X[2001, 4] = X[2400, 1] = bad
    what = "NaN" if np.isnan(bad) else "infinity"
    with pytest.raises(ValueError, match=f"{what} at row 2001, feature 4"):
        ckmeans.assign(X, C, n_threads=2)
    with pytest.raises(ValueError, match=f"{what} at row 2001, feature 4"):
        _core.transform(X, C, 2)


@pytest.mark.parametrize("kind", ASSIGNED)
def test_transform_is_the_root_of_the_canonical_distance(isa, kind):
    for d, k in ((1, 1), (3, 17), (40, 5)):
        X, C = assigned(d, 83, d, k, "f8", kind)
        value, exponent = reference.squared_distances(X, C)
        expected = np.ldexp(np.sqrt(value), exponent // 2)
        np.testing.assert_array_equal(_core.transform(X, C, 2), expected)
        narrow = _core.transform(X.astype("f4"), C, 2)
        assert narrow.dtype == np.float32
        np.testing.assert_array_equal(
            narrow, np.sqrt(reference.squared_distances(X.astype("f4"), C)[0]).astype(np.float32)
        )


@pytest.mark.parametrize("scale", [1e300, 1e-300])
def test_transform_of_extreme_data(scale):
    X, C = np.array([[3.0, 0.0]]) * scale, np.array([[0.0, 4.0]]) * scale
    np.testing.assert_allclose(_core.transform(X, C, 1), 5.0 * scale, rtol=1e-15)


@each_isa
@given(seed=st.integers(0, 2**32), n=st.integers(1, 3000), d=st.integers(1, 30), weighted=st.booleans())
def test_inertia_to_the_bit(isa, seed, n, d, weighted):
    rng = np.random.default_rng(seed)
    X, C = rng.normal(size=(n, d)), rng.normal(size=(5, d))
    weights = rng.integers(0, 4, size=n).astype(float) if weighted else None
    labels, inertia = _core.assign(X, C, weights, 2, True)
    assert inertia == reference.inertia(X, C, labels, weights)


@pytest.mark.heavy
def test_memory_mapped_with_more_than_two_to_the_31_elements(tmp_path):
    """A sparse file: zeros but for a few rows at both ends."""
    n, d = 36_000_000, 64
    X = np.memmap(tmp_path / "rows", dtype=np.uint8, mode="w+", shape=(n, d))
    assert X.size > 2**31
    ones = np.array([0, 5, n - 7, n - 1])
    X[ones] = 1
    X.flush()
    X = np.memmap(tmp_path / "rows", dtype=np.uint8, mode="r", shape=(n, d))
    centers = np.vstack([np.zeros(d), np.ones(d)])
    np.testing.assert_array_equal(np.flatnonzero(ckmeans.assign(X, centers)), ones)
    model = ckmeans.KMeans(2, init=centers + 0.25, max_iter=2).fit(X)
    np.testing.assert_array_equal(np.flatnonzero(model.labels_), ones)
    np.testing.assert_array_equal(model.cluster_centers_, centers)
    assert model.inertia_ == 0.0 and model.cluster_sizes_.tolist() == [n - 4, 4]


@pytest.mark.heavy
def test_more_features_than_the_bound_has_a_meaning_for(isa):
    """From 2**23 features on the screen's bound is infinite: float64 decides all rows."""
    d = 2**23
    centers = np.ones((2, d))
    centers[0] = -1.0
    X = np.zeros((2, d), dtype=np.uint8)
    X[1, 0] = 1
    np.testing.assert_array_equal(ckmeans.assign(X, centers), [0, 1])
