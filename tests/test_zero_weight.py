"""Rows of weight 0 are as if absent, wherever they lie and whatever their values: they get a label, no more."""

import numpy as np
import pytest
from helpers import blobs, same_bits

from ckmeans import KMeans, choose_k, diagnose, kmeans, kmeans_plusplus, metrics, profile
from ckmeans._fitting.fit import run
from ckmeans._fitting.sampling import generator
from ckmeans._fitting.sweep import extend

X = blobs(90, 2, 3)
MODEL = KMeans(3, random_state=0).fit(X)
FAR = [1e9, 1e200, 1.7e308, -1.7e308]


@pytest.fixture(params=FAR)
def absent(request):
    """Rows, labels and weights where rows of no weight lie before, among and behind those that count."""
    far = np.full((1, 2), request.param)
    rows = np.vstack([far, X[:40], far, X[40:], far])
    labels = np.r_[0, MODEL.labels_[:40], 2, MODEL.labels_[40:], 1]
    weights = np.r_[0.0, np.ones(40), 0.0, np.ones(50), 0.0]
    return rows, labels, weights


# --- Python alone -----------------------------------------------------------------------------------------------


def test_gap(absent):
    rows, _, weights = absent
    options = {"random_state": 0, "n_references": 3}
    expected = metrics.gap_statistic(X, 3, sample_weight=np.ones(90), **options)
    found = metrics.gap_statistic(rows, 3, sample_weight=weights, **options)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_seeds_added_to_a_fit(absent):
    rows, _, weights = absent
    fit = run(X, None, n_clusters=3, restarts=1, max_iter=1, tol=0.0, given=X[np.newaxis, :3], n_threads=1)
    labels = np.zeros(93, np.int32)
    labels[weights > 0] = fit.labels
    expected = extend(X, np.ones(90), fit, 6, generator(0), 1)
    found = extend(rows, weights, fit._replace(labels=labels), 6, generator(0), 1)
    np.testing.assert_array_equal(found, expected)


def test_a_sample_no_smaller_than_the_rows_that_count(absent):
    rows, labels, weights = absent
    scored = metrics.silhouette_score(
        rows, labels, sample_weight=weights, sample_size=91, random_state=0, return_standard_error=True
    )
    assert scored[1] == 0


