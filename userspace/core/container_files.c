/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/container_files.h"

#include <errno.h>

#define IDLE_NS 10000000000ull

static uint64_t activity(const struct metrics *m)
{
	return m->value[METRIC_switches_voluntary] + m->value[METRIC_switches_involuntary] +
	       m->value[METRIC_wakeups];
}

static unsigned files_wanted(const struct probes *p)
{
	unsigned what =
		CGROUP_READ_THROTTLING | CGROUP_READ_MEMORY | CGROUP_READ_TASKS | CGROUP_READ_PRESSURE;

	if (!p->cpu)
		what |= CGROUP_READ_CPU_TIME;
	if (!p->cpu || !p->mem)
		what |= CGROUP_READ_EVENTS;
	if (!p->io)
		what |= CGROUP_READ_IO;
	return what;
}

struct container_files container_files_plan(const struct registry *r, const struct probes *p,
					    uint64_t interval_ns)
{
	uint64_t every = IDLE_NS / interval_ns;

	return (struct container_files){
		.registry = r,
		.what = files_wanted(p),
		.knows_idle = p->cpu,
		.idle_every = every ? every : 1,
	};
}

/* An idle container's files change little: they are read every ten seconds. */
static bool due(const struct container_files *f, const struct container *c, uint64_t active, uint64_t reading)
{
	bool idle = f->knows_idle && c->has_before && active == c->files_activity;

	return !idle || (reading + c->key) % f->idle_every == 0;
}

bool container_files_read(const struct container_files *f, struct container *c, uint64_t reading)
{
	const struct registry *r = f->registry;
	uint64_t active = activity(&c->totals);
	int result;

	if (c->identity.runtime == RUNTIME_HOST)
		return false; /* the root's files tell of the whole node, its children included */
	if (!due(f, c, active, reading))
		return false;
	if (!c->cgroup_files &&
	    cgroup_files_open(r->root, &r->mounts, c->identity.cgroup_path, &c->cgroup_files) < 0)
		return false;
	c->files.present = 0;
	c->files_activity = active;
	result = cgroup_files_read(c->cgroup_files, f->what, &c->files);
	if (result != -ENOENT && result != -ENODEV)
		return false;
	cgroup_files_close(TAKE_PTR(c->cgroup_files));
	return true;
}

void container_files_merge(struct container *c)
{
	for (int id = 0; id < METRIC_COUNT; id++)
		if (!metrics_has(&c->totals, id) && metrics_has(&c->files, id))
			metrics_set(&c->totals, id, c->files.value[id]);
}
