/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/collector.h"

#include "base/clock.h"
#include "base/text.h"
#include "core/blames.h"
#include "core/container_files.h"
#include "core/hierarchy.h"
#include "core/probes.h"
#include "core/registry.h"
#include "model/derive.h"
#include "source/node.h"
#include "source/process.h"

#include <errno.h>
#include <malloc.h>
#include <string.h>

#define WALK_EVERY_NS 10000000000ull /* a safety net when events tell of cgroups */

struct collector {
	struct config config;
	struct registry registry;
	struct probes probes;
	struct container_files files;
	uint32_t *releasing;          /* slots on their way back */
	uint64_t walked_reading;      /* the reading that walked for an unknown cgroup */
	struct cgroup **slot_cgroups; /* who owns each slot, as far as seen */
	struct snapshot snapshot;
	size_t containers_capacity;
	uint64_t started_mono_ns, walked_ns;
	uint64_t missed, unsent, unnamed;
};

/* --- opening ------------------------------------------------------------------------ */

static int allocate(struct collector *c)
{
	uint32_t slots = probes_slots(&c->probes);
	struct cgroup *overflow;
	int r;

	if (!slots)
		return 0;
	c->slot_cgroups = calloc(slots, sizeof(struct cgroup *));
	c->releasing = calloc(slots, sizeof(*c->releasing));
	if (!c->slot_cgroups || !c->releasing)
		return -ENOMEM;
	r = registry_add(&c->registry, 0, "/(no slot left)", c->started_mono_ns, &overflow);
	if (r < 0)
		return r;
	overflow->slot = EP_SLOT_OVERFLOW;
	overflow->container->identity_attempts = UINT32_MAX;
	c->slot_cgroups[EP_SLOT_OVERFLOW] = overflow;
	return 0;
}

static int open_all(struct collector *c)
{
	const struct identity_paths paths = {
		.docker_roots = c->config.docker_roots,
		.containerd_states = c->config.containerd_states,
		.podman_roots = c->config.podman_roots,
		.crio_roots = c->config.crio_roots,
	};
	struct cgroup_mounts mounts;
	struct hierarchy_choice choice;
	int r;

	r = cgroup_mounts_read(c->config.root, &mounts);
	if (r < 0)
		return log_err(r, "cannot read the cgroup mounts below %s: %s", c->config.root, strerror(-r));
	r = hierarchy_choose(&mounts, c->config.hierarchy, &choice);
	if (r < 0)
		return log_err(r, "no such cgroup hierarchy is mounted below %s; see `edgeprof doctor`",
			       c->config.root);
	r = registry_open(c->config.root, &paths, &mounts, choice.mount, &c->registry);
	if (r < 0)
		return r;
	r = probes_open(&c->config, &choice, &c->probes);
	if (r < 0)
		return r;
	r = node_read(c->config.root, &c->snapshot.node);
	if (r < 0)
		return log_err(r, "cannot read the node's own facts below %s: %s", c->config.root,
			       strerror(-r));
	text_copy(c->snapshot.node.hierarchy, sizeof(c->snapshot.node.hierarchy), choice.name);
	c->files = container_files_plan(&c->registry, &c->probes, c->config.interval_ns);
	return allocate(c);
}

int collector_open(const struct config *config, struct collector **ret)
{
	struct collector *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return log_err(-ENOMEM, "out of memory");
	c->config = *config;
	c->started_mono_ns = clock_mono_ns();
	r = open_all(c);
	if (r < 0) {
		collector_close(c);
		return r;
	}
	malloc_trim(0); /* loading needed the kernel's BTF, running does not */
	*ret = c;
	return 0;
}

void collector_close(struct collector *c)
{
	if (!c)
		return;
	probes_close(&c->probes);
	registry_close(&c->registry);
	free(c->slot_cgroups);
	free(c->releasing);
	free(c->snapshot.containers);
	free(c);
}

void collector_count_missed(struct collector *c, uint64_t readings)
{
	c->missed += readings;
}

void collector_count_unsent(struct collector *c, uint64_t messages)
{
	c->unsent += messages;
}

/* --- containers come and go ------------------------------------------------------------ */

int collector_try_maps(const struct collector *c)
{
	return c->probes.slots ? bpf_slots_try_lookup(c->probes.slots) : -ENODATA;
}

int collector_events_fd(const struct collector *c)
{
	return c->probes.slots ? bpf_slots_events_fd(c->probes.slots) : -ENODATA;
}

