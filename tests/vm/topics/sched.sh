# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
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

# shellcheck disable=SC2086 # options
agent_start ${AGENT_OPTIONS:-}
for name in rival1 rival2 pulse; do container_make $name; done
container_make capped cpu=20
messages 2
began_ns=$(uptime_ns)
# Two that share a CPU by halves; one that comes and goes; one that its limit holds back.
container_start rival1 taskset -c 0 burn 100
container_start rival2 taskset -c 0 burn 100
container_start pulse taskset -c 1 burn 100 3000 2000
container_start pulse taskset -c 1 burn 100 2000 1000
container_start capped taskset -c 1 burn 100
sleep $LOAD_SECONDS
for name in $LOADS; do container_stop $name; done
for name in $LOADS; do
    check "$name stands still" wait_for 5 all_stopped $name
    fact ${name}_cpu_ns "$(container_cpu_ns $name)"
    fact ${name}_run_delay_ns "$(sum_of $name schedstat 2)"
    fact ${name}_switches "$(switches_of $name)"
    [ ! -e "$(container_file $name cpu cpu.pressure)" ] || fact ${name}_cpu_pressure_us "$(pressure $name cpu)"
done
fact capped_throttling "$(throttling capped)"
fact sched_took_ns $(($(uptime_ns) - began_ns))
messages 2
fact sched_quiet_ns "$(uptime_ns)"
for name in $LOADS; do container_remove $name; done
agent_stop
