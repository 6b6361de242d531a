"""The compiler that setup.py takes on Windows, on made-up folders; the kernels that the compiler here has built."""

import os
import platform
import runpy
import sys
from types import SimpleNamespace

import pytest
from helpers import ROOT

from ckmeans import _core


@pytest.fixture
def setup_py(monkeypatch):
    setuptools = pytest.importorskip("setuptools")
    monkeypatch.setattr(setuptools, "setup", lambda **_: None)
    monkeypatch.chdir(ROOT)
    return SimpleNamespace(**runpy.run_path("setup.py"))


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine with Visual Studio: its compiler as setuptools has it, and `install` for clang-cl at places of it."""
    monkeypatch.delenv("CKMEANS_COMPILER", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "on_path"))
    monkeypatch.setenv("ProgramFiles", str(tmp_path / "programs"))
    monkeypatch.setattr(platform, "machine", lambda: "AMD64")

    def install(*folder):
        program = tmp_path.joinpath(*folder, "clang-cl" + ".exe" * (os.name == "nt"))
        program.parent.mkdir(parents=True)
        program.touch(mode=0o755)
        return str(program)

    cl = tmp_path.joinpath("studio", "VC", "Tools", "MSVC", "14.44", "bin", "Hostx64", "x64", "cl.exe")
    compiler = SimpleNamespace(initialized=True, cc=str(cl), compile_options=["/nologo", "/O2", "/GL", "/MD"])
    return SimpleNamespace(compiler=compiler, install=install, cl=str(cl))


STUDIO = ("studio", "VC", "Tools", "Llvm", "x64", "bin")
PLACES = [("on_path",), ("programs", "LLVM", "bin"), STUDIO]


@pytest.mark.parametrize("first", range(len(PLACES)))
def test_clang_cl_is_taken_from_the_first_place_that_has_it(setup_py, machine, first, capsys):
    programs = [machine.install(*place) for place in PLACES[first:]]
    flags = setup_py.choose_windows_compiler(machine.compiler, "win-amd64")
    assert os.path.normcase(machine.compiler.cc) == os.path.normcase(programs[0])
    assert machine.compiler.compile_options == ["/nologo", "/O2", "/MD"]
    assert "--target=x86_64-pc-windows-msvc" in flags and "/clang:-ffp-contract=off" in flags
    assert machine.compiler.cc in capsys.readouterr().out


def test_arm_is_named_as_the_target_whatever_clang_cl_runs_on(setup_py, machine):
    machine.install(*STUDIO)
    assert "--target=aarch64-pc-windows-msvc" in setup_py.choose_windows_compiler(machine.compiler, "win-arm64")


def test_the_clang_cl_made_for_the_machine_comes_first(setup_py, machine, monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "ARM64")
    machine.install(*STUDIO)
    native = machine.install("studio", "VC", "Tools", "Llvm", "ARM64", "bin")
    setup_py.choose_windows_compiler(machine.compiler, "win-arm64")
    assert os.path.normcase(machine.compiler.cc) == os.path.normcase(native)


def test_without_clang_cl_the_log_says_what_is_lost(setup_py, machine, capsys):
    flags = setup_py.choose_windows_compiler(machine.compiler, "win-amd64")
    assert machine.compiler.cc == machine.cl and "/GL" in machine.compiler.compile_options
    assert not any("clang" in flag for flag in flags)
    assert "without its float64 kernels for AVX2 and AVX-512" in capsys.readouterr().out


def test_the_environment_chooses(setup_py, machine, monkeypatch):
    monkeypatch.setenv("CKMEANS_COMPILER", "clang-cl")
    with pytest.raises(SystemExit, match="there is none"):
        setup_py.choose_windows_compiler(machine.compiler, "win-amd64")
    machine.install(*STUDIO)
    monkeypatch.setenv("CKMEANS_COMPILER", "cl")
    setup_py.choose_windows_compiler(machine.compiler, "win-amd64")
    assert machine.compiler.cc == machine.cl
    monkeypatch.setenv("CKMEANS_COMPILER", "gcc")
    with pytest.raises(SystemExit, match="must be clang-cl or cl, not 'gcc'"):
        setup_py.choose_windows_compiler(machine.compiler, "win-amd64")


@pytest.mark.skipif(
    sys.platform == "win32" and os.environ.get("CKMEANS_COMPILER") != "clang-cl",
    reason="may have been built by Microsoft's compiler",
)
def test_every_instruction_set_has_its_kernels():
    built = {(kernel.job, kernel.level) for kernel in _core.kernels()}
    if platform.machine() in ("x86_64", "AMD64"):
        assert {(job, level) for job in ("screen", "settle", "quick", "rows") for level in ("avx512", "avx2")} <= built
    elif platform.machine() in ("aarch64", "arm64", "ARM64"):
        assert ("screen", "neon") in built