static void on_event(void *data, const struct ep_event *event)
{
	struct collector *c = data;
	struct cgroup *cgroup;
	int r;

	switch (event->kind) {
	case EP_EVENT_CGROUP_MKDIR:
		r = registry_add(&c->registry, event->cgroup_id, event->path, event->mono_ns, &cgroup);
		if (r < 0)
			log_warning("cannot follow cgroup %s: %s", event->path, strerror(-r));
		break;
	case EP_EVENT_CGROUP_RMDIR:
		cgroup = registry_find(&c->registry, event->cgroup_id);
		if (cgroup)
			registry_mark_gone(&c->registry, cgroup);
		break;
	case EP_EVENT_OOM_KILL:
		cgroup = registry_find(&c->registry, event->cgroup_id);
		if (cgroup)
			text_copy(cgroup->container->oom_victim, sizeof(cgroup->container->oom_victim),
				  event->comm);
		break;
	}
}

int collector_handle_events(struct collector *c)
{
	int r = c->probes.slots ? bpf_slots_consume(c->probes.slots, on_event, c) : 0;

	return r < 0 ? r : 0;
}

static int walk_when_due(struct collector *c, uint64_t now_ns)
{
	bool events = c->probes.lifecycle != NULL;

	if (events && !c->registry.stale && now_ns - c->walked_ns < WALK_EVERY_NS)
		return 0;
	c->walked_ns = now_ns;
	return registry_walk(&c->registry, now_ns);
}

/* The counters of a gone cgroup outlive its slot; its gauges do not. */
static int retire(struct container *container, struct metrics *m)
{
	if (!container->retired)
		container->retired = calloc(1, sizeof(*container->retired));
	if (!container->retired)
		return -ENOMEM;
	for (int id = 0; id < METRIC_COUNT; id++)
		if (metric_rows[id].kind == METRIC_KIND_GAUGE && metric_rows[id].merge == METRIC_MERGE_SUM)
			m->present &= ~(1ull << id);
	metrics_merge(container->retired, m);
	return 0;
}

/* Reads a gone cgroup's slot for the last time and takes it from the kernel side. */
static int retire_slot(struct collector *c, const struct cgroup *cgroup)
{
	struct metrics m = {};
	struct cpu_exit left;
	int r;

	probes_read_slot(&c->probes, cgroup->slot, &m, &left);
	r = retire(cgroup->container, &m);
	if (r < 0)
		return r;
	c->slot_cgroups[cgroup->slot] = NULL;
	return probes_forget_cgroup(&c->probes, cgroup->id);
}

/* A cgroup that was gone before the last reading has nothing more to count. */
static int release_gone(struct collector *c)
{
	struct cgroup *cgroup, *next;
	size_t n = 0;

	HASH_ITER(hh, c->registry.cgroups, cgroup, next) {
		if (!cgroup->gone || !cgroup->gone_reading)
			continue;
		if (cgroup->slot != EP_SLOT_NONE) {
			int r = retire_slot(c, cgroup);

			if (r < 0)
				return r;
			c->releasing[n++] = cgroup->slot;
		}
		registry_forget(&c->registry, cgroup);
	}
	return probes_release_slots(&c->probes, c->releasing, n);
}

static bool finished(const struct container *c)
{
	return c->members == 0;
}

/* Counts what comes late for a cgroup that was reported ended (its write-back),
 * under no container's name, and reports nothing twice. */
static void silence(struct collector *c, struct cgroup *cgroup)
{
	registry_mark_gone(&c->registry, cgroup);
	cgroup->container->reported_ended = true;
}

/* A cgroup that no event has shown: gone already, without a name, unless it may
 * live where no walk can see it. */
static int add_unseen(struct collector *c, uint64_t id, uint64_t now_ns, struct cgroup **ret)
{
	int r;

	if (c->walked_reading != c->snapshot.number + 1 && !registry_was_forgotten(&c->registry, id)) {
		c->walked_reading = c->snapshot.number + 1;
		c->walked_ns = now_ns;
		r = registry_walk(&c->registry, now_ns);
		if (r < 0)
			return r;
	}
	*ret = registry_find(&c->registry, id);
	if (*ret)
		return 0;
	r = registry_add(&c->registry, id, NULL, now_ns, ret);
	if (r < 0)
		return r;
	if (registry_was_forgotten(&c->registry, id)) {
		silence(c, *ret);
		return 0;
	}
	c->unnamed++;
	if (c->registry.sees_all)
		registry_mark_gone(&c->registry, *ret);
	return 0;
}

