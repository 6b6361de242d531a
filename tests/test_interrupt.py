"""Long calls end within a second of Ctrl-C: in the middle of an iteration, on other threads, from the command line."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from helpers import environment, unchanged

import ckmeans
from ckmeans import KMeans

pytestmark = pytest.mark.usefixtures("lender")

PATIENCE = 1.0  # seconds

RNG = np.random.default_rng(0)
ROWS = RNG.random((200_000, 64), dtype=np.float32)
CENTERS = RNG.random((4096, 64), dtype=np.float32)  # more than a second of work for one pass over the rows
MODEL = KMeans(4096, init=CENTERS, n_init=1, n_threads=1).set_params(max_iter=1)


@pytest.fixture
def seconds_to_interrupt():
    """Sends the signal of Ctrl-C ``delay`` seconds from now, and measures how long a call then took to end."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def measure(call, delay=0.2):
        sent = []

        def send():
            sent.append(time.perf_counter())
            signal.raise_signal(signal.SIGINT)

        timer = threading.Timer(delay, send)
        with pytest.raises(KeyboardInterrupt):
            timer.start()
            call()
        ended = time.perf_counter()
        timer.join()
        return ended - sent[0]

    yield measure
    signal.signal(signal.SIGINT, before)


CALLS = {
    "fit": lambda: MODEL.fit(ROWS),
    "assign": lambda: ckmeans.assign(ROWS, CENTERS, n_threads=1),
    "kmeans_plusplus": lambda: ckmeans.kmeans_plusplus(ROWS, 4096, random_state=0, n_threads=1),
    "simplified_silhouette": lambda: ckmeans.metrics.simplified_silhouette(
        ROWS, np.arange(len(ROWS)) % 4096, n_threads=1
    ),
}


@pytest.mark.parametrize("what", CALLS)
def test_within_one_pass_over_the_rows(seconds_to_interrupt, what):
    with unchanged(MODEL):
        assert seconds_to_interrupt(CALLS[what]) < PATIENCE


def test_while_principal_directions_are_sought(seconds_to_interrupt):
    rows = (RNG.normal(size=(4200, 4)) @ RNG.normal(size=(4, 4096))).astype(np.float32)

    def call():
        for _ in range(100):
            ckmeans.kmeans(rows, 40, max_iter=1, random_state=0, n_threads=1)

    assert max(seconds_to_interrupt(call, delay) for delay in (0.1, 0.3, 0.6)) < 0.3


def test_while_empty_clusters_are_filled(seconds_to_interrupt):
    """20,000 of them among a million rows: little more than a pass over the rows."""
    rows = RNG.random((1_000_000, 2))
    init = np.concatenate([rows[:100], 50 + RNG.random((20_000, 2))])

    def call():
        for _ in range(100):
            assert (ckmeans.kmeans(rows, 20_100, init=init, max_iter=1, tol=0).cluster_sizes > 0).all()

    assert max(seconds_to_interrupt(call, delay) for delay in (0.1, 0.15, 0.2, 0.25, 0.3)) < 0.3


@pytest.mark.parametrize("algorithm", ["lloyd", "hamerly", "yinyang", "projection"])
def test_every_algorithm_then_fits_as_if_nothing_had_been(seconds_to_interrupt, algorithm):
    model = KMeans(4096, init=CENTERS, n_init=1, max_iter=20, tol=0, algorithm=algorithm)
    with unchanged(model):
        assert seconds_to_interrupt(lambda: model.fit(ROWS), 0.5) < PATIENCE
    model.set_params(n_clusters=8, init=CENTERS[:8], max_iter=5).fit(ROWS)
    assert np.array_equal(model.labels_, KMeans(8, init=CENTERS[:8], n_init=1, max_iter=5, tol=0).fit(ROWS).labels_)


def test_interrupted_calls_leave_no_memory_behind(seconds_to_interrupt):
    if not sys.platform.startswith("linux"):
        pytest.skip("the size of this process is read from /proc")

    def resident_megabytes():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6

    model = KMeans(512, init="random", n_init=1, random_state=0)
    seconds_to_interrupt(lambda: model.fit(ROWS), 0.1)
    before = resident_megabytes()
    for _ in range(5):
        seconds_to_interrupt(lambda: model.fit(ROWS), 0.1)
    assert resident_megabytes() - before < 10  # labels and sums of one fit are 1.6 MB and more


