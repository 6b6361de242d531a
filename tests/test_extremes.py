"""Everything public over hostile data: no warning of NumPy escapes, and what comes out is a number or explained."""

import warnings

import numpy as np
import pytest
from helpers import blobs
from hostile import BLOBS, EXTREME_ROWS, EXTREME_WEIGHTS, LEAST, MAX

import ckmeans
from ckmeans import KMeans, choose_k, diagnose, metrics, profile
from ckmeans._input import convergence_warning_class

CASES = {rows: (rows, None) for rows in EXTREME_ROWS} | {
    f"{rows}; weights: {weights}": (rows, weights)
    for rows in ("moderate", "huge, both signs", "tiny", "columns of 1e300 beside 1e-300", "zeros")
    for weights in EXTREME_WEIGHTS
}
EXPLAINED = "needs (more rows than|at least 2) clusters|sample_weight must have a sum that float64 holds"


@pytest.fixture(params=CASES)
def case(request):
    """Rows, weights and a fit to them; every warning but that of few distinct rows is an error."""
    rows, weights = CASES[request.param]
    rows, weights = EXTREME_ROWS[rows], None if weights is None else EXTREME_WEIGHTS[weights]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", convergence_warning_class())
        yield rows, weights, KMeans(min(3, len(rows)), random_state=0, n_init=2).fit(rows, sample_weight=weights)


def test_fits(case):
    rows, weights, model = case
    k = model.n_clusters
    assert np.isfinite(model.cluster_centers_).all() and not np.isnan(model.inertia_)
    for init in ("random", "k-means||", "afk-mc2"):
        fit = ckmeans.kmeans(rows, k, init=init, random_state=0, sample_weight=weights)
        assert np.isfinite(fit.centers).all() and fit.inertia >= 0  # infinite where float64 cannot hold it
    centers, indices = ckmeans.kmeans_plusplus(rows, k, random_state=0, sample_weight=weights)
    np.testing.assert_array_equal(centers, rows[indices])
    np.testing.assert_array_equal(model.predict(rows), model.labels_)
    np.testing.assert_array_equal(ckmeans.assign(rows, model.cluster_centers_), model.labels_)
    assert (model.transform(rows) >= 0).all()
    assert model.score(rows, sample_weight=weights) == -model.inertia_


SCORES = {
    "silhouette_samples": (metrics.silhouette_samples, -1, 1),
    "silhouette_score": (metrics.silhouette_score, -1, 1),
    "squared": (lambda *args, **given: metrics.silhouette_score(*args, metric="sqeuclidean", **given), -1, 1),
    "of a sample": (
        lambda *args, **given: metrics.silhouette_score(*args, sample_size=30, random_state=0, **given),
        -1,
        1,
    ),
    "simplified_silhouette": (metrics.simplified_silhouette, -1, 1),
    "calinski_harabasz_score": (metrics.calinski_harabasz_score, 0, np.inf),
    "davies_bouldin_score": (metrics.davies_bouldin_score, 0, np.inf),
    "inertia": (metrics.inertia, 0, np.inf),
    "bic": (metrics.bic, -np.inf, MAX),
    "aic": (metrics.aic, -np.inf, MAX),
}


@pytest.mark.parametrize("name", SCORES)
def test_scores(case, name):
    rows, weights, model = case
    score, least, most = SCORES[name]
    try:
        value = score(rows, model.labels_, sample_weight=weights)
    except ValueError as error:
        n_clusters = len(np.unique(model.labels_))
        assert n_clusters in (1, len(rows)) or weights is not None
        with pytest.raises(ValueError, match=EXPLAINED):
            raise error
    else:
        assert np.all((value >= least) & (value <= most))


def test_gap(case):
    rows, weights, model = case
    result = metrics.gap_statistic(
        rows, model.n_clusters, sample_weight=weights, n_references=3, n_init=1, random_state=0
    )
    left = result.log_dispersion > -np.inf  # else nothing of the data is, and the gap is infinite or none
    assert np.isfinite(result.gap) if left else not np.isfinite(result.gap)
    assert (
        left
        or len(np.unique(rows, axis=0)) <= 3
        or any(rows is odd for name, odd in EXTREME_ROWS.items() if "far row" in name)
    )
    assert len(result.reference_log_dispersions) == 3


def test_choice_of_k(case):
    rows, weights, _ = case
    result = choose_k(rows, range(1, min(6, len(rows) + 1)), sample_weight=weights, random_state=0, n_init=1)
    assert result.recommended_k in result.models
    assert not np.isnan(result.table["inertia"]).any() and not np.isnan(result.table["smallest_share"]).any()
    assert str(result.recommended_k) in str(result) and "nan" not in str(result) + result._repr_html_()


def test_diagnosis(case):
    rows, weights, model = case
    found = diagnose(rows, model, sample_weight=weights, random_state=0)
    assert "nan" not in str(found) + found._repr_html_()


@pytest.mark.parametrize("by", ["model", "labels"])
def test_profile(case, by):
    rows, weights, model = case
    result = profile(rows, model if by == "model" else model.labels_, sample_weight=weights)
    there = result.size > 0
    for table in (result.mean, result.median, result.spread, result.difference):
        assert np.isfinite(table[there]).all() and np.isnan(table[~there]).all()
    assert "nan" not in str(result) + result._repr_html_()


