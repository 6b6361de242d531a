"""The types: mypy accepts the package and a sample of its use and refuses wrong use; the stub fits the binding."""

import re
import subprocess
import sys

import pytest
from helpers import PACKAGE_PARENT, ROOT, environment

SAMPLE = ROOT / "tests" / "typing_sample.py"


@pytest.fixture(scope="module")
def mypy(tmp_path_factory):
    """Runs a tool of mypy in a folder, with one cache for all runs, and returns its status and output."""
    pytest.importorskip("mypy")
    cache = str(tmp_path_factory.mktemp("mypy"))

    def run(folder, *arguments, tool="mypy"):
        command = [sys.executable, "-m", tool, *arguments]
        env = environment(MYPY_CACHE_DIR=cache)
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120)
        return done.returncode, done.stdout + done.stderr

    return run


def test_the_package_and_the_sample_pass(mypy):
    status, output = mypy(ROOT)  # files and strictness: pyproject.toml
    assert status == 0, output
    assert "no issues found" in output


WRONG = {
    "KMeans(n_cluster=3)": "call-arg",
    "KMeans(3, 'k-means++')": "call-arg",
    "KMeans('three')": "arg-type",
    "KMeans(3, n_threads='all')": "arg-type",
    "KMeans(3, tol=None)": "arg-type",
    "KMeans(3, callback=3)": "arg-type",
    "ckmeans.choose_k([[0.0]], n_init=None)": "arg-type",
    "ckmeans.choose_k([[0.0]], 5)": "arg-type",
    "KMeans().predict()": "call-arg",
    "KMeans().fit([[0.0]]).labels": "attr-defined",
    "KMeans().n_iter_.real.upper()": "attr-defined",
    "KMeans(3, callback=lambda progress: progress.restarts)": "attr-defined",
    "ckmeans.kmeans([[0.0]])": "call-arg",
    "ckmeans.kmeans([[0.0]], 1).inertia_": "attr-defined",
    "ckmeans.assign([[0.0]], [[0.0]], 1)": "call-arg",
    "_core.assign(np.zeros((2, 2)), np.zeros((1, 2)), None, 'two', True)": "arg-type",
    "_core.isa().decode()": "attr-defined",
}


def test_wrong_use_is_refused_line_by_line(mypy, tmp_path):
    lines = ["import numpy as np", "import ckmeans", "from ckmeans import KMeans, _core", *WRONG]
    (tmp_path / "wrong.py").write_text("\n".join(lines) + "\n")
    status, output = mypy(tmp_path, "--strict", "wrong.py")
    assert status == 1
    errors = [re.fullmatch(r"wrong\.py:(\d+): error: .*\[(.*)\]", line) for line in output.splitlines()]
    assert [(int(error[1]), error[2]) for error in errors if error] == list(enumerate(WRONG.values(), start=4)), output


def test_the_sample_runs():
    done = subprocess.run([sys.executable, "-W", "error", str(SAMPLE)], env=environment(), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


def test_the_stub_is_that_of_the_binding(mypy, tmp_path):
    internal = ["Watch", "Rows", "__reduce_cython__", "__setstate_cython__", "__test__"]
    (tmp_path / "allowed").write_text("".join(f"ckmeans._core.{name}\n" for name in internal))
    status, output = mypy(tmp_path, "ckmeans._core", "--allowlist", "allowed", tool="mypy.stubtest")
    assert status == 0, output


def test_the_package_says_that_it_is_typed():
    assert (PACKAGE_PARENT / "ckmeans" / "py.typed").is_file()
    assert (PACKAGE_PARENT / "ckmeans" / "_core.pyi").is_file()
