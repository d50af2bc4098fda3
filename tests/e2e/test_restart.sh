#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Deaths, restarts and changes of the agent; cgroups that come and go by the thousand.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib/e2e.sh"
. "$E2E/lib/cgroups.sh"
require bpftool
NAME=edgeprof-e2e-$$

bpf_ids() { # PID KIND: ids of the programs (prog) or maps (map) that it holds
	sed -n "s/^$2_id:[[:space:]]*//p" "/proc/$1/fdinfo/"* 2>/dev/null | sort -nu
}
some_left() { # KIND ID...
	local id
	for id in "${@:2}"; do bpftool "$1" show id "$id" >/dev/null 2>&1 && return; done
	return 1
}
none_left() { wait_until 10 eval "! some_left prog $PROGRAMS && ! some_left map $MAPS"; }
note_bpf() {
	PROGRAMS=$(bpf_ids "$AGENT" prog | xargs) MAPS=$(bpf_ids "$AGENT" map | xargs)
	expect "the agent holds programs and maps" [ -n "$PROGRAMS" -a -n "$MAPS" ]
}
one_snapshot() { watch_once >"$WORK/one.json"; }

cgroup_make "$NAME"
cgroup_start "$NAME" "$TOOLS/burn" 1000
cat >"$WORK/edgeprof.conf" <<-END
	interval = 200ms
END
start_agent_with_file() {
	mkdir -p "$WORK/run"
	"$EDGEPROF" agent --config "$WORK/edgeprof.conf" --run-dir "$WORK/run" --publish "$ADDRESS" 2>>"$WORK/agent.log" &
	AGENT=$!
	at_exit "stop_process $AGENT"
}

# --- killed under load, started again at once ------------------------------------------------
start_agent_with_file
record
await 10 "a load is seen" "c('*/$NAME').totals.cpu_time_ns > 1e8"
note_bpf
kill -KILL "$AGENT"
wait "$AGENT" 2>/dev/null
expect "killed: it leaves its socket" test -S "${ADDRESS#ipc://}"
start_agent_with_file
expect "a new one serves at once" one_snapshot
await 5 "a subscriber comes back to it" "last.agent_id != first.agent_id and c('*/$NAME').totals.cpu_time_ns > 0"
check "and its counters start anew" "last.snapshot.self.started_mono_ns > first.snapshot.self.started_mono_ns"
expect "killed: no program and no map of it is left" none_left
note_bpf

# --- only one; changes while running ----------------------------------------------------------
"$EDGEPROF" agent --run-dir "$WORK/run" --publish "$ADDRESS" 2>"$WORK/second.log"
expect "a second one is refused" [ $? = 1 ]
expect "with one line that names the first" [ "$(wc -l <"$WORK/second.log") $(grep -c "pid $AGENT" "$WORK/second.log")" = "1 1" ]
await 3 "an interval of 200 ms" "within(last.snapshot.interval_ns, 200e6, 20)"
echo "interval = 500ms" >"$WORK/edgeprof.conf"
kill -HUP "$AGENT"
await 5 "SIGHUP: now of 500 ms" "within(last.snapshot.interval_ns, 500e6, 25)"
echo "interval = a while" >"$WORK/edgeprof.conf"
kill -HUP "$AGENT"
sleep 1.5
check "SIGHUP with a bad file changes nothing" "within(last.snapshot.interval_ns, 500e6, 25)"
expect "and says where it is wrong" grep -q "edgeprof.conf:1" "$WORK/agent.log"
echo "interval = 500ms" >"$WORK/edgeprof.conf"
kill -HUP "$AGENT"

# --- a thousand cgroups --------------------------------------------------------------------------
many_cgroups() {
	local i root=${CGROUP_ROOTS[-1]}
	[ -d /sys/fs/cgroup/memory ] && root=/sys/fs/cgroup/memory
	mkdir -p "$root/$NAME/many"
	for ((i = 0; i < 1000; i++)); do
		mkdir "$root/$NAME/many/$i" || return
		if ((i % 10 == 0)); then
			(echo "$BASHPID" >"$root/$NAME/many/$i/cgroup.procs" && exec true)
		fi
		if ((i >= 20)); then rmdir "$root/$NAME/many/$((i - 20))" || return; fi
	done
	remove_tree "$root/$NAME/many"
}
expect "1000 cgroups come and go" many_cgroups
sleep 2
slots=$(snapshots "$RECORDING" --print "last.snapshot.self.slots_used")
rss=$(snapshots "$RECORDING" --print "last.snapshot.self.rss_bytes")
expect "and 1000 more" many_cgroups
sleep 2
expect "the agent lives" kill -0 "$AGENT"
check "and tells of the load" "c('*/$NAME').rates.cpu_cores > 0.2"
check "every one of the 200 with a process is reported as ended" \
	"(e := [x.cgroup_path for x in ended('*/$NAME/many/*')]) and len(e) == 2 * len(set(e)) == 200"
check "slots are given back" "last.snapshot.self.slots_used <= $slots + 4"
check "memory is stable" "within(last.snapshot.self.rss_bytes, $rss, 15)"

# --- a clean end ------------------------------------------------------------------------------------
stop_process "$RECORDER"
kill -TERM "$AGENT"
wait "$AGENT"
expect "SIGTERM: it ends with 0" [ $? = 0 ]
expect "its socket is gone" [ ! -e "${ADDRESS#ipc://}" ]
expect "no program and no map of it is left" none_left
start_agent
expect "it starts again" one_snapshot
done_testing