# --- Pictures ---------------------------------------------------------------------------------------------------

PICTURES = {
    "silhouette": lambda plot, rows, weights, model, ax: plot.silhouette(rows, model, sample_weight=weights, ax=ax),
    "clusters": lambda plot, rows, weights, model, ax: plot.clusters(rows, model, ax=ax),
    "clusters by labels": lambda plot, rows, weights, model, ax: plot.clusters(rows, model.labels_, ax=ax),
    "profiles": lambda plot, rows, weights, model, ax: plot.profiles(rows, model, sample_weight=weights, ax=ax),
    "sizes": lambda plot, rows, weights, model, ax: plot.sizes(model, ax=ax),
    "convergence": lambda plot, rows, weights, model, ax: plot.convergence(model, ax=ax),
}


@pytest.mark.parametrize("name", PICTURES)
def test_pictures(case, name):
    rows, weights, model = case
    ax = pytest.importorskip("matplotlib.figure").Figure().subplots()
    PICTURES[name](pytest.importorskip("ckmeans.plot"), rows, weights, model, ax)
    ax.figure.draw_without_rendering()
    assert ax.get_title() and np.isfinite([*ax.get_xlim(), *ax.get_ylim()]).all()


@pytest.mark.parametrize("rows", ["huge, both signs", "tiny", "subnormal", "constant", "largest float32"])
def test_pictures_of_a_choice_of_k(rows):
    figure = pytest.importorskip("matplotlib.figure").Figure()
    plot = pytest.importorskip("ckmeans.plot")
    result = choose_k(EXTREME_ROWS[rows], range(1, 5), random_state=0, n_init=1)
    top, *others = figure.subplots(7)
    plot.elbow(result, ax=top)
    if np.isfinite([result.table[name] for name in result.criteria]).any():
        plot.scores(result, axes=others)
    figure.draw_without_rendering()


def test_the_unit_of_a_picture_is_written_at_its_axes():
    ax = pytest.importorskip("matplotlib.figure").Figure().subplots()
    rows = BLOBS[:, :2] * 7e306
    pytest.importorskip("ckmeans.plot").clusters(rows, KMeans(3, random_state=0).fit(rows), ax=ax)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("feature 0, in 1e+308", "feature 1, in 1e+308")
    assert 1 < ax.get_xlim()[1] < 10


# --- Another unit, the same result ------------------------------------------------------------------------------


@pytest.mark.parametrize("power", [1018, 500, -500, -990])
def test_powers_of_two_change_nothing(power):
    """Nothing overflows on the way to what float64 can hold."""
    X = blobs(120, 3, 4)
    far = np.ldexp(X, power)
    model, other = (KMeans(4, random_state=0).fit(rows) for rows in (X, far))
    np.testing.assert_array_equal(other.labels_, model.labels_)
    one, two = (choose_k(rows, range(1, 6), random_state=0, n_init=1) for rows in (X, far))
    for name in ("silhouette", "calinski_harabasz", "davies_bouldin", "gap", "stability"):
        np.testing.assert_allclose(two.table[name], one.table[name], rtol=1e-9, err_msg=name)
    assert two.recommended_k == one.recommended_k
    assert diagnose(far, other, random_state=0).codes == diagnose(X, model, random_state=0).codes
    np.testing.assert_allclose(profile(far, other).difference, profile(X, model).difference, rtol=1e-9)


# --- Weights ----------------------------------------------------------------------------------------------------


def test_a_positive_weight_stays_positive():
    X = blobs(64, 2, 3)
    weights = np.where(np.arange(64) < 2, 1e308, LEAST)
    model = KMeans(5, random_state=0).fit(X, sample_weight=weights)
    assert (model.cluster_weights_ > 0).all() and len(np.unique(model.labels_)) == 5
    assert ckmeans.kmeans_plusplus(X, 64, sample_weight=weights, random_state=0)[1].size == 64
    assert choose_k(X, [1, 2, 5], sample_weight=weights, random_state=0).n_rows == 64
    assert metrics.gap_statistic(X, 5, sample_weight=weights, random_state=0, n_references=2).gap > 0
    assert np.isfinite(metrics.silhouette_samples(X, model.labels_, sample_weight=weights)).all()
    assert profile(X, model, sample_weight=weights).size.sum() == 64
    with pytest.raises(ValueError, match="n_samples=63 should be >= n_clusters=64"):
        KMeans(64).fit(X, sample_weight=np.r_[0.0, weights[1:]])


@pytest.mark.parametrize("power", [-900, 900])
def test_progress_and_score_are_in_the_unit_of_the_weights(power):
    X, seen = blobs(60, 2, 3), []
    weights = np.full(60, 2.0**power)
    model = KMeans(3, random_state=0, callback=seen.append).fit(X, sample_weight=weights)
    assert [each.inertia for each in seen] == model.history_["inertia"].tolist()
    assert model.score(X, sample_weight=weights) == -model.inertia_ != 0
