"""Profiles of clusters: every number against plain NumPy or pandas."""

import re
import tracemalloc

import numpy as np
import pytest
from helpers import ROOT, blobs, unchanged

from ckmeans import KMeans
from ckmeans._statistics import LARGEST_DIFFERENCE
from ckmeans.profiling import Profile, profile

pytest.importorskip("pandas")
pytest.importorskip("polars")

import pandas as pd
import polars as pl

X = blobs(400, 3, 4)
MODEL = KMeans(4, random_state=0).fit(X)
LABELS = MODEL.labels_
TABLES = ("mean", "median", "lower_quartile", "upper_quartile", "spread", "difference")
INTEGER_WEIGHTS = np.random.default_rng(2).integers(0, 4, len(X))

PENGUINS = pd.read_csv(ROOT / "examples" / "penguins.csv").dropna()
MEASURES = PENGUINS.columns[2:6].tolist()
PENGUINS = PENGUINS[MEASURES].set_axis([f"penguin {i}" for i in range(len(PENGUINS))])
STANDARDISED = (PENGUINS - PENGUINS.mean()) / PENGUINS.std()


def tables_of(rows, labels, n_clusters):
    """What the tables must be, cluster by cluster, straight from the definitions."""
    rows = rows.astype(np.float64)
    expected = {name: np.full((n_clusters, rows.shape[1]), np.nan) for name in TABLES}
    for c in np.unique(labels):
        own, rest = rows[labels == c], rows[labels != c]
        quartiles = np.quantile(own, (0.25, 0.5, 0.75), axis=0, method="averaged_inverted_cdf")
        pooled = np.sqrt((own.var(axis=0) + rest.var(axis=0)) / 2)
        values = (own.mean(axis=0), np.median(own, axis=0), quartiles[0], quartiles[2], own.std(axis=0))
        for name, value in zip(TABLES, (*values, (own.mean(axis=0) - rest.mean(axis=0)) / pooled), strict=True):
            expected[name][c] = value
    return expected


def assert_tables(found, expected, rtol=1e-10, atol=0.0):
    for name in TABLES:
        np.testing.assert_allclose(getattr(found, name), expected[name], rtol=rtol, atol=atol, err_msg=name)


# --- Numbers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["f8", "f4", "i2", "i8", "offset", "strided"])
def test_tables_are_what_their_names_say(kind):
    rows = X + 1e6 if kind == "offset" else np.repeat(X, 2, axis=0)[::2, ::-1] if kind == "strided" else X
    rows = (rows * 100).astype(kind) if kind in ("f4", "i2", "i8") else rows
    found = profile(rows, LABELS)
    assert isinstance(found, Profile)
    assert_tables(found, tables_of(rows, LABELS, 4), rtol=1e-8 if kind == "offset" else 1e-10)
    np.testing.assert_array_equal(found.size, np.bincount(LABELS))
    np.testing.assert_allclose(found.share, np.bincount(LABELS) / len(X))
    assert found.summary.dtype.names == ("cluster", "size", "share")
    assert found.summary["cluster"].tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(found.summary["size"], found.size)
    assert found.feature_names.tolist() == ["feature 0", "feature 1", "feature 2"]


def test_a_model_predicts_the_clusters_of_new_rows():
    fresh = blobs(300, 3, 4, seed=5)
    with unchanged(MODEL):
        found = profile(fresh, MODEL, n_threads=1)
    assert_tables(found, tables_of(fresh, MODEL.predict(fresh), 4))


def test_integer_weights_repeat_rows():
    found = profile(X, LABELS, sample_weight=INTEGER_WEIGHTS)
    repeated = np.repeat(np.arange(len(X)), INTEGER_WEIGHTS)
    assert_tables(found, tables_of(X[repeated], LABELS[repeated], 4))
    np.testing.assert_array_equal(found.size, np.bincount(LABELS[INTEGER_WEIGHTS > 0]))
    np.testing.assert_allclose(found.share, np.bincount(LABELS, INTEGER_WEIGHTS) / INTEGER_WEIGHTS.sum())


@pytest.mark.parametrize("factor", [0.1, 1e300, 1e-300])
def test_only_proportions_of_weights_matter(factor):
    found = profile(X, LABELS, sample_weight=INTEGER_WEIGHTS * factor)
    plain = profile(X, LABELS, sample_weight=INTEGER_WEIGHTS)
    assert_tables(found, {name: getattr(plain, name) for name in TABLES}, rtol=1e-12)
    equal = profile(X, LABELS, sample_weight=factor)  # medians of an even number of rows are averages
    assert_tables(equal, tables_of(X, LABELS, 4))


