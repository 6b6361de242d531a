"""Diagnoses: each check fires on data with its defect and is quiet on data without it, over several seeds."""

import warnings

import numpy as np
import pytest
from helpers import ROOT, sqdist, unchanged

from ckmeans import KMeans, _input
from ckmeans.diagnosis import Diagnosis, Finding, diagnose
from ckmeans.explain.checks import CHECKS
from ckmeans.explain.findings import SEVERITIES

pytest.importorskip("pandas")
pytest.importorskip("polars")
pytest.importorskip("sklearn")

import pandas as pd
import polars as pl
from sklearn.datasets import load_digits, load_iris, make_moons
from sklearn.metrics import silhouette_score

SEEDS = range(3)
PENGUINS = pd.read_csv(ROOT / "examples" / "penguins.csv").dropna().iloc[:, 2:6].reset_index(drop=True)
STANDARDISED = (PENGUINS - PENGUINS.mean()) / PENGUINS.std(ddof=0)
IRIS, DIGITS = load_iris().data, load_digits().data
ALL_CODES = {check.__name__.replace("_", "-") for check in CHECKS}


def normal(seed, n_rows, n_features):
    return np.random.default_rng(seed).normal(size=(n_rows, n_features))


def blobs(seed, n_blobs, n_features, n_rows=800):
    """Blobs of standard deviation 1 whose centers lie at least 8 apart."""
    rng = np.random.default_rng(seed)
    while True:
        places = rng.uniform(-12, 12, (n_blobs, n_features))
        if (sqdist(places, places) + 1e3 * np.eye(n_blobs)).min() > 64:
            return places[rng.integers(n_blobs, size=n_rows)] + rng.normal(size=(n_rows, n_features))


def moons(seed, n_rows=700, noise=0.06):
    return make_moons(n_rows, noise=noise, random_state=seed)[0]


