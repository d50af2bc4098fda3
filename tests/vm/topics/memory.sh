# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash
# Memory limits that are really applied: an OOM kill, resident memory, faults, reclaim.
HELD_MIB=60
LIMIT_BYTES=$((48 << 20))

directories() { container_folders "$1" | tr '\n' ':' | sed 's/:$//'; }
status_kib() { # PID FIELD
    awk -v field="$2:" '$1 == field { print $2 }' "/proc/$1/status"
}
oom_kills() { # NAME
    local file
    for file in memory.events memory.oom_control; do
        file=$(container_file "$1" memory $file)
        [ ! -e "$file" ] || awk '$1 == "oom_kill" { print $2 }' "$file"
    done
}
current() { # NAME
    local file
    for file in memory.current memory.usage_in_bytes; do
        file=$(container_file "$1" memory $file)
        [ ! -e "$file" ] || cat "$file"
    done
}

container_make greedy memory=$LIMIT_BYTES
container_make held
container_make faults
container_make cache memory=$((24 << 20))
# shellcheck disable=SC2086 # options
agent_start ${AGENT_OPTIONS:-}

container_run greedy touch_memory 200 >/dev/null
fact oom_status $?
fact oom_kills "$(oom_kills greedy)"

container_start held touch_memory $HELD_MIB 100 >/dev/null
wait_for 10 sh -c "[ \$(awk '\$1 == \"RssAnon:\" { print \$2 }' /proc/$PID/status) -ge $((HELD_MIB << 10)) ]"
container_stop held
fact held_anon_kib "$(status_kib "$PID" RssAnon)"
fact held_file_kib "$(status_kib "$PID" RssFile)"
messages 2
fact held_current "$(current held)"
fact held_quiet_ns "$(uptime_ns)"
container_go held

measured_run 1.2 "$(directories faults)" touch_memory 20 0.7 | grep begin_mono_ns >faults.json
fact_file faults faults.json

# Twice its limit through the page cache: allocations must reclaim.
container_run cache dd if=/dev/zero of="$LAB_DISK/cache" bs=1M count=48 2>/dev/null
container_run cache dd if="$LAB_DISK/cache" of=/dev/null bs=64k 2>/dev/null
messages 3
fact cache_current "$(current cache)"
fact memory_quiet_ns "$(uptime_ns)"
rm -f "$LAB_DISK/cache"
for name in greedy held faults cache; do container_remove $name; done
agent_stop
