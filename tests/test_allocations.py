"""Allocations of the compiled core fail, one by one and from one on, in every public call: a MemoryError, or the same
result without what there was no memory for; nothing leaks, and the next call is right.
"""

import platform
import shutil
import subprocess

import pytest
from helpers import ROOT, run_python

compiler = shutil.which("cc") or shutil.which("gcc")
pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc" or compiler is None,
    reason="needs glibc, whose allocator it calls, and a C compiler",
)

# What the program below calls: each on data that are small, and still take the path that is named.
CALLS = {
    "embedded": "kmeans(correlated, 20, max_iter=2, **common)",
    "embedded, weighted": "kmeans(correlated, 20, max_iter=2, sample_weight=weights(correlated), **common)",
    "coarse": "kmeans(plain, 64, max_iter=3, **common)",
    "coarse, yinyang": "kmeans(plain, 64, max_iter=3, algorithm='yinyang', **common)",
    "sorted": "kmeans(flat, 12, max_iter=12, **common)",
    "restarts abreast": "kmeans(few, 5, n_init=4, **common)",
    "restarts abreast, sorted": "kmeans(flat[:9000], 8, n_init=3, max_iter=4, **common)",
    "empty clusters": "kmeans(few, 30, init=np.repeat(few[:1], 30, axis=0), max_iter=3, **common)",
    "extreme": "kmeans(few * 1e300, 5, max_iter=3, sample_weight=weights(few), **common)",
    "integers": "kmeans(whole, 6, max_iter=3, **common)",
    "single cluster": "kmeans(few, 1, **common)",
    "given": "kmeans(few, 5, init=few[:5], **common)",
    "callback": "kmeans(few, 5, callback=lambda progress: None, **common)",
    **{
        f"algorithm {name}": f"kmeans(flat[:3000], 9, max_iter=3, algorithm={name!r}, **common)"
        for name in ("lloyd", "hamerly", "yinyang", "filtering")
    },
    "algorithm projection": "kmeans(correlated, 20, max_iter=3, algorithm='projection', **common)",
    **{
        f"init {name}": f"kmeans(few, 5, init={name!r}, max_iter=2, **common)"
        for name in ("random", "k-means||", "afk-mc2")
    },
    "kmeans_plusplus": "kmeans_plusplus(plain, 20, random_state=0, n_threads=n_threads)",
    "kmeans_plusplus, sorted": "kmeans_plusplus(flat, 20, random_state=0, n_threads=n_threads)",
    "assign": "assign(plain, plain[:70], n_threads=n_threads)",
    "predict": "fitted.predict(few)",
    "transform": "fitted.transform(few)",
    "score": "fitted.score(few, sample_weight=weights(few))",
    "silhouette_samples": "metrics.silhouette_samples(few, labels, n_threads=n_threads)",
    "silhouette_score, squared": "metrics.silhouette_score(few, labels, metric='sqeuclidean', n_threads=n_threads)",
    "silhouette_score, sampled": "metrics.silhouette_score(few, labels, sample_size=100, random_state=0)",
    "simplified_silhouette": "metrics.simplified_silhouette(few, labels, n_threads=n_threads)",
    "calinski_harabasz_score": "metrics.calinski_harabasz_score(few, labels, n_threads=n_threads)",
    "davies_bouldin_score": "metrics.davies_bouldin_score(few, labels, n_threads=n_threads)",
    "inertia": "metrics.inertia(few, labels, n_threads=n_threads)",
    "bic": "metrics.bic(few, labels, n_threads=n_threads)",
    "gap_statistic": "metrics.gap_statistic(few, 2, n_references=2, random_state=0, n_threads=n_threads)",
    "choose_k": "choose_k(few, range(1, 4), n_init=1, random_state=0, n_threads=n_threads).table[list(told)]",
    "diagnose": "diagnose(few, fitted, random_state=0).codes",
    "profile": "str(profile(few, fitted))",
}

