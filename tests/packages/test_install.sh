#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The package of this machine's architecture on a booted machine: the service
# starts with it, is started again by an upgrade, and goes with it.
# shellcheck source-path=SCRIPTDIR source-path=SCRIPTDIR/../e2e
. "$(dirname "$0")/../e2e/lib/e2e.sh"
. "$E2E/lib/cgroups.sh"
. "$E2E/lib/target.sh"
. "$E2E/../packages/lib/packages.sh"
require systemd-nspawn debootstrap nsenter setpriv dpkg-deb
PACKAGE=$(package_of edgeprof "$(dpkg --print-architecture)")

property() { target systemctl show -p "$1" --value edgeprof; }
active() { [ "$(property ActiveState)" = active ]; }
enabled() { [ "$(target systemctl is-enabled edgeprof)" = enabled ]; }
manager() { target dpkg --force-confold "$@"; }
main_pid() { property MainPID; }
publishes() { target edgeprof watch --count 1 --json --wait 10s | grep -q '"agent_id"'; }
from_package() { [ "$(target dpkg-query -S /usr/bin/edgeprof)" = "edgeprof: /usr/bin/edgeprof" ]; }
started_again() { active && [ "$(main_pid)" != "$BEFORE" ]; }
conf_kept() { target grep -q '^interval = 500ms' /etc/edgeprof/edgeprof.conf; }
stopped() { ! active && ! target test -e /usr/bin/edgeprof; }
as_user() { target awk -v wanted="$(target id -u edgeprof)" '/^Uid:/ { found = $3 } END { exit !(wanted != "" && found == wanted) }' "/proc/$(main_pid)/status"; }
no_user() { ! target getent passwd edgeprof && ! target getent group edgeprof; }
nothing_left() {
    local left
    left=$(target find / -xdev \( -path /proc -o -path /sys -o -path /tmp -o -path /packages -o -path /var/log \) -prune -o -name '*edgeprof*' -print)
    [ -z "$left" ] || { echo "left: $left" && return 1; }
}

target_make install
mkdir "$TARGET_FILES/packages"
cp "$PACKAGE" "$TARGET_FILES/packages/now.deb"
next_package "$PACKAGE" "$TARGET_FILES/packages/next.deb"
target_boot

expect "dpkg installs the package" manager -i /packages/now.deb
expect "the program is the package's" from_package
expect "the service is enabled" enabled
expect "the service is started" wait_until 10 active
expect "it runs as the user edgeprof" as_user
expect "it publishes" publishes

target sh -c 'echo "interval = 500ms" >/etc/edgeprof/edgeprof.conf'
BEFORE=$(main_pid)
expect "dpkg upgrades the package" manager -i /packages/next.deb
expect "the service is started again" wait_until 10 started_again
expect "the edited configuration is kept" conf_kept

target systemctl disable -q edgeprof
expect "dpkg installs the package once more" manager -i /packages/now.deb
expect "a service that was disabled stays so" eval '! enabled'

expect "dpkg removes the package" manager -r edgeprof
expect "the service is stopped, the program gone" stopped
expect "the configuration stays" conf_kept
expect "dpkg purges the package" manager -P edgeprof
expect "user and group are gone" no_user
expect "no file is left" nothing_left
done_testing
