#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Figures against the kernel's own, on cgroups of our own.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib/e2e.sh"
. "$E2E/lib/cgroups.sh"
require taskset
NAME=edgeprof-e2e-$$
A=/$NAME-a B=/$NAME-b C=/$NAME-c
SECONDS_MEASURED=7

# run_delay is counted only for tasks that start after this.
account_delays() {
	local before
	before=$(sysctl -n kernel.task_delayacct 2>/dev/null) || return
	at_exit "sysctl -q kernel.task_delayacct=$before"
	sysctl -q kernel.task_delayacct=1
}
sample() { # LETTER
	sample_cgroup "$WORK/$1.json" "$(cgroup_cpu_dir "$NAME-$1")"
	SAMPLERS+=("$SAMPLER")
}
SAMPLERS=()
samples() { echo "a=$WORK/a.json" "b=$WORK/b.json" "c=$WORK/c.json"; }
near() { # NAME LETTER PATH METRIC FIELD PERCENT FLOOR
	# shellcheck disable=SC2046
	check "$1" "(w := window($2, '$A', '$B', '$C')) and w[1].mono_ns - w[0].mono_ns >= 5e9 and
		within(growth('$3', '$4', *w), sampled_growth($2, '$5', *w), $6, $7)" $(samples)
}

account_delays
start_agent --interval 500ms
record
for letter in a b c; do cgroup_make "$NAME-$letter"; done

# So many that what else runs on CPU 0 hardly counts.
give_shares() { # LETTER
	if [ -e "/sys/fs/cgroup/cpu/$NAME-$1/cpu.shares" ]; then
		echo 16384 >"/sys/fs/cgroup/cpu/$NAME-$1/cpu.shares"
	else
		echo 2000 >"/sys/fs/cgroup/$NAME-$1/cpu.weight"
	fi
}

# --- three groups that compete: a and b for CPU 0, the two tasks of c for the last one ---------
LAST=$(($(nproc) - 1))
give_shares a
give_shares b
cgroup_start "$NAME-a" taskset -c 0 "$TOOLS/burn" 1000
cgroup_start "$NAME-b" taskset -c 0 "$TOOLS/burn" 1000
cgroup_start "$NAME-c" taskset -c "$LAST" "$TOOLS/burn" 1000 2000 500
cgroup_start "$NAME-c" taskset -c "$LAST" "$TOOLS/burn" 1000 300 200
await 10 "three groups are seen" "c('$A') and c('$B') and c('$C') and c('$C').totals.cpu_time_ns > 0"
for letter in a b c; do sample "$letter"; done
sleep "$SECONDS_MEASURED"
for pid in "${SAMPLERS[@]}"; do stop_process "$pid"; done
near "a: CPU time" a "$A" cpu_time_ns cpu_ns 0.5 0
near "b: CPU time" b "$B" cpu_time_ns cpu_ns 0.5 0
near "c: CPU time" c "$C" cpu_time_ns cpu_ns 0.5 0
near "a: run-queue wait" a "$A" run_queue_wait_ns run_delay_ns 3 0
near "b: run-queue wait" b "$B" run_queue_wait_ns run_delay_ns 3 0
near "c: run-queue wait" c "$C" run_queue_wait_ns run_delay_ns 3 5000000
for pair in a:$A b:$B c:$C; do
	# shellcheck disable=SC2046
	check "${pair%%:*}: switches" "(w := window(${pair%%:*}, '$A', '$B', '$C')) and
		within(growth('${pair#*:}', 'switches_voluntary', *w) + growth('${pair#*:}', 'switches_involuntary', *w),
			sampled_growth(${pair%%:*}, 'switches', *w), 1, 4)" $(samples)
done
check "the histogram counts every wait" "sum(c('$A').totals.run_queue_wait_hist) == c('$A').totals.run_queue_waits > 0"

# --- who made whom wait --------------------------------------------------------------------------
blame() { # VICTIM AGGRESSOR: the one waited for the other nearly all the time
	check "${1##*-} waited for ${2##*-}" "[within(sum(x.wait_ns for x in c('$1').blames if x.aggressor_key == c('$2').key), c('$1').totals.run_queue_wait_ns, 15)][0]"
}
if [ "$LAST" -gt 0 ]; then
	blame "$A" "$B"
	blame "$B" "$A"
fi
check "all of a's wait is blamed" "within(sum(x.wait_ns for x in c('$A').blames), c('$A').totals.run_queue_wait_ns, 5)"
cgroup_kill "$NAME-a"
cgroup_kill "$NAME-b"
cgroup_kill "$NAME-c"

# --- what the kernel charged a finished process -----------------------------------------------------
measured() { # LETTER COMMAND...: figures of COMMAND between two readings, in $WORK/run.json
	"$TOOLS/measured_run" 1.5 "$(cgroup_dirs "$NAME-$1")" "${@:2}" | grep begin_mono_ns >"$WORK/run.json"
}
# The last reading before it began and the first after it ended.
edges() {
	echo "(r := run[0]) and (w := ([m for m in holding('$1') if m.mono_ns < r.begin_mono_ns][-1], [m for m in holding('$1') if m.mono_ns > r.end_mono_ns][0]))"
}
exactly() { # NAME PATH METRIC FIELD
	await 3 "$1" "$(edges "$2") and [within(growth('$2', '$3', *w), r.$4, 0)][0]" "run=$WORK/run.json"
}
measured a "$TOOLS/touch_memory" 200 0.7
exactly "minor faults equal getrusage" "$A" faults_minor faults_minor
exactly "major faults equal getrusage" "$A" faults_major faults_major
check "CPU time near getrusage" "$(edges "$A") and within(growth('$A', 'cpu_time_ns', *w), r.cpu_ns, 2, 2e6)" "run=$WORK/run.json"
check "switches near getrusage" "$(edges "$A") and abs(growth('$A', 'switches_voluntary', *w) + growth('$A', 'switches_involuntary', *w) - r.switches) <= 2" "run=$WORK/run.json"
check "one fork, one exec, one exit" "$(edges "$A") and [growth('$A', f, *w) for f in ('forks', 'execs', 'exits')] == [1, 1, 1]" "run=$WORK/run.json"
check "highest resident memory of 200 MiB" "within(c('$A').totals.rss_peak_bytes, 200 << 20, 2)"
check "anonymous memory while it lived" "max(m_c.totals.rss_anon_bytes for m in holding('$A') for m_c in [c('$A', m)]) >= 200 << 20"
check "and it is given back" "c('$A').totals.rss_anon_bytes < 4 << 20"
done_testing
