#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The libraries and headers that static programs for an architecture are linked
# with: Debian 12's development packages, unpacked and never installed, plus
# static libraries of what the distribution ships as shared ones alone.
#	sysroot.sh amd64|arm64     makes it when it is not there yet; prints its folder
# Its file "packages" holds a line for each: package, source package, source version.
# It lies in $EDGEPROF_CACHE (default ~/.cache/edgeprof) under a name that holds
# the checksum of this file, so a changed list makes a new one.
set -euo pipefail

SUITE=bookworm
PACKAGES=(
    libc6 libc6-dev libcrypt-dev linux-libc-dev
    libbpf-dev libelf-dev zlib1g-dev libprotobuf-c-dev libjansson-dev libinih-dev libncurses-dev libcap-dev uthash-dev
    libnanomsg-dev libcmocka-dev
    libprotobuf-c1 libnanomsg5 # what libedgeprof.so is linked with
    libtinfo6                  # holds the licence of ncurses
)
STEP_SECONDS=600

fail() {
    echo "sysroot.sh: $*" >&2
    exit 1
}

case "${1:-}" in
amd64) triplet=x86_64-linux-gnu ;;
arm64) triplet=aarch64-linux-gnu ;;
*) fail "'${1:-}' is none of amd64, arm64; usage: sysroot.sh amd64|arm64" ;;
esac
architecture=$1
here=$(cd "$(dirname "$0")" && pwd)
cache=${EDGEPROF_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/edgeprof}/sysroot
key=$(sha256sum <"$0" | cut -c1-12)
made=$cache/$architecture-$key

if [ -e "$made" ]; then
    touch "$made"
    echo "$made"
    exit 0
fi

for program in "$triplet-gcc:gcc-${triplet//_/-}" cmake:cmake make:make dpkg-deb:dpkg; do
    command -v "${program%%:*}" >/dev/null ||
        fail "no ${program%%:*} on this machine; install the package ${program##*:} (packaging/dependencies.sh packages)"
done
mkdir -p "$cache"
exec 8>"$cache/$architecture.lock"
flock -w "$STEP_SECONDS" 8 || fail "another sysroot.sh $architecture has been at work for $STEP_SECONDS s; see to it, then try again"
if [ -e "$made" ]; then
    echo "$made"
    exit 0
fi

work=$(mktemp -d "$cache/.$architecture.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
root=$work/root

# Absolute links would lead out of the sysroot.
make_links_relative() {
    local link
    find "$root" -type l -lname '/*' -print | while read -r link; do
        ln -sfnr "$root$(readlink "$link")" "$link"
    done
}

# build_static PACKAGE TARGET OPTION...: the static library of a package, from its source.
build_static() {
    local package=$1 target=$2 log=$work/$1.log
    shift 2
    timeout "$STEP_SECONDS" "$here/apt.sh" -s "$SUITE" source "$work/$package" "$package" 8>&-
    {
        timeout "$STEP_SECONDS" cmake -S "$work/$package"/* -B "$work/$package.build" "$@" \
            -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR="${triplet%%-*}" -DCMAKE_C_COMPILER="$triplet-gcc" \
            -DCMAKE_SYSROOT="$root" -DCMAKE_BUILD_TYPE=Release -DCMAKE_POSITION_INDEPENDENT_CODE=ON \
            -DCMAKE_C_FLAGS="-ffile-prefix-map=$work=." -DCMAKE_FIND_ROOT_PATH="$root" -DBUILD_SHARED_LIBS=OFF &&
            timeout "$STEP_SECONDS" make -C "$work/$package.build" "$target"
    } >"$log" 2>&1 8>&- || fail "cannot build the static library of $package for $architecture: $(grep -m1 -iE 'error' "$log" || tail -n1 "$log")"
    find "$work/$package.build" -name "lib$target.a" -exec cp {} "$root/usr/lib/$triplet/lib$package.a" \;
    [ -s "$root/usr/lib/$triplet/lib$package.a" ] || fail "the build of $package for $architecture made no lib$target.a"
}

echo "sysroot.sh: making the $architecture sysroot from $SUITE packages (a minute, once)" >&2
timeout "$STEP_SECONDS" "$here/apt.sh" -a "$architecture" -s "$SUITE" download "$work/debs" "${PACKAGES[@]}" >"$work/paths" 8>&- ||
    fail "the $architecture packages of $SUITE are not all there (see the line above)"
mkdir "$root"
while read -r deb; do
    dpkg-deb -x "$deb" "$root"
    dpkg-deb -W --showformat='${Package} ${source:Package} ${source:Version}\n' "$deb" >>"$root/packages"
done <"$work/paths"
make_links_relative
build_static nanomsg nanomsg -DNN_STATIC_LIB=ON -DNN_ENABLE_GETADDRINFO_A=OFF -DNN_ENABLE_DOC=OFF \
    -DNN_TESTS=OFF -DNN_TOOLS=OFF -DNN_ENABLE_NANOCAT=OFF
build_static cmocka cmocka-static -DWITH_STATIC_LIB=ON -DWITH_EXAMPLES=OFF
touch "$root" # its date is when it was last used
mv -T "$root" "$made"
# Those of former lists, unless something still uses them.
find "$cache" -mindepth 1 -maxdepth 1 -type d -name "$architecture-*" -mtime +7 -exec rm -rf {} +
echo "$made"
