#!/usr/bin/env bash
# Builds and runs core_test: with the address and undefined-behaviour sanitizers here, AMX tiles carried out by
# tile_model.c, and for 64-bit Arm under qemu-user where a cross compiler and the emulator are installed. Both must print
# the same digest.
#     tests/c/run.sh [rounds] [seed]
set -euo pipefail
cd "$(dirname "$0")/../.."
rounds=${1:-150} seed=${2:-1}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
flags=(-std=c11 -ffp-contract=off -fno-math-errno -fno-trapping-math -Wall -Wextra -Werror)
sources=(tests/c/core_test.c src_c/*/*.c)

run_sanitized() {
    local model=()
    if [ "$(uname -sm)" = "Linux x86_64" ]; then model=(-DCK_TILE_MODEL tests/c/tile_model.c); fi
    "${CC:-cc}" "${flags[@]}" -O1 -g -pthread "${model[@]}" -fsanitize=address,undefined -fno-sanitize-recover=all \
        "${sources[@]}" -lm -o "$out/sanitized"
    "$out/sanitized" "$rounds" "$seed" | tee "$out/here"
}

run_aarch64() {
    local compiler=aarch64-linux-gnu-gcc emulator
    emulator=$(command -v qemu-aarch64-static || command -v qemu-aarch64 || true)
    if ! command -v $compiler >/dev/null || [ -z "$emulator" ]; then
        echo "no cross compiler or emulator for aarch64: not run (apt-get install gcc-aarch64-linux-gnu qemu-user)"
        return
    fi
    $compiler "${flags[@]}" -O3 -pthread -static "${sources[@]}" -lm -o "$out/aarch64"
    "$emulator" "$out/aarch64" "$rounds" "$seed" | tee "$out/there"
    if [ "$(grep digest "$out/here")" != "$(grep digest "$out/there")" ]; then
        echo "the digests differ" >&2
        exit 1
    fi
}

run_sanitized
run_aarch64
