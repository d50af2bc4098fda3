/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/message.h"

#include "base/text.h"
#include <string.h>

_Static_assert((int)RUNTIME_HOST == (int)EDGEPROF__V1__RUNTIME__RUNTIME_HOST, "runtime numbers");
_Static_assert((int)RUNTIME_KUBERNETES == (int)EDGEPROF__V1__RUNTIME__RUNTIME_KUBERNETES, "runtime numbers");
_Static_assert((int)CONTAINER_RUNNING == (int)EDGEPROF__V1__STATE__STATE_RUNNING, "state numbers");
_Static_assert((int)CONTAINER_ENDED == (int)EDGEPROF__V1__STATE__STATE_ENDED, "state numbers");
_Static_assert((int)FAMILY_RUNNING == (int)EDGEPROF__V1__FAMILY_STATE__FAMILY_STATE_RUNNING,
	       "family numbers");
_Static_assert((int)FAMILY_FAILED == (int)EDGEPROF__V1__FAMILY_STATE__FAMILY_STATE_FAILED, "family numbers");

static int keep_copy(struct wire_texts *t, char *copy)
{
	if (t->n == t->capacity) {
		size_t capacity = t->capacity ? t->capacity * 2 : 16;
		char **grown = reallocarray(t->copies, capacity, sizeof(*grown));

		if (!grown)
			return -1;
		t->copies = grown;
		t->capacity = capacity;
	}
	t->copies[t->n++] = copy;
	return 0;
}

char *wire_text(struct wire_texts *t, const char *text)
{
	_cleanup_free_ char *copy = NULL;
	size_t length;

	if (!text)
		return NULL;
	length = strnlen(text, WIRE_TEXT_MAX + 1);
	if (length <= WIRE_TEXT_MAX && text_is_clean(text))
		return (char *)text;
	if (length > WIRE_TEXT_MAX) {
		length = WIRE_TEXT_MAX;
		/* Not in the middle of a UTF-8 sequence. */
		while (length && (text[length] & 0xc0) == 0x80)
			length--;
	}
	copy = strndup(text, length);
	if (!copy || keep_copy(t, copy) < 0) {
		t->failed = true;
		return NULL;
	}
	text_clean(copy);
	return TAKE_PTR(copy);
}

void wire_texts_clear(struct wire_texts *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->copies[i]);
	t->n = 0;
	t->failed = false;
}

void wire_texts_free(struct wire_texts *t)
{
	wire_texts_clear(t);
	free(t->copies);
	*t = (struct wire_texts){ 0 };
}

