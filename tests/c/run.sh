#!/usr/bin/env bash
# Builds and runs the programs here with the address and undefined-behavior sanitizers, AMX tiles carried out by
# tile_model.c; before that core_test and kernel_test without them.
#     tests/c/run.sh [rounds] [seed]
set -euo pipefail
set -- "${1:-150}" "${2:-1}"
source "$(dirname "$0")/../platforms/c_tests.sh"

model=()
if [ "$(uname -sm)" = "Linux x86_64" ]; then model=(-DCK_UNIT_MODELS); fi
build sanitized "${CC:-cc}" -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all "${model[@]}"
run_tests sanitized
