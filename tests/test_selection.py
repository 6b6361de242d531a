"""choose_k: what it recommends on data whose answer is known, and that its parts are what they are said to be."""

import math
import pickle

import numpy as np
import pytest
from helpers import ROOT, blobs

import ckmeans
from ckmeans import KMeans, choose_k, metrics, selection
from ckmeans._fitting.fit import run
from ckmeans._fitting.gap import GapCurve, PrincipalBox
from ckmeans._fitting.sampling import generator
from ckmeans._fitting.sweep import extend, sweep
from ckmeans.selection import criteria
from ckmeans.selection.elbow import bend
from ckmeans.selection.recommendation import find_structure, recommend


def standardized(X):
    return (X - X.mean(axis=0)) / X.std(axis=0)


def of_scikit_learn(name):
    return getattr(pytest.importorskip("sklearn.datasets"), name)().data


def penguins():
    table = pytest.importorskip("pandas").read_csv(ROOT / "examples" / "penguins.csv")
    names = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
    return standardized(table[names].dropna().to_numpy(float))


def separated(k, d, n, seed):
    """Blobs of unit spread, all centers at least six apart."""
    rng = np.random.default_rng(seed)
    while True:
        places = rng.uniform(-20, 20, (k, d)) if d < 4 else rng.uniform(-8, 8, (k, d))
        if np.sqrt(((places[:, None] - places) ** 2).sum(axis=2))[~np.eye(k, dtype=bool)].min() > 6:
            return places[rng.integers(k, size=n)] + rng.normal(size=(n, d))


def grid(seed):
    rng = np.random.default_rng(seed)
    places = 6.0 * np.stack(np.meshgrid(range(10), range(10)), axis=2).reshape(100, 2)
    return places[rng.integers(100, size=10_000)] + rng.normal(size=(10_000, 2))


KNOWN = {
    "iris": (lambda seed: of_scikit_learn("load_iris"), range(1, 11), {2, 3}),
    "penguins": (lambda seed: penguins(), range(1, 11), {2, 3}),
    "digits": (lambda seed: of_scikit_learn("load_digits"), range(1, 16), set(range(8, 13))),
    "15 blobs": (lambda seed: separated(15, 2, 1500, seed), range(1, 21), {15}),
    "15 blobs in 16 dimensions": (lambda seed: separated(15, 16, 1500, seed), range(1, 21), {15}),
    "uniform, 2": (lambda seed: np.random.default_rng(seed).random((1000, 2)), range(1, 11), {1}),
    "uniform, 8": (lambda seed: np.random.default_rng(seed).random((1000, 8)), range(1, 11), {1}),
    "uniform, 32": (lambda seed: np.random.default_rng(seed).random((1000, 32)), range(1, 11), {1}),
    "one Gaussian": (lambda seed: np.random.default_rng(seed).normal(size=(1000, 3)), range(1, 11), {1}),
    "one Gaussian, drawn out": (
        lambda seed: np.random.default_rng(seed).normal(size=(1000, 4)) @ np.diag([5.0, 2.0, 1.0, 0.2]),
        range(1, 11),
        {1},
    ),
}
QUICK = [name for name in KNOWN if name not in ("digits", "uniform, 32")]


def check_known(name, seed):
    make, ks, right = KNOWN[name]
    result = choose_k(make(seed), ks, random_state=seed)
    assert result.recommended_k in right
    assert result.structured == (right != {1})
    if name in ("iris", "penguins"):
        assert {2, 3} <= {result.recommended_k, *result.alternatives}
        assert "k = 2" in result.verdict and "k = 3" in result.verdict
    return result


@pytest.mark.parametrize("name", QUICK)
def test_known_answers(name):
    check_known(name, 0)


@pytest.mark.slow
@pytest.mark.parametrize("name", KNOWN)
def test_known_answers_over_seeds(name):
    wrong = []
    for seed in range(20):
        try:
            check_known(name, seed)
        except AssertionError as error:
            wrong.append((seed, str(error)))
    assert len(wrong) <= 1, wrong


@pytest.mark.slow
def test_grid_of_a_hundred_over_seeds():
    wrong = [
        seed
        for seed in range(20)
        if abs(choose_k(grid(seed), range(80, 121), random_state=seed).recommended_k - 100) > 3
    ]
    assert len(wrong) <= 1, wrong


