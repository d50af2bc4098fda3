#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Types from files: edgeprof btf from every kind of source, what the agent and
# doctor say of right, wrong and damaged files, and an agent on a kernel whose own
# BTF is hidden counts as one that has it.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib/e2e.sh"
. "$E2E/lib/cgroups.sh"
require unshare dpkg-deb pahole gcc
NAME=edgeprof-e2e-$$
OWN=/sys/kernel/btf/vmlinux
VERSION=$(cat /proc/version)
OTHER='Linux version 5.10.104-tegra (u@h) (gcc) #1 SMP PREEMPT 2022'
mkdir out

run() { # COMMAND...: its output in out.txt and err.txt, its status in STATUS
	timeout 60 "$@" >out.txt 2>err.txt </dev/null
	STATUS=$?
}
makes() { # NAME TEXT ARGUMENT...: exit 0, TEXT on standard output
	local name=$1 text=$2 why=
	run "$EDGEPROF" btf "${@:3}"
	[ "$STATUS" = 0 ] || why="exit $STATUS: $(head -1 err.txt)"
	[ -s err.txt ] && why="$why, stderr: $(head -1 err.txt)"
	grep -qF -- "$text" out.txt || why="$why, no '$text' in: $(head -1 out.txt)"
	if [ -z "$why" ]; then ok "$name"; else not_ok "$name" "$why"; fi
}
refuses() { # NAME STATUS TEXT COMMAND...: one line with TEXT, nothing else
	local name=$1 wanted=$2 text=$3 why=
	run "${@:4}"
	[ "$STATUS" = "$wanted" ] || why="exit $STATUS"
	[ "$(wc -l <err.txt)" = 1 ] || why="$why, $(wc -l <err.txt) lines on stderr"
	[ -s out.txt ] && why="$why, something on stdout"
	grep -qF -- "$text" err.txt || why="$why, no '$text' in: $(head -1 err.txt)"
	if [ -z "$why" ]; then ok "$name"; else not_ok "$name" "$why"; fi
}

# --- making ---------------------------------------------------------------------------------
makes "from the running kernel" "$VERSION" --from "$OWN" -o own.btf
expect "a few KiB" [ "$(stat -c %s own.btf)" -lt 8192 ]
expect "bpftool reads it" bpftool btf dump file own.btf
makes "shown" "this one:  yes" --show own.btf
makes "the default name" "$(uname -r).btf" --from own.btf
expect "making it of itself changes nothing" cmp own.btf "$(uname -r).btf"
makes "into a folder" "out/5.10.104-tegra.btf" --from "$OWN" --kernel-version "$OTHER" -o out
makes "which is another kernel's" "this one:  no" --show out/5.10.104-tegra.btf
makes "without a build id" "build id:  not known" --show out/5.10.104-tegra.btf
makes "with one" "id.btf" --from "$OWN" --build-id 00112233445566778899 -o id.btf
makes "which wins over the text" "this one:  no" --show id.btf
bpftool btf dump file "$OWN" >/dev/null && cp "$OWN" full.btf
refuses "BTF alone tells no kernel" 1 "--kernel-version" "$EDGEPROF" btf --from full.btf
makes "but with the text" "full.min" --from full.btf --kernel-version "$VERSION" -o full.min
refuses "no overwriting" 1 "--force" "$EDGEPROF" btf --from own.btf -o full.min
makes "but with --force" "full.min" --from own.btf -o full.min --force

