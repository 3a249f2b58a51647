#!/usr/bin/env bash
# Builds deb, tgz and (where rpmbuild is) rpm into dist/, with their bill of materials and sums.
# BUNDLE=3.11 carries the libraries for that Python; ARCH=arm64 for the other architecture.
# MAINTAINER="NAME <ADDRESS>" is who answers for these packages.
set -euo pipefail
cd "$(dirname "$0")/.."

PATH="$PWD/.venv/bin:$PATH"
if ! command -v cmake >/dev/null || ! command -v cpack >/dev/null; then
    if [ ! -x .venv/bin/pip ]; then
        echo "packaging/build.sh: cmake is missing: install it (apt install cmake), or run make setup first" >&2
        exit 1
    fi
    .venv/bin/pip install --quiet --disable-pip-version-check cmake
fi
if [ -z "${SOURCE_DATE_EPOCH:-}" ]; then
    SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || echo 1767225600)
fi
export SOURCE_DATE_EPOCH
umask 022

build=${BUILD_DIR:-build}
dist=${DIST_DIR:-dist}
options=(-DPython3_FIND_VIRTUALENV=FIRST)
[ -z "${MAINTAINER:-}" ] || options+=("-DMAINTAINER=$MAINTAINER")
name=plain
if [ -n "${BUNDLE:-}" ]; then
    options+=(-DBUNDLE_DEPENDENCIES=ON "-DTARGET_PYTHON=$BUNDLE" "-DTARGET_ARCH=${ARCH:-}")
    name=bundle-$BUNDLE${ARCH:+-$ARCH}
fi
rm -rf "$build/packages-$name"
cmake -S . -B "$build/packages-$name" "${options[@]}"
cmake --build "$build/packages-$name"
(cd "$build/packages-$name" && cpack)

mkdir -p "$dist"
shopt -s nullglob
for file in "$build/packages-$name"/*.{deb,rpm,tar.gz}; do
    target=$(basename "$file")
    case "$name/$target" in
        bundle*/*.tar.gz) target="${target%.tar.gz}-python$BUNDLE-${ARCH:-$(uname -m)}.tar.gz" ;;
    esac
    cp "$file" "$dist/$target"
done
cp "$build/packages-$name/sednabox.cdx.json" "$dist/sednabox-$name.cdx.json"
(cd "$dist" && sha256sum -- *.deb *.rpm *.tar.gz *.cdx.json > SHA256SUMS)
if ! command -v rpmbuild >/dev/null; then
    echo "no rpm was built: rpmbuild is not installed (Debian: apt install rpm; Fedora: dnf install rpm-build)" >&2
fi
cat "$dist/SHA256SUMS"
