"""Whole fits against the reference, and the properties that a fit must have."""

import warnings
from itertools import pairwise

import numpy as np
import pytest
import reference
from conftest import layouts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ckmeans
from ckmeans import KMeans, _core


def blobs(seed, n, d, k, dtype="f8"):
    rng = np.random.default_rng(seed)
    middles = rng.uniform(-4, 4, size=(k, d))
    return (middles[rng.integers(k, size=n)] + rng.normal(size=(n, d))).astype(dtype)


def fit_quietly(X, k, **parameters):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ckmeans._input.convergence_warning_class())
        weights = parameters.pop("sample_weight", None)
        return KMeans(k, **parameters).fit(X, sample_weight=weights)


def assert_same_bits(a, b):
    np.testing.assert_array_equal(a.labels_, b.labels_)
    np.testing.assert_array_equal(a.cluster_centers_, b.cluster_centers_)
    assert (a.inertia_, a.n_iter_, a.converged_) == (b.inertia_, b.n_iter_, b.converged_)
    for field in ("inertia", "center_shift", "changed"):  # what ran may differ
        np.testing.assert_array_equal(a.history_[field], b.history_[field])
    np.testing.assert_array_equal(a.cluster_weights_, b.cluster_weights_)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**32),
    n=st.integers(1, 400),
    d=st.integers(1, 20),
    k=st.integers(1, 12),
    dtype=st.sampled_from(["f4", "f8", "u1"]),
    kind=st.sampled_from(["blobs", "duplicates"]),
    weighted=st.booleans(),
    tol=st.sampled_from([0.0, 1e-3]),
)
def test_fit_equals_the_reference_to_the_bit(isa, seed, n, d, k, dtype, kind, weighted, tol):
    rng = np.random.default_rng(seed)
    k = min(k, n)
    X = np.abs(blobs(seed, n, d, k)) * 10 if kind == "blobs" else rng.integers(0, 3, size=(n, d))
    X = np.ascontiguousarray(X).astype(dtype)
    weights = None
    if weighted:
        weights = rng.integers(0, 3, size=n).astype(float)
        weights[rng.permutation(n)[:k]] = 1.0
    init = X[rng.permutation(n)[:k]].astype(float)
    ours = fit_quietly(X, k, init=init, tol=tol, max_iter=30, sample_weight=weights)
    expected = reference.lloyd(X, init, tol=tol, max_iter=30, weights=weights)
    np.testing.assert_array_equal(ours.labels_, expected.labels)
    np.testing.assert_array_equal(ours.cluster_centers_, expected.centers)
    assert ours.inertia_ == expected.inertia
    assert (ours.n_iter_, ours.converged_) == (expected.n_iter, expected.converged)
    assert ours.history_["changed"].tolist() == expected.changed


@pytest.mark.heavy
@pytest.mark.parametrize(("n", "d", "k"), [(5000, 3, 9), (3000, 300, 40), (700, 900, 80)])
def test_larger_fits_equal_the_reference(isa, n, d, k):
    """Several chunks; and so many sums that rows are summed by slices of features."""
    for dtype in ("f4", "f8"):
        X = blobs(n, n, d, k, dtype)
        init = X[:k].astype(float)
        ours = fit_quietly(X, k, init=init, tol=0, max_iter=4, n_threads=2)
        expected = reference.lloyd(X, init, tol=0, max_iter=4)
        np.testing.assert_array_equal(ours.cluster_centers_, expected.centers)
        np.testing.assert_array_equal(ours.labels_, expected.labels)


@pytest.mark.parametrize("dtype", ["f4", "f8", "u1"])
def test_same_bits_for_any_threads_instruction_set_and_layout(dtype):
    X = np.abs(blobs(0, 4000, 7, 11) * 20).astype(dtype)
    weights = np.random.default_rng(0).uniform(size=4000)
    for d in (2, 7):
        for sample_weight in (None, weights):
            expected = KMeans(11, random_state=0, n_threads=1).fit(X[:, :d], sample_weight=sample_weight)
            for name in _core.runnable_isas():
                _core.choose_isa(name)
                try:
                    for threads in (1, 2, 3, 7):
                        for layout in layouts(X[:, :d]).values():
                            model = KMeans(11, random_state=0, n_threads=threads)
                            assert_same_bits(model.fit(layout, sample_weight=sample_weight), expected)
                finally:
                    _core.choose_isa(None)


