/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a cgroup's path tells about the container it belongs to. Pure text; the
 * shapes are those of docs/containers.md and each is a unit test.
 *
 * The innermost container or pod wins; below it everything is its own. Without
 * one, an nspawn machine wins over a systemd unit, the outermost unit over its
 * sub-cgroups (a whole user@UID.service is one session), and what is left is a
 * slice or a plain cgroup. Parsing the first own_length bytes alone gives the
 * same answer, so that prefix may serve as the container's key.
 */
#ifndef EP_MODEL_CGROUP_PATH_H
#define EP_MODEL_CGROUP_PATH_H

#include "model/container.h"
#include <edgeprof/abi.h>
#include <stdbool.h>

struct cgroup_path {
	/* RUNTIME_UNSPECIFIED: certainly a container (64 hex digits), but the
	 * path does not tell whose. RUNTIME_KUBERNETES: the same inside a pod,
	 * or the pod itself, whose id is then the pod's uid. */
	enum container_runtime runtime;
	/* Container id; unit name as systemctl takes it, still escaped; machine
	 * name; or the whole path. Control bytes are replaced. */
	char id[EP_PATH_MAX];
	char pod_uid[64]; /* with dashes where the path has them, "" when none */
	char qos[16];     /* "guaranteed", "burstable", "besteffort" or "" */
	/* Length of the prefix of the path that is the container's own top
	 * cgroup: everything below belongs to the same container. */
	size_t own_length;
	bool helper; /* conmon and the like: beside the container, not in it */
};

/* Never fails: what it does not know is a plain cgroup. */
void cgroup_path_parse(const char *path, struct cgroup_path *ret);

/* Turns systemd's \xNN back into bytes, control bytes into '?', and cuts the
 * unit suffix (".service"; a slice keeps its own). */
void cgroup_path_unit_name(const char *unit, char *into, size_t size);

#endif