def test_weighted_median_averages_where_half_is_met_exactly():
    cases = {3.0: [[1, 1, 1, 1], [0.1, 0.2, 0.3, 0], [1, 2, 2, 1]], 2.0: [[0.3, 0.2, 0.1, 0.1]], 1.0: [[5, 1, 1, 1]]}
    for median, weightings in cases.items():
        for weights in weightings:
            assert profile([[1.0], [2.0], [4.0], [8.0]], [0] * 4, sample_weight=weights).median == median


@pytest.mark.parametrize("exponent", [-990, 900, 1013])
def test_magnitude_does_not_matter(exponent):
    plain, scaled = profile(X, LABELS), profile(np.ldexp(X, exponent), LABELS)
    for name in TABLES[:-1]:
        np.testing.assert_array_equal(getattr(scaled, name), np.ldexp(getattr(plain, name), exponent), err_msg=name)
    np.testing.assert_array_equal(scaled.difference, plain.difference)
    np.testing.assert_array_equal(scaled.representatives, plain.representatives)
    np.testing.assert_array_equal(scaled.representative_distances, plain.representative_distances)


def test_one_huge_row_leaves_the_other_clusters_alone():
    rows, labels = np.append(X, [[1e300, -1e300, 1.7e308]], axis=0), np.append(LABELS, 4)
    found = profile(rows, labels)
    expected = tables_of(X, LABELS, 4)
    for name in TABLES[:-1]:
        np.testing.assert_allclose(getattr(found, name)[:4], expected[name], rtol=1e-10)
    assert np.isfinite(found.difference).all()
    centers = np.append(MODEL.cluster_centers_, rows[-1:], axis=0)
    model = KMeans(5, init=centers).fit(centers)
    plain = profile(X, MODEL)
    np.testing.assert_array_equal(profile(rows, model).representatives[:4], plain.representatives)
    np.testing.assert_allclose(profile(rows, model).farthest_distances[:4], plain.farthest_distances)
    together = profile(rows, np.append(LABELS, 3))
    assert np.isfinite(together.spread).all() and together.farthest[3, 0] == len(X)


# --- Differences ------------------------------------------------------------------------------------------------


def test_features_are_ordered_by_difference():
    found = profile(X, MODEL, ["a", "b", "c"])
    for c in range(4):
        position = [["a", "b", "c"].index(name) for name in found.apart[c]]
        assert sorted(position) == [0, 1, 2]
        assert (np.diff(np.abs(found.difference[c][position])) <= 0).all()


def test_constant_features_differ_by_nothing_or_by_the_limit():
    rows = np.column_stack([np.full(6, 0.1), [0.1, 0.1, 0.1, 0.3, 0.3, 0.3], [1.0, 2, 3, 1, 2, 3]])
    found = profile(rows, [0, 0, 0, 1, 1, 1], sample_weight=[0.1, 0.2, 0.3, 0.1, 0.2, 0.3])
    limit = [[0, -LARGEST_DIFFERENCE, 0], [0, LARGEST_DIFFERENCE, 0]]
    np.testing.assert_array_equal(found.difference, limit)
    np.testing.assert_array_equal(found.spread[:, :2], 0)
    assert found.apart[0].tolist() == ["feature 1", "feature 0", "feature 2"]
    assert "feature 1 0.3 (high, over 1000 sd)" in str(found)


def test_one_cluster_is_set_apart_by_nothing():
    found = profile(X, np.zeros(len(X), dtype=int))
    np.testing.assert_array_equal(found.difference, np.zeros((1, 3)))
    np.testing.assert_allclose(found.mean[0], X.mean(axis=0))
    assert str(found) == "Cluster 0: 400 rows, 100.0%\n  nothing sets it apart"


def test_empty_clusters():
    labels = np.array([1, 4])[(LABELS > 1).astype(int)]
    weights = np.ones(len(X))
    found = profile(X, labels.astype(np.uint8), sample_weight=weights)
    assert_tables(found, tables_of(X, labels, 5))
    np.testing.assert_array_equal(found.size, np.bincount(labels))
    assert (found.representatives[[0, 2, 3]] == -1).all() and np.isnan(found.farthest_distances[[0, 2, 3]]).all()
    assert "Cluster 2: empty" in str(found).splitlines()
    assert found.share[0] == 0
    only_four = profile(X, labels, sample_weight=(labels == 4).astype(float))
    assert np.isnan(only_four.mean[1]).all() and only_four.size[1] == 0
    np.testing.assert_array_equal(only_four.difference[4], 0)


# --- Rows -------------------------------------------------------------------------------------------------------


def brute_force(distances, labels, n_rows, n_clusters, farthest):
    members = [np.flatnonzero(labels == c).tolist() for c in range(n_clusters)]
    return [sorted(own, key=lambda row: distances[row], reverse=farthest)[:n_rows] for own in members]