# --- debug information, packages ---------------------------------------------------------------
cat >fake.c <<'C'
const char banner[] = "Linux version 5.10.104-tegra (u@h) (gcc) #1 SMP PREEMPT 2022\n";
struct sched_entity { unsigned long long sum_exec_runtime; };
struct task_struct { long pad[3]; int pid; char comm[16]; struct sched_entity se; void *cgroups, *mm; } task;
typedef void (*btf_trace_sched_switch)(void *, _Bool, struct task_struct *, struct task_struct *, unsigned);
btf_trace_sched_switch probe;
int main(void) { return banner[0] && probe && task.pid; }
C
gcc -g -O0 -fno-eliminate-unused-debug-types -Wl,--build-id=0x0123456789abcdef0123456789abcdef01234567 -o vmlinux fake.c
makes "from debug information, by pahole" "#1 SMP PREEMPT 2022" --from vmlinux -o debug.btf
makes "with the build id" "0123456789abcdef0123456789abcdef01234567" --show debug.btf
expect "members where the compiler put them" sh -c "bpftool btf dump file debug.btf | grep -q \"'pid' type_id=[0-9]* bits_offset=192\""
refuses "without pahole" 1 "package dwarves" env PATH=/nonexistent "$EDGEPROF" btf --from vmlinux -o none.btf
strip -o stripped vmlinux
refuses "stripped" 1 "neither BTF nor debug information" "$EDGEPROF" btf --from stripped -o none.btf
package() { # FILE...: package.deb with these in usr/lib/debug/boot
	rm -rf package
	mkdir -p package/DEBIAN package/usr/lib/debug/boot tmp
	printf 'Package: x\nVersion: 1\nArchitecture: all\nMaintainer: x <x@y>\nDescription: x\n' >package/DEBIAN/control
	cp "$@" package/usr/lib/debug/boot/
	dpkg-deb -Zxz --build package package.deb >/dev/null 2>&1
}
truncate -s 2M vmlinux # shorter ones are no kernels
package vmlinux
makes "from a debug package" "#1 SMP PREEMPT 2022" --from package.deb -o package.btf
expect "the same" cmp package.btf debug.btf
head -c 100000 /dev/urandom >noise
cp package.deb cut.deb
truncate -s -3000 cut.deb
refuses "a package that is cut short" 1 "package is damaged" "$EDGEPROF" btf --from cut.deb -o none.btf
package noise
refuses "a package without a kernel" 1 "holds no vmlinux" "$EDGEPROF" btf --from package.deb -o none.btf
mkdir full
mount -t tmpfs -o size=64k tmpfs full && at_exit "umount $WORK/full"
package vmlinux
refuses "no room to unpack" 1 "cannot unpack it in $WORK/full: No space left" env TMPDIR="$WORK/full" "$EDGEPROF" btf --from package.deb -o none.btf
expect "nothing is left there" sh -c '[ -z "$(ls full)" ]'

# --- wrong use, files that cannot be written --------------------------------------------------------
refuses "no source" 2 "--from SOURCE or --show FILE" "$EDGEPROF" btf
refuses "both" 2 "--from SOURCE or --show FILE" "$EDGEPROF" btf --from a --show b
refuses "--show with more" 2 "goes without" "$EDGEPROF" btf --show own.btf --force
refuses "a release is no version" 2 "whole text" "$EDGEPROF" btf --from "$OWN" --kernel-version 5.10.104-tegra
refuses "a bad build id" 2 "hexadecimal" "$EDGEPROF" btf --from "$OWN" --build-id xyz
refuses "no such source" 1 "No such file" "$EDGEPROF" btf --from nowhere
refuses "a folder as source" 1 "no regular file" "$EDGEPROF" btf --from /
refuses "another file as source" 1 "none of:" "$EDGEPROF" btf --from fake.c
refuses "an unwritable folder" 1 "cannot write /proc/x" "$EDGEPROF" btf --from "$OWN" -o /proc/x
refuses "a device" 1 "no regular file" "$EDGEPROF" btf --from "$OWN" -o /dev/full --force
head -c 65536 /dev/zero >full/filler 2>/dev/null
refuses "a full disk" 1 "No space left" "$EDGEPROF" btf --from "$OWN" -o full/x.btf
expect "nothing half-written" sh -c '[ "$(ls full)" = filler ]'
head -c 1000 own.btf >cut.btf
refuses "a file that is cut short" 1 "cut short" "$EDGEPROF" btf --show cut.btf
refuses "also as source" 1 "cut short" "$EDGEPROF" btf --from cut.btf
expect "no refused file was made" [ ! -e none.btf ]

# --- the agent ---------------------------------------------------------------------------------------
# agent_says NAME TEXT OPTION...: the agent runs on, and TEXT is in a line of its log
agent_says() {
	local name=$1 text=$2
	: >agent.log
	start_agent "${@:3}"
	if wait_until 5 grep -qF -- "$text" agent.log; then ok "$name"; else not_ok "$name" "$(head -3 agent.log)"; fi
	watch_once >message.json 2>/dev/null
	stop_agent
}
reads_files() { # NAME TEXT: its last message says so, with the reason
	expect "$1: reads files, and says why" jq -e --arg why "$2" \
		'.snapshot.self.families | length == 1 and .[0].door == "files" and (.[0].reason | contains($why))' message.json
}
agent_says "the kernel's own by name" "types from $OWN, self-check passed" --btf "$OWN"
agent_says "a right file" "types from $WORK/own.btf, self-check passed" --btf "$WORK/own.btf"
expect "through raw_tp" jq -e '[.snapshot.self.families[] | select(.door == "raw_tp" and .state == "FAMILY_STATE_RUNNING")] | length == 4' message.json
agent_says "another kernel's file" "out/5.10.104-tegra.btf is of kernel 5.10.104-tegra #1 SMP PREEMPT 2022, this is $(uname -r)" --btf "$WORK/out/5.10.104-tegra.btf"
reads_files "another kernel's file" "5.10.104-tegra"
agent_says "another build id" "build id 00112233445566778899" --btf "$WORK/id.btf"
agent_says "a file that does not say" "edgeprof btf --from" --btf "$WORK/full.btf"
agent_says "a damaged file" "cannot use $WORK/cut.btf: it is cut short" --btf "$WORK/cut.btf"
reads_files "a damaged file" "cut short"
agent_says "noise" "it is not BTF" --btf "$WORK/noise"
agent_says "a folder beside the kernel's own" "types from $OWN" --btf "$WORK/out"
agent_says "a path that is not there" "no such file or folder" --btf "$WORK/nowhere"
refuses "door tp_btf with a file" 1 "remove one of the two" "$EDGEPROF" agent --run-dir "$WORK/run" --publish none --btf "$WORK/own.btf" --door tp_btf

