#!/usr/bin/env bash
# One wheel, every Python from 3.11 on that is found here: in bare environments, with NumPy, pytest and hypothesis only.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
need_tools
wheel=$(repaired_wheel)
empty_out

tested=0
for python in ~/.pyenv/versions/*/bin/python /usr/bin/python3.[1-9][0-9]; do
    # Free-threaded ones have a wheel and a script of their own.
    [ -x "$python" ] && "$python" -c 'import sys
sys.exit(sys.version_info < (3, 11) or "t" in getattr(sys, "abiflags", ""))' 2>/dev/null || continue
    version=$(python_version "$python")
    venv=$out/$((++tested))
    printf '\n-- Python %s\n' "$version"
    bare_venv "$python" "$venv" "$wheel"
    (cd "$out" && "$venv/bin/python" -W error -c "import ckmeans; print(ckmeans.kmeans([[0.0], [1], [9]], 2).labels)")
    "$venv/bin/ckmeans" --version
    test_installed "$venv" 2>&1 | tee "$venv/tests.log" | tail -n 3
done
[ "$tested" -gt 0 ] || missing "a Python >= 3.11"
