# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2119,SC2120
# What every end-to-end test needs: one work folder, agents and recordings that
# end with the test, checks that print TAP-like lines.
#
# EDGEPROF  the program under test (default build/edgeprof)
# TOOLS     folder of the loads (default tests/tools beside it)
set -u -o pipefail

E2E=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
EDGEPROF=$(realpath -m "${EDGEPROF:-$E2E/../../build/edgeprof}")
TOOLS=$(realpath -m "${TOOLS:-$(dirname "$EDGEPROF")/tests/tools}")
PYTHON=/usr/bin/python3
WORK=$(mktemp -d /tmp/edgeprof-e2e.XXXXXX)
chmod 711 "$WORK"
cd "$WORK" || exit
RECORDING=$WORK/live.json
FAILED=0
AGENT=
EXIT_STEPS=()

at_exit() { EXIT_STEPS+=("$*"); }

finish() {
	local i
	trap '' INT TERM
	for ((i = ${#EXIT_STEPS[@]} - 1; i >= 0; i--)); do
		eval "${EXIT_STEPS[i]}" >>"$WORK/exit.log" 2>&1
	done
	if [ "${KEEP:-0}" = 1 ]; then
		echo "# kept $WORK"
	else
		rm -rf "$WORK" || tail -5 "$WORK/exit.log"
	fi
}
trap finish EXIT
trap 'exit 130' INT TERM

ok() { echo "ok - $1"; }
not_ok() {
	echo "not ok - $1: $2"
	FAILED=$((FAILED + 1))
}
expect() { # NAME COMMAND...
	local name=$1 out
	shift
	if out=$("$@" 2>&1); then ok "$name"; else not_ok "$name" "${out:-$* failed}"; fi
}
bail() {
	echo "Bail out! $*"
	exit 1
}
done_testing() { [ "$FAILED" = 0 ] || exit 1; }

require() {
	local program
	[ "$(id -u)" = 0 ] || bail "needs root"
	[ -x "$EDGEPROF" ] || bail "no $EDGEPROF; run make first"
	for program in "$@"; do
		command -v "$program" >/dev/null || bail "needs $program"
	done
}

# Waits SECONDS at most until COMMAND succeeds.
wait_until() {
	local end=$((${EPOCHREALTIME/./} + $1 * 1000000))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "${EPOCHREALTIME/./}" -lt "$end" ] || return 1
		sleep 0.1
	done
}

stop_process() { # PID [SIGNAL]: and waits until it is gone
	local pid=${1:-}
	[ -n "$pid" ] || return 0
	kill -CONT "$pid" 2>/dev/null
	kill "-${2:-TERM}" "$pid" 2>/dev/null
	wait_until 10 process_gone "$pid" || kill -KILL "$pid"
	wait "$pid" 2>/dev/null
}
process_gone() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; }

# --- the agent and its subscribers -----------------------------------------------------
ADDRESS=ipc://$WORK/run/live.ipc

start_agent() { # OPTION...: further options; sets AGENT
	mkdir -p "$WORK/run"
	"$EDGEPROF" agent --run-dir "$WORK/run" --publish "$ADDRESS" --interval 1s "$@" 2>>"$WORK/agent.log" &
	AGENT=$!
	at_exit "stop_process $AGENT"
	if ! wait_until 10 test -S "${ADDRESS#ipc://}" || ! kill -0 "$AGENT" 2>/dev/null; then
		bail "the agent does not start: $(tail -3 "$WORK/agent.log")"
	fi
}
stop_agent() { stop_process "$AGENT" "$@"; }

watch_once() { "$EDGEPROF" watch --address "$ADDRESS" --json --count "${1:-1}" --wait 10s; }

# Writes every snapshot to FILE, one JSON object per line, until the test ends.
record() { # [FILE [ADDRESS]]; sets RECORDER
	"$EDGEPROF" watch --address "${2:-$ADDRESS}" --json --count 1000000 --wait 60s >"${1:-$RECORDING}" 2>>"$WORK/watch.log" &
	RECORDER=$!
	at_exit "stop_process $RECORDER"
	wait_until 10 test -s "${1:-$RECORDING}" || bail "nothing is published: $(tail -3 "$WORK/watch.log" "$WORK/agent.log")"
}

# --- checks on what was recorded (expressions: lib/snapshots.py) -------------------------
snapshots() { "$PYTHON" "$E2E/lib/snapshots.py" "$@"; }

check() { check_in "$RECORDING" 0 "$@"; }          # NAME EXPRESSION [VARIABLE=FILE...]
await() { check_in "$RECORDING" "$1" "${@:2}"; }   # SECONDS NAME EXPRESSION
check_in() {                                       # FILE SECONDS NAME EXPRESSION [...]
	local name=$3 why
	if why=$(snapshots "$1" --wait "$2" "${@:4}"); then
		ok "$name${why:+ ($why)}"
	else
		not_ok "$name" "$why"
	fi
}
