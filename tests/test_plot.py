"""Pictures: what was drawn, and where. Whether they look well was judged by eye."""

import inspect
from itertools import pairwise

import numpy as np
import pytest
from helpers import blobs, output_of, run_python, sqdist
from hostile import PLAIN_BUT_ODD

from ckmeans import KMeans, NotFittedError, plot
from ckmeans.metrics import silhouette_samples
from ckmeans.plot import _drawing

pytest.importorskip("matplotlib")

from matplotlib import pyplot
from matplotlib.colors import same_color
from matplotlib.figure import Figure
from matplotlib.path import Path
from plot_helpers import render, ring, selection, vertical_lines, words


@pytest.fixture
def ax():
    """Axes that pyplot knows nothing of."""
    return Figure(figsize=(6, 4)).subplots()


@pytest.fixture(autouse=True)
def no_figures():
    """Tests start and end without figures of pyplot."""
    pyplot.switch_backend("Agg")
    assert pyplot.get_fignums() == []
    yield pyplot
    pyplot.close("all")


def fitted(n_rows=300, n_features=2, k=4, seed=0, **parameters):
    X = blobs(n_rows, n_features, k, seed)
    return X, KMeans(k, random_state=seed, **parameters).fit(X)


def named(sizes):
    return [f"{cluster} ({size})" for cluster, size in enumerate(sizes)]


X, MODEL = fitted()
DRAWN = {
    "elbow": lambda **where: plot.elbow(selection(), **where),
    "silhouette": lambda **where: plot.silhouette(X, MODEL, **where),
    "clusters": lambda **where: plot.clusters(X, MODEL, **where),
    "profiles": lambda **where: plot.profiles(X, MODEL, **where),
    "sizes": lambda **where: plot.sizes(MODEL, **where),
    "convergence": lambda **where: plot.convergence(MODEL, **where),
}


@pytest.mark.parametrize("draw", DRAWN.values(), ids=DRAWN)
def test_axes_are_those_given_or_of_a_new_figure(draw, ax, no_figures):
    assert draw(ax=ax) is ax
    assert ax.has_data() and ax.get_title()
    render(ax)
    for wrong in ("axes", Figure(), Figure().subplots(1, 2)):
        with pytest.raises(TypeError, match=r"^ax must be matplotlib Axes or None, got"):
            draw(ax=wrong)
    assert no_figures.get_fignums() == []
    axes = draw()
    assert no_figures.get_fignums() == [axes.figure.number]
    render(axes)


def test_what_is_public():
    assert sorted(plot.__all__) == sorted([*DRAWN, "scores"])
    for name in plot.__all__:
        sections = inspect.getdoc(getattr(plot, name)).split("\n---")
        assert [section.split("\n")[-1] for section in sections[:-1]] == ["Parameters", "Returns", "Raises"]
        names = list(inspect.signature(getattr(plot, name)).parameters)
        assert [line.split(" : ")[0] for line in sections[1].split("\n") if " : " in line] == names


def test_matplotlib_is_imported_where_it_is_used_and_missed_in_words():
    assert output_of("import sys, ckmeans.plot; print('matplotlib' in sys.modules)") == "False\n"
    process = run_python("import sys; sys.modules['matplotlib'] = None\nfrom ckmeans import plot\nplot.sizes([0, 1])")
    assert process.stderr.endswith('ImportError: pictures need matplotlib: pip install "ckmeans-native[plot]"\n')


@pytest.mark.parametrize("backend", [None, "module://no_such_backend"])
def test_no_display_is_needed(backend, tmp_path):
    path = tmp_path / "sizes.png"
    code = f"from ckmeans import plot\nplot.sizes([0, 1, 1]).figure.savefig({str(path)!r})"
    output_of(code, DISPLAY=None, WAYLAND_DISPLAY=None, MPLBACKEND=backend, MPLCONFIGDIR=str(tmp_path))
    assert path.read_bytes().startswith(b"\x89PNG")


