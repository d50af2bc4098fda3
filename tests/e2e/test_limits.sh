#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# An agent that may not see everything: in a cgroup namespace, and short of
# descriptors because somebody opens all connections he can.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib/e2e.sh"
. "$E2E/lib/cgroups.sh"
require unshare prlimit
INSIDE=edgeprof-e2e-inside-$$ OUTSIDE=edgeprof-e2e-outside-$$
RECORDING=$WORK/recording.json

# The hierarchy that names containers, mounted anew: its root is then the agent's own cgroup.
if [ -d /sys/fs/cgroup/memory ]; then
	NAMING=/sys/fs/cgroup/memory
	MOUNT="mkdir /sys/fs/cgroup/memory; mount -t cgroup -o memory none /sys/fs/cgroup/memory"
else
	NAMING=/sys/fs/cgroup
	MOUNT="mount -t cgroup2 none /sys/fs/cgroup"
fi
start_agent_in_namespace() {
	mkdir -p "$WORK/run"
	(cgroup_enter "$INSIDE" && exec unshare --cgroup --mount --propagation private bash -c "
		umount -R /sys/fs/cgroup; mount -t tmpfs none /sys/fs/cgroup; $MOUNT
		exec '$EDGEPROF' agent --run-dir '$WORK/run' --publish '$ADDRESS' --interval 300ms") 2>>"$WORK/agent.log" &
	AGENT=$!
	at_exit "stop_process $AGENT"
	wait_until 10 test -S "${ADDRESS#ipc://}" || bail "the agent does not start: $(tail -3 "$WORK/agent.log")"
}

cgroup_make "$OUTSIDE"
cgroup_make "$INSIDE"
cgroup_start "$OUTSIDE" "$TOOLS/burn" 60
ID=$(stat -c %i "$NAMING/$OUTSIDE")
start_agent_in_namespace
record "$RECORDING"
sleep 2
check "what lives out of sight is not reported ended" \
	"(seen := [c for m in messages for c in m.snapshot.containers if c.key == $ID]) and all(c.state == 'STATE_RUNNING' for c in seen)"
check "and goes on being counted" \
	"(times := [c.totals.cpu_time_ns for m in messages for c in m.snapshot.containers if c.key == $ID]) and times[-1] - times[0] > 500_000_000"
stop_agent
stop_process "$RECORDER"
cgroup_kill "$OUTSIDE"

start_agent --interval 300ms
prlimit --pid "$AGENT" --nofile=200:200
"$PYTHON" - "${ADDRESS#ipc://}" <<'END'
import socket, sys, time
connections = []
for _ in range(250):
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(0.1)
    try:
        connection.connect(sys.argv[1])
    except OSError:
        pass
    connections.append(connection)
time.sleep(1.5)
END
expect "the agent survives a flood of connections" kill -0 "$AGENT"
sleep 0.5
expect "and publishes again when it is over" watch_once 2
done_testing
