# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash
# What may be missing or refused on a node: one line for each cause, with what to
# do; what can still run runs. Files of types: refusals.py makes them.
BTF_FOLDER=/var/lib/edgeprof/btf
AS='' MEMLOCK_KIB=''

# The agent of a case, as another user or with a limit; else the program itself.
edgeprof() {
    [ "$1" = agent ] || {
        command edgeprof "$@"
        return
    }
    [ -z "$MEMLOCK_KIB" ] || ulimit -l "$MEMLOCK_KIB"
    # shellcheck disable=SC2086 # a word or none
    exec ${AS:+as_user $AS} /usr/bin/edgeprof "$@"
}
said() { # CASE WORDS: in the one warning
    local warnings
    warnings=$(grep -c warning: "$AGENT_LOG")
    if [ -z "$2" ]; then
        equal "$1: no warning" "$(grep warning: "$AGENT_LOG" | tr '\n' ';')" ""
    elif [ "$warnings" -ne 1 ]; then
        not_ok "$1: one warning" "$warnings: $(grep warning: "$AGENT_LOG" | tr '\n' ';')"
    elif grep warning: "$AGENT_LOG" | grep -qE "$2"; then
        ok "$1: $(sed -n 's/.*warning: //p' "$AGENT_LOG")"
    else
        not_ok "$1: the warning's words" "$(grep warning: "$AGENT_LOG")"
    fi
}
case_of() { # NAME WORDS OPTION...: runs the agent, leaves what families it had to the host half
    local name=$1 words=$2
    shift 2
    AGENT_LOG=/tmp/refusals/$name.log
    mkdir -p /run/edgeprof
    [ -z "$AS" ] || chmod -R 777 /run/edgeprof
    fact "${name}_began_ns" "$(uptime_ns)"
    agent_start --interval 100ms "$@"
    fact "${name}_quiet_ns" "$(uptime_ns)"
    agent_stop
    equal "$name: the agent ends well" "$AGENT_STATUS" 0
    said "$name" "$words"
    rm -rf /run/edgeprof
}
with_btf() { # CASE WORDS: with that file of types
    rm -rf $BTF_FOLDER
    mkdir -p $BTF_FOLDER
    cp "$LAB_FILES/$1.btf" $BTF_FOLDER/
    case_of "$@"
}

# --- permissions and mounts ------------------------------------------------------------------
umount /sys/kernel/debug /sys/kernel/tracing
mount -o remount,ro /sys/fs/bpf
check "no tracefs, bpffs read-only" sh -c '! ls /sys/kernel/tracing/events && ! mkdir /sys/fs/bpf/new'
MEMLOCK_KIB=64
case_of root ''
AS=65534:bpf:perfmon
case_of limit 'LimitMEMLOCK=infinity.* CAP_SYS_RESOURCE'
MEMLOCK_KIB=''
MEMLOCK_KIB=1500
case_of some_limit 'not running: .*LimitMEMLOCK=infinity'
MEMLOCK_KIB=''
AS=65534
case_of nobody 'no BPF: no permission for bpf\(\): run as root or with CAP_BPF and CAP_PERFMON; continuing with cgroup files alone'
AS=65534:bpf
case_of no_perfmon 'no BPF: no permission for tracing programs: run as root or with CAP_PERFMON besides CAP_BPF; continuing with cgroup files alone'

# The unit's rights, where every map lookup asks for CAP_BPF.
before=$(cat /proc/sys/kernel/unprivileged_bpf_disabled)
echo 2 >/proc/sys/kernel/unprivileged_bpf_disabled
equal "unprivileged bpf() is off" "$(cat /proc/sys/kernel/unprivileged_bpf_disabled)" 2
AS=65534:bpf:perfmon:dac_read_search:sys_resource MEMLOCK_KIB=64
AGENT_LOG=/tmp/refusals/unit.log
mkdir -p /run/edgeprof
chmod 777 /run/edgeprof
fact unit_began_ns "$(uptime_ns)"
agent_start
container_make unit
container_start unit burn 100
messages 3
fact unit_middle_ns "$(uptime_ns)"
sleep 1
container_stop unit
sleep 0.2
fact unit_cpu_ns "$(container_cpu_ns unit)"
messages 2
fact unit_quiet_ns "$(uptime_ns)"
container_remove unit # whose slot is taken back by map calls
messages 3
check "unit: CAP_BPF is kept" grep -q 'capabilities kept: .*cap_bpf' "$AGENT_LOG"
agent_stop
equal "unit: the agent ends well" "$AGENT_STATUS" 0
said unit ''
rm -rf /run/edgeprof
AS='' MEMLOCK_KIB=''
echo "$before" >/proc/sys/kernel/unprivileged_bpf_disabled

# --- types ------------------------------------------------------------------------------------
mount -t tmpfs none /sys/kernel/btf
rm -rf $BTF_FOLDER
case_of nowhere 'no BPF: this kernel has no BTF, and none for it is in /nowhere: ' --btf /nowhere
case_of none 'no BPF: .*edgeprof-btf\(1\)'
with_btf own ''
with_btf other 'other\.btf is of kernel 5\.99\.0-other .*this is .*; see edgeprof-btf\(1\)'
with_btf unnamed 'unnamed\.btf does not say which kernel it is of; run edgeprof btf --from .*--kernel-version'
with_btf cut 'cannot use .*cut\.btf: it is cut short: [0-9]+ bytes'
with_btf noise 'cannot use .*noise\.btf: it is not BTF'
with_btf shifted 'no BPF: .*shifted\.btf.*'
with_btf no_tracepoint 'family io is not running: this kernel has no tracepoint block_rq_issue; continuing without'
with_btf no_member 'family io is not running: the kernel refused ep_[a-z]+_raw: .*; maybe .*/no_member\.btf lacks types it needs; continuing without'

# What cannot be followed ends the agent before it publishes.
cannot_start() { # CASE WORDS OPTION...
    local name=$1 words=$2
    shift 2
    AGENT_LOG=/tmp/refusals/$name.log
    agent_run "$@"
    wait "$AGENT"
    equal "$name: exit status" $? 1
    equal "$name: one line" "$(wc -l <"$AGENT_LOG")" 1
    check "$name: $(tail -n 1 "$AGENT_LOG")" grep -qE "$words" "$AGENT_LOG"
}
rm -f $BTF_FOLDER/*
cp "$LAB_FILES/own.btf" $BTF_FOLDER/door.btf
cannot_start door "door = tp_btf takes the kernel's own BTF, but it is to come from .*/door.btf" --door tp_btf
rm -rf $BTF_FOLDER
cat /tmp/refusals/*.log >/tmp/refusals/agent.log
