#!/usr/bin/env bash
# The repaired wheel is what it says: tags, libraries, size, exports, stable ABI, and baseline instructions.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
[ "$(uname -sm)" = "Linux x86_64" ] || missing "Linux on x86-64"
for tool in nm objdump readelf; do command -v "$tool" >/dev/null || missing "$tool (binutils)"; done
need_tools
wheel=$(repaired_wheel)
empty_out

expect() { [ "$2" = "$3" ] || fail "$1: $2, where $3 is expected"; echo "$1: $2"; }

case $(basename "$wheel") in
    ckmeans_native-*-cp311-abi3-*"$platform"*.whl) basename "$wheel" ;;
    *) fail "the wheel is called $wheel" ;;
esac
"$tools/python" -m zipfile -e "$wheel" "$out/unpacked"
expect "tags of another ABI" "$(grep '^Tag: ' "$out"/unpacked/*.dist-info/WHEEL | grep -cv '^Tag: cp311-abi3-')" 0
module=$(only "$out"/unpacked/ckmeans/_core.abi3.so)
expect "shared libraries" "$(find "$out/unpacked" -name '*.so*' -printf '%P\n')" ckmeans/_core.abi3.so
readelf -d "$module" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort >"$out/needed"
expect "libraries but glibc's" "$(grep -cvE '^(lib(c|m|pthread)|ld-linux-x86-64)\.so\.' "$out/needed")" 0
expect "a path to libraries of its own" "$(readelf -d "$module" | grep -cE 'RPATH|RUNPATH')" 0
expect "exports" "$(nm -D --defined-only --format=just-symbols "$module")" PyInit__core
expect "debug sections" "$(readelf -SW "$module" | grep -c ' \.debug_')" 0
size=$(stat -c %s "$wheel")
[ "$size" -lt 1500000 ] || fail "$size bytes"
echo "$size bytes; needs $(paste -sd ' ' "$out/needed")"
"$tools/abi3audit" --strict --verbose "$wheel" 2>&1 | tee "$out/abi3audit.log"
"$tools/python" tests/platforms/baseline.py "$platforms"/wheel/source/build/temp.*
