/* SPDX-License-Identifier: BSD-2-Clause */
/* What /proc tells of processes: this one's cost, and everyone's memory. */
#ifndef EP_SOURCE_PROCESS_H
#define EP_SOURCE_PROCESS_H

#include "base/cleanup.h"
#include <stddef.h>
#include <stdint.h>

/* Of this process with all its threads, ended ones included. */
int process_self_read(uint64_t *ret_cpu_time_ns, uint64_t *ret_rss_bytes) _must_check_;

/* Calls `visit` for every process with an address space; kernel threads and
 * zombies have none. A non-zero return of visit ends the walk and is returned.
 * Pages of the running kernel's size. */
struct process_memory {
	uint64_t rss_anon_pages, rss_file_pages, rss_shmem_pages, swap_pages;
};
typedef int (*process_visit)(void *data, int tgid, const struct process_memory *memory);
int process_walk(const char *root, process_visit visit, void *data) _must_check_;

/* The cgroup of a process in `hierarchy`: "" is the unified one, else the name
 * of a v1 controller or "name=systemd". A " (deleted)" at the end is cut off.
 * -ENOENT: no such process or hierarchy; -ENAMETOOLONG. */
int process_cgroup_path(const char *root, int tgid, const char *hierarchy, char *into,
			size_t size) _must_check_;

#endif