@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_representatives_of_a_model_are_nearest_to_its_centers(dtype):
    rows = X.astype(dtype)
    model = KMeans(4, random_state=0).fit(rows)
    distances = np.linalg.norm(
        rows.astype(np.float64) - model.cluster_centers_[model.labels_].astype(np.float64), axis=1
    )
    found = profile(rows, model, n_rows=5)
    assert found.representatives.tolist() == brute_force(distances, model.labels_, 5, 4, False)
    assert found.farthest.tolist() == brute_force(distances, model.labels_, 5, 4, True)
    np.testing.assert_allclose(found.representative_distances, distances[found.representatives], rtol=1e-12)
    np.testing.assert_allclose(found.farthest_distances, distances[found.farthest], rtol=1e-12)


def test_representatives_of_labels_are_nearest_in_standardized_features():
    rows = X * [1, 1000, 0.001]
    means = np.stack([rows[LABELS == c].mean(axis=0) for c in range(4)])
    distances = np.linalg.norm((rows - means[LABELS]) / rows.std(axis=0), axis=1)
    found = profile(rows, LABELS, n_rows=4)
    assert found.representatives.tolist() == brute_force(distances, LABELS, 4, 4, False)
    assert found.farthest.tolist() == brute_force(distances, LABELS, 4, 4, True)
    np.testing.assert_allclose(found.representative_distances, distances[found.representatives])


def test_rows_without_weight_represent_nothing():
    first = profile(X, MODEL).representatives[:, 0]
    weights = np.ones(len(X))
    weights[first] = 0
    found = profile(X, MODEL, sample_weight=weights)
    assert not np.isin(found.representatives, first).any()
    np.testing.assert_array_equal(found.representatives[:, :2], profile(X, MODEL).representatives[:, 1:])


def test_small_clusters_have_fewer_rows_to_show():
    found = profile([[0.0], [1.0], [9.0]], [0, 0, 1], n_rows=3)
    assert found.representatives.tolist() == [[0, 1, -1], [2, -1, -1]]
    assert found.farthest.tolist() == [[0, 1, -1], [2, -1, -1]]
    assert np.isnan(found.representative_distances).tolist() == [[False, False, True], [False, True, True]]


# --- Tables -----------------------------------------------------------------------------------------------------


def test_pandas_in_pandas_out():
    labels = KMeans(3, n_init=10, random_state=0).fit(STANDARDISED).labels_
    found = profile(PENGUINS, pd.Series(labels))
    grouped = PENGUINS.groupby(labels)
    for name, expected in (("mean", grouped.mean()), ("median", grouped.median()), ("spread", grouped.std(ddof=0))):
        pd.testing.assert_frame_equal(getattr(found, name), expected.rename_axis("cluster"), check_index_type=False)
    assert found.difference.columns.tolist() == MEASURES
    assert found.summary["size"].tolist() == grouped.size().tolist()
    assert found.summary.index.name == "cluster"
    for positions, names in zip(found.representatives, found.representative_index, strict=True):
        assert PENGUINS.index[positions].tolist() == names


def test_polars_in_polars_out():
    labels = np.arange(len(PENGUINS)) % 3
    found, plain = profile(pl.from_pandas(PENGUINS), labels), profile(PENGUINS.to_numpy(), labels)
    for name in TABLES:
        table = getattr(found, name)
        assert table.columns == ["cluster", *MEASURES]
        assert table["cluster"].to_list() == [0, 1, 2]
        np.testing.assert_array_equal(table.select(MEASURES).to_numpy(), getattr(plain, name))
    assert found.summary.columns == ["cluster", "size", "share"]
    assert found.representative_index is None
    renamed = pl.DataFrame({"cluster": [1.0, 2.0], "b": [0.0, 0.0]})
    assert profile(renamed, [0, 1]).mean.columns == ["cluster_", "cluster", "b"]


def test_one_long_table():
    labels = np.arange(len(PENGUINS)) % 3
    for rows in (PENGUINS, pl.from_pandas(PENGUINS), PENGUINS.to_numpy()):
        found = profile(rows, labels, MEASURES)
        long = found.to_pandas()
        assert long.columns.tolist() == [
            "cluster",
            "size",
            "share",
            "feature",
            "mean",
            "median",
            "spread",
            "difference",
        ]
        assert len(long) == 3 * 4
        expected = PENGUINS.groupby(labels).mean()
        pivoted = long.pivot(index="cluster", columns="feature", values="mean")[MEASURES]
        np.testing.assert_allclose(pivoted, expected)
        assert long.groupby("cluster")["size"].first().tolist() == np.bincount(labels).tolist()