PROGRAM = """
import ctypes, sys
import numpy as np
from ckmeans import KMeans, assign, choose_k, diagnose, kmeans, kmeans_plusplus, metrics, profile

shim = ctypes.CDLL(None)
shim.fail_allocations.argtypes = [ctypes.c_int64] * 2
shim.allocations_counted.restype = shim.allocations_living.restype = ctypes.c_int64
NEVER = 2**62
MOST_TRIED = {most_tried}

rng = np.random.default_rng(0)
correlated = rng.normal(size=(9000, 4)) @ rng.normal(size=(4, 64))
plain = rng.normal(size=(4200, 40)).astype(np.float32)
flat = rng.normal(size=(17000, 2))
few = rng.normal(size=(400, 3)) + 8 * rng.integers(3, size=(400, 1))
whole = rng.integers(0, 200, size=(2000, 3)).astype(np.uint8)
told = ("k", "inertia", "silhouette", "calinski_harabasz", "davies_bouldin", "bic", "gap", "stability")
n_threads = {n_threads}
common = dict(random_state=0, n_threads=n_threads)
fitted = KMeans(4, **common).fit(few)
labels = fitted.labels_

def weights(rows):
    return np.linspace(0.5, 2.0, len(rows))

def parts(value):
    if isinstance(value, (tuple, list)):
        return [part for item in value for part in parts(item)]
    if isinstance(value, np.ndarray) and value.dtype.names:  # of a history, what ran may differ
        names = [name for name in value.dtype.names if name not in ("algorithm", "screened", "screen")]
        return [value[name].tobytes() for name in names]
    return [value.tobytes() if isinstance(value, np.ndarray) else value]

def called(first, last):
    living = shim.allocations_living()
    shim.fail_allocations(first, last)
    try:
        result = parts({call})
    except MemoryError:
        result = None
    count = shim.allocations_counted()
    shim.fail_allocations(NEVER, NEVER)
    assert shim.allocations_living() == living, (first, last, "leaked", shim.allocations_living() - living)
    return result, count

called(NEVER, NEVER)
right, total = called(NEVER, NEVER)
failed = done_without = 0
for number in range(1, total + 1, max(1, total // MOST_TRIED)):
    for last in (number, NEVER):
        print(number, last, file=sys.stderr, flush=True)
        result, _ = called(number, last)
        assert result is None or result == right, (number, last, "another result")
        failed += result is None
        done_without += result is not None
    assert called(NEVER, NEVER)[0] == right, (number, "the next call")
print(total, failed, done_without)
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    library = tmp_path_factory.mktemp("shim") / "fail_allocations.so"
    source = ROOT / "tests" / "c" / "fail_allocations.c"
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return str(library)


def fail_allocations(shim, call, n_threads, most_tried):
    """In a process of its own; prints how many allocations there are, and how the calls without one of them ended."""
    program = PROGRAM
    for name, value in (("call", CALLS[call]), ("n_threads", n_threads), ("most_tried", most_tried)):
        program = program.replace(f"{{{name}}}", str(value))
    process = run_python(program, LD_PRELOAD=shim, timeout=1200)
    assert process.returncode == 0, process.stderr[-2000:]
    total, failed, done_without = map(int, process.stdout.split())
    print(f"{call}, {n_threads} threads: {total} allocations, {failed} MemoryErrors, {done_without} right without")
    assert total > 0 and failed > 0


@pytest.mark.parametrize("call", CALLS)
def test_allocations_fail(shim, call):
    fail_allocations(shim, call, 2, 50)


@pytest.mark.slow
@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("call", CALLS)
def test_every_allocation_fails_once(shim, call, n_threads):
    fail_allocations(shim, call, n_threads, 500)


def test_every_public_call_is_there():
    import ckmeans
    from ckmeans import metrics

    called = {word for call in CALLS.values() for word in call.replace("(", " ").replace(".", " ").split()}
    functions = {name for name in ckmeans.__all__ if callable(getattr(ckmeans, name)) and name.islower()}
    assert functions - called == {"show_config"}
    assert {n for n in metrics.__all__ if n.islower()} - called == {"adjusted_rand_score", "aic"}  # as bic; no core
