#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The demo shows two containers and leaves nothing behind, whole or interrupted.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib/e2e.sh"
require taskset
DEMO=$E2E/../../packaging/demo.sh
export TMPDIR=$WORK/tmp # so that what it leaves there is seen
mkdir -m 755 "$TMPDIR"

nothing_left() { # PID of the demo: its groups bear the number
	! compgen -G "/sys/fs/cgroup/*/edgeprof-demo-*-$1" && ! compgen -G "/sys/fs/cgroup/edgeprof-demo-*-$1" &&
		! pgrep -f "$TMPDIR/" && [ -z "$(ls "$TMPDIR")" ]
}

"$DEMO" "$EDGEPROF" 3 >"$WORK/demo.txt" 2>&1 </dev/null &
pid=$!
wait "$pid"
expect "it ends with 0" [ $? = 0 ]
expect "shows the steady one" grep -q "edgeprof-demo-steady-$pid" "$WORK/demo.txt"
expect "and the greedy one" grep -q "edgeprof-demo-greedy-$pid" "$WORK/demo.txt"
expect "nothing is left" nothing_left "$pid"

# All of its process group get the signal, as from a terminal.
setsid "$DEMO" "$EDGEPROF" 60 >"$WORK/demo.txt" 2>&1 </dev/null &
pid=$!
at_exit "kill -TERM -- -$pid"
expect "again" wait_until 15 grep -q "edgeprof-demo-steady-$pid" "$WORK/demo.txt"
kill -TERM -- "-$pid"
expect "interrupted: it ends" wait_until 10 process_gone "$pid"
expect "interrupted: nothing is left" nothing_left "$pid"
done_testing
