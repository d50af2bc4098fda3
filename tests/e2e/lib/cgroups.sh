# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Cgroups of our own, edgeprof-e2e-*: under the v1 memory, cpu and cpuacct
# controllers where the node has them, else under cgroup2.

CGROUP_ROOTS=()
for controller in memory cpu cpuacct; do
	[ -d "/sys/fs/cgroup/$controller" ] && CGROUP_ROOTS+=("/sys/fs/cgroup/$controller")
done
if [ ${#CGROUP_ROOTS[@]} = 0 ]; then
	CGROUP_ROOTS=(/sys/fs/cgroup)
	echo "+cpu +memory" >/sys/fs/cgroup/cgroup.subtree_control
fi
# cpu and cpuacct may be one hierarchy under two names
mapfile -t CGROUP_ROOTS < <(realpath "${CGROUP_ROOTS[@]}" | sort -u)

cgroup_dirs() { # NAME: its folders, colon-separated
	local root list=
	for root in "${CGROUP_ROOTS[@]}"; do list+=:$root/$1; done
	echo "${list#:}"
}
cgroup_cpu_dir() { # NAME: the folder that holds cpuacct.usage or cpu.stat
	if [ -d "/sys/fs/cgroup/cpuacct/$1" ]; then
		echo "/sys/fs/cgroup/cpuacct/$1"
	else
		echo "/sys/fs/cgroup/$1"
	fi
}
cgroup_make() {
	local root
	for root in "${CGROUP_ROOTS[@]}"; do mkdir -p "$root/$1"; done
	at_exit "cgroup_remove '$1'"
}
cgroup_enter() { # NAME: the calling shell goes there; use in a ( )
	local root
	for root in "${CGROUP_ROOTS[@]}"; do echo "$BASHPID" >"$root/$1/cgroup.procs" || return; done
}
cgroup_run() { # NAME COMMAND...
	local name=$1
	shift
	(cgroup_enter "$name" && exec "$@")
}
cgroup_start() { # NAME COMMAND...: and goes on
	local name=$1
	shift
	(cgroup_enter "$name" && exec "$@") &
	disown
}
cgroup_kill() { # NAME: ends what runs in it
	local root pids
	for root in "${CGROUP_ROOTS[@]}"; do
		pids=$(cat "$root/$1/cgroup.procs" 2>/dev/null)
		# shellcheck disable=SC2086
		[ -z "$pids" ] || kill -KILL $pids 2>/dev/null
	done
}
remove_tree() { # FOLDER...: of cgroups, leaves first
	local dir
	find "$@" -depth -type d 2>/dev/null | while read -r dir; do wait_until 5 rmdir "$dir"; done
}
cgroup_remove() { # NAME: with what is below
	local root
	cgroup_kill "$1"
	for root in "${CGROUP_ROOTS[@]}"; do remove_tree "$root/$1"; done
}
# A runtime is about to make NAME at the top of every hierarchy: remove it at
# the end unless somebody else has made it before us.
cgroup_parent_is_ours() {
	compgen -G "/sys/fs/cgroup/*/$1" >/dev/null || [ -d "/sys/fs/cgroup/$1" ] ||
		at_exit "remove_tree /sys/fs/cgroup/*/'$1' /sys/fs/cgroup/'$1'"
}
# The folder of a process in the hierarchy of a v1 controller (or cgroup2).
cgroup_of_pid() { # PID CONTROLLER
	local path
	path=$(grep -E "^[0-9]+:([^:]*,)?$2(,[^:]*)?:" "/proc/$1/cgroup" | cut -d: -f3-)
	if [ -n "$path" ]; then
		echo "/sys/fs/cgroup/$2$path"
	else
		echo "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$1/cgroup")"
	fi
}
sample_cgroup() { # FILE FOLDER; sets SAMPLER
	nice -n -20 "$PYTHON" "$E2E/lib/sample.py" "$1" "$2" 2>>"$WORK/sample.log" &
	SAMPLER=$!
	at_exit "stop_process $SAMPLER"
	wait_until 5 test -s "$1" || bail "no samples: $(tail -1 "$WORK/sample.log")"
}
