#!/usr/bin/env bash
# The source distribution holds every source and nothing else, and a wheel is built from it without the network.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
need_tools
empty_out

copy_sources "$out/source"
build_in "$out/source" --sdist --outdir "$out"
archive=$(only "$out"/*.tar.gz)
"$tools/twine" check --strict "$archive"

git ls-files --cached --others --exclude-standard ckmeans src_c tests examples pyproject.toml setup.py MANIFEST.in \
    licenses LICENSE README.md CHANGELOG.md | sort >"$out/expected"
# What setuptools adds is not in the checkout.
tar -tzf "$archive" | sed -n 's,^[^/]*/,,p' | grep -Ev '/$|^$|^(PKG-INFO|setup\.cfg|[^/]*\.egg-info/.*)$' |
    sort >"$out/contents"
diff "$out/expected" "$out/contents"

mkdir "$out/unpacked"
tar -xzf "$archive" -C "$out/unpacked" --strip-components 1
offline=()
if unshare -rn true 2>/dev/null; then offline=(unshare -rn); else echo "no network namespace: the network stays up"; fi
(cd "$out/unpacked" && "${offline[@]}" "$tools/python" -m pip wheel -q --no-index --no-build-isolation --no-deps \
    --wheel-dir "$out/wheel" .)
echo "$(wc -l <"$out/contents") files; $(basename "$(only "$out"/wheel/*.whl)")"
