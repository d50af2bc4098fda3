/* SPDX-License-Identifier: BSD-2-Clause */
/* A snapshot with every field set, of as many containers as asked for. */
#ifndef EP_TESTS_SNAPSHOT_FIXTURE_H
#define EP_TESTS_SNAPSHOT_FIXTURE_H

#include "base/text.h"
#include "model/snapshot.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
	struct snapshot snapshot;
	struct container_identity *identities;
};

static inline void fixture_metrics(uint64_t seed, struct container_snapshot *c)
{
	for (int i = 0; i < METRIC_COUNT; i++)
		metrics_set(&c->totals, (enum metric_id)i, seed * 1000 + (uint64_t)i);
	for (int i = 0; i < HISTOGRAM_COUNT; i++) {
		for (int b = 0; b < EP_HIST_BUCKETS; b++)
			c->totals.histogram[i][b] = seed + (uint64_t)(i * 100 + b);
		metrics_mark_histogram(&c->totals, (enum histogram_id)i);
	}
	for (int i = 0; i < RATE_COUNT; i++)
		rates_set(&c->rates, (enum rate_id)i, (double)seed + i / 8.0);
}

static inline void fixture_container(uint64_t key, struct container_identity *identity,
				     struct container_snapshot *c)
{
	char text[128];

	*c = (struct container_snapshot){ .key = key, .identity = identity, .state = CONTAINER_RUNNING };
	identity->runtime = (enum container_runtime)(key % RUNTIME_COUNT);
	snprintf(text, sizeof(text), "%064llx", (unsigned long long)key);
	identity->id = strdup(text);
	snprintf(text, sizeof(text), "app-%llu", (unsigned long long)key);
	identity->name = strdup(text);
	snprintf(text, sizeof(text), "/docker/%064llx", (unsigned long long)key);
	identity->cgroup_path = strdup(text);
	identity->image = strdup("registry.example/app:1.0");
	identity->pod = strdup("app-5d4f");
	identity->pod_uid = strdup("7a3c1a3e-0000-4000-8000-000000000001");
	identity->pod_namespace = strdup("default");
	identity->containerd_namespace = strdup("k8s.io");
	if (container_identity_add_label(identity, "tier", "edge") < 0)
		abort();
	c->first_seen_mono_ns = key * 10;
	c->has_exit = true;
	c->exit_status = 9;
	text_copy(c->oom_victim, sizeof(c->oom_victim), "python3");
	fixture_metrics(key, c);
	c->blames[0] =
		(struct blame){ .aggressor_key = 7, .wait_ns = 800, .count = 9, .interval_wait_ns = 100 };
	c->n_blames = 1;
	c->blames_dropped = 3;
}

static inline void fixture_self(struct self_snapshot *s)
{
	s->started_mono_ns = 1000;
	s->cpu_time_ns = 2000;
	s->rss_bytes = 3000;
	s->map_bytes = 4000;
	s->metered_ns = 5000;
	s->reading_ns = 6000;
	s->has_interval_cpu_time = true;
	s->interval_cpu_time_ns = 700;
	s->families[0] = (struct family_snapshot){ "cpu", FAMILY_RUNNING, "tp_btf", "" };
	s->families[1] = (struct family_snapshot){ "io", FAMILY_FAILED, "files", "no block_rq_issue" };
	s->n_families = 2;
	s->programs[0] = (struct program_snapshot){ "ep_switch", "cpu", true, true, 70, 8 };
	s->programs[1] = (struct program_snapshot){ "ep_oom", "mem", false, false, 0, 0 };
	s->n_programs = 2;
	s->losses[0] = (struct loss_snapshot){ "slot_full", 4 };
	s->n_losses = 1;
	s->slots_used = 12;
	s->slots_total = 1024;
}

static inline void fixture_make(size_t n_containers, struct fixture *f)
{
	struct snapshot *s = &f->snapshot;

	*f = (struct fixture){ .snapshot = { .number = 5, .mono_ns = 11, .real_ns = 22, .interval_ns = 33 } };
	s->node = (struct node_snapshot){ .name = "edge-01",
					  .boot_id = "0b0b0b0b-0000-4000-8000-000000000000",
					  .machine = "aarch64",
					  .kernel = "5.15.0",
					  .cpus = 8,
					  .memory_total_bytes = 1 << 30,
					  .has_memory_available = true,
					  .memory_available_bytes = 1 << 29,
					  .cgroup_layout = "hybrid",
					  .hierarchy = "memory" };
	fixture_self(&s->self);
	f->identities = calloc(n_containers + 1, sizeof(*f->identities));
	s->containers = calloc(n_containers + 1, sizeof(*s->containers));
	if (!f->identities || !s->containers)
		abort();
	s->n_containers = n_containers;
	for (size_t i = 0; i < n_containers; i++)
		fixture_container(i + 1, &f->identities[i], &s->containers[i]);
}

static inline void fixture_free(struct fixture *f)
{
	for (size_t i = 0; i < f->snapshot.n_containers; i++)
		container_identity_clear(&f->identities[i]);
	free(f->identities);
	free(f->snapshot.containers);
}

/* Keeps the messages that an encoder emits. */
struct message {
	void *bytes;
	size_t size;
};
struct messages {
	struct message items[64];
	size_t n;
};

static inline int messages_keep(void *data, const void *message, size_t size, bool more)
{
	struct messages *m = data;
	void *copy = malloc(size);

	(void)more;
	if (!copy || m->n == 64)
		abort();
	memcpy(copy, message, size);
	m->items[m->n++] = (struct message){ copy, size };
	return 0;
}

static inline void messages_clear(struct messages *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->items[i].bytes);
	m->n = 0;
}

#endif
