# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash source=/dev/null
# bpf() without BTF: what the agent says without a file of types, with another
# kernel's, and that with this kernel's every figure is right.
BTF_FOLDER=/var/lib/edgeprof/btf
MISSING=mm_compaction_try_to_compact_pages

configured() { zcat /proc/config.gz | grep -qx "$1"; }
warning() { sed -n 's/.*warning: //p' "$AGENT_LOG"; }
doctor_says() { # CHECK: its level
    edgeprof doctor 2>/dev/null | sed -n "s/^\([a-z]*\)  *$1  .*/\1/p"
}
case_of() { # NAME
    AGENT_LOG=/tmp/jetson/$1.log
    fact "$1_began_ns" "$(uptime_ns)"
    agent_start --interval 100ms
    fact "$1_quiet_ns" "$(uptime_ns)"
    agent_stop
    equal "$1: the agent ends well" "$AGENT_STATUS" 0
}

# --- the kernel is what it is meant to be -------------------------------------------------------
check "bpf() is there" configured CONFIG_BPF_SYSCALL=y
for option in DEBUG_INFO_BTF KPROBES DYNAMIC_FTRACE FTRACE_SYSCALLS PSI COMPACTION; do
    check "$option is not" sh -c "zcat /proc/config.gz | grep -qx '# CONFIG_$option is not set' || ! zcat /proc/config.gz | grep -q '^CONFIG_$option='"
done
check "no BTF of its own" sh -c '! test -e /sys/kernel/btf/vmlinux'

# --- without a file, and with another kernel's -----------------------------------------------------
rm -rf $BTF_FOLDER
case_of without
equal "without: one warning" "$(warning | wc -l)" 1
check "without: what to do" grep -q 'no BPF: .*edgeprof-btf(1).*; continuing with cgroup files alone' "$AGENT_LOG"
equal "without: doctor says that BTF is missing" "$(doctor_says BTF)" missing
check "without: and what to do" sh -c "edgeprof doctor | grep -q 'do: .*edgeprof-btf'"

mkdir -p $BTF_FOLDER
cp "$LAB_FILES/other.btf" $BTF_FOLDER/
case_of other
equal "other: one warning" "$(warning | wc -l)" 1
check "other: both kernels are named" sh -c "grep -q 'other.btf is of kernel 5.10.0-.* this is 5.10.*-tegra' '$AGENT_LOG'"
rm $BTF_FOLDER/other.btf

cp "$LAB_FILES/forced.btf" $BTF_FOLDER/
case_of forced
equal "forced: one warning" "$(warning | wc -l)" 1
check "forced: the self-check names the file and a figure" grep -q 'no BPF: .*forced.btf' "$AGENT_LOG"
rm $BTF_FOLDER/forced.btf

# --- with its own -----------------------------------------------------------------------------------
cp "$LAB_FILES/own.btf" $BTF_FOLDER/any-name
AGENT_LOG=/tmp/jetson/own.log
fact own_began_ns "$(uptime_ns)"
agent_start
edgeprof doctor >doctor.txt
equal "own: doctor finds BTF" "$(doctor_says BTF)" works
equal "own: doctor finds raw_tp" "$(doctor_says 'door raw_tp')" works
check "own: doctor names the missing tracepoint" grep -q "missing .*compaction:$MISSING" doctor.txt
check "own: doctor says that the mem family runs in part" grep -q "cost: some of its figures are absent" doctor.txt
messages 1
fact own_quiet_ns "$(uptime_ns)"
agent_stop
equal "own: one warning" "$(warning)" "family mem runs in part: no tracepoint $MISSING"
. /lab/topics/sched.sh
. /lab/topics/memory.sh
. /lab/topics/io.sh
equal "own: three more times the same warning" "$(grep -c warning: "$AGENT_LOG")" 4
cat /tmp/jetson/*.log >/tmp/jetson/agent.log
