/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Address spaces and the cgroup whose resident pages they are. An entry says
 * what its address space has added to its slot; every change goes to both by
 * the same amount and starts from the kernel's absolute count, so an entry may
 * be late but its slot never drifts: what was added is what is taken back.
 */
#ifndef EP_BPF_LIB_MM_H
#define EP_BPF_LIB_MM_H

#include "lib/rss.bpf.h"
#include "lib/slots.bpf.h"

#define MMS_MAX 4096
#define SEEDS_MAX 2048
#define MM_SEEN_MAX 1024
#define MM_MOVES_MAX 64

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* slots, set at load */
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, u32);
	__type(value, struct ep_mem_slot);
} ep_mem SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MMS_MAX);
	__type(key, u64); /* mm_address() */
	__type(value, struct ep_mem_mm);
} ep_mem_mm SEC(".maps");

/* Processes older than edgeprof whose address space was not seen yet. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SEEDS_MAX);
	__type(key, u32); /* tgid */
	__type(value, struct ep_mem_mm);
} ep_mem_seeds SEC(".maps");

/* Address spaces that are being moved to another slot: a lock per entry, since
 * compare-and-exchange needs 5.12. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MM_MOVES_MAX);
	__type(key, u64);
	__type(value, u32);
} ep_mem_moves SEC(".maps");

__inline struct ep_mem_slot *mem_slot(u32 slot)
{
	return bpf_map_lookup_elem(&ep_mem, &slot);
}

/* The address as a number, less a constant where it is a typed pointer: with
 * those the verifier allows no other arithmetic than a difference. */
__inline u64 mm_address(bool btf, struct mm_struct *mm)
{
	return btf ? (u64)mm - (u64)&cfg : (u64)mm;
}

/* --- adding up -------------------------------------------------------------------- */

__inline void raise_peak(struct ep_mem_slot *m)
{
	s64 pages = m->rss_pages[EP_RSS_FILE] + m->rss_pages[EP_RSS_ANON] + m->rss_pages[EP_RSS_SHMEM];

	if (pages > (s64)m->rss_peak_pages)
		m->rss_peak_pages = pages;
}

__inline void mm_set_pages(struct ep_mem_mm *mm, u32 kind, s64 pages)
{
	struct ep_mem_slot *m = mem_slot(mm->slot);
	s64 change;

	if (!m)
		return;
	if (pages < 0) /* one CPU gave back what another still holds back */
		pages = 0;
	change = pages - mm->pages[kind];
	if (!change)
		return;
	__sync_fetch_and_add(&mm->pages[kind], change);
	__sync_fetch_and_add(&m->rss_pages[kind], change);
	if (change > 0)
		raise_peak(m);
}

__inline void slot_add_pages(u32 slot, const s64 pages[EP_RSS_KINDS], bool negative)
{
	struct ep_mem_slot *m = mem_slot(slot);

	if (!m)
		return;
#pragma unroll
	for (u32 i = 0; i < EP_RSS_KINDS; i++)
		if (pages[i])
			__sync_fetch_and_add(&m->rss_pages[i], negative ? -pages[i] : pages[i]);
	if (!negative)
		raise_peak(m);
}

/* Takes an entry out of its table; false when another CPU was first, so that
 * every entry is settled once. */
__inline bool mm_take(void *map, const void *key, struct ep_mem_mm *ret)
{
	struct ep_mem_mm *entry = bpf_map_lookup_elem(map, key);

	if (!entry)
		return false;
	*ret = *entry;
	return !bpf_map_delete_elem(map, key);
}

__inline bool mm_drop(void *map, const void *key)
{
	struct ep_mem_mm entry;

	if (!mm_take(map, key, &entry))
		return false;
	slot_add_pages(entry.slot, entry.pages, true);
	return true;
}

static __attribute__((noinline)) int mm_move(struct ep_mem_mm *entry, u64 address, u32 slot)
{
	u32 from;

	if (bpf_map_update_elem(&ep_mem_moves, &address, &slot, BPF_NOEXIST))
		return 0; /* on another CPU, or its next event tries again */
	from = entry->slot;
	if (from != slot) {
		struct ep_mem_mm copy = *entry;

		entry->slot = slot;
		slot_add_pages(from, copy.pages, true);
		slot_add_pages(slot, copy.pages, false);
	}
	bpf_map_delete_elem(&ep_mem_moves, &address);
	return 0;
}

/* New entry that starts from what `base` says its slot holds already. */
__inline struct ep_mem_mm *mm_insert(u64 address, const struct ep_mem_mm *base)
{
	struct ep_mem_mm *entry;

	if (!bpf_map_update_elem(&ep_mem_mm, &address, base, BPF_NOEXIST))
		return bpf_map_lookup_elem(&ep_mem_mm, &address);
	slot_add_pages(base->slot, base->pages, true);
	entry = bpf_map_lookup_elem(&ep_mem_mm, &address);
	if (!entry)
		count_loss(EP_LOSS_MM_FULL);
	return entry;
}

#endif
