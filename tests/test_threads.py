"""How many threads a call takes, and that a process stays what it was: no more threads, no other settings, no heat."""

import math
import os
import platform
import re
import statistics
import sys
import time

import numpy as np
import pytest
from helpers import blobs, output_of, run_python

from ckmeans import KMeans, _core
from ckmeans._input import threads as _threads

counts_threads = pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="threads are counted in /proc")


# --- The default ------------------------------------------------------------------------------------------------


@pytest.fixture
def cpus(monkeypatch):
    """Eight processors, no quota and no OpenMP runtime, whatever this machine has."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(_core, "runtime_threads", lambda: 0)
    monkeypatch.setattr(_core, "runtime_processors", lambda: 0)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(_threads, "cgroup_cpus", lambda: math.inf)


@pytest.mark.parametrize(
    ("setting", "threads"),
    [("3", 3), ("64", 8), ("4,2,1", 4), ("4, 2", 4), (" 5 ", 5), ("007", 7), (str(2**31 - 1), 8)],
)
def test_omp_num_threads_decides_up_to_the_processors(cpus, monkeypatch, setting, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", setting)
    assert _threads.default_threads() == threads


@pytest.mark.parametrize("setting", ["", " ", "\t\n"])
def test_omp_num_threads_that_says_nothing(cpus, monkeypatch, setting):
    monkeypatch.setenv("OMP_NUM_THREADS", setting)
    assert _threads.default_threads() == 8


NONSENSE = [
    "0",
    "-3",
    "+3",
    "abc",
    "2.5",
    ",3",
    "²",
    "\uff13",
    "\u0663",
    "1_0",
    "0x10",
    "1e3",
    "3 4",
    str(2**31),
    "3000000000",
]


@pytest.mark.parametrize("setting", [*NONSENSE, "9" * 100_000, "x" * 100_000, "\udcff"])
def test_omp_num_threads_that_makes_no_sense(cpus, monkeypatch, setting):
    monkeypatch.setattr(_threads, "_complained", False)
    monkeypatch.setenv("OMP_NUM_THREADS", setting)
    with pytest.warns(UserWarning, match="^OMP_NUM_THREADS is ignored: it must be a number of threads") as said:
        assert _threads.default_threads() == 8
    assert repr(setting[:40]) in str(said[0].message) and len(str(said[0].message)) < 400
    assert _threads.default_threads() == 8  # once said is enough


def test_a_call_where_omp_num_threads_makes_no_sense():
    code = (
        "import warnings, numpy as np, ckmeans\n"
        "ckmeans._core.runtime_threads = ckmeans._core.runtime_processors = lambda: 0\n"
        "rows = np.arange(20.0).reshape(10, 2)\n"
        "with warnings.catch_warnings(record=True) as said:\n"
        "    warnings.simplefilter('always')\n"
        "    model = ckmeans.KMeans(2, random_state=0).fit(rows)\n"
        "    print(len(model.predict(rows)), *(warning.message for warning in said))\n"
    )
    printed = output_of(code, OMP_NUM_THREADS="3000000000")
    assert printed.startswith("10 OMP_NUM_THREADS is ignored: ") and printed.count("'3000000000'") == 1


@pytest.mark.parametrize(("quota", "threads"), [(math.inf, 8), (1.5, 2), (0.1, 1), (3.0, 3), (64.0, 8)])
def test_quota_and_affinity_limit_the_threads(cpus, monkeypatch, quota, threads):
    monkeypatch.setattr(_threads, "cgroup_cpus", lambda: quota)
    assert _threads.default_threads() == threads


def test_without_affinity_the_processors_are_counted(cpus, monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert _threads.default_threads() == 8
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert _threads.default_threads() == 1


# --- The default, of an OpenMP runtime --------------------------------------------------------------------------

has_openmp = pytest.mark.skipif("openmp" not in _core.lenders(), reason="built without OpenMP")


@pytest.mark.parametrize(
    ("runtime", "quota", "threads"),
    [((3, 8), math.inf, 3), ((8, 8), math.inf, 8), ((64, 8), math.inf, 8), ((8, 8), 2.5, 3), ((2, 8), 6.0, 2)],
)
def test_what_the_runtime_would_use(cpus, monkeypatch, runtime, quota, threads):
    monkeypatch.setattr(_core, "runtime_threads", lambda: runtime[0])
    monkeypatch.setattr(_core, "runtime_processors", lambda: runtime[1])
    monkeypatch.setattr(_threads, "cgroup_cpus", lambda: quota)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # it has read that itself, and may have been told otherwise since
    assert _threads.default_threads() == threads


def test_the_processors_are_those_of_before_the_runtime_bound_this_thread(cpus, monkeypatch):
    monkeypatch.setattr(_core, "runtime_processors", lambda: 6)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0}, raising=False)
    assert _threads.processors() == 6


DEFAULTS = """
import ctypes
import ckmeans
from ckmeans._input.threads import default_threads, processors
runtime = ctypes.CDLL(ckmeans._core.threading_info().file)
most = min(processors(), 2)
print(default_threads() == {expected})
runtime.omp_set_num_threads(1)
print(default_threads() == 1)
runtime.omp_set_num_threads(100_000)
print(default_threads() == processors())
"""


@has_openmp
@pytest.mark.parametrize(("setting", "expected"), [("1", "1"), ("2", "most"), ("9999", "processors()")])
def test_the_runtime_is_steered_as_usual(setting, expected):
    program = DEFAULTS.format(expected=expected)
    printed = output_of(program, OMP_NUM_THREADS=setting, CKMEANS_THREADING="openmp")
    assert printed.split() == ["True"] * 3


LIMITED = """
import numpy as np
import ckmeans
from threadpoolctl import threadpool_info, threadpool_limits
from ckmeans._input.threads import default_threads

