#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The arm64 program in userlands older and newer than the one it was linked in.
# That of JetPack 4 (glibc 2.27) is in no Debian suite: test_packages.sh shows that
# the program takes nothing from a userland's C library.
# shellcheck source-path=SCRIPTDIR source-path=SCRIPTDIR/../e2e
. "$(dirname "$0")/../e2e/lib/e2e.sh"
. "$E2E/../packages/lib/userland.sh"
require localedef debootstrap unshare chroot setpriv script ip
PROGRAM=${EDGEPROF_BUILD:-$E2E/../../build}/arm64/edgeprof
[ -x "$PROGRAM" ] || bail "no $PROGRAM; run make arm64 first"
export PROGRAM

# What a static program must not load: a name service that is not there.
prepare() {
    install "$PROGRAM" "$ROOT/usr/bin/edgeprof"
    echo "edgeprof:x:4711:" >>"$ROOT/etc/group"
    printf 'group: missing\nhosts: missing\n' >"$ROOT/etc/nsswitch.conf"
    mkdir -p "$ROOT/run/edgeprof" "$ROOT/usr/lib/locale"
    cp -r "$WORK/de_DE.iso88591" "$ROOT/usr/lib/locale/"
}

says() { # TEXT COMMAND...: inside
    local text=$1 out
    shift
    out=$(inside /usr/bin/edgeprof "$@" 2>&1)
    case $out in *"$text"*) return 0 ;; esac
    echo "not '$text' but: $out"
    return 1
}
doctor_ends() {
    local status=0
    inside /usr/bin/edgeprof doctor >"$ROOT/tmp/doctor" 2>&1 || status=$?
    if [ "$status" -gt 1 ] || ! grep -q '^works  *kernel .* aarch64' "$ROOT/tmp/doctor"; then
        echo "status $status: $(tail -3 "$ROOT/tmp/doctor")"
        return 1
    fi
}
publishes() { # ADDRESS
    inside /usr/bin/edgeprof watch --address "$1" --json --count 1 --wait 10s >"$ROOT/tmp/message" 2>&1
    "$PYTHON" -c 'import json, sys; m = json.load(open(sys.argv[1])); assert m["snapshot"]["containers"]' "$ROOT/tmp/message" ||
        { head -c 300 "$ROOT/tmp/message" && return 1; }
}
socket_group() { [ "$(stat -c %g "$ROOT/run/edgeprof/live.ipc")" = 4711 ]; }
foreign_name() {
    local status=0
    says "static and looks up no host names; give a numeric address or localhost" watch --address tcp://node7:5570 || return
    inside /usr/bin/edgeprof watch --address tcp://node7:5570 2>/dev/null || status=$?
    [ "$status" = 1 ]
}
latin_1() {
    LANG=de_DE.ISO-8859-1 says "RUNTIME" top --live --families none --batch --count 1
}
# A terminal that is drawn on by the entries of that tree's terminfo.
screen() { # TERM
    local keys=$ROOT/tmp/keys drawn=$ROOT/tmp/screen
    rm -f "$keys" "$drawn" && mkfifo "$keys"
    (wait_until 10 grep -q "CPU %" "$drawn"; printf q) >"$keys" &
    if ! TERM=$1 timeout 15 script -qefc "stty rows 24 cols 100; chroot '$ROOT' /run/emulator/qemu /usr/bin/edgeprof top" \
        "$drawn" <"$keys" >/dev/null || ! grep -q "CPU %" "$drawn" || ! grep -q $'\e\[' "$drawn"; then
        tail -c 300 "$drawn"
        return 1
    fi
}

suite() { # SUITE
    prepare
    expect "$1: --version" says "edgeprof $VERSION" --version
    expect "$1: doctor reaches its end" doctor_ends
    expect "$1: a Latin-1 terminal takes no converter from the userland" latin_1
    inside_start /usr/bin/edgeprof agent --families none --interval 500ms \
        --publish ipc:///run/edgeprof/live.ipc,tcp://127.0.0.1:5570 2>"$ROOT/tmp/agent.log"
    wait_until 10 test -S "$ROOT/run/edgeprof/live.ipc" || not_ok "$1: the agent starts" "$(tail -3 "$ROOT/tmp/agent.log")"
    expect "$1: over ipc" publishes ipc:///run/edgeprof/live.ipc
    expect "$1: over tcp to a numeric address" publishes tcp://127.0.0.1:5570
    expect "$1: over tcp to localhost" publishes tcp://localhost:5570
    expect "$1: a host name is refused with a clear line" foreign_name
    expect "$1: the socket belongs to the group of /etc/group" socket_group
    expect "$1: top in text" says "RUNTIME" top --batch --count 1
    expect "$1: top on an xterm, by the userland's own terminfo" screen xterm
    expect "$1: top on the linux console" screen linux
    expect "$1: the agent is still well" kill -0 "$STARTED"
    stop_process "$STARTED"
}

# Of a character set that the C library does not hold in itself.
make_locale() {
    local sources=$WORK/locales
    "$E2E/../../packaging/apt.sh" -s bookworm unpack "$sources" locales || bail "cannot fetch the sources of locales"
    I18NPATH=$sources/usr/share/i18n localedef --no-archive -i de_DE -f ISO-8859-1 "$WORK/de_DE.iso88591" || bail "cannot make a locale"
}

make_locale
VERSION=$(cat "$E2E/../../VERSION")
export VERSION
for suite in bullseye trixie; do
    userland "$suite" suite "$suite"
done
done_testing
