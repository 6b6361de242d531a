#!/usr/bin/env bash
# cibuildwheel would build exactly the wheels we promise: two for each of eight platforms.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
need_tools
empty_out

for platform in manylinux_x86_64 manylinux_aarch64 musllinux_x86_64 musllinux_aarch64 \
    macosx_x86_64 macosx_arm64 win_amd64 win_arm64; do
    printf '%s\n' "cp311-$platform" "cp314t-$platform"
done | sort >"$out/expected"

# Each runner of wheels.yml builds for its own architecture, which "auto64" stands for: asked for by name here.
while read -r system architectures; do
    "$tools/cibuildwheel" --print-build-identifiers --platform "$system" --archs "$architectures"
done <<'END' | sort >"$out/identifiers"
linux x86_64,aarch64
macos x86_64,arm64
windows AMD64,ARM64
END
diff "$out/expected" "$out/identifiers"
cat "$out/identifiers"
