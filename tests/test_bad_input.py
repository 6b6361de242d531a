"""Bad input of every kind: an error that names the parameter and what was seen, and an estimator left as it was."""

import re
from fractions import Fraction

import numpy as np
import pytest
from helpers import unchanged

import ckmeans
from ckmeans import KMeans

pytest.importorskip("pandas")
pytest.importorskip("scipy")

import pandas as pd
import scipy.sparse

NAN, INF = float("nan"), float("inf")
X = np.random.default_rng(0).normal(size=(30, 2))
FITTED = KMeans(3, random_state=0).fit(X)


def with_value(value, row=3, feature=1, dtype="f8"):
    rows = X.astype(dtype)
    rows[row, feature] = value
    return rows


def check_fails(kind, pattern, X=X, sample_weight=None, **parameters):
    """The fit fails as told, both of a fresh estimator and of one fitted before, which stays what it was."""
    for model in (KMeans(3), KMeans(3, random_state=0).fit(FITTED.cluster_centers_)):
        model.set_params(**parameters)
        with unchanged(model), pytest.raises(kind, match=pattern) as raised:
            model.fit(X, sample_weight=sample_weight)
        assert type(raised.value) is kind


# --- Parameters -------------------------------------------------------------------------------------------------

NO_INTEGERS = [None, 2.5, 3.0, NAN, INF, True, np.True_, [3], np.array([3]), {}, b"3", 1j, Fraction(3), np.float32(3)]
WRONG_TYPES = {
    "n_clusters": ["3", "auto", *NO_INTEGERS],
    "n_init": NO_INTEGERS,
    "max_iter": ["3", *NO_INTEGERS],
    "n_threads": ["3", *NO_INTEGERS[1:]],
    "tol": ["0.1", None, True, np.False_, [0.1], np.array([0.1]), 1j, {}],
    "verbose": ["1", None, 1.0, NAN, [1]],
    "random_state": ["0", 0.0, True, np.True_, NAN, [0], np.array([0]), (0,), np.random.PCG64(0)],
    "copy_x": ["yes", None, 0, 1, 1.0, [True]],
    "init": [None, 3, 2.5, True, NAN],
    "callback": ["print", 0, True, [print], {}],
}
OUT_OF_RANGE = {
    "n_clusters": [0, -1, np.int64(-3), 2**31, 10**30],
    "n_init": [0, -1, 2**31, 10**30, "once", "AUTO"],
    "max_iter": [0, -1, 2**63, 10**30],
    "n_threads": [0, -1, 2**31, 10**30],
    "tol": [-1, -1e-9, NAN, INF, -INF, np.float32(-1), np.float64(NAN), 10**400],
    "verbose": [-1, -(10**30)],
    "random_state": [-1, 2**64, np.int64(-1), 10**30],
    "algorithm": ["full", "LLOYD", "", None, 0, True, ["lloyd"], NAN],
    "init": ["kmeans++", "RANDOM", ""],
}


def cases(wrong):
    return [
        pytest.param(name, value, id=f"{name}={type(value).__name__} {repr(value)[:20]}")
        for name, values in wrong.items()
        for value in values
    ]


@pytest.mark.parametrize(("name", "value"), cases(WRONG_TYPES))
def test_a_parameter_of_the_wrong_type(name, value):
    check_fails(TypeError, rf"^{name} must be .*, got {re.escape(repr(value))}", **{name: value})


@pytest.mark.parametrize(("name", "value"), cases(OUT_OF_RANGE))
def test_a_parameter_out_of_range(name, value):
    check_fails(ValueError, rf"^{name} must be .*, got {re.escape(repr(value))}", **{name: value})


def test_the_lists_above_miss_no_parameter():
    assert WRONG_TYPES.keys() | OUT_OF_RANGE.keys() == KMeans().get_params().keys()


@pytest.mark.parametrize("name", ["n_clusters", "n_init", "max_iter", "tol", "n_threads", "verbose", "random_state"])
def test_the_function_checks_as_well(name):
    value = OUT_OF_RANGE[name][0]
    with pytest.raises(ValueError, match=rf"^{name} must be .*, got {re.escape(repr(value))}"):
        ckmeans.kmeans(X, **{"n_clusters": 3, name: value})


