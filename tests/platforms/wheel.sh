#!/usr/bin/env bash
# A wheel for every Linux of glibc 2.28 or later, with GCC's OpenMP runtime in it, as auditwheel accepts it.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
[ "$(uname -sm)" = "Linux x86_64" ] || missing "Linux on x86-64"
command -v gcc >/dev/null || missing "gcc"
need_tools
need_openmp
empty_out

# The symbols of this machine's glibc may be too new. Zig's Clang links against those of any version; GCC compiles, for
# its OpenMP runtime alone is called libgomp. To name the linker keeps out what Python itself was linked with, such as
# paths to its own libraries.
copy_sources "$out/source"
linker="$tools/python -m ziglang cc -target x86_64-linux-gnu.2.28 -shared -L$openmp -lgomp"
CKMEANS_OPENMP=1 CC=gcc LDSHARED=$linker build_in "$out/source" --wheel --outdir "$out/built"
PATH=$tools:$PATH LD_LIBRARY_PATH=$openmp \
    auditwheel repair --plat "$platform" --only-plat -w "$out/repaired" "$(only "$out"/built/*.whl)"
digest_of_sources >"$out/digest"
only "$out"/repaired/*.whl
