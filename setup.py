"""Builds the one extension module; everything else about the package stands in pyproject.toml.

Switches, as environment variables:
    CKMEANS_DEBUG=1                     assertions and symbols, no optimization
    CKMEANS_SANITIZE=address,undefined  the sanitizers of GCC and Clang
    CKMEANS_UNIT_MODELS=1               AMX tiles and products of AVX_VNNI in software, to test their kernels elsewhere
    CKMEANS_COMPILER=clang-cl           on Windows: clang-cl or nothing; cl takes Microsoft's own, which leaves out fast
                                        kernels. Unset: clang-cl where there is one (on PATH, LLVM's, Visual Studio's)
    CKMEANS_OPENMP=0|1                  never with OpenMP; an error where it cannot be had; unset: where it can be had
    MAX_JOBS=number                     files compiled at a time, instead of one a processor (as build_ext --parallel)
    SOURCE_DATE_EPOCH=seconds           the time that archives carry: with it two builds have the same bytes
"""

import gzip
import logging
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from glob import glob
from itertools import pairwise
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist
from setuptools.errors import CompileError, LinkError, OptionError

DEBUG = os.environ.get("CKMEANS_DEBUG") == "1"
SANITIZE = os.environ.get("CKMEANS_SANITIZE", "")
TILE_MODEL = os.environ.get("CKMEANS_UNIT_MODELS") == "1"
OPENMP = os.environ.get("CKMEANS_OPENMP", "")
C_SOURCES = sorted(glob("src_c/**/*.c", recursive=True))

# One wheel serves every CPython from 3.11 on, the first whose stable ABI has the buffer protocol. Free-threaded
# interpreters have no such ABI: theirs is built for one version.
STABLE_ABI = not sysconfig.get_config_var("Py_GIL_DISABLED")


# The float64 kernels for AVX2 and AVX-512 and the bfloat16 ones need vector types, which Microsoft's compiler has not.
# clang-cl has them; it takes cl's options, and its objects go to Microsoft's linker and libraries like cl's.
CLANG_TARGETS = {"win-amd64": "x86_64-pc-windows-msvc", "win-arm64": "aarch64-pc-windows-msvc"}
SLOW_COMPILER = """\
WARNING: ckmeans is compiled by Microsoft's cl, and so without its float64 kernels for AVX2 and AVX-512 and its bfloat16
kernels: results are the same, computing them takes longer. With clang-cl nothing is missing: install LLVM, or Visual
Studio's "C++ Clang tools for Windows".\
"""


def find_clang_cl(cl):
    """The path of clang-cl, or None; `cl` is that of Visual Studio, whose own clang-cl comes last."""
    folders = [os.environ.get("PATH", ""), str(Path(os.environ.get("ProgramFiles", ""), "LLVM", "bin"))]
    tools = [path / "Llvm" for path in Path(cl).parents if path.name == "Tools"]  # VC/Tools/MSVC/.../cl.exe
    folders += [str(path / host / "bin") for path in tools for host in (platform.machine(), "x64", "")]
    return shutil.which("clang-cl", path=os.pathsep.join(folders))


def choose_windows_compiler(compiler, plat_name):
    """Makes setuptools' Microsoft compiler run clang-cl where it can; returns the flags of what runs then."""
    wanted = os.environ.get("CKMEANS_COMPILER", "")
    if wanted not in ("", "clang-cl", "cl"):
        raise SystemExit(f"CKMEANS_COMPILER must be clang-cl or cl, not {wanted!r}")
    if not compiler.initialized:
        compiler.initialize(plat_name)
    clang_cl = find_clang_cl(compiler.cc) if wanted != "cl" and plat_name in CLANG_TARGETS else None
    if clang_cl is None:
        if wanted == "clang-cl":
            raise SystemExit("CKMEANS_COMPILER=clang-cl: there is none on PATH, in LLVM's folder or in Visual Studio's")
        print(SLOW_COMPILER, flush=True)
        return ["/std:c11", "/O2", "/fp:precise", "/Brepro"]
    print(f"ckmeans is compiled by {clang_cl}", flush=True)
    compiler.cc = clang_cl
    compiler.compile_options = [option for option in compiler.compile_options if option != "/GL"]  # cl's own, for /LTCG
    exact = [f"/clang:{flag}" for flag in ("-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math")]
    return [f"--target={CLANG_TARGETS[plat_name]}", "/std:c11", "/O2", "/Brepro", *exact]


