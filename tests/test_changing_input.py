"""Input that changes while a call runs: what is small was copied when it was checked, and shapes are kept."""

import numpy as np
import pytest
from helpers import blobs, same_bits

import ckmeans
from ckmeans import KMeans, _input, choose_k

X = blobs(400, 3, 5)


def kinds(values):
    """An array that the core could read in place, and what would be made into one."""
    return [values, values.astype("f4"), values[::-1].copy()[::-1]]


@pytest.mark.parametrize("kind", range(3))
@pytest.mark.parametrize("n_threads", [1, 2])
def test_weights(kind, n_threads):
    options = {"n_clusters": 5, "init": "random", "n_init": 3, "random_state": 0, "n_threads": n_threads}
    weights = kinds(np.random.default_rng(0).integers(1, 9, 400).astype(float))[kind]
    alone = KMeans(**options).fit(X, sample_weight=weights.copy())
    same_bits(KMeans(**options, callback=lambda progress: weights.fill(0)).fit(X, sample_weight=weights), alone)
    assert not weights.any()


def test_weights_of_a_choice_of_k():
    weights = np.random.default_rng(0).integers(1, 9, 400).astype(float)
    options = {"ks": range(1, 5), "random_state": 0, "n_init": 1}
    alone = choose_k(X, sample_weight=weights.copy(), **options)
    changed = choose_k(X, sample_weight=weights, progress=lambda progress: weights.fill(0), **options)
    for name in set(alone.table.dtype.names) - {"seconds"}:
        np.testing.assert_array_equal(changed.table[name], alone.table[name])


@pytest.mark.parametrize("kind", range(3))
def test_first_centers(kind):
    centers = kinds(X[:5].copy())[kind]
    alone = ckmeans.kmeans(X, 5, init=centers.copy())
    same_bits(ckmeans.kmeans(X, 5, init=centers, callback=lambda progress: centers.fill(np.nan)), alone)


def test_first_centers_of_a_callable():
    centers = X[:5].copy()
    alone = ckmeans.kmeans(X, 5, init=centers.copy())
    by_call = ckmeans.kmeans(
        X, 5, n_init=1, init=lambda *args, random_state: centers, callback=lambda progress: centers.fill(1e300)
    )
    same_bits(by_call, alone)


@pytest.mark.parametrize(
    "change", [lambda rows: setattr(rows, "shape", (1200, 1)), lambda rows: np.copyto(rows, 3 * rows[::-1])]
)
def test_rows_that_get_another_shape_or_other_values(change):
    """Values are read in place; what comes out has the shapes that went in."""
    rows = X.copy()
    with np.errstate(all="raise"):
        fit = ckmeans.kmeans(rows, 5, random_state=0, n_init=3, callback=lambda progress: change(rows))
    assert fit.labels.shape == (400,) and fit.centers.shape == (5, 3) and np.isfinite(fit.centers).all()
    rows = X.copy()
    result = choose_k(rows, [2, 4], criteria=["gap", "stability"], random_state=0, progress=lambda _: change(rows))
    assert result.models[4].labels_.shape == (400,)


CHECKED = {
    "centers": (lambda given: _input.check_centers(given, 3), np.ones((2, 3))),
    "weights": (lambda given: _input.check_weights(given, 4).values, np.ones(4)),
    "int32 labels": (lambda given: _input.check_labels(given, 4)[0], np.array([0, 1, 2, 0], np.int32)),
    "int64 labels": (lambda given: _input.check_labels(given, 4)[0], np.array([0, 1, 2, 0])),
    "indices": (lambda given: _input.check_label_indices(given, 4, 3), np.array([0, 1, 2, 0], np.int32)),
    "fitted centers": (
        lambda given: _input.fitted_centers(type("Model", (), {"cluster_centers_": given}), 3),
        np.ones((2, 3)),
    ),
}


@pytest.mark.parametrize(("checked", "given"), CHECKED.values(), ids=CHECKED)
def test_what_was_checked_is_what_the_core_gets(checked, given):
    copy = checked(given)
    expected = copy.copy()
    assert not np.shares_memory(copy, given)
    given.fill(100)
    np.testing.assert_array_equal(copy, expected)