def test_sums_of_moved_rows_alone_give_the_bits_of_all_sums():
    """Whole numbers have exact sums, so that only rows with a new label are touched; a half of the same data, which
    has exact sums no longer once weights are given, must lead to the same centers."""
    X = np.rint(blobs(1, 6000, 3, 10) * 25).astype(np.float32)
    moved = KMeans(10, init=X[:10], tol=0).fit(X)
    every = KMeans(10, init=X[:10], tol=0).fit(X, sample_weight=np.ones(len(X)))
    assert moved.n_iter_ > 5
    np.testing.assert_array_equal(moved.cluster_centers_, every.cluster_centers_)
    np.testing.assert_array_equal(moved.labels_, every.labels_)


@pytest.mark.parametrize("init", ["given", "relocating"])
def test_weight_w_equals_w_copies(init):
    rng = np.random.default_rng(3)
    X = np.rint(blobs(3, 300, 4, 6) * 8)
    weights = rng.integers(0, 4, size=300).astype(float)
    start = X[weights > 0][:6].copy()
    if init == "relocating":
        start[3:] = 1e4  # three clusters are empty at once
    weighted = fit_quietly(X, 6, init=start, tol=0, sample_weight=weights)
    copies = fit_quietly(np.repeat(X, weights.astype(int), axis=0), 6, init=start, tol=0)
    np.testing.assert_array_equal(weighted.cluster_centers_, copies.cluster_centers_)
    np.testing.assert_array_equal(np.repeat(weighted.labels_, weights.astype(int)), copies.labels_)
    np.testing.assert_array_equal(weighted.cluster_weights_, copies.cluster_sizes_)
    assert weighted.n_iter_ == copies.n_iter_
    assert weighted.inertia_ == pytest.approx(copies.inertia_, rel=1e-13)


def test_rows_of_weight_zero_are_as_if_absent():
    X = blobs(4, 200, 3, 5)
    weights = np.ones(200)
    weights[::3] = 0.0
    X[0] = 1e7  # would be the farthest row, the largest variance and a cluster of its own
    whole = KMeans(5, random_state=1).fit(X, sample_weight=weights)
    part = KMeans(5, random_state=1).fit(X[weights > 0], sample_weight=weights[weights > 0])
    np.testing.assert_allclose(whole.cluster_centers_, part.cluster_centers_, rtol=1e-12)
    np.testing.assert_array_equal(whole.labels_[weights > 0], part.labels_)
    assert whole.n_iter_ == part.n_iter_


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**32),
    dtype=st.sampled_from(["f4", "f8"]),
    tol=st.sampled_from([0.0, 1e-2]),
    max_iter=st.integers(1, 20),
)
def test_labels_equal_predict_and_refit_is_a_fixed_point(seed, dtype, tol, max_iter):
    X = blobs(seed, 300, 3, 5, dtype)
    model = KMeans(6, random_state=0, tol=tol, max_iter=max_iter, init="random", n_init=1).fit(X)
    np.testing.assert_array_equal(model.predict(X), model.labels_)
    assert model.inertia_ == -model.score(X)
    if model.converged_ and tol == 0:
        again = KMeans(6, init=model.cluster_centers_, tol=0).fit(X)
        np.testing.assert_array_equal(again.cluster_centers_, model.cluster_centers_)
        np.testing.assert_array_equal(again.labels_, model.labels_)
        assert again.inertia_ == model.inertia_


def test_more_iterations_never_raise_the_inertia():
    X = blobs(5, 2000, 4, 9)
    inertias = [KMeans(12, init=X[:12], tol=0, max_iter=m).fit(X).inertia_ for m in range(1, 30)]
    for before, after in pairwise(inertias):
        assert after <= before * (1 + 1e-14)  # the means are rounded


def test_restarts_keep_the_lowest_inertia_and_the_first_on_a_tie():
    X = blobs(6, 400, 2, 8)
    seeds = [_core.fit(X, None, 8, n, 300, 1e-4, "random", None, 9, 1, None) for n in range(1, 8)]
    inertias = [result[4] for result in seeds]
    assert inertias == sorted(inertias, reverse=True)
    assert inertias[-1] < inertias[0]
    same = np.stack([X[:8], X[:8]]).astype(float)
    tied = _core.fit(X, None, 8, 2, 300, 1e-4, "given", same, 0, 1, None)
    assert tied[4] == KMeans(8, init=X[:8]).fit(X).inertia_


