"""The coarse screens: their bound against rational numbers, and labels where it leaves much open."""

from fractions import Fraction

import numpy as np
import pytest
from hostile import SCREENED, screened
from test_screen import exact_scores

import ckmeans
from ckmeans import _core

COARSE = [kernel.level for kernel in _core.kernels() if kernel.job == "coarse" and kernel.runs]
pytestmark = pytest.mark.skipif(not COARSE, reason="no coarse screen runs here")

K = 64  # the fewest centers it is used for


@pytest.fixture(params=COARSE)
def coarse_isa(request):
    before = _core.choose_isa(request.param)
    assert [kernel.level for kernel in _core.kernels() if kernel.job == "coarse" and kernel.in_use] == [request.param]
    yield request.param
    _core.choose_isa(before)


def to_bfloat16(values):
    """Rounded to the nearest, ties to even, as float64."""
    bits = np.asarray(values, dtype=np.float32).view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16 << 16).astype(np.uint32).view(np.float32).astype(np.float64)


def panels(values, together):
    """Places of rows that share a panel: in the order of their lengths."""
    order = np.argsort((values**2).sum(axis=1), kind="stable")
    return [order[first : first + together] for first in range(0, len(values), together)]


def to_integers(values, largest, together=1):
    """Rows as whole numbers up to `largest` times a scale that so many of them have together, as float64."""
    most = np.abs(values).max(axis=1, keepdims=True)
    for panel in panels(values, together):
        most[panel] = most[panel].max()
    scale = np.maximum(most, 2.0**-50) / largest
    return np.rint(values / scale) * scale


BFLOAT16 = ("avx512_bf16", "avx512_amx", "neon_bf16")
# Of the integer screens: centers that share a scale and a bound, and the largest number that stands for one.
PANELS = {
    "avx512_vnni": (12, 127),
    "avx512": (8, 32),
    "avx_vnni": (6, 127),
    "avx2": (4, 32),
    "neon_i8mm": (8, 127),
    "neon_dotprod": (8, 127),
}


def allowances(level, X, C, scale, minus_offset):
    """|x - x'||c| + |x'||c - c'| of the images, where centers share a bound with the largest of these: what rounding
    can take from or add to a product."""
    x, c = (np.asarray(rows, dtype=np.float64) * scale + minus_offset for rows in (X, C))
    if level in BFLOAT16:
        together = 1
        rounded_x, rounded_c = (to_bfloat16(rows.astype(np.float32)) for rows in (x, c))
    else:
        together, largest = PANELS[level]
        rounded_x, rounded_c = to_integers(x, 127), to_integers(c, largest, together)
    lost, size = np.linalg.norm(c - rounded_c, axis=1), np.linalg.norm(c, axis=1)
    for panel in panels(c, together):
        lost[panel], size[panel] = lost[panel].max(), size[panel].max()
    return np.linalg.norm(x - rounded_x, axis=1)[:, None] * size + np.linalg.norm(rounded_x, axis=1)[:, None] * lost


def used_shares(level, X, C):
    """Where the raised scores lie between the true ones and those with twice the allowance added: 0 to 1."""
    cut = np.zeros(len(X), dtype=np.float32)
    scores, _, _, _, scale, minus_offset = _core.screen_probe(X, C, 3, cut)
    exact = exact_scores(X, C, scale, minus_offset)
    allowed = allowances(level, X, C, scale, minus_offset)
    s, o = Fraction(scale), [Fraction(value) for value in minus_offset]
    sizes = [sum((Fraction(float(v)) * s + b) ** 2 for v, b in zip(row, o, strict=True)) for row in X]
    shares = np.full(scores.shape, np.nan)
    for i in range(len(X)):
        if not sizes[i] <= Fraction(2.0**100):
            continue  # such rows are left to the float32 screen
        for j in range(len(C)):
            excess = Fraction(float(scores[i, j])) - exact[i][j]
            assert excess >= -(sizes[i] + 1) * Fraction(2.0**-110)
            shares[i, j] = float(excess) / (2 * allowed[i, j] + 1e-300)
    return shares


@pytest.mark.parametrize(("d", "dtype"), [(32, np.float32), (33, np.float64), (47, np.float64), (130, np.float32)])
@pytest.mark.parametrize("kind", (*SCREENED, "every norm"))
def test_scores_are_never_below_the_truth(coarse_isa, kind, d, dtype):
    rng = np.random.default_rng(d)
    number_format = "bfloat16" if coarse_isa in BFLOAT16 else "int8"
    X, C = (screened(rng, (n, d), kind, to, number_format) for n, to in ((5, dtype), (K, np.float32)))
    C = C.astype(np.float64)
    shares = used_shares(coarse_isa, X, C)
    if kind in ("plain", "rounding boundaries", "cancellation"):  # and no more above it than they must be
        assert np.nanmax(shares) <= 1.1


def test_scores_over_several_runs_of_features(coarse_isa):
    rng = np.random.default_rng(3)
    X, C = rng.uniform(-1, 1, size=(2, 900)).astype(np.float32), rng.uniform(-1, 1, size=(K, 900))
    shares = used_shares(coarse_isa, X, C)
    assert 0.1 < np.nanmin(shares) and np.nanmax(shares) < 1.1