def test_elbow_draws_inertia_in_the_order_of_k_and_marks_the_knee(ax):
    plot.elbow(selection([3, 1, 2, 5, 4], elbow=3, recommended_k=3), ax=ax)
    np.testing.assert_allclose(ax.lines[0].get_xydata(), [(k, 100 / k) for k in range(1, 6)])
    assert ring(ax) == [[3, 100 / 3]]
    assert vertical_lines(ax) == [3]
    assert ax.get_title() == "Inertia: elbow k = 3"
    assert ax.get_ylim()[0] == 0
    assert words(ax.get_legend().get_texts()) == ["recommended: k = 3", "elbow"]
    assert "Schubert 2023" in ax.get_legend().get_title().get_text()


def test_elbow_and_recommendation_may_differ_or_be_missing(ax):
    other = plot.elbow(selection(elbow=3, recommended_k=5, structured=None), ax=Figure().subplots())
    assert (ring(other)[0][0], vertical_lines(other)) == (3, [5])
    assert words(other.get_legend().get_texts()) == ["recommended: k = 5", "elbow"]
    plot.elbow(selection(elbow=None, recommended_k=1, structured=False), ax=ax)
    assert ax.get_title() == "Inertia: no elbow"
    assert words(ax.get_legend().get_texts()) == ["recommended: k = 1\n(no cluster structure)"]
    assert not [line for line in ax.lines if line.get_fillstyle() == "none"]


@pytest.mark.parametrize("ks", [[3], [1, 2], range(1, 41), [2, 4, 8, 16, 32, 64]], ids=str)
def test_ticks_of_k_are_whole(ks, ax):
    plot.elbow(selection(ks, elbow=None, recommended_k=ks[0]), ax=ax)
    render(ax)
    ticks = ax.get_xticks()
    assert len(ticks)
    np.testing.assert_array_equal(ticks, np.round(ticks))
    assert ax.get_xlim() == (min(ks) - 0.5, max(ks) + 0.5)


def test_scores_has_a_panel_for_each_criterion_with_a_value(no_figures):
    k = np.arange(2, 8)
    silhouettes = np.where(k > 3, k / 10, np.nan)
    columns = {"silhouette": silhouettes, "silhouette_error": 0.01, "bic": -k, "gap": k / 9, "gap_error": 0.1}
    chosen = selection(k, choices={"bic": 7}, **columns)
    panels = plot.scores(chosen)
    assert panels.shape == (3,) and panels.dtype == object
    assert [panel.get_title() for panel in panels] == ["Silhouette: no choice", "BIC: choice k = 7", "Gap: no choice"]
    assert [panel.get_ylabel() for panel in panels] == ["higher is better", "lower is better", "higher is better"]
    assert {panel.get_xlim() for panel in panels} == {(1.5, 7.5)}
    assert [vertical_lines(panel) for panel in panels] == [[4]] * 3
    assert ring(panels[1]) == [[7, -7]]
    (band,) = panels[0].collections
    assert band.get_datalim(panels[0].transData).extents == pytest.approx([4, 0.39, 7, 0.71])
    np.testing.assert_array_equal(panels[0].lines[0].get_ydata(), silhouettes)
    (bars,) = panels[2].collections
    ends = np.array([segment[:, 1] for segment in bars.get_segments()])
    np.testing.assert_allclose(ends, np.column_stack((k / 9 - 0.1, k / 9 + 0.1)))
    (legend,) = panels[0].figure.legends
    assert words(legend.get_texts()) == ["recommended: k = 4", "choice"]
    assert len(no_figures.get_fignums()) == 1
    render(panels[0])


def test_scores_in_axes_that_are_given(no_figures):
    axes = Figure().subplots(2, 4)
    panels = plot.scores(selection(), axes=axes)
    assert panels.tolist() == axes.ravel().tolist()[:6]
    assert words(panels[0].get_legend().get_texts()) == ["recommended: k = 4"]
    assert axes[1, 2].has_data() == axes[1, 3].has_data() is False
    assert no_figures.get_fignums() == []