@pytest.mark.parametrize("exponent", [-960, -500, 500, 990])
def test_a_power_of_two_scales_everything(exponent):
    """Data near the ends of float64's range cluster as they would in the middle of it."""
    X = blobs(7, 500, 3, 5)
    plain = KMeans(5, random_state=2).fit(X)
    scaled = KMeans(5, random_state=2).fit(np.ldexp(X, exponent))
    np.testing.assert_array_equal(scaled.labels_, plain.labels_)
    np.testing.assert_array_equal(scaled.cluster_centers_, np.ldexp(plain.cluster_centers_, exponent))
    assert scaled.n_iter_ == plain.n_iter_
    with np.errstate(over="ignore", under="ignore"):
        assert scaled.inertia_ == np.ldexp(plain.inertia_, 2 * exponent)


def test_an_offset_loses_nothing():
    X = np.rint(blobs(8, 500, 3, 5) * 2**10) / 2**10
    init = X[:5]
    plain, moved = KMeans(5, init=init).fit(X), KMeans(5, init=init + 1e6).fit(X + 1e6)
    np.testing.assert_array_equal(moved.labels_, plain.labels_)
    assert moved.inertia_ == pytest.approx(plain.inertia_, rel=1e-9)


@pytest.mark.parametrize("exponent", [-600, 600])
def test_extreme_weights(exponent):
    X, weights = blobs(9, 300, 2, 4), np.random.default_rng(9).uniform(0.5, 2, size=300)
    plain = KMeans(4, random_state=0).fit(X, sample_weight=weights)
    extreme = KMeans(4, random_state=0).fit(X, sample_weight=np.ldexp(weights, exponent))
    np.testing.assert_array_equal(extreme.labels_, plain.labels_)
    np.testing.assert_array_equal(extreme.cluster_centers_, plain.cluster_centers_)
    assert extreme.inertia_ == np.ldexp(plain.inertia_, exponent)
    np.testing.assert_array_equal(extreme.cluster_weights_, np.ldexp(plain.cluster_weights_, exponent))


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
def test_means_of_the_largest_numbers_stay_finite():
    most = np.finfo(np.float64).max
    model = KMeans(2, random_state=0).fit(np.full((7, 2), -most), sample_weight=[0.1, 0.7, 0.3, 0.9, 1.1, 0.2, 0.6])
    assert (model.cluster_centers_ == -most).any() and np.isfinite(model.cluster_centers_).all()


# --- Order and grouping of the rows ---------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_features", [1, 3, 40])
def test_shuffled_rows_have_the_same_bits(n_features, weighted):
    rng = np.random.default_rng(13)
    X, init = blobs(13, 3000, n_features, 6), rng.normal(0, 5, (6, n_features))
    weights = rng.uniform(0.1, 2, len(X)) if weighted else None
    first = ckmeans.kmeans(X, 6, init=init, sample_weight=weights, tol=1e-3)
    for _ in range(3):
        order = rng.permutation(len(X))
        other = ckmeans.kmeans(
            X[order], 6, init=init, sample_weight=None if weights is None else weights[order], tol=1e-3
        )
        np.testing.assert_array_equal(other.centers, first.centers)
        np.testing.assert_array_equal(other.labels, first.labels[order])
        assert (other.inertia, other.n_iter) == (first.inertia, first.n_iter)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_a_tolerance_that_the_last_bit_decides(weighted, offset):
    """The moves of an iteration are just within it, or just not."""
    rng = np.random.default_rng(14)
    for _ in range(10):
        X = rng.normal(size=(200, 2)) + offset
        weights = rng.uniform(0.1, 2, 200) if weighted else np.ones(200)
        options = {"init": X[:5], "n_init": 1, "sample_weight": weights if weighted else None}
        shift = ckmeans.kmeans(X, 5, tol=0, **options).history["center_shift"][2]
        variance = reference.mean_variance(X, weights)
        for tol in (shift / variance, *np.nextafter(shift / variance, [0.0, 1.0])):
            expected = reference.lloyd(X, X[:5], tol=tol, weights=weights if weighted else None)
            assert ckmeans.kmeans(X, 5, tol=tol, **options).n_iter == expected.n_iter


