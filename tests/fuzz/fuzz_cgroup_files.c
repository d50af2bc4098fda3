/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as any file of /proc or /sys/fs/cgroup. */
#include "source/cgroup_parse.h"
#include "source/cgroup_rows.h"
#include "source/node.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void try_rows(const char *text)
{
	const unsigned all = 127;

	for (size_t row = 0; row < CGROUP_ROWS; row++) {
		struct metrics m = { 0 };

		cgroup_row_apply(&cgroup_rows[row], text, all, &m);
		require(m.present < 1ull << METRIC_COUNT);
		metrics_set(&m, METRIC_memory_usage_bytes, 5);
		cgroup_row_apply(&cgroup_rows[row], text, all, &m);
		require(!metrics_has(&m, METRIC_memory_working_set_bytes) ||
			m.value[METRIC_memory_working_set_bytes] <= m.value[METRIC_memory_usage_bytes]);
	}
}

static void try_mounts(const char *text)
{
	struct cgroup_mount_line m;

	if (!cgroup_parse_mount(text, &m))
		return;
	require(m.point[0] == '/' && strlen(m.point) < sizeof(m.point));
	require(m.options >= text && m.options <= text + strlen(text));
	(void)cgroup_list_has(m.options, ",", "memory");
}

static void try_membership(const char *text)
{
	static const char *const names[] = { "", "memory", "name=systemd" };
	char path[32];

	for (size_t i = 0; i < 3; i++) {
		memset(path, 'x', sizeof(path));
		if (cgroup_parse_membership(text, names[i], path, sizeof(path), NULL) == 0)
			require(path[0] == '/' && strlen(path) < sizeof(path));
	}
	(void)cgroup_parse_hierarchy_id(text, "memory");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	uint64_t value;

	require(text);
	try_rows(text);
	try_mounts(text);
	try_membership(text);
	if (cgroup_parse_memory_limit(text, &value))
		require(value < 1ull << 60);
	(void)cgroup_parse_cpu_max(text, &value);
	require(node_count_cpus(text) <= 65536);
	free(text);
	return 0;
}
