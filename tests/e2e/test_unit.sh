#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The program as a service of a booted machine: what it may do, whom it serves,
# how it changes, dies and comes back.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib/e2e.sh"
. "$E2E/lib/cgroups.sh"
. "$E2E/lib/target.sh"
require systemd-nspawn debootstrap nsenter setpriv
DROP_INS=/run/systemd/system/edgeprof.service.d
LOAD='/system.slice/load.service'
CAMERA=c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00

# --- install -----------------------------------------------------------------------------
add_users() {
	target useradd -M -G edgeprof watcher
	target useradd -M outsider
}
# A container that only root can read of.
add_container() {
	local folder=$TARGET_FILES/var/lib/docker
	mkdir -p "$folder/containers/$CAMERA"
	printf '{"ID":"%s","Name":"/camera","Config":{"Image":"camera:1"}}' "$CAMERA" >"$folder/containers/$CAMERA/config.v2.json"
	chmod 710 "$folder" "$folder/containers/$CAMERA"
	chmod 600 "$folder/containers/$CAMERA/config.v2.json"
}
start_container() {
	target_start root sh -c "mkdir -p /sys/fs/cgroup/docker/$CAMERA; echo \$\$ >/sys/fs/cgroup/docker/$CAMERA/cgroup.procs
		while :; do sleep 0.1; done"
}

# --- what is asked of the manager ------------------------------------------------------------
property() { target systemctl show -p "$1" --value edgeprof; }
has_property() { [ "$(property "$1")" = "$2" ]; }
active() { has_property ActiveState active; }
status_field() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$AGENT/status"; } # of the agent
in_status() { # FIELD VALUE
	local found
	found=$(status_field "$1")
	[ "$found" = "$2" ] || { echo "$1: $found instead of $2" && return 1; }
}
bits() { # NUMBER...: the set, as in /proc/PID/status
	local number set=0
	for number in "$@"; do set=$((set | 1 << number)); done
	printf '%016x' "$set"
}
find_agent() { # the service's main process, as seen from here
	AGENT=$(cat "$TARGET_GROUP/payload/system.slice/edgeprof.service/cgroup.procs")
}
drop_in() { # LINE...: replaces the one of before
	target mkdir -p "$DROP_INS"
	printf '%s\n' '[Service]' "$@" | target sh -c "cat >$DROP_INS/test.conf"
	target systemctl daemon-reload
	target systemctl restart edgeprof
}
no_drop_in() {
	target rm -rf "$DROP_INS"
	target systemctl daemon-reload
}
configure() { # LINE...
	printf '%s\n' "$@" | target sh -c "cat >/etc/edgeprof/edgeprof.conf"
}
journal() { target journalctl -q --no-pager -o cat -u edgeprof "$@"; }
logged() { journal | grep -qF -- "$1"; }
# Records what USER is served until the test ends.
follow() { # FILE USER [ADDRESS]
	RECORDING=$1
	target_start "$2" edgeprof watch --address "${3:-ipc:///run/edgeprof/live.ipc}" --json --count 1000000 --wait 60s >"$1" 2>>"$WORK/watch.log"
	wait_until 10 test -s "$1" || bail "nothing is published: $(tail -3 "$WORK/watch.log"; journal)"
}
peer_receives() { target_peer timeout 8 "$EDGEPROF" watch --address tcp://10.99.7.2:5570 --json --count 1 --wait 3s >/dev/null; }

# --- the tests ----------------------------------------------------------------------------------
# The load is there first: of what comes later in a cgroup namespace, the kernel
# tells the path outside.
service_starts() {
	target systemd-run -q --unit=load sh -c 'while :; do :; done'
	expect "the package installs" target dpkg -i "$PACKAGE"
	expect "enabled and started" target systemctl enable --now edgeprof
	expect "active" active
	find_agent
	start_container
}

privileges_hold() {
	local reading=2 user task
	# Before 5.19 every call of bpf() takes the capability.
	printf '%s\n5.19\n' "$(uname -r)" | sort -VC && reading="2 39"
	user=$(target id -u edgeprof)
	expect "user" in_status Uid "$user	$user	$user	$user"
	# shellcheck disable=SC2086 # a list of numbers
	{
		expect "permitted: reading alone" in_status CapPrm "$(bits $reading)"
		expect "in effect: the same" in_status CapEff "$(bits $reading)"
	}
	expect "ambient: nothing" in_status CapAmb "$(bits)"
	expect "inheritable: nothing" in_status CapInh "$(bits)"
	expect "bounding: what the unit grants" in_status CapBnd "$(bits 2 38 39)"
	expect "no new privileges" in_status NoNewPrivs 1
	expect "a system call filter" in_status Seccomp 2
	for task in /proc/"$AGENT"/task/*; do
		[ "${task##*/}" = "$AGENT" ] || expect "a thread of the socket holds no capability" \
			grep -q '^CapPrm:.0*$' "$task/status"
	done
	expect "the log names what is kept" logged "capabilities kept: cap_dac_read_search"
}

