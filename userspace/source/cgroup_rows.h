/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of accounting files: where each lives and which metrics it holds. */
#ifndef EP_SOURCE_CGROUP_ROWS_H
#define EP_SOURCE_CGROUP_ROWS_H

#include "source/cgroup_files.h"

/* A controller is on v1 or offered by the unified hierarchy, never both; only
 * CPU time and pressure need no controller there. */
enum cgroup_place {
	CGROUP_PLACE_V1_CPUACCT,
	CGROUP_PLACE_V1_CPU,
	CGROUP_PLACE_V1_MEMORY,
	CGROUP_PLACE_V1_PIDS,
	CGROUP_PLACE_V1_IO,
	CGROUP_PLACE_V2,
	CGROUP_PLACE_V2_CPU,
	CGROUP_PLACE_V2_MEMORY,
	CGROUP_PLACE_V2_PIDS,
	CGROUP_PLACE_V2_IO,
	CGROUP_PLACE_COUNT
};
/* Where it is mounted; "" when this node has no such place. */
const char *cgroup_place_mount(const struct cgroup_mounts *m, enum cgroup_place place);

struct cgroup_row {
	const char *name, *other_name; /* other_name: tried when there is no `name` */
	enum cgroup_place place;
	unsigned what;         /* groups that need it */
	enum metric_id number; /* what a file of one number holds, when there is no `apply` */
	void (*apply)(const char *text, unsigned what, struct metrics *m);
};

#define CGROUP_ROWS 19
enum { CGROUP_ROW_CPUACCT = 0, CGROUP_ROW_CPU_STAT_V2 = 1 };
/* In the order of reading: a row may look at what earlier ones set. */
extern const struct cgroup_row cgroup_rows[CGROUP_ROWS];

/* Sets the metrics of the groups in `what` that the text holds. */
void cgroup_row_apply(const struct cgroup_row *row, const char *text, unsigned what, struct metrics *m);

#endif
