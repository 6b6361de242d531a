"""A row of weight zero counts as if it were absent, whatever its values: it gets a label, and nothing else."""

import numpy as np
import pytest
from helpers import same_bits

from ckmeans import KMeans, kmeans, kmeans_plusplus, metrics

FAR = [1e200, -1e200, 1.7e308, -1.7e308, 1e30, 5e-324, 0.0]
INITS = ["k-means++", "random", "k-means||", "afk-mc2"]


def with_absent_rows(n_rows, n_features, scale=1.0, seed=0):
    """Rows, the same with others of weight zero behind them, and the weights of these."""
    rng = np.random.default_rng(seed)
    rows = scale * (rng.normal(size=(n_rows, n_features)) + 4 * rng.integers(4, size=(n_rows, 1)))
    absent = np.repeat(np.array(FAR)[:, None], n_features, axis=1)
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
