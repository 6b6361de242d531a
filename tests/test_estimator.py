"""The estimator and the functions: parameters, fitted attributes, and what uses them."""

import inspect
import sys

import numpy as np
import pytest
from helpers import blobs, same_bits, sqdist

import ckmeans
from ckmeans import KMeans

X = blobs(300, 4, 5)
WEIGHTS = np.random.default_rng(1).uniform(0.5, 3.0, len(X))


@pytest.fixture(params=["alone", "beside scikit-learn"])
def classes(request, monkeypatch):
    """The warning and the error that users are to see, without scikit-learn and with it."""
    if request.param == "alone":
        monkeypatch.delitem(sys.modules, "sklearn.exceptions", raising=False)
        return ckmeans
    return pytest.importorskip("sklearn.exceptions")


# --- Fitted attributes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["f4", "f8", "u1", "i1", "u2", "i2", "i4", "u4", "i8", "u8", "f2", "?"])
def test_fitted_attributes(dtype):
    rows = (X * 3 > 0 if dtype == "?" else X * 3 + 100 * (dtype[0] == "u")).astype(dtype)
    model = KMeans(5, random_state=0)
    assert model.fit(rows, sample_weight=WEIGHTS) is model
    fitted = {name: value for name, value in vars(model).items() if name.endswith("_")}
    types = {name: (value.dtype if isinstance(value, np.ndarray) else type(value)) for name, value in fitted.items()}
    assert types == {
        "cluster_centers_": np.dtype("f4" if dtype == "f4" else "f8"),
        "labels_": np.dtype("i4"),
        "inertia_": float,
        "n_iter_": int,
        "converged_": bool,
        "cluster_sizes_": np.dtype("i8"),
        "cluster_weights_": np.dtype("f8"),
        "history_": np.dtype(
            [
                *(("inertia", "f8"), ("center_shift", "f8"), ("changed", "i8")),
                *(("algorithm", "U10"), ("screened", "f8"), ("screen", "U8")),
            ]
        ),
        "n_features_in_": int,
    }
    shapes = {name: value.shape for name, value in fitted.items() if isinstance(value, np.ndarray)}
    assert shapes == {
        "cluster_centers_": (5, 4),
        "labels_": (300,),
        "cluster_sizes_": (5,),
        "cluster_weights_": (5,),
        "history_": (model.n_iter_,),
    }
    assert model.n_features_in_ == 4


def test_attributes_agree_with_each_other():
    model = KMeans(5, random_state=0).fit(X, sample_weight=WEIGHTS)
    distances = sqdist(X, model.cluster_centers_)
    np.testing.assert_array_equal(model.labels_, distances.argmin(axis=1))
    np.testing.assert_array_equal(model.cluster_sizes_, np.bincount(model.labels_, minlength=5))
    np.testing.assert_allclose(model.cluster_weights_, np.bincount(model.labels_, WEIGHTS, 5), rtol=1e-13)
    assert model.inertia_ == pytest.approx(WEIGHTS @ distances.min(axis=1), rel=1e-13)
    means = np.stack([np.average(X[model.labels_ == j], axis=0, weights=WEIGHTS[model.labels_ == j]) for j in range(5)])
    np.testing.assert_allclose(model.cluster_centers_, means, rtol=1e-12)
    assert model.converged_


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["unweighted", "weighted"])
def test_sizes_and_weights_after_an_empty_cluster_was_filled(weights):
    init = np.vstack([X[:4], np.full((1, 4), 1e3)])  # no row is nearest to the last
    model = KMeans(5, init=init, tol=0).fit(X, sample_weight=weights)
    np.testing.assert_array_equal(model.labels_, sqdist(X, model.cluster_centers_).argmin(axis=1))
    np.testing.assert_array_equal(model.cluster_sizes_, np.bincount(model.labels_, minlength=5))
    np.testing.assert_allclose(model.cluster_weights_, np.bincount(model.labels_, weights, 5), rtol=1e-13)
    assert (model.cluster_sizes_ > 0).all()
    assert model.converged_


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "i4"])
def test_integers_give_what_float64_gives(dtype):
    rows = (X * 3 + 60).clip(0, 127).round()
    same_bits(KMeans(6, random_state=3).fit(rows.astype(dtype)), KMeans(6, random_state=3).fit(rows))


