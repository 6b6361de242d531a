"""What a fit sets, set by hand: checked where it is used, by name, before the core reads it."""

import re
from dataclasses import replace

import numpy as np
import pytest
from helpers import blobs

from ckmeans import KMeans, choose_k, diagnose, profile

NAN, INF = float("nan"), float("inf")
X = blobs(60, 3, 3)
CENTERS = X[:3]


def fitted(**attributes):
    model = KMeans(3, random_state=0, n_init=1).fit(X)
    for name, value in attributes.items():
        setattr(model, name, value)
    return model


def uses(model):
    return {
        "predict": lambda: model.predict(X),
        "transform": lambda: model.transform(X),
        "score": lambda: model.score(X),
        "diagnose": lambda: diagnose(X, model, random_state=0),
        "profile": lambda: profile(X, model),
    }


# --- Centers ----------------------------------------------------------------------------------------------------

BAD_CENTERS = {
    "fewer columns": (CENTERS[:, :2], r"must have shape \(any, 3\).*; got \(3, 2\)"),
    "more columns": (np.ones((3, 9)), r"must have shape \(any, 3\).*; got \(3, 9\)"),
    "no rows": (np.empty((0, 3)), r".*0 sample"),
    "no columns": (np.empty((3, 0)), r".*0 feature"),
    "one row alone": (CENTERS[0], r".*got 1D array"),
    "a number": (3.0, r".*got 0D array"),
    "None": (None, r".*got 0D array"),
    "three dimensions": (CENTERS[np.newaxis], r".*got 3D array"),
    "NaN": (np.where(np.eye(3) > 0, NAN, 1), "contains nan at row 0, feature 0"),
    "infinite": (np.where(np.eye(3)[::-1] > 0, INF, 1), "contains inf at row 0, feature 2"),
    "strings": ([["a"] * 3] * 3, "must hold numbers"),
    "complex": (CENTERS * 1j, "has dtype complex128"),
    "ragged": ([[1, 2, 3], [4]], "cannot be made into an array"),
}


@pytest.mark.parametrize(("centers", "pattern"), BAD_CENTERS.values(), ids=BAD_CENTERS)
def test_centers(centers, pattern):
    for use in uses(fitted(cluster_centers_=centers)).values():
        with pytest.raises(ValueError, match=rf"cluster_centers_:? ?{pattern}"):
            use()


def test_centers_that_the_core_can_be_given_are_used():
    expected = fitted().predict(X)
    centers = fitted().cluster_centers_
    for same in (centers.tolist(), np.asfortranarray(centers), np.repeat(centers, 2, axis=1)[:, ::2]):
        np.testing.assert_array_equal(fitted(cluster_centers_=same).predict(X), expected)
    assert fitted(cluster_centers_=[[0, 0, 0]]).predict(X).tolist() == [0] * 60
    assert fitted(cluster_centers_=[[0, 0, 0]]).get_feature_names_out().tolist() == ["kmeans0"]
    with pytest.raises(ValueError, match="cluster_centers_"):
        fitted(cluster_centers_=5).get_feature_names_out()


def test_profile_checks_the_labels_of_a_foreign_model():
    class Model:
        cluster_centers_ = CENTERS

        def predict(self, X):
            return np.full(len(X), 7)

    with pytest.raises(ValueError, match=r"what model\.predict returned must be numbers of clusters.*got 7 at row 0"):
        profile(X, Model())


# --- Features ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["3", 3.0, None, [3, 3], np.arange(3), True])
def test_n_features_in_of_the_wrong_type(value):
    for use in uses(fitted(n_features_in_=value)).values():
        with pytest.raises(TypeError, match=r"^n_features_in_ must be an integer, got "):
            use()


def test_n_features_in_that_fits_neither_rows_nor_centers():
    with pytest.raises(ValueError, match="X has 3 features, but KMeans is expecting 2 features"):
        fitted(n_features_in_=2).predict(X)
    with pytest.raises(ValueError, match=r"^cluster_centers_ must have shape \(any, 2\)"):
        fitted(n_features_in_=2).predict(X[:, :2])
    assert fitted(n_features_in_=np.int64(3)).predict(X).shape == (60,)


