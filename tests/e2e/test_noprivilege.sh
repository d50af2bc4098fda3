#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Without bpf() the agent still tells what the kernel's files tell, and leaves
# out what only programs could count.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib/e2e.sh"
. "$E2E/lib/cgroups.sh"
require setpriv
NAME=edgeprof-e2e-$$
NOBODY=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all)
WITHOUT_BPF=(setpriv "--bounding-set=-bpf,-perfmon,-sys_admin" --inh-caps=-all)
cp "$EDGEPROF" "$WORK/edgeprof"

limit_cpu() {
	if [ -e "/sys/fs/cgroup/cpu/$NAME/cpu.cfs_quota_us" ]; then
		echo 30000 >"/sys/fs/cgroup/cpu/$NAME/cpu.cfs_quota_us"
	else
		echo "30000 100000" >"/sys/fs/cgroup/$NAME/cpu.max"
	fi
}
start_as() { # NAME-OF-RUN COMMAND-PREFIX... -- OPTION...
	local prefix=()
	RECORDING=$WORK/$1.json ADDRESS=ipc://$WORK/$1/live.ipc
	mkdir "$WORK/$1"
	chown nobody "$WORK/$1"
	shift
	while [ "$1" != -- ]; do
		prefix+=("$1")
		shift
	done
	"${prefix[@]}" "$WORK/edgeprof" agent --run-dir "${RECORDING%.json}" --publish "$ADDRESS" "${@:2}" 2>"${RECORDING%.json}.log" &
	AGENT=$!
	at_exit "stop_process $AGENT"
	wait_until 10 test -S "${ADDRESS#ipc://}"
	record "$RECORDING"
}
from_files_alone() { # NAME-OF-RUN
	await 5 "$1: the load is seen" "c('/$NAME').totals.tasks is None or c('/$NAME').totals.tasks >= 1"
	same_as_the_kernel "$1"
	check "$1: CPU use" "0.2 < c('/$NAME').rates.cpu_cores < 0.35"
	check "$1: memory" "c('/$NAME').totals.memory_usage_bytes > 20 << 20"
	check "$1: throttling" "c('/$NAME').totals.cpu_throttled_periods > 5 and c('/$NAME').totals.cpu_limit_millicores == 300"
	check "$1: no wait, switches, histograms or blame" \
		"not [f for f in ('run_queue_wait_ns', 'run_queue_waits', 'switches_voluntary', 'wakeups', 'forks', 'rss_anon_bytes', 'run_queue_wait_hist') if f in c('/$NAME').totals] and not c('/$NAME').blames"
	check "$1: no rate of what is not known" "'run_queue_wait_p99_ns' not in c('/$NAME').rates and 'switches_per_second' not in c('/$NAME').rates"
	check "$1: it says that it reads files" "any(f.door == 'files' and f.reason for f in last.snapshot.self.families)"
	check "$1: it holds no program" "not last.snapshot.self.programs"
}
same_as_the_kernel() {
	sample_cgroup "$WORK/$1.samples" "$(cgroup_cpu_dir "$NAME")"
	sleep 4
	stop_process "$SAMPLER"
	check "$1: CPU time" "(w := window(s, '/$NAME')) and within(growth('/$NAME', 'cpu_time_ns', *w), sampled_growth(s, 'cpu_ns', *w), 2)" \
		"s=$WORK/$1.samples"
}

cgroup_make "$NAME"
limit_cpu
cgroup_start "$NAME" "$TOOLS/burn" 1000
cgroup_start "$NAME" "$TOOLS/touch_memory" 20 1000 >"$WORK/touched"

start_as none "${NOBODY[@]}" -- --families none
from_files_alone none
start_as nobody "${NOBODY[@]}" --
from_files_alone nobody
expect "nobody: one warning says why" [ "$(grep -c 'no BPF' "$WORK/nobody.log")" = 1 ]
start_as capability "${WITHOUT_BPF[@]}" --
from_files_alone capability
expect "doctor works for nobody" sh -c "${NOBODY[*]} $WORK/edgeprof doctor >$WORK/doctor.txt 2>&1; grep -qi bpf $WORK/doctor.txt"

# A container that ends is reported as such without events as well.
cgroup_remove "$NAME"
await 15 "its end is seen" "len(ended('/$NAME')) == 1"
done_testing
