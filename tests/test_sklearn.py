"""Beside scikit-learn: its checks, its tools, and the same results as its KMeans from the same initial centers."""

import pickle
import warnings

import numpy as np
import pytest
from helpers import same_bits

import ckmeans
from ckmeans import KMeans

pytest.importorskip("pandas")
pytest.importorskip("polars")
pytest.importorskip("sklearn")

import joblib
import pandas as pd
import polars as pl
import sklearn
import sklearn.cluster
from sklearn.base import clone, is_clusterer
from sklearn.datasets import load_digits, load_iris, load_wine, make_blobs
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

DATA = {
    "iris": load_iris().data,
    "digits": load_digits().data,
    "wine": StandardScaler().fit_transform(load_wine().data),
    "blobs": make_blobs(3000, 8, centers=12, random_state=0)[0],
}
IRIS = DATA["iris"]


# --- scikit-learn's own checks ----------------------------------------------------------------------------------

# Random seeding draws by the order of the rows, so that repeated rows start it elsewhere: scikit-learn expects the
# same failure of its own KMeans.
EXPECTED_FAILURE = "check_sample_weight_equivalence_on_dense_data"


def test_check_estimator():
    with warnings.catch_warnings():
        # What the checks do on purpose, and that KMeans does without scikit-learn's base class.
        warnings.filterwarnings("ignore", "Estimator KMeans does not inherit")
        warnings.filterwarnings("ignore", category=ConvergenceWarning)
        results = check_estimator(KMeans(), on_fail=None, on_skip=None)
    failed = {result["check_name"]: result["exception"] for result in results if result["status"] == "failed"}
    assert failed.keys() == {EXPECTED_FAILURE}, failed
    assert sum(result["status"] == "passed" for result in results) > 45


def test_what_scikit_learn_takes_it_for():
    assert is_clusterer(KMeans())
    tags = KMeans().__sklearn_tags__()
    assert not tags.target_tags.required
    assert tags.transformer_tags.preserves_dtype == ["float64", "float32"]
    with pytest.raises(NotFittedError) as raised:
        KMeans().predict(IRIS)
    assert type(raised.value) is NotFittedError
    with pytest.warns(ConvergenceWarning, match="distinct") as record:
        KMeans(3).fit(np.zeros((5, 2)))
    assert record[0].category is ConvergenceWarning


# --- The same results -------------------------------------------------------------------------------------------


def start_of(rows, n_clusters, seed):
    """Rows moved a little: squared distances between rows on a grid (pixels, tenths of a centimetre) tie exactly.

    scikit-learn decides such a tie by what its rounding leaves, ckmeans by the lowest index.
    """
    rng = np.random.default_rng(seed)
    chosen = rows[rng.choice(len(rows), n_clusters, replace=False)]
    return chosen + rng.normal(0, 0.1, chosen.shape) * rows.std(axis=0)


def theirs_and_ours(rows, init, sample_weight, **options):
    theirs = sklearn.cluster.KMeans(len(init), init=init, n_init=1, algorithm="lloyd", **options)
    return theirs.fit(rows, sample_weight=sample_weight), KMeans(len(init), init=init, n_threads=1, **options).fit(
        rows, sample_weight=sample_weight
    )


def assert_same(theirs, ours):
    np.testing.assert_array_equal(ours.labels_, theirs.labels_)
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.inertia_ == pytest.approx(theirs.inertia_, rel=1e-12)
    np.testing.assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("n_clusters", [3, 8])