def test_results_do_not_depend_on_threads_or_layout():
    X = separated(4, 3, 400, 0)
    a, b, c = (
        choose_k(rows, range(1, 7), random_state=3, n_threads=threads)
        for rows, threads in ((X, 1), (X, 3), (np.asfortranarray(X), 2))
    )
    for field in criteria.DTYPE.names[:-1]:
        np.testing.assert_array_equal(a.table[field], b.table[field])
        np.testing.assert_array_equal(a.table[field], c.table[field])
    assert a.choices == b.choices == c.choices and a.structure_gain == b.structure_gain


def test_table_holds_the_scores_of_the_models():
    X = blobs(500, 3, 4).astype(np.float32)
    weights = np.random.default_rng(0).uniform(0, 2, 500)
    result = choose_k(X, [5, 2, 3, 2], sample_weight=weights, random_state=0, n_init=2)
    assert result.ks.tolist() == [2, 3, 5]
    assert choose_k(X, np.array([2, 3]), criteria=[], random_state=0).ks.tolist() == [2, 3]
    for line in result.table:
        model = result.models[int(line["k"])]
        labels = model.labels_
        assert isinstance(model, KMeans) and model.n_clusters == line["k"] and model.n_init == 2
        np.testing.assert_array_equal(model.predict(X), labels)
        assert line["inertia"] == model.inertia_
        assert line["smallest_share"] == pytest.approx(np.bincount(labels, weights).min() / weights.sum())
        for name, score in (
            ("silhouette", metrics.silhouette_score),
            ("calinski_harabasz", metrics.calinski_harabasz_score),
            ("davies_bouldin", metrics.davies_bouldin_score),
            ("bic", metrics.bic),
        ):
            assert line[name] == score(X, labels, sample_weight=weights)
        assert 0 <= line["stability"] <= 1 and line["silhouette_error"] == 0 and line["seconds"] > 0
    assert result.best_estimator_ is result.models[result.recommended_k]


def test_choices_follow_from_the_table():
    result = choose_k(separated(5, 2, 300, 1), range(1, 9), random_state=0)
    table, k = result.table, result.table["k"]
    assert result.choices["silhouette"] == k[np.nanargmax(table["silhouette"])]
    assert result.choices["calinski_harabasz"] == k[np.nanargmax(table["calinski_harabasz"])]
    assert result.choices["davies_bouldin"] == k[np.nanargmin(table["davies_bouldin"])]
    assert result.choices["bic"] == k[table["bic"].argmin()]
    enough = table["gap"][:-1] >= table["gap"][1:] - table["gap_error"][1:]
    assert result.choices["gap"] == k[np.flatnonzero(enough)[0]]
    assert table["stability"][list(k).index(result.choices["stability"])] > 0.9
    assert result.recommended_k == 5 and result.votes[5] == sum(c == 5 for c in result.choices.values())
    assert result.agreement == result.votes[5] / 6


def table_of(**columns):
    table = criteria.empty_table(columns["k"])
    for name, values in columns.items():
        table[name] = values
    return table


def test_rules_of_choice():
    table = table_of(
        k=[1, 2, 3, 4], bic=[4.0, 3, 2, 1], gap=[0.0, 1, 2, 3], gap_error=0.1, stability=[np.nan, 1, 0.99, 0.9]
    )
    assert criteria.turning_bic(table) is None and criteria.first_gap(table) is None
    assert criteria.largest_stable(table) == 3
    assert criteria.first_gap(table_of(k=[1, 2, 3], gap=[0, 1.0, 1.05], gap_error=0.1)) == 2
    choices = {"silhouette": 2, "davies_bouldin": 3, "bic": None}
    ranked = table_of(k=[2, 3, 4], silhouette=[0.5, 0.6, 0.1], davies_bouldin=[1.0, 0.5, 2.0])
    assert recommend(ranked, choices, True) == (3, (2,), {2: 1, 3: 1})  # a tie: better ranks
    assert recommend(ranked, choices, False) == (1, (), {})
    near = table_of(k=[98, 99, 100, 150], silhouette=[0.5, 0.6, 0.55, 0.9])
    votes = {"a": 98, "b": 99, "c": 100, "d": 150}
    assert recommend(near, votes, True)[0] == 99
    assert recommend(ranked, {"bic": None}, True)[0] == 3
    undefined = table_of(k=[1, 2, 3, 4], bic=[2.0, 1.0, 3.0, np.nan])
    assert criteria.turning_bic(undefined) == 2
    assert criteria.turning_bic(table_of(k=[1, 2], bic=np.nan)) is None
    assert criteria.turning_bic(table_of(k=[1, 2, 3], bic=[2.0, 1.0, np.nan])) is None  # falls to the last defined