subscribers_are_served() {
	follow "$WORK/live.json" watcher
	await 5 "a member of the group is told of a load" "c('$LOAD').totals.cpu_time_ns > 1e8"
	check "every family runs through tp_btf" \
		"sorted((f.name, f.state, f.door) for f in last.snapshot.self.families) == [(n, 'FAMILY_STATE_RUNNING', 'tp_btf') for n in ('cpu', 'io', 'lifecycle', 'mem')]"
	await 5 "a file that root alone may read names a container" "c('$CAMERA').name == 'camera'"
	check "what the programs cost is absent, not zero" \
		"last.snapshot.self.programs and not [p for p in last.snapshot.self.programs if 'run_time_ns' in p]"
	target edgeprof doctor >"$WORK/doctor.txt"
	expect "doctor says why" eval "grep -A2 '^note *self-metering' '$WORK/doctor.txt' | grep -q 'add CAP_SYS_ADMIN'"
	target_as outsider edgeprof watch --count 1 --wait 1s >"$WORK/outsider.txt" 2>&1
	expect "one outside the group is refused, in one line" [ "$?:$(wc -l <"$WORK/outsider.txt"):$(grep -c "join the group edgeprof" "$WORK/outsider.txt")" = 1:1:1 ]
}

exposure_is_low() {
	local level
	level=$(target systemd-analyze security --no-pager edgeprof.service | sed -n 's/.*exposure level.*: \([0-9.]*\) .*/\1/p')
	expect "exposure ${level:-unknown}, at most 2.5" awk "BEGIN { exit !(${level:-10} <= 2.5) }"
	expect "systemd knows every line of the unit" [ -z "$(target systemd-analyze verify --man=no edgeprof.service 2>&1)" ]
}

reload_changes() {
	configure "interval = 200ms" "publish = ipc:///run/edgeprof/other.ipc"
	expect "reload" target systemctl reload edgeprof
	expect "another address" wait_until 5 target test -S /run/edgeprof/other.ipc
	expect "is the group's too" [ "$(target stat -c %U:%G:%a /run/edgeprof/other.ipc)" = edgeprof:edgeprof:660 ]
	follow "$WORK/other.json" watcher ipc:///run/edgeprof/other.ipc
	await 5 "another interval" "within(last.snapshot.interval_ns, 200e6, 30)"
	configure "publish = tcp://127.0.0.1:80"
	target systemctl reload edgeprof
	expect "a low port is refused by name" wait_until 5 logged "tcp://127.0.0.1:80: Permission denied; ports below 1024 take CAP_NET_BIND_SERVICE"
	expect "and nothing changes" target test -S /run/edgeprof/other.ipc
	configure "publish = ipc:///srv/live.ipc"
	target systemctl reload edgeprof
	expect "so is a folder outside" wait_until 5 logged "ipc:///srv/live.ipc: Read-only file system; under systemd, name the folder in ReadWritePaths="
}

tcp_takes_permission() {
	configure "publish = ipc:///run/edgeprof/live.ipc, tcp://10.99.7.2:5570"
	target systemctl restart edgeprof
	expect "tcp: the log names the key" logged "IPAddressAllow="
	expect "tcp: another host is kept out" eval '! peer_receives'
	drop_in "IPAddressAllow=10.99.7.0/24"
	expect "tcp: a drop-in lets it in" peer_receives
}

# SIGSTOP: the agent hangs for good.
watchdog_restarts() {
	local before
	configure
	drop_in "WatchdogSec=1"
	before=$(property MainPID)
	find_agent
	kill -STOP "$AGENT"
	expect "watchdog: one that hangs is replaced" wait_until 15 eval '[ "$(property MainPID)" != '"$before"' ] && active'
	expect "the manager counts it" has_property NRestarts 1
}

filter_is_named() {
	drop_in "SystemCallFilter=~bpf"
	expect "without bpf in the filter: active" active
	expect "and one line says why" [ "$(journal -p warning --since "$(property ActiveEnterTimestamp)" | grep -c 'no BPF: bpf() is refused although.*SystemCallFilter=bpf')" -ge 1 ]
	follow "$WORK/files.json" watcher
	await 5 "it reads files" "last.snapshot.self.families[0].door == 'files' and c('$LOAD') is not None"
}

