import os

import pytest
from cli_helpers import BLOBS, write
from helpers import PACKAGE_PARENT, ROOT

from ckmeans import _core, cli


def pytest_configure():
    """Where the installed package is to be tested, the source tree must not get in its way."""
    if os.environ.get("CKMEANS_TEST_INSTALLED") == "1" and PACKAGE_PARENT == ROOT:
        raise pytest.UsageError(f"CKMEANS_TEST_INSTALLED=1, but ckmeans was imported from the sources in {ROOT}")


@pytest.fixture(params=_core.runnable_isas())
def isa(request):
    """Each instruction set that the machine can run, in turn."""
    before = _core.choose_isa(request.param)
    yield request.param
    _core.choose_isa(before)


@pytest.fixture(params=_core.lenders())
def lender(request, monkeypatch):
    """Each lender of threads, in turn, here and in the processes that a test starts."""
    monkeypatch.setenv("CKMEANS_THREADING", request.param)
    before = _core.threading_info().lender
    _core.choose_lender(request.param)
    yield request.param
    _core.choose_lender(before)


@pytest.fixture
def float_screen():
    """The best kernels but for the coarse screen: what ``auto`` chooses depends on how fast the screen is."""
    levels = {kernel.level for kernel in _core.kernels() if kernel.job == "coarse"}
    before = _core.choose_isa(next(name for name in _core.runnable_isas() if name not in levels))
    yield
    assert not any(kernel.in_use for kernel in _core.kernels() if kernel.job == "coarse")
    _core.choose_isa(before)


def layouts(X):
    """The same values in C, Fortran, strided and reversed order."""
    import numpy as np

    spaced = np.zeros((2 * X.shape[0], 3 * X.shape[1]), dtype=X.dtype)
    spaced[::2, 1::3] = X
    return {
        "C": np.ascontiguousarray(X),
        "Fortran": np.asfortranarray(X),
        "strided": spaced[::2, 1::3],
        "reversed": np.ascontiguousarray(X[::-1, ::-1])[::-1, ::-1],
    }


@pytest.fixture
def in_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def run(capsys):
    def run(*args):
        code = cli.main([str(arg) for arg in args])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def blobs():
    return write("blobs.csv", BLOBS)