rows = np.random.default_rng(0).normal(size=(50_000, 16))
free = default_threads()
with threadpool_limits(1):
    print(default_threads())
    ckmeans.KMeans(8, random_state=0).fit(rows)
    tasks = [f"/proc/self/task/{task}/comm" for task in os.listdir("/proc/self/task")]
    print(sum(open(task).read().strip() == "ckmeans" for task in tasks))
print(default_threads() == free)
files = [pool["filepath"] for pool in threadpool_info() if pool["user_api"] == "openmp"]
print(len([file for file in files if os.path.samefile(file, ckmeans._core.threading_info().file)]))
"""


@has_openmp
@counts_threads
def test_threadpoolctl_sees_and_limits_it():
    pytest.importorskip("threadpoolctl")
    assert output_of("import os\n" + LIMITED, CKMEANS_THREADING="openmp").split() == ["1", "0", "True", "1"]


# --- Control groups ---------------------------------------------------------------------------------------------

GROUPS, V2, V1 = "proc/self/cgroup", "sys/fs/cgroup", "sys/fs/cgroup/cpu"


def v1(quota, period=100_000, folder=V1):
    return {f"{folder}/cpu.cfs_quota_us": f"{quota}\n", f"{folder}/cpu.cfs_period_us": f"{period}\n"}


@pytest.mark.parametrize(
    ("files", "cpus"),
    [
        pytest.param({}, math.inf, id="nothing"),
        pytest.param({f"{V2}/cpu.max": "150000 100000\n"}, 1.5, id="v2 root, as containers see it"),
        pytest.param({f"{V2}/cpu.max": "max 100000\n"}, math.inf, id="v2 max"),
        pytest.param(
            {
                GROUPS: "0::/a/b\n",
                f"{V2}/a/b/cpu.max": "max 100000\n",
                f"{V2}/a/cpu.max": "250000 100000\n",
            },
            2.5,
            id="v2 nested: the group above limits",
        ),
        pytest.param(
            {
                GROUPS: "0::/a/b\n",
                f"{V2}/a/b/cpu.max": "100000 100000\n",
                f"{V2}/a/cpu.max": "400000 100000\n",
                f"{V2}/cpu.max": "max 100000\n",
            },
            1.0,
            id="v2 nested: the group itself limits",
        ),
        pytest.param(
            {GROUPS: "0::/a/b\n", f"{V2}/other/cpu.max": "50000 100000\n", f"{V2}/a/c/cpu.max": "50000 100000\n"},
            math.inf,
            id="v2: the groups of others",
        ),
        pytest.param(
            {GROUPS: "0::/system.slice/docker-1.scope\n", f"{V2}/cpu.max": "300000 100000\n"},
            3.0,
            id="v2 container with the path of its host",
        ),
        pytest.param(
            {GROUPS: "0::/../../a\n", f"{V2}/cpu.max": "300000 100000\n"}, 3.0, id="v2 group above the namespace"
        ),
        pytest.param(
            {GROUPS: "0::/a group: with signs\n", f"{V2}/a group: with signs/cpu.max": "200000 100000\n"},
            2.0,
            id="v2 path with blank and colon",
        ),
        pytest.param(v1(250_000), 2.5, id="v1 root"),
        pytest.param(v1(-1), math.inf, id="v1 no limit"),
        pytest.param(
            {
                GROUPS: "4:memory:/m\n3:cpu,cpuacct:/a/b\n",
                **v1(-1, folder=f"{V1}/a/b"),
                **v1(150_000, folder=f"{V1}/a"),
            },
            1.5,
            id="v1 nested, mounted as cpu",
        ),
        pytest.param(
            {GROUPS: "3:cpu,cpuacct:/a\n0::/b\n", **v1(50_000, folder=f"{V2}/cpu,cpuacct/a")},
            0.5,
            id="v1 nested, mounted as cpu,cpuacct",
        ),
        pytest.param(
            {GROUPS: "3:cpuacct,cpu:/a\n", **v1(50_000, folder=f"{V1}/a")}, 0.5, id="v1, controllers in another order"
        ),
        pytest.param({GROUPS: "4:cpuset:/a\n", **v1(50_000, folder=f"{V1}/a")}, math.inf, id="v1, no cpu controller"),
        pytest.param(
            {GROUPS: "3:cpu:/docker/1\n", **v1(200_000, 50_000)}, 4.0, id="v1 container with the path of its host"
        ),
        pytest.param(
            {GROUPS: "3:cpu:/a\n0::/b\n", **v1(250_000, folder=f"{V1}/a"), f"{V2}/unified/b/cgroup.procs": "1\n"},
            2.5,
            id="hybrid, limited by v1",
        ),
        pytest.param(
            {GROUPS: "3:cpu:/a\n0::/b\n", **v1(-1, folder=f"{V1}/a"), f"{V2}/unified/b/cpu.max": "50000 100000\n"},
            0.5,
            id="hybrid, limited by v2",
        ),
        pytest.param({f"{V1}/cpu.cfs_quota_us": "250000\n"}, math.inf, id="v1 without period"),
        pytest.param(v1(250_000, 0), math.inf, id="v1 period of nothing"),
        pytest.param({f"{V2}/cpu.max": ""}, math.inf, id="v2 empty"),
        pytest.param({f"{V2}/cpu.max": "100000 0\n"}, math.inf, id="v2 period of nothing"),
        pytest.param({f"{V2}/cpu.max": "two cores\n"}, math.inf, id="v2 words"),
        pytest.param({f"{V2}/cpu.max": f"1{'0' * 400} 1\n"}, math.inf, id="v2 beyond float64"),
        pytest.param({f"{V2}/cpu.max": f"{'1' * 100_000} 1\n"}, math.inf, id="v2 beyond what is read"),
        pytest.param(
            {GROUPS: f"0::/{'a/' * 30_000}\n", f"{V2}/cpu.max": "150000 100000\n"}, 1.5, id="groups: a path without end"
        ),
        pytest.param({f"{V2}/cpu.max": "100000 100000 1\n"}, math.inf, id="v2 three numbers"),
        pytest.param({f"{V2}/cpu.max": b"\xff\xfe\x00"}, math.inf, id="v2 bytes"),
        pytest.param(
            {GROUPS: "no colons\n\n:\n::\n0\n", f"{V2}/cpu.max": "150000 100000\n"}, 1.5, id="groups: garbage"
        ),
        pytest.param({GROUPS: b"0::/\xff\x00", f"{V2}/cpu.max": "150000 100000\n"}, 1.5, id="groups: bytes"),
    ],
)
def test_quota_of_the_control_groups(tmp_path, files, cpus):
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert _threads.cgroup_cpus.__wrapped__(str(tmp_path)) == cpus


# --- Threads that are there -------------------------------------------------------------------------------------

COUNTED = """
import os
import threading
import time
import numpy as np
import ckmeans
from ckmeans import KMeans, diagnose, metrics, profile

