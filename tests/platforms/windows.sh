#!/usr/bin/env bash
# Proves the core on 64-bit Windows: run under Wine on x86, compiled and linked for Arm.
set -euo pipefail
source "$(dirname "$0")/c_tests.sh"
python=${PYTHON:-python3}
need "ziglang ($python -m pip install ziglang)" "$python" -m ziglang version
need "wine (apt-get install wine wine64)" command -v wine

for machine in aarch64 x86_64; do build $machine "$python" -m ziglang cc -target $machine-windows-gnu -O3; done
export WINEPREFIX=$out/wine WINEDEBUG=-all DISPLAY=
trap 'wineserver -w || true; rm -rf "$out"' EXIT # its server writes to the prefix for some seconds more
run_tests x86_64 wine