void wire_fill_metrics(const struct metrics *from, Edgeprof__V1__Metrics *into)
{
	*into = (Edgeprof__V1__Metrics)EDGEPROF__V1__METRICS__INIT;
#define EP_METRIC(name, kind, merge, unit, help)                                                             \
	into->has_##name = metrics_has(from, METRIC_##name);                                                 \
	into->name = from->value[METRIC_##name];
#define EP_HISTOGRAM(name, help)                                                                             \
	if (metrics_has_histogram(from, HISTOGRAM_##name)) {                                                 \
		into->n_##name = EP_HIST_BUCKETS;                                                            \
		into->name = (uint64_t *)from->histogram[HISTOGRAM_##name];                                  \
	}
#include <edgeprof/metrics.def>
}

void wire_fill_rates(const struct rates *from, Edgeprof__V1__Rates *into)
{
	*into = (Edgeprof__V1__Rates)EDGEPROF__V1__RATES__INIT;
#define EP_RATE(name, unit, help)                                                                            \
	into->has_##name = rates_has(from, RATE_##name);                                                     \
	into->name = from->value[RATE_##name];
#include <edgeprof/metrics.def>
}

void wire_fill_node(const struct node_snapshot *from, struct wire_texts *t, Edgeprof__V1__Node *into)
{
	*into = (Edgeprof__V1__Node)EDGEPROF__V1__NODE__INIT;
	into->name = wire_text(t, from->name);
	into->kernel = wire_text(t, from->kernel);
	into->machine = wire_text(t, from->machine);
	WIRE_SET(into, cpus, from->cpus);
	WIRE_SET(into, memory_total_bytes, from->memory_total_bytes);
	into->has_memory_available_bytes = from->has_memory_available;
	into->memory_available_bytes = from->memory_available_bytes;
	into->cgroup_layout = wire_text(t, from->cgroup_layout);
	into->hierarchy = wire_text(t, from->hierarchy);
}

static void fill_family(const struct family_snapshot *from, struct wire_texts *t, Edgeprof__V1__Family *into)
{
	*into = (Edgeprof__V1__Family)EDGEPROF__V1__FAMILY__INIT;
	into->name = wire_text(t, from->name);
	WIRE_SET(into, state, (Edgeprof__V1__FamilyState)from->state);
	into->door = wire_text(t, from->door);
	into->reason = wire_text(t, from->reason);
}

static void fill_program(const struct program_snapshot *from, struct wire_texts *t,
			 Edgeprof__V1__Program *into)
{
	*into = (Edgeprof__V1__Program)EDGEPROF__V1__PROGRAM__INIT;
	into->name = wire_text(t, from->name);
	into->family = wire_text(t, from->family);
	WIRE_SET(into, attached, from->attached);
	if (from->has_runs) {
		WIRE_SET(into, run_time_ns, from->run_time_ns);
		WIRE_SET(into, run_count, from->run_count);
	}
}

void wire_fill_self(const struct self_snapshot *from, struct wire_texts *t, struct wire_self *into)
{
	Edgeprof__V1__Self *self = &into->self;

	*self = (Edgeprof__V1__Self)EDGEPROF__V1__SELF__INIT;
	WIRE_SET(self, started_mono_ns, from->started_mono_ns);
	WIRE_SET(self, cpu_time_ns, from->cpu_time_ns);
	WIRE_SET(self, rss_bytes, from->rss_bytes);
	WIRE_SET(self, map_bytes, from->map_bytes);
	WIRE_SET(self, metered_ns, from->metered_ns);
	WIRE_SET(self, reading_ns, from->reading_ns);
	if (from->has_interval_cpu_time)
		WIRE_SET(self, interval_cpu_time_ns, from->interval_cpu_time_ns);
	WIRE_SET(self, slots_used, from->slots_used);
	WIRE_SET(self, slots_total, from->slots_total);
	for (size_t i = 0; i < from->n_families; i++) {
		fill_family(&from->families[i], t, &into->families[i]);
		into->family_pointers[i] = &into->families[i];
	}
	for (size_t i = 0; i < from->n_programs; i++) {
		fill_program(&from->programs[i], t, &into->programs[i]);
		into->program_pointers[i] = &into->programs[i];
	}
	self->n_families = from->n_families;
	self->families = into->family_pointers;
	self->n_programs = from->n_programs;
	self->programs = into->program_pointers;
}

static void fill_identity(const struct container_identity *from, struct wire_texts *t,
			  struct wire_label_pool *labels, Edgeprof__V1__Container *into)
{
	WIRE_SET(into, runtime, (Edgeprof__V1__Runtime)from->runtime);
	into->id = wire_text(t, from->id);
	into->name = wire_text(t, from->name);
	into->cgroup_path = wire_text(t, from->cgroup_path);
	into->image = wire_text(t, from->image);
	into->pod = wire_text(t, from->pod);
	into->pod_uid = wire_text(t, from->pod_uid);
	into->pod_namespace = wire_text(t, from->pod_namespace);
	into->containerd_namespace = wire_text(t, from->containerd_namespace);
	into->labels = labels->pointers + labels->n;
	into->n_labels = from->n_labels;
	for (size_t i = 0; i < from->n_labels; i++, labels->n++) {
		Edgeprof__V1__Label *label = &labels->items[labels->n];

		*label = (Edgeprof__V1__Label)EDGEPROF__V1__LABEL__INIT;
		label->key = wire_text(t, from->labels[i].key);
		label->value = wire_text(t, from->labels[i].value);
		labels->pointers[labels->n] = label;
	}
}

static void fill_blames(const struct container_snapshot *from, struct wire_blame_pool *blames,
			Edgeprof__V1__Container *into)
{
	into->blames = blames->pointers + blames->n;
	into->n_blames = from->n_blames;
	for (size_t i = 0; i < from->n_blames; i++, blames->n++) {
		Edgeprof__V1__Blame *blame = &blames->items[blames->n];

		*blame = (Edgeprof__V1__Blame)EDGEPROF__V1__BLAME__INIT;
		WIRE_SET(blame, aggressor_key, from->blames[i].aggressor_key);
		WIRE_SET(blame, wait_ns, from->blames[i].wait_ns);
		WIRE_SET(blame, count, from->blames[i].count);
		WIRE_SET(blame, interval_wait_ns, from->blames[i].interval_wait_ns);
		blames->pointers[blames->n] = blame;
	}
}

void wire_fill_container(const struct container_snapshot *from, struct wire_texts *t,
			 struct wire_label_pool *labels, struct wire_blame_pool *blames,
			 struct wire_container *into)
{
	Edgeprof__V1__Container *c = &into->container;

	*c = (Edgeprof__V1__Container)EDGEPROF__V1__CONTAINER__INIT;
	WIRE_SET(c, key, from->key);
	if (from->identity)
		fill_identity(from->identity, t, labels, c);
	WIRE_SET(c, state, (Edgeprof__V1__State)from->state);
	WIRE_SET(c, first_seen_mono_ns, from->first_seen_mono_ns);
	if (from->has_exit)
		WIRE_SET(c, exit_status, from->exit_status);
	if (from->oom_victim[0])
		c->oom_victim = wire_text(t, from->oom_victim);
	wire_fill_metrics(&from->totals, &into->totals);
	wire_fill_rates(&from->rates, &into->rates);
	c->totals = &into->totals;
	c->rates = &into->rates;
	fill_blames(from, blames, c);
	WIRE_SET(c, blames_dropped, from->blames_dropped);
}
