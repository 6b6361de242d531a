"""Data that change under a call: whatever comes of it, it comes of the arrays alone, and the next call is right."""

import threading
import time

import numpy as np
import pytest
from helpers import same_bits

from ckmeans import assign, kmeans, kmeans_plusplus, metrics

N_ROWS = 9000


@pytest.fixture(params=[(2, np.float64), (40, np.float32), (64, np.float64)], ids=["2", "40", "64 correlated"])
def rows(request):
    n_features, dtype = request.param
    rng = np.random.default_rng(0)
    if n_features == 64:
        return rng.normal(size=(N_ROWS, 4)) @ rng.normal(size=(4, n_features))
    return rng.normal(size=(N_ROWS, n_features)).astype(dtype)


@pytest.fixture
def changing(rows):
    """The rows, which another thread keeps replacing by others: far ones, equal ones, some that are no numbers."""
    rng = np.random.default_rng(1)
    broken = rows.copy()
    broken[rng.integers(N_ROWS, size=20)] = np.nan
    others = [rows, rows * rng.choice([-3, 50], size=(N_ROWS, 1)), rows * 0, rows[::-1] * 1e30, broken]
    changed, over = rows.copy(), threading.Event()

    def change():
        while not over.wait(5e-4):
            changed[:] = others[rng.integers(len(others))]

    thread = threading.Thread(target=change)
    thread.start()
    yield changed
    over.set()
    thread.join()


@pytest.mark.filterwarnings("ignore")
def test_nothing_outside_the_arrays_is_touched(rows, changing):
    labels, k = np.arange(N_ROWS) % 7, 70 if rows.shape[1] >= 40 else 20
    before = kmeans(rows, k, max_iter=4, random_state=0)
    calls = [
        lambda: assign(changing, rows[:70]),
        lambda: kmeans_plusplus(changing, 30, random_state=0),
        lambda: metrics.silhouette_score(changing[:1500], labels[:1500]),
        lambda: metrics.davies_bouldin_score(changing, labels),
    ]
    for algorithm in ("auto", "lloyd", "hamerly", "yinyang", "projection", "filtering"):
        for init in ("k-means++", "random", "k-means||", "afk-mc2"):
            options = {"algorithm": algorithm, "init": init, "n_init": 1, "max_iter": 5, "random_state": 0}
            calls.append(lambda options=options: kmeans(changing, k, **options))
    ended = time.monotonic() + 2.0
    while time.monotonic() < ended:
        for call in calls:
            try:
                call()
            except ValueError as error:
                assert "finite" in str(error) or "fewer rows" in str(error)
    same_bits(kmeans(rows, k, max_iter=4, random_state=0), before)