def test_float32_centers_are_what_predict_uses():
    model = KMeans(5, random_state=0).fit(X.astype("f4") + 1000)
    np.testing.assert_array_equal(model.predict(X.astype("f4") + 1000), model.labels_)
    assert model.score(X.astype("f4") + 1000) == -model.inertia_


def test_data_and_weights_are_left_alone():
    rows, weights = X.copy(), WEIGHTS.copy()
    KMeans(5, random_state=0, copy_x=False).fit(rows, sample_weight=weights)
    np.testing.assert_array_equal(rows, X)
    np.testing.assert_array_equal(weights, WEIGHTS)


# --- Using a fitted estimator -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["f4", "f8", "i2"])
def test_predict_transform_score(dtype):
    rows = (X * 10).astype(dtype)
    other = (blobs(50, 4, 5, seed=9) * 10).astype(dtype)
    model = KMeans(5, random_state=0).fit(rows)
    distances = sqdist(other, model.cluster_centers_)
    labels = model.predict(other)
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, distances.argmin(axis=1))
    transformed = model.transform(other)
    assert transformed.dtype == ("f4" if dtype == "f4" else "f8")
    assert transformed.shape == (50, 5)
    np.testing.assert_allclose(transformed, np.sqrt(distances), rtol=1e-6 if dtype == "f4" else 1e-13)
    assert model.score(other) == pytest.approx(-distances.min(axis=1).sum(), rel=1e-13)
    weights = WEIGHTS[:50]
    assert model.score(other, sample_weight=weights) == pytest.approx(-weights @ distances.min(axis=1), rel=1e-13)


def test_fit_predict_and_fit_transform():
    model = KMeans(5, random_state=0).fit(X, sample_weight=WEIGHTS)
    other = KMeans(5, random_state=0)
    np.testing.assert_array_equal(other.fit_predict(X, sample_weight=WEIGHTS), model.labels_)
    same_bits(other, model)
    np.testing.assert_array_equal(KMeans(5, random_state=0).fit_transform(X, None, WEIGHTS), model.transform(X))
    np.testing.assert_array_equal(model.predict(X), model.labels_)
    assert model.score(X, sample_weight=WEIGHTS) == -model.inertia_


def test_names_of_the_transformed_columns():
    class Grouping(KMeans):
        pass

    assert KMeans(3, random_state=0).fit(X).get_feature_names_out().tolist() == ["kmeans0", "kmeans1", "kmeans2"]
    assert Grouping(2, random_state=0).fit(X).get_feature_names_out().tolist() == ["grouping0", "grouping1"]


@pytest.mark.parametrize(
    "use", [lambda m: m.predict(X), lambda m: m.transform(X), lambda m: m.score(X), lambda m: m.get_feature_names_out()]
)
def test_not_fitted(use, classes):
    with pytest.raises(classes.NotFittedError, match=r"KMeans .*not fitted yet"):
        use(KMeans())


def test_not_fitted_error_is_a_value_error_and_an_attribute_error():
    assert issubclass(ckmeans.NotFittedError, ValueError)
    assert issubclass(ckmeans.NotFittedError, AttributeError)


def test_set_output_without_a_data_frame_library():
    model = KMeans(3, random_state=0)
    assert model.set_output(transform="default") is model
    assert type(model.fit_transform(X)) is np.ndarray
    assert model.set_output() is model
    with pytest.raises(ValueError, match=r"transform must be one of .*'pandas'.*, got 'arrow'"):
        model.set_output(transform="arrow")


# --- Parameters -------------------------------------------------------------------------------------------------

DEFAULTS = {
    "n_clusters": 8,
    "init": "k-means++",
    "n_init": "auto",
    "max_iter": 300,
    "tol": 1e-4,
    "verbose": 0,
    "random_state": None,
    "copy_x": True,
    "algorithm": "auto",
    "n_threads": None,
    "callback": None,
}


def test_parameters():
    assert KMeans().get_params() == DEFAULTS == KMeans().get_params(deep=False)
    parameters = inspect.signature(KMeans).parameters.values()
    assert [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY] == ["n_clusters"]
    model = KMeans()
    assert model.set_params(n_clusters=3, tol=0.5) is model
    assert model.get_params() == DEFAULTS | {"n_clusters": 3, "tol": 0.5}
    with pytest.raises(ValueError, match=r"Invalid parameter 'n_cluster' for estimator KMeans.*n_clusters"):
        model.set_params(max_iter=1, n_cluster=4)
    assert model.max_iter == 300