# --- Parts ------------------------------------------------------------------------------------------------------


def test_kneedle_and_second_differences():
    ks = np.arange(1, 11)
    assert selection.elbow_point(ks, 1000 / ks**2.0) == 3  # of 1 - x - y: 0.646 at 2, 0.675 at 3, 0.614 at 4
    bent = np.where(ks <= 4, 100.0 - 20 * ks, 22.0 - 0.5 * ks)
    assert selection.elbow_point(ks, bent) == 4 and bend(ks, bent) == 4
    assert selection.elbow_point(ks, 100.0 - ks) is None  # a straight line
    assert selection.elbow_point(ks, np.ones(10)) is None
    assert selection.elbow_point([1, 2], [3.0, 1.0]) is None and bend(np.array([1, 2]), np.ones(2)) is None
    uneven = np.array([1, 2, 3, 9, 10])
    assert bend(uneven, np.where(uneven < 3, 0.0, 1.0) + (uneven - 10.0) ** 2) == 2  # else even curvature


def test_sweep_shares_seeds_and_extends():
    X = blobs(800, 4, 6)
    fits = dict(sweep(X, None, [1, 3, 6, 7], n_init=2, seed=5, n_threads=2))
    random = generator(5)
    seeds = [
        ckmeans.kmeans_plusplus(X, 7, random_state=random, n_local_trials=2 + int(math.log(7)))[0] for _ in range(2)
    ]
    before = None
    for k, fit in fits.items():
        starts = [s[:k] for s in seeds]
        if before is not None:
            extended = extend(X, None, before, k, random, 2)
            np.testing.assert_array_equal(extended[: len(before.centers)], before.centers)
            assert all((X == row).all(axis=1).any() for row in extended[len(before.centers) :])
            starts.append(extended)
        best = min(ckmeans.kmeans(X, k, init=start).inertia for start in starts)
        assert fit.inertia == best
        before = fit


def test_extension_prefers_what_is_far_and_heavy():
    X = np.array([[0.0], [0.1], [0.2], [50.0], [1000.0]])
    fit = run(X, None, n_clusters=1, restarts=1, max_iter=1, tol=0, given=np.zeros((1, 1, 1)), n_threads=1)
    fit = fit._replace(centers=np.zeros((1, 1)))
    assert extend(X, None, fit, 2, generator(0), 1).tolist() == [[0.0], [1000.0]]
    weights = np.array([1.0, 1, 1, 1, 0])
    assert extend(X, weights, fit, 2, generator(0), 1).tolist() == [[0.0], [50.0]]
    same = np.zeros((3, 1))
    assert extend(same, None, fit._replace(labels=np.zeros(3, np.int32)), 3, generator(0), 1).shape == (
        3,
        1,
    )


def test_gap_is_what_tibshirani_defines():
    rng = np.random.default_rng(0)
    references, data = rng.normal(size=(6, 3)), rng.normal(size=3)
    curve = GapCurve(np.array([1, 2, 3]), data, references)
    np.testing.assert_allclose(curve.gap, references.mean(axis=0) - data)
    np.testing.assert_allclose(curve.error, np.sqrt(((references - references.mean(axis=0)) ** 2).mean(axis=0) * 7 / 6))
    assert curve.gains()[0] == 0
    rise = (references - references[:, :1])[:, 1:].var(axis=0, ddof=1)
    expected = (curve.gap - curve.gap[0])[1:] / np.sqrt(rise.mean() * 7 / 6)
    np.testing.assert_allclose(curve.gains()[1:], expected)


def test_principal_box_holds_the_data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3)) @ rng.normal(size=(3, 3))
    box = PrincipalBox(X, None)
    axes = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)[2]
    np.testing.assert_allclose(np.sort(box.high - box.low), np.sort(np.ptp((X - X.mean(axis=0)) @ axes.T, axis=0)))
    drawn = box.draw(50_000, generator(0))
    np.testing.assert_allclose(drawn.mean(axis=0), (box.low + box.high) / 2, atol=0.02 * np.max(box.high - box.low))
    assert (drawn >= box.low).all() and (drawn <= box.high).all()


