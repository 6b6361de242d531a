"""What setup.py decides by itself: how many files are compiled at a time, and whether with OpenMP."""

import importlib.util
import os
import stat
import sys
from threading import Barrier

import pytest
from helpers import ROOT

setuptools = pytest.importorskip("setuptools", minversion="77")


@pytest.fixture
def building(monkeypatch):
    """The module setup.py, which builds nothing."""
    monkeypatch.setattr(setuptools, "setup", lambda **_: None)
    spec = importlib.util.spec_from_file_location("building", ROOT / "setup.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --- Many files at a time ---------------------------------------------------------------------------------------


class Recorder:
    """A compiler that writes down what it is asked for, and fails for one file."""

    def __init__(self, fails="", together=1):
        self.begun = []
        self.fails = fails
        self.barrier = Barrier(together, timeout=30)

    def compile(self, sources, output_dir):
        self.begun += sources
        self.barrier.wait()
        if self.fails in sources:
            raise OSError(self.fails)
        return [f"{output_dir}/{os.path.basename(source)}.o" for source in sources]


@pytest.fixture
def sources(tmp_path):
    sizes = {"a.c": 10, "b.c": 30, "c.c": 20, "d.c": 0}
    for name, size in sizes.items():
        (tmp_path / name).write_text(" " * size)
    return [str(tmp_path / name) for name in sizes]


def test_the_largest_file_is_compiled_first_and_objects_come_in_the_order_of_the_sources(building, sources):
    compiler = Recorder()
    building.compile_side_by_side(compiler, jobs=1)
    assert compiler.compile(sources, output_dir="out") == ["out/a.c.o", "out/b.c.o", "out/c.c.o", "out/d.c.o"]
    assert [os.path.basename(source) for source in compiler.begun] == ["b.c", "c.c", "a.c", "d.c"]


def test_as_many_files_as_jobs_are_compiled_together(building, sources):
    compiler = Recorder(together=4)
    building.compile_side_by_side(compiler, jobs=4)
    assert len(compiler.compile(sources, output_dir="out")) == 4


def test_an_error_of_the_compiler_ends_the_build(building, sources):
    compiler = Recorder(fails=sources[1])
    building.compile_side_by_side(compiler, jobs=1)
    with pytest.raises(OSError, match=r"b\.c"):
        compiler.compile(sources, output_dir="out")
    assert len(compiler.begun) < len(sources)


# --- OpenMP -----------------------------------------------------------------------------------------------------

UNDERSTANDS = """\
while [ $# -gt 1 ]; do
    if [ "$1" = -o ]; then echo "no program for this machine" > "$2"; fi
    shift
done
"""
DOES_NOT = """\
case " $* " in *" -fopenmp "*) echo "cc: error: OpenMP is not for me" >&2; exit 1 ;; esac
"""


@pytest.fixture
def compiler(tmp_path, request):
    """One that is a shell script."""
    if os.name == "nt":
        pytest.skip("no shell")
    from distutils.ccompiler import new_compiler  # which setuptools brings

    script = tmp_path / "cc"
    script.write_text(f"#!/bin/sh\n{request.param}{UNDERSTANDS}")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    made = new_compiler(compiler="unix")
    made.set_executables(compiler=[str(script)], compiler_so=[str(script)], linker_exe=[str(script)])
    return made


def decided(building, compiler, switch):
    building.OPENMP = switch
    (compile_args, link_args), said = building.openmp_arguments(compiler, ["-O3"], ["-lm"])
    return compile_args, link_args, said


@pytest.mark.parametrize("compiler", [""], indirect=True)
@pytest.mark.parametrize("switch", ["", "1"])
def test_openmp_is_taken_where_a_program_can_be_built_which_is_not_run(building, compiler, switch):
    dlsym = ["-ldl"] * (sys.platform == "linux")
    said = " ".join(["by -fopenmp, linked by -fopenmp", *dlsym])
    assert decided(building, compiler, switch) == (["-fopenmp"], ["-fopenmp", *dlsym], said)


@pytest.mark.parametrize("compiler", [DOES_NOT], indirect=True)
def test_without_openmp_the_build_says_so_in_one_line(building, compiler, capfd, monkeypatch):
    monkeypatch.setenv("PATH", os.defpath)  # without Homebrew
    compile_args, link_args, said = decided(building, compiler, "")
    assert compile_args == link_args == []
    assert said == "not to be had (cc: error: OpenMP is not for me); the core uses threads of its own"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("compiler", [DOES_NOT], indirect=True)
def test_openmp_that_is_asked_for_and_cannot_be_had_ends_the_build(building, compiler):
    with pytest.raises(building.CompileError, match=r"(?s)CKMEANS_OPENMP=1, but.*OpenMP is not for me"):
        decided(building, compiler, "1")


@pytest.mark.parametrize("compiler", [""], indirect=True)
def test_openmp_can_be_left_out(building, compiler):
    assert decided(building, compiler, "0") == ([], [], "left out, for CKMEANS_OPENMP=0")


@pytest.mark.parametrize("compiler", [""], indirect=True)
def test_a_switch_that_means_nothing_is_refused(building, compiler):
    with pytest.raises(building.OptionError, match="CKMEANS_OPENMP=yes: 0, 1 or nothing is expected"):
        decided(building, compiler, "yes")