def test_scores_refuses(ax):
    with pytest.raises(ValueError, match="axes must be at least 6 Axes, one a criterion, got 1"):
        plot.scores(selection(), axes=ax)
    with pytest.raises(TypeError, match="axes must be matplotlib Axes or None"):
        plot.scores(selection(), axes=[1] * 6)
    with pytest.raises(ValueError, match=r"selection must have a criterion with a value, got none for k = \[1\]"):
        plot.scores(selection([1], inertia=5.0))
    for draw in (plot.scores, plot.elbow):
        with pytest.raises(TypeError, match="selection must be a KSelection, got KMeans"):
            draw(MODEL)


def bands_of(ax):
    return [band for band in ax.collections if not hasattr(band, "get_segments")]


def means_of(ax):
    return [line.get_segments()[0][0][0] for line in ax.collections if hasattr(line, "get_segments")]


def areas_of(ax):
    """Left edge, top, right edge and bottom of every cluster's silhouettes."""
    return np.array([band.get_datalim(ax.transData).extents for band in bands_of(ax)])


def test_silhouette_draws_every_value_of_each_cluster(ax):
    X, model = fitted(60, k=3)
    plot.silhouette(X, model, ax=ax)
    values = silhouette_samples(X, model.labels_)
    assert len(bands_of(ax)) == 3
    for cluster, shape in enumerate(bands_of(ax)):
        own = np.sort(values[model.labels_ == cluster])
        assert same_color(shape.get_facecolor(), _drawing.COLORS[cluster])
        drawn, heights = shape.get_paths()[0].vertices.T
        np.testing.assert_allclose(np.unique(drawn[np.abs(drawn) > 0]), np.unique(own), rtol=1e-12)
        assert heights[drawn == own[-1]].min() == heights.min()  # the greatest on top
    extents = areas_of(ax)
    np.testing.assert_allclose(extents[:, 3] - extents[:, 1], model.cluster_sizes_ / 60)
    assert (extents[1:, 1] > extents[:-1, 3] + 0.005).all()  # a gap between clusters
    np.testing.assert_allclose(means_of(ax), [values[model.labels_ == i].mean() for i in range(3)])
    assert vertical_lines(ax) == pytest.approx([values.mean(), 0])
    assert ax.get_title() == f"Silhouettes, mean {values.mean():.3f}"
    assert words(ax.get_yticklabels()) == named(model.cluster_sizes_)
    assert ax.yaxis_inverted()


def test_silhouette_draws_quantiles_of_many_rows(ax):
    X, model = fitted(3000, k=3)
    plot.silhouette(X, model, max_rows=90, ax=ax)
    values = silhouette_samples(X, model.labels_)
    for cluster, shape in enumerate(bands_of(ax)):
        own = values[model.labels_ == cluster]
        n_steps = int(90 * len(own) / 3000)
        drawn = shape.get_paths()[0].vertices[:, 0]
        drawn = np.unique(drawn[drawn != 0])
        assert len(drawn) == n_steps
        expected = np.quantile(own, (np.arange(n_steps) + 0.5) / n_steps, method="inverted_cdf")
        np.testing.assert_allclose(drawn, expected, atol=0.02)
        assert np.isin(drawn, own).all()
    assert means_of(ax) == pytest.approx([values[model.labels_ == i].mean() for i in range(3)])


