/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/config.h"

const struct config config_defaults = {
	.interval_ns = 1000000000,
	.publish = "ipc:///run/edgeprof/live.ipc",
	.root = "/",
	.run_dir = "/run/edgeprof",
	.group = "edgeprof",
	.socket_mode = 0660,
	.hierarchy = CONFIG_HIERARCHY_AUTO,
	.slots = 0,
	.cpu = true,
	.mem = true,
	.io = true,
	.run_queue = true,
	.door = CONFIG_DOOR_AUTO,
	.btf = "/var/lib/edgeprof/btf",
	.metering = CONFIG_METERING_SAMPLED,
	.log_level = LOG_LEVEL_INFO,
	.docker_roots = "/var/lib/docker",
	.containerd_states = "/run/containerd:/run/k3s/containerd",
	.podman_roots = "/var/lib/containers/storage:/run/containers/storage",
	.crio_roots = "/var/lib/containers/storage:/run/containers/storage",
};
