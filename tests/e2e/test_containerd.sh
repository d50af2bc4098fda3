#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Containers of a containerd of our own, and 200 of runc in a row.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib/e2e.sh"
. "$E2E/lib/cgroups.sh"
. "$E2E/lib/image.sh"
. "$E2E/lib/suite.sh"
require containerd ctr runc busybox
NAMESPACE=edgeprof-e2e
CTR=(ctr -a "$WORK/containerd.sock" -n "$NAMESPACE")
RUNTIME=RUNTIME_CONTAINERD IMAGE=
REFERENCE=localhost/e2e-busybox:1
LIMITS=(--memory-limit $((64 << 20)) --cpus 0.5)

stop_containerd() {
	"${CTR[@]}" tasks ls -q | xargs -r -n 1 "${CTR[@]}" tasks kill -s KILL
	sleep 0.5
	"${CTR[@]}" tasks ls -q | xargs -r "${CTR[@]}" tasks rm -f
	"${CTR[@]}" containers ls -q | xargs -r "${CTR[@]}" containers rm
	stop_process "$CONTAINERD"
}
start_containerd() {
	cgroup_parent_is_ours "$NAMESPACE"
	cat >"$WORK/containerd.toml" <<-END
		version = 2
		root = "$WORK/root"
		state = "$WORK/state"
		oom_score = 0
		disabled_plugins = ["io.containerd.grpc.v1.cri"]
		[grpc]
		  address = "$WORK/containerd.sock"
		[ttrpc]
		  address = "$WORK/containerd.sock.ttrpc"
	END
	containerd -c "$WORK/containerd.toml" >"$WORK/runtime.log" 2>&1 &
	CONTAINERD=$!
	at_exit stop_containerd
	wait_until 20 "${CTR[@]}" version || bail "containerd does not start: $(tail -3 "$WORK/runtime.log")"
	make_rootfs_tar "$WORK/rootfs.tar"
	make_oci_archive "$WORK/rootfs.tar" "$REFERENCE" "$WORK/image.tar"
	"${CTR[@]}" images import "$WORK/image.tar" >>"$WORK/runtime.log" 2>&1 || bail "cannot import the image"
}

runtime_run() {
	"${CTR[@]}" run -d --label "e2e.load=$1" "${LIMITS[@]}" "$REFERENCE" "$@" >/dev/null 2>>"$WORK/runtime.log"
}
runtime_run_wait() {
	"${CTR[@]}" run --label "e2e.load=$1" "${LIMITS[@]}" "$REFERENCE" "$@" >/dev/null 2>>"$WORK/runtime.log"
}
runtime_exec() { "${CTR[@]}" tasks exec -d --exec-id "$RANDOM" "$@"; }
runtime_id() { echo "$1"; }
runtime_pid() { "${CTR[@]}" tasks ls | awk -v name="$1" '$1 == name { print $2 }'; }
runtime_reap() { wait_until 5 "${CTR[@]}" tasks rm "$1"; }

# --- many in a row --------------------------------------------------------------------
RUNC=(runc --root "$WORK/runc")
MANY=200

make_bundle() {
	mkdir -p "$WORK/bundle"
	(cd "$WORK/bundle" && runc spec)
	jq '.process.args = ["true"] | .process.terminal = false | .root.path = "'"$WORK/rootfs"'" | del(.process.rlimits)
		| .linux.namespaces |= map(select(.type != "network"))' "$WORK/bundle/config.json" >"$WORK/spec.json"
}
run_many() {
	local i
	for ((i = 0; i < MANY; i++)); do
		jq '.linux.cgroupsPath = "/edgeprof-e2e-many/run-'$i'"' "$WORK/spec.json" >"$WORK/bundle/config.json"
		"${RUNC[@]}" run -b "$WORK/bundle" "many-$i" </dev/null >>"$WORK/runtime.log" 2>&1 || return
	done
}
many_in_a_row() {
	local rss all="[x.cgroup_path for x in ended('/edgeprof-e2e-many/run-*')]"
	make_bundle
	cgroup_parent_is_ours edgeprof-e2e-many
	rss=$(snapshots "$RECORDING" --print "last.snapshot.self.rss_bytes")
	expect "$MANY containers in a row run" run_many
	await 6 "each is reported as ended" "len(set($all)) == $MANY"
	sleep 2.5
	check "each exactly once" "len($all) == $MANY"
	check "each with its totals" "min(x.totals.cpu_time_ns for x in ended('/edgeprof-e2e-many/run-*')) > 0"
	check "none without a name" "loss('cgroup_unnamed') == loss('cgroup_unnamed', first) and not ended('*unnamed*')"
	slots_are_given_back
	check "the agent's memory is stable" \
		"within(last.snapshot.self.rss_bytes, $rss, 10)"
	check "no container was lost" "loss('slot_full') + loss('ring_full') + loss('mm_full') == 0"
}

require jq
start_containerd
start_agent --containerd-states "$WORK/state"
container_suite
many_in_a_row
done_testing
