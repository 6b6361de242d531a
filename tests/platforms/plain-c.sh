#!/usr/bin/env bash
# Proves the core without vector types, as Microsoft's compiler would build it, with sanitizers.
set -euo pipefail
source "$(dirname "$0")/c_tests.sh"

build plain "${CC:-cc}" -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -DCK_VECTOR_TYPES=0
run_tests plain
