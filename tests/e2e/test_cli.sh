#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Wrong use of every verb and flag: one line on standard error that says what
# to do, nothing on standard output, and the exit status that the manual names.
#   EDGEPROF=path of the program (default build/edgeprof)
set -u
here=$(cd "$(dirname "$0")" && pwd)
EDGEPROF=$(realpath "${EDGEPROF:-$here/../../build/edgeprof}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0
unset JOURNAL_STREAM INVOCATION_ID COLUMNS

verdict() { # NAME REASON ("" = good)
	if [ -z "$2" ]; then
		echo "ok $1"
	else
		echo "not ok $1: $2"
		failed=1
	fi
}

# run COMMAND...: the program's output in out and err, its status in $status
run() {
	timeout 20 "$@" >out 2>err </dev/null
	status=$?
}

# wrong STATUS TEXT ARGUMENT...: TEXT must be in the one line
wrong() {
	local wanted=$1 text=$2 why=
	shift 2
	run "$EDGEPROF" "$@"
	[ "$status" -eq "$wanted" ] || why="exit $status instead of $wanted"
	[ "$(wc -l <err)" -eq 1 ] || why="$why, $(wc -l <err) lines on stderr"
	[ -s out ] && why="$why, something on stdout"
	grep -qF -- "$text" err || why="$why, no '$text' in: $(head -1 err)"
	grep -q '^edgeprof: ' err || why="$why, no name in front"
	verdict "$(printf '%s ' "$@" | tr -d '\033\n' | cut -c1-60)" "$why"
}

# fine TEXT ARGUMENT...: exit 0, TEXT on stdout, nothing on stderr
fine() {
	local text=$1 why=
	shift
	run "$EDGEPROF" "$@"
	[ "$status" -eq 0 ] || why="exit $status"
	[ -s err ] && why="$why, stderr: $(head -1 err)"
	grep -qF -- "$text" out || why="$why, no '$text'"
	verdict "$*" "$why"
}

# --- help and versions ---------------------------------------------------------------
fine "usage: edgeprof VERB"
fine "usage: edgeprof VERB" help
fine "usage: edgeprof VERB" --help
fine "usage: edgeprof VERB" -h
fine "usage: edgeprof help" help help
fine "usage: edgeprof help" help --help
fine "usage: edgeprof help" help -h
fine "usage: edgeprof version" help version
fine "usage: edgeprof version" version --help
fine "edgeprof " version
fine "edgeprof " --version
for verb in agent watch top doctor btf; do
	fine "usage: edgeprof $verb" help "$verb"
	fine "--help" "$verb" --help
	fine "usage: edgeprof $verb" "$verb" -h
done

# --- verbs ------------------------------------------------------------------------------
wrong 2 "did you mean 'agent'" agnet
wrong 2 "did you mean 'doctor'" docter
wrong 2 "did you mean 'top'" Top
wrong 2 "see edgeprof help" frobnicate
wrong 2 "unknown verb ''" ""
wrong 2 "unknown option '--foo'" --foo
wrong 2 "unknown option '-x'" -x agent
wrong 2 "unknown option '-x'" help -x
wrong 2 "did you mean 'watch'" help wach
wrong 2 "unexpected argument 'me'" help top me
wrong 2 "unexpected argument 'now'" version now

# --- what every verb refuses ------------------------------------------------------------
for verb in agent watch top doctor btf; do
	wrong 2 "unknown option '--frobnicate'" "$verb" --frobnicate
	wrong 2 "unknown option '-x'" "$verb" -x
	wrong 2 "unexpected argument 'stray'" "$verb" stray
	wrong 2 "no value is allowed" "$verb" --help=yes
done

# --- the keys, as flags of every verb that has them ----------------------------------------
while read -r key value text; do
	for verb in agent top doctor; do
		wrong 2 "$text" "$verb" "--$key" "$value"
		wrong 2 "$text" "$verb" "--$key=$value"
		wrong 2 "a value is missing" "$verb" "--$key"
	done
done <<-'TABLE'
	interval 0 100ms to 60s
	interval 99ms 100ms to 60s
	interval 61s 100ms to 60s
	interval fast 100ms to 60s
	publish here ipc:///PATH
	publish ipc://relative ipc:///PATH
	publish tcp://host ipc:///PATH
	publish tcp://host:99999 ipc:///PATH
	root relative an absolute path
	run-dir relative an absolute path
	btf relative an absolute path
	group -x the name of a group
	socket-mode 9 octal
	hierarchy freezer cpuacct
	slots 1 2 to 16384
	slots 16385 2 to 16384
	families gpu cpu, mem and io
	run-queue maybe yes or no
	door kprobe raw_tp
	self-metering maybe sampled
	log-level loud debug
	docker-roots relative absolute paths
	containerd-states relative absolute paths
	podman-roots relative absolute paths
	crio-roots relative absolute paths
TABLE
long=/$(printf '%0600d' 0)
for key in publish root run-dir btf group docker-roots containerd-states podman-roots crio-roots; do
	wrong 2 "is not allowed" agent "--$key" "$long"
done
wrong 2 "did you mean '--interval'" agent --intervall 1s
wrong 2 "'--s' is ambiguous" agent --s 1
wrong 2 "'--co' is ambiguous" watch --co 1

# --- the configuration file -----------------------------------------------------------------
wrong 2 "No such file" agent --config /nonexistent/edgeprof.conf
wrong 2 "Is a directory" agent --config "$work"
wrong 2 "a value is missing" agent --config
config() { # TEXT LINE MESSAGE
	printf '%b' "$1" >test.conf
	for verb in agent top doctor; do
		wrong 2 "test.conf:$2: $3" "$verb" --config test.conf
	done
}
config 'intervall = 1s\n' 1 "unknown key 'intervall', did you mean 'interval'"
config '# first\n\nslots = 1\n' 3 "slots = '1' is not allowed"
config 'slots = 8\nslots = 8\n' 2 "'slots' is set twice, first in line 1"
config '[agent]\nslots = 8\n' 1 "sections are not used"
config 'slots\n' 1 "no 'key = value' here"
config "root = $long\\n" 1 "line longer than"
config 'root = /\033[2J\n' 1 "control byte"
printf 'slots = 0\ninterval = 5m\n' >test.conf
wrong 2 "test.conf:2: interval" agent --config test.conf --interval 1s

# --- watch ------------------------------------------------------------------------------------
wrong 2 "unknown option '--config'" watch --config x
wrong 2 "is not allowed" watch --count 0
wrong 2 "is not allowed" watch --count many
wrong 2 "is not allowed" watch --wait soon
wrong 2 "a value is missing" watch --address
wrong 2 "" watch --address nowhere
wrong 1 "no agent" watch --address "ipc://$work/none.ipc" --wait 100ms

# --- top ----------------------------------------------------------------------------------------
wrong 2 "is not allowed" top --sort size
wrong 2 "is not allowed" top --address nowhere
wrong 2 "is not allowed" top --address ipc://relative
wrong 2 "is not allowed" top --count 0 --batch
wrong 2 "is not allowed" top --filter "$long"
wrong 2 "is not allowed" top --filter $'\033[2J'
wrong 2 "exclude each other" top --live --address ipc:///x
wrong 2 "goes with --batch" top --count 3
wrong 2 "no value is allowed" top --live=yes
wrong 1 "must be a terminal" top --address "ipc://$work/none.ipc"

# --- top without an agent that speaks -----------------------------------------------------------
# A socket that an agent left behind when it was killed, and one that says nothing.
cat >listen.py <<-'PYTHON'
	import socket, sys, time
	s = socket.socket(socket.AF_UNIX)
	s.bind(sys.argv[1])
	s.listen()
	time.sleep(float(sys.argv[2]))
PYTHON
if command -v python3 >/dev/null; then
	python3 listen.py stale.ipc 0
	chmod 777 stale.ipc
	python3 listen.py mute.ipc 60 &
	mute=$!
	if [ "$(id -u)" -eq 0 ]; then
		fine "live (no agent found)" top --batch --count 1 --publish "ipc://$work/stale.ipc"
		fine "live (no agent found)" top --batch --count 1 --address "ipc://$work/stale.ipc"
		timeout 20 "$EDGEPROF" top --live --batch --count 100 --interval 100ms 2>err | head -1 >out
		[ "${PIPESTATUS[0]}" -eq 0 ] && [ ! -s err ] && why='' || why="$(head -1 err)"
		verdict "top into a closed pipe" "$why"
		timeout -s INT 1 "$EDGEPROF" top --live --batch --count 100 --interval 200ms >out 2>err
		grep -q 'of 100 frames' err && why='' || why="stderr: $(head -1 err)"
		verdict "top interrupted before the last frame" "$why"
	fi
	for _ in $(seq 50); do [ -S mute.ipc ] && break; sleep 0.1; done
	wrong 1 "nothing from ipc://" top --batch --address "ipc://$work/mute.ipc"
	kill "$mute"
	wait "$mute" 2>/dev/null
fi

# --- failures ----------------------------------------------------------------------------------
wrong 1 "cannot lock" agent --run-dir /proc/nowhere
wrong 1 "cgroup" agent --run-dir "$work/run" --publish none --root "$work"
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
	cp "$EDGEPROF" edgeprof
	chmod 755 . edgeprof
	EDGEPROF="$work/edgeprof"
	as_nobody() { # STATUS TEXT ARGUMENT...
		local wanted=$1 text=$2 why=
		shift 2
		run setpriv --reuid 65534 --regid 65534 --clear-groups "$work/edgeprof" "$@"
		[ "$status" -eq "$wanted" ] || why="exit $status instead of $wanted"
		[ "$(wc -l <err)" -eq 1 ] || why="$why, $(wc -l <err) lines on stderr"
		grep -qF -- "$text" err || why="$why, no '$text' in: $(head -1 err)"
		verdict "as nobody: $*" "$why"
	}
	as_nobody 1 "takes root" top --batch --live
	as_nobody 1 "no agent at" top --batch --publish "ipc://$work/none.ipc"
	as_nobody 1 "no agent at" top --batch --address "ipc://$work/stale.ipc"
	as_nobody 1 "cannot lock" agent --run-dir /run/edgeprof-nobody
	run setpriv --reuid 65534 --regid 65534 --clear-groups "$work/edgeprof" doctor
	why=
	[ "$status" -eq 1 ] || why="exit $status instead of 1"
	grep -q '^missing  *run-dir .*cannot' out || why="$why, no missing run-dir"
	grep -q '^missing  *capabilities' out || why="$why, no missing capabilities"
	verdict "as nobody: doctor" "$why"
fi

# --- output that cannot be written ------------------------------------------------------------
for words in help version doctor "doctor --json" "agent --help" "watch --help" "top --help" \
	"doctor --help" "btf --help" "help --help" "version --help"; do
	# shellcheck disable=SC2086 # words are split on purpose
	timeout 20 "$EDGEPROF" $words >/dev/full 2>err </dev/null
	status=$?
	why=
	[ "$status" -eq 1 ] || why="exit $status instead of 1"
	[ "$(wc -l <err)" -eq 1 ] || why="$why, $(wc -l <err) lines on stderr"
	grep -q '^edgeprof: cannot write: ' err || why="$why, stderr: $(head -1 err)"
	verdict "$words into a full disk" "$why"
done

# --- standard streams that are closed ------------------------------------------------------------
mkdir -p closed
timeout -s TERM 2 "$EDGEPROF" agent --publish none --run-dir "$work/closed" 2>&-
why=
grep -qx '[0-9]*' closed/agent.lock || why="no lock was taken"
[ "$(wc -l <closed/agent.lock)" -eq 1 ] || why="agent.lock: $(grep -v '^[0-9]*$' closed/agent.lock | head -1)"
verdict "the log goes into no file when standard error is closed" "$why"
"$EDGEPROF" version >&- 2>err
why=
grep -q '^edgeprof: cannot write: ' err || why="stderr: $(head -1 err)"
verdict "standard output that is closed is told" "$why"
exit $failed
