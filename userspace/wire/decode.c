/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/decode.h"

#include "base/text.h"
#include "wire/topic.h"

int wire_decode(const void *message, size_t size, Edgeprof__V1__Envelope **ret)
{
	return wire_parse(message, size, ret);
}

void wire_envelope_free(Edgeprof__V1__Envelope *e)
{
	if (e)
		edgeprof__v1__envelope__free_unpacked(e, NULL);
}

void wire_snapshot_free(struct wire_snapshot *s)
{
	if (!s)
		return;
	for (size_t i = 0; s->identities && i < s->snapshot.n_containers; i++)
		container_identity_clear(&s->identities[i]);
	free(s->identities);
	free(s->snapshot.containers);
	free(s->loss_kinds);
	free(s);
}

static void cleanup_snapshot(struct wire_snapshot **s)
{
	wire_snapshot_free(*s);
}

static void copy_text(char *into, size_t size, const char *from)
{
	text_copy(into, size, from ? from : "");
	text_clean(into);
}

/* A missing optional text stays NULL. */
static int take_text(const char *from, char **ret)
{
	if (!from)
		return 0;
	*ret = strdup(from);
	if (!*ret)
		return -ENOMEM;
	text_clean(*ret);
	return 0;
}

static int take_label(const Edgeprof__V1__Label *from, struct container_identity *into)
{
	struct container_label *label;
	int r = container_identity_add_label(into, from->key ? from->key : "",
					     from->value ? from->value : "");

	if (r < 0)
		return r;
	label = &into->labels[into->n_labels - 1];
	text_clean(label->key);
	text_clean(label->value);
	return 0;
}

static int take_identity(const Edgeprof__V1__Container *from, struct container_identity *into)
{
	const struct {
		const char *from;
		char **into;
	} texts[] = {
		{ from->id ? from->id : "", &into->id },
		{ from->name ? from->name : "", &into->name },
		{ from->cgroup_path ? from->cgroup_path : "", &into->cgroup_path },
		{ from->image, &into->image },
		{ from->pod, &into->pod },
		{ from->pod_uid, &into->pod_uid },
		{ from->pod_namespace, &into->pod_namespace },
		{ from->containerd_namespace, &into->containerd_namespace },
	};
	int r = 0;

	into->runtime = (unsigned)from->runtime < RUNTIME_COUNT ? (enum container_runtime)from->runtime
								: RUNTIME_UNSPECIFIED;
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(texts); i++)
		r = take_text(texts[i].from, texts[i].into);
	for (size_t i = 0; r >= 0 && i < from->n_labels; i++)
		r = take_label(from->labels[i], into);
	return r;
}

/* More buckets than we know belong to the open last one; fewer leave the rest at 0. */
static void take_histogram(const uint64_t *from, size_t n, enum histogram_id id, struct metrics *into)
{
	if (!n)
		return;
	for (size_t i = 0; i < n; i++)
		into->histogram[id][i < EP_HIST_BUCKETS ? i : EP_HIST_BUCKETS - 1] += from[i];
	metrics_mark_histogram(into, id);
}