metering_takes_permission() {
	drop_in "AmbientCapabilities=CAP_SYS_ADMIN" "CapabilityBoundingSet=CAP_SYS_ADMIN"
	follow "$WORK/metered.json" watcher
	await 5 "with CAP_SYS_ADMIN the programs are metered" "any(p.run_time_ns for p in last.snapshot.self.programs)"
	configure "self-metering = always"
	target systemctl restart edgeprof
	find_agent
	expect "for good, and the capability is given up" in_status CapPrm "$(bits 2)"
	follow "$WORK/always.json" watcher
	await 5 "programs are metered still" "any(p.run_time_ns for p in last.snapshot.self.programs) and last.snapshot.self.metered_ns > 1e9"
}

# A manager that does not know CAP_BPF leaves it out; the packaged drop-in helps.
older_manager_is_helped() {
	configure
	target cp /usr/share/edgeprof/older-systemd.conf "$DROP_INS/zz.conf"
	drop_in "AmbientCapabilities=" "AmbientCapabilities=CAP_DAC_READ_SEARCH" \
		"CapabilityBoundingSet=" "CapabilityBoundingSet=CAP_DAC_READ_SEARCH"
	follow "$WORK/older.json" watcher
	check "without CAP_BPF by name: every family runs" "all(f.state == 'FAMILY_STATE_RUNNING' and f.door == 'tp_btf' for f in last.snapshot.self.families)"
}

wrong_configuration_stays_down() {
	configure "interval = soon"
	target systemctl restart edgeprof 2>/dev/null
	sleep 2.5
	expect "a wrong line: not started over and over" has_property Result exit-code
	expect "said once" [ "$(journal | grep -c "edgeprof.conf:1")" = 1 ]
	configure
}

service_stops() {
	no_drop_in
	target systemctl restart edgeprof
	expect "it starts as before" active
	expect "its state folder" [ "$(target stat -c %U:%G:%a /var/lib/edgeprof)" = edgeprof:edgeprof:755 ]
	target systemctl stop edgeprof
	expect "stopped: it ended well" has_property Result success
	expect "stopped: no socket, no folder" eval '! target test -e /run/edgeprof'
}

# Root keeps what metering and its low port take, and gives sockets to the group
# without being allowed to give files away.
by_hand() {
	printf '%s\n' "publish = ipc:///run/hand/a.ipc, tcp://127.0.0.1:80" | target sh -c "mkdir -p /run/hand; cat >/run/hand/conf"
	target_start root edgeprof agent --config /run/hand/conf --run-dir /run/hand 2>"$WORK/hand.log"
	expect "by hand: it starts" wait_until 10 grep -q "reading every" "$WORK/hand.log"
	AGENT=$(target_job_pid)
	expect "by hand: what is kept" in_status CapPrm "$(bits 2 10 21)"
	expect "by hand: no new privileges" in_status NoNewPrivs 1
	expect "by hand: the socket is the group's" [ "$(target stat -c %U:%G:%a /run/hand/a.ipc)" = root:edgeprof:660 ]
	printf '%s\n' "publish = ipc:///run/hand/b.ipc, tcp://127.0.0.1:80, tcp://127.0.0.1:81" | target sh -c "cat >/run/hand/conf"
	kill -HUP "$AGENT"
	expect "by hand: SIGHUP opens other addresses" wait_until 5 target test -S /run/hand/b.ipc
	expect "by hand: the group's again" [ "$(target stat -c %U:%G:%a /run/hand/b.ipc)" = root:edgeprof:660 ]
	expect "by hand: low ports too" target timeout 5 edgeprof watch --address tcp://127.0.0.1:81 --count 1 --wait 3s
	kill -TERM "$AGENT"
	expect "by hand: no socket is left" wait_until 5 eval '! target test -e /run/hand/b.ipc'
}

target_make unit
PACKAGE=$(target_package) || bail "make deb: $(tail -3 "$WORK/package.log")"
add_container
target_boot
service_starts
add_users
privileges_hold
subscribers_are_served
exposure_is_low
expect "the journal has no warning" [ -z "$(journal -p warning)" ]
reload_changes
tcp_takes_permission
watchdog_restarts
filter_is_named
metering_takes_permission
older_manager_is_helped
wrong_configuration_stays_down
service_stops
by_hand
done_testing
