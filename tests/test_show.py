"""How things look: lists, tables, and the places that warnings name."""

import warnings
from html.parser import HTMLParser

import numpy as np
import pytest
from helpers import blobs

import ckmeans
from ckmeans import KMeans, KMeansResult, Progress, choose_k, diagnose, kmeans, profile
from ckmeans._fitting.sampling import even_sample, stratified_sample
from ckmeans._show.tables import Cell, aligned, html_table
from ckmeans._show.text import listed, listed_names


@pytest.mark.parametrize(
    ("items", "text"),
    [
        ([], ""),
        ([1], "1"),
        ([1, 2], "1 and 2"),
        ([1, 2, 3], "1, 2 and 3"),
        (range(1, 5), "1, 2, 3 and 1 more"),
        (range(2000), "0, 1, 2 and 1,997 more"),
    ],
)
def test_lists(items, text):
    assert listed(items, 3) == text


def test_lists_of_names():
    assert listed_names(["a", "", "b\n"]) == "a, '', b?"
    assert listed_names(map(str, range(14))) == ", ".join(map(str, range(12))) + " and 2 more"


def test_aligned():
    columns = [["k", "10"], ["long", "x"], ["y", "zz"]]
    assert aligned(columns) == ["k   long   y", "10     x  zz"]
    assert aligned(columns, " ", n_left=0) == [" k long  y", "10    x zz"]
    assert aligned(columns, n_left=3) == ["k   long  y ", "10  x     zz"]


class Tags(HTMLParser):
    """Checks that all tags are closed in order, and keeps the text."""

    def __init__(self):
        super().__init__()
        self.open, self.text = [], []

    def handle_starttag(self, tag, attributes):
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def read_html(html):
    tags = Tags()
    tags.feed(html)
    assert tags.open == []
    return [text for text in tags.text if text.strip()]


def test_html_tables():
    html = html_table(("<a>", "b"), [("1\n2", Cell("&", "color: red")), ("x", "y")])
    assert read_html(html) == ["<a>", "b", "1", "2", "&", "x", "y"]
    assert html.count("<tr>") == 3 and html.count("<br>") == 1 and html.count('<td style="color: red">') == 1


def test_what_is_shown_in_notebooks_is_well_formed():
    X = blobs(200, 3, 3) * [1, 1, 1000]
    model = KMeans(5, random_state=0).fit(X)
    for shown in (diagnose(X, model, random_state=0), profile(X, model), choose_k(X, range(1, 4), random_state=0)):
        assert len(read_html(shown._repr_html_())) > 5


# --- One result, one progress -----------------------------------------------------------------------------------


def test_the_fields_of_a_result_are_the_fitted_attributes():
    X, weights = blobs(300, 2, 3), np.random.default_rng(0).uniform(0, 2, 300)
    result = kmeans(X, 3, sample_weight=weights, random_state=0)
    model = KMeans(3, random_state=0).fit(X, sample_weight=weights)
    assert type(result) is KMeansResult and result._fields[-1] == "cluster_weights"
    for name in result._fields:
        attribute = {"centers": "cluster_centers"}.get(name, name) + "_"
        np.testing.assert_array_equal(getattr(model, attribute), getattr(result, name))
    fitted = {name for name in vars(model) if name.endswith("_")} - {"n_features_in_"}
    assert fitted == {"cluster_centers_", *(f"{name}_" for name in result._fields[1:])}
    np.testing.assert_allclose(result.cluster_weights, np.bincount(result.labels, weights))


def test_a_callback_gets_progress():
    seen = []
    kmeans(blobs(300, 2, 3), 3, random_state=0, callback=seen.append)
    assert seen and {type(each) for each in seen} == {Progress} == {ckmeans.Progress}


# --- Warnings ---------------------------------------------------------------------------------------------------

CALLS = {
    "fit": lambda X: KMeans(3).fit(X),
    "fit_predict": lambda X: KMeans(3).fit_predict(X),
    "fit_transform": lambda X: KMeans(3).fit_transform(X),
    "kmeans": lambda X: kmeans(X, 3),
    "given": lambda X: kmeans(X, 2, init=X[[0, 3]], n_init=5),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_warning_names_the_line_that_called(call):
    X = np.repeat([[0.0], [1.0]], 3, axis=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        CALLS[call](X)
    assert [warning.filename for warning in caught] == [__file__]


# --- Samples ----------------------------------------------------------------------------------------------------


def test_samples_hold_the_same_share_of_every_stratum():
    strata = [np.arange(0, 900), np.arange(900, 990), np.arange(990, 999), np.arange(999, 1000), np.arange(0)]
    quota = stratified_sample(strata, 100, least=2)
    assert [np.isin(own, quota).sum() for own in strata] == [90, 9, 2, 1, 0] and len(set(quota)) == len(quota) == 102
    even = even_sample(strata, 100)
    assert len(even) == 100 and (np.diff(even) > 0).all()
    assert np.abs(np.array([np.isin(own, even).sum() for own in strata]) - [90, 9, 0.9, 0.1, 0]).max() <= 1
    sure = even_sample(strata, 100, least=1)
    assert 96 <= len(sure) <= 100 and all(np.isin(own, sure).any() for own in strata if len(own))
    np.testing.assert_array_equal(even_sample(strata[::-1], 1000), np.arange(1000))
    assert len(even_sample(strata, 2, least=1)) == 4  # one of each, even where that is more
