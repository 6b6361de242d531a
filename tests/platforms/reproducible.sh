#!/usr/bin/env bash
# Two builds in two folders give the same bytes, of the source distribution and of the wheel.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
need_tools
empty_out
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH

for folder in first second/in/a/longer/path; do
    copy_sources "$out/$folder"
    build_in "$out/$folder" --sdist --wheel --outdir "$out/$folder-dist"
done
for suffix in tar.gz whl; do
    sha256sum "$(only "$out"/first-dist/*."$suffix")" "$(only "$out"/second/in/a/longer/path-dist/*."$suffix")"
    cmp "$out"/first-dist/*."$suffix" "$out"/second/in/a/longer/path-dist/*."$suffix"
done