def names():
    tasks = "/proc/self/task"
    return [open(f"{tasks}/{task}/comm").read().strip() for task in os.listdir(tasks)]

OTHERS = len(names()) - threading.active_count()  # of BLAS

def helpers(awaited=0):
    "The threads of the core, which stay, asleep, until the process ends. A new one has its name once it has run."
    for _ in range(500):
        try:
            there = names()
        except OSError:  # a thread of a pool in Python ended meanwhile
            there = []
        mine = there.count("ckmeans")
        if mine >= awaited and mine + threading.active_count() + OTHERS == len(there):
            return mine
        time.sleep(0.02)
    raise TimeoutError(there)

rows = np.random.default_rng(0).normal(size=(100_000, 16))  # enough for three threads
labels = np.arange(len(rows), dtype=np.int32) % 8
model = KMeans(8, random_state=0, max_iter=3, n_threads=1).fit(rows)
"""
CALLS = {
    "fit": "KMeans(8, random_state=0, max_iter=3, n_threads=n).fit(rows)",
    "predict": "model.set_params(n_threads=n).predict(rows)",
    "transform": "model.set_params(n_threads=n).transform(rows)",
    "score": "model.set_params(n_threads=n).score(rows)",
    "kmeans": "ckmeans.kmeans(rows, 8, random_state=0, max_iter=3, n_threads=n)",
    "kmeans_plusplus": "ckmeans.kmeans_plusplus(rows, 20, random_state=0, n_threads=n)",
    "assign": "ckmeans.assign(rows, rows[:8], n_threads=n)",
    "choose_k": "ckmeans.choose_k(rows[:3000], range(1, 4), random_state=0, n_threads=n)",
    "diagnose": "diagnose(rows[:3000], model, n_threads=n)",
    "profile": "profile(rows, model, n_threads=n)",
    "silhouette": "metrics.silhouette_score(rows[:3000], labels[:3000], n_threads=n)",
    "simplified silhouette": "metrics.simplified_silhouette(rows, labels, n_threads=n)",
    "Davies-Bouldin": "metrics.davies_bouldin_score(rows, labels, n_threads=n)",
}


@counts_threads
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_as_many_threads_as_asked_for(call, lender):
    most = 2 if lender == "crew" else 3  # the master of a team sleeps
    program = COUNTED + f"for n in (1, 3, 2):\n    {call}\n    print(helpers(0 if n == 1 else {most}))\n"
    assert output_of(program, OMP_NUM_THREADS="2").split() == ["0", str(most), str(most)]


@has_openmp
@pytest.mark.parametrize(
    ("settings", "teams"), [({}, {"0 of 3", "1 of 3", "2 of 3"}), ({"OMP_THREAD_LIMIT": "2"}, {"0 of 2", "1 of 2"})]
)
def test_members_are_threads_of_the_runtime(settings, teams):
    """As it tells itself, once for each thread of a new team."""
    told = run_python(
        COUNTED + f"model.set_params(n_threads=3).fit(rows)\nhelpers({len(teams)})",
        OMP_DISPLAY_AFFINITY="true",
        OMP_AFFINITY_FORMAT="member %n of %N",
        CKMEANS_THREADING="openmp",
        **settings,
    )
    assert told.returncode == 0, told.stderr
    assert set(re.findall(r"member (.*)", told.stderr)) == teams


@has_openmp
@counts_threads
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="GCC's runtime binds threads by functions of glibc")
def test_threads_are_bound_to_places():
    """One place a processor: the members of a team are on different ones, and no processor is lost by that."""
    if _threads.processors() < 2:
        pytest.skip("one processor")
    program = (
        COUNTED + "model.set_params(n_threads=None).fit(rows)\nhelpers(2)\nprint(ckmeans._input.default_threads())"
    )
    told = run_python(
        program,
        OMP_PROC_BIND="close",
        OMP_PLACES="threads",
        OMP_NUM_THREADS="2",
        OMP_DISPLAY_AFFINITY="true",
        OMP_AFFINITY_FORMAT="member %n on %A",
        CKMEANS_THREADING="openmp",
    )
    assert told.stdout.split() == ["2"], told.stderr
    places = dict(re.findall(r"member (\d) on (\S+)", told.stderr))
    assert places.keys() == {"0", "1"} and places["0"] != places["1"]
    assert all(place.isdigit() for place in places.values())


AT_ONCE = """
from ckmeans._input.threads import default_threads

