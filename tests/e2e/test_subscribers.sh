#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What subscribers do to each other and to the agent: nothing.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib/e2e.sh"
. "$E2E/lib/cgroups.sh"
require setpriv
CGROUPS=120
NAME=edgeprof-e2e-$$

# Enough containers that a subscriber that sleeps fills its queues in seconds.
make_crowd() {
	local i
	for ((i = 0; i < CGROUPS; i++)); do
		cgroup_make "$NAME-$i"
		cgroup_start "$NAME-$i" sleep 1000
	done
}
self() { snapshots "$RECORDING" --print "last.snapshot.self.$1"; }
gaps() { echo "[b.sequence - a.sequence - 1 for a, b in zip($1, $1[1:]) if b.sequence - a.sequence != 1]"; }
PORT=$((20000 + $$ % 20000))

start_agent --interval 100ms --publish "$ADDRESS,tcp://127.0.0.1:$PORT" --socket-mode 0640 --group nogroup
make_crowd
record
await 10 "all containers appear" "len(matching('*/$NAME-*')) == $CGROUPS"

# --- addresses ---------------------------------------------------------------------------
expect "mode of the socket" [ "$(stat -c %a "$WORK/run/live.ipc")" = 640 ]
expect "group of the socket" [ "$(stat -c %G "$WORK/run/live.ipc")" = nogroup ]
refused() { ! setpriv --reuid=65534 --regid=65533 --clear-groups "$COPY" watch --address "$ADDRESS" --json --count 1 --wait 2s; }
COPY=$WORK/edgeprof
cp "$EDGEPROF" "$COPY"
expect "others may not read it" refused
expect "its group may" setpriv --reuid=65533 --regid=65534 --clear-groups "$COPY" watch --address "$ADDRESS" --help
record "$WORK/tcp.json" "tcp://127.0.0.1:$PORT"
check "two subscribers, one by tcp, agree" \
	"len([1 for x in t for y in messages if x.sequence == y.sequence and x == y]) == len([1 for x in t for y in messages if x.sequence == y.sequence]) > 0" \
	"t=$WORK/tcp.json"

# --- one that comes late, one that is killed -------------------------------------------------
watch_once >"$WORK/late.json"
check "a late one has the full state with its first message" \
	"len(t) == 1 and len([x for x in t[0].snapshot.containers if '$NAME-' in x.cgroup_path and x.totals.execs > 0]) == $CGROUPS" \
	"t=$WORK/late.json"
"$EDGEPROF" watch --address "$ADDRESS" --json --count 1000000 >/dev/null 2>&1 &
KILLED=$!
disown
sleep 1
kill -KILL "$KILLED"
sleep 1
expect "a killed one does not hurt the agent" kill -0 "$AGENT"
check "nor the others" "not $(gaps messages)"

# --- one that sleeps -------------------------------------------------------------------------
"$EDGEPROF" watch --address "$ADDRESS" --json --count 1000000 >"$WORK/stalled.json" 2>"$WORK/stalled.log" &
STALLED=$!
at_exit "stop_process $STALLED"
wait_until 5 test -s "$WORK/stalled.json"
sleep 1
rss=$(self rss_bytes) cpu=$(self cpu_time_ns)
sleep 4
cpu_awake=$(($(self cpu_time_ns) - cpu))
kill -STOP "$STALLED"
cpu=$(self cpu_time_ns)
sleep 4
cpu_stalled=$(($(self cpu_time_ns) - cpu))
check "a sleeping one costs the agent no memory" "within(last.snapshot.self.rss_bytes, $rss, 10)"
expect "and no time ($cpu_awake ns before, $cpu_stalled ns with it)" [ "$cpu_stalled" -lt $((cpu_awake * 3 / 2)) ]
check "the others miss nothing" "not $(gaps messages)"
# nanomsg keeps what fits the queues: many messages more until one must be dropped
sleep 6
kill -CONT "$STALLED"
sleep 2
check "it sees the gap" "(g := $(gaps t)) and sum(g) > 0 and min(g) > 0" "t=$WORK/stalled.json"
check "and what comes then is whole" "len(t[-1].snapshot.containers) >= $CGROUPS" "t=$WORK/stalled.json"
expect "watch tells of the loss" grep -qi 'lost\|miss' "$WORK/stalled.log"
check "the agent counts no loss of its own" "loss('message_unsent') == 0 and loss('unsent') == 0"
done_testing
