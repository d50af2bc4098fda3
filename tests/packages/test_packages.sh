#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What is in the packages of both architectures, and that a second build of them,
# from another folder, gives the same bytes.
# shellcheck source-path=SCRIPTDIR source-path=SCRIPTDIR/../e2e
. "$(dirname "$0")/../e2e/lib/e2e.sh"
. "$E2E/../packages/lib/packages.sh"
require dpkg-deb readelf objdump lintian qemu-aarch64-static script
SOURCE=$(realpath "$E2E/../..")
SYSROOT=$("$SOURCE/packaging/sysroot.sh" arm64) || bail "no sysroot"
PROGRAM_MAX_BYTES=$((8 * 1024 * 1024))

unpack() { # ARCHITECTURE: all three packages into $WORK/ARCHITECTURE
    local name
    for name in edgeprof libedgeprof0 libedgeprof-dev; do
        dpkg-deb -x "$(package_of "$name" "$1")" "$WORK/$1" || bail "cannot unpack $name of $1"
    done
}
program() { echo "$WORK/$1/usr/bin/edgeprof"; }
library() { echo "$WORK/$1/usr/lib/"*"/libedgeprof.so.0"; }

# --- the program -------------------------------------------------------------------------------
# No loader, no library, no versioned symbol: nothing of it depends on the C library
# of the userland it runs in, be it older than any that is tried here.
takes_nothing() { # ARCHITECTURE
    local found
    found=$(readelf -W -l -d -V "$(program "$1")" | grep -E 'INTERP|NEEDED|GLIBC_|Version needs')
    [ -z "$found" ] || { head -5 <<<"$found" && return 1; }
}
runs_on_old_kernels() { # ARCHITECTURE: what the C library in it asks of the kernel
    readelf -n "$(program "$1")" | grep -qE 'ABI: (3\.2\.0|3\.7\.0)$'
}
is_small() {
    local size_bytes
    size_bytes=$(stat -c %s "$(program arm64)")
    echo "$size_bytes bytes"
    [ "$size_bytes" -le "$PROGRAM_MAX_BYTES" ]
}
is_hardened() { # ARCHITECTURE
    local what
    what=$(readelf -W -h -l -d "$(program "$1")" "$(library "$1")")
    [ "$(grep -cE 'Type: +DYN' <<<"$what")" = 2 ] && [ "$(grep -c GNU_RELRO <<<"$what")" -ge 2 ] && [ "$(grep -cE 'BIND_NOW' <<<"$what")" -ge 2 ] &&
        ! grep -E 'GNU_STACK.*RWE' <<<"$what"
}
same_objects() {
    local family
    for family in "$PACKAGES_BUILD"/arm64/bpf/*.bpf.o; do
        cmp "$family" "$PACKAGES_BUILD/amd64/bpf/${family##*/}" || return
    done
}
embeds_objects() { # ARCHITECTURE: the packed program holds each object, whole and once
    "$PYTHON" - "$(program "$1")" "$PACKAGES_BUILD/$1"/bpf/*.bpf.o <<'END'
import sys
program = open(sys.argv[1], "rb").read()
assert len(sys.argv) > 5, "too few objects"
for name in sys.argv[2:]:
    assert program.count(open(name, "rb").read()) == 1, name + " is not in it once"
END
}

# --- the library ---------------------------------------------------------------------------------
fits_glibc_2_27() { # ARCHITECTURE
    local newest
    newest=$(objdump -T "$(library "$1")" | grep -oE 'GLIBC_[0-9.]+' | sort -Vu | tail -n1)
    echo "needs ${newest:=nothing}"
    [ "$(printf '%s\nGLIBC_2.27\n' "$newest" | sort -V | tail -n1)" = GLIBC_2.27 ]
}
needs_only_named() { # ARCHITECTURE
    local found
    # ld-linux comes with libc.so.6; on arm64 it holds the stack protector's guard.
    found=$(readelf -W -d "$(library "$1")" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | grep -v '^ld-linux' | sort | xargs)
    [ "$found" = "libc.so.6 libnanomsg.so.5 libprotobuf-c.so.1" ] || { echo "needs $found" && return 1; }
}
exports_only_its_own() { # ARCHITECTURE
    local found
    found=$(objdump -T "$(library "$1")" | awk '/ g / && / \.text/ { print $NF }' | grep -v '^edgeprof_')
    [ -z "$found" ] || { head -5 <<<"$found" && return 1; }
}
# The example, compiled and linked with what -dev holds, receives.
subscribes() {
    local flags agent=$WORK/run/live.ipc root=$WORK/arm64
    flags=$(PKG_CONFIG_LIBDIR=$(echo "$root"/usr/lib/*/pkgconfig):$SYSROOT/usr/lib/aarch64-linux-gnu/pkgconfig \
        PKG_CONFIG_SYSROOT_DIR=$root pkg-config --cflags --libs edgeprof) || return
    # shellcheck disable=SC2086 # a list of words
    aarch64-linux-gnu-gcc --sysroot="$SYSROOT" -o "$WORK/subscriber" "$root/usr/share/doc/libedgeprof-dev/examples/subscriber.c" \
        -isystem "$SYSROOT/usr/include" -L"$SYSROOT/usr/lib/aarch64-linux-gnu" $flags -lnanomsg || return
    readelf -d "$WORK/subscriber" | grep -q 'NEEDED.*libedgeprof.so.0' || { echo "not linked with the shared library" && return 1; }
    # On a terminal, so that it writes line by line.
    timeout 15 script -qefc "qemu-aarch64-static -L '$SYSROOT' -E \
        LD_LIBRARY_PATH='$(dirname "$(library arm64)"):$SYSROOT/usr/lib/aarch64-linux-gnu' '$WORK/subscriber' 'ipc://$agent'" \
        "$WORK/received" </dev/null >/dev/null 2>&1 &
    wait_until 15 grep -q ' memory [1-9]' "$WORK/received" || { cat "$WORK/received" && return 1; }
    stop_process $! || true
}