N = 8
together = threading.Barrier(N, timeout=20)

def fit(seed):
    together.wait()
    return [KMeans(12, random_state=seed, max_iter=5).fit(rows).inertia_ for _ in range(5)]

def run(everywhere):
    "Fits in N Python threads at once."
    at_once = list(everywhere(fit))
    crew = ckmeans._core.threading_info().lender == "crew"
    print(helpers(default_threads() - crew), default_threads(), at_once == [[fit_alone(seed)] * 5 for seed in range(N)])

def fit_alone(seed):
    return KMeans(12, random_state=seed, max_iter=5, n_threads=1).fit(rows).inertia_
"""
SCHEDULERS = {
    "concurrent.futures": """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(N) as pool:
    run(lambda job: list(pool.map(job, range(N))))
""",
    "joblib": """
from joblib import Parallel, delayed
with Parallel(N, backend="threading", batch_size=1, pre_dispatch="all") as parallel:
    run(lambda job: parallel(delayed(job)(seed) for seed in range(N)))
""",
    "dask": """
import dask
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(N) as pool, dask.config.set(scheduler="threads", pool=pool):
    run(lambda job: dask.compute(*(dask.delayed(job)(seed) for seed in range(N))))
""",
}


@counts_threads
@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_python_threads_share_the_helpers(scheduler, lender):
    pytest.importorskip(scheduler)
    helpers, threads, same = output_of(COUNTED + AT_ONCE + SCHEDULERS[scheduler], OMP_NUM_THREADS=None).split()
    assert int(helpers) == int(threads) - (lender == "crew")  # a team has a master, which sleeps
    assert same == "True"


def test_no_processor_time_is_used_after_a_call(lender):
    rows = blobs(200_000, 16, 8)  # 20 ms and more; enough for four threads
    used = []
    for _ in range(9):
        KMeans(20, n_threads=4, max_iter=5, random_state=0).fit(rows)
        before = time.process_time()
        time.sleep(0.1)
        used.append(time.process_time() - before)
    assert statistics.median(used) < 0.002


# --- Settings of the process ------------------------------------------------------------------------------------

SETTINGS = """
import ctypes
import faulthandler
import gc
import locale
import os
import pickle
import random
import signal
import sys
import threading
import warnings
import numpy as np
{neighbors}

