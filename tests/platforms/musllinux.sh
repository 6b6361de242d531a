#!/usr/bin/env bash
# A musllinux wheel, built and tested by a CPython that runs on the C library musl.
# It is MUSL_PYTHON, or compiled here, once, from Debian's sources.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
[ "$(uname -sm)" = "Linux x86_64" ] || missing "Linux on x86-64"
platform=musllinux_1_2_x86_64
musl=$platforms/musl-python
installed=$musl/installed

# Sources of CPython, and of what its standard library needs, as this release of Debian has them. Of musl the newest
# release's: libraries in wheels are linked with relative relocations, which versions before 1.2.4 pass over.
fetch_sources() {
    local archive release cpython apt source name
    archive=$(apt-get indextargets --format '$(REPO_URI)' "Identifier: Packages" "Label: Debian" | head -n 1)
    [ -n "$archive" ] || { echo "no archive of Debian's is configured"; return 1; }
    release=$(. /etc/os-release && echo "$VERSION_CODENAME")
    cpython=$(apt-cache show python3 | sed -n 's/^Version: \(3\.[0-9]*\).*/python\1/p' | head -n 1)
    mkdir -p "$musl/lists/partial" "$musl/cache"
    printf "deb-src $archive %s main\n" "$release" stable >"$musl/sources.list"
    apt=(apt-get -qq -o Dir::Etc::SourceParts=- -o "Dir::Etc::SourceList=$musl/sources.list"
        -o "Dir::State::Lists=$musl/lists" -o "Dir::Cache=$musl/cache")
    "${apt[@]}" update
    for source in musl/stable zlib/"$release" libffi/"$release" "$cpython/$release"; do
        name=${source%%[0-9./]*}
        mkdir -p "$musl/sources/$name"
        (cd "$musl/sources/$name" && "${apt[@]}" source --download-only --tar-only "$source" &&
            tar -x --strip-components 1 -f "$(only ./*.orig.tar.*[!c])")
    done
}

# make_source NAME CONFIGURE-ARGUMENTS...
make_source() {
    (cd "$musl/sources/$1" && ./configure --prefix="$installed" "${@:2}" && make -j "$(nproc)" && make install)
}

compile_python() {
    # The C library has the name that Alpine Linux gives it: wheels are linked with it, and auditwheel tells musl by it.
    LDFLAGS=-Wl,-soname,libc.musl-x86_64.so.1 make_source musl --syslibdir="$installed/lib"
    export CC=$musl/cc CFLAGS="-O2 -fPIC"
    make_source zlib --static
    make_source libffi --disable-shared --with-pic --disable-exec-static-tramp --disable-multi-os-directory \
        --libdir="$installed/lib"
    unset CFLAGS
    export CPPFLAGS=-I$installed/include LDFLAGS=-L$installed/lib
    make_source python --without-ensurepip --disable-test-modules OPT="-DNDEBUG -fwrapv -O1" # which compiles sooner
}

# The compiler for musl. Its specs leave GCC's own answer, for glibc, to one question.
write_compiler() {
    cat >"$musl/cc" <<END
#!/bin/sh
case "\$*" in
    -print-multiarch | --print-multiarch) echo x86_64-linux-musl ;;
    *) exec "$installed/bin/musl-gcc" "\$@" ;;
esac
END
    chmod +x "$musl/cc"
}

need_python() {
    python=${MUSL_PYTHON:-$installed/bin/python3}
    if [ -n "${MUSL_PYTHON:-}" ] || [ -e "$musl/complete" ]; then return; fi
    for tool in apt-get dpkg-source gcc make; do
        command -v $tool >/dev/null || missing "MUSL_PYTHON, or $tool to compile one from Debian's sources"
    done
    rm -rf "$musl" && mkdir -p "$musl"
    write_compiler
    (fetch_sources; compile_python) >"$musl/log" 2>&1 & # waited for, since what `||` follows does not stop at errors
    wait $! ||
        { tail -n 30 "$musl/log" >&2; missing "a CPython on musl could not be compiled: $musl/log"; }
    rm -rf "$musl/sources"
    touch "$musl/complete"
}

# environment NAME PACKAGES...: by the pip of another Python, for one without TLS reaches no index.
environment() {
    "$python" -m venv --without-pip "$out/$1"
    "$tools/python" -m pip install -q --only-binary :all: --platform "$platform" --implementation cp \
        --python-version "$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')" \
        --target "$(echo "$out/$1"/lib/python3*/site-packages)" "${@:2}"
}

need_tools
need_openmp
need_python
readelf -l "$python" | grep -q ld-musl- || fail "$python does not run on musl"
empty_out
copy_sources "$out/source"
environment builder build "setuptools>=77" "cython>=3.1"

CKMEANS_OPENMP=1 LDFLAGS=-L$openmp \
    builder=$out/builder/bin/python build_in "$out/source" --wheel --outdir "$out/built"
PATH=$tools:$PATH LD_LIBRARY_PATH=$openmp auditwheel repair -w "$out/repaired" "$(only "$out"/built/*.whl)"
wheel=$(only "$out/repaired"/*-abi3-*"$platform"*.whl)

environment venv "$wheel" pytest hypothesis
echo "CPython $(python_version "$python") on musl"
test_installed "$out/venv" 2>&1 | tee "$out/tests.log" | tail -n 3