@pytest.mark.parametrize("tol", [0, 1e-4])
@pytest.mark.parametrize("weighted", [False, True])
def test_same_as_scikit_learn_from_the_same_centers(name, n_clusters, tol, weighted):
    rows = DATA[name]
    for seed in range(2):
        weights = np.random.default_rng(seed).integers(0, 5, len(rows)) * 1.0 if weighted else None
        theirs, ours = theirs_and_ours(rows, start_of(rows, n_clusters, seed), weights, tol=tol)
        assert_same(theirs, ours)
        assert theirs.score(rows, sample_weight=weights) == pytest.approx(ours.score(rows, sample_weight=weights))
        np.testing.assert_allclose(ours.transform(rows), theirs.transform(rows), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("max_iter", [1, 2, 4])
def test_same_as_scikit_learn_where_max_iter_ends_the_fit(max_iter):
    rows = DATA["digits"]
    theirs, ours = theirs_and_ours(rows, start_of(rows, 8, seed=0), None, tol=0, max_iter=max_iter)
    assert ours.n_iter_ == max_iter
    assert_same(theirs, ours)


@pytest.mark.parametrize("weighted", [False, True])
def test_same_as_scikit_learn_where_a_cluster_starts_empty(weighted):
    rows = DATA["wine"]
    weights = np.random.default_rng(0).uniform(0.5, 2, len(rows)) if weighted else None
    init = start_of(rows, 4, seed=1)
    init[2] = 100.0
    assert (ckmeans.assign(rows, init) != 2).all()
    assert_same(*theirs_and_ours(rows, init, weights, tol=0))


# --- Tools ------------------------------------------------------------------------------------------------------


def test_clone():
    start = IRIS[:3]
    model = KMeans(3, init=start, tol=0.01, callback=print, n_threads=2)
    copy = clone(model)
    assert copy is not model
    assert {**copy.get_params(), "init": None} == {**model.get_params(), "init": None}
    np.testing.assert_array_equal(copy.init, start)
    assert not hasattr(clone(KMeans(3, random_state=0).fit(IRIS)), "cluster_centers_")


def test_clone_keeps_the_output_container():
    model = KMeans(3, random_state=0).set_output(transform="pandas")
    assert isinstance(clone(model).fit_transform(IRIS), pd.DataFrame)


def test_pipeline_with_weights():
    weights = np.random.default_rng(0).uniform(0, 2, len(IRIS))
    pipeline = Pipeline([("scaler", StandardScaler()), ("kmeans", KMeans(3, random_state=0))])
    labels = pipeline.fit_predict(IRIS, kmeans__sample_weight=weights)
    rows = StandardScaler().fit_transform(IRIS)
    alone = KMeans(3, random_state=0).fit(rows, sample_weight=weights)
    same_bits(pipeline[-1], alone)
    np.testing.assert_array_equal(labels, alone.labels_)
    np.testing.assert_array_equal(pipeline.transform(IRIS), alone.transform(rows))
    assert pipeline.get_feature_names_out().tolist() == ["kmeans0", "kmeans1", "kmeans2"]
    pipeline.set_params(kmeans__n_clusters=5)
    assert pipeline.fit(IRIS)[-1].cluster_centers_.shape == (5, 4)


def test_grid_search_over_the_number_of_clusters():
    search = GridSearchCV(KMeans(random_state=0), {"n_clusters": [2, 3, 4, 6]}, cv=3).fit(IRIS)
    assert search.best_params_ == {"n_clusters": 6}  # the score is minus the inertia: more clusters are better
    scores = search.cv_results_["mean_test_score"]
    fold = np.arange(50, 150)
    expected = KMeans(2, random_state=0).fit(IRIS[fold]).score(IRIS[:50])
    assert search.cv_results_["split0_test_score"][0] == expected
    assert (scores < 0).all()
    np.testing.assert_array_equal(search.predict(IRIS), KMeans(6, random_state=0).fit(IRIS).labels_)


def test_pickle_and_joblib(tmp_path):
    frame = pd.DataFrame(IRIS, columns=list("abcd"))
    model = KMeans(3, random_state=0).set_output(transform="pandas").fit(frame)
    joblib.dump(model, tmp_path / "model")
    for copy in (pickle.loads(pickle.dumps(model)), joblib.load(tmp_path / "model")):
        same_bits(copy, model)
        np.testing.assert_array_equal(copy.feature_names_in_, list("abcd"))
        np.testing.assert_array_equal(copy.predict(frame), model.labels_)
        pd.testing.assert_frame_equal(copy.transform(frame), model.transform(frame))
        assert repr(copy) == repr(model)
    assert repr(pickle.loads(pickle.dumps(KMeans(4)))) == "KMeans(n_clusters=4)"


def test_two_fits_in_processes_of_joblib():
    jobs = (joblib.delayed(KMeans(k, random_state=0).fit)(DATA["digits"]) for k in (3, 10))
    for model in joblib.Parallel(n_jobs=2, backend="loky")(jobs):
        same_bits(model, KMeans(model.n_clusters, random_state=0).fit(DATA["digits"]))


# --- Output containers ------------------------------------------------------------------------------------------


@pytest.fixture
def transform_output():
    before = sklearn.get_config()["transform_output"]
    yield lambda container: sklearn.set_config(transform_output=container)
    sklearn.set_config(transform_output=before)


@pytest.mark.parametrize(("container", "frame"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame)])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_set_output(container, frame, dtype):
    rows = IRIS.astype(dtype)
    model = KMeans(3, random_state=0).set_output(transform=container)
    out = model.fit_transform(rows)
    assert type(out) is frame
    assert list(out.columns) == ["kmeans0", "kmeans1", "kmeans2"]
    assert out.to_numpy().dtype == dtype
    np.testing.assert_array_equal(out.to_numpy(), KMeans(3, random_state=0).fit(rows).transform(rows))
    assert type(model.set_output(transform=None).transform(rows)) is frame
    assert type(model.set_output(transform="default").transform(rows)) is np.ndarray
    assert type(model.predict(rows)) is np.ndarray


def test_the_global_setting_decides_unless_the_estimator_was_told(transform_output):
    model, told = KMeans(3, random_state=0).fit(IRIS), KMeans(3, random_state=0).fit(IRIS)
    told.set_output(transform="default")
    transform_output("pandas")
    assert type(model.transform(IRIS)) is pd.DataFrame
    assert type(told.transform(IRIS)) is np.ndarray
    transform_output("polars")
    assert type(model.transform(IRIS)) is pl.DataFrame
    transform_output("default")
    assert type(model.transform(IRIS)) is np.ndarray
    with sklearn.config_context(transform_output="pandas"):
        assert type(model.transform(IRIS)) is pd.DataFrame


def test_set_output_of_a_pipeline():
    frame = pd.DataFrame(IRIS, columns=list("abcd"), index=np.arange(1000, 1150))
    pipeline = make_pipeline(StandardScaler(), KMeans(3, random_state=0)).set_output(transform="pandas")
    out = pipeline.fit_transform(frame)
    assert out.columns.tolist() == ["kmeans0", "kmeans1", "kmeans2"]
    np.testing.assert_array_equal(out.index, frame.index)
    np.testing.assert_array_equal(pipeline[-1].feature_names_in_, list("abcd"))
