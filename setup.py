"""Builds the one extension module; everything else about the package stands in pyproject.toml.

Switches, as environment variables:
    CKMEANS_DEBUG=1                     assertions and symbols, no optimisation
    CKMEANS_SANITIZE=address,undefined  the sanitizers of GCC and Clang
    CKMEANS_TILE_MODEL=1                AMX tiles in software (tests/c/tile_model.c), to test their kernels without them
"""

import os
import sys
from glob import glob

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

DEBUG = os.environ.get("CKMEANS_DEBUG") == "1"
SANITIZE = os.environ.get("CKMEANS_SANITIZE", "")
TILE_MODEL = os.environ.get("CKMEANS_TILE_MODEL") == "1"


class BuildExt(build_ext):
    """Compiler flags by compiler: contraction off everywhere, for the canonical arithmetic is plain IEEE float64."""

    def build_extensions(self):
        if self.compiler.compiler_type == "msvc":
            compile_args = ["/std:c11", "/O2", "/fp:precise"]
            link_args = []
        else:
            optimise = ["-O0", "-g", "-UNDEBUG"] if DEBUG else ["-O3"]
            compile_args = ["-std=c11", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", *optimise]
            link_args = ["-lm"] if sys.platform != "win32" else []
            compile_args.append("-pthread")
            link_args.append("-pthread")
            if SANITIZE:
                compile_args += [f"-fsanitize={SANITIZE}", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-g"]
                link_args.append(f"-fsanitize={SANITIZE}")
        for extension in self.extensions:
            extension.extra_compile_args = compile_args
            extension.extra_link_args = link_args
        super().build_extensions()


setup(
    ext_modules=[
        Extension(
            "ckmeans._core",
            sources=["ckmeans/_core.pyx", *sorted(glob("src_c/*/*.c")), *["tests/c/tile_model.c"] * TILE_MODEL],
            define_macros=[("CK_TILE_MODEL", "1")] * TILE_MODEL,
            depends=glob("src_c/**/*.h", recursive=True),
            include_dirs=["src_c"],
        )
    ],
    cmdclass={"build_ext": BuildExt},
)