def test_silhouette_of_weighted_rows(ax, monkeypatch):
    X, model = fitted(80, k=3)
    weights = np.random.default_rng(0).integers(0, 4, 80).astype(float)
    plot.silhouette(X, model, sample_weight=weights, ax=ax)
    counted = weights > 0
    values = silhouette_samples(X[counted], model.labels_[counted], sample_weight=weights[counted])
    assert vertical_lines(ax)[0] == pytest.approx(np.average(values, weights=weights[counted]))
    extents = areas_of(ax)
    shares = np.bincount(model.labels_, weights) / weights.sum()
    np.testing.assert_allclose(extents[:, 3] - extents[:, 1], shares)
    monkeypatch.setattr(
        "ckmeans.plot._clusters.MOST_SILHOUETTE_ROWS", counted.sum()
    )  # rows of weight zero are as if absent
    other = Figure().subplots()
    plot.silhouette(X[counted], model.labels_[counted], sample_weight=weights[counted], ax=other)
    again = plot.silhouette(X, model, sample_weight=weights, ax=Figure().subplots())
    assert again.get_title() == other.get_title() == ax.get_title()
    np.testing.assert_allclose(areas_of(again), areas_of(other))


def test_silhouettes_of_very_many_rows_are_those_of_a_sample(ax, monkeypatch):
    monkeypatch.setattr("ckmeans.plot._clusters.MOST_SILHOUETTE_ROWS", 200)
    X, model = fitted(5000, k=3)
    seen = []
    monkeypatch.setattr("ckmeans.metrics.silhouette_samples", lambda X, labels, **_: seen.append(labels) or labels / 9)
    plot.silhouette(X, model, ax=ax)
    (labels,) = seen
    assert 200 - 3 <= len(labels) <= 200
    np.testing.assert_allclose(np.bincount(labels) / len(labels), model.cluster_sizes_ / 5000, atol=0.02)
    assert f"on a sample of {len(labels)} of 5000 rows" in ax.get_title()
    assert words(ax.get_yticklabels()) == named(model.cluster_sizes_)


@pytest.mark.parametrize("labels", [[0] * 6, [2] * 6, range(6)], ids=["one", "one and empty ones", "all alone"])
def test_no_silhouettes_is_said(labels, ax):
    plot.silhouette(np.arange(12.0).reshape(6, 2), list(labels), ax=ax)
    assert ax.get_title().startswith("No silhouettes")
    assert len(ax.collections) == 0


def points_of(ax):
    """Points of every cluster; after them come the centers, in ink."""
    return [line.get_xydata() for line in ax.lines[:-1]]


def centers_of(ax):
    return {int(text.get_text()): text.xy for text in ax.texts}


def test_clusters_draws_the_rows_and_the_centers(ax):
    plot.clusters(X, MODEL, ax=ax)
    assert len(points_of(ax)) == 4
    for cluster, (points, line) in enumerate(zip(points_of(ax), ax.lines, strict=False)):
        np.testing.assert_array_equal(points, X[MODEL.labels_ == cluster])
        assert line.get_marker() == _drawing.MARKERS[cluster]
        assert same_color(line.get_color(), _drawing.COLORS[cluster])
    np.testing.assert_array_equal([centers_of(ax)[i] for i in range(4)], MODEL.cluster_centers_)
    assert (
        len(
            {
                (_drawing.COLORS[i % len(_drawing.COLORS)], _drawing.MARKERS[i % len(_drawing.MARKERS)])
                for i in range(56)
            }
        )
        == 56
    )
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("feature 0", "feature 1", "Clusters: 300 rows")


def lifted(X, points, features):
    """Points of the picture in the space of all features."""
    mean = X.mean(axis=0)
    if features is None:
        components = np.linalg.svd(X - mean, full_matrices=False)[2][:2]
        return mean + points @ (components * np.where(components.sum(axis=1, keepdims=True) < 0, -1, 1))
    rows = np.tile(mean, (len(points), 1))
    rows[:, features] = points[:, : len(features)]
    return rows