def rings(seed, n_rows=900):
    rng = np.random.default_rng(seed)
    angle, radius = rng.uniform(0, 2 * np.pi, n_rows), np.where(np.arange(n_rows) < n_rows // 3, 0.4, 1.0)
    return radius[:, np.newaxis] * np.column_stack([np.cos(angle), np.sin(angle)]) + rng.normal(0, 0.05, (n_rows, 2))


def with_far_rows(seed, far=200.0):
    """Four blobs, and three rows, the first ones, far off in any direction."""
    rows, directions = blobs(seed, 4, 2), normal(seed + 100, 3, 2)
    return np.append(far * directions / np.linalg.norm(directions, axis=1, keepdims=True), rows, axis=0)


def heavy_tails(seed):
    return np.random.default_rng(seed).standard_cauchy((800, 3))


def uneven(seed):
    return np.append(normal(seed, 2000, 2), 0.3 * normal(seed + 50, 20, 2) + [30, 0], axis=0)


def diagnosed(rows, k, seed=0, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", _input.convergence_warning_class())
        model = KMeans(k, random_state=seed).fit(rows)
    return diagnose(rows, model, random_state=seed, **options)


def found(diagnosis, code):
    return next(finding for finding in diagnosis if finding.code == code)


# --- What fires where -------------------------------------------------------------------------------------------

# Rows by seed, number of clusters, what must be found; anything else must not, but for what may be found.
CASES = {
    "blobs": (lambda seed: blobs(seed, 4, 2), 4, "", ""),
    "blobs of 8 features": (lambda seed: blobs(seed, 5, 8), 5, "", ""),
    "blobs of 16 features": (lambda seed: blobs(seed, 6, 16), 6, "", ""),
    "blobs, too few clusters": (lambda seed: blobs(seed, 5, 2), 2, "", "unstable overlap"),
    "blobs, too many clusters": (lambda seed: blobs(seed, 4, 2), 8, "unstable overlap", ""),
    "blobs of 8 features, too many clusters": (lambda seed: blobs(seed, 4, 8), 7, "unstable overlap", ""),
    "one blob, one cluster": (lambda seed: normal(seed, 500, 2), 1, "", ""),
    "one Gaussian": (lambda seed: normal(seed, 800, 2), 4, "overlap", "unstable"),
    "one Gaussian of 16 features": (lambda seed: normal(seed, 800, 16), 3, "unstable overlap", ""),
    "uniform noise": (lambda seed: np.random.default_rng(seed).uniform(size=(800, 2)), 8, "overlap", "unstable"),
    "a line of noise": (lambda seed: normal(seed, 500, 1) * [1, 2], 3, "", "unstable overlap"),
    "iris": (lambda seed: IRIS, 3, "overlap", "unstable"),
    "iris, two clusters": (lambda seed: IRIS, 2, "", ""),
    "penguins": (lambda seed: PENGUINS.to_numpy(), 3, "unlike-scales", "unstable overlap"),
    "penguins, standardized": (lambda seed: STANDARDISED.to_numpy(), 3, "overlap", "unstable"),
    "digits": (lambda seed: DIGITS, 10, "overlap constant-columns", "unstable"),
    "two Gaussians, 2 sd apart": (
        lambda seed: normal(seed, 800, 2) + np.where(np.arange(800) < 400, 2, 0)[:, np.newaxis] * [1, 0],
        2,
        "overlap",
        "unstable",
    ),
    "moons": (moons, 2, "non-convex", "overlap"),
    "moons with more noise": (lambda seed: moons(seed, 1500, 0.08), 2, "non-convex", "overlap"),
    "moons, four clusters": (moons, 4, "non-convex", "overlap unstable"),
    "moons, eight clusters": (moons, 8, "non-convex", "overlap unstable"),
    "rings": (rings, 2, "non-convex", "overlap unstable"),
    "far rows": (with_far_rows, 4, "outliers", "uneven-sizes unstable overlap"),
    "far rows, one cluster each": (with_far_rows, 7, "outliers uneven-sizes", "unstable overlap"),
    "heavy tails": (heavy_tails, 4, "outliers", "uneven-sizes unstable"),
    "uneven sizes": (uneven, 2, "uneven-sizes", "unstable"),
    "equal rows": (lambda seed: np.repeat(blobs(seed, 4, 2), 2, axis=0), 4, "duplicates", ""),
    "few distinct rows": (
        lambda seed: np.arange(60).reshape(-1, 1) % 5 * [1.0, -1.0],
        7,
        "too-many-clusters duplicates",
        "unstable",
    ),
    "constant columns": (lambda seed: blobs(seed, 3, 4) * [1, 0, 1, 1] + [0, 0.1, 0, 0], 3, "constant-columns", ""),
}  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_is_found_and_nothing_else(name, seed):
    rows, k, must, may = CASES[name]
    codes = set(diagnosed(rows(seed), k, seed).codes)
    assert set(must.split()) <= codes <= set(must.split()) | set(may.split())


def test_every_code_is_among_the_cases():
    assert set(" ".join(must for _, _, must, _ in CASES.values()).split()) == ALL_CODES


@pytest.mark.parametrize("seed", SEEDS)
def test_severities(seed):
    assert found(diagnosed(moons(seed), 2, seed), "non-convex").severity == "serious"
    assert found(diagnosed(moons(seed), 8, seed), "non-convex").severity == "note"  # each cluster within a moon
    assert found(diagnosed(normal(seed, 500, 16), 4, seed), "overlap").severity == "warning"
    assert found(diagnosed(IRIS, 3, seed), "overlap").severity == "note"


# --- Details ----------------------------------------------------------------------------------------------------


def test_scales_name_the_features():
    finding = found(diagnosed(PENGUINS, 3), "unlike-scales")
    assert finding.details["features"].tolist() == [3]
    np.testing.assert_allclose(finding.details["standard_deviations"], PENGUINS.std(ddof=0))
    assert finding.details["variance_share"] == pytest.approx(PENGUINS.var()["body_mass_g"] / PENGUINS.var().sum())
    assert "body_mass_g" in finding.message and "StandardScaler" in finding.message
    assert "mass" in found(diagnosed(PENGUINS, 3, feature_names=["a", "b", "c", "mass"]), "unlike-scales").message


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("k", [4, 7])
def test_outliers_are_rows_by_falling_distance(seed, k):
    rows = with_far_rows(seed)
    details = found(diagnosed(rows, k, seed), "outliers").details
    assert set(details["rows"]) == {0, 1, 2} if k == 7 else set(details["rows"]) <= {0, 1, 2}
    assert (np.diff(details["excess"]) <= 0).all() and details["excess"].min() > 1
    labels = KMeans(k, random_state=seed).fit(rows).labels_
    np.testing.assert_array_equal(details["clusters"], labels[details["rows"]])


def test_outliers_must_matter():
    rows = np.append([[30.0, 0.0]], normal(0, 5000, 2), axis=0)  # far, but it moves the mean by 0.006
    assert "outliers" not in diagnosed(rows, 1).codes
    assert "outliers" in diagnosed(rows[:100], 1).codes
    assert "outliers" in diagnosed(rows, 1, sample_weight=np.append(50.0, np.ones(5000))).codes


def test_overlap_names_pairs_of_clusters():
    places = np.array([[0, 0], [2.5, 0], [0, 30]])
    rows = normal(0, 900, 2) + places[np.arange(900) % 3]
    model = KMeans(3, init=places).fit(rows)
    details = found(diagnose(rows, model, random_state=0), "overlap").details
    assert details["pairs"].tolist() == [[0, 1]] and 0.1 < details["shares"][0] < 0.5
    assert details["silhouette"] == pytest.approx(silhouette_score(rows, model.labels_))
    assert details["cluster_silhouettes"].argmax() == 2


def test_structures_are_the_moons():
    rows, moon = make_moons(600, noise=0.05, random_state=0)
    model = KMeans(2, random_state=0).fit(rows)
    details = found(diagnose(rows, model, random_state=0), "non-convex").details
    structures = details["structures"]
    np.testing.assert_array_equal(details["rows"], np.arange(600))
    assert set(zip(structures, moon, strict=True)) in ({(0, 0), (1, 1)}, {(0, 1), (1, 0)})
    expected = [[np.sum((structures == s) & (model.labels_ == c)) for c in range(2)] for s in range(2)]
    np.testing.assert_array_equal(details["table"], expected)


def test_instability_reports_agreement_and_inertia():
    details = found(diagnosed(normal(0, 500, 8), 6), "unstable").details
    assert details["rand_index"].shape == (5,) and details["rand_index"].max() < 1
    assert details["inertia"].min() == 1 and details["inertia"].max() < 1.2


def test_given_centers_are_not_unstable():
    rows = normal(0, 500, 2)
    model = KMeans(6, init=rows[:6]).fit(rows)
    assert "unstable" not in diagnose(rows, model, random_state=0).codes
    drawn = KMeans(6, init=lambda X, k, random_state: X[random_state.randint(len(X), size=k)], n_init=1).fit(rows)
    assert "unstable" in diagnose(rows, drawn, random_state=0).codes


def test_sizes_and_counts():
    sizes = found(diagnosed(uneven(0), 2), "uneven-sizes").details
    assert sizes["shares"][sizes["small"]].tolist() == [20 / 2020] and sizes["shares"].sum() == pytest.approx(1)
    few = diagnosed(np.arange(60).reshape(-1, 1) % 5 * [1.0, -1.0], 7)
    assert found(few, "too-many-clusters").details["distinct"] == 5
    assert len(found(few, "too-many-clusters").details["empty"]) == 2
    assert found(few, "duplicates").details == {"distinct": 5, "rows": 60}
    zeros = np.array([[0.0], [-0.0], [1.0], [1.0]])
    assert found(diagnosed(zeros, 2), "duplicates").details["distinct"] == 2
    assert found(diagnosed(DIGITS, 10), "constant-columns").details["features"].tolist() == [0, 32, 39]


# --- What findings do not depend on -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["moons", "far rows", "penguins", "digits", "heavy tails", "few distinct rows"])
def test_the_seed_determines_everything(name):
    rows, k, _, _ = CASES[name]
    first, second = (diagnosed(rows(0), k, n_threads=threads) for threads in (1, 2))
    assert str(first) == str(second)
    for one, other in zip(first, second, strict=True):
        assert one.details.keys() == other.details.keys()
        for key in one.details:
            np.testing.assert_array_equal(one.details[key], other.details[key])


def test_generators_seed_too():
    model = KMeans(4, random_state=0).fit(normal(0, 6000, 2))
    rows = normal(0, 6000, 2)
    texts = {str(diagnose(rows, model, random_state=np.random.default_rng(7))) for _ in range(2)}
    assert len(texts) == 1
    assert str(diagnose(rows, model, random_state=1)) not in texts


@pytest.mark.parametrize("name", ["moons", "far rows", "penguins", "iris", "blobs", "few distinct rows"])
@pytest.mark.parametrize("exponent", [-900, 900, 1005])
def test_units_do_not_matter(name, exponent):
    rows, k, _, _ = CASES[name]
    assert diagnosed(np.ldexp(rows(0), exponent), k).codes == diagnosed(rows(0), k).codes


@pytest.mark.parametrize("name", ["moons", "far rows", "iris", "uneven sizes"])
def test_weights(name):
    rows, k, must, _ = CASES[name]
    rows = rows(0)
    garbage = np.append(rows, [[1e6] * rows.shape[1]] * 5, axis=0)
    weights = np.append(np.full(len(rows), 0.25), np.zeros(5))
    model = KMeans(k, random_state=0).fit(rows)
    assert str(diagnose(garbage, model, sample_weight=weights, random_state=0)) == str(
        diagnose(rows, model, random_state=0)
    )
    once, which = np.unique(np.concatenate([rows, rows[::2]]), axis=0, return_inverse=True)
    weighted = diagnose(once, model, sample_weight=np.bincount(which), random_state=0)
    repeated = diagnose(once[which], model, random_state=0)
    assert set(must.split()) <= set(weighted.codes)
    assert set(repeated.codes) - set(weighted.codes) <= {"duplicates", "unstable"}


@pytest.mark.parametrize("kind", ["f4", "Fortran", "pandas", "polars", "integers"])
def test_containers(kind):
    rows = (1000 * moons(0)).round()
    X = {
        "f4": rows.astype(np.float32),
        "Fortran": np.asfortranarray(rows),
        "pandas": pd.DataFrame(rows, columns=["a", "b"]),
        "polars": pl.DataFrame(rows, schema=["a", "b"]),
        "integers": rows.astype(np.int16),
    }[kind]
    assert diagnosed(X, 2).codes == diagnosed(rows, 2).codes


def test_large_data_are_sampled():
    rows = moons(0, n_rows=20_000)
    diagnosis = diagnosed(rows, 2)
    assert len(found(diagnosis, "non-convex").details["rows"]) == 2000
    new_rows = diagnose(rows[:700], KMeans(2, random_state=0).fit(rows), random_state=0)
    assert "non-convex" in new_rows.codes


@pytest.mark.parametrize("n_rows, k", [(1, 1), (2, 1), (2, 2), (5, 5), (12, 3), (40, 39)])
def test_little_data(n_rows, k):
    assert isinstance(diagnosed(normal(0, n_rows, 3), k), Diagnosis)
    assert "constant-columns" in diagnosed(np.ones((n_rows, 2)), 1).codes


def test_clusters_that_new_rows_leave_empty():
    rows = blobs(0, 4, 2)
    model = KMeans(4, random_state=0).fit(rows)
    assert diagnose(rows[model.labels_ < 2], model, random_state=0).codes in ((), ("unstable",))


def test_the_model_stays_as_it_was():
    rows = moons(0)
    calls = []
    model = KMeans(3, random_state=0, callback=calls.append).fit(rows)
    calls.clear()
    with unchanged(model):
        diagnose(rows, model, random_state=0, n_threads=1)
    assert calls == []


# --- The result, and bad input ----------------------------------------------------------------------------------


def test_a_diagnosis_is_a_sequence_sorted_by_severity():
    diagnosis = diagnosed(with_far_rows(0) * [1, 1000], 7)
    assert isinstance(diagnosis, Diagnosis) and diagnosis and len(diagnosis) >= 2
    order = [SEVERITIES.index(finding.severity) for finding in diagnosis]
    assert order == sorted(order)
    assert diagnosis.codes == tuple(finding.code for finding in diagnosis)
    assert str(diagnosis).splitlines() == [f"{each.severity}: {each.message} [{each.code}]" for each in diagnosis]
    assert repr(diagnosis).startswith("<Diagnosis: ") and diagnosis.codes[0] in repr(diagnosis)


def test_nothing_to_object():
    diagnosis = diagnosed(blobs(0, 4, 2), 4)
    assert not diagnosis and len(diagnosis) == 0 and diagnosis.codes == ()
    assert str(diagnosis) == "nothing to object"
    assert "nothing to object" in diagnosis._repr_html_()


def test_html_escapes_names():
    html = diagnosed(PENGUINS, 3, feature_names=["a", "b", "c", "<b>&"])._repr_html_()
    assert "&lt;b&gt;&amp;" in html and "<b>" not in html and html.count("<tr>") == 1 + len(diagnosed(PENGUINS, 3))


def test_messages_are_short_and_plain():
    for name, (rows, k, _, _) in CASES.items():
        for finding in diagnosed(rows(0), k):
            assert isinstance(finding, Finding) and finding.severity in SEVERITIES, name
            assert finding.message[0].isupper() or finding.message[0].isdigit(), name
            assert finding.message.endswith(".") and len(finding.message) < 350, (name, finding.message)
            assert "array(" not in finding.message and "np." not in finding.message, name


MODEL = KMeans(2, random_state=0).fit(IRIS)
BAD = [
    ({"model": KMeans(2)}, ValueError, "not fitted yet"),
    ({"model": MODEL.labels_}, TypeError, "model must be a fitted KMeans, got ndarray"),
    ({"X": IRIS[:, :2]}, ValueError, "X has 2 features, but KMeans is expecting 4"),
    ({"X": np.where(IRIS == IRIS[0, 0], np.nan, IRIS)}, ValueError, "NaN at row 0, feature 0"),
    ({"sample_weight": -np.ones(150)}, ValueError, "sample_weight must be finite and at least 0"),
    ({"feature_names": ["a"]}, ValueError, "feature_names must be 4 different strings"),
    ({"random_state": "0"}, TypeError, "random_state must be"),
    ({"n_threads": 0}, ValueError, "n_threads must be"),
]


@pytest.mark.parametrize("changes, error, message", BAD)
def test_bad_input_is_named(changes, error, message):
    with pytest.raises(error, match=message):
        diagnose(**{"X": IRIS, "model": MODEL, "random_state": 0} | changes)


def test_an_unfitted_model_raises_the_class_that_users_filter():
    with pytest.raises(_input.not_fitted_error_class()):
        diagnose(IRIS, KMeans(2), random_state=0)
