# Sourced by scripts that build the programs of tests/c: those here and tests/c/run.sh. All of them take
#     [rounds] [seed]
# shellcheck shell=bash
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
rounds=${1:-20} seed=${2:-1}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
flags=(-std=c11 -ffp-contract=off -fno-math-errno -fno-trapping-math -Wall -Wextra -Werror -pthread)
programs=(core_test partial_test prices_test kernel_test crew_test fuzz_api) # tests/c/NAME*.c each

# need WHAT_IS_MISSING COMMAND...: the command must succeed.
need() {
    local missing=$1
    shift
    "$@" >/dev/null 2>&1 || { echo "missing: $missing" >&2; exit 77; }
}

# compile NAME COMPILER...: every source once, side by side on all processors.
compile() {
    local objects=$out/$1-objects folder program sources=(src_c/*.c src_c/*/*.c tests/c/tile_model.c)
    shift
    for program in "${programs[@]}"; do sources+=("tests/c/$program"*.c); done
    for folder in src_c/*/ tests/c; do mkdir -p "$objects/$folder"; done
    printf '%s\n' "${sources[@]}" | xargs -P "$(getconf _NPROCESSORS_ONLN)" -I{} \
        "$@" "${flags[@]}" -c {} -o "$objects/{}.o"
}

# link NAME COMPILER...: every program from the core's objects and its own.
link() {
    local name=$1 objects=$out/$1-objects program
    shift
    for program in "${programs[@]}"; do
        "$@" "$objects"/src_c/{,*/}*.o "$objects/tests/c/"{"$program"*,tile_model.c}.o -lm -o "$out/$name-$program"
    done
}

# has_openmp COMPILER...: not where everything is linked statically, for what the runtime has is looked up when it runs.
has_openmp() {
    [[ " $* " != *" -static "* ]] &&
        "$@" -fopenmp -x c - -o "$out/probe" 2>/dev/null <<<'#include <omp.h>
            int main(void) { return omp_get_max_threads() < 1; }'
}

# build NAME COMPILER...: with OpenMP where the compiler has it, so that each lender of threads is tried.
build() {
    local name=$1 openmp=()
    shift
    if has_openmp "$@"; then openmp=(-fopenmp); fi
    compile "$name" "$@" "${openmp[@]}"
    link "$name" "$@" "${openmp[@]}" -pthread
}

# core_test NAME [EMULATOR...]: what it prints is left in $out/NAME.
core_test() {
    local name=$1
    shift
    timeout 1200 "$@" "$out/$name-core_test" "$rounds" "$seed" | tr -d '\r' | tee "$out/$name"
}

# kernel_test NAME [EMULATOR...]: its rounds are long.
kernel_test() {
    local name=$1
    shift
    timeout 1200 "$@" "$out/$name-kernel_test" $((rounds / 20 + 1)) "$seed"
}

# What the others' digests are compared with.
run_native() {
    build native "${CC:-cc}" -O2
    echo "== native"
    core_test native
    kernel_test native
}

# run_tests NAME [EMULATOR...]
run_tests() {
    local name=$1 forks=1
    shift
    if [ $# -gt 0 ]; then forks=0; fi # qemu-user 7.2 aborts when a forked child starts threads
    if [ ! -e "$out/native" ]; then run_native; fi
    echo "== $name${*:+, by $*}"
    core_test "$name" "$@"
    if [ "$(grep digest "$out/native")" != "$(grep digest "$out/$name")" ]; then
        echo "the digests differ" >&2
        return 1
    fi
    timeout 300 "$@" "$out/$name-partial_test" "$rounds" "$seed"
    timeout 300 "$@" "$out/$name-prices_test"
    kernel_test "$name" "$@"
    timeout 300 "$@" "$out/$name-crew_test" 300 $forks
    timeout 300 "$@" "$out/$name-fuzz_api" 2 "$seed"
}

# expect_isas NAME "ISA ...": those that ran, the best first.
expect_isas() {
    grep -q "^$2 agree in" "$out/$1" || { echo "expected to run: $2" >&2; return 1; }
}