@pytest.mark.parametrize(
    ("options", "kind", "pattern"),
    [
        ({"n_clusters": 0}, ValueError, "n_clusters must be .*, got 0"),
        ({"n_clusters": 31}, ValueError, "n_samples=30 should be >= n_clusters=31"),
        ({"n_local_trials": 0}, ValueError, "n_local_trials must be .*, got 0"),
        ({"n_local_trials": 65}, ValueError, "n_local_trials must be .*, got 65"),
        ({"n_local_trials": 2.0}, TypeError, r"n_local_trials must be .*, got 2\.0"),
        ({"n_local_trials": True}, TypeError, "n_local_trials must be .*, got True"),
        ({"random_state": -1}, ValueError, "random_state must be .*, got -1"),
        ({"n_threads": 0}, ValueError, "n_threads must be .*, got 0"),
        ({"sample_weight": [1.0]}, ValueError, r"sample_weight must have shape \(30,\).*got \(1,\)"),
    ],
)
def test_kmeans_plusplus(options, kind, pattern):
    with pytest.raises(kind, match=f"^{pattern}"):
        ckmeans.kmeans_plusplus(X, **{"n_clusters": 3, **options})


def test_n_threads_is_checked_by_every_method():
    model = KMeans(3, random_state=0).fit(X).set_params(n_threads=0)
    for use in (model.predict, model.transform, model.score, lambda rows: ckmeans.assign(rows, X[:3], n_threads=0)):
        with pytest.raises(ValueError, match=r"^n_threads must be .*, got 0"):
            use(X)


# --- Data -------------------------------------------------------------------------------------------------------

BAD_ROWS = {
    "empty": (np.empty((0, 2)), ValueError, r"X: Found array with 0 sample\(s\) \(shape=\(0, 2\)\)"),
    "no features": (np.empty((5, 0)), ValueError, r"X: Found array with 0 feature\(s\) \(shape=\(5, 0\)\)"),
    "empty list": ([], ValueError, r"Expected 2D array for X, got 1D array of shape \(0,\)"),
    "1-D": (X[:, 0], ValueError, r"Expected 2D array for X, got 1D array of shape \(30,\).*reshape\(-1, 1\)"),
    "3-D": (X[np.newaxis], ValueError, r"Expected 2D array for X, got 3D array of shape \(1, 30, 2\)"),
    "scalar": (3.0, ValueError, r"Expected 2D array for X, got 0D array of shape \(\)"),
    "None": (None, ValueError, "Expected 2D array for X, got 0D array"),
    "series": (pd.Series(X[:, 0]), ValueError, r"Expected 2D array for X, got 1D array of shape \(30,\)"),
    "complex": (X + 0j, ValueError, "Complex data not supported: X has dtype complex128"),
    "complex objects": ((X + 1j).astype(object), TypeError, "X must hold numbers, got dtype object: .*'complex'"),
    "string": ("rows", ValueError, "X must hold numbers, got dtype <U4"),
    "strings": ([["a", "b"], ["c", "d"]], ValueError, "X must hold numbers, got dtype <U1"),
    "digits as strings": ([["1", "2"], ["3", "4"]], ValueError, "X must hold numbers, got dtype <U1"),
    "bytes": ([[b"1", b"2"]], ValueError, r"X must hold numbers, got dtype \|S1"),
    "a string among objects": (
        np.array([[1, "2"]], dtype=object),
        ValueError,
        "X must hold numbers, but some .*strings",
    ),
    "too large a number": ([[10**400, 1], [1, 2]], ValueError, "^X "),
    "dates": (X.astype("M8[s]"), ValueError, r"X must hold numbers, got dtype datetime64\[s\]"),
    "durations": (X.astype("m8[s]"), ValueError, r"X must hold numbers, got dtype timedelta64\[s\]"),
    "records": (np.zeros((3, 2), dtype=[("a", "f8")]), ValueError, "X must hold numbers, got dtype .*'a'"),
    "ragged": ([[1, 2], [3]], ValueError, "X cannot be made into an array .*inhomogeneous"),
    "dict": ({"a": [1, 2]}, TypeError, "X must hold numbers, got dtype object: .*'dict'"),
    "set": ({1, 2}, TypeError, "X must hold numbers, got dtype object: .*'set'"),
    "generator": ((row for row in X), TypeError, "X must hold numbers, got dtype object: .*'generator'"),
    "csr_matrix": (scipy.sparse.csr_matrix(X), TypeError, r"X is a sparse csr_matrix, but dense.*X\.toarray\(\)"),
    "coo_array": (scipy.sparse.coo_array(X), TypeError, r"X is a sparse coo_array, but dense"),
    "masked": (np.ma.masked_less(X, -1), ValueError, "X has masked values"),
}


