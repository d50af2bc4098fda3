/* SPDX-License-Identifier: BSD-2-Clause */
/* Which cgroup hierarchy names the containers of this node. */
#ifndef EP_CORE_HIERARCHY_H
#define EP_CORE_HIERARCHY_H

#include "core/config.h"
#include "source/cgroup_files.h"
#include <edgeprof/abi.h>

struct hierarchy_choice {
	enum ep_hierarchy hierarchy;
	const char *name;  /* "unified", "memory", "cpuacct" */
	const char *mount; /* borrowed from the mounts */
	unsigned id;       /* the kernel's hierarchy id; 0 is the unified one */
};

/* auto: pure v2 names by its one hierarchy, mixtures by a controller that every
 * runtime uses. -ENOENT: what is wanted is not mounted. */
int hierarchy_choose(const struct cgroup_mounts *mounts, enum config_hierarchy wanted,
		     struct hierarchy_choice *ret) _must_check_;

#endif