@pytest.mark.parametrize("by", ["model", "labels"])
def test_profile(absent, by):
    rows, labels, weights = absent
    found = profile(rows, MODEL if by == "model" else labels, sample_weight=weights)
    expected = profile(X, MODEL if by == "model" else MODEL.labels_)
    for name in ("size", "share", "mean", "median", "lower_quartile", "upper_quartile", "spread", "difference"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    for name in ("representatives", "farthest"):
        np.testing.assert_array_equal(np.flatnonzero(weights)[getattr(expected, name)], getattr(found, name))
        distances = f"{name.removesuffix('s')}_distances"
        np.testing.assert_array_equal(getattr(found, distances), getattr(expected, distances))


def test_diagnosis(absent):
    rows, _, weights = absent
    spread = np.array([1.0, 1000.0])  # so that there is something to find
    model = KMeans(3, random_state=0).fit(X * spread)
    with np.errstate(over="ignore"):
        far = np.clip(rows * spread, -1.7e308, 1.7e308)
    found = diagnose(far, model, sample_weight=weights, random_state=0)
    expected = diagnose(X * spread, model, random_state=0)
    assert "unlike-scales" in expected.codes
    assert str(found) == str(expected)


@pytest.mark.parametrize("name", ["silhouette", "profiles"])
def test_pictures(absent, name):
    figure = pytest.importorskip("matplotlib.figure").Figure
    draw = getattr(pytest.importorskip("ckmeans.plot"), name)
    rows, labels, weights = absent
    one, other = figure().subplots(), figure().subplots()
    draw(rows, labels, sample_weight=weights, ax=one)
    draw(X, MODEL.labels_, sample_weight=np.ones(90), ax=other)
    assert one.get_title() == other.get_title()
    ticks = [[label.get_text() for label in ax.get_yticklabels()] for ax in (one, other)]
    assert ticks[0] == ticks[1] == [f"{i} ({size})" for i, size in enumerate(MODEL.cluster_sizes_)]
    if name == "profiles":
        np.testing.assert_array_equal(one.images[0].get_array(), other.images[0].get_array())


# --- The core as well -------------------------------------------------------------------------------------------

SCORES = {
    name: getattr(metrics, name)
    for name in (
        "silhouette_score",
        "simplified_silhouette",
        "calinski_harabasz_score",
        "davies_bouldin_score",
        "inertia",
        "bic",
        "aic",
    )
}


@pytest.mark.parametrize("name", [*SCORES, "fit", "score", "choose_k", "four rows"])
def test_what_the_core_sums_up(absent, name):
    rows, labels, weights = absent
    ones = np.ones(90)
    if name in SCORES:
        expected = SCORES[name](X, MODEL.labels_, sample_weight=ones)
        assert SCORES[name](rows, labels, sample_weight=weights) == pytest.approx(expected, rel=1e-12)
    elif name == "fit":
        fit = KMeans(3, init=X[:3]).fit(rows, sample_weight=weights)
        expected = KMeans(3, init=X[:3]).fit(X, sample_weight=ones)
        np.testing.assert_allclose(fit.cluster_centers_, expected.cluster_centers_, rtol=1e-12)
        assert fit.inertia_ == pytest.approx(expected.inertia_, rel=1e-12)
    elif name == "score":
        assert MODEL.score(rows, sample_weight=weights) == pytest.approx(MODEL.score(X), rel=1e-12)
    elif name == "choose_k":
        options = {"criteria": ["silhouette", "calinski_harabasz", "davies_bouldin", "bic", "gap"], "random_state": 0}
        found = choose_k(rows, range(1, 6), sample_weight=weights, **options)
        expected = choose_k(X, range(1, 6), sample_weight=ones, **options)
        assert found.recommended_k == expected.recommended_k
        assert np.isnan(found.table["silhouette"]).tolist() == np.isnan(expected.table["silhouette"]).tolist()
    else:
        fit = KMeans(2, init=[[0.5], [3.0]]).fit([[0.0], [1.0], [3.0], [rows[0, 0]]], sample_weight=[1, 1, 1, 0])
        assert (fit.cluster_centers_.ravel().tolist(), fit.inertia_) == ([0.5, 3.0], 0.5)


# --- To the bit, where such rows lie behind the others ----------------------------------------------------------------

VALUES = [1e200, -1e200, 1.7e308, -1.7e308, 1e30, 5e-324, 0.0]
INITS = ["k-means++", "random", "k-means||", "afk-mc2"]


def with_absent_rows(n_rows, n_features, scale=1.0, seed=0):
    """Rows, the same with others of weight zero behind them, and the weights of these."""
    rng = np.random.default_rng(seed)
    rows = scale * (rng.normal(size=(n_rows, n_features)) + 4 * rng.integers(4, size=(n_rows, 1)))
    absent = np.repeat(np.array(VALUES)[:, None], n_features, axis=1)
    absent[::2] *= rng.choice([-1, 1], size=n_features)
    return rows, np.concatenate([rows, absent]), np.concatenate([rng.random(n_rows) + 0.1, np.zeros(len(absent))])


def test_the_row_that_was_found():
    X, weights = [[0.0], [1.0], [3.0], [1e200]], [1, 1, 1, 0]
    model = KMeans(1).fit(X, sample_weight=weights)
    assert model.inertia_ == KMeans(1).fit(X[:3]).inertia_
    assert model.score(X, sample_weight=weights) == -model.inertia_


@pytest.mark.parametrize("n_features", [1, 2, 8, 40])
@pytest.mark.parametrize("init", [*INITS, "given"])
def test_fits_are_those_without_it(n_features, init):
    for n_rows, scale in ((100, 1.0), (900, 1e-290), (900, 1e290)):
        rows, X, weights = with_absent_rows(n_rows, n_features, scale)
        options = {"init": rows[:5] if init == "given" else init, "random_state": 0}
        for algorithm in ("auto", "hamerly", "yinyang", "projection"):
            without = kmeans(rows, 5, sample_weight=weights[:n_rows], algorithm=algorithm, **options)
            beside = kmeans(X, 5, sample_weight=weights, algorithm=algorithm, **options)
            assert np.isfinite(beside.inertia) or scale == 1e290
            assert len(beside.labels) == len(X)
            same_bits(without, beside._replace(labels=beside.labels[:n_rows], cluster_sizes=without.cluster_sizes))


@pytest.mark.parametrize("n_features", [2, 40])
def test_sorted_and_embedded_rows(n_features):
    _, X, weights = with_absent_rows(17_000, n_features)
    X[:, n_features // 2 :] = X[:, : n_features - n_features // 2]  # correlated
    without = kmeans(X[:17_000], 18, sample_weight=weights[:17_000], random_state=0, max_iter=10)
    beside = kmeans(X, 18, sample_weight=weights, random_state=0, max_iter=10)
    same_bits(without, beside._replace(labels=beside.labels[:17_000], cluster_sizes=without.cluster_sizes))


def test_seeds_are_those_without_it():
    rows, X, weights = with_absent_rows(900, 3)
    without = kmeans_plusplus(rows, 20, sample_weight=weights[:900], random_state=1)
    beside = kmeans_plusplus(X, 20, sample_weight=weights, random_state=1)
    np.testing.assert_array_equal(without[1], beside[1])


def test_empty_clusters_take_no_such_row():
    rows, X, weights = with_absent_rows(100, 2)
    init = np.repeat(rows[:1], 8, axis=0)
    without = kmeans(rows, 8, init=init, sample_weight=weights[:100])
    beside = kmeans(X, 8, init=init, sample_weight=weights)
    same_bits(without, beside._replace(labels=beside.labels[:100], cluster_sizes=without.cluster_sizes))


@pytest.mark.parametrize(
    "score",
    [
        metrics.silhouette_score,
        lambda *args, **options: metrics.silhouette_score(*args, metric="sqeuclidean", **options),
        metrics.simplified_silhouette,
        metrics.calinski_harabasz_score,
        metrics.davies_bouldin_score,
        metrics.inertia,
        metrics.bic,
        metrics.aic,
    ],
)
def test_scores_are_those_without_it(score):
    rows, X, weights = with_absent_rows(300, 3)
    labels = np.arange(len(X)) % 4
    without = score(rows, labels[:300], sample_weight=weights[:300])
    assert np.isfinite(without)
    assert score(X, labels, sample_weight=weights) == without


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("n_clusters", [1, 3])
def test_its_values_are_finite_all_the_same(value, n_clusters):
    _, X, weights = with_absent_rows(50, 2)
    X[53, 1] = value
    with pytest.raises(ValueError, match=r"X contains (NaN|infinity) at row 53, feature 1"):
        kmeans(X, n_clusters, sample_weight=weights)