static void take_metrics(const Edgeprof__V1__Metrics *from, struct metrics *into)
{
	if (!from)
		return;
#define EP_METRIC(name, kind, merge, unit, help)                                                             \
	if (from->has_##name)                                                                                \
		metrics_set(into, METRIC_##name, from->name);
#define EP_HISTOGRAM(name, help) take_histogram(from->name, from->n_##name, HISTOGRAM_##name, into);
#include <edgeprof/metrics.def>
}

/* No rate is negative or beyond 64 bits; what is comes from a broken agent. */
static void take_rate(double value, enum rate_id id, struct rates *into)
{
	if (value >= 0 && value <= 0x1p64)
		rates_set(into, id, value);
}

static void take_rates(const Edgeprof__V1__Rates *from, struct rates *into)
{
	if (!from)
		return;
#define EP_RATE(name, unit, help)                                                                            \
	if (from->has_##name)                                                                                \
		take_rate(from->name, RATE_##name, into);
#include <edgeprof/metrics.def>
}

static void take_blames(const Edgeprof__V1__Container *from, struct container_snapshot *into)
{
	size_t n = from->n_blames < SNAPSHOT_BLAMES_MAX ? from->n_blames : SNAPSHOT_BLAMES_MAX;

	for (size_t i = 0; i < n; i++)
		into->blames[i] = (struct blame){
			.aggressor_key = from->blames[i]->aggressor_key,
			.wait_ns = from->blames[i]->wait_ns,
			.count = from->blames[i]->count,
			.interval_wait_ns = from->blames[i]->interval_wait_ns,
		};
	into->n_blames = n;
	into->blames_dropped = from->blames_dropped + (from->n_blames - n);
}

static enum container_state take_state(Edgeprof__V1__State state)
{
	switch (state) {
	case EDGEPROF__V1__STATE__STATE_RUNNING:
		return CONTAINER_RUNNING;
	case EDGEPROF__V1__STATE__STATE_ENDED:
		return CONTAINER_ENDED;
	default:
		return (enum container_state)0;
	}
}

static int take_container(const Edgeprof__V1__Container *from, struct container_identity *identity,
			  struct container_snapshot *into)
{
	into->key = from->key;
	into->identity = identity;
	into->state = take_state(from->state);
	into->first_seen_mono_ns = from->first_seen_mono_ns;
	into->has_exit = from->has_exit_status;
	into->exit_status = from->exit_status;
	copy_text(into->oom_victim, sizeof(into->oom_victim), from->oom_victim);
	take_metrics(from->totals, &into->totals);
	take_rates(from->rates, &into->rates);
	take_blames(from, into);
	return take_identity(from, identity);
}

static void take_node(const Edgeprof__V1__Envelope *e, struct node_snapshot *into)
{
	const Edgeprof__V1__Node *from = e->snapshot->node;

	copy_text(into->name, sizeof(into->name), e->node);
	copy_text(into->boot_id, sizeof(into->boot_id), e->boot_id);
	if (!from)
		return;
	copy_text(into->machine, sizeof(into->machine), from->machine);
	copy_text(into->kernel, sizeof(into->kernel), from->kernel);
	copy_text(into->cgroup_layout, sizeof(into->cgroup_layout), from->cgroup_layout);
	copy_text(into->hierarchy, sizeof(into->hierarchy), from->hierarchy);
	into->cpus = from->cpus;
	into->memory_total_bytes = from->memory_total_bytes;
	into->has_memory_available = from->has_memory_available_bytes;
	into->memory_available_bytes = from->memory_available_bytes;
}

static void take_family(const Edgeprof__V1__Family *from, struct family_snapshot *into)
{
	copy_text(into->name, sizeof(into->name), from->name);
	copy_text(into->door, sizeof(into->door), from->door);
	copy_text(into->reason, sizeof(into->reason), from->reason);
	if ((int)from->state >= FAMILY_RUNNING && (int)from->state <= FAMILY_FAILED)
		into->state = (enum family_state)from->state;
}

static void take_program(const Edgeprof__V1__Program *from, struct program_snapshot *into)
{
	copy_text(into->name, sizeof(into->name), from->name);
	copy_text(into->family, sizeof(into->family), from->family);
	into->attached = from->attached;
	into->has_runs = from->has_run_time_ns && from->has_run_count;
	into->run_time_ns = from->run_time_ns;
	into->run_count = from->run_count;
}

static void take_self(const Edgeprof__V1__Self *from, struct self_snapshot *into)
{
	if (!from)
		return;
	into->started_mono_ns = from->started_mono_ns;
	into->cpu_time_ns = from->cpu_time_ns;
	into->rss_bytes = from->rss_bytes;
	into->map_bytes = from->map_bytes;
	into->metered_ns = from->metered_ns;
	into->reading_ns = from->reading_ns;
	into->has_interval_cpu_time = !!from->has_interval_cpu_time_ns;
	into->interval_cpu_time_ns = from->interval_cpu_time_ns;
	into->slots_used = from->slots_used;
	into->slots_total = from->slots_total;
	for (; into->n_families < from->n_families && into->n_families < SNAPSHOT_FAMILIES_MAX;
	     into->n_families++)
		take_family(from->families[into->n_families], &into->families[into->n_families]);
	for (; into->n_programs < from->n_programs && into->n_programs < SNAPSHOT_PROGRAMS_MAX;
	     into->n_programs++)
		take_program(from->programs[into->n_programs], &into->programs[into->n_programs]);
}

static int take_losses(const Edgeprof__V1__Envelope *e, struct wire_snapshot *into)
{
	struct self_snapshot *self = &into->snapshot.self;
	size_t n = e->n_losses < SNAPSHOT_LOSSES_MAX ? e->n_losses : SNAPSHOT_LOSSES_MAX;

	if (!n)
		return 0;
	into->loss_kinds = calloc(n, sizeof(*into->loss_kinds));
	if (!into->loss_kinds)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		copy_text(into->loss_kinds[i], sizeof(*into->loss_kinds), e->losses[i]->kind);
		self->losses[i].kind = into->loss_kinds[i];
		self->losses[i].count = e->losses[i]->count;
	}
	self->n_losses = n;
	return 0;
}

static int take_containers(const Edgeprof__V1__Snapshot *from, struct wire_snapshot *into)
{
	size_t n = from->n_containers;
	int r = 0;

	if (!n)
		return 0;
	into->identities = calloc(n, sizeof(*into->identities));
	into->snapshot.containers = calloc(n, sizeof(*into->snapshot.containers));
	if (!into->identities || !into->snapshot.containers)
		return -ENOMEM;
	into->snapshot.n_containers = n;
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = take_container(from->containers[i], &into->identities[i], &into->snapshot.containers[i]);
	return r;
}

int wire_snapshot_from(const Edgeprof__V1__Envelope *e, struct wire_snapshot **ret)
{
	_cleanup_(cleanup_snapshot) struct wire_snapshot *s = NULL;
	int r = wire_envelope_check(e);

	if (r < 0)
		return r;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->snapshot.number = e->snapshot_number;
	s->snapshot.mono_ns = e->mono_ns;
	s->snapshot.real_ns = e->real_ns;
	s->snapshot.interval_ns = e->snapshot->interval_ns;
	take_node(e, &s->snapshot.node);
	take_self(e->snapshot->self, &s->snapshot.self);
	r = take_losses(e, s);
	if (r >= 0)
		r = take_containers(e->snapshot, s);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}
