/* SPDX-License-Identifier: BSD-2-Clause */
/* The cpu family read: counters of a slot, and who waited for whom. */
#ifndef EP_SOURCE_CPU_H
#define EP_SOURCE_CPU_H

#include "model/metrics.h"
#include "source/bpf_family.h"

struct cpu_source;

int cpu_source_open(const struct bpf_kernel *kernel, struct bpf_slots *slots, const char *door,
		    struct family_snapshot *ret_state, struct cpu_source **ret) _must_check_;
void cpu_source_close(struct cpu_source *c);
struct bpf_family *cpu_source_family(const struct cpu_source *c);

/* Sets the cpu metrics of one slot, running tasks counted up to now_ns
 * (CLOCK_MONOTONIC). Call cpu_source_begin() once before the slots of a reading. */
struct cpu_exit {
	uint64_t mono_ns; /* 0: nobody left yet */
	uint32_t status;  /* wait status */
};
void cpu_source_begin(struct cpu_source *c);
void cpu_source_read(const struct cpu_source *c, uint32_t slot, struct metrics *into,
		     struct cpu_exit *ret_exit);

/* Calls visit for every pair with waits since the call before. A pair without
 * any gives up its place in the table: it is bounded, and new pairs need room. */
typedef void (*cpu_pair_visit)(void *data, uint32_t victim_slot, uint32_t aggressor_slot, uint64_t wait_ns,
			       uint64_t count);
void cpu_source_pairs(struct cpu_source *c, cpu_pair_visit visit, void *data);

/* Forgets the counters and pairs of slots, and the tasks last seen in them,
 * before they are given back. */
void cpu_source_clear(struct cpu_source *c, const uint32_t *slots, size_t n);

#endif
