# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash
# lockdown=confidentiality: programs may not read the kernel's memory through
# helpers. What a program reads through its typed arguments stays allowed. There
# is no way back, so this is a guest's last topic.
LOCKDOWN=/sys/kernel/security/lockdown

case_of() { # DOOR
    AGENT_LOG=/tmp/refusals-lockdown/$1.log
    fact "$1_began_ns" "$(uptime_ns)"
    agent_start --interval 100ms --door "$1"
    fact "$1_quiet_ns" "$(uptime_ns)"
    agent_stop
    equal "$1: the agent ends well" "$AGENT_STATUS" 0
    equal "$1: one warning" "$(grep -c warning: "$AGENT_LOG")" 1
    check "$1: it names the lockdown and the remedy" \
        grep -qE 'warning: .*lockdown.*confidentiality.*boot with lockdown=integrity' "$AGENT_LOG"
    note "$1: $(sed -n 's/.*warning: //p' "$AGENT_LOG")"
}

mount -t securityfs none /sys/kernel/security
check "the kernel can be locked down" sh -c "echo confidentiality >$LOCKDOWN"
check "it is" grep -q '\[confidentiality\]' $LOCKDOWN
for door in auto tp_btf raw_tp; do case_of $door; done
edgeprof doctor >doctor.txt
check "doctor names it" grep -q lockdown doctor.txt
check "doctor asks for no report of it" sh -c '! grep -q "do:.*report it" doctor.txt'
cat /tmp/refusals-lockdown/*.log >/tmp/refusals-lockdown/agent.log