def test_gap_statistic():
    X = separated(3, 2, 300, 0)
    one, three = (metrics.gap_statistic(X, k, random_state=0, n_references=8) for k in (1, 3))
    assert three.gap > one.gap + 5 * three.standard_error
    np.testing.assert_allclose(three.log_dispersion, np.log(KMeans(3, n_init=5, random_state=0).fit(X).inertia_ / 300))
    np.testing.assert_allclose(three.gap, three.reference_log_dispersions.mean() - three.log_dispersion)
    huge = metrics.gap_statistic(X * 2.0**900, 3, random_state=0, n_references=8)
    np.testing.assert_allclose([huge.gap, huge.standard_error], [three.gap, three.standard_error], rtol=1e-9)
    with pytest.raises(ValueError, match="X contains NaN at row 7, feature 1"):
        metrics.gap_statistic(np.where(np.arange(600).reshape(300, 2) == 15, np.nan, X), 3)


# --- Corners ----------------------------------------------------------------------------------------------------


def test_few_rows_and_equal_rows():
    assert choose_k(np.zeros((20, 2)), range(1, 4)).recommended_k == 1
    result = choose_k([[0.0], [1.0], [9.0]])  # of the default, ks that exceed the rows are left out
    assert result.ks.tolist() == [1, 2, 3]
    two = np.repeat([[0.0], [1.0]], 15, axis=0)
    result = choose_k(two, range(1, 5), random_state=0)
    assert result.structured and result.recommended_k == 2
    single = choose_k(blobs(100, 2, 2), [3], random_state=0)
    assert single.recommended_k == 3 and single.elbow is None
    assert "3" in str(single)


def test_more_clusters_than_distinct_points_have_no_say():
    three = np.repeat([[0.0, 0.0], [1.0, 0.0], [9.0, 9.0]], 40, axis=0)
    result = choose_k(three, range(1, 8), random_state=0)
    beyond = result.table[result.table["k"] > 3]
    for name in ("silhouette", "calinski_harabasz", "davies_bouldin", "bic", "stability"):
        assert np.isnan(beyond[name]).all()
    assert result.choices["silhouette"] == result.choices["calinski_harabasz"] == 3
    assert result.recommended_k == 3
    assert "inf" in str(result)
    assert result.choices["bic"] == 3 and find_structure(
        GapCurve(np.array([1, 2]), np.array([0.0, -np.inf]), np.zeros((3, 2)))
    ) == (True, np.inf)
    same = choose_k(np.zeros((20, 2)), range(1, 4))
    assert same.choices["stability"] is None and same.structured is False


def test_a_rare_cluster_among_many_rows():
    X = np.vstack([np.random.default_rng(0).normal(size=(10_500, 1)), [[500.0], [501.0]]])
    result = choose_k(X, [2, 3], criteria=["silhouette"], random_state=0)
    assert result.recommended_k == 2 and np.isnan(result.table["silhouette_error"][0])


def test_weights_that_were_divided_by_their_sum():
    X = separated(3, 2, 60, 0)
    result = choose_k(X, range(1, 6), sample_weight=np.full(60, 1 / 60), random_state=0)
    assert np.isnan(result.table["bic"]).all() and np.isnan(result.table["calinski_harabasz"]).all()
    assert result.choices["silhouette"] == result.choices["davies_bouldin"] == 3
    few = choose_k(X, range(1, 11), sample_weight=np.full(60, 7.5 / 60), criteria=["bic"], random_state=0)
    assert few.choices["bic"] == 3


def test_weights_that_float64_cannot_add_up():
    X = separated(3, 2, 60, 0)
    result = choose_k(X, range(1, 6), sample_weight=np.r_[np.full(3, 1e300), np.full(57, 1e-30)], random_state=0)
    assert result.n_rows == 60 and list(result.models) == [1, 2, 3, 4, 5]
    assert np.isnan(result.table["bic"]).all() and np.isnan(result.table["calinski_harabasz"]).all()


def test_wide_data_are_quick():
    X = np.random.default_rng(0).normal(size=(60, 3000))
    X[:30] += 1
    box = PrincipalBox(X, None)
    assert box.rows.shape == (60, 60)
    distances = ((X[0] - X[1]) ** 2).sum(), ((box.rows[0] - box.rows[1]) ** 2).sum()
    np.testing.assert_allclose(*distances)
    assert choose_k(X, range(1, 4), random_state=0).recommended_k == 2


def test_nothing_to_choose_by():
    result = choose_k(blobs(30, 2, 2), range(1, 4), criteria=[], random_state=0)
    assert result.recommended_k == 1 and "nothing to choose by" in result.verdict and "not tested" in result.verdict
    assert "try more" not in choose_k([[0.0], [1.0]], random_state=0).verdict


