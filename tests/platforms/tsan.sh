#!/usr/bin/env bash
# Proves that threads do not race: by Clang's thread sanitizer, for GCC 12's miscompiles the regions of another target;
# and by GCC's where those of its OpenMP runtime help, which it follows through the locks of the core alone.
set -euo pipefail
source "$(dirname "$0")/c_tests.sh"
need "clang (apt-get install clang)" command -v clang
need "gcc (apt-get install gcc)" command -v gcc

export TSAN_OPTIONS=die_after_fork=0
gcc -O1 -g -fsanitize=thread -fopenmp "${flags[@]}" tests/c/crew_test.c src_c/{base,threads}/*.c -lm -o "$out/openmp"
timeout 300 "$out/openmp" 300 1

has_openmp() { false; } # LLVM's runtime was not built for the sanitizer, which takes its locks for races
build tsan clang -O2 -g -fsanitize=thread -Wno-pass-failed # loops grown by it are not unrolled
run_tests tsan
