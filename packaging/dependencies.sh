#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Installs what a step needs from the distribution's packages (Debian 12,
# Ubuntu 22.04 and 24.04): dependencies.sh build|test|bench|lint|packages|vm ...
# Does nothing, and needs no rights, when everything is there.
set -eu

# The other one of the two architectures that packages are made for.
foreign_cpu() {
    case "$(dpkg --print-architecture)" in
    arm64) echo x86-64 ;;
    *) echo aarch64 ;;
    esac
}

packages_of() {
    case "$1" in
    build) echo make gcc pkg-config clang llvm libbpf-dev libelf-dev zlib1g-dev protobuf-c-compiler \
        libprotobuf-c-dev libnanomsg-dev libncurses-dev libjansson-dev libinih-dev uthash-dev libcap-dev ;;
    test) echo libcmocka-dev libclang-rt-14-dev python3 python3-protobuf protobuf-compiler iproute2 libcap2-bin \
        util-linux procps bpftool dwarves tmux jq podman runc containerd docker.io busybox-static mandoc \
        debootstrap systemd-container ;;
    bench) echo python3 libbpf-tools bpftrace linux-perf ;;
    lint) echo clang-format clang-tidy cppcheck shellcheck python3 universal-ctags git bpftool mandoc ;;
    packages) echo "gcc-$(foreign_cpu)-linux-gnu" cmake debhelper dpkg-dev lintian binutils qemu-user-static ;;
    vm) echo qemu-system-x86 qemu-system-arm python3 kmod e2fsprogs gzip xz-utils zstd flex bison bc dwarves ;;
    *) echo "dependencies.sh: '$1' is none of build, test, bench, lint, packages, vm" >&2; exit 2 ;;
    esac
}

# Names that differ on Ubuntu.
rename() {
    . /etc/os-release
    for package in "$@"; do
        case "${ID:-}:$package" in
        ubuntu:bpftool) echo linux-tools-common linux-tools-generic ;;
        ubuntu:linux-perf) echo linux-tools-common linux-tools-generic ;;
        ubuntu:libclang-rt-14-dev) [ "${VERSION_ID:-}" = 22.04 ] || echo libclang-rt-18-dev ;;
        *) echo "$package" ;;
        esac
    done
}

missing=
for step in "$@"; do
    # shellcheck disable=SC2046 # a list of words
    for package in $(rename $(packages_of "$step")); do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' ||
            missing="$missing $package"
    done
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" -ne 0 ]; then
    echo "edgeprof: these packages are missing:$missing" >&2
    echo "edgeprof: install them, or run this target with sudo" >&2
    exit 1
fi
echo "Installing from the distribution:$missing"
apt-get update -qq
# shellcheck disable=SC2086 # a list of words
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