# Wrong types under the right name: the file says that it is of this kernel.
"$PYTHON" - own.btf wrong.btf <<'PYTHON'
import struct, sys
data = bytearray(open(sys.argv[1], "rb").read())
_, _, _, head, type_off, type_len, str_off, _ = struct.unpack_from("<HBBIIIII", data)
name = lambda off: data[head + str_off + off:data.index(0, head + str_off + off)].decode()
sizes = {1: 4, 3: 12, 4: 12, 5: 12, 6: 8, 13: 8}
at, end = head + type_off, head + type_off + type_len
while at < end:
    off, info, _ = struct.unpack_from("<III", data, at)
    kind, vlen = info >> 24 & 31, info & 0xffff
    for i in range(vlen if name(off) == "task_struct" and kind == 4 else 0):
        member = at + 12 + 12 * i
        m_name, _, m_off = struct.unpack_from("<III", data, member)
        if name(m_name) == "se":
            struct.pack_into("<I", data, member + 8, m_off + 64)
    at += 12 + sizes.get(kind, 0) * (vlen if kind in (4, 5, 6, 13) else 1)
open(sys.argv[2], "wb").write(data)
PYTHON
agent_says "wrong types under the right name" "self-check: run time in ns read as" --btf "$WORK/wrong.btf"
reads_files "wrong types" "self-check: run time"
expect "doctor sees them" sh -c "'$EDGEPROF' doctor --btf '$WORK/wrong.btf' | grep -q '^missing  self-check .*run time'"
expect "doctor names the file" sh -c "'$EDGEPROF' doctor --btf '$WORK/own.btf' | grep -q '^works    BTF .*own.btf, of $(uname -r)'"
expect "doctor when maps of the full size are refused" sh -c "prlimit --nofile=8:8 '$EDGEPROF' doctor | grep -q '^missing  counter maps .*open files'"
expect "and claims no self-check then" sh -c "! prlimit --nofile=8:8 '$EDGEPROF' doctor | grep self-check"
expect "doctor on settings that exclude each other" sh -c "'$EDGEPROF' doctor --btf '$WORK/own.btf' --door tp_btf | grep -q '^missing  settings'"

# --- a kernel whose BTF is hidden ------------------------------------------------------------------------
hidden() { exec unshare --mount --propagation private sh -c 'mount -t tmpfs none /sys/kernel/btf && exec "$@"' hidden "$@"; }
start_hidden() { # OPTION...
	mkdir -p run
	hidden "$EDGEPROF" agent --run-dir "$WORK/run" --publish "$ADDRESS" --interval 1s "$@" 2>agent.log &
	AGENT=$!
	at_exit "stop_process $AGENT"
	wait_until 10 test -S "${ADDRESS#ipc://}"
}
start_hidden --btf "$WORK/nothing"
watch_once >message.json
stop_agent
reads_files "without BTF" "see edgeprof-btf(1)"
expect "doctor tells what to do" sh -c "unshare --mount sh -c 'mount -t tmpfs none /sys/kernel/btf; exec \"$EDGEPROF\" doctor' | grep -A2 '^missing  BTF' | grep -q 'edgeprof-btf(1)'"

cp own.btf noise out/
start_hidden --btf "$WORK/out"
expect "the right file of a folder" wait_until 5 grep -qF "types from $WORK/out/own.btf, self-check passed" agent.log
cgroup_make "$NAME"
record
cgroup_start "$NAME" "$TOOLS/burn" 1000
await 5 "the load is seen" "c('/$NAME').totals.tasks is None or c('/$NAME').totals.tasks >= 1"
sample_cgroup "$WORK/samples" "$(cgroup_cpu_dir "$NAME")"
sleep 5
stop_process "$SAMPLER"
check "CPU time equals the kernel's" "(w := window(s, '/$NAME')) and within(growth('/$NAME', 'cpu_time_ns', *w), sampled_growth(s, 'cpu_ns', *w), 1)" s="$WORK/samples"
check "waits and switches are counted" "c('/$NAME').totals.switches_involuntary > 0 and 'run_queue_wait_ns' in c('/$NAME').totals"
cgroup_remove "$NAME"
stop_agent
done_testing
