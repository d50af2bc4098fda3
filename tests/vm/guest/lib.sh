# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash disable=SC2034
# What a topic calls in the guest; README.md describes each.
# shellcheck source=/dev/null
. /lab/cgroups.sh
LAB_FILES=/lab/files
AGENT='' AGENT_STATUS='' AGENT_LOG=/tmp/$LAB_TOPIC/agent.log PID=''
HZ_NS=10000000 # /proc/uptime counts hundredths of a second

# --- what the host is told -------------------------------------------------------------
say() { printf '%s\n' "$*" >&3; }
note() { say "note $*"; }
ok() { say "ok $*"; }
not_ok() { say "not_ok $1: $2"; }
fact() { say "fact $1 $2"; }
fact_file() { say "fact64 $1 $(head -c 1048576 "$2" | base64 -w0)"; }
keep() { say "keep $1 $(head -c 1048576 "$2" | base64 -w0)"; }
check() { # NAME COMMAND...
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then
        ok "$name"
    else
        not_ok "$name" "$* failed: $(printf '%s' "$output" | tail -n 1)"
    fi
}
equal() { # NAME GOT EXPECTED
    if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "got '$2', expected '$3'"; fi
}
topic_end() { say "complete $LAB_TOPIC"; }

tap_line() { # NAME LINE
    case $2 in
    'ok '*SKIP* | 'ok '*skip*) not_ok "$1" "skipped: $2" ;;
    'ok '*) ok "$1: $(echo "$2" | sed 's/^ok *[0-9]* *-* *//')" ;;
    'not ok '*) not_ok "$1" "$(echo "$2" | sed 's/^not ok *[0-9]* *-* *//')" ;;
    esac
}
tap_run() { # OUTPUT COMMAND...: 1 when it failed
    local output=$1
    shift
    if TEST_SLOW_MACHINE=1 CMOCKA_MESSAGE_OUTPUT=TAP timeout -s KILL 120 "$@" >"$output" 2>&1 </dev/null; then
        grep -q '^ok ' "$output" && ! grep -q '^not ok ' "$output"
    else
        echo "ended with status $?" >>"$output"
        return 1
    fi
}
# Twice when need be: the machine that emulates this one may be busy, and tests measure time.
tap() { # NAME COMMAND...
    local name=$1 output=/tmp/tap.$$ began_ns failed=0
    shift
    began_ns=$(uptime_ns)
    if ! tap_run $output "$@"; then
        keep "$name-first" $output
        note "$name failed ($(grep -m 1 '^not ok' $output)): once more"
        tap_run $output "$@" || failed=1
    fi
    while IFS= read -r line; do tap_line "$name" "$line"; done <$output
    keep "$name" $output
    note "$name took $((($(uptime_ns) - began_ns) / 1000000)) ms"
    if [ $failed = 1 ]; then
        grep -q '^not ok ' $output || not_ok "$name" "$(tail -n 1 $output)"
        tail -n 20 $output | while IFS= read -r line; do note "$line"; done
    fi
}

