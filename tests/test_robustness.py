"""Threads, signals and memory: nothing here may hang, leak or change a result."""

import _thread
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from helpers import blobs, environment, output_of, same_bits, unchanged

import ckmeans
from ckmeans import KMeans

LARGE = blobs(60_000, 16, 12)  # enough work for every thread to take part
ENDLESS = {"n_clusters": 20, "init": "random", "n_init": 20_000, "tol": 0}  # many short iterations


# --- Threads ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_any_number_of_threads_gives_the_same_bits(dtype):
    rows = LARGE.astype(dtype)
    weights = np.random.default_rng(0).uniform(0, 2, len(rows))
    one, *others = (
        KMeans(12, n_threads=n, max_iter=6, random_state=0).fit(rows, sample_weight=weights) for n in (1, 2, 3, 7)
    )
    for other in others:
        same_bits(other, one)
        np.testing.assert_array_equal(other.predict(rows), one.labels_)
        np.testing.assert_array_equal(other.transform(rows), one.transform(rows))
        assert other.score(rows, sample_weight=weights) == -one.inertia_


def test_restarts_side_by_side_on_sorted_rows():
    rows = np.random.default_rng(0).normal(size=(9000, 3))
    fits = [KMeans(8, n_init=16, random_state=0, max_iter=5, n_threads=n_threads).fit(rows) for n_threads in (1, 8, 8)]
    assert len({(fit.inertia_, fit.labels_.tobytes(), fit.cluster_centers_.tobytes()) for fit in fits}) == 1


def test_more_threads_than_anyone_has():
    same_bits(KMeans(3, n_threads=2**31 - 1, random_state=0).fit(LARGE), KMeans(3, random_state=0).fit(LARGE))


@pytest.mark.parametrize("n_threads", [1, 3])
def test_fits_in_several_python_threads_at_once(n_threads):
    jobs = [(LARGE[start : start + 30_000], k) for start in (0, 30_000) for k in (3, 8, 12, 20)]

    def run(job):
        rows, k = job
        return KMeans(k, n_threads=n_threads, random_state=0, max_iter=5).fit(rows)

    expected = [run(job) for job in jobs]
    with ThreadPoolExecutor(len(jobs)) as pool:
        for model, alone in zip(pool.map(run, jobs), expected, strict=True):
            same_bits(model, alone)


def test_an_exception_ends_the_fit_of_its_own_thread_alone():
    def run(stop_at):
        seen = []

        def callback(progress):
            seen.append(progress.iteration)
            if progress.iteration == stop_at:
                raise LookupError(stop_at)

        try:
            model = KMeans(30, random_state=0, max_iter=8, tol=0, n_threads=2, callback=callback).fit(LARGE)
        except LookupError as error:
            return error.args[0], seen
        return model.n_iter_, seen

    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(run, [2, 100, 3, 4, 100, 5]))
    n_iter = results[1][0]
    assert n_iter > 5
    assert results == [(n, list(range(1, n + 1))) for n in (2, n_iter, 3, 4, n_iter, 5)]


def test_one_fitted_estimator_used_by_several_threads():
    model = KMeans(12, random_state=0, max_iter=3, n_threads=2).fit(LARGE)
    with ThreadPoolExecutor(4) as pool:
        for labels in pool.map(model.predict, [LARGE] * 8):
            np.testing.assert_array_equal(labels, model.labels_)


def test_other_threads_run_while_a_fit_does():
    ticks, done = [], threading.Event()

    def tick():
        while not done.wait(0.002):
            ticks.append(time.perf_counter())

    ticker = threading.Thread(target=tick)
    ticker.start()
    try:
        begin = time.perf_counter()
        KMeans(**ENDLESS | {"n_init": 600}, random_state=0, n_threads=1).fit(LARGE[:4000])
        end = time.perf_counter()
    finally:
        done.set()
        ticker.join()
    middle = [t for t in ticks if begin + (end - begin) / 4 < t < end - (end - begin) / 4]
    assert end - begin > 0.1
    assert len(middle) > 5


# --- Ctrl-C -----------------------------------------------------------------------------------------------------


@pytest.fixture
def interruptible():
    """The handler that raises KeyboardInterrupt, even where the tests were started with the signal ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


INTERRUPTED = """
import signal
import numpy as np
from ckmeans import KMeans

signal.signal(signal.SIGINT, signal.default_int_handler)

def say(progress):
    if progress.restart == 3 and progress.iteration == 1:
        print("fitting", flush=True)

