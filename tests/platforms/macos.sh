#!/usr/bin/env bash
# Proves that the core compiles and links for macOS on x86 and Arm; nothing here can run it.
set -euo pipefail
source "$(dirname "$0")/c_tests.sh"
python=${PYTHON:-python3}
need "ziglang ($python -m pip install ziglang)" "$python" -m ziglang version
need "file (apt-get install file)" command -v file

for machine in aarch64 x86_64; do
    build $machine "$python" -m ziglang cc -target $machine-macos -O3
    for program in "${programs[@]}"; do
        file -b "$out/$machine-$program" | tee "$out/kind"
        grep -q "^Mach-O 64-bit ${machine/aarch64/arm64} executable" "$out/kind"
    done
done
echo "macOS: compiled and linked, not run"