static int slot_owner(struct collector *c, uint32_t slot, uint64_t id, uint64_t now_ns, struct cgroup **ret)
{
	struct cgroup *cgroup = registry_find(&c->registry, id);
	int r = 0;

	if (!cgroup) {
		/* Its event may have come since the reading began. */
		r = collector_handle_events(c);
		cgroup = registry_find(&c->registry, id);
	}
	if (r == 0 && !cgroup)
		r = add_unseen(c, id, now_ns, &cgroup);
	if (r < 0)
		return r;
	cgroup->slot = slot;
	cgroup->container->seen_running = true;
	*ret = cgroup;
	return 0;
}

static int adopt_slots(struct collector *c, uint64_t now_ns)
{
	uint32_t slots = probes_slots(&c->probes);
	const uint64_t *owners = slots ? bpf_slots_owners(c->probes.slots) : NULL;

	for (uint32_t slot = 1; slot < slots; slot++) {
		uint64_t id = __atomic_load_n(&owners[slot], __ATOMIC_ACQUIRE);
		int r;

		if (!id || c->slot_cgroups[slot])
			continue;
		r = slot_owner(c, slot, id, now_ns, &c->slot_cgroups[slot]);
		if (r < 0)
			return r;
	}
	return 0;
}

/* --- a reading ---------------------------------------------------------------------------- */

static void begin_container(struct container *container)
{
	container->before = container->totals;
	container->totals.present = 0;
	if (container->retired)
		container->totals = *container->retired;
	blames_begin(container);
}

static void read_slots(struct collector *c)
{
	uint32_t slots = probes_slots(&c->probes);

	if (c->probes.cpu)
		cpu_source_begin(c->probes.cpu);
	for (uint32_t slot = 0; slot < slots; slot++) {
		struct cgroup *cgroup = c->slot_cgroups[slot];
		struct metrics m;
		struct cpu_exit left;

		if (!cgroup)
			continue;
		m.present = 0;
		probes_read_slot(&c->probes, slot, &m, &left);
		metrics_merge(&cgroup->container->totals, &m);
		if (left.mono_ns > cgroup->container->exit_mono_ns) {
			cgroup->container->exit_mono_ns = left.mono_ns;
			cgroup->container->exit_status = left.status;
		}
	}
}

static void on_pair(void *data, uint32_t victim_slot, uint32_t aggressor_slot, uint64_t wait_ns,
		    uint64_t count)
{
	struct collector *c = data;
	uint32_t slots = probes_slots(&c->probes);
	const struct cgroup *victim = victim_slot < slots ? c->slot_cgroups[victim_slot] : NULL;
	const struct cgroup *aggressor = aggressor_slot < slots ? c->slot_cgroups[aggressor_slot] : NULL;

	if (victim)
		blames_add(victim->container, aggressor ? aggressor->container->key : 0, wait_ns, count);
}

/* A slice that still runs is told by the clock and settled by the scheduler,
 * which leaves out what the host took: counters never go back for those who watch. */
static void keep_growing(const struct collector *c, struct container *container)
{
	uint64_t *now = &container->totals.value[METRIC_cpu_time_ns];
	uint64_t before = container->before.value[METRIC_cpu_time_ns];

	if (c->probes.cpu && container->has_before && metrics_has(&container->before, METRIC_cpu_time_ns) &&
	    *now < before)
		*now = before;
}

static bool worth_telling(const struct container *container)
{
	if (container->reported_ended)
		return false;
	if (container->key == 0)
		return container->totals.value[METRIC_switches_voluntary] > 0;
	if (container->identity.runtime == RUNTIME_HOST && !container->totals.present)
		return false;
	return container->seen_running || container->identity.runtime >= RUNTIME_NSPAWN;
}

static int append(struct collector *c, struct container *container, enum container_state state)
{
	struct snapshot *s = &c->snapshot;
	struct container_snapshot *into;

	if (s->n_containers == c->containers_capacity) {
		size_t capacity = c->containers_capacity ? c->containers_capacity * 2 : 64;
		void *grown = realloc(s->containers, capacity * sizeof(*s->containers));

		if (!grown)
			return -ENOMEM;
		s->containers = grown;
		c->containers_capacity = capacity;
	}
	into = &s->containers[s->n_containers++];
	into->key = container->key;
	into->identity = &container->identity;
	into->state = state;
	into->first_seen_mono_ns = container->first_seen_mono_ns;
	into->has_exit = container->exit_mono_ns != 0;
	into->exit_status = container->exit_status;
	memcpy(into->oom_victim, container->oom_victim, sizeof(into->oom_victim));
	into->totals = container->totals;
	derive_rates(container->has_before ? &container->before : NULL, &container->totals, s->interval_ns,
		     &into->rates);
	blames_report(container, into);
	return 0;
}

