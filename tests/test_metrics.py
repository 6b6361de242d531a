"""Scores against the NumPy reference, against scikit-learn, and against repeated rows for weights."""

import math

import numpy as np
import pytest
import reference
from conftest import layouts
from helpers import blobs

from ckmeans import _core, metrics


@pytest.fixture
def theirs():
    """The scores of scikit-learn."""
    return pytest.importorskip("sklearn.metrics")


SIZES = [(40, 1, 2), (300, 2, 3), (700, 5, 4), (1500, 3, 40), (600, 70, 3), (90, 600, 2)]


def labeled(n, d, k, kind="random", seed=0):
    """Rows and labels: without any relation, of blobs, or of blobs with some labels wrong."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(k, size=n)
    labels[:k] = range(k)
    if kind == "random":
        return rng.normal(size=(n, d)), labels
    X = rng.uniform(-10, 10, (k, d))[labels] + rng.normal(size=(n, d))
    return X, np.where(rng.random(n) < 0.1, labels[::-1], labels) if kind == "mixed" else labels


def samples(X, labels, weights=None, metric="euclidean", threads=2):
    k = int(labels.max()) + 1
    return _core.silhouette(X, labels.astype(np.int32), k, weights, 1.0, metric, None, threads)[0]


def close(a, b, rtol=1e-10):
    np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-13)


# --- The compiled paths -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["random", "blobs", "mixed"])
@pytest.mark.parametrize(("n", "d", "k"), SIZES)
def test_silhouettes_are_those_of_the_reference(isa, n, d, k, kind):
    X, labels = labeled(n, d, k, kind)
    weights = np.random.default_rng(1).uniform(0, 3, n)
    weights[::7] = 0.0
    for w in (None, weights):
        for metric in ("euclidean", "sqeuclidean", "simplified"):
            close(samples(X, labels, w, metric), reference.silhouette_samples(X, labels, w, metric))


@pytest.mark.parametrize("kind", ["random", "mixed"])
def test_scores_are_the_same_bits_everywhere(kind):
    X, labels = labeled(1700, 6, 7, kind)
    weights = np.random.default_rng(1).uniform(0, 3, len(X))
    before, seen = _core.isa(), {}
    try:
        for isa in _core.runnable_isas():
            _core.choose_isa(isa)
            for threads in (1, 2, 7):
                for name, layout in layouts(X).items():
                    outcome = [samples(layout, labels, weights, m, threads).tobytes() for m in _core.SILHOUETTE_METRICS]
                    scatter = _core.cluster_scatter(layout, labels.astype(np.int32), 7, weights, threads, True)
                    seen[isa, threads, name] = (*outcome, *(part.tobytes() for part in scatter[:4]))
    finally:
        _core.choose_isa(before)
    assert len(seen) >= 24 and len(set(seen.values())) == 1


@pytest.mark.parametrize("n", [50, 1000, 3000])
def test_more_threads_than_blocks(n):
    X, labels = labeled(n, 300, 2)
    expected = samples(X, labels, threads=1)
    for threads in (5, 64, 2**31 - 1):
        np.testing.assert_array_equal(samples(X, labels, threads=threads), expected)


@pytest.mark.parametrize("dtype", [np.float32, np.int8, np.uint8, np.int16, np.uint16])
def test_every_dtype_gives_what_its_values_give_as_float64(dtype):
    rng = np.random.default_rng(0)
    X = (rng.integers(0, 100, (500, 5)) if np.issubdtype(dtype, np.integer) else rng.normal(size=(500, 5))).astype(
        dtype
    )
    labels = rng.integers(4, size=500)
    for metric in _core.SILHOUETTE_METRICS:
        assert samples(X, labels, metric=metric).tobytes() == samples(X.astype(float), labels, metric=metric).tobytes()
    assert metrics.davies_bouldin_score(X, labels) == metrics.davies_bouldin_score(X.astype(float), labels)


def silhouettes_of(X, labels, picked):
    """Of some rows, by plain differences."""
    out = []
    for i in picked:
        sums = np.bincount(labels, np.sqrt(((X - X[i]) ** 2).sum(axis=1)))
        sizes = np.bincount(labels)
        a = sums[labels[i]] / (sizes[labels[i]] - 1)
        b = np.delete(sums / sizes, labels[i]).min()
        out.append((b - a) / max(a, b))
    return out


@pytest.mark.parametrize(
    ("n", "d", "k"),
    [(6000, 2, 1500), (3000, 1500, 3)],
    ids=["more sums than one group of clusters holds", "more elements than are packed ahead"],
)
def test_clusters_in_groups_and_rows_that_are_not_packed(n, d, k):
    labels = np.random.default_rng(1).permutation(np.arange(n) % k)
    X, _ = labeled(n, d, k)
    X += 2 * np.random.default_rng(2).normal(size=(k, d))[labels]
    picked = range(0, n, n // 40)
    close(metrics.silhouette_samples(X, labels)[picked], silhouettes_of(X, labels, picked))


@pytest.mark.parametrize("factor", [1e300, 1e-300, 1e-160, 1e160])
def test_silhouettes_and_ratios_have_no_unit(factor):
    X, labels = labeled(300, 4, 3, "mixed")
    exponent = round(math.log2(factor))
    scaled = np.ldexp(X, exponent)
    for metric in _core.SILHOUETTE_METRICS:
        close(samples(scaled, labels, metric=metric), samples(X, labels, metric=metric))
    for score in (metrics.calinski_harabasz_score, metrics.davies_bouldin_score):
        close(score(scaled, labels), score(X, labels))
    shift = 2 * exponent * math.log(2) * X.size
    close(metrics.bic(scaled, labels) - metrics.bic(X, labels), shift, 1e-9)


@pytest.mark.parametrize("offset", [1e6, -1e9])
def test_an_offset_costs_what_the_data_lose_by_it(offset):
    X, labels = labeled(400, 3, 4, "mixed")
    X = np.round(X * 1024) / 1024  # the offset is exact
    close(samples(X + offset, labels), samples(X, labels), 1e-9)
    rounding = abs(offset) * 2.0**-50  # of the means, which float64 holds no better there
    for metric in ("sqeuclidean", "simplified"):
        difference = samples(X + offset, labels, metric=metric) - samples(X, labels, metric=metric)
        assert np.abs(difference).max() < rounding
    for score in (metrics.calinski_harabasz_score, metrics.davies_bouldin_score, metrics.bic):
        assert score(X + offset, labels) == pytest.approx(score(X, labels), rel=rounding, abs=0)


def test_hidden_small_distances():
    # Two tight clusters inside a wide one, far from its mean: x.y would cancel, differences do not.
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(0, 100, (200, 2)), rng.normal(50, 1e-7, (50, 2)), rng.normal(50, 1e-7, (50, 2))])
    labels = np.repeat([0, 1, 2], [200, 50, 50])
    close(samples(X, labels), reference.silhouette_samples(X, labels), 1e-9)


def test_read_only_mapped_and_listed_rows(tmp_path):
    X, labels = labeled(300, 4, 3, "mixed")
    expected = metrics.silhouette_samples(X, labels)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    X.flags.writeable = labels.flags.writeable = False
    for rows, names in (
        (mapped, labels),
        (X, labels[::-1][::-1]),
        (X.tolist(), labels.tolist()),
        (X, labels.astype("u1")),
    ):
        np.testing.assert_array_equal(metrics.silhouette_samples(rows, names), expected)
        assert metrics.davies_bouldin_score(rows, names) == metrics.davies_bouldin_score(X, labels)


def test_duplicates_and_ties(theirs):
    X = np.repeat([[0.0, 0.0], [1.0, 0.0], [5.0, 5.0]], 20, axis=0)
    labels = np.repeat([0, 0, 1], 20)
    values = metrics.silhouette_samples(X, labels)
    close(values, theirs.silhouette_samples(X, labels))
    np.testing.assert_array_equal(metrics.silhouette_samples(np.zeros((6, 2)), [0, 0, 0, 1, 1, 1]), np.zeros(6))
    np.testing.assert_array_equal(metrics.silhouette_samples([[0.0], [1.0], [9.0]], [0, 0, 1])[2:], [0.0])  # alone


# --- Against scikit-learn ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["random", "blobs", "mixed"])
def test_values_are_those_of_scikit_learn(theirs, kind):
    X, labels = labeled(900, 8, 5, kind)
    names = np.array(["e", "a", "d", "b", "c"])[labels]
    close(metrics.silhouette_score(X, names), theirs.silhouette_score(X, names))
    close(metrics.silhouette_samples(X, names), theirs.silhouette_samples(X, names))
    close(
        metrics.silhouette_score(X, labels, metric="sqeuclidean"),
        theirs.silhouette_score(X, labels, metric="sqeuclidean"),
    )
    close(metrics.calinski_harabasz_score(X, names), theirs.calinski_harabasz_score(X, names))
    close(metrics.davies_bouldin_score(X, labels - 2), theirs.davies_bouldin_score(X, labels))
    close(metrics.adjusted_rand_score(names, labels % 3), theirs.adjusted_rand_score(names, labels % 3))


@pytest.mark.parametrize("seed", range(8))
def test_adjusted_rand_score(theirs, seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 60))
    a, b = rng.integers(4, size=n), rng.integers(1 + seed, size=n) * 1000
    close(metrics.adjusted_rand_score(a, b), reference.adjusted_rand(a, b))
    close(metrics.adjusted_rand_score(a, b), theirs.adjusted_rand_score(a, b))
    assert metrics.adjusted_rand_score(a, a + 7) == 1.0
    assert metrics.adjusted_rand_score(a, b) == metrics.adjusted_rand_score(b, a)


def test_adjusted_rand_score_of_many_clusters(theirs):
    a = np.arange(40_000)
    close(metrics.adjusted_rand_score(a, a // 2), theirs.adjusted_rand_score(a, a // 2))


# --- Scores from the scatter ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "d", "k"), SIZES)
def test_scores_are_those_of_the_reference(isa, n, d, k):
    X, labels = labeled(n, d, k, "mixed")
    weights = np.random.default_rng(1).uniform(0, 3, n)
    weights[labels == k - 1] = 0.0 if k > 2 else 1.0
    for w in (np.ones(n), weights):
        close(metrics.calinski_harabasz_score(X, labels, sample_weight=w), reference.calinski_harabasz(X, labels, w))
        close(metrics.davies_bouldin_score(X, labels, sample_weight=w), reference.davies_bouldin(X, labels, w))
        close(metrics.inertia(X, labels, sample_weight=w), reference.scatter(X, labels, k, w)[2].sum())
        close(metrics.bic(X, labels, sample_weight=w), reference.information_criterion(X, labels, w, np.log))
        close(metrics.aic(X, labels, sample_weight=w), reference.information_criterion(X, labels, w, lambda n: 2))


SCORES = [
    metrics.silhouette_score,
    lambda *args, **named: metrics.silhouette_score(*args, metric="sqeuclidean", **named),
    metrics.simplified_silhouette,
    metrics.calinski_harabasz_score,
    metrics.davies_bouldin_score,
    metrics.inertia,
    metrics.bic,
    metrics.aic,
]


@pytest.mark.parametrize("score", SCORES)
def test_a_weight_counts_rows(score):
    X, labels = labeled(200, 3, 4, "mixed")
    weights = np.random.default_rng(0).integers(0, 4, 200)
    close(
        score(X, labels, sample_weight=weights), score(np.repeat(X, weights, axis=0), np.repeat(labels, weights)), 1e-9
    )


@pytest.mark.parametrize("score", SCORES[:5])
def test_scores_of_huge_and_tiny_weights(score):
    X, labels = labeled(200, 3, 4, "mixed")
    weights = np.random.default_rng(0).uniform(1, 4, 200)
    assert np.isfinite(score(X, labels, sample_weight=weights * 1e300))
    if score is metrics.calinski_harabasz_score:
        with pytest.raises(ValueError, match="sample_weight must have a sum that float64 holds"):
            score(X, labels, sample_weight=np.full(200, 1e308))
    else:
        assert np.isfinite(score(X, labels, sample_weight=np.full(200, 1e308)))
    growth = 2.0**830 if score is metrics.calinski_harabasz_score else 1.0  # it is in proportion to n
    few, many = (score(X, labels, sample_weight=weights * 2.0**power) for power in (70, 900))
    close(many, few * growth, 1e-9)
    if score in SCORES[:3]:
        close(score(X, labels, sample_weight=weights * 2.0**-900), score(X, labels, sample_weight=weights / 8), 1e-9)


@pytest.mark.parametrize("score", SCORES)
def test_a_row_of_weight_0_is_as_if_absent(score):
    X, labels = labeled(60, 2, 3, "blobs")
    expected = score(X, labels, sample_weight=np.ones(60))
    for far in (1e300, -1e200, 1e9):
        with_far = np.vstack([[[far, 0.0]], X, [[0.0, far]]])
        weights = np.r_[0.0, np.ones(60), 0.0]
        close(score(with_far, np.r_[0, labels, 7], sample_weight=weights), expected)
    values = metrics.silhouette_samples(with_far, np.r_[0, labels, 7], sample_weight=weights)
    np.testing.assert_array_equal(np.isnan(values), weights == 0)


def test_the_weight_of_others_does_not_change_a_cluster():
    X, labels = np.array([[0.0], [1.0], [10.0], [11.0]]), [0, 0, 1, 1]
    heavy = metrics.silhouette_samples(X, labels, sample_weight=[1e5, 1e5, 1e30, 1e30])
    close(heavy[:2], metrics.silhouette_samples(X, labels, sample_weight=[1e5, 1e5, 1e5, 1e5])[:2])


def test_clusters_far_apart_and_next_to_nothing():
    far = np.array([[0.0], [1.0], [1e200], [1e200]])
    close(metrics.silhouette_samples(far, [0, 0, 1, 1]), np.ones(4))
    close(metrics.silhouette_samples(far, [0, 0, 1, 1], metric="sqeuclidean"), np.ones(4))
    assert metrics.davies_bouldin_score(far, [0, 0, 1, 1]) < 1e-100
    centers = [[0.5], [1e200]]
    close(metrics.simplified_silhouette([[0.0], [1.0], [10.0], [11.0]], [0, 0, 1, 1], centers=centers), 0.0)
    small = np.array([[0.0], [1.0], [10.0], [11.0]])
    for metric in ("euclidean", "sqeuclidean"):
        expected = metrics.silhouette_samples(small, [0, 0, 1, 1], metric=metric)
        close(metrics.silhouette_samples(small * 2.0**-1040, [0, 0, 1, 1], metric=metric), expected, 1e-6)


@pytest.mark.parametrize("power", [30, 44, 52])
def test_clusters_that_an_offset_leaves_few_bits(power):
    rng = np.random.default_rng(0)
    labels = rng.integers(6, size=300)
    X = np.rint(40 * np.stack([np.cos(labels), np.sin(labels)], axis=1) + rng.integers(-9, 10, (300, 2)))
    close(metrics.silhouette_samples(X + 2.0**power, labels), metrics.silhouette_samples(X, labels))


def test_inertia_is_that_of_a_fit():
    from ckmeans import KMeans

    X = blobs(2000, 5, 4)
    model = KMeans(4, random_state=0, tol=0).fit(X)
    close(metrics.inertia(X, model.labels_), model.inertia_)
    close(metrics.inertia(X, np.zeros(2000)), ((X - X.mean(axis=0)) ** 2).sum())


def test_simplified_silhouette_of_given_centers():
    X, labels = labeled(300, 3, 4, "mixed")
    centers = np.random.default_rng(0).normal(size=(6, 3))
    expected = reference.silhouette_samples(X, labels, metric="simplified", centers=centers)
    close(metrics.simplified_silhouette(X, labels, centers=centers), expected.mean())


def test_limits_of_the_criteria():
    X = np.repeat([[0.0], [1.0]], 5, axis=0)
    assert metrics.bic(X, np.repeat([0, 1], 5)) == -math.inf
    assert metrics.calinski_harabasz_score(X, np.repeat([0, 1], 5)) == 1.0
    assert metrics.davies_bouldin_score(X, np.repeat([0, 1], 5)) == 0.0
    assert metrics.inertia(X, np.zeros(10)) == 2.5


# --- Sampling ---------------------------------------------------------------------------------------------------


def test_sampled_silhouette_is_near_by_its_error():
    X, labels = labeled(6000, 4, 5, "mixed")
    whole = metrics.silhouette_score(X, labels)
    draws = [
        metrics.silhouette_score(X, labels, sample_size=800, random_state=seed, return_standard_error=True)
        for seed in range(60)
    ]
    scores, errors = np.array(draws).T
    assert abs(scores.mean() - whole) < 4 * scores.std() / math.sqrt(60) + 0.002
    assert 0.7 < errors.mean() / scores.std() < 1.4
    assert (
        (scores[0], errors[0])
        == draws[0]
        == metrics.silhouette_score(X, labels, sample_size=800, random_state=0, return_standard_error=True, n_threads=1)
    )


def test_a_sample_holds_rows_of_every_cluster():
    X, labels = labeled(5000, 2, 3, "blobs")
    labels[labels == 2] = 1
    labels[:3] = 2
    assert -1 < metrics.silhouette_score(X, labels, sample_size=50, random_state=0) < 1
    weights = np.ones(5000)
    weights[labels == 1] = 0
    picked, _ = metrics._sample(metrics._check(X, labels, weights, 1), 100, 0)
    counts = np.bincount(labels[picked], minlength=3)
    assert counts[1] == 0 and counts[2] == 2 and counts[0] == round(100 * (labels == 0).sum() / (weights > 0).sum())
    assert len(np.unique(picked)) == len(picked)


def test_the_error_of_a_sample_with_a_rare_cluster():
    X = np.vstack([np.random.default_rng(0).normal(size=(3000, 1)), [[500.0], [501.0]]])
    labels = np.r_[np.zeros(3000, int), 1, 1]
    score, error = metrics.silhouette_score(X, labels, sample_size=1000, random_state=0, return_standard_error=True)
    assert score > 0.99 and math.isnan(error)
    assert score == metrics.silhouette_score(X, labels, sample_size=1000, random_state=0)


def test_the_values_of_labels_do_not_matter():
    X, labels = labeled(3000, 2, 2, "blobs")
    options = {"sample_size": 1000, "random_state": 0, "return_standard_error": True}
    expected = metrics.silhouette_score(X, labels, **options)
    for names in (labels * 1000, labels * 2**40, labels - 5, labels == 1, np.array(["b", "c"])[labels]):
        assert metrics.silhouette_score(X, names, **options) == expected


def test_a_sample_of_all_rows_is_no_sample():
    X, labels = labeled(500, 2, 3)
    expected = (metrics.silhouette_score(X, labels), 0.0)
    assert metrics.silhouette_score(X, labels, sample_size=500, return_standard_error=True) == expected
    assert math.isnan(metrics.silhouette_score(X, labels, sample_size=50, return_standard_error=True)[1])


# --- Wrong input ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("score", SCORES)
def test_what_is_not_finite_is_located(score):
    X, labels = labeled(5000, 3, 4)
    for value in (np.nan, np.inf, -np.inf):
        X[4321, 2] = value
        with pytest.raises(ValueError, match=r"X contains (NaN|infinity) at row 4321, feature 2"):
            score(X, labels)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 0, 0, 0], "at least 2 clusters, got labels that name 1"),
        ([0, 1, 2, 3], "more rows than clusters, got 4 "),
        ([0, 1, 1], r"labels must have shape \(4,\)"),
        ([[0, 1, 1, 0]], r"labels must have shape \(4,\)"),
        ([0.0, 1.0, np.nan, 0.0], "labels has a missing value at row 2"),
        (["a", "b", "b", None], "labels has a missing value at row 3: None"),
        (np.array(["2026-01-01", "NaT", "2026-01-02", "NaT"], "M8[D]"), "labels has a missing value at row 1"),
        (np.ma.array([0, 0, 1, 1], mask=[0, 1, 0, 0]), "labels has masked values"),
        ([[0], [1, 2], [0], [1]], "labels cannot be made into an array"),
    ],
)
def test_labels_that_make_no_clustering(labels, message):
    X = np.arange(8.0).reshape(4, 2)
    for score in (metrics.silhouette_samples, *SCORES[:5]):
        with pytest.raises(ValueError, match=message):
            score(X, labels)


def test_other_wrong_arguments():
    X, labels = np.arange(8.0).reshape(4, 2), [0, 0, 1, 1]
    with pytest.raises(ValueError, match="metric must be one of 'euclidean', 'sqeuclidean', got 'manhattan'"):
        metrics.silhouette_score(X, labels, metric="manhattan")
    with pytest.raises(TypeError, match="sample_size must be an integer"):
        metrics.silhouette_score(X, labels, sample_size=0.5)
    with pytest.raises(ValueError, match="sample_size must be at least 2, got 1"):
        metrics.silhouette_score(X, labels, sample_size=1)
    with pytest.raises(ValueError, match="labels must be numbers of clusters, from 0 to 0; got 1 at row 2"):
        metrics.simplified_silhouette(X, labels, centers=[[0.0, 0.0]])
    with pytest.raises(ValueError, match=r"got 2 clusters and rows of total weight 1 \(a row of weight w counts"):
        metrics.calinski_harabasz_score(X, labels, sample_weight=0.25)
    with pytest.raises(ValueError, match="bic needs more rows than clusters, got 1 clusters and rows of total"):
        metrics.bic([[0.0]], [0])
    with pytest.raises(TypeError, match="labels must be values of one kind"):
        metrics.silhouette_score(X, np.array([0, "a", "b", 1], dtype=object))
    with pytest.raises(TypeError, match="random_state must be"):
        metrics.silhouette_score(X, labels, random_state="a")
    with pytest.raises(ValueError, match=r"labels_pred must have shape \(4,\)"):
        metrics.adjusted_rand_score(labels, [1, 2])


def test_memory_does_not_grow_with_pairs():
    from helpers import output_of

    pytest.importorskip("resource")  # not on Windows
    code = """
import resource, numpy as np
from ckmeans import metrics
rng = np.random.default_rng(0)
X, labels = rng.normal(size=(30_000, 16)), rng.integers(8, size=30_000).astype(np.int32)
X += 5 * rng.normal(size=(8, 16))[labels]
metrics.silhouette_score(X[:2000], labels[:2000], n_threads=2)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
metrics.silhouette_score(X, labels, n_threads=2)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    assert int(output_of(code)) < 32 * 1024  # KiB; all pairs would take 7 GB


@pytest.mark.parametrize(
    "score", [metrics.silhouette_score, metrics.davies_bouldin_score, metrics.calinski_harabasz_score, metrics.inertia]
)
def test_a_cluster_without_a_number(score):
    """None of its differences is a number, and the largest of none is not zero."""
    with pytest.raises(ValueError, match="X contains NaN at row 0, feature 0"):
        score([[np.nan], [np.nan], [1.0], [2.0], [3.0]], [0, 0, 1, 1, 1])
