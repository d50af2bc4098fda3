# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash
# Loads of known kinds in containers; then all is stopped, and what the kernel
# counted for them stands still while two more messages come.
LOAD_SECONDS=4
LOADS="rival1 rival2 pulse capped"

sum_of() { # NAME FILE FIELD: over the tasks of a container
    local pid
    for pid in $(container_pids "$1"); do
        awk -v field="$3" '{ print $field }' "/proc/$pid/$2"
    done | awk '{ sum += $1 } END { printf "%.0f\n", sum }'
}
switches_of() { # NAME
    local pid
    for pid in $(container_pids "$1"); do grep _ctxt_switches "/proc/$pid/status"; done |
        awk '{ sum += $2 } END { printf "%.0f\n", sum }'
}
all_stopped() { # NAME
    local pid
    for pid in $(container_pids "$1"); do grep -q '^State:.T' "/proc/$pid/status" || return 1; done
}
throttling() { # NAME: nr_periods nr_throttled throttled_ns
    awk '$1 == "nr_periods" { p = $2 } $1 == "nr_throttled" { t = $2 }
        $1 == "throttled_usec" { n = $2 * 1000 } $1 == "throttled_time" { n = $2 }
        END { printf "%.0f %.0f %.0f\n", p, t, n }' "$(container_file "$1" cpu cpu.stat)"
}
pressure() { # NAME CONTROLLER
    sed -n 's/^some.*total=//p' "$(container_file "$1" cpu "$2.pressure")"
}

# Stopped before it begins, so that what it did on its way into the container is known.
load() { # NAME CPU BURN-OPTION...
    local name=$1 cpu=$2
    shift 2
    container_start "$name" sh -c 'kill -STOP $$; exec taskset -c "$@"' sh "$cpu" burn 100 "$@"
}
figures() { # WHEN
    local name
    for name in $LOADS; do
        fact "${name}_cpu_ns_$1" "$(container_cpu_ns "$name")"
        fact "${name}_run_delay_ns_$1" "$(sum_of "$name" schedstat 2)"
        fact "${name}_switches_$1" "$(switches_of "$name")"
    done
}
each() { # COMMAND... NAME
    local name
    for name in $LOADS; do "$@" "$name"; done
}

each container_make
container_limit capped cpu=20
# shellcheck disable=SC2086 # options
agent_start ${AGENT_OPTIONS:-}
# Two that share a CPU by halves; one that comes and goes; one that its limit holds back.
load rival1 0
load rival2 0
load pulse 1 3000 2000
load pulse 1 2000 1000
load capped 1
each wait_for 5 all_stopped
figures before
messages 2
fact sched_began_ns "$(uptime_ns)"
each container_go
sleep $LOAD_SECONDS
fact sched_ended_ns "$(uptime_ns)"
each container_stop
for name in $LOADS; do check "$name stands still" wait_for 5 all_stopped "$name"; done
figures after
for name in $LOADS; do
    [ ! -e "$(container_file "$name" cpu cpu.pressure)" ] || fact "${name}_cpu_pressure_us" "$(pressure "$name" cpu)"
done
fact capped_throttling "$(throttling capped)"
messages 2
fact sched_quiet_ns "$(uptime_ns)"
each container_remove
agent_stop