@pytest.mark.parametrize(("rows", "kind", "pattern"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_rows(rows, kind, pattern):
    check_fails(kind, pattern, X=rows)
    uses = (
        FITTED.predict,
        FITTED.transform,
        FITTED.score,
        lambda rows: ckmeans.kmeans(rows, 3),
        lambda rows: ckmeans.kmeans_plusplus(rows, 3),
        lambda rows: ckmeans.assign(rows, X[:3]),
    )
    for use in uses:
        with pytest.raises(kind, match=pattern):
            use(rows)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "O"])
@pytest.mark.parametrize(("value", "name"), [(NAN, "NaN"), (INF, "infinity"), (-INF, "infinity")])
@pytest.mark.parametrize("order", ["C", "F"])
def test_values_that_are_not_finite(dtype, value, name, order):
    pattern = f"X contains {name} at row 3, feature 1"
    rows = np.asarray(with_value(value, dtype=dtype), order=order)
    check_fails(ValueError, pattern, X=rows)
    check_fails(ValueError, pattern, X=rows, sample_weight=np.arange(30) % 3)  # that row weighs nothing
    for use in (
        FITTED.predict,
        FITTED.transform,
        FITTED.score,
        lambda rows: ckmeans.kmeans(rows, 3, init=X[:3]),
        lambda rows: ckmeans.kmeans_plusplus(rows, 3),
        lambda rows: ckmeans.assign(rows, X[:3]),
    ):
        with pytest.raises(ValueError, match=pattern):
            use(rows)


@pytest.mark.parametrize("place", [(0, 0), (5000, 0), (20_000, 6), (39_999, 7)])
def test_the_first_value_that_is_not_finite_is_named_in_long_data(place):
    rows = np.random.default_rng(0).normal(size=(40_000, 8)).astype("f4")
    rows[place] = NAN
    rows[39_999, 7] = INF if place != (39_999, 7) else NAN
    model = KMeans(3, n_threads=3, random_state=0).fit(rows[100:200])
    for use in (model.fit, model.predict, model.transform):
        with (
            unchanged(model),
            pytest.raises(ValueError, match=f"X contains NaN at row {place[0]}, feature {place[1]};"),
        ):
            use(rows)


def test_another_number_of_features():
    for use in (FITTED.predict, FITTED.transform, FITTED.score):
        for n_features in (1, 3):
            with pytest.raises(ValueError, match=f"X has {n_features} features, but KMeans is expecting 2 features"):
                use(np.ones((4, n_features)))


def test_fewer_rows_than_clusters():
    check_fails(ValueError, "n_samples=30 should be >= n_clusters=31", n_clusters=31)
    check_fails(ValueError, "n_samples=2 should be >= n_clusters=3", X=X[:2])
    for n_init in (1, 4):
        check_fails(
            ValueError,
            "n_samples=4 should be >= n_clusters=5",
            sample_weight=[0, 0.5, 2, 0, 1, 1] + [0] * 24,
            n_clusters=5,
            n_init=n_init,
        )
    KMeans(4, random_state=0).fit(X, sample_weight=[0, 0.5, 2, 0, 1, 1] + [0] * 24)


# --- Weights ----------------------------------------------------------------------------------------------------

