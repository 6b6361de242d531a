#!/usr/bin/env bash
# Proves that ckmeans and the libraries with OpenMP runtimes of their own leave each other's results alone in one process.
#
# Usage: neighbors.sh [WHEEL]    without a wheel the package is built from this checkout
# Which PyTorch is taken, and from where, is pip's configuration: PIP_EXTRA_INDEX_URL, PIP_CONSTRAINT.
set -euo pipefail
wheel=${1:+$(realpath "$1")}
root=$(realpath "$(dirname "$0")/../..")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install -q "${wheel:-$root}[neighbors]"
cd "$work" # away from the checkout, whose package is not the installed one
timeout 600 "$work/venv/bin/pytest" "$root/tests/test_neighbors.py" -m neighbors -p no:cacheprovider
