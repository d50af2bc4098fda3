# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
# With the unit's rights: what the agent keeps once all is open, on kernels that
# ask for CAP_BPF at every look into a map (before 5.19) and on those that do not.
READING=$((1 << 2))
MAPS=$((1 << 39))

permitted() { sed -n 's/^CapPrm:[[:space:]]*//p' "/proc/$AGENT/status"; }
mask() { printf '%016x' "$1"; }
before_5_19() { [ "$(printf '%s\n5.19\n' "$(uname -r)" | sort -V | head -n 1)" != 5.19 ]; }
as_unit() { # UNPRIVILEGED_BPF_DISABLED
    echo "$1" >/proc/sys/kernel/unprivileged_bpf_disabled
    mkdir -p /run/edgeprof
    chmod 777 /run/edgeprof
    # shellcheck disable=SC3045 # busybox knows it; the unit's LimitMEMLOCK=infinity
    (ulimit -l unlimited && exec as_user 990:bpf:perfmon:dac_read_search /usr/bin/edgeprof agent --interval 500ms \
        --publish ipc:///run/edgeprof/live.ipc,tcp://0.0.0.0:5570 --log-level debug 2>>"$AGENT_LOG") &
    AGENT=$!
    check "bpf() closed by $1: messages arrive" messages 1
}
come_and_go() { # NAME: containers whose slots are given back
    for i in 1 2 3 4; do
        container_make "$1$i"
        container_run "$1$i" true
        container_remove "$1$i"
    done
}

before=$(cat /proc/sys/kernel/unprivileged_bpf_disabled)
as_unit 0
equal "open to all users: reading alone is kept" "$(permitted)" "$(mask $READING)"
come_and_go open
check "messages go on" messages 3
agent_stop

as_unit 2
if before_5_19; then
    equal "closed: CAP_BPF is kept too" "$(permitted)" "$(mask $((READING | MAPS)))"
    check "and the log says so" grep -q "takes CAP_BPF for every look into a map: keeping it" "$AGENT_LOG"
else
    equal "closed: reading alone is kept" "$(permitted)" "$(mask $READING)"
fi
come_and_go closed
check "messages go on" messages 3
fact quiet_ns "$(uptime_ns)"
agent_stop
equal "no reading failed" "$(grep -c "a reading failed" "$AGENT_LOG")" 0
equal "no warning" "$(grep warning: "$AGENT_LOG" | tail -n 1)" ""
echo "$before" >/proc/sys/kernel/unprivileged_bpf_disabled