def borders_of(ax):
    """Middles of the pieces of the borders, and steps across them as long as the picture."""
    extent = np.array([np.ptp(ax.get_xlim()), np.ptp(ax.get_ylim())])
    paths = [path for lines in ax.collections if not lines.get_facecolor().size for path in lines.get_paths()]
    ends = np.concatenate([path.vertices for path in paths]) / extent
    drawn = np.concatenate([path.codes for path in paths])[1:] == Path.LINETO
    steps, middles = np.diff(ends, axis=0), (ends[1:] + ends[:-1]) / 2
    lengths = np.linalg.norm(steps, axis=1)
    kept = drawn & (lengths > 1e-5)
    across = steps[kept, ::-1] * [-1, 1] / lengths[kept, np.newaxis]
    return middles[kept] * extent, across * extent


@pytest.mark.parametrize(
    ("n_features", "features"), [(1, None), (2, None), (2, (1, 0)), (5, (3, 1)), (5, None), (16, None)]
)
def test_borders_separate_labels(n_features, features, ax):
    X, model = fitted(400, n_features, k=6, seed=3)
    X = X * np.linspace(1, 3, n_features) + 100
    model.fit(X)
    plot.clusters(X, model, features=features, ax=ax)
    middles, across = borders_of(ax)
    assert len(middles) > 100
    axes = features or (None if n_features > 2 else range(n_features))
    here, there = (model.predict(lifted(X, middles + step * across, axes)) for step in (0.004, -0.004))
    assert (here != there).mean() > 0.98  # at a corner, where three cells meet, a piece may have the third beside it


@pytest.mark.parametrize("shape", [(500, 6), (20, 30)], ids=["tall", "wide"])
def test_many_features_are_shown_by_principal_components(shape, ax):
    X, model = fitted(*shape, k=3, seed=2)
    plot.clusters(X, model, ax=ax)
    centered = X - X.mean(axis=0)
    _, singular, components = np.linalg.svd(centered, full_matrices=False)
    shares = singular**2 / (singular**2).sum()
    labels = [f"component {i} ({share:.0%} of the variance)" for i, share in enumerate(shares[:2], 1)]
    assert [ax.get_xlabel(), ax.get_ylabel()] == labels
    expected = np.concatenate([(centered @ components[:2].T)[model.labels_ == i] for i in range(3)])
    np.testing.assert_allclose(np.abs(np.concatenate(points_of(ax))), np.abs(expected), atol=1e-9)
    assert "plane through the mean" in ax.get_title()


def test_one_feature_is_a_strip(ax):
    X, model = fitted(50, 1, k=3)
    plot.clusters(X, model, ax=ax)
    np.testing.assert_array_equal(np.sort(np.concatenate(points_of(ax))[:, 0]), np.sort(X[:, 0]))
    assert len(ax.get_yticks()) == 0
    middles, _ = borders_of(ax)
    ends = np.sort(model.cluster_centers_[:, 0])
    np.testing.assert_allclose(np.unique(middles[:, 0].round(6)), ((ends[1:] + ends[:-1]) / 2).round(6))


@pytest.mark.parametrize("features", [(2, 0), ("c", "a"), ["c", 0]], ids=str)
def test_features_by_index_or_name(features, ax):
    X, model = fitted(90, 3, k=3)
    plot.clusters(X, model, features=features, feature_names=["a", "b", "c"], ax=ax)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("c", "a")
    np.testing.assert_array_equal(points_of(ax)[0], X[model.labels_ == 0][:, [2, 0]])


def test_too_many_points_are_thinned_the_same_way_every_time(ax):
    X, model = fitted(2000, k=4)
    plot.clusters(X, model, max_points=100, ax=ax)
    drawn = points_of(ax)
    assert 100 - 4 <= sum(map(len, drawn)) <= 100
    assert [len(points) / 100 for points in drawn] == pytest.approx(model.cluster_sizes_ / 2000, abs=0.03)
    assert ax.get_title() == f"Clusters: {sum(map(len, drawn))} of 2000 rows"
    again = plot.clusters(X, model, max_points=100, ax=Figure().subplots())
    np.testing.assert_array_equal(np.concatenate(drawn), np.concatenate(points_of(again)))
    plot.clusters(X, model, max_points=1, ax=(few := Figure().subplots()))
    assert [len(points) for points in points_of(few)] == [1] * 4