def test_a_tolerance_of_rows_that_differ_in_their_last_bits():
    """Where the first look at the data is farthest from the exact variance."""
    X = np.array([[float.fromhex(f"0x1.0000002d0c44{digit}p+0")] for digit in "bba"])
    weights = np.array(
        [float.fromhex(w) for w in ("0x1.000003af3d92cp+0", "0x1.0000012dfd03cp-1", "0x1.00000389d440ap-1")]
    )
    variance = reference.mean_variance(X, weights)
    for init in (X[:1], X[2:], X[:1] + 2.0**-50):
        shift = ckmeans.kmeans(X, 1, init=init, sample_weight=weights, tol=0).history["center_shift"][0]
        for tol in (shift / variance, *np.nextafter(shift / variance, [0.0, np.inf])):
            expected = reference.lloyd(X, init, tol=tol, weights=weights)
            assert ckmeans.kmeans(X, 1, init=init, sample_weight=weights, tol=tol).n_iter == expected.n_iter


# --- Empty clusters ------------------------------------------------------------------------------------------------


def test_an_empty_cluster_takes_the_farthest_row():
    X = np.array([[0.0], [1.0], [2.0], [9.0]])
    model = KMeans(2, init=[[1.0], [100.0]], max_iter=1).fit(X)
    np.testing.assert_array_equal(np.sort(model.cluster_centers_.ravel()), [1.0, 9.0])