rows = np.random.default_rng(0).normal(size=(50_000, 16))  # enough for two threads
settings = {{
    "environment": lambda: dict(os.environ),
    "floating point errors": np.geterr,
    "subnormals": lambda: (np.array([5e-324, 2.2e-308]) / 2).tolist(),
    "random numbers": lambda: pickle.dumps((random.getstate(), np.random.get_state())),
    "printing": np.get_printoptions,
    "signal handlers": lambda: [str(signal.getsignal(number)) for number in sorted(signal.valid_signals())],
    "locale": lambda: locale.setlocale(locale.LC_ALL),
    "working directory": os.getcwd,
    "garbage collection": lambda: (gc.isenabled(), gc.get_threshold()),
    "hooks": lambda: (sys.excepthook, sys.unraisablehook, threading.excepthook, sys.gettrace(), sys.getprofile()),
    "interpreter": lambda: (sys.getswitchinterval(), sys.getrecursionlimit(), threading.stack_size(), sys.flags),
    "faulthandler": faulthandler.is_enabled,
    "warnings": lambda: list(warnings.filters),
}}
if hasattr(os, "sched_getaffinity"):
    settings["affinity"] = lambda: os.sched_getaffinity(0)
    settings["priority"] = lambda: os.getpriority(os.PRIO_PROCESS, 0)
    try:
        os.sched_getscheduler(0)
        settings["scheduling"] = lambda: os.sched_getscheduler(0)
    except OSError:
        pass  # musl refuses to tell