def test_unstructured_data_get_a_model_of_one_cluster():
    X = np.random.default_rng(0).random((300, 2))
    result = choose_k(X, range(2, 6), random_state=0)
    assert result.structured is False and result.recommended_k == 1 and math.isnan(result.agreement)
    np.testing.assert_allclose(result.best_estimator_.cluster_centers_[0], X.mean(axis=0))
    assert "No cluster structure" in str(result) and "No cluster structure" in result._repr_html_()


def test_some_criteria_only():
    result = choose_k(blobs(300, 2, 3), range(1, 5), criteria=["davies_bouldin", "silhouette"], random_state=0)
    assert list(result.choices) == ["silhouette", "davies_bouldin"]
    assert result.structured is None and "not tested" in result.verdict
    assert np.isnan(result.table["gap"]).all() and np.isnan(result.table["bic"]).all()


def test_extreme_units_and_weights():
    X = separated(3, 2, 200, 0)
    expected = choose_k(X, range(1, 5), random_state=0)
    for changed in (
        choose_k(X * 2.0**900, range(1, 5), random_state=0),
        choose_k(X + 1e6, range(1, 5), random_state=0),
    ):
        assert changed.choices | {"bic": 3} == expected.choices | {"bic": 3}
        assert changed.recommended_k == 3
    assert choose_k(X, range(1, 5), sample_weight=np.full(200, 1e300), random_state=0).recommended_k == 3


def test_progress(capsys):
    seen = []
    choose_k(blobs(100, 2, 2), range(1, 4), random_state=0, progress=seen.append)
    assert [p.done for p in seen] == [1, 2, 3, 4, 5, 6] and seen[-1].total == 6
    assert seen[0].doing == "fitted k = 1"
    choose_k(blobs(100, 2, 2), [2], random_state=0, progress=True)
    assert capsys.readouterr().err.startswith("\r1 of 4: fitted k = 2")

    class Stop(Exception):
        pass

    def stop(_):
        raise Stop

    with pytest.raises(Stop):
        choose_k(blobs(100, 2, 2), progress=stop)


def test_result_shows_itself():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(separated(3, 2, 200, 0), columns=["<b>", "size"])
    result = choose_k(frame, range(1, 6), random_state=0)
    text = str(result)
    assert "<- recommended" in text and "chosen by 6 of the 6" in result.verdict
    assert [line.split()[0] for line in text.splitlines()[1:6]] == ["1", "2", "3", "4", "5"]
    assert max(map(len, text.splitlines()[:6])) < 125
    table = result.to_pandas()
    assert table.index.tolist() == [1, 2, 3, 4, 5] and table.loc[3, "inertia"] == result.models[3].inertia_
    html = result._repr_html_()
    assert html.count("<tr") == 6 and html.count("#cfe8f7") == 6
    assert repr(result) == "<KSelection: k = 3 of 1 to 5, structured=True, agreement=100%>"
    assert result.models[3].feature_names_in_.tolist() == ["<b>", "size"]
    assert pickle.loads(pickle.dumps(result)).recommended_k == 3


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"ks": 5}, TypeError, "ks must be several numbers of clusters"),
        ({"ks": np.array(3)}, TypeError, "ks must be several numbers"),
        ({"criteria": 5}, TypeError, "criteria must be names of criteria"),
        ({"ks": []}, ValueError, "ks must hold at least one"),
        ({"ks": [0, 2]}, ValueError, "each of ks must be between 1"),
        ({"ks": [2.0]}, TypeError, "each of ks must be an integer"),
        ({"ks": [2, 101]}, ValueError, "ks must not exceed n_samples=100"),
        ({"criteria": ["elbow"]}, ValueError, "each of criteria must be one of 'silhouette'"),
        ({"n_init": 0}, ValueError, "n_init must be between 1"),
        ({"progress": 3}, TypeError, "progress must be True, False, None or callable, got 3"),
        ({"tol": -1}, ValueError, "tol must be finite and at least 0"),
        ({"sample_weight": np.ones(3)}, ValueError, r"sample_weight must have shape \(100,\)"),
    ],
)
def test_wrong_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        choose_k(blobs(100, 2, 2), **arguments)


def test_what_is_not_finite_is_located():
    X = blobs(100, 2, 2)
    X[17, 1] = np.inf
    with pytest.raises(ValueError, match="X contains infinity at row 17, feature 1"):
        choose_k(X)
