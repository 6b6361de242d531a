"""Small fits on several Python threads: in order, with as many threads as there are, and ended by what ends a call."""

import _thread
import signal
import threading
import time

import numpy as np
import pytest
from helpers import blobs

from ckmeans import choose_k, metrics
from ckmeans._fitting.side_by_side import side_by_side


@pytest.fixture
def startable(monkeypatch):
    """Lets so many threads start, and counts how many did."""
    start, started = threading.Thread.start, []

    def limit(most):
        def limited(thread):
            if len(started) >= most:
                raise RuntimeError("can't start new thread")
            started.append(thread)
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", limited)
        return started

    return limit


@pytest.mark.parametrize("most", [0, 1, 2, 100])
def test_as_many_threads_as_can_be_started(startable, most):
    started = startable(most)
    users = set()

    def square(item):
        users.add(threading.get_ident())
        time.sleep(0.01 * (item % 3))  # so that they do not end in order
        return item**2

    assert side_by_side(square, range(20), 4) == [item**2 for item in range(20)]
    assert len(started) == min(most, 3)
    assert threading.get_ident() in users and len(users) <= 1 + len(started)
    assert not any(thread.is_alive() for thread in started)


@pytest.mark.parametrize("most", [0, 1])
def test_scores_without_threads(startable, most):
    X = blobs(200, 2, 3)
    options = {"n_threads": 4, "random_state": 0}
    expected, gap = choose_k(X, range(1, 5), **options), metrics.gap_statistic(X, 3, **options)
    startable(most)
    found = choose_k(X, range(1, 5), **options)
    for name in set(expected.table.dtype.names) - {"seconds"}:
        np.testing.assert_array_equal(found.table[name], expected.table[name])
    np.testing.assert_array_equal(metrics.gap_statistic(X, 3, **options)[3], gap[3])


@pytest.mark.parametrize("most", [0, 1, 5])
@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_ends_it(startable, most, kind):
    started = startable(most)
    done = []

    def fail(item):
        time.sleep(0.002)
        if item == 5:
            raise kind("five")
        done.append(item)

    with pytest.raises(kind, match="five"):
        side_by_side(fail, range(1000), 4)
    assert len(done) < 20
    assert not any(thread.is_alive() for thread in started)


@pytest.mark.parametrize("n_threads", [1, 3])
def test_ctrl_c_between_two_items(n_threads):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    done = []
    try:
        with pytest.raises(KeyboardInterrupt):
            side_by_side(
                lambda item: (time.sleep(0.005), done.append(item), item == 3 and _thread.interrupt_main()),
                range(1000),
                n_threads,
            )
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(done) < 50
