"""What several test files share: programs in a process of their own, and estimators that must stay as they were."""

import os
import subprocess
import sys
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path

import numpy as np

import ckmeans

ROOT = Path(__file__).parents[1]
PACKAGE_PARENT = Path(ckmeans.__file__).parents[1]


def environment(**changes):
    """This process's environment, such that a child imports the same ckmeans; a change to None removes a variable."""
    merged = {**os.environ, "PYTHONPATH": str(PACKAGE_PARENT), **changes}
    return {name: value for name, value in merged.items() if value is not None}


def run_python(code, *, timeout=60, **changes):
    """Run a program, away from the checkout, and return the finished process with its output as text."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=environment(**changes),
        cwd=os.sep,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def output_of(code, **changes):
    """What a program printed; it must end well."""
    process = run_python(code, **changes)
    assert process.returncode == 0, process.stderr
    return process.stdout


@contextmanager
def unchanged(estimator):
    """The block leaves every attribute of ``estimator`` the object it was, with the content it had."""
    before = dict(vars(estimator))
    content = deepcopy({name: value for name, value in before.items() if isinstance(value, np.ndarray)})
    yield
    after = vars(estimator)
    assert after.keys() == before.keys()
    assert [name for name in before if after[name] is not before[name]] == []
    for name, value in content.items():
        np.testing.assert_array_equal(after[name], value)


def blobs(n_rows, n_features, n_blobs, seed=0, spread=1.0):
    """Rows around ``n_blobs`` places."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(-10, 10, (n_blobs, n_features))
    return places[rng.integers(n_blobs, size=n_rows)] + rng.normal(0, spread, (n_rows, n_features))


def sqdist(rows, centers):
    """Squared distances of all rows to all centers, in float64."""
    return ((rows[:, np.newaxis].astype(np.float64) - centers.astype(np.float64)) ** 2).sum(axis=2)


def same_bits(a, b):
    """Two estimators or results came to the same, to the bit."""
    for name in ("labels", "centers", "inertia", "n_iter", "cluster_sizes"):
        x, y = (_part(result, name) for result in (a, b))
        assert np.asarray(x).tobytes() == np.asarray(y).tobytes(), name
    for field in ("inertia", "center_shift", "changed"):  # what ran may differ
        x, y = (_part(result, "history")[field] for result in (a, b))
        assert x.tobytes() == y.tobytes(), field


def _part(result, name):
    if isinstance(result, ckmeans.KMeansResult):
        return getattr(result, name)
    return getattr(result, "cluster_centers_" if name == "centers" else f"{name}_")