rows = np.random.default_rng(0).normal(size=(2000, 3))
KMeans(20, init="random", n_init=1_000_000, tol=0, callback=say).fit(rows)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no process can send another SIGINT here")
def test_ctrl_c_ends_the_program():
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": environment(), "cwd": os.sep}
    with subprocess.Popen([sys.executable, "-c", INTERRUPTED], **options) as process:
        try:
            assert process.stdout.readline() == "fitting\n"
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=2)
        finally:
            process.kill()
    assert errors.splitlines()[-1] == "KeyboardInterrupt"
    assert process.returncode == -signal.SIGINT


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("fitted", [False, True])
def test_ctrl_c_without_a_callback(interruptible, n_threads, fitted):
    model = KMeans(3, random_state=0)
    if fitted:
        model.fit(LARGE[:100])
    model.set_params(**ENDLESS, n_threads=n_threads)
    sent = []

    def interrupt():
        sent.append(time.perf_counter())
        _thread.interrupt_main()

    timer = threading.Timer(0.1, interrupt)
    with unchanged(model), pytest.raises(KeyboardInterrupt):
        timer.start()
        model.fit(LARGE[:2000])
    assert time.perf_counter() - sent[0] < 2
    timer.join()


@pytest.mark.parametrize("what", ["silhouette", "choose_k"])
def test_ctrl_c_while_scoring_and_choosing(interruptible, what):
    rows = np.random.default_rng(0).random((100_000, 4))
    labels = np.arange(100_000) % 3
    sent = []

    def interrupt():
        sent.append(time.perf_counter())
        _thread.interrupt_main()

    timer = threading.Timer(0.2, interrupt)
    with pytest.raises(KeyboardInterrupt):
        timer.start()
        if what == "silhouette":
            ckmeans.metrics.silhouette_score(rows, labels, n_threads=2)
        else:
            ckmeans.choose_k(rows, range(1, 60), n_init=50, random_state=0, n_threads=2)
    assert time.perf_counter() - sent[0] < 2
    timer.join()


def test_ctrl_c_during_the_callback(interruptible):
    calls = []

    def callback(progress):
        calls.append(progress)
        if len(calls) == 3:
            signal.raise_signal(signal.SIGINT)

    model = KMeans(3, random_state=0).fit(LARGE[:100]).set_params(**ENDLESS, callback=callback)
    with unchanged(model), pytest.raises(KeyboardInterrupt):
        model.fit(LARGE[:2000])
    assert len(calls) == 3


@pytest.mark.parametrize("init", ["k-means++", "k-means||", "afk-mc2"])
def test_ctrl_c_while_seeding(interruptible, init):
    model = KMeans(1500, init=init, random_state=0, n_threads=1)
    timer = threading.Timer(0.1, _thread.interrupt_main)
    with unchanged(model), pytest.raises(KeyboardInterrupt):
        timer.start()
        model.fit(np.repeat(LARGE, 2, axis=0))
    timer.join()


# --- Memory -----------------------------------------------------------------------------------------------------

GROWTH = """
import resource
import numpy as np
import ckmeans

def resident():
    try:
        return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

class Enough(Exception):
    pass

def stop(progress):
    if progress.iteration == 3:
        raise Enough

rows = np.random.default_rng(0).normal(size=(3000, 20))
broken = rows.copy()
broken[2999, 19] = np.nan

def work():
    model = ckmeans.KMeans(10, n_init=2, max_iter=5, random_state=0, n_threads=2).fit(rows)
    model.transform(rows)
    model.score(rows)
    ckmeans.kmeans_plusplus(rows, 10, random_state=0)
    for bad in ({"X": broken}, {"X": rows, "callback": stop}):
        try:
            ckmeans.kmeans(n_clusters=10, random_state=0, tol=0, **bad)
        except (ValueError, Enough):
            pass
        else:
            raise AssertionError("no error")

for _ in range(20):
    work()
before = resident()
for _ in range(200):
    work()
print(resident() - before)
"""


def test_two_hundred_fits_leave_no_memory_behind():
    pytest.importorskip("resource")  # not on Windows
    growth = int(output_of(GROWTH, timeout=120))
    assert growth < 400_000  # bytes: less than the history of each fit


def test_the_data_are_let_go():
    rows = LARGE[:500].copy()
    before = sys.getrefcount(rows)
    model = KMeans(3, random_state=0).fit(rows)
    model.transform(rows)
    with pytest.raises(ValueError, match="n_clusters"):
        ckmeans.kmeans(rows, 0)
    assert sys.getrefcount(rows) == before
