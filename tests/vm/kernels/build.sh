#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# build.sh NAME: the arm64 kernel that NAME.config describes, built from the
# distribution's source and kept in $EDGEPROF_CACHE/kernels; prints its folder,
# which holds Image, vmlinux (with DWARF) and config. See README.md.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
apt=$here/../../../packaging/apt.sh
cache=${EDGEPROF_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/edgeprof}
kernels=$cache/kernels
series=5.10
suites=bullseye,bullseye-security
jobs=${JOBS:-$(nproc)}

fail() {
    echo "build.sh: $*" >&2
    exit 1
}

[ $# -eq 1 ] || fail "usage: build.sh NAME, one of: $(cd "$here" && grep -l '^# with:' ./*.config | sed 's|^./||; s|\.config$||' | paste -sd' ')"
name=$1
[ -f "$here/$name.config" ] || fail "no $name.config in $here"

fragments() {
    local with
    with=$(sed -n 's/^# with: *//p' "$here/$name.config")
    for file in $with "$name.config"; do
        [ -f "$here/$file" ] || fail "$name.config asks for $file, which is not in $here"
        cat "$here/$file"
    done
}

# One line for each option: what a later fragment says replaces what an earlier one said.
merged() {
    fragments | awk '
        /^CONFIG_[A-Z0-9_]+=/ { option = $0; sub(/=.*/, "", option); line[option] = $0 }
        /^# CONFIG_[A-Z0-9_]+ is not set/ { line[$2] = $0 }
        END { for (option in line) print line[option] }' | sort
}

# The source package; without a mirror the newest that is kept here.
source_package() {
    mkdir -p "$kernels"
    "$apt" -a amd64 -s $suites download "$kernels" linux-source-$series ||
        find "$kernels" -maxdepth 1 -name "linux-source-${series}_*.deb" | sort -V | tail -n1 | grep . ||
        fail "no source of Linux $series: no mirror has linux-source-$series and $kernels keeps none"
}

unpack() {
    local deb=$1 into=$2
    [ -d "$into" ] && return
    rm -rf "$into.part"
    mkdir -p "$into.part"
    dpkg-deb --fsys-tarfile "$deb" | tar -xO "./usr/src/linux-source-$series.tar.xz" |
        tar -xJ -C "$into.part" --strip-components 1 || fail "cannot unpack $deb"
    mv "$into.part" "$into"
}

# An option whose dependencies are not met is dropped without a word.
check_config() {
    local lost
    lost=$(merged | while read -r line; do
        option=$(grep -oE 'CONFIG_[A-Z0-9_]+' <<<"$line" | head -n1)
        if [ "${line#\#}" = "$line" ]; then
            grep -qxF "$line" "$1" || echo "$line"
        elif grep -q "^$option=" "$1"; then
            echo "$option=n"
        fi
    done | paste -sd' ')
    [ -z "$lost" ] || fail "$name: Linux $series does not take these options as they stand: $lost"
}

compile() {
    local source=$1 objects=$2 log=$3
    local make=(nice make -C "$source" O="$objects" ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- -j"$jobs"
        KBUILD_BUILD_USER=edgeprof KBUILD_BUILD_HOST=guest KBUILD_BUILD_VERSION=1 "KBUILD_BUILD_TIMESTAMP=$(date -u -d @0)")
    mkdir -p "$objects"
    merged >"$objects/all.config"
    "${make[@]}" KCONFIG_ALLCONFIG="$objects/all.config" allnoconfig >"$log" 2>&1 ||
        fail "$name: configuring failed: $(tail -n1 "$log"), see $log"
    check_config "$objects/.config"
    "${make[@]}" Image vmlinux >>"$log" 2>&1 ||
        fail "$name: building failed: $(grep -m1 -E 'error|Error' "$log"), see $log"
}

keep() {
    local objects=$1 folder=$2 part=$2.part
    rm -rf "$part"
    mkdir -p "$part"
    cp "$objects/arch/arm64/boot/Image" "$part/Image"
    cp "$objects/.config" "$part/config"
    cp "$objects/include/config/kernel.release" "$part/release"
    aarch64-linux-gnu-objcopy --compress-debug-sections "$objects/vmlinux" "$part/vmlinux"
    mv "$part" "$folder"
}

# What was kept for other options or an older source is of no more use.
forget_older() {
    local path
    for path in "$kernels/$name"-????????????* "$kernels/linux-source-${series}_"*; do
        case $path in
        "$folder" | "$kernels/$package" | "$kernels/$package.deb") ;;
        *) rm -rf "$path" ;;
        esac
    done
}

for tool in aarch64-linux-gnu-gcc flex bison bc; do
    command -v $tool >/dev/null || fail "$tool is missing: packaging/dependencies.sh vm packages installs it"
done
deb=$(source_package)
package=$(basename "$deb" .deb)
key=$({
    merged
    echo "$package"
} | sha256sum | cut -c1-12)
folder=$kernels/$name-$key
if [ ! -d "$folder" ]; then
    mkdir -p "$kernels"
    exec 9>"$kernels/lock"
    flock 9
    if [ ! -d "$folder" ]; then
        echo "building the kernel $name, some minutes" >&2
        unpack "$deb" "$kernels/$package"
        compile "$kernels/$package" "$kernels/objects-$series" "$kernels/$name.log"
        keep "$kernels/objects-$series" "$folder"
        forget_older
    fi
fi
echo "$folder"