if os.name == "posix":
    import resource
    c_library = ctypes.CDLL(None)
    c_environment = ctypes.POINTER(ctypes.c_char_p).in_dll(c_library, "environ")

    def c_variables():
        variables = []
        while c_environment[len(variables)] is not None:
            variables.append(c_environment[len(variables)])
        return variables

    def umask():
        mask = os.umask(0o22)
        os.umask(mask)
        return mask

    settings["environment in C"] = c_variables
    settings["umask"] = umask
    settings["blocked signals"] = lambda: signal.pthread_sigmask(signal.SIG_BLOCK, [])
    settings["rounding"] = c_library.fegetround
    settings["limits"] = lambda: [resource.getrlimit(getattr(resource, name)) for name in dir(resource)
                                  if name.startswith("RLIMIT_")]
if os.path.exists("/proc/self/status"):
    settings["signals in the kernel"] = lambda: [line for line in open("/proc/self/status").read().splitlines()
                                                 if line.startswith(("SigB", "SigI", "SigC", "Seccomp", "NoNewP"))]
if {pools}:
    from threadpoolctl import threadpool_info
    others = {{pool["filepath"] for pool in threadpool_info()}}
    settings["thread pools"] = lambda: [pool for pool in threadpool_info() if pool["filepath"] in others]

def look():
    return {{name: look() for name, look in settings.items()}}

steps = {{
    "import": "import ckmeans",
    "fit": "model = ckmeans.KMeans(8, random_state=0, n_threads=2).fit(rows)",
    "predict": "model.predict(rows)",
    "silhouette": "ckmeans.metrics.silhouette_score(rows[:3000], model.labels_[:3000], n_threads=2)",
}}
before = look()
for step, code in steps.items():
    exec(code)
    after = look()
    for name in settings:
        if after[name] != before[name]:
            print(f"{{step}} changed {{name}}: {{before[name]}} to {{after[name]}}")
print(len(settings), "settings")
"""


@pytest.mark.parametrize("neighbors", ["", "sklearn.cluster", "scipy.linalg"])
def test_nothing_global_is_changed(neighbors):
    if neighbors:
        pytest.importorskip("threadpoolctl")
        pytest.importorskip(neighbors)
    program = SETTINGS.format(neighbors=neighbors and f"import {neighbors}", pools=bool(neighbors))
    *changes, looked = output_of(program).splitlines()
    assert changes == []
    assert int(looked.split()[0]) >= (21 if sys.platform == "linux" else 13)


def test_the_random_numbers_of_numpy_are_not_drawn_from():
    """With a seed of one's own; ``random_state=None`` means NumPy's global generator, as in scikit-learn."""
    before = np.random.get_state()[1].tobytes()
    KMeans(3, random_state=0).fit(blobs(100, 2, 3))
    assert np.random.get_state()[1].tobytes() == before
