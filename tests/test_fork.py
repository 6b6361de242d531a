"""Processes: a child gets the same bits as its parent, however it came about, and nobody waits for ever."""

import multiprocessing
import signal
import subprocess
import sys

import pytest
from helpers import environment, output_of

pytestmark = pytest.mark.usefixtures("lender")

# What the programs here share. A child ends by _exit at the latest: whatever it raises, it never goes on as its parent.
COMMON = """
import os
import signal
import sys
import threading
import time
import traceback
import numpy as np
from ckmeans import KMeans
from ckmeans._core import threading_info

lender = threading_info().lender
rows = np.random.default_rng(0).normal(size=(50_000, 16))  # enough for four threads

def fitted():
    model = KMeans(8, random_state=0, n_threads=4, max_iter=5).fit(rows)
    return model.labels_.tobytes() + model.cluster_centers_.tobytes() + model.predict(rows).tobytes()

def in_child(check):
    "The exit status of a child that checks something: 0 if it holds, 2 if it does not end."
    child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.signal(signal.SIGALRM, lambda *_: os._exit(2))
            signal.alarm(15)
            status = 0 if check() else 3
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""
forks = pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="the system has no fork")


@forks
def test_a_child_and_its_child_fit_after_a_threaded_fit():
    program = """
parents = fitted()
print(in_child(lambda: fitted() == parents and in_child(lambda: fitted() == parents) == 0), fitted() == parents)
"""
    assert output_of(COMMON + program, timeout=45).split() == ["0", "True"]


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
def test_a_child_starts_threads_of_its_own():
    program = """
def threads():
    return len(os.listdir("/proc/self/task"))

master = lender == "openmp"  # of the team, a thread that works on nothing
parents = fitted()
print(in_child(lambda: lender == threading_info().lender and threads() == 1 and fitted() == parents
               and threads() == 4 + master))
"""
    assert output_of(COMMON + program).split() == ["0"]


@forks
def test_fork_while_another_thread_fits():
    """At whatever moment of that fit, ten times: of its threads and locks the child has none, and fits all the same."""
    program = """
alone = fitted()
results = []
done = threading.Event()

def fit_on():
    while not done.is_set():
        results.append(fitted() == alone)

other = threading.Thread(target=fit_on)
other.start()
print([in_child(lambda: fitted() == alone) for _ in range(10)] == [0] * 10)
done.set()
other.join()
print(len(results) > 0, all(results))
"""
    # Python 3.12 warns of any fork beside threads.
    program = "import warnings\nwarnings.simplefilter('ignore', DeprecationWarning)\n" + program
    assert output_of(COMMON + program, timeout=60).split() == ["True", "True", "True"]


@forks
def test_fork_within_a_signal_handler_during_a_fit():
    """The child cannot finish the fit that it was forked out of, and is told so, at once. The parent's is right."""
    program = """
big = rows[:20_000, :3]
settings = dict(n_clusters=20, random_state=0, n_threads=4, init="random", n_init=500, max_iter=20, tol=0)

child = None

def fork(*_):
    global child, forked
    forked = time.monotonic()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, lambda *_: os._exit(2))
        signal.alarm(15)

parents = fitted()
signal.signal(signal.SIGALRM, fork)
signal.setitimer(signal.ITIMER_REAL, 0.05)
status = 3
try:
    model = KMeans(**settings).fit(big)
except RuntimeError as error:
    expected = str(error).startswith("this process was forked by a signal handler within a call of ckmeans")
    status = 0 if child == 0 and expected and time.monotonic() - forked < 2 and fitted() == parents else 4
finally:
    if child == 0:
        os._exit(status)
again = KMeans(**settings).fit(big)
same = model.inertia_ == again.inertia_ and np.array_equal(model.labels_, again.labels_)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), same)
"""
    assert output_of(COMMON + program, timeout=60).split() == ["0", "True"]


# --- Pools ------------------------------------------------------------------------------------------------------

POOL = """
import multiprocessing
import sys
import warnings
import numpy as np
from ckmeans import KMeans

def inertia(seed):
    rows = np.random.default_rng(0).normal(size=(50_000, 16))  # enough for two threads
    return KMeans(5, random_state=seed, n_threads=2, max_iter=5).fit(rows).inertia_

if __name__ == "__main__":
    seeds = range(4)
    alone = [inertia(seed) for seed in seeds]
    if sys.argv[1] == "loky":
        from joblib import Parallel, delayed
        pooled = Parallel(2, backend="loky")(delayed(inertia)(seed) for seed in seeds)
    else:
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12's, of any fork beside threads
        with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
            pooled = pool.map_async(inertia, seeds).get(timeout=30)
    print(pooled == alone)
"""


@pytest.mark.parametrize("pool", [*multiprocessing.get_all_start_methods(), "loky"])
def test_pools_of_processes(tmp_path, pool):
    if pool == "loky":
        pytest.importorskip("joblib")
    program = tmp_path / "pool.py"
    program.write_text(POOL)
    command = [sys.executable, str(program), pool]
    out = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=60, check=True).stdout
    assert out.split() == ["True"]


# --- A server ---------------------------------------------------------------------------------------------------

SERVER = """
import pickle
import socket
import threading

listening = socket.create_server(("127.0.0.1", 0), backlog=32)
listening.settimeout(15)  # for workers: nobody asks, nobody waits
model = pickle.loads(pickle.dumps(KMeans(8, random_state=0, n_threads=2, max_iter=5).fit(rows)))
labels = model.predict(rows)  # the parent has threads

def serve():
    "Answers 'start stop' with labels of those rows and the number of this process, until told to end."
    while True:
        connection, _ = listening.accept()
        connection.settimeout(15)
        with connection, connection.makefile("rwb") as stream:
            words = stream.readline().split()
            if words == [b"end"]:
                os._exit(0)
            start, stop = map(int, words)
            stream.write(os.getpid().to_bytes(8, "little") + model.predict(rows[start:stop]).tobytes())

workers = []
for _ in range(2):
    worker = os.fork()
    if worker == 0:
        try:
            serve()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    workers.append(worker)

def ask(words):
    with socket.create_connection(listening.getsockname(), timeout=15) as connection, connection.makefile("rwb") as s:
        s.write(words + b"\\n")
        s.flush()
        return s.read()

try:
    right, answered_by = [], set()
    for start in range(0, 2000, 100):
        answer = ask(b"%d %d" % (start, start + 40_000))
        answered_by.add(int.from_bytes(answer[:8], "little"))
        right.append(answer[8:] == labels[start:start + 40_000].tobytes())
    for _ in workers:
        ask(b"end")
finally:
    statuses = [os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]) for worker in workers]
print(len(right), all(right), answered_by <= set(workers), statuses)
"""


@forks
def test_a_server_that_forks_its_workers_before_they_work():
    assert output_of(COMMON + SERVER, timeout=60).split(maxsplit=3) == ["20", "True", "True", "[0, 0]\n"]
