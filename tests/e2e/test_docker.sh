#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Containers of a docker daemon of our own.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib/e2e.sh"
. "$E2E/lib/cgroups.sh"
. "$E2E/lib/image.sh"
. "$E2E/lib/suite.sh"
require dockerd busybox
DOCKER=(/usr/bin/docker -H "unix://$WORK/docker.sock")
[ -x "${DOCKER[0]}" ] || DOCKER[0]=docker
export DOCKER_CONFIG=$WORK/docker-config
RUNTIME=RUNTIME_DOCKER IMAGE=e2e-busybox:1
LIMITS=(--network none --memory 64m --memory-swap 64m --cpus 0.5)

stop_docker() {
	"${DOCKER[@]}" ps -aq | xargs -r "${DOCKER[@]}" rm -f
	stop_process "$DOCKERD"
	umount "$WORK/exec/netns/default" "$WORK/data"
}
start_docker() {
	cgroup_parent_is_ours docker
	dockerd -H "unix://$WORK/docker.sock" --data-root "$WORK/data" --exec-root "$WORK/exec" -p "$WORK/docker.pid" \
		--iptables=false --ip6tables=false --bridge=none --exec-opt native.cgroupdriver=cgroupfs \
		>"$WORK/runtime.log" 2>&1 &
	DOCKERD=$!
	at_exit stop_docker
	wait_until 30 "${DOCKER[@]}" version || bail "dockerd does not start: $(tail -3 "$WORK/runtime.log")"
	make_rootfs_tar "$WORK/rootfs.tar"
	"${DOCKER[@]}" import "$WORK/rootfs.tar" "$IMAGE" >/dev/null || bail "cannot import the image"
}

runtime_run() {
	"${DOCKER[@]}" run -d --name "$1" --label "e2e.load=$1" "${LIMITS[@]}" "$IMAGE" "${@:2}" >/dev/null 2>>"$WORK/runtime.log"
}
runtime_run_wait() {
	"${DOCKER[@]}" run --name "$1" --label "e2e.load=$1" "${LIMITS[@]}" "$IMAGE" "${@:2}" >/dev/null 2>>"$WORK/runtime.log"
}
runtime_exec() { "${DOCKER[@]}" exec -d "$@"; }
runtime_id() { "${DOCKER[@]}" inspect -f '{{.Id}}' "$1"; }
runtime_pid() { "${DOCKER[@]}" inspect -f '{{.State.Pid}}' "$1"; }
runtime_reap() { :; }

start_docker
start_agent --docker-roots "$WORK/data"
container_suite
done_testing
