#!/usr/bin/env bash
# Proves the core on 64-bit Arm, with and without products of bytes and of bfloat16, under qemu-user.
set -euo pipefail
source "$(dirname "$0")/c_tests.sh"
need "aarch64-linux-gnu-gcc (apt-get install gcc-aarch64-linux-gnu)" command -v aarch64-linux-gnu-gcc
need "qemu-aarch64 (apt-get install qemu-user)" command -v qemu-aarch64

build aarch64 aarch64-linux-gnu-gcc -O3 -static
run_tests aarch64 qemu-aarch64
expect_isas aarch64 "neon_i8mm neon_dotprod neon_bf16 neon generic"
run_tests aarch64 qemu-aarch64 -cpu cortex-a57
expect_isas aarch64 "neon generic"
