"""Builds the one extension module; everything else about the package stands in pyproject.toml.

Switches, as environment variables:
    CKMEANS_DEBUG=1                     assertions and symbols, no optimization
    CKMEANS_SANITIZE=address,undefined  the sanitizers of GCC and Clang
    CKMEANS_TILE_MODEL=1                AMX tiles in software (tests/c/tile_model.c), to test their kernels without them
    CKMEANS_COMPILER=clang-cl           on Windows: clang-cl or nothing; cl takes Microsoft's own, which leaves out fast
                                        kernels. Unset: clang-cl where there is one (on PATH, LLVM's, Visual Studio's)
    SOURCE_DATE_EPOCH=seconds           the time that archives carry: with it two builds have the same bytes
"""

import gzip
import os
import platform
import shutil
import sysconfig
import tarfile
import time
from glob import glob
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist

DEBUG = os.environ.get("CKMEANS_DEBUG") == "1"
SANITIZE = os.environ.get("CKMEANS_SANITIZE", "")
TILE_MODEL = os.environ.get("CKMEANS_TILE_MODEL") == "1"
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
        for extension in self.extensions:
            extension.extra_compile_args = compile_args
            extension.extra_link_args = link_args
        super().build_extensions()


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
            define_macros=[("CK_TILE_MODEL", "1")] * TILE_MODEL + [("Py_LIMITED_API", "0x030B0000")] * STABLE_ABI,
            depends=glob("src_c/**/*.h", recursive=True),
            include_dirs=["src_c"],
            py_limited_api=STABLE_ABI,
        )
    ],
    cmdclass={"build_ext": BuildExt, "sdist": Sdist},
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if STABLE_ABI else {},
)
