#!/usr/bin/env bash
# Proves that x86 processors without AVX, and with AVX2 only, run what they can and nothing else, under qemu-user.
set -euo pipefail
source "$(dirname "$0")/c_tests.sh"
need "qemu-x86_64 (apt-get install qemu-user)" command -v qemu-x86_64

build x86 "${CC:-cc}" -O3 -static
run_tests x86 qemu-x86_64 -cpu Nehalem
expect_isas x86 "generic"
export CK_WITHOUT_WALLS=1 # qemu 7.2 reads whole vectors where masked loads of AVX2 read some lanes
# Less what the emulator lacks and would warn of.
run_tests x86 qemu-x86_64 -cpu Haswell,-pcid,-x2apic,-tsc-deadline,-hle,-rtm,-invpcid
expect_isas x86 "avx2 generic"
