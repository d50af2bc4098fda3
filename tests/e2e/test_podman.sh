#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Containers of podman and runc in a storage of our own.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib/e2e.sh"
. "$E2E/lib/cgroups.sh"
. "$E2E/lib/image.sh"
. "$E2E/lib/suite.sh"
require podman runc busybox
PODMAN=(podman --root "$WORK/root" --runroot "$WORK/run-podman" --tmpdir "$WORK/tmp")
RUNTIME=RUNTIME_PODMAN IMAGE=localhost/e2e-busybox:1
LABELS=0 # only in podman's data base, which is not read
LIMITS=(--network none --memory 64m --memory-swap 64m --cpus 0.5)

stop_podman() {
	"${PODMAN[@]}" rm -af -t 0
	wait_until 5 umount "$WORK/root/overlay"
}
start_podman() {
	cgroup_parent_is_ours libpod_parent
	cat >"$WORK/containers.conf" <<-END
		[containers]
		default_ulimits=["nofile=1024:1024","nproc=4096:4096"]
		[engine]
		cgroup_manager="cgroupfs"
		runtime="runc"
		events_logger="file"
	END
	export CONTAINERS_CONF=$WORK/containers.conf
	at_exit stop_podman
	make_rootfs_tar "$WORK/rootfs.tar"
	"${PODMAN[@]}" import "$WORK/rootfs.tar" "$IMAGE" >"$WORK/runtime.log" 2>&1 ||
		bail "cannot import the image: $(tail -1 "$WORK/runtime.log")"
}

runtime_run() {
	"${PODMAN[@]}" run -d --name "$1" --label "e2e.load=$1" "${LIMITS[@]}" "$IMAGE" "${@:2}" >/dev/null 2>>"$WORK/runtime.log"
}
runtime_run_wait() {
	"${PODMAN[@]}" run --name "$1" --label "e2e.load=$1" "${LIMITS[@]}" "$IMAGE" "${@:2}" >/dev/null 2>>"$WORK/runtime.log"
}
runtime_exec() { "${PODMAN[@]}" exec -d "$@" >/dev/null; }
runtime_id() { "${PODMAN[@]}" inspect -f '{{.Id}}' "$1"; }
runtime_pid() { "${PODMAN[@]}" inspect -f '{{.State.Pid}}' "$1"; }
runtime_reap() { :; }

start_podman
start_agent --podman-roots "$WORK/root"
container_suite
done_testing
