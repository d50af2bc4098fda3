# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# A machine to install on: this distribution's own packages and systemd as pid 1,
# booted by systemd-nspawn from a cached tree under an overlay, so that a start
# takes a second and leaves nothing. It sees cgroup v2 alone, may call bpf(), and
# has a network of its own: 10.99.7.2, this side being 10.99.7.1.
#   target_make NAME       a fresh machine; sets TARGET_FILES, the folder where files
#                          can be laid before it boots
#   target_package         the package of the program, made now; its path inside
#   target_boot            boots it; sets TARGET_PID, its pid 1 as seen from here
#   target COMMAND...      runs inside as root
#   target_as USER COMMAND...
#   target_start USER COMMAND...  and does not wait; it ends with the test, or by
#                          stop_process $TARGET_JOB; its pid is target_job_pid's
#   target_peer COMMAND... runs at the other end of its network
#   target_stop
# TARGET_PACKAGES: what is in it beside the smallest system.
# After lib/e2e.sh and lib/cgroups.sh.

TARGET_PACKAGES=${TARGET_PACKAGES:-systemd,systemd-sysv,adduser,python3-minimal}
TARGET_CACHE=${EDGEPROF_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/edgeprof}
TARGET_UNIFIED=/sys/fs/cgroup/unified
[ -d "$TARGET_UNIFIED" ] || TARGET_UNIFIED=/sys/fs/cgroup

target_mirror() {
	apt-get indextargets --format '$(SITE) $(RELEASE)' | awk -v suite="$1" '$2 == suite { print $1; exit }'
}

# Prints the folder of the cached tree, which it makes when it is not there yet.
target_tree() { # PACKAGE,PACKAGE...
	local suite tree
	suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
	tree=$TARGET_CACHE/roots/$suite-$(echo "$1" | sha256sum | cut -c1-12)
	mkdir -p "$TARGET_CACHE/roots" "$TARGET_CACHE/debs"
	(
		flock 9
		[ -d "$tree" ] && exit
		rm -rf "$tree.new"
		debootstrap --variant=minbase --components=main,universe --cache-dir="$TARGET_CACHE/debs" --include="$1" \
			"$suite" "$tree.new" "$(target_mirror "$suite")" >"$tree.log" 2>&1 || exit
		rm -f "$tree.new"/var/cache/apt/archives/*.deb "$tree.new/etc/machine-id"
		touch "$tree.new/etc/machine-id"
		mv "$tree.new" "$tree"
	) 9>"$TARGET_CACHE/roots/lock" || {
		tail -3 "$tree.log" >&2
		return 1
	}
	echo "$tree"
}

# What a run that was killed outright could not take away.
target_sweep() {
	local group pid
	for group in "$TARGET_UNIFIED"/edgeprof-e2e-target-*; do
		pid=${group##*-}
		[ ! -d "$group" ] || [ -d "/proc/$pid" ] || target_remove "$group"
	done
}
target_remove() { # GROUP: with what runs in it
	local pid
	find "$1" -name cgroup.procs -exec cat {} + | while read -r pid; do kill -KILL "$pid"; done
	remove_tree "$1"
}

target_make() { # NAME
	target_sweep
	TARGET_NAME=$1
	TARGET_GROUP=$TARGET_UNIFIED/edgeprof-e2e-target-$1-$$
	TARGET_FILES=$WORK/$1/files
	TARGET_TREE=$(target_tree "$TARGET_PACKAGES") ||
		bail "cannot make a machine from this distribution's packages"
	mkdir -p "$TARGET_FILES" "$WORK/$1/work" "$WORK/$1/root" "$TARGET_GROUP"
	chmod 755 "$TARGET_FILES"
	at_exit "target_remove '$TARGET_GROUP'"
}

# The static program: nothing else needs to be in there.
target_package() {
	local build
	build=$(dirname "$EDGEPROF")
	make -s -C "$E2E/../.." O="$build" PACKAGES_DIR="$build/packages" deb >"$WORK/package.log" 2>&1 || return
	cp "$build"/packages/edgeprof_*_"$(dpkg --print-architecture)".deb "$TARGET_FILES/edgeprof.deb" || return
	echo /edgeprof.deb
}

# Runs in namespaces of its own: whatever it mounts goes with it.
target_enter() {
	set -e
	echo "$BASHPID" >"$TARGET_GROUP/cgroup.procs"
	if [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
		umount -R /sys/fs/cgroup
		mount -t cgroup2 none /sys/fs/cgroup
	fi
	mount -t overlay target -o "lowerdir=$TARGET_TREE,upperdir=$TARGET_FILES,workdir=$WORK/$TARGET_NAME/work" \
		"$WORK/$TARGET_NAME/root"
	mount -t tmpfs target /run # where it would leave locks
	ip link set lo up
	exec systemd-nspawn -q -D "$WORK/$TARGET_NAME/root" -M "$TARGET_NAME" --register=no --keep-unit --boot \
		--hostname="$TARGET_NAME" --network-veth --resolv-conf=off --timezone=off --link-journal=no \
		--capability=CAP_BPF,CAP_PERFMON,CAP_NET_ADMIN --system-call-filter="bpf perf_event_open"
}

target_boot() {
	export TARGET_NAME TARGET_GROUP TARGET_FILES TARGET_TREE WORK
	export -f target_enter
	setpriv --pdeathsig TERM unshare --mount --propagation private --net bash -c target_enter \
		</dev/null >"$WORK/$TARGET_NAME/console.log" 2>&1 &
	TARGET_SUPERVISOR=$!
	at_exit "target_stop $TARGET_SUPERVISOR"
	if ! wait_until 20 target_answers; then
		bail "the machine does not boot: $(tail -3 "$WORK/$TARGET_NAME/console.log")"
	fi
	target_peer ip addr add 10.99.7.1/24 dev "$(target_link)"
	target_peer ip link set "$(target_link)" up
	nsenter -t "$TARGET_PID" -n ip addr add 10.99.7.2/24 dev host0
	nsenter -t "$TARGET_PID" -n ip link set host0 up
}
target_answers() {
	TARGET_PID=$(head -1 "$TARGET_GROUP/payload/init.scope/cgroup.procs" 2>/dev/null)
	[ -n "$TARGET_PID" ] && target systemctl is-system-running --wait
}
target_link() { target_peer ip -o link show type veth | sed -E 's/^[0-9]+: ([^@:]+).*/\1/'; }

# What runs inside must end with the one who started it: the machine's pid 1 would
# wait for it at shutdown, and is not told when it ends.
target_command() { # USER COMMAND...
	TARGET_COMMAND=(setpriv --pdeathsig KILL nsenter -t "$TARGET_PID" -m -u -i -n -p -C env -i LANG=C.UTF-8 HOME=/
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
		setpriv --reuid "$1" --regid "$1" --init-groups --pdeathsig KILL "${@:2}")
}
target_as() {
	target_command "$@"
	"${TARGET_COMMAND[@]}"
}
target() { target_as root "$@"; }
target_start() {
	target_command "$@"
	"${TARGET_COMMAND[@]}" &
	TARGET_JOB=$!
	at_exit "stop_process $TARGET_JOB"
}
target_job_pid() { pgrep -P "$TARGET_JOB"; }
target_peer() { nsenter -t "$TARGET_SUPERVISOR" -n "$@"; }

target_stop() { stop_process "${1:-$TARGET_SUPERVISOR}"; }