def test_labels_have_means_whose_numbers_do_not_overlap_and_no_borders(ax):
    rows, labels = np.random.default_rng(0).normal(size=(400, 2)), np.arange(400) % 30 + 3
    plot.clusters(rows, labels, ax=ax)
    assert len(ax.collections) == 0
    assert list(centers_of(ax)) == list(range(3, 33))
    np.testing.assert_allclose(centers_of(ax)[5], rows[labels == 5].mean(axis=0))
    renderer = render(ax)
    boxes = [text.get_bbox_patch().get_window_extent(renderer) for text in ax.texts]
    middles = np.array([(box.x0 + box.width / 2, box.y0 + box.height / 2) for box in boxes])
    apart = np.linalg.norm(middles[:, None] - middles, axis=2) + np.eye(30) * 1e9
    assert apart.min() > 0.8 * boxes[0].width


def test_profiles_are_standardized_means(ax):
    X, model = fitted(200, 5, k=3)
    X[:, 3] = 0.1
    X[:, 4] += 1e9
    plot.profiles(X, model.labels_, ax=ax)
    drawn = ax.images[0].get_array()
    spread = X.std(axis=0)
    means = np.stack([X[model.labels_ == i].mean(axis=0) for i in range(3)])
    expected = (means - X.mean(axis=0)) / np.where(spread > 1e-9, spread, 1)
    np.testing.assert_allclose(drawn, expected, atol=1e-6)
    assert (drawn[:, 3] == 0).all()
    low, high = ax.images[0].get_clim()
    assert low == -high == -np.abs(drawn).max()
    assert words(ax.get_yticklabels()) == named(model.cluster_sizes_)
    assert len(ax.figure.axes) == 2  # with the color bar
    assert words(ax.texts) == [f"{value:z.1f}" for value in drawn.ravel()]


def test_profiles_count_a_row_by_its_weight(ax):
    X, model = fitted(50, 3, k=3)
    weights = np.arange(50) % 3
    plot.profiles(X, model, sample_weight=weights, ax=ax)
    repeated = plot.profiles(np.repeat(X, weights, axis=0), np.repeat(model.labels_, weights), ax=Figure().subplots())
    np.testing.assert_allclose(ax.images[0].get_array(), repeated.images[0].get_array(), atol=1e-12)


def test_numbers_are_in_cells_where_there_are_few_or_as_asked(ax):
    blank = plot.profiles(X, np.where(MODEL.labels_ > 1, 3, 1), ax=Figure().subplots())
    assert np.ma.getmaskarray(np.ma.masked_invalid(blank.images[0].get_array()))[:, 0].tolist() == [True, False] * 2
    assert len(blank.texts) == 4
    near = plot.profiles([[-1.0], [1.0], [-1.0], [1.1]], [0, 0, 1, 1], ax=Figure().subplots())
    assert words(near.texts) == ["0.0", "0.0"]  # without a sign
    Y, model = fitted(400, 40, k=4)
    plot.profiles(Y, model, ax=ax)
    assert len(ax.texts) == 0
    assert len(plot.profiles(Y, model, annotate=True, ax=Figure().subplots()).texts) == 160
    assert len(plot.profiles(X, MODEL, annotate=False, ax=Figure().subplots()).texts) == 0


def test_names_of_features(ax):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["width", "a name that would take the whole picture, no. 7"])
    model = KMeans(2, random_state=0).fit(frame)

    def names(*arguments, **options):
        axes = plot.profiles(*arguments, ax=Figure(figsize=(6, 4)).subplots(), **options)
        render(axes)
        return words(axes.get_xticklabels())

    assert names(frame, model) == ["width", "a name tha..ure, no. 7"]
    assert names(frame, model.labels_) == ["width", "a name tha..ure, no. 7"]
    assert names(frame, model, feature_names=["b", "c"]) == ["b", "c"]
    with pytest.warns(UserWarning, match="valid feature names"):
        assert names(X, model) == ["width", "a name tha..ure, no. 7"]
    assert names(X, model.labels_) == ["feature 0", "feature 1"]
    assert plot.clusters(frame, model, ax=ax).get_xlabel() == "width"


