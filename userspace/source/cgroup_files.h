/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kernel's own accounting says of a cgroup: CPU usage and quota,
 * memory, tasks, pressure. Files of cgroup v1, v2 and mixtures; each figure is
 * taken where this node offers it and is absent where it does not.
 */
#ifndef EP_SOURCE_CGROUP_FILES_H
#define EP_SOURCE_CGROUP_FILES_H

#include "base/cleanup.h"
#include "model/metrics.h"

enum cgroup_layout { CGROUP_LAYOUT_NONE, CGROUP_LAYOUT_V1, CGROUP_LAYOUT_HYBRID, CGROUP_LAYOUT_V2 };

/* Where each controller is mounted, relative to the root; "" = not mounted. */
struct cgroup_mounts {
	enum cgroup_layout layout;
	char unified[256];
	char memory[256], cpu[256], cpuacct[256], pids[256], io[256]; /* v1 */
	unsigned memory_id, cpuacct_id, io_id;                        /* hierarchy ids of /proc/self/cgroup */
	/* Controllers that the unified hierarchy offers at its root. */
	unsigned unified_has_memory : 1, unified_has_cpu : 1, unified_has_pids : 1, unified_has_io : 1;
};

/* Reads mountinfo (of PID 1 under another root, where "self" would be the mounts
 * of this process, not of the root), root/proc/cgroups and cgroup.controllers.
 * A mount of a subtree is not used. -ENOENT: no cgroup hierarchy is mounted. */
int cgroup_mounts_read(const char *root, struct cgroup_mounts *ret) _must_check_;
const char *cgroup_layout_name(enum cgroup_layout layout);

/* Keeps the files of one cgroup open. `path` is the cgroup's path inside its
 * hierarchy ("/docker/<id>"), the same in every hierarchy. A missing file is no
 * error. Returns -ENOENT only when the cgroup exists in no hierarchy. `root` and
 * `mounts` are borrowed and must outlive *ret.
 *
 * Files are opened when first asked for and then reread. All cgroups together
 * keep at most half of the soft limit of open files, and no more than
 * CGROUP_FILES_KEPT_MAX (each costs the kernel about 4.5 KiB); the rest are
 * opened for each reading, which is slower and otherwise the same. Limits and
 * files that were missing are looked at only every CGROUP_FILES_SLOW_READINGS th
 * time, limits of a new cgroup more often. */
#define CGROUP_FILES_KEPT_MAX 1024
#define CGROUP_FILES_SLOW_READINGS 10
struct cgroup_files;
int cgroup_files_open(const char *root, const struct cgroup_mounts *mounts, const char *path,
		      struct cgroup_files **ret) _must_check_;
void cgroup_files_close(struct cgroup_files *f); /* NULL is fine */

/* Which groups of figures to read: memory.stat is what costs (about 9 us).
 * Every figure but oom_kills of v1 includes the cgroups below this one: read
 * the topmost cgroup of a container, do not add its children. */
enum cgroup_files_what {
	CGROUP_READ_CPU_TIME = 1,   /* cpu_time_ns from cpuacct.usage / cpu.stat */
	CGROUP_READ_THROTTLING = 2, /* cpu.stat, and the quota */
	CGROUP_READ_MEMORY = 4,     /* usage, memory.stat, peak, limit */
	CGROUP_READ_EVENTS = 8,     /* oom_kills, faults, swap-ins, for nodes without BPF */
	CGROUP_READ_IO = 16,        /* io.stat, blkio.throttle.*, for nodes without BPF */
	CGROUP_READ_PRESSURE = 32,
	CGROUP_READ_TASKS = 64,
};
/* Sets what it could read in `m` and leaves the rest untouched, also when it
 * fails. -ENOENT or -ENODEV: the cgroup is gone (or was made anew: open again). */
int cgroup_files_read(struct cgroup_files *f, unsigned what, struct metrics *m) _must_check_;

/* Calls `visit` for every cgroup below the hierarchy's mount, parents first,
 * the root cgroup ("/") included. id: the kernel's cgroup id (inode of the
 * directory). A non-zero return of visit ends the walk and is returned.
 * -E2BIG: some were not visited: more than a walk holds, not readable, no
 * descriptor left. */
typedef int (*cgroup_visit)(void *data, const char *path, uint64_t id);
int cgroup_walk(const char *root, const char *mount, cgroup_visit visit, void *data) _must_check_;
/* True when the cgroup itself (not a child) holds a process. */
int cgroup_has_processes(const char *root, const char *mount, const char *path) _must_check_;

#endif