# --- the packages --------------------------------------------------------------------------------
needs_no_library() { # ARCHITECTURE
    local found
    found=$(dpkg-deb -f "$(package_of edgeprof "$1")" Depends Pre-Depends)
    [ "$found" = "Depends: adduser" ] || { echo "$found" && return 1; }
}
names_sources() { # ARCHITECTURE
    dpkg-deb -f "$(package_of edgeprof "$1")" Built-Using | grep -qE 'glibc \(= .*libbpf \(= .*nanomsg \(= .*'
}
old_dpkg_reads() { # ARCHITECTURE: no zstd
    local deb
    for deb in "$PACKAGES_BUILD"/packages/*_"$PACKAGES_VERSION"_"$1".deb; do
        [ "$(ar t "$deb" | xargs)" = "debian-binary control.tar.xz data.tar.xz" ] || { ar t "$deb" && return 1; }
    done
}
lint_finds_nothing() { # ARCHITECTURE
    local found
    found=$(lintian --allow-root --fail-on none --tag-display-limit 0 "$PACKAGES_BUILD"/packages/*_"$PACKAGES_VERSION"_"$1".deb 2>&1 | grep -E '^[EW]:')
    [ -z "$found" ] || { head -5 <<<"$found" && return 1; }
}
tells_no_folder() { # ARCHITECTURE: of the machine that built it
    ! grep -rlaF -e "$SOURCE" -e "$PACKAGES_BUILD" -e "$SYSROOT" "$WORK/$1"
}
builds_same_bytes() {
    local date_s deb log=$WORK/again.log
    date_s=$(dpkg-parsechangelog -l "$PACKAGES_BUILD/arm64/deb/edgeprof-$PACKAGES_VERSION/debian/changelog" -S Timestamp)
    mkdir "$WORK/elsewhere"
    tar -C "$SOURCE" -c --exclude=./build --exclude=./.git . | tar -C "$WORK/elsewhere" -x
    env -u MAKEFLAGS -u MAKELEVEL SOURCE_DATE_EPOCH="$date_s" nice make -C "$WORK/elsewhere" -j"$(nproc)" O="$WORK/again/arm64" arm64 deb >"$log" 2>&1 ||
        { tail -3 "$log" && return 1; }
    for deb in "$WORK"/again/packages/*.deb; do
        cmp "$deb" "$PACKAGES_BUILD/packages/${deb##*/}" || return
    done
}

for arch in amd64 arm64; do
    unpack "$arch"
    expect "$arch: the program takes nothing from the userland" takes_nothing "$arch"
    expect "$arch: its C library runs on every kernel since 3.7" runs_on_old_kernels "$arch"
    expect "$arch: program and library are hardened" is_hardened "$arch"
    expect "$arch: each BPF object is in the program" embeds_objects "$arch"
    expect "$arch: the library takes nothing newer than glibc 2.27" fits_glibc_2_27 "$arch"
    expect "$arch: the library needs what the package says" needs_only_named "$arch"
    expect "$arch: the library exports its own names alone" exports_only_its_own "$arch"
    expect "$arch: the program's package needs no library" needs_no_library "$arch"
    expect "$arch: the sources of what is linked in are named" names_sources "$arch"
    expect "$arch: every dpkg since 2009 can read them" old_dpkg_reads "$arch"
    expect "$arch: lintian finds no error and gives no warning" lint_finds_nothing "$arch"
    expect "$arch: no folder of the building machine is told" tells_no_folder "$arch"
done
expect "both have the same BPF objects, byte for byte" same_objects
expect "the arm64 program is at most 8 MiB" is_small
start_agent --families none --interval 200ms
expect "a program built with the arm64 library receives" subscribes
expect "a second build elsewhere gives the same bytes" builds_same_bytes
done_testing
