# What the scripts here share; each sources it first. It leads into the checkout, and `out` is the script's own folder.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"
platforms=$root/build/platforms
tools=$platforms/tools/bin
out=$platforms/$(basename "$0" .sh)
platform=manylinux_2_28_x86_64

fail() { echo "$*" >&2; exit 1; }

# What cannot be tried here is neither a success nor a failure.
missing() { echo "missing: $*" >&2; exit 77; }

python_version() { "$1" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])'; }

# The tools of the group "platforms" and what a build requires, in a virtual environment of their own.
need_tools() {
    if cmp -s pyproject.toml "$platforms/tools/pyproject.toml"; then return; fi
    "${PYTHON:-python3}" -m venv "$platforms/tools"
    "$tools/python" -m pip install -q --upgrade pip
    local requires
    mapfile -t requires < <("$tools/python" -c \
        'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")')
    "$tools/python" -m pip install -q --group platforms "${requires[@]}"
    cp pyproject.toml "$platforms/tools/pyproject.toml"
}

empty_out() { rm -rf "$out" && mkdir -p "$out"; }

# A copy of the working tree without what earlier builds left in it.
copy_sources() {
    mkdir -p "$1"
    git ls-files -z --cached --others --exclude-standard | tar -c --null -T - | tar -x -C "$1"
}

digest_of_sources() {
    git ls-files -z --cached --others --exclude-standard setup.py pyproject.toml licenses ckmeans src_c |
        xargs -0 sha256sum | sha256sum
}

# build_in FOLDER ARGUMENTS...: `python -m build`, of the tools or of $builder, with what it has: without the network.
build_in() {
    local folder=$1
    shift
    (cd "$folder" && "${builder:-$tools/python}" -m build --no-isolation "$@") >"$out/build.log" 2>&1 ||
        { tail -n 30 "$out/build.log" >&2; fail "the build failed: $out/build.log"; }
}

# Prints the one file that a pattern stands for.
only() { [ $# = 1 ] && [ -f "$1" ] || fail "one file expected: $*"; echo "$1"; }

# GCC's OpenMP runtime as wheels for $platform carry it, to link against, in the folder $openmp: this machine's own asks
# for a newer C library, or another one. A wheel of pykdtree lends it, for what is tried here only: wheels that are
# published get the runtime of the image that they are built in.
need_openmp() {
    openmp=$platforms/openmp/$platform
    if [ -e "$openmp/libgomp.so" ]; then return; fi
    rm -rf "$openmp" && mkdir -p "$openmp"
    "$tools/python" -m pip download -q --no-deps --only-binary :all: --platform "$platform" -d "$openmp" pykdtree
    "$tools/python" -m zipfile -e "$openmp"/*.whl "$openmp/unpacked"
    mv "$openmp"/unpacked/pykdtree.libs/libgomp-* "$openmp"
    ln -s "$(basename "$openmp"/libgomp-*)" "$openmp/libgomp.so"
}

# Prints the wheel of wheel.sh, built again where the sources have changed.
repaired_wheel() {
    if [ "$(digest_of_sources)" != "$(cat "$platforms/wheel/digest" 2>/dev/null || true)" ]; then
        tests/platforms/wheel.sh >&2
    fi
    only "$platforms"/wheel/repaired/*.whl
}

# bare_venv PYTHON FOLDER WHEEL: an environment with the wheel and what the fast tests need. The interpreter may come
# without pip; of what needs a compiler of its own, an older release that needs none is taken.
bare_venv() {
    "$1" -m venv --clear --without-pip "$2"
    "$tools/python" -m pip --python "$2/bin/python" install -q --only-binary :all: "$3" pytest hypothesis
}

# test_installed VENV: the fast tests, from a folder without the sources' package in it.
test_installed() {
    (cd "$out" && CKMEANS_TEST_INSTALLED=1 "$1/bin/python" -m pytest -c "$root/pyproject.toml" --rootdir "$root" \
        -p no:cacheprovider -m "not slow and not heavy and not neighbors" "$root/tests" "${@:2}")
}
