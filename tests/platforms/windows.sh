#!/usr/bin/env bash
# Proves the core on 64-bit Windows, by GNU's ABI and by clang-cl: run under Wine on x86, compiled and linked for Arm.
set -euo pipefail
source "$(dirname "$0")/c_tests.sh"
python=${PYTHON:-python3}
need "ziglang ($python -m pip install ziglang)" "$python" -m ziglang version
need "wine (apt-get install wine wine64)" command -v wine
wine_headers=${WINE_HEADERS:-/usr/include/wine/wine}
need "headers of Wine (apt-get install libwine-dev)" test -d "$wine_headers/msvcrt"
zig=("$python" -m ziglang)

for machine in aarch64 x86_64; do build $machine "${zig[@]}" cc -target $machine-windows-gnu -O3; done

# What setup.py asks of clang-cl, with Zig's Clang as clang-cl, Wine's headers for Microsoft's, and Zig's libraries at
# the end: so without stack cookies (/GS-) and the names of Microsoft's libraries (/Zl).
clang_headers=$("$python" -c 'import os, ziglang; print(os.path.dirname(ziglang.__file__))')/lib/include
build_by_clang_cl() {
    local machine=$1 flags=(--target="$1-pc-windows-msvc" /std:c11 /O2 /Brepro)
    flags+=(/clang:-O3 /clang:-ffp-contract=off /clang:-fno-math-errno /clang:-fno-trapping-math)
    flags+=(/nologo /W3 /WX /GS- /Zl /X -D_UCRT /FItests/platforms/msvc_abi.h)
    flags+=(-imsvc "$clang_headers" -imsvc "$wine_headers/msvcrt" -imsvc "$wine_headers/windows")
    compile "clang-cl-$machine" "${zig[@]}" clang --driver-mode=cl
    link "clang-cl-$machine" "${zig[@]}" cc -target "$machine-windows-gnu"
}
for machine in aarch64 x86_64; do build_by_clang_cl $machine; done

export WINEPREFIX=$out/wine WINEDEBUG=-all DISPLAY=
trap 'wineserver -w || true; rm -rf "$out"' EXIT # its server writes to the prefix for some seconds more
run_tests x86_64 wine
run_tests clang-cl-x86_64 wine
if [ "$(grep agree "$out/x86_64")" != "$(grep agree "$out/clang-cl-x86_64")" ]; then
    echo "the instruction sets differ" >&2
    exit 1
fi
