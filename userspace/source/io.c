/* SPDX-License-Identifier: BSD-2-Clause */
#include "source/io.h"

#include "source/objects.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#define WALK_CHUNK 256 /* more than any bucket of the table holds */

struct io_source {
	struct bpf_family_spec spec;
	struct bpf_family *family;
	struct ep_io_slot *slots; /* [cpu * n_slots + slot] */
	uint32_t cpus, n_slots;
	int starts_fd;
	uint64_t keys[WALK_CHUNK];
	struct ep_io_start starts[WALK_CHUNK];
};

static const struct bpf_family_spec io_spec = {
	.name = "io",
	.hooks = {
		{ "issue", "block_rq_issue", true },
		{ "complete", "block_rq_complete", true },
		{ "insert", "block_rq_insert", false },
		{ "requeue", "block_rq_requeue", false },
	},
	.maps = {
		{ "ep_io", BPF_FAMILY_MAP_PER_CPU_AND_SLOT },
		{ "ep_io_start", BPF_FAMILY_MAP_FIXED },
	},
};

int io_source_open(const struct bpf_kernel *kernel, struct bpf_slots *slots, const char *door,
		   struct family_snapshot *ret_state, struct io_source **ret)
{
	struct io_source *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->spec = io_spec;
	s->spec.object = ep_object_io;
	s->spec.object_size = (size_t)(ep_object_io_end - ep_object_io);
	s->cpus = bpf_slots_config(slots)->cpus;
	s->n_slots = bpf_slots_config(slots)->slots;
	r = bpf_family_open(&s->spec, kernel, slots, door, ret_state, &s->family);
	if (r < 0) {
		io_source_close(s);
		return r;
	}
	s->slots = bpf_family_map(s->family, "ep_io");
	s->starts_fd = bpf_family_map_fd(s->family, "ep_io_start");
	*ret = s;
	return 0;
}

void io_source_close(struct io_source *s)
{
	if (!s)
		return;
	bpf_family_close(s->family);
	free(s);
}

struct bpf_family *io_source_family(const struct io_source *s)
{
	return s->family;
}

static void add(struct ep_io_slot *sum, const struct ep_io_slot *from)
{
	sum->read_bytes += from->read_bytes;
	sum->write_bytes += from->write_bytes;
	sum->reads += from->reads;
	sum->writes += from->writes;
	sum->time_ns += from->time_ns;
	for (int i = 0; i < EP_HIST_BUCKETS; i++)
		sum->latency_hist[i] += from->latency_hist[i];
}

void io_source_read(const struct io_source *s, uint32_t slot, struct metrics *into)
{
	struct ep_io_slot sum = {};

	if (slot >= s->n_slots)
		return;
	for (uint32_t cpu = 0; cpu < s->cpus; cpu++)
		add(&sum, &s->slots[(size_t)cpu * s->n_slots + slot]);
	metrics_set(into, METRIC_io_read_bytes, sum.read_bytes);
	metrics_set(into, METRIC_io_write_bytes, sum.write_bytes);
	metrics_set(into, METRIC_io_reads, sum.reads);
	metrics_set(into, METRIC_io_writes, sum.writes);
	metrics_set(into, METRIC_io_time_ns, sum.time_ns);
	memcpy(into->histogram[HISTOGRAM_io_latency_hist], sum.latency_hist, sizeof(sum.latency_hist));
	metrics_mark_histogram(into, HISTOGRAM_io_latency_hist);
}

/* Requests still on their way would count for the slot's next owner. */
static void forget_requests(struct io_source *s, uint32_t slot)
{
	uint32_t at = 0;
	int r = 0;

	for (bool first = true; r == 0; first = false) {
		uint32_t n = WALK_CHUNK;

		r = bpf_map_lookup_batch(s->starts_fd, first ? NULL : &at, &at, s->keys, s->starts, &n, NULL);
		if (r < 0 && r != -ENOENT)
			return;
		for (uint32_t i = 0; i < n; i++)
			if (s->starts[i].slot == slot)
				bpf_map_delete_elem(s->starts_fd, &s->keys[i]);
	}
}

void io_source_clear(struct io_source *s, uint32_t slot)
{
	if (slot >= s->n_slots)
		return;
	forget_requests(s, slot);
	for (uint32_t cpu = 0; cpu < s->cpus; cpu++)
		memset(&s->slots[(size_t)cpu * s->n_slots + slot], 0, sizeof(struct ep_io_slot));
}
