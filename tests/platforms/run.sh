#!/usr/bin/env bash
# Runs the scripts named, or all of them, and says how each ended; without names it lists what there is.
#     tests/platforms/run.sh [NAME... | all]
set -euo pipefail
. "$(dirname "$0")/lib.sh"

names=()
for script in tests/platforms/*.sh; do
    name=$(basename "$script" .sh)
    case $name in run | lib | c_tests) ;; *) names+=("$name") ;; esac
done

if [ $# = 0 ]; then
    for name in "${names[@]}"; do printf '%-16s%s\n' "$name" "$(sed -n '2s/^# //p' "tests/platforms/$name.sh")"; done
    exit
fi
if [ "$*" != all ]; then names=("$@"); fi
for name in "${names[@]}"; do [ -f "tests/platforms/$name.sh" ] || fail "no script is called $name"; done

mkdir -p "$platforms"
summary=() status=0
for name in "${names[@]}"; do
    printf '\n== %s\n' "$name"
    ended=0
    "tests/platforms/$name.sh" 2>&1 | tee "$platforms/$name.log" || ended=${PIPESTATUS[0]}
    case $ended in
        0) summary+=("pass          $name") ;;
        77) summary+=("tool missing  $name: $(tail -n 1 "$platforms/$name.log")") ;;
        *) summary+=("FAIL          $name") status=1 ;;
    esac
done
printf '\n== Summary\n'
printf '%s\n' "${summary[@]}"
exit "$status"
