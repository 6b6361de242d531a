"""Restarts, seeds, and what a fit tells of itself while it runs."""

import numpy as np
import pytest
from helpers import blobs, same_bits, sqdist, unchanged

import ckmeans
from ckmeans import KMeans, Progress

X = blobs(300, 4, 5)
WEIGHTS = np.random.default_rng(1).uniform(0.5, 3.0, len(X))


# --- Restarts and seeds -----------------------------------------------------------------------------------------


def first_rows(rows, n_clusters, random_state):
    return rows[:n_clusters]


@pytest.mark.parametrize(
    ("init", "n_init", "restarts"),
    [
        ("k-means++", "auto", 1),
        ("random", "auto", 10),
        (X[:5], "auto", 1),
        (first_rows, "auto", 10),
        ("k-means++", 3, 3),
        ("random", 2, 2),
        (X[:5], 1, 1),
        (first_rows, 4, 4),
    ],
)
def test_number_of_restarts(init, n_init, restarts):
    seen = []
    KMeans(5, init=init, n_init=n_init, random_state=0, callback=lambda p: seen.append(p.restart)).fit(X)
    assert seen == sorted(seen)
    assert set(seen) == set(range(restarts))


def test_several_restarts_from_given_centers_are_one_with_a_warning():
    with pytest.warns(RuntimeWarning, match="only one init instead of n_init=4") as record:
        model = KMeans(5, init=X[:5], n_init=4).fit(X)
    assert record[0].filename == __file__
    same_bits(model, KMeans(5, init=X[:5]).fit(X))


def test_callable_init():
    calls = []

    def init(rows, n_clusters, random_state):
        calls.append((rows, n_clusters, random_state))
        return rows[random_state.choice(len(rows), n_clusters, replace=False)]

    model = KMeans(5, init=init, random_state=7).fit(X)
    assert len(calls) == 10
    assert all(rows is X and k == 5 and isinstance(rng, np.random.RandomState) for rows, k, rng in calls)
    same_bits(model, KMeans(5, init=init, random_state=7).fit(X))
    same_bits(KMeans(5, init=lambda *args, random_state: X[:5].tolist()).fit(X), KMeans(5, init=X[:5]).fit(X))


@pytest.mark.parametrize("init", ["k-means++", "random"])
@pytest.mark.parametrize("seed", [lambda: 5, lambda: np.random.default_rng(5), lambda: np.random.RandomState(5)])
def test_seeds_reproduce(init, seed):
    same_bits(KMeans(5, init=init, random_state=seed()).fit(X), KMeans(5, init=init, random_state=seed()).fit(X))


def start_of(random_state):
    return ckmeans.kmeans_plusplus(X, 8, random_state=random_state)[1].tolist()


def test_seeds_differ():
    assert len({tuple(start_of(seed)) for seed in (0, 1, 2**32, 2**63, 2**64 - 1)}) == 5
    assert start_of(np.int64(3)) == start_of(3)
    for generator in (np.random.default_rng(5), np.random.RandomState(5)):
        assert start_of(generator) != start_of(generator)


def test_without_a_seed_numpys_global_generator_decides():
    state = np.random.get_state()
    try:
        np.random.seed(11)
        starts = [start_of(None), start_of(None)]
        np.random.seed(11)
        assert [start_of(None), start_of(None)] == starts
        assert starts[0] != starts[1]
    finally:
        np.random.set_state(state)


# --- Progress ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["unweighted", "weighted"])
def test_history_is_that_of_lloyds_iteration(weights):
    seen = []
    model = KMeans(5, init=X[:5], tol=0, callback=seen.append).fit(X, sample_weight=weights)
    w = np.ones(len(X)) if weights is None else weights
    centers, labels = X[:5], np.full(len(X), -1)
    for entry in model.history_:
        distances = sqdist(X, centers)
        changed, labels = (distances.argmin(axis=1) != labels).sum(), distances.argmin(axis=1)
        means = np.stack([np.average(X[labels == j], axis=0, weights=w[labels == j]) for j in range(5)])
        assert entry["inertia"] == pytest.approx(w @ distances.min(axis=1), rel=1e-12)
        assert entry["center_shift"] == pytest.approx(((means - centers) ** 2).sum(), rel=1e-9, abs=1e-24)
        assert entry["changed"] == changed
        centers = means
    assert model.n_iter_ > 3
    assert (np.diff(model.history_["inertia"]) <= 1e-12 * model.inertia_).all()
    assert model.history_["changed"][-1] == 0
    assert all(type(progress) is Progress for progress in seen)
    assert [tuple(p)[2:] for p in seen] == model.history_.tolist()
    assert [(p.restart, p.iteration) for p in seen] == [(0, i + 1) for i in range(model.n_iter_)]


def test_tol_is_relative_to_the_mean_variance():
    full = KMeans(5, init=X[:5], tol=0).fit(X)
    shifts = full.history_["center_shift"] / X.var(axis=0).mean()
    stop = 2  # the iteration that is to be the last, of at least five
    assert full.n_iter_ >= 5 and (shifts[:stop] > shifts[stop]).all()
    assert KMeans(5, init=X[:5], tol=shifts[stop] * 1.0001).fit(X).n_iter_ == stop + 1
    assert KMeans(5, init=X[:5], tol=shifts[stop] * 0.9999).fit(X).n_iter_ > stop + 1


def test_stopping_at_max_iter_is_no_cause_for_a_warning():
    model = KMeans(5, init=X[:5], max_iter=1).fit(X)
    assert (model.n_iter_, model.converged_) == (1, False)
    np.testing.assert_array_equal(model.predict(X), model.labels_)


@pytest.mark.parametrize("error", [RuntimeError("enough"), SystemExit(3), StopIteration()])
@pytest.mark.parametrize("fitted", [False, True])
def test_an_exception_in_the_callback_ends_the_fit(error, fitted):
    calls = []

    def callback(progress):
        calls.append(progress)
        if len(calls) == 2:
            raise error

    model = KMeans(5, init="random", random_state=0, tol=0)
    if fitted:
        model.fit(X[:100])
    model.set_params(callback=callback)
    with unchanged(model), pytest.raises(type(error)) as raised:
        model.fit(X)
    assert raised.value is error
    assert len(calls) == 2


def test_a_callback_may_fit():
    inner = []
    model = KMeans(5, init=X[:5], callback=lambda p: inner.append(KMeans(3, init=X[:3]).fit(X).inertia_)).fit(X)
    same_bits(model, KMeans(5, init=X[:5]).fit(X))
    assert inner == [KMeans(3, init=X[:3]).fit(X).inertia_] * model.n_iter_


def test_verbose_prints_a_line_an_iteration(capsys):
    model = KMeans(5, random_state=0, verbose=1).fit(X)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == model.n_iter_
    assert lines[-1].startswith(f"Restart 0, iteration {model.n_iter_}: inertia ")
    assert f"{model.history_['inertia'][-1]:.6g}" in lines[-1]
    KMeans(5, random_state=0, verbose=False).fit(X)
    assert capsys.readouterr().out == ""