class BuildExt(build_ext):
    """Compiler flags by compiler: contraction off everywhere, for the canonical arithmetic is plain IEEE float64."""

    def build_extensions(self):
        if self.compiler.compiler_type == "msvc":
            compile_args = choose_windows_compiler(self.compiler, self.plat_name)
            link_args = ["/Brepro"]  # no time in what is built
        else:
            optimize = ["-O0", "-g", "-UNDEBUG"] if DEBUG else ["-O3", "-g0"]
            compile_args = ["-std=c11", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", *optimize]
            compile_args += ["-pthread", "-fvisibility=hidden", f"-ffile-prefix-map={os.getcwd()}=."]
            link_args = ["-pthread", "-lm"]
            if SANITIZE:
                compile_args += [f"-fsanitize={SANITIZE}", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-g"]
                link_args.append(f"-fsanitize={SANITIZE}")
        openmp, said = openmp_arguments(self.compiler, compile_args, link_args)
        self.announce(f"OpenMP: {said}", logging.INFO)
        for extension in self.extensions:
            extension.extra_compile_args = compile_args + openmp[0]
            extension.extra_link_args = link_args + openmp[1]
        compile_side_by_side(self.compiler, jobs=self.parallel or int(os.environ.get("MAX_JOBS") or processors()))
        super().build_extensions()


# --- Many files at a time ---------------------------------------------------------------------------------------


def processors():
    """Those that this process may use."""
    if hasattr(os, "process_cpu_count"):  # Python 3.13
        return os.process_cpu_count() or 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def compile_side_by_side(compiler, jobs):
    """Each call of the compiler for many files becomes a call for each, the largest first: it takes the longest."""
    compile_in_turn = compiler.compile

    def compile(sources, *arguments, **options):
        largest_first = sorted(sources, key=os.path.getsize, reverse=True)
        with ThreadPoolExecutor(jobs) as pool:
            calls = pool.map(lambda source: compile_in_turn([source], *arguments, **options), largest_first)
            objects = dict(zip(largest_first, calls, strict=True))  # an error ends this, and what has not begun
        return [path for source in sources for path in objects[source]]

    compiler.compile = compile


# --- OpenMP -----------------------------------------------------------------------------------------------------

OPENMP_PROBE = """
#include <omp.h>
int main(void)
{
    int n = 0;
    #pragma omp parallel num_threads(2) reduction(+ : n)
    n += 1;
    return n > omp_get_max_threads();
}
"""


def openmp_arguments(compiler, compile_args, link_args):
    """A pair of arguments for OpenMP, to compile and to link; none where it is not to be had. And what was decided."""
    without = [], []
    if OPENMP not in ("", "0", "1"):
        raise OptionError(f"CKMEANS_OPENMP={OPENMP}: 0, 1 or nothing is expected")
    if OPENMP == "0":
        return without, "left out, for CKMEANS_OPENMP=0"
    complaints = []
    for openmp in ways_to_openmp(compiler):
        complaint = complaint_about(compiler, OPENMP_PROBE, compile_args + openmp[0], link_args + openmp[1])
        if complaint is None:
            return openmp, f"by {' '.join(openmp[0])}, linked by {' '.join(openmp[1]) or 'the same'}"
        complaints.append(complaint)
    if OPENMP == "1":
        raise CompileError("\n".join(["CKMEANS_OPENMP=1, but no program with OpenMP can be built:", *complaints]))
    lines = complaints[0].splitlines()
    reason = next((line for line in lines if "error" in line), lines[-1])
    return without, f"not to be had ({reason}); the core uses threads of its own"


def ways_to_openmp(compiler):
    """Pairs of arguments, to compile and to link, of which a compiler may understand one; the likeliest first."""
    if compiler.compiler_type == "msvc":
        yield ["/openmp"], []
        program = shutil.which(getattr(compiler, "cc", None) or "cl")
        if program:  # clang-cl asks for its libomp.lib by name, and leaves the folder to the linker
            yield ["/openmp"], ["/LIBPATH:" + os.path.join(os.path.dirname(os.path.dirname(program)), "lib")]
        return
    dlsym = ["-ldl"] * sys.platform.startswith("linux")  # what the runtime may lack is looked up when it runs
    yield ["-fopenmp"], ["-fopenmp", *dlsym]
    if sys.platform == "darwin":  # Apple's Clang reads the pragmas, and brings neither header nor runtime
        words = compiler.linker_so
        machines = [word for pair in pairwise(words) if pair[0] == "-arch" for word in pair]
        apple = ["-Xpreprocessor", "-fopenmp"]
        yield apple, [*machines, "-lomp"]  # where CPPFLAGS and LDFLAGS show the way
        for folder in folders_of_libomp():
            yield [*apple, f"-I{folder}/include"], [*machines, f"-L{folder}/lib", f"-Wl,-rpath,{folder}/lib", "-lomp"]


def folders_of_libomp():
    """Where Conda and Homebrew keep LLVM's runtime."""
    if os.environ.get("CONDA_PREFIX"):
        yield os.environ["CONDA_PREFIX"]
    if shutil.which("brew"):
        brew = subprocess.run(["brew", "--prefix", "libomp"], capture_output=True, text=True)
        if brew.returncode == 0:
            yield brew.stdout.strip()


def complaint_about(compiler, program, compile_args, link_args):
    """Why a program cannot be compiled or linked; None if it can. It is not run: it may be for another machine."""
    with tempfile.TemporaryDirectory() as folder:
        source, said = os.path.join(folder, "probe.c"), os.path.join(folder, "said")
        with open(source, "w") as file:
            file.write(program)
        try:
            with output_into(said):
                objects = compiler.compile([source], output_dir=folder, extra_postargs=compile_args)
                compiler.link_executable(objects, "probe", output_dir=folder, extra_postargs=link_args)
        except (CompileError, LinkError) as error:
            with open(said, errors="replace") as file:
                return f"{file.read()}{error}".replace(folder + os.sep, "")
    return None


@contextmanager
def output_into(path):
    """What this process and those it starts write meanwhile goes into a file."""
    sys.stdout.flush()
    sys.stderr.flush()
    before = {number: os.dup(number) for number in (1, 2)}
    try:
        with open(path, "wb") as file:
            for number in before:
                os.dup2(file.fileno(), number)
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, copy in before.items():
            os.dup2(copy, number)
            os.close(copy)


# --- Archives ---------------------------------------------------------------------------------------------------


class Sdist(sdist):
    """An archive that tells nothing about the machine that packed it: no owners, no modes of its own, one time."""

    def make_archive(self, base_name, format, root_dir=None, base_dir=None, owner=None, group=None):
        seconds = int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))

        def anonymous(entry):
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            entry.mode = 0o755 if entry.mode & 0o100 else 0o644
            entry.mtime = seconds
            return entry

        path = f"{base_name}.tar.gz"
        with (
            open(path, "wb") as file,
            gzip.GzipFile("", "wb", fileobj=file, mtime=seconds) as packed,
            tarfile.open(fileobj=packed, mode="w") as archive,
        ):
            archive.add(base_dir, filter=anonymous)
        return path


setup(
    ext_modules=[
        Extension(
            "ckmeans._core",
            sources=["ckmeans/_core.pyx", *C_SOURCES, *["tests/c/tile_model.c"] * TILE_MODEL],
            define_macros=[("CK_UNIT_MODELS", "1")] * TILE_MODEL + [("Py_LIMITED_API", "0x030B0000")] * STABLE_ABI,
            depends=["ckmeans/ck.pxd", *glob("src_c/**/*.h", recursive=True)],
            include_dirs=["src_c"],
            py_limited_api=STABLE_ABI,
        )
    ],
    cmdclass={"build_ext": BuildExt, "sdist": Sdist},
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if STABLE_ABI else {},
)