# --- Threads ----------------------------------------------------------------------------------------------------


def test_an_exception_sent_to_a_thread_ends_its_fit():
    ended = []

    def fit():
        try:
            MODEL.fit(ROWS)
        except InterruptedError as error:
            ended.append(error)

    thread = threading.Thread(target=fit)
    thread.start()
    time.sleep(0.2)
    start = time.perf_counter()
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(InterruptedError))
    thread.join()
    assert time.perf_counter() - start < PATIENCE
    assert len(ended) == 1


THREADED = """
import signal, threading
import numpy as np
from concurrent.futures import ThreadPoolExecutor
from ckmeans import KMeans

signal.signal(signal.SIGINT, signal.default_int_handler)
rng = np.random.default_rng(0)
rows = rng.random((200_000, 64), dtype=np.float32)
model = KMeans(4096, init="random", n_init=1000, random_state=0)
print("fitting", flush=True)
"""
WAITING = {
    "pool": "with ThreadPoolExecutor(2) as pool:\n    pool.submit(model.fit, rows).result()",
    "thread": "threading.Thread(target=model.fit, args=(rows,)).start()\nthreading.Event().wait()",
    "join": "thread = threading.Thread(target=model.fit, args=(rows,))\nthread.start()\nthread.join()",
    "main": "model.fit(rows)",
}


def seconds_to_end(command, says=None, **options):
    """How long a program takes to end after Ctrl-C, half a second after it said that it is ready; and its errors."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": environment()}
    with subprocess.Popen(command, **pipes, **options) as process:
        try:
            if says:
                assert process.stdout.readline() == says
            time.sleep(0.5)
            start = time.perf_counter()
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=30)
            return time.perf_counter() - start, process.returncode, errors
        finally:
            process.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal can be sent to another process")
@pytest.mark.parametrize("waiting", WAITING)
def test_ctrl_c_ends_a_program_that_fits_on_a_thread(waiting):
    command = [sys.executable, "-c", THREADED + WAITING[waiting]]
    seconds, status, errors = seconds_to_end(command, "fitting\n", cwd=os.sep)
    assert seconds < PATIENCE + 1.0  # the interpreter's own end included
    assert status == -signal.SIGINT
    assert "KeyboardInterrupt" in errors


def test_a_program_that_has_ended_but_for_its_thread_lets_it_finish():
    code = (
        "import threading, time\nimport numpy as np\nfrom ckmeans import KMeans\n"
        "rows = np.random.default_rng(0).random((20_000, 8))\n"
        "def fit():\n"
        "    time.sleep(0.2)\n"
        "    print(KMeans(20, n_init=20, random_state=0, tol=0).fit(rows).n_iter_ > 1)\n"
        "threading.Thread(target=fit).start()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(), cwd=os.sep, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("True\n", "")


# --- Command line -----------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal can be sent to another process")
def test_ctrl_c_at_the_command_line(tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pa.table({f"feature {i}": ROWS[:, i] for i in range(64)}), tmp_path / "rows.parquet")
    command = [
        sys.executable,
        "-c",
        "import signal\nfrom ckmeans.cli import main\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "print('begun', flush=True)\nraise SystemExit(main())",
    ]
    command += ["fit", "rows.parquet", "-k", "4096", "--n-init", "1000", "-o", "labels.csv"]
    seconds, status, errors = seconds_to_end(command, "begun\n", cwd=tmp_path)
    assert seconds < PATIENCE + 1.0
    assert status == 130
    assert errors.endswith("ckmeans: interrupted\n")
    assert os.listdir(tmp_path) == ["rows.parquet"]


# --- At full size -----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("init", ["given", "k-means++", "k-means||", "afk-mc2", "random"])
@pytest.mark.parametrize("delay", [0.05, 0.5, 3.0, 8.0])
def test_a_million_rows_and_4096_centers(seconds_to_interrupt, init, delay):
    rows = np.random.default_rng(0).random((1_000_000, 128), dtype=np.float32)
    model = KMeans(4096, init=rows[:4096] if init == "given" else init, n_init=1, random_state=0)
    with unchanged(model):
        assert seconds_to_interrupt(lambda: model.fit(rows), delay) < PATIENCE
