"""Beside the libraries that bring OpenMP runtimes and BLAS pools of their own: nobody changes anybody's results."""

import json
from importlib.util import find_spec
from itertools import pairwise

import pytest
from helpers import output_of

pytestmark = [pytest.mark.neighbors, pytest.mark.usefixtures("lender")]

PROGRAM = """
import hashlib
import json
import sys
from importlib import import_module
import numpy as np

rows = np.random.default_rng(0).normal(size=(50_000, 16))  # enough for two threads
start = rows[:10]

def by_ckmeans(library):
    model = library.KMeans(10, random_state=0, n_threads=2, max_iter=10).fit(rows)
    scores = library.metrics.silhouette_samples(rows[:2000], model.labels_[:2000], n_threads=2)
    parts = model.labels_, model.cluster_centers_, model.predict(rows), model.transform(rows[:2000]), scores
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()

def by_estimator(library):
    return library.KMeans(10, init=start, n_init=1, max_iter=10).fit(rows).inertia_

def by_faiss(library):
    index = library.IndexFlatL2(rows.shape[1])
    index.add(start.astype(np.float32))
    return float(index.search(rows.astype(np.float32), 1)[0].sum(dtype=np.float64))

def by_torch(library):
    return float(library.cdist(library.from_numpy(rows), library.from_numpy(start)).min(dim=1).values.sum())

def by_scipy(library):
    return float(library.svdvals(rows).sum())

LIBRARIES = {
    "ckmeans": by_ckmeans,
    "sklearn.cluster": by_estimator,
    "sklearnex.cluster": by_estimator,
    "faiss": by_faiss,
    "torch": by_torch,
    "scipy.linalg": by_scipy,
}
order = ORDER
first = [LIBRARIES[name](import_module(name)) for name in order]  # each works before the next is there
second = [LIBRARIES[name](sys.modules[name]) for name in order]
runtimes = []
if len(order) > 1:
    from threadpoolctl import threadpool_info
    runtimes = [pool["filepath"] for pool in threadpool_info() if pool["user_api"] == "openmp"]
print(json.dumps({"first": dict(zip(order, first)), "second": dict(zip(order, second)), "runtimes": runtimes}))
"""
NAMES = ["ckmeans", "sklearn.cluster", "sklearnex.cluster", "faiss", "torch", "scipy.linalg"]
# A Latin square in which each follows each other one once, immediately, and has each place once.
ORDERS = [[NAMES[(shift + step) % 6] for step in (0, 1, 5, 2, 4, 3)] for shift in range(6)]


def results(order):
    return json.loads(output_of(PROGRAM.replace("ORDER", repr(order)), timeout=120))


@pytest.fixture(scope="module")
def alone():
    """What each library comes to with no other one but those it needs itself."""
    missing = [name for name in ("threadpoolctl", *NAMES) if find_spec(name.partition(".")[0]) is None]
    if missing:
        pytest.skip(f"the extra 'neighbors' is not installed: {', '.join(missing)}")
    return {name: results([name])["first"][name] for name in NAMES}


def test_the_orders_have_every_pair_and_every_place():
    pairs = {pair for order in ORDERS for pair in pairwise(order)}
    assert len(pairs) == len(NAMES) * (len(NAMES) - 1)
    assert all({order[place] for order in ORDERS} == set(NAMES) for place in range(len(NAMES)))


@pytest.mark.parametrize("order", ORDERS, ids=" ".join)
def test_in_one_process(alone, order):
    together = results(order)
    assert len(together["runtimes"]) >= 2
    for turn in "first", "second":
        assert together[turn].pop("ckmeans") == alone["ckmeans"]
        assert together[turn] == pytest.approx({name: alone[name] for name in together[turn]}, rel=1e-5)
