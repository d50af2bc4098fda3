#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Every hierarchy that can name containers, and both doors into the kernel: the
# same load, told the same.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib/e2e.sh"
. "$E2E/lib/cgroups.sh"
require
NAME=edgeprof-e2e-$$

# In that hierarchy alone, as a runtime that makes no other cgroup would.
use_hierarchy() { # NAME
	case $1 in
	unified) CGROUP_ROOTS=(/sys/fs/cgroup/unified) ;;
	*) CGROUP_ROOTS=("/sys/fs/cgroup/$1") ;;
	esac
	[ -d "${CGROUP_ROOTS[0]}" ] || CGROUP_ROOTS=(/sys/fs/cgroup)
}
load_is_told() { # HIERARCHY DOOR
	local group=$NAME-$1-$2
	RECORDING=$WORK/$1-$2.json ADDRESS=ipc://$WORK/$1-$2/live.ipc
	mkdir "$WORK/$1-$2"
	start_agent --run-dir "$WORK/$1-$2" --hierarchy "$1" --door "$2" --interval 200ms
	record "$RECORDING"
	cgroup_make "$group"
	"$TOOLS/measured_run" 0.5 "$(cgroup_dirs "$group")" "$TOOLS/burn" 1.5 | grep begin_mono_ns >"$WORK/run.json"
	check "$1, $2: that hierarchy is in use" "last.snapshot.node.hierarchy == '$1'"
	check "$1, $2: that door is in use" "all(f.door == '$2' for f in last.snapshot.self.families if f.state == 'FAMILY_STATE_RUNNING')"
	check "$1, $2: CPU time" "(r := run[0]) and
		(before := [m for m in holding('/$group') if m.mono_ns < r.begin_mono_ns][-1]) and
		(after := [m for m in holding('/$group') if m.mono_ns > r.end_mono_ns][0]) and
		within(growth('/$group', 'cpu_time_ns', before, after), r.cpu_ns, 0.5)" "run=$WORK/run.json"
	stop_agent
	cgroup_remove "$group"
}

hierarchies=(unified)
[ -d /sys/fs/cgroup/memory ] && hierarchies+=(memory)
[ -d /sys/fs/cgroup/cpuacct ] && hierarchies+=(cpuacct)
for hierarchy in "${hierarchies[@]}"; do
	use_hierarchy "$hierarchy"
	load_is_told "$hierarchy" tp_btf
	load_is_told "$hierarchy" raw_tp
done
done_testing