def rows_to_relocate(rng):
    """Rows of which many lie together or equally far from a center, centers of which many get no row, and weights."""
    n_rows, n_features = rng.integers(5, 300), rng.integers(1, 5)
    k = rng.integers(2, min(n_rows, 60))
    X = rng.normal(size=(n_rows, n_features))
    X = (
        X,
        rng.integers(0, 4, size=X.shape).astype(float),
        np.round(2 * X) / 2,
        X[rng.integers(0, max(2, n_rows // 5), size=n_rows)],
        (X * 10.0 ** rng.integers(-3, 4)).astype(np.float32),
    )[rng.integers(5)]
    weights = rng.integers(0, 4, size=n_rows) * rng.choice([1, 0.3, 1e-3]) if rng.random() < 0.4 else None
    if weights is not None and np.count_nonzero(weights) < k:
        weights = None
    init = X[rng.integers(0, n_rows, size=k)].astype(float)
    if rng.random() < 0.3:
        init[:] = init[0]
    if rng.random() < 0.3:
        init += 100
    return X, init, weights, int(rng.integers(1, 6))


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
def test_empty_clusters_are_filled_as_by_the_reference():
    rng = np.random.default_rng(12)
    for _ in range(150):
        X, init, weights, max_iter = rows_to_relocate(rng)
        options = {"max_iter": max_iter, "sample_weight": weights}
        expected = reference.lloyd(X, init, max_iter=max_iter, weights=weights)
        for threads in (1, 2):
            ours = ckmeans.kmeans(X, len(init), init=init, n_threads=threads, **options)
            np.testing.assert_array_equal(ours.centers, expected.centers)
            np.testing.assert_array_equal(ours.labels, expected.labels)
            assert ours.n_iter == expected.n_iter
        if X.dtype == np.float64:  # squares of these overflow
            huge = ckmeans.kmeans(np.ldexp(X, 900), len(init), init=np.ldexp(init, 900), **options)
            np.testing.assert_array_equal(huge.centers, np.ldexp(expected.centers, 900))
            np.testing.assert_array_equal(huge.labels, expected.labels)


def test_a_singleton_is_never_emptied():
    X = np.array([[0.0], [0.5], [50.0]])
    model = KMeans(3, init=[[0.0], [60.0], [1e6]], tol=0).fit(X)
    np.testing.assert_array_equal(np.sort(model.cluster_centers_.ravel()), [0.0, 0.5, 50.0])


@pytest.mark.parametrize("init", ["k-means++", "k-means||", "afk-mc2", "random"])
@pytest.mark.parametrize("distinct", [1, 3])
def test_too_few_distinct_points_warn_and_leave_finite_centers(init, distinct):
    X = np.tile(np.arange(distinct, dtype=float)[:, None], (20, 2))
    with pytest.warns(ckmeans._input.convergence_warning_class(), match=f"distinct clusters \\({distinct}\\)"):
        model = KMeans(5, init=init, random_state=0).fit(X)
    assert np.isfinite(model.cluster_centers_).all()
    assert model.inertia_ == 0.0 and model.converged_
    np.testing.assert_array_equal(model.predict(X), model.labels_)


def test_as_many_clusters_as_points():
    X = np.random.default_rng(10).normal(size=(30, 2))
    model = KMeans(30, random_state=0).fit(X)
    assert model.inertia_ == 0.0
    assert sorted(model.labels_) == list(range(30))


def test_one_cluster_is_the_mean():
    X = np.random.default_rng(11).normal(size=(100, 3))
    model = KMeans(1).fit(X)
    np.testing.assert_allclose(model.cluster_centers_[0], X.mean(axis=0), rtol=1e-13)
    assert model.inertia_ == pytest.approx(((X - X.mean(axis=0)) ** 2).sum())


# --- Real data -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("load", "k"), [("load_iris", 3), ("load_digits", 10)])
def test_real_data_equal_the_reference(isa, load, k):
    X = getattr(pytest.importorskip("sklearn.datasets"), load)().data
    init = X[:: len(X) // k][:k]
    ours, expected = KMeans(k, init=init).fit(X), reference.lloyd(X, init)
    np.testing.assert_array_equal(ours.cluster_centers_, expected.centers)
    np.testing.assert_array_equal(ours.labels_, expected.labels)
    assert (ours.inertia_, ours.n_iter_) == (expected.inertia, expected.n_iter)


@pytest.mark.parametrize("weighted", [False, True])
def test_history_agrees_with_the_fit(weighted):
    X = blobs(12, 800, 3, 6) + 100.0
    weights = np.random.default_rng(12).uniform(size=800) if weighted else None
    full = KMeans(6, init=X[:6], tol=0).fit(X, sample_weight=weights)
    for iteration in (1, 3, full.n_iter_):
        part = KMeans(6, init=X[:6], tol=0, max_iter=iteration).fit(X, sample_weight=weights)
        assert len(part.history_) == iteration
        if iteration < full.n_iter_:  # this fit's final labels are those of the next iteration
            assert full.history_["inertia"][iteration] == pytest.approx(part.inertia_, rel=1e-9)
    assert full.history_["changed"][0] == 800 and full.history_["changed"][-1] == 0
    assert full.history_["center_shift"][-1] == 0.0


@pytest.mark.parametrize("scale", [5e-324, 1e-310, 1e-300, 1.7e308])
def test_centers_are_finite_at_the_ends_of_the_range(scale):
    X = np.random.default_rng(13).integers(-1, 2, size=(60, 3)) * scale
    model = fit_quietly(X, 5, random_state=0)
    assert np.isfinite(model.cluster_centers_).all()
    np.testing.assert_array_equal(model.predict(X), model.labels_)
    assert len(set(model.labels_)) == 5


def test_a_far_row_that_leaves_takes_nothing_with_it():
    """Subtracting it from the sum that it dominates would leave rounding alone."""
    model = KMeans(2, init=[[3.0], [1e30]], max_iter=1).fit(np.array([[3.0], [3.0], [3.0], [1e20]]))
    np.testing.assert_array_equal(model.cluster_centers_.ravel(), [3.0, 1e20])
    assert model.inertia_ == 0.0


def test_one_huge_value_hides_neither_moves_nor_inertia():
    X = np.array([0, 1, 2, 3, 10, 11, 12, 1e300])[:, None]
    init = np.array([[0], [1], [1e300]])
    model = KMeans(3, init=init, tol=0).fit(X)
    np.testing.assert_array_equal(model.cluster_centers_.ravel(), [1.5, 11.0, 1e300])
    assert model.inertia_ == 7.0 == -model.score(X)


def test_a_huge_value_of_weight_zero_is_as_if_absent():
    X = np.array([0, 1, 2, 3, 10, 11, 12, 1e300])[:, None]
    weights = np.array([1.0] * 7 + [0.0])
    whole = KMeans(2, init=[[0.0], [1.0]], tol=0).fit(X, sample_weight=weights)
    part = KMeans(2, init=[[0.0], [1.0]], tol=0).fit(X[:7])
    np.testing.assert_array_equal(whole.cluster_centers_, part.cluster_centers_)
    assert whole.n_iter_ == part.n_iter_
