/* SPDX-License-Identifier: BSD-2-Clause */
/* The mem family read: resident pages, reclaim, compaction and kills of a slot. */
#ifndef EP_SOURCE_MEM_H
#define EP_SOURCE_MEM_H

#include "model/metrics.h"
#include "source/bpf_family.h"

struct mem_source;

/* Also counts the pages of the processes that were there before (root/proc);
 * one of which that cannot be told counts from its next change of size. */
int mem_source_open(const char *root, const struct bpf_kernel *kernel, struct bpf_slots *slots,
		    const char *door, struct family_snapshot *ret_state,
		    struct mem_source **ret) _must_check_;
void mem_source_close(struct mem_source *s); /* NULL is fine */
struct bpf_family *mem_source_family(const struct mem_source *s);

/* Sets the mem metrics of one slot. */
void mem_source_read(const struct mem_source *s, uint32_t slot, struct metrics *into);
/* Forgets a slot's counters, and what still points at it, before it is given back. */
void mem_source_clear(struct mem_source *s, uint32_t slot);

#endif