static int report_container(struct collector *c, struct container *container, enum container_state state)
{
	int r = 0;

	if (state == CONTAINER_RUNNING)
		c->registry.stale |= container_files_read(&c->files, container, c->snapshot.number);
	container_files_merge(container);
	keep_growing(c, container);
	if (worth_telling(container)) {
		if (!container->identity_known && registry_resolve(&c->registry, container) < 0)
			log_debug("%s was not resolved: out of memory", container->identity.cgroup_path);
		r = append(c, container, state);
	}
	container->has_before = true;
	if (state == CONTAINER_ENDED)
		container->reported_ended = true;
	return r;
}

static int report_containers(struct collector *c)
{
	struct container *container, *next;
	int r;

	c->snapshot.n_containers = 0;
	HASH_ITER(hh, c->registry.containers, container, next) {
		r = report_container(c, container, CONTAINER_RUNNING);
		if (r < 0)
			return r;
	}
	for (container = c->registry.ended; container; container = container->next_ended) {
		r = report_container(c, container, CONTAINER_ENDED);
		if (r < 0)
			return r;
	}
	return 0;
}

static void add_loss(struct self_snapshot *self, const char *kind, uint64_t count)
{
	if (count)
		self->losses[self->n_losses++] = (struct loss_snapshot){ .kind = kind, .count = count };
}

static void report_losses(struct collector *c, struct self_snapshot *self)
{
	self->n_losses = 0;
#define X(id, name, help)                                                                                    \
	if (c->probes.slots)                                                                                 \
		add_loss(self, #name, bpf_slots_loss(c->probes.slots, EP_LOSS_##id));
	EP_LOSSES(X)
#undef X
	add_loss(self, "reading_missed", c->missed);
	add_loss(self, "message_unsent", c->unsent);
	add_loss(self, "cgroup_unnamed", c->unnamed);
}

static uint32_t slots_used(const struct collector *c)
{
	uint32_t used = 0;

	for (uint32_t slot = 1; slot < probes_slots(&c->probes); slot++)
		used += c->slot_cgroups[slot] != NULL;
	return used;
}

static void report_self(struct collector *c, uint64_t began_ns)
{
	struct self_snapshot *self = &c->snapshot.self;
	uint64_t before_ns = self->cpu_time_ns;
	int r = process_self_read(&self->cpu_time_ns, &self->rss_bytes);

	if (r < 0)
		log_debug("the agent's own cost was not read: %s", strerror(-r));
	self->has_interval_cpu_time = r == 0 && before_ns;
	self->interval_cpu_time_ns = self->cpu_time_ns - before_ns;
	self->started_mono_ns = c->started_mono_ns;
	probes_report(&c->probes, c->snapshot.number, began_ns, self);
	if (c->snapshot.number == 1)
		self->map_bytes = probes_map_bytes(&c->probes);
	self->slots_total = probes_slots(&c->probes);
	self->slots_used = slots_used(c);
	report_losses(c, self);
	self->reading_ns = clock_mono_ns() - began_ns;
}

static void begin_reading(struct collector *c, uint64_t now_ns)
{
	struct container *container, *next;
	struct cgroup *cgroup, *next_cgroup;

	c->snapshot.number++;
	c->snapshot.interval_ns = c->snapshot.mono_ns ? now_ns - c->snapshot.mono_ns : 0;
	c->snapshot.mono_ns = now_ns;
	c->snapshot.real_ns = clock_ns(CLOCK_REALTIME);
	HASH_ITER(hh, c->registry.containers, container, next)
		begin_container(container);
	for (container = c->registry.ended; container; container = container->next_ended)
		begin_container(container);
	HASH_ITER(hh, c->registry.cgroups, cgroup, next_cgroup)
		if (cgroup->gone)
			cgroup->gone_reading = c->snapshot.number;
}

static void read_pairs(struct collector *c)
{
	if (c->probes.cpu)
		cpu_source_pairs(c->probes.cpu, on_pair, c);
}

int collector_read(struct collector *c, const struct snapshot **ret)
{
	uint64_t began_ns = clock_mono_ns();
	int r;

	r = collector_handle_events(c);
	if (r < 0)
		return r;
	r = release_gone(c);
	if (r < 0)
		return r;
	registry_forget_ended(&c->registry, finished);
	r = walk_when_due(c, began_ns);
	if (r == 0)
		r = adopt_slots(c, began_ns);
	if (r < 0)
		return r;
	begin_reading(c, clock_mono_ns());
	read_slots(c);
	read_pairs(c);
	r = report_containers(c);
	if (r < 0)
		return r;
	r = node_refresh(c->config.root, &c->snapshot.node);
	if (r < 0)
		log_debug("the node's memory was not read: %s", strerror(-r));
	report_self(c, began_ns);
	*ret = &c->snapshot;
	return 0;
}
