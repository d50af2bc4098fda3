/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/hierarchy.h"

#include <errno.h>

int hierarchy_choose(const struct cgroup_mounts *m, enum config_hierarchy wanted,
		     struct hierarchy_choice *ret)
{
	const struct {
		enum config_hierarchy asked;
		bool preferred; /* in this order, when nothing is asked for */
		struct hierarchy_choice choice;
	} rows[] = {
		{ CONFIG_HIERARCHY_UNIFIED,
		  m->layout == CGROUP_LAYOUT_V2,
		  { EP_HIERARCHY_UNIFIED, "unified", m->unified, 0 } },
		{ CONFIG_HIERARCHY_MEMORY, true, { EP_HIERARCHY_MEMORY, "memory", m->memory, m->memory_id } },
		{ CONFIG_HIERARCHY_CPUACCT,
		  true,
		  { EP_HIERARCHY_CPUACCT, "cpuacct", m->cpuacct, m->cpuacct_id } },
		{ CONFIG_HIERARCHY_UNIFIED, true, { EP_HIERARCHY_UNIFIED, "unified", m->unified, 0 } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool fits = wanted == CONFIG_HIERARCHY_AUTO ? rows[i].preferred : wanted == rows[i].asked;

		if (!fits || !rows[i].choice.mount[0])
			continue;
		*ret = rows[i].choice;
		return 0;
	}
	return -ENOENT;
}
