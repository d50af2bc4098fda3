#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Shows edgeprof at work on this machine: two cgroups compete for one CPU, the
# agent counts, the live table shows who waits for whom. Leaves nothing behind.
#   demo.sh EDGEPROF [SECONDS]      without SECONDS: until q or Ctrl-C
set -u
edgeprof=$1
seconds=${2:-}
case "$seconds" in *[!0-9]* | 0) echo "edgeprof demo: '$seconds' is no number of seconds" >&2; exit 2 ;; esac
dir=
groups=()
pids=()

finish() {
    trap - EXIT INT TERM
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null; done
    for group in "${groups[@]}"; do
        for _ in 1 2 3 4 5 6 7 8 9 10; do rmdir "$group" 2>/dev/null && break; sleep 0.05; done
    done
    [ -z "$dir" ] || rm -rf "$dir"
}
trap finish EXIT
trap 'exit 0' INT TERM

fail() {
    echo "edgeprof demo: $1" >&2
    exit 1
}

# Where this node's containers would be: pure v2, or the v1 hierarchies side by side.
hierarchies() {
    if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
        echo /sys/fs/cgroup
        return
    fi
    for name in memory cpuacct cpu,cpuacct cpu; do
        if [ -d "/sys/fs/cgroup/$name" ] && [ ! -L "/sys/fs/cgroup/$name" ]; then echo "/sys/fs/cgroup/$name"; fi
    done
}

make_group() {
    for hierarchy in $(hierarchies); do
        mkdir "$hierarchy/$1" || fail "cannot make the cgroup $hierarchy/$1"
        groups+=("$hierarchy/$1")
    done
}

# Starts a command inside a group: run_in NAME COMMAND...
run_in() {
    local name=$1
    shift
    (
        trap - EXIT INT TERM
        for hierarchy in $(hierarchies); do echo "$BASHPID" >"$hierarchy/$name/cgroup.procs"; done
        exec "$@"
    ) &
    pids+=($!)
}

[ "$(id -u)" -eq 0 ] || fail "needs root: it loads BPF programs and makes cgroups; run sudo make demo"
[ -x "$edgeprof" ] || fail "$edgeprof is not built; run make"
dir=$(mktemp -d) || exit 1
chmod 755 "$dir"
steady=edgeprof-demo-steady-$$
greedy=edgeprof-demo-greedy-$$
make_group "$steady"
make_group "$greedy"

echo "Starting a steady and a greedy workload on one CPU, and the agent."
# Wakes a hundred times a second for a little work, as an inference loop does.
run_in "$steady" taskset -c 0 sh -c 'while :; do i=0; while [ $i -lt 2000 ]; do i=$((i + 1)); done; sleep 0.01; done'
run_in "$greedy" taskset -c 0 sh -c 'x=$(head -c 48000000 /dev/zero | tr "\0" x); while :; do :; done'
"$edgeprof" agent --run-dir "$dir" --publish "ipc://$dir/live.ipc" 2>"$dir/agent.log" &
agent=$!
pids+=("$agent")
for _ in $(seq 50); do
    [ -S "$dir/live.ipc" ] && break
    kill -0 "$agent" 2>/dev/null || { cat "$dir/agent.log" >&2; fail "the agent did not start; see edgeprof doctor"; }
    sleep 0.1
done

sleep 1.2 # rates need two readings

if [ -t 1 ] && [ -z "$seconds" ]; then
    "$edgeprof" top --address "ipc://$dir/live.ipc"
else
    # In the background, so that a signal to this script alone is heeded at once.
    "$edgeprof" top --address "ipc://$dir/live.ipc" --batch --count "${seconds:-5}" &
    pids+=($!)
    wait $!
fi
status=$?
grep -h warning "$dir/agent.log"
[ $status -ne 0 ] || echo "Done; the workload, the agent and its cgroups are gone. Next: $edgeprof --help, or README.md."
exit $status
