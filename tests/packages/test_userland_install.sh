#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The arm64 package under the dpkg of other userlands: installed, upgraded, removed
# and purged; with systemd-sysusers and without, with and without an older systemd.
# shellcheck source-path=SCRIPTDIR source-path=SCRIPTDIR/../e2e
. "$(dirname "$0")/../e2e/lib/e2e.sh"
. "$E2E/../packages/lib/userland.sh"
. "$E2E/../packages/lib/packages.sh"
require debootstrap unshare chroot setpriv ip dpkg-deb
export PACKAGE NEXT VERSION
PACKAGE=$(package_of edgeprof arm64)
NEXT=$WORK/next.deb
next_package "$PACKAGE" "$NEXT"

manager() { inside_all /usr/bin/dpkg --force-confold "$@"; }
gone() { ! [ -e "$ROOT/$1" ] && ! [ -L "$ROOT/$1" ]; }
status_is() { [ "$(inside /usr/bin/dpkg-query -W -f '${db:Status-Abbrev}${Version}' edgeprof)" = "$1" ]; }
has_user() { grep -q "^edgeprof:.*:/var/lib/edgeprof:/usr/sbin/nologin$" "$ROOT/etc/passwd" && grep -q '^edgeprof:' "$ROOT/etc/group"; }
is_enabled() { [ -L "$ROOT/etc/systemd/system/multi-user.target.wants/edgeprof.service" ]; }
conf_kept() { grep -q '^interval = 2s' "$ROOT/etc/edgeprof/edgeprof.conf"; }
runs() { [ "$(inside_all /usr/bin/edgeprof --version)" = "edgeprof $VERSION" ]; }
traces() { # what tells of the package, but the logs
    find "$ROOT" -xdev \( -path "$ROOT/proc" -o -path "$ROOT/sys" -o -path "$ROOT/dev" -o -path "$ROOT/tmp" -o -path "$ROOT/var/log" \) -prune -o \
        -name '*edgeprof*' -print
    grep -H edgeprof "$ROOT"/etc/{passwd,group,shadow,gshadow} 2>/dev/null
}
no_traces() {
    local left
    left=$(traces)
    [ -z "$left" ] || { echo "left: $left" && return 1; }
}
# systemctl of JetPack 4.
older_systemd() {
    mkdir -p "$ROOT/usr/local/bin"
    printf '#!/bin/sh\necho "systemd 237"\n' >"$ROOT/usr/local/bin/systemctl"
    chmod 755 "$ROOT/usr/local/bin/systemctl"
}
links_drop_in() {
    [ "$(readlink "$ROOT/etc/systemd/system/edgeprof.service.d/older-systemd.conf")" = /usr/share/edgeprof/older-systemd.conf ] &&
        grep -q '^AmbientCapabilities=CAP_SYS_ADMIN' "$ROOT/usr/share/edgeprof/older-systemd.conf"
}

install_first() { # SUITE
    cp "$PACKAGE" "$NEXT" "$ROOT/tmp/"
    expect "$1: dpkg installs it" manager -i "/tmp/${PACKAGE##*/}"
    expect "$1: it runs from there" runs
    expect "$1: user and group are made" has_user
    expect "$1: the unit is enabled" is_enabled
    expect "$1: the folder for types of kernels is there" test -d "$ROOT/var/lib/edgeprof/btf"
    expect "$1: no drop-in for a systemd that knows CAP_BPF" gone etc/systemd/system/edgeprof.service.d
}
purge() { # SUITE
    expect "$1: dpkg purges it" manager -P edgeprof
    expect "$1: nothing is left" no_traces
}
upgrade_and_remove() { # SUITE
    echo "interval = 2s" >"$ROOT/etc/edgeprof/edgeprof.conf"
    older_systemd
    expect "$1: dpkg upgrades it" manager -i "/tmp/${NEXT##*/}"
    expect "$1: to the next version" status_is "ii $VERSION+next"
    expect "$1: the edited configuration is kept" conf_kept
    expect "$1: an older systemd gets its drop-in" links_drop_in
    expect "$1: dpkg removes it" manager -r edgeprof
    expect "$1: the program and the unit are gone" eval "gone usr/bin/edgeprof && gone lib/systemd/system/edgeprof.service"
    expect "$1: the configuration stays" conf_kept
}
whole_life() { # SUITE
    install_first "$1"
    upgrade_and_remove "$1"
    purge "$1"
}
short_life() { # SUITE
    install_first "$1"
    purge "$1"
}

VERSION=$(cat "$E2E/../../VERSION")
userland bullseye whole_life bullseye
userland trixie short_life trixie
done_testing
