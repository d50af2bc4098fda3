# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash
# A kernel without bpf(): what the agent tells comes from cgroup files alone, is
# the kernel's own count, and the rest is absent.
BLOCKS=64
HELD_MIB=40

warnings() { grep -c warning: "$AGENT_LOG"; }
doctor_line() { # CHECK: what doctor found
    edgeprof doctor 2>/dev/null | sed -n "s/^[a-z]*  *$1  *//p"
}
status_of() { edgeprof doctor 2>/dev/null | sed -n "s/^\([a-z]*\)  *$1  .*/\1/p"; }
first_of() { # NAME CONTROLLER FILE...: the first that there is
    local name=$1 controller=$2 file
    shift 2
    for file in "$@"; do
        file=$(container_file "$name" "$controller" "$file")
        [ ! -e "$file" ] || cat "$file"
    done
}
throttling() { # NAME: nr_periods nr_throttled
    awk '$1 == "nr_periods" { p = $2 } $1 == "nr_throttled" { t = $2 } END { print p, t }' \
        "$(container_file "$1" cpu cpu.stat)"
}

check "the kernel has no bpf()" sh -c 'zcat /proc/config.gz | grep -qx "# CONFIG_BPF_SYSCALL is not set"'
agent_start
equal "one warning" "$(warnings)" 1
check "it says why, and what the agent does" \
    grep -q 'warning: no BPF: this kernel has no bpf() system call; continuing with cgroup files alone' "$AGENT_LOG"
equal "doctor: bpf() is missing" "$(status_of 'bpf()')" missing
equal "doctor: why" "$(doctor_line 'bpf()')" "this kernel has no bpf() system call"
edgeprof doctor >doctor.txt 2>&1
equal "doctor: the exit status tells that something is missing" $? 1
check "doctor: the remedy is the kernel's option" grep -q 'do:.*CONFIG_BPF_SYSCALL' doctor.txt
check "doctor: nothing about limits of memory" sh -c '! grep -q MEMLOCK doctor.txt'
check "doctor: the cost is told" grep -q 'cost:.*only cgroup files' doctor.txt

container_make busy
container_make capped cpu=20
container_make held memory=$((100 << 20))
messages 2
container_start busy burn 100
container_start capped burn 100
container_start held touch_memory $HELD_MIB 100
dd if=/dev/zero of="$LAB_DISK/read" bs=64k count=$BLOCKS 2>/dev/null
sync
container_run held dd if="$LAB_DISK/read" of=/dev/null bs=64k count=$BLOCKS iflag=direct 2>/dev/null
sleep 4
for name in busy capped held; do container_stop $name; done
sleep 0.3 # the last of a slice is charged when the task has left its CPU
for name in busy capped held; do fact ${name}_cpu_ns "$(container_cpu_ns $name)"; done
fact capped_throttling "$(throttling capped)"
fact held_bytes "$(first_of held memory memory.current memory.usage_in_bytes)"
fact read_bytes $((BLOCKS << 16))
fact cpu_cgroup "$(has_controller cpuacct && echo v1 || echo v2)"
messages 3
fact quiet_ns "$(uptime_ns)"
for name in busy capped held; do container_remove $name; done
messages 2
agent_stop
equal "the agent ends well" "$AGENT_STATUS" 0
equal "still one warning" "$(warnings)" 1