def test_repr_shows_what_differs_from_the_defaults():
    assert repr(KMeans()) == "KMeans()"
    model = KMeans(3, tol=0.0, init="random", n_threads=2)
    assert repr(model) == "KMeans(n_clusters=3, init='random', tol=0.0, n_threads=2)"
    assert "init=array([[0., 1.]])" in repr(KMeans(1, init=np.array([[0.0, 1.0]])))


def test_algorithms_give_the_same_bits():
    models = [KMeans(5, algorithm=name, random_state=0).fit(X) for name in ("auto", "lloyd", "elkan")]
    same_bits(models[0], models[1])
    same_bits(models[0], models[2])


def test_a_number_as_weight_is_the_weight_of_every_row():
    one, two = (KMeans(5, random_state=0).fit(X, sample_weight=weight) for weight in (None, 2.0))
    np.testing.assert_array_equal(two.labels_, one.labels_)
    np.testing.assert_array_equal(two.cluster_centers_, one.cluster_centers_)
    assert two.inertia_ == 2 * one.inertia_
    np.testing.assert_array_equal(two.cluster_weights_, 2.0 * one.cluster_sizes_)


# --- Few distinct points ----------------------------------------------------------------------------------------


def test_fewer_distinct_points_than_clusters(classes):
    rows = np.repeat([[0.0, 1.0], [5.0, 5.0], [9.0, 0.0]], 4, axis=0)
    message = r"distinct clusters \(3\) found smaller than n_clusters \(5\)"
    with pytest.warns(classes.ConvergenceWarning, match=message) as record:
        model = KMeans(5, random_state=0).fit(rows)
    assert [entry.filename for entry in record] == [__file__]
    assert np.isfinite(model.cluster_centers_).all()
    assert model.inertia_ == 0
    assert sorted(model.cluster_sizes_.tolist()) == [0, 0, 4, 4, 4]
    np.testing.assert_array_equal(model.cluster_centers_[model.labels_], rows)
    np.testing.assert_array_equal(model.predict(rows), model.labels_)


# --- Functions --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_kmeans_is_the_estimator_as_one_call(dtype):
    rows = X.astype(dtype)
    options = {"init": "random", "n_init": 3, "max_iter": 7, "tol": 1e-3, "random_state": 2, "n_threads": 1}
    seen = []
    result = ckmeans.kmeans(rows, 5, sample_weight=WEIGHTS, callback=seen.append, **options)
    assert isinstance(result, ckmeans.KMeansResult)
    model = KMeans(5, **options).fit(rows, sample_weight=WEIGHTS)
    same_bits(result, model)
    assert result.converged == model.converged_
    assert result.centers.dtype == dtype
    assert {p.restart for p in seen} == {0, 1, 2}


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_kmeans_plusplus_is_the_start_of_the_estimator(dtype):
    rows = X.astype(dtype)
    centers, indices = ckmeans.kmeans_plusplus(rows, 5, sample_weight=WEIGHTS, random_state=4)
    assert (centers.dtype, indices.dtype) == (np.dtype(dtype), np.dtype("i8"))
    np.testing.assert_array_equal(centers, rows[indices])
    model = KMeans(5, random_state=4).fit(rows, sample_weight=WEIGHTS)
    same_bits(model, KMeans(5, init=centers).fit(rows, sample_weight=WEIGHTS))
    trials = 2 + int(np.log(5))
    _, explicit = ckmeans.kmeans_plusplus(rows, 5, sample_weight=WEIGHTS, random_state=4, n_local_trials=trials)
    np.testing.assert_array_equal(explicit, indices)


def test_assign_is_predict():
    model = KMeans(5, random_state=0).fit(X)
    labels = ckmeans.assign(X, model.cluster_centers_)
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, model.labels_)
    np.testing.assert_array_equal(ckmeans.assign(X.tolist(), model.cluster_centers_.tolist(), n_threads=1), labels)
    assert ckmeans.assign([[0.0], [1.0], [2.0]], [[0.0], [2.0], [0.0]]).tolist() == [0, 0, 1]  # lowest index on a tie
