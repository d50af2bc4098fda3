#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Packs what `make install` put below BUILD/deb/install into Debian packages:
#	package.sh amd64|arm64 BUILD RESULTS
# The source tree stays as it is, and two runs give the same bytes: the date in
# the packages is that of CHANGELOG.md's first entry, or of the last commit.
set -euo pipefail

fail() {
    echo "package.sh: $*" >&2
    exit 1
}

[ $# -eq 3 ] || fail "usage: package.sh amd64|arm64 BUILD RESULTS"
architecture=$1
work=$(realpath "$2")/deb
results=$(realpath -m "$3")
here=$(cd "$(dirname "$0")" && pwd)
source=$(dirname "$here")
version=$(cat "$source/VERSION")
stage=$work/edgeprof-$version
# Those that are linked into the program, and where each has its licence.
LIBRARIES=(libc6-dev libbpf-dev libelf-dev zlib1g-dev libprotobuf-c-dev libjansson-dev libinih-dev libtinfo6 libcap-dev
    libnanomsg-dev uthash-dev)

for program in dh dpkg-buildpackage python3; do
    command -v "$program" >/dev/null || fail "no $program on this machine; packaging/dependencies.sh packages installs what is needed"
done
[ -x "$work/install/usr/bin/edgeprof" ] || fail "nothing is installed below $work/install; make deb does that first"
sysroot=$("$here/sysroot.sh" "$architecture")

unreleased_seconds() {
    if [ -n "${SOURCE_DATE_EPOCH:-}" ]; then
        echo "$SOURCE_DATE_EPOCH"
    else
        git -C "$source" log -1 --format=%ct 2>/dev/null || stat -c %Y "$source/CHANGELOG.md"
    fi
}

copy_licences() {
    local library into=$work/install/usr/share/doc/edgeprof/libraries
    mkdir -p "$into"
    for library in "${LIBRARIES[@]}"; do
        install -m 0644 "$sysroot/usr/share/doc/$library/copyright" "$into/$library" ||
            fail "the sysroot of $architecture holds no licence of $library"
    done
}

# "glibc (= 2.36-9), ...": the sources of what is linked in.
built_using() {
    awk 'NR == FNR { wanted[$0] = 1; next } wanted[$1] && !seen[$2]++ { list = list sep $2 " (= " $3 ")"; sep = ", " } END { print list }' \
        <(printf '%s\n' "${LIBRARIES[@]}") "$sysroot/packages"
}

make_stage() {
    local maintainer
    rm -rf "$stage"
    mkdir -p "$stage/docs"
    cp -r "$here/debian" "$stage/debian"
    maintainer=$(sed -n 's/^Maintainer: //p' "$stage/debian/control")
    "$here/debian/changelog.py" "$source/CHANGELOG.md" "$version" "$maintainer" "$(unreleased_seconds)" >"$stage/debian/changelog" ||
        fail "no changelog for the packages (see the line above)"
    cp "$source"/{README,SECURITY}.md "$source"/docs/{external-btf.md,metrics.md,subscriber.c,subscriber.py} "$stage/docs/"
    cp -a "$work/install" "$stage/install"
    built_using >"$stage/built-using"
}

copy_licences
make_stage
cd "$stage"
rm -f ../*.deb
unset MAKEFLAGS MAKELEVEL MAKEOVERRIDES
DEB_BUILD_OPTIONS=noautodbgsym dpkg-buildpackage -b -d -us -uc "-a$architecture" >../log 2>&1 ||
    fail "cannot make the packages of $architecture: $(grep -m1 -E 'error:|Error ' ../log || tail -n1 ../log) (all of it: $work/log)"
mkdir -p "$results"
for deb in ../*.deb; do
    mv "$deb" "$results/"
    echo "$results/${deb##*/}"
done