@pytest.mark.parametrize(("k", "size"), [(4, (6, 4)), (40, (6, 4)), (40, (3, 2)), (300, (6, 4))])
def test_labels_of_clusters_do_not_overlap(k, size):
    labels = np.arange(3 * k) % k
    X = np.random.default_rng(0).normal(size=(3 * k, 2))
    for draw in (lambda ax: plot.sizes(labels, ax=ax), lambda ax: plot.profiles(X, labels, ax=ax)):
        ax = draw(Figure(figsize=size).subplots())
        renderer = render(ax)
        boxes = [text.get_window_extent(renderer) for text in ax.get_yticklabels()]
        assert len(boxes) >= min(k, 10)
        tops = sorted((box.y0, box.y1) for box in boxes)
        assert all(below[1] <= above[0] + 1 for below, above in pairwise(tops))


def test_sizes(ax):
    plot.sizes(MODEL, ax=ax)
    assert [bar.get_width() for bar in ax.patches] == MODEL.cluster_sizes_.tolist()
    assert [same_color(bar.get_facecolor(), _drawing.COLORS[i]) for i, bar in enumerate(ax.patches)] == [True] * 4
    assert words(ax.texts) == [f"{n} ({n / 300:.1%})" for n in MODEL.cluster_sizes_]
    assert ax.get_title() == "Cluster sizes, 300 rows"
    labels = plot.sizes([3, 0, 3, 3], ax=Figure().subplots())
    assert words(labels.texts) == ["1 (25.0%)", "0 (0.0%)", "0 (0.0%)", "3 (75.0%)"]
    model = KMeans(2, random_state=0).fit([[0.0], [0.1], [9.0], [9.1]], sample_weight=[3, 3, 1, 1])
    weighted = plot.sizes(model, ax=Figure().subplots())
    assert sorted(words(weighted.texts)) == ["2 (50.0%), 25.0% of weight", "2 (50.0%), 75.0% of weight"]


def test_convergence(ax):
    X = np.random.default_rng(0).normal(size=(500, 3))
    model = KMeans(6, random_state=0, tol=0).fit(X)
    plot.convergence(model, ax=ax)
    excess, changed = (line.get_ydata() for line in ax.lines)
    assert len(excess) == model.n_iter_ > 5
    known = ~np.isnan(excess)
    np.testing.assert_allclose(excess[known], (model.history_["inertia"] / model.inertia_ - 1)[known])
    assert known[0] and (np.diff(excess[known]) < 0).all()
    np.testing.assert_allclose(np.nan_to_num(changed), model.history_["changed"] / 500)
    assert np.isnan(changed[-1])  # a zero
    assert ax.get_yscale() == "log"
    assert ax.get_title() == f"Converged after iteration {model.n_iter_}"
    stopped = KMeans(6, random_state=0, max_iter=2).fit(X)
    assert plot.convergence(stopped, ax=Figure().subplots()).get_title() == "Stopped at iteration 2"


