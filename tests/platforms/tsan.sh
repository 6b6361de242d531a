#!/usr/bin/env bash
# Proves that threads do not race, by Clang's thread sanitizer: GCC 12's miscompiles the regions of another target.
set -euo pipefail
source "$(dirname "$0")/c_tests.sh"
need "clang (apt-get install clang)" command -v clang

build tsan clang -O2 -g -fsanitize=thread -Wno-pass-failed # loops grown by it are not unrolled
export TSAN_OPTIONS=die_after_fork=0
run_tests tsan