def test_names_come_from_the_argument_then_the_table_then_the_model():
    model = KMeans(2, random_state=0).fit(PENGUINS)
    assert profile(PENGUINS, model).feature_names.tolist() == MEASURES
    assert profile(PENGUINS, model, ["a", "b", "c", "d"]).feature_names.tolist() == ["a", "b", "c", "d"]
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        assert profile(PENGUINS.to_numpy(), model).feature_names.tolist() == MEASURES
    frame = profile(PENGUINS.set_axis(range(4), axis="columns"), model.labels_).mean
    assert frame.columns.tolist() == [f"feature {j}" for j in range(4)]


# --- Words ------------------------------------------------------------------------------------------------------


def test_words_of_the_penguins():
    labels = KMeans(3, n_init=10, random_state=0).fit(STANDARDISED).labels_
    found = profile(PENGUINS, labels)
    text = str(found)
    for c in range(3):
        assert f"Cluster {c}: {found.size[c]} rows, {found.share[c]:.1%}" in text
    heaviest = int(found.mean["body_mass_g"].idxmax())
    block = re.split(r"Cluster \d: ", text)[heaviest + 1].splitlines()
    strongest = found.apart[heaviest][0]
    value, difference = found.mean.loc[heaviest, strongest], found.difference.loc[heaviest, strongest]
    assert block[1] == f"  {strongest} {value:.4g} ({'high' if difference > 0 else 'low'}, {difference:+.1f} sd)"
    assert "body_mass_g" in "".join(block) and len(text.splitlines()) <= 3 * 6
    assert repr(found) == "<Profile of 3 clusters by 4 features>"


def test_many_clusters_and_features_stay_readable():
    rows = np.random.default_rng(0).normal(size=(120, 12))
    text = str(profile(rows, np.arange(120) % 60))
    assert "... and 10 more clusters" in text
    assert max(len(block.splitlines()) for block in text.split("Cluster ")) <= 1 + 5 + 1


def test_html_escapes_names():
    found = profile(X, LABELS, ["<script>", "a&b", "c"])
    html = found._repr_html_()
    assert "<script>" not in html and "&lt;script&gt;" in html and "a&amp;b" in html
    assert html.count("<tr>") == 1 + 4


# --- Bad input --------------------------------------------------------------------------------------------------

BAD = [
    ({"model": LABELS - 1}, ValueError, r"model, .* got -1 at row"),
    ({"model": LABELS[:-1]}, ValueError, r"model, .* of shape \(400,\)"),
    ({"model": LABELS + 0.5}, ValueError, r"model, unless a fitted KMeans, must be integers .* float64"),
    ({"model": "labels"}, ValueError, "model, unless a fitted KMeans"),
    ({"model": LABELS + 2**30}, ValueError, "from 0 to 1048575"),
    ({"model": KMeans(2)}, ValueError, "not fitted yet"),
    ({"X": X[:, :2]}, ValueError, "X has 2 features"),
    ({"X": X[:, 0]}, ValueError, "Expected 2D array"),
    ({"X": np.where(X == X[7, 1], np.nan, X)}, ValueError, "NaN at row 7, feature 1"),
    ({"X": np.where(X == X[7, 1], np.inf, X), "model": LABELS}, ValueError, "row 7, feature 1"),
    ({"n_rows": 0}, ValueError, "n_rows must be at least 1"),
    ({"n_rows": 1.5}, TypeError, "n_rows must be an integer"),
    ({"feature_names": "abc"}, ValueError, "feature_names must be 3 different strings"),
    ({"feature_names": ["a", "b"]}, ValueError, "feature_names must be 3 different strings"),
    ({"feature_names": ["a", "b", "a"]}, ValueError, "feature_names must be 3 different strings"),
    ({"sample_weight": np.zeros(len(X))}, ValueError, "sample_weight is zero for every row"),
    ({"sample_weight": [1.0]}, ValueError, "sample_weight must have shape"),
    ({"n_threads": 0}, ValueError, "n_threads must be"),
    ({"n_threads": 0, "model": LABELS}, ValueError, "n_threads must be"),
]


@pytest.mark.parametrize("changes, error, message", BAD)
def test_bad_input_is_named(changes, error, message):
    with pytest.raises(error, match=message):
        profile(**{"X": X, "model": MODEL} | changes)


def test_nothing_as_large_as_rows_times_clusters():
    rows = np.random.default_rng(0).normal(size=(40_000, 2))
    labels = np.arange(len(rows)) % 4000
    tracemalloc.start()
    profile(rows, labels)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40_000 * 4000 / 10  # bytes: a tenth of a byte a pair
