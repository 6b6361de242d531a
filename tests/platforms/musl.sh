#!/usr/bin/env bash
# Proves the core with the C library musl, and that its threads' small stacks suffice: no frame is large.
set -euo pipefail
source "$(dirname "$0")/c_tests.sh"
need "musl-gcc (apt-get install musl-tools)" command -v musl-gcc

build musl musl-gcc -O3 -static -Wframe-larger-than=32768
run_tests musl