# --- time ------------------------------------------------------------------------------------
uptime_ns() {
    local up rest
    read -r up rest </proc/uptime
    rest=${up#*.}
    echo $((${up%.*} * 1000000000 + 1${rest} * HZ_NS - 100 * HZ_NS))
}
wait_for() { # SECONDS COMMAND...
    local tries=$(($1 * 10))
    shift
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || return 1
        sleep 0.1
    done
}

# --- the agent ---------------------------------------------------------------------------------
messages() { # [N [SECONDS]]
    local answer
    say "await ${1:-1} ${2:-20}"
    read -r answer <&3
    [ "$answer" = arrived ]
}
agent_run() { # OPTION...
    fact agent_exec_ns "$(uptime_ns)"
    edgeprof agent --interval 500ms --publish ipc:///run/edgeprof/live.ipc,tcp://0.0.0.0:5570 "$@" 2>>"$AGENT_LOG" &
    AGENT=$!
}
agent_start() { # OPTION...
    agent_run "$@"
    if ! messages 1 20; then
        not_ok "messages of the agent arrive outside" "$(tail -n 1 "$AGENT_LOG")"
        exit 1
    fi
    fact agent_published_ns "$(uptime_ns)"
}
agent_stop() { # [SIGNAL]
    kill "-${1:-TERM}" "$AGENT" 2>/dev/null
    wait "$AGENT"
    AGENT_STATUS=$?
    AGENT=
}

# --- containers ----------------------------------------------------------------------------------
has_controller() { cgroup_root_of "$(controller_name "$1")" >/dev/null; }
controller_name() { # blkio is what v1 calls io
    if [ "$1" = io ] && [ -d "$CGROUP/blkio" ]; then echo blkio; else echo "$1"; fi
}
container_id() { printf '%s' "$LAB_TOPIC-$1" | sha256sum | cut -c1-64; }
container_file() { # NAME CONTROLLER FILE
    echo "$(cgroup_root_of "$(controller_name "$2")")/docker/$(container_id "$1")/$3"
}
container_folders() { # NAME: one for each hierarchy
    local root
    for root in $(cgroup_roots); do echo "$root/docker/$(container_id "$1")"; done
}
container_describe() { # NAME: docker's file
    local folder
    folder=/var/lib/docker/containers/$(container_id "$1")
    mkdir -p "$folder"
    printf '{"ID":"%s","Name":"/%s","Config":{"Image":"lab:1","Labels":{"lab":"%s"}},"State":{"Running":true}}\n' \
        "$(container_id "$1")" "$1" "$LAB_TOPIC" >"$folder/config.v2.json"
}
container_limit() { # NAME LIMIT=VALUE
    local value=${2#*=}
    case $2 in
    memory=*)
        if [ -d "$CGROUP/memory" ]; then
            echo "$value" >"$(container_file "$1" memory memory.limit_in_bytes)"
        else
            echo "$value" >"$(container_file "$1" memory memory.max)"
        fi
        ;;
    cpu=*)
        if [ -d "$CGROUP/cpu" ]; then
            echo $((value * 1000)) >"$(container_file "$1" cpu cpu.cfs_quota_us)"
        else
            echo "$((value * 1000)) 100000" >"$(container_file "$1" cpu cpu.max)"
        fi
        ;;
    pids=*) echo "$value" >"$(container_file "$1" pids pids.max)" ;;
    *) not_ok "limit $2" "no such limit" ;;
    esac
}
container_make() { # NAME LIMIT...
    local name=$1 folder
    shift
    container_describe "$name"
    for folder in $(container_folders "$name"); do
        mkdir -p "$folder"
        [ ! -e "$folder/cgroup.controllers" ] || cgroup_enable "${folder%/*}"
    done
    for limit in "$@"; do container_limit "$name" "$limit"; done
}
container_enter() { # NAME: the calling shell; in a ( )
    local folder
    for folder in $(container_folders "$1"); do echo 0 >"$folder/cgroup.procs" || return; done
}
container_start() { # NAME COMMAND...
    local name=$1
    shift
    (container_enter "$name" && exec "$@") &
    PID=$!
}
container_run() { # NAME COMMAND...
    local name=$1
    shift
    (container_enter "$name" && exec "$@")
}
container_cpu_ns() { # NAME
    if [ -d "$CGROUP/cpuacct" ]; then
        cat "$(container_file "$1" cpuacct cpuacct.usage)"
    else
        awk '$1 == "usage_usec" { printf "%.0f\n", $2 * 1000 }' "$(container_file "$1" cpu cpu.stat)"
    fi
}
container_pids() { # NAME
    cat "$(container_folders "$1" | head -n 1)/cgroup.procs" 2>/dev/null
}
container_signal() { # SIGNAL NAME
    local pid
    for pid in $(container_pids "$2"); do kill "-$1" "$pid" 2>/dev/null; done
}
container_stop() { container_signal STOP "$1"; }
container_go() { container_signal CONT "$1"; }
container_empty() { [ -z "$(container_pids "$1")" ]; }
container_remove() { # NAME
    local folder
    container_signal KILL "$1"
    wait_for 5 container_empty "$1"
    for folder in $(container_folders "$1"); do wait_for 5 rmdir "$folder"; done
}
