/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Slots: cgroup id -> small number, given out in the kernel at first sight and
 * taken back by user space once the cgroup is gone and its counters were read.
 * No slot is reused while its owner may still count, so a container that starts
 * and ends between two readings keeps its totals. The maps are shared by all
 * families (user space replaces them with one set).
 */
#ifndef EP_BPF_LIB_SLOTS_H
#define EP_BPF_LIB_SLOTS_H

#include "compat.bpf.h"
#include <edgeprof/abi.h>

const volatile struct ep_config cfg = {};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, EP_SLOTS_MAX);
	__type(key, u64);   /* cgroup id */
	__type(value, u32); /* slot */
} ep_slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, EP_SLOTS_MAX);
	__type(value, u32);
} ep_slots_free SEC(".maps");

/* Who owns a slot: what user space reads to know which slots are in use. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, EP_SLOTS_MAX);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, u32);
	__type(value, u64); /* cgroup id, 0 = free */
} ep_slot_owner SEC(".maps");

/* Per CPU, what it looked up last; ids are never reused, so nothing goes stale. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, EP_SLOT_CACHE); /* cpus * EP_SLOT_CACHE, set at load */
	__type(key, u32);
	__type(value, struct ep_slot_cached);
} ep_slot_cache SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, EP_LOSS_COUNT);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, u32);
	__type(value, u64);
} ep_losses SEC(".maps");

__inline void count_loss(enum ep_loss reason)
{
	u32 key = reason;
	u64 *count = bpf_map_lookup_elem(&ep_losses, &key);

	if (count)
		__sync_fetch_and_add(count, 1);
}

__inline u64 cgroup_id(bool btf, struct cgroup *cgroup)
{
	struct kernfs_node *kn = READ(btf, cgroup, kn);

	return READ(btf, kn, id);
}

__inline u64 css_cgroup_id(bool btf, struct css_set *set, int subsys)
{
	struct cgroup_subsys_state *css = READ(btf, set, subsys[subsys & 15]);

	return cgroup_id(btf, READ(btf, css, cgroup));
}

/* The cgroup that a task is in, as named by the hierarchy in use. */
__inline u64 task_cgroup_id(bool btf, struct task_struct *p)
{
	struct css_set *set = READ(btf, p, cgroups);

	switch (cfg.hierarchy) {
	case EP_HIERARCHY_MEMORY:
		return css_cgroup_id(btf, set, bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id));
	case EP_HIERARCHY_CPUACCT:
		return css_cgroup_id(btf, set, bpf_core_enum_value(enum cgroup_subsys_id, cpuacct_cgrp_id));
	default:
		return cgroup_id(btf, READ(btf, set, dfl_cgrp));
	}
}

static __attribute__((noinline)) u32 slot_allocate(u64 id)
{
	u32 slot, *winner;

	if (bpf_map_pop_elem(&ep_slots_free, &slot)) {
		count_loss(EP_LOSS_SLOT_FULL);
		return EP_SLOT_OVERFLOW;
	}
	if (!bpf_map_update_elem(&ep_slots, &id, &slot, BPF_NOEXIST)) {
		u64 *owner = bpf_map_lookup_elem(&ep_slot_owner, &slot);

		if (owner)
			*owner = id;
		return slot;
	}
	/* Another CPU was first, or the table refused: give the slot back. */
	bpf_map_push_elem(&ep_slots_free, &slot, BPF_ANY);
	winner = bpf_map_lookup_elem(&ep_slots, &id);
	if (winner)
		return *winner;
	count_loss(EP_LOSS_SLOT_FULL);
	return EP_SLOT_OVERFLOW;
}

__inline u32 slot_of_cgroup(u64 id)
{
	u32 *slot = bpf_map_lookup_elem(&ep_slots, &id);

	return slot ? *slot : slot_allocate(id);
}

/* For sched_switch only: interrupts are off there, so nothing on this CPU comes
 * between reading and writing an entry. */
__inline u32 slot_of_cgroup_cached(u64 id, u32 cpu)
{
	u32 key = cpu * EP_SLOT_CACHE + (u32)(id & (EP_SLOT_CACHE - 1)), slot;
	struct ep_slot_cached *cached = bpf_map_lookup_elem(&ep_slot_cache, &key);

	if (cached && cached->cgroup_id == id)
		return cached->slot;
	slot = slot_of_cgroup(id);
	if (cached && slot != EP_SLOT_OVERFLOW) {
		cached->cgroup_id = id;
		cached->slot = slot;
	}
	return slot;
}

__inline u32 slot_of_task(bool btf, struct task_struct *p)
{
	return slot_of_cgroup(task_cgroup_id(btf, p));
}

#endif
