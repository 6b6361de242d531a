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
runtime=$(only "$out"/unpacked/ckmeans_native.libs/libgomp-*)

# needs FILE: the libraries that it is linked with, without glibc's.
needs() {
    readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' |
        grep -vE '^(lib(c|dl|m|pthread)|ld-linux-x86-64)\.so\.' || true
}

expect "shared libraries" "$(find "$out/unpacked" -name '*.so*' | sort | xargs)" "$module $runtime"
expect "what the module needs but glibc" "$(needs "$module")" "$(basename "$runtime")"
expect "what its OpenMP runtime needs but glibc" "$(needs "$runtime")" ""
expect "a path to libraries of its own" "$(readelf -d "$module" | sed -n 's/.*(R.*PATH).*\[\(.*\)\]/\1/p')" \
    "\$ORIGIN/../ckmeans_native.libs"
expect "notices of its license" "$(cd "$out"/unpacked/*.dist-info/licenses && find . -type f | sort | xargs)" \
    "./LICENSE ./licenses/GCC-exception-3.1.txt ./licenses/GPL-3.0.txt ./licenses/libgomp.txt"
expect "exports" "$(nm -D --defined-only --format=just-symbols "$module")" PyInit__core
expect "debug sections" "$(readelf -SW "$module" | grep -c ' \.debug_')" 0
size=$(stat -c %s "$wheel")
[ "$size" -lt 1500000 ] || fail "$size bytes"
echo "$size bytes, $(stat -c %s "$runtime") of them, before compression, the runtime"
"$tools/abi3audit" --strict --verbose "$wheel" 2>&1 | tee "$out/abi3audit.log"
"$tools/python" tests/platforms/baseline.py "$platforms"/wheel/source/build/temp.*
