/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Texts of cgroup files to figures. Pure, and safe on any bytes: what is
 * damaged counts as not there.
 */
#ifndef EP_SOURCE_CGROUP_PARSE_H
#define EP_SOURCE_CGROUP_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A file of one number; false for "max", "-1" and the like. */
bool cgroup_parse_number(const char *text, uint64_t *ret);
/* memory.max, memory.limit_in_bytes; false when unlimited. */
bool cgroup_parse_memory_limit(const char *text, uint64_t *ret_bytes);
/* CFS quota; false when unlimited. */
bool cgroup_parse_cpu_max(const char *text, uint64_t *ret_millicores);
bool cgroup_cpu_limit(uint64_t quota_us, uint64_t period_us, uint64_t *ret_millicores);

/* One of v1 or v2, told by its keys; of v1 the figures with the children. */
struct cgroup_cpu_stat {
	bool has_usage, has_periods, has_throttled, has_throttled_ns;
	uint64_t usage_ns, periods, throttled, throttled_ns;
};
void cgroup_parse_cpu_stat(const char *text, struct cgroup_cpu_stat *ret);

enum cgroup_memory_key {
	CGROUP_MEMORY_ANON,
	CGROUP_MEMORY_FILE,
	CGROUP_MEMORY_SHMEM,
	CGROUP_MEMORY_INACTIVE_FILE,
	CGROUP_MEMORY_FAULTS, /* minor and major */
	CGROUP_MEMORY_FAULTS_MAJOR,
	CGROUP_MEMORY_SWAP_IN_PAGES,
	CGROUP_MEMORY_KEYS
};
struct cgroup_memory_stat {
	uint32_t present; /* bit enum cgroup_memory_key */
	uint64_t value[CGROUP_MEMORY_KEYS];
};
void cgroup_parse_memory_stat(const char *text, bool v1, struct cgroup_memory_stat *ret);
bool cgroup_parse_oom_kills(const char *text, uint64_t *ret); /* memory.events, memory.oom_control */

/* Sums over devices, as the kernel lists them: I/O through a stacked device
 * (dm, md) may stand there for it and for the disk below. An empty file is a
 * cgroup without I/O. */
struct cgroup_io {
	uint64_t read_bytes, write_bytes, reads, writes;
};
bool cgroup_parse_io_stat(const char *text, struct cgroup_io *ret);
/* blkio.throttle.io_service_bytes or io_serviced. */
bool cgroup_parse_blkio(const char *text, uint64_t *ret_read, uint64_t *ret_write);

struct cgroup_pressure {
	bool has_some, has_full;
	uint64_t some_ns, full_ns;
};
void cgroup_parse_pressure(const char *text, struct cgroup_pressure *ret);

/* One line of mountinfo. */
struct cgroup_mount_line {
	bool unified;
	unsigned levels_up;  /* mount root "/../..": that far above our cgroup namespace */
	char point[256];     /* unescaped */
	const char *options; /* v1: controllers among other things; points into the line */
};
/* False for other file systems, mounts of subtrees and what is damaged. */
bool cgroup_parse_mount(const char *line, struct cgroup_mount_line *ret);
/* True when `word` is one of the words of a list split by any of `separators`. */
bool cgroup_list_has(const char *list, const char *separators, const char *word);
/* Hierarchy id in the text of /proc/cgroups; 0 when not on v1. */
unsigned cgroup_parse_hierarchy_id(const char *text, const char *controller);
/* Path of `hierarchy` ("" unified, "memory", "name=systemd") in the text of
 * /proc/PID/cgroup, without a " (deleted)" at its end. -ENOENT, -ENAMETOOLONG.
 * ret_id may be NULL. */
int cgroup_parse_membership(const char *text, const char *hierarchy, char *into, size_t size,
			    unsigned *ret_id) __attribute__((warn_unused_result));

#endif