@pytest.mark.parametrize(("X", "k", "weights"), PLAIN_BUT_ODD.values(), ids=PLAIN_BUT_ODD)
def test_hostile_data_can_be_drawn(X, k, weights):
    model = KMeans(k, random_state=0, n_init=1).fit(X, sample_weight=weights)
    for draw in (
        lambda ax: plot.silhouette(X, model, sample_weight=weights, ax=ax),
        lambda ax: plot.clusters(X, model, ax=ax),
        lambda ax: plot.profiles(X, model, sample_weight=weights, ax=ax),
        lambda ax: plot.sizes(model, ax=ax),
        lambda ax: plot.convergence(model, ax=ax),
    ):
        render(draw(Figure(figsize=(6, 4)).subplots()))


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
def test_clusters_that_fell_together(ax):
    X = np.repeat([[0.0, 0.0], [1.0, 2.0], [3.0, 1.0]], 5, axis=0)
    model = KMeans(5, random_state=0).fit(X)
    plot.clusters(X, model, ax=ax)
    assert len(centers_of(ax)) == 5
    middles, _ = borders_of(ax)
    nearest = np.sort(sqdist(middles, np.unique(model.cluster_centers_, axis=0)), axis=1)
    assert np.isclose(nearest[:, 0], nearest[:, 1]).mean() > 0.95  # all but the corner
    render(ax)


def test_models_that_are_not_fitted(no_figures):
    for draw in (plot.sizes, plot.convergence, plot.silhouette, plot.clusters, plot.profiles):
        arguments = (KMeans(3),) if draw in (plot.sizes, plot.convergence) else (X, KMeans(3))
        with pytest.raises((NotFittedError, ValueError), match="model, a KMeans, is not fitted yet"):
            draw(*arguments)
    assert no_figures.get_fignums() == []


WRONG_DATA = [
    (plot.clusters, (X[0], MODEL), "Expected 2D array for X"),
    (plot.profiles, (X[:, :1], MODEL), "X has 1 features, but KMeans is expecting 2"),
    (plot.profiles, (np.array([[np.nan]]), [0]), "X contains NaN at row 0, feature 0"),
    (plot.silhouette, (X, [0, 1]), r"model, unless a fitted KMeans, must be integers of shape \(300,\)"),
    (
        plot.clusters,
        (X, MODEL.labels_ - 1),
        r"model, unless a fitted KMeans, must be numbers of .*, from 0 to 65535; got -1",
    ),
    (plot.sizes, (["a", "b"],), "model must be integers"),
    (plot.sizes, (None,), "model must be integers"),
    (plot.sizes, ([],), "model must be integers"),
    (plot.convergence, ([0, 1],), "model must be a fitted KMeans, got list"),
]
WRONG_OPTIONS = [
    (plot.silhouette, {"max_rows": 0}, "max_rows must be at least 1, got 0"),
    (plot.silhouette, {"n_threads": 0}, "n_threads must be"),
    (plot.profiles, {"sample_weight": [1]}, "sample_weight must have shape"),
    (plot.profiles, {"annotate": 1}, "annotate must be True or False, got 1"),
    (plot.profiles, {"feature_names": "ab"}, "feature_names must be 2 different strings"),
    (plot.clusters, {"feature_names": ["a"]}, "feature_names must be 2 different strings"),
    (plot.clusters, {"max_points": 1.5}, "max_points must be an integer"),
    (plot.clusters, {"features": "ab"}, "features must be a pair of different"),
    (plot.clusters, {"features": (0, 1, 0)}, "features must be a pair of different"),
    (plot.clusters, {"features": (1, 1)}, "features must be a pair of different"),
    (plot.clusters, {"features": (0, 2)}, "features must be between 0 and 1, got 2"),
    (plot.clusters, {"features": (0, "z")}, "features must be one of 'feature 0', 'feature 1', got 'z'"),
]
WRONG = [(*wrong[:2], {}, wrong[2]) for wrong in WRONG_DATA] + [
    (wrong[0], (X, MODEL), *wrong[1:]) for wrong in WRONG_OPTIONS
]


@pytest.mark.parametrize(("draw", "arguments", "options", "message"), WRONG, ids=[wrong[-1] for wrong in WRONG])
def test_wrong_input_is_named(draw, arguments, options, message, no_figures):
    with pytest.raises((TypeError, ValueError), match=message):
        draw(*arguments, **options)
    assert no_figures.get_fignums() == []  # nothing is left behind
