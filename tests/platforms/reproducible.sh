#!/usr/bin/env bash
# Two builds in two folders, of one file at a time and of four, give the same bytes: source distribution and wheel.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
need_tools
empty_out
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH

jobs=1
for folder in first second/in/a/longer/path; do
    copy_sources "$out/$folder"
    MAX_JOBS=$jobs build_in "$out/$folder" --sdist --wheel --outdir "$out/$folder-dist"
    jobs=4
done
for suffix in tar.gz whl; do
    sha256sum "$(only "$out"/first-dist/*."$suffix")" "$(only "$out"/second/in/a/longer/path-dist/*."$suffix")"
    cmp "$out"/first-dist/*."$suffix" "$out"/second/in/a/longer/path-dist/*."$suffix"
done
