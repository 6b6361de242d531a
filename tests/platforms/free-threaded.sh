#!/usr/bin/env bash
# On a free-threaded Python (FREE_THREADED_PYTHON, or one on the PATH): built, tagged so, the GIL stays off, tests pass.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
python=${FREE_THREADED_PYTHON:-$(command -v python3.14t || command -v python3.13t || true)}
[ -n "$python" ] || missing "a free-threaded Python"
need_tools
empty_out

"$python" -c 'import sys, sysconfig; sys.exit(not sysconfig.get_config_var("Py_GIL_DISABLED"))' ||
    fail "$python is not free-threaded"
copy_sources "$out/source"
"$tools/python" -m pip --python "$python" wheel -q --no-deps --wheel-dir "$out" "$out/source"
wheel=$(only "$out"/*.whl)
name=$("$python" -c 'import sys; print("cp%d%d" % sys.version_info[:2])')
case $(basename "$wheel") in
    ckmeans_native-*-"$name-${name}t"-*.whl) basename "$wheel" ;;
    *) fail "the wheel is called $wheel" ;;
esac

bare_venv "$python" "$out/venv" "$wheel"
(cd "$out" && "$out/venv/bin/python" -W error -c 'import sys, ckmeans; sys.exit(sys._is_gil_enabled())') ||
    fail "ckmeans turns the GIL on"
test_installed "$out/venv" 2>&1 | tee "$out/tests.log" | tail -n 3