def test_attributes_that_are_missing():
    model = KMeans(3)
    model.cluster_centers_ = CENTERS
    for use in uses(model).values():
        with pytest.raises(AttributeError, match=r"^KMeans has no n_features_in_, which its fit would set"):
            use()


@pytest.mark.parametrize("names", [3, "abc", ["a", "b"], ["a", "b", 3], [["a"], ["b"], ["c"]]])
def test_feature_names_in(names):
    pd = pytest.importorskip("pandas")
    model = fitted(feature_names_in_=names)
    for rows in (X, pd.DataFrame(X, columns=list("abc"))):
        with pytest.raises(ValueError, match=f"^feature_names_in_ must be 3 strings.*; got {re.escape(repr(names))}"):
            model.predict(rows)


# --- Sizes, weights, history ------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [None, 3, [20, 20], [20.5, 20, 19.5], [-1, 30, 31], ["a"] * 3, [[1, 2, 3]]])
def test_cluster_sizes(sizes):
    with pytest.raises(ValueError, match=r"^cluster_sizes_ must be"):
        diagnose(X, fitted(cluster_sizes_=sizes), random_state=0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cluster_sizes_", [-1, 3]),
        ("cluster_sizes_", []),
        ("cluster_sizes_", 5),
        ("cluster_sizes_", [[1, 2], [3]]),
        ("cluster_weights_", [1.0]),
        ("cluster_weights_", [NAN, 1.0, 2.0]),
        ("cluster_weights_", ["a", "b", "c"]),
    ],
)
def test_pictures_of_sizes(name, value):
    plot = pytest.importorskip("ckmeans.plot")
    with pytest.raises(ValueError, match=f"^{name} "):
        plot.sizes(fitted(**{name: value}), ax=new_axes())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("history_", None),
        ("history_", []),
        ("history_", np.zeros(3)),
        ("history_", np.zeros(3, [("inertia", "f8")])),
        ("history_", np.zeros(3, [("inertia", "f8"), ("changed", "U3")])),
        ("history_", np.zeros(0, [("inertia", "f8"), ("changed", "i8")])),
        ("inertia_", "much"),
        ("inertia_", NAN),
        ("inertia_", [1.0]),
        ("labels_", None),
        ("labels_", []),
    ],
)
def test_pictures_of_convergence(name, value):
    plot = pytest.importorskip("ckmeans.plot")
    with pytest.raises(ValueError, match=f"^{name} "):
        plot.convergence(fitted(**{name: value}), ax=new_axes())


def new_axes():
    return pytest.importorskip("matplotlib.figure").Figure().subplots()


# --- A choice of k ----------------------------------------------------------------------------------------------

CHOICE = choose_k(X, range(1, 4), criteria=["davies_bouldin"], random_state=0)


@pytest.mark.parametrize(
    ("part", "value", "kind"),
    [
        ("table", None, ValueError),
        ("table", np.zeros(3), ValueError),
        ("table", CHOICE.table[:0], ValueError),
        ("table", CHOICE.table[["k", "inertia"]], ValueError),
        ("criteria", ["davies_bouldin"], TypeError),
        ("criteria", {"davies_bouldin": "Davies"}, TypeError),
        ("criteria", {"none such": ("None such", True)}, ValueError),
        ("choices", None, TypeError),
        ("choices", {"davies_bouldin": 2.5}, TypeError),
        ("recommended_k", "3", TypeError),
        ("recommended_k", 0, ValueError),
        ("elbow", "none", TypeError),
    ],
)
def test_a_choice_of_k(part, value, kind):
    name = {"criteria": "(criteria|table)", "choices": "(choices|the choice of)", "elbow": "the choice of elbow"}
    pattern = f"^{name.get(part, part)}"
    with pytest.raises(kind, match=pattern):
        replace(CHOICE, **{part: value})
    plot = pytest.importorskip("ckmeans.plot")
    whole = replace(CHOICE)
    object.__setattr__(whole, part, value)
    for draw in (lambda: plot.elbow(whole, ax=new_axes()), lambda: plot.scores(whole, axes=[new_axes()])):
        with pytest.raises(kind, match=pattern):
            draw()


def test_a_choice_of_k_without_its_model():
    with pytest.raises(ValueError, match=r"^models must hold an estimator for recommended_k=3, got {}"):
        _ = replace(CHOICE, models={}, recommended_k=3).best_estimator_