ONES = np.ones(30)
BAD_WEIGHTS = {
    "too few": (ONES[:29], ValueError, r"must have shape \(30,\).*; got \(29,\)"),
    "none": ([], ValueError, r"must have shape \(30,\).*; got \(0,\)"),
    "a column": (ONES[:, np.newaxis], ValueError, r"must have shape \(30,\).*; got \(30, 1\)"),
    "one negative": (ONES - 2 * np.eye(30)[4], ValueError, r"must be finite and at least 0, got -1\.0 at row 4"),
    "negative": (-ONES, ValueError, r"must be finite and at least 0, got -1\.0 at row 0 and 29 more"),
    "NaN": (np.where(np.arange(30) == 7, NAN, 1), ValueError, "must be finite .*, got nan at row 7"),
    "infinite": (np.where(np.arange(30) == 7, INF, 1), ValueError, "must be finite .*, got inf at row 7"),
    "all zero": (0 * ONES, ValueError, "is zero for every row"),
    "strings": (["a"] * 30, ValueError, "must hold numbers, got dtype <U1"),
    "string": ("balanced", ValueError, "must hold numbers, got dtype <U8"),
    "complex": (ONES + 0j, ValueError, "has dtype complex128"),
    "None": ([None] * 30, ValueError, "must be finite .*, got nan at row 0"),
    "dict": ({0: 1.0}, TypeError, "must hold numbers, got dtype object"),
    "ragged": ([[1, 2], [3]], ValueError, "cannot be made into an array"),
    "negative number": (-1.0, ValueError, r"must be finite and at least 0, got -1\.0"),
    "zero": (0, ValueError, "is zero for every row"),
    "NaN alone": (NAN, ValueError, "must be finite .*, got nan"),
    "sparse": (scipy.sparse.csr_matrix(ONES), TypeError, "is a sparse csr_matrix"),
}


@pytest.mark.parametrize(("weights", "kind", "pattern"), BAD_WEIGHTS.values(), ids=BAD_WEIGHTS)
def test_sample_weight(weights, kind, pattern):
    pattern = f"sample_weight {pattern}"
    check_fails(kind, pattern, sample_weight=weights)
    with pytest.raises(kind, match=pattern):
        FITTED.score(X, sample_weight=weights)
    with pytest.raises(kind, match=pattern):
        ckmeans.kmeans_plusplus(X, 3, sample_weight=weights)


# --- Given centers ----------------------------------------------------------------------------------------------

BAD_CENTERS = {
    "too few": (X[:2], ValueError, r"must have shape \(3, 2\).*; got \(2, 2\)"),
    "too many": (X[:4], ValueError, r"must have shape \(3, 2\).*; got \(4, 2\)"),
    "transposed": (X[:3].T, ValueError, r"must have shape \(3, 2\).*; got \(2, 3\)"),
    "NaN": (with_value(NAN, row=2)[:3], ValueError, "contains nan at row 2, feature 1"),
    "infinite": (with_value(INF, row=0)[:3], ValueError, "contains inf at row 0, feature 1"),
    "strings": ([["a", "b"]] * 3, ValueError, "must hold numbers, got dtype <U1"),
    "complex": (X[:3] * 1j, ValueError, "has dtype complex128"),
    "ragged": ([[1, 2], [3], [4, 5]], ValueError, "cannot be made into an array"),
    "dict": ({"a": 1}, TypeError, "must hold numbers, got dtype object"),
    "sparse": (scipy.sparse.csr_matrix(X[:3]), TypeError, "is a sparse csr_matrix"),
}


@pytest.mark.parametrize(("centers", "kind", "pattern"), BAD_CENTERS.values(), ids=BAD_CENTERS)
def test_init(centers, kind, pattern):
    check_fails(kind, f"init {pattern}", init=centers)
    check_fails(kind, f"what init returned {pattern}", init=lambda X, n_clusters, random_state: centers)


@pytest.mark.parametrize("centers", [X[0], X[0, 0], [X], None], ids=["1-D", "0-D", "3-D", "None"])
def test_init_that_returns_another_dimension(centers):
    check_fails(ValueError, "Expected 2D array for what init returned", init=lambda *args, random_state: centers)


def test_an_error_of_the_callable_init_comes_through():
    check_fails(ZeroDivisionError, "division", init=lambda X, n_clusters, random_state: 1 / 0)


def test_centers_to_assign_to():
    for centers, kind, pattern in (
        (np.ones((3, 3)), ValueError, r"centers must have shape \(any, 2\).*; got \(3, 3\)"),
        (np.empty((0, 2)), ValueError, r"centers: Found array with 0 sample\(s\)"),
        ([[1.0, NAN]], ValueError, "centers contains nan at row 0, feature 1"),
        ([1.0, 2.0], ValueError, "Expected 2D array for centers, got 1D"),
        ([["a", "b"]], ValueError, "centers must hold numbers"),
    ):
        with pytest.raises(kind, match=pattern):
            ckmeans.assign(X, centers)
