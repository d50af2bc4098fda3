/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a cgroup's path tells about the container it belongs to. Pure text; the
 * shapes are those of docs/containers.md and each is a unit test.
 */
#ifndef EP_MODEL_CGROUP_PATH_H
#define EP_MODEL_CGROUP_PATH_H

#include "model/container.h"
#include <stdbool.h>

struct cgroup_path {
	enum container_runtime runtime;
	char id[256]; /* container id, unit name unescaped for people, or the whole path */
	char pod_uid[64]; /* with dashes, "" when none */
	char qos[16]; /* "guaranteed", "burstable", "besteffort" or "" */
	/* Length of the prefix of the path that is the container's own top
	 * cgroup: everything below belongs to the same container. */
	size_t own_length;
	bool helper; /* conmon and the like: beside the container, not in it */
};

/* Never fails: what it does not know is a plain cgroup. */
void cgroup_path_parse(const char *path, struct cgroup_path *ret);

#endif
