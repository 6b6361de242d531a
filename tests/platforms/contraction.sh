#!/usr/bin/env bash
# Proves that compilers told to fuse products with sums do not, and that those which still would are found out.
set -euo pipefail
source "$(dirname "$0")/c_tests.sh"
need "clang (apt-get install clang)" command -v clang
need "gcc (apt-get install gcc)" command -v gcc
baseline=()
if [ "$(uname -m)" = x86_64 ]; then baseline=(-march=x86-64-v3); fi # which has such instructions everywhere

run_native
exact=("${flags[@]}")

flags=("${exact[@]}" -ffp-contract=on)
build clang-on clang -O3 "${baseline[@]}" -Wno-pass-failed
run_tests clang-on

flags=("${exact[@]}" -std=gnu11 -ffp-contract=fast)
build gcc-gnu11-fast gcc -O3 "${baseline[@]}"
run_tests gcc-gnu11-fast

# These two have no regard for what the source says. core_test has to say so.
flags=("${exact[@]}" -ffp-contract=fast)
build clang-fast clang -O2 "${baseline[@]}" -Wno-pass-failed
build gcc-c11-fast gcc -O2 "${baseline[@]}"
for name in clang-fast gcc-c11-fast; do
    if core_test "$name"; then echo "$name: not found out" >&2 && exit 1; fi
    grep -q "products are fused with sums" "$out/$name"
done
