# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# What must hold for a container of any runtime. The test that sources this has
# set RUNTIME (as in the proto) and IMAGE ("": the runtime's files do not tell),
# and defines
#   runtime_run NAME COMMAND...       starts it under 64 MiB and 0.5 CPU, does not wait
#   runtime_run_wait NAME COMMAND...  the same, waits, returns its exit status
#   runtime_exec NAME COMMAND...      runs something inside, does not wait
#   runtime_id NAME, runtime_pid NAME
#   runtime_reap NAME                 takes away what a dead container leaves
# Containers have the label e2e.load=NAME.

same_cpu_time() { # NAME GLOB FOLDER SECONDS PERCENT
	sample_cgroup "$WORK/samples.json" "$3"
	sleep "$4"
	stop_process "$SAMPLER"
	check "$1" "(w := window(s, '$2')) and w[1].mono_ns - w[0].mono_ns >= ($4 - 2) * 1e9 and
		within(growth('$2', 'cpu_time_ns', *w), sampled_growth(s, 'cpu_ns', *w), $5)" \
		"s=$WORK/samples.json"
}

suite_identity() {
	runtime_run e2e-hog sh -c 'while :; do :; done' || bail "cannot run a container: $(tail -3 "$WORK/runtime.log")"
	ID=$(runtime_id e2e-hog)
	PID=$(runtime_pid e2e-hog)
	await 10 "a new container appears" "c('$ID').state == 'STATE_RUNNING'"
	check "its runtime, id and name" "(c('$ID').runtime, c('$ID').id, c('$ID').name) == ('$RUNTIME', '$ID', 'e2e-hog')"
	if [ -n "${IMAGE:-}" ]; then check "its image" "c('$ID').image == '$IMAGE'"; fi
	if [ "${LABELS:-1}" = 1 ]; then check "its labels" "labels(c('$ID')).get('e2e.load') == 'e2e-hog'"; fi
	check "its cgroup" "'$(cgroup_of_pid "$PID" memory)'.endswith(c('$ID').cgroup_path)"
	check "its memory limit" "c('$ID').totals.memory_limit_bytes == 64 << 20"
	check "its CPU limit" "c('$ID').totals.cpu_limit_millicores == 500"
}

suite_cpu() {
	local dir
	dir=$(cgroup_of_pid "$PID" cpuacct)
	same_cpu_time "CPU time equals the kernel's" "$ID" "$dir" 7 0.5
	check "throttled" "c('$ID').totals.cpu_throttled_periods > 0 and c('$ID').totals.cpu_throttled_ns > 0"
	check "half a core" "0.3 < c('$ID').rates.cpu_cores < 0.55"
}

# What runs in it later, also in a cgroup below its own, is its own.
suite_nested() {
	local root folder before
	runtime_exec e2e-hog sh -c 'exec sleep 1000'
	await 5 "a process that came in by exec is counted" "c('$ID').totals.tasks >= 2"
	for root in "${CGROUP_ROOTS[@]}"; do
		folder=$(cgroup_of_pid "$PID" "${root##*/}")
		mkdir "$folder/nested"
	done
	before=$(snapshots "$RECORDING" --print "c('$ID').totals.execs")
	(
		for root in "${CGROUP_ROOTS[@]}"; do
			echo "$BASHPID" >"$(cgroup_of_pid "$PID" "${root##*/}")/nested/cgroup.procs"
		done
		exec sleep 3
	)
	await 5 "a cgroup below it counts for it" "c('$ID').totals.execs > ${before:-0}"
	check "and is no container of its own" "not [x for x in matching('*') if x.cgroup_path.endswith('/nested')]"
	for root in "${CGROUP_ROOTS[@]}"; do
		folder=$(cgroup_of_pid "$PID" "${root##*/}")
		wait_until 5 rmdir "$folder/nested"
	done
}

suite_end() { # NAME STATUS ID: reported once as ended, with totals
	await 6 "$1: reported as ended" "len(ended('$3')) >= 1"
	check "$1: its name" "ended('$3')[0].name == '$1'"
	check "$1: its wait status" "ended('$3')[0].exit_status == $2"
	check "$1: its totals" "ended('$3')[0].totals.cpu_time_ns > 0 and ended('$3')[0].totals.exits >= 1"
	ENDED+=("$1 $3")
}

suite_short() {
	local status
	runtime_run_wait e2e-true true
	suite_end e2e-true 0 "$(runtime_id e2e-true)"
	runtime_run_wait e2e-sleep sleep 0.1
	suite_end e2e-sleep 0 "$(runtime_id e2e-sleep)"
	runtime_run_wait e2e-three sh -c 'exit 3'
	status=$?
	expect "the container did leave with 3" [ "$status" = 3 ]
	suite_end e2e-three $((3 << 8)) "$(runtime_id e2e-three)"
}

suite_oom() {
	local id
	runtime_run_wait e2e-oom dd if=/dev/zero of=/dev/null bs=200M count=1
	id=$(runtime_id e2e-oom)
	suite_end e2e-oom 9 "$id"
	check "OOM kill counted" "ended('$id')[0].totals.oom_kills == 1"
	check "OOM victim named" "ended('$id')[0].oom_victim == 'dd'"
	check "highest usage is the limit" "within(ended('$id')[0].totals.rss_peak_bytes, 64 << 20, 10)"
}

# As many are used as there are cgroups; a few more or less while others make some.
slots_fit_cgroups() {
	local cgroups
	cgroups=$(find /sys/fs/cgroup/memory /sys/fs/cgroup/unified -type d 2>/dev/null | wc -l)
	snapshots "$RECORDING" "last.snapshot.self.slots_used <= $cgroups + 4"
}
slots_are_given_back() { expect "slots are given back" wait_until 10 slots_fit_cgroups; }

suite_leave() {
	local entry
	kill -KILL "$PID"
	runtime_reap e2e-hog
	suite_end e2e-hog 9 "$ID"
	sleep 2.5
	for entry in "${ENDED[@]}"; do
		check "${entry% *}: reported as ended once only" "len(ended('${entry#* }')) == 1 and not matching('${entry#* }')"
	done
	slots_are_given_back
	check "no container was lost" "loss('slot_full') + loss('ring_full') + loss('mm_full') == 0"
}

container_suite() {
	ENDED=()
	record
	suite_identity
	suite_cpu
	suite_nested
	suite_short
	suite_oom
	suite_leave
}
