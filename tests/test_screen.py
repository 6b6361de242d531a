"""Every screen kernel against its own bound (docs/numerics.md), with input made to break it."""

from fractions import Fraction

import numpy as np
import pytest
from hostile import SCREENED, screened
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ckmeans import _core


def exact_scores(X, C, scale, minus_offset):
    """x.c - |c|^2/2 of the images, in rational numbers."""
    s, o = Fraction(scale), [Fraction(v) for v in minus_offset]
    X = [[Fraction(float(v)) * s + b for v, b in zip(row, o, strict=True)] for row in X]
    C = [[Fraction(float(v)) * s + b for v, b in zip(row, o, strict=True)] for row in C]
    half_norms = [sum(v * v for v in c) / 2 for c in C]
    return [[sum(a * b for a, b in zip(x, c, strict=True)) - h for c, h in zip(C, half_norms, strict=True)] for x in X]


def check_bound(X, C, shape):
    """A score may exceed the truth by the row's half of the slack and both center's halves, and fall short of it by
    the row's half alone: what the exclusion in src_c/screen/screen.h stands on."""
    cut = np.zeros(len(X), dtype=np.float32)
    scores, _, row_slack, center_slack, scale, minus_offset = _core.screen_probe(X, C, shape, cut)
    exact = exact_scores(X, C, scale, minus_offset)
    used = 0.0
    for i in range(len(X)):
        if not np.isfinite(row_slack[i]):
            continue  # no float32 image: the row is settled among all centers
        for j in range(len(C)):
            excess = Fraction(float(scores[i, j])) - exact[i][j]
            assert excess >= -Fraction(row_slack[i]) / 2
            assert excess <= Fraction(center_slack[j]) + Fraction(row_slack[i]) / 2
            room = Fraction(center_slack[j]) / 2 + Fraction(row_slack[i]) / 2
            used = max(used, abs(float((excess - Fraction(center_slack[j]) / 2) / room)))
    return used


def scores_of_unpacked_rows(X, C):
    """The scores that the kernel for unpacked rows compares with the cut, which is all it shows: the largest cut that
    is still reached, by bisection over the float32 numbers in their order."""

    def as_float(order):
        return np.where(order >= 0, order, -(2**31) - order).astype(np.int32).view(np.float32)

    scores = np.empty((len(X), len(C)), dtype=np.float32)
    for j in range(len(C)):
        low, high = np.full(len(X), -(2**31) + 2**23 + 1), np.full(len(X), 2**31 - 2**23 - 1)
        while (low < high).any():
            middle = (low + high + 1) >> 1
            reached = _core.screen_probe(X, C, 2, as_float(middle))[1][:, j]
            low, high = np.where(reached, middle, low), np.where(reached, high, middle - 1)
        scores[:, j] = as_float(low)
    return scores


@pytest.mark.parametrize("kind", ["plain", "rounding boundaries", "one sign", "cancellation", "offset"])
@pytest.mark.parametrize("d", [1, 5, 16, 33, 400])
def test_scores_of_unpacked_rows_stay_within_their_bound(isa, monkeypatch, kind, d):
    rng = np.random.default_rng(d)
    X, C = (
        screened(rng, (5, d), kind, np.float32),
        screened(rng, (11, d), kind, np.float32).astype(np.float64),
    )
    genuine, scores = _core.screen_probe, scores_of_unpacked_rows(X, C)
    monkeypatch.setattr(_core, "screen_probe", lambda *arguments: (scores, *genuine(*arguments)[1:]))
    assert check_bound(X, C, 2) <= 1.0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**32),
    d=st.sampled_from([1, 2, 3, 8, 16, 17, 40]),
    kind=st.sampled_from(SCREENED),
    dtype=st.sampled_from([np.float32, np.float64]),
    shape=st.sampled_from([0, 1]),
)
def test_scores_stay_within_their_bound(isa, seed, d, kind, dtype, shape):
    rng = np.random.default_rng(seed)
    X, C = screened(rng, (6, d), kind, dtype), screened(rng, (5, d), kind, dtype).astype(np.float64)
    assert check_bound(X, C, shape) <= 1.0


@pytest.mark.parametrize("shape", [0, 1])
@pytest.mark.parametrize("kind", SCREENED)
def test_bound_over_several_runs_of_features(isa, kind, shape):
    rng = np.random.default_rng(3)
    X, C = (
        screened(rng, (3, 700), kind, np.float32),
        screened(rng, (3, 700), kind, np.float32).astype(np.float64),
    )
    assert check_bound(X, C, shape) <= 1.0


def test_the_check_can_fail(monkeypatch):
    """The same check with slacks a thousand times smaller must find scores outside them."""
    genuine = _core.screen_probe

    def shrunk(*arguments):
        scores, reached, row_slack, center_slack, scale, minus_offset = genuine(*arguments)
        return scores, reached, row_slack / 1000, center_slack / 1000, scale, minus_offset

    monkeypatch.setattr(_core, "screen_probe", shrunk)
    rng = np.random.default_rng(4)
    X, C = screened(rng, (20, 40), "plain", np.float32), screened(rng, (20, 40), "plain", np.float64)
    with pytest.raises(AssertionError):
        check_bound(X, C, 1)


@pytest.mark.parametrize("shape", [0, 1])
@pytest.mark.parametrize("d", [1, 2, 3, 4, 5, 16, 33, 300])
def test_reach_is_the_scores_that_are_at_least_the_cut(isa, d, shape):
    rng = np.random.default_rng(d)
    X, C = rng.normal(size=(77, d)).astype(np.float32), rng.normal(size=(29, d))
    scores, *_ = _core.screen_probe(X, C, shape, np.zeros(77, dtype=np.float32))
    cut = scores[np.arange(77), rng.integers(29, size=77)]  # equal to one of them
    again, reached, *_ = _core.screen_probe(X, C, shape, cut)
    np.testing.assert_array_equal(again, scores)
    np.testing.assert_array_equal(reached, scores >= cut[:, None])


@pytest.mark.parametrize(("value", "name"), [(np.nan, "NaN"), (-np.inf, "infinity")])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_probe_of_open_pairs_names_a_value_that_is_not_finite(isa, dtype, value, name):
    X = np.random.default_rng(0).normal(size=(300, 5)).astype(dtype)
    C = X[:7].astype(np.float64)
    X[123, 4] = value
    with pytest.raises(ValueError, match=f"^X contains {name} at row 123, feature 4; "):
        _core.open_probe(X, C, np.full(len(X), -1, dtype=np.int32))
