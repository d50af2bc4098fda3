/* SPDX-License-Identifier: BSD-2-Clause */
/* What a container's cgroup files add to what the BPF families count. */
#ifndef EP_CORE_CONTAINER_FILES_H
#define EP_CORE_CONTAINER_FILES_H

#include "core/probes.h"
#include "core/registry.h"

struct container_files {
	const struct registry *registry;
	unsigned what;       /* enum cgroup_files_what: all that no family counts */
	bool knows_idle;     /* the cpu family tells which containers did nothing */
	uint64_t idle_every; /* readings between two looks at an idle container */
};

struct container_files container_files_plan(const struct registry *r, const struct probes *p,
					    uint64_t interval_ns);
/* Reads the container's files when it is due, into container->files. True when
 * they are gone: the registry is out of date. */
bool container_files_read(const struct container_files *f, struct container *container, uint64_t reading);
/* Adds container->files to its totals; what a family counts stays as it is. */
void container_files_merge(struct container *container);

#endif
