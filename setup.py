"""Builds the one extension module; everything else about the package stands in pyproject.toml.

Switches, as environment variables:
    CKMEANS_DEBUG=1                     assertions and symbols, no optimization
    CKMEANS_SANITIZE=address,undefined  the sanitizers of GCC and Clang
    CKMEANS_TILE_MODEL=1                AMX tiles in software (tests/c/tile_model.c), to test their kernels without them
    SOURCE_DATE_EPOCH=seconds           the time that archives carry: with it two builds have the same bytes
"""

import gzip
import os
import sysconfig
import tarfile
import time
from glob import glob

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


class BuildExt(build_ext):
    """Compiler flags by compiler: contraction off everywhere, for the canonical arithmetic is plain IEEE float64."""

    def build_extensions(self):
        if self.compiler.compiler_type == "msvc":
            compile_args = ["/std:c11", "/O2", "/fp:precise", "/Brepro"]  # Brepro: no time in what is built
            link_args = ["/Brepro"]
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