def test_the_most_features_do_not_overflow(coarse_isa):
    """All products have one sign and are as large as can be."""
    rng = np.random.default_rng(1)
    d = 8192
    signs = np.sign(rng.standard_normal(d))
    C = np.concatenate([np.tile(signs, (K // 2, 1)), np.tile(-signs, (K // 2, 1))])
    X = np.stack([signs, -signs]).astype(np.float32)
    scores, _, _, _, scale, minus_offset = _core.screen_probe(X, C, 3, np.zeros(2, dtype=np.float32))
    assert (minus_offset == 0).all()
    exact = (X.astype(np.float64) @ C.T - d / 2) * scale**2
    assert (scores >= exact).all() and (scores <= exact + 0.05 * d * scale**2).all()


def test_the_bound_is_as_tight_as_it_says(coarse_isa):
    """Rows whose rounding errors point straight away from a center use all of it: with a fiftieth less, the check
    above would fail. Columns of plus and minus ones keep the image as the data are."""
    d = 128
    signs = np.sign(np.random.default_rng(5).standard_normal((K // 2, d)))
    C = np.concatenate([signs, -signs])
    if coarse_isa in BFLOAT16:
        X = (C[:4] * (1 + 2.0**-9 * 0.999)).astype(np.float32)  # rounds to C
    else:
        most = 127 if PANELS[coarse_isa][1] == 127 else 128  # one feature that sets both scales
        C *= np.r_[most, np.full(d - 1, 60.0)]  # which holds these
        whole = 60 if most == 127 else 59
        X = (signs[:4] * np.r_[most, np.full(d - 1, (whole + 0.4999) * most / 127)]).astype(np.float32)
    shares = used_shares(coarse_isa, X, C)
    aligned = shares[np.arange(4), np.arange(4)]
    assert (aligned >= 0).all() and (aligned < 0.02).all()


@pytest.mark.parametrize("d", [32, 51, 300])
def test_reach_is_the_scores_that_are_at_least_the_cut(coarse_isa, d):
    rng = np.random.default_rng(d)
    X, C = rng.normal(size=(77, d)).astype(np.float32), rng.normal(size=(K + 7, d))
    scores, *_ = _core.screen_probe(X, C, 3, np.zeros(77, dtype=np.float32))
    cut = scores[np.arange(77), rng.integers(K + 7, size=77)]
    again, reached, *_ = _core.screen_probe(X, C, 3, cut)
    np.testing.assert_array_equal(again, scores)
    np.testing.assert_array_equal(reached, scores >= cut[:, None])


# --- Labels -----------------------------------------------------------------------------------------------------


def nearest(X, C):
    """By the canonical distance: features in their order, in float64."""
    distances = np.zeros((len(X), len(C)))
    for p in range(X.shape[1]):
        distances += (X[:, p, None].astype(np.float64) - C[:, p]) ** 2
    return distances.argmin(axis=1).astype(np.int32)


def problem(kind, dtype=np.float32, n=2300, d=36, k=150):
    rng = np.random.default_rng(11)
    if kind == "uniform":
        X = rng.random((n, d))
    elif kind == "blobs":
        X = rng.normal(size=(n, d)) + 4 * rng.normal(size=(k, d))[rng.integers(k, size=n)]
    elif kind == "ties":
        X = rng.integers(0, 3, size=(n, d)).astype(float)
    elif kind == "duplicates":
        X = rng.random((k // 2, d))[rng.integers(k // 2, size=n)]
    elif kind == "one direction":
        X = rng.normal(size=(n, 1)) * rng.normal(size=(1, d)) + 0.01 * rng.random((n, d))
    elif kind == "offset":
        X = 1e6 + rng.random((n, d))
    elif kind == "near ties":
        X = 1 + 1e-5 * rng.random((n, d))
    else:
        X = rng.normal(size=(n, d)) * 10.0 ** rng.integers(-12, 12, size=(n, 1))
    X = X.astype(dtype)
    return X, X[rng.choice(n, k, replace=False)].astype(np.float64)


PROBLEMS = ["uniform", "blobs", "ties", "duplicates", "one direction", "offset", "near ties", "every norm"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", PROBLEMS)
def test_labels_are_the_nearest(coarse_isa, kind, dtype):
    X, C = problem(kind, dtype)
    expected = nearest(X, C)
    np.testing.assert_array_equal(ckmeans.assign(X, C), expected)
    for guesses in (np.full(len(X), -1), expected, np.arange(len(X)) % len(C), np.full(len(X), 10**6)):
        labels = guesses.astype(np.int32)
        _core.open_probe(X, C, labels)
        np.testing.assert_array_equal(labels, expected)


@pytest.mark.parametrize("kind", PROBLEMS)
def test_centers_that_float32_does_not_hold(coarse_isa, kind):
    """Float32 rows and the centers of a model of float64 data: rounding those would choose others."""
    X, C = problem(kind)
    C = C + np.random.default_rng(1).normal(size=C.shape) * np.abs(C) * 2.0**-25
    C[1::2] = C[::2] * (1 + 2.0**-26)
    expected = nearest(X, C)
    np.testing.assert_array_equal(ckmeans.assign(X, C), expected)
    labels = np.zeros(len(X), dtype=np.int32)
    _core.open_probe(X, C, labels)
    np.testing.assert_array_equal(labels, expected)


@pytest.mark.parametrize("kind", ["uniform", "ties", "one direction", "near ties"])
@pytest.mark.parametrize("algorithm", ["lloyd", "hamerly", "yinyang", "projection", "auto"])
def test_every_strategy_gives_the_bits_of_float32(coarse_isa, kind, algorithm):
    X, C = problem(kind, n=5000)
    fits = []
    for name in (coarse_isa, "generic"):
        _core.choose_isa(name)
        fits.append(ckmeans.KMeans(150, init=C, n_init=1, max_iter=8, tol=0, algorithm=algorithm).fit(X))
    for attribute in ("labels_", "cluster_centers_", "inertia_", "n_iter_"):
        np.testing.assert_array_equal(getattr(fits[0], attribute), getattr(fits[1], attribute))


@pytest.mark.parametrize("layout", ["Fortran", "strided", "int8", "uint16"])
def test_other_layouts_and_dtypes(coarse_isa, layout):
    X, C = problem("uniform")
    expected_of = {"Fortran": np.asfortranarray(X), "strided": np.repeat(X, 3, axis=1)[:, ::3]}
    if layout in ("int8", "uint16"):
        X = (X * 100).astype(layout)
        C = X[:150].astype(np.float64) + 0.25
        expected_of[layout] = X
    np.testing.assert_array_equal(ckmeans.assign(expected_of[layout], C), nearest(X, C))


def test_what_is_open_is_counted(coarse_isa):
    X, C = problem("blobs")
    labels = np.full(len(X), -1, dtype=np.int32)
    first = _core.open_probe(X, C, labels)
    assert first["rows"] == first["screened_rows"] == len(X)
    few = len(X) / (10 if coarse_isa in BFLOAT16 else 2)  # a third of the rows have no center in their cluster
    assert first["tried_rows"] < few and first["open_pairs"] < len(X)
    again = _core.open_probe(X, C, labels)
    assert again["screened_rows"] == len(X) and again["tried_rows"] == 0
    assert again["open_pairs"] <= 1.1 * first["open_pairs"] + 1


def test_data_that_it_cannot_tell_apart_are_left_to_float32(coarse_isa):
    X, C = problem("near ties", n=40_000)  # differences far below what bfloat16 resolves, all in a small ball
    X = np.concatenate([X, -X])
    labels = np.full(len(X), -1, dtype=np.int32)
    C[0] = -1.0
    counts = _core.open_probe(X, C, labels)
    np.testing.assert_array_equal(labels, nearest(X, C))
    assert 0 < counts["screened_rows"] < 0.5 * len(X)  # the half that is near the lone center is simple


def test_a_value_that_is_not_finite_is_named(coarse_isa):
    X, C = problem("uniform")
    X[1234, 5] = np.nan
    with pytest.raises(ValueError, match="NaN at row 1234, feature 5"):
        ckmeans.assign(X, C)


def test_few_features_centers_or_rows_have_no_such_screen(coarse_isa):
    for n, d, k in ((2000, 36, 150), (2300, 13, 150), (2300, 36, 63)):
        X, C = problem("uniform", n=n, d=d, k=k)
        assert _core.open_probe(X, C, np.full(n, -1, dtype=np.int32))["screened_rows"] == 0


def test_the_history_names_the_screen(coarse_isa):
    kernel = next(kernel for kernel in _core.kernels() if kernel.job == "coarse" and kernel.in_use)
    assert kernel.format == (
        "bfloat16" if coarse_isa in BFLOAT16 else "int8" if PANELS[coarse_isa][1] == 127 else "int8x6"
    )
    X, C = problem("uniform")
    fit = ckmeans.kmeans(X, 150, init=C, n_init=1, max_iter=3, algorithm="lloyd")
    assert (fit.history["screen"] == kernel.format).all()
    fit = ckmeans.kmeans(X[:, :13], 150, init=C[:, :13], n_init=1, max_iter=3, algorithm="lloyd")
    assert (fit.history["screen"] == "float32").all()  # so few features have no other


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["uniform", "blobs", "ties", "every norm", "far row"])
def test_seeds_are_those_of_float32(coarse_isa, kind, dtype):
    X, _ = problem("uniform" if kind == "far row" else kind, dtype, d=256, k=200)
    if kind == "far row":  # beside the others, whose image holds it in no format
        X[17] *= 1e36 if dtype == np.float32 else 1e60
    seeds = []
    for name in (coarse_isa, "generic"):
        _core.choose_isa(name)
        seeds.append(ckmeans.kmeans_plusplus(X, 200, random_state=5)[1])
    np.testing.assert_array_equal(seeds[0], seeds[1])
