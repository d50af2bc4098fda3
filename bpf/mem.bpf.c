/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The mem family: resident pages as the kernel moves them, who had to reclaim
 * or compact, and who was killed for lack of memory.
 */
#include "compat.bpf.h"
#include "lib/events.bpf.h"
#include "lib/histogram.bpf.h"
#include "lib/mm.bpf.h"
#include <edgeprof/abi.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* --- resident pages ----------------------------------------------------------------- */

/* What was last done for an address space, shared by all CPUs and overwritten
 * by whoever falls on the same place. Since 6.2 rss_stat fires for every page
 * while the count moves every 32 or more. */
struct mm_seen {
	u64 mm; /* lowest bit set: ended */
	s64 pages[EP_RSS_KINDS];
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MM_SEEN_MAX);
	__type(key, u32);
	__type(value, struct mm_seen);
} ep_mem_seen SEC(".maps");

__inline struct mm_seen *mm_seen(u64 address)
{
	u32 key = (address >> 6 ^ address >> 16) & (MM_SEEN_MAX - 1);

	return bpf_map_lookup_elem(&ep_mem_seen, &key);
}

__inline void mm_remember(struct mm_seen *seen, u64 address, u32 kind, s64 pages)
{
	if (seen->mm != address) {
		seen->mm = 0;
#pragma unroll
		for (u32 i = 0; i < EP_RSS_KINDS; i++)
			seen->pages[i] = -1;
	}
	seen->pages[kind] = pages;
	seen->mm = address;
}

/* A task that ends or executes a program leaves its address space; what is
 * mapped then goes at once. One that edgeprof never saw may have been seeded. */
__inline void mm_end(bool btf, u64 address, struct mm_seen *seen)
{
	struct task_struct *current;
	u32 tgid;

	if (seen->mm == (address | 1))
		return;
	seen->mm = address | 1;
	if (mm_drop(&ep_mem_mm, &address))
		return;
	current = current_task(btf);
	tgid = READ(current_is_typed(btf), current, tgid);
	mm_drop(&ep_mem_seeds, &tgid);
}

/*
 * First event of an address space. Its own task brings the seed; another user
 * task is in fork or exec and builds it, for its own cgroup; a kernel thread
 * that reclaims from it knows nothing about whose it is.
 */
__inline struct ep_mem_mm *mm_begin(bool btf, struct mm_struct *mm, u64 address, bool own, u32 tgid,
				    struct task_struct *current)
{
	struct ep_mem_mm base = {}, *entry;

	if (!own || !mm_take(&ep_mem_seeds, &tgid, &base)) {
		__builtin_memset(&base, 0, sizeof(base));
		base.slot = slot_of_task(current_is_typed(btf), current);
	}
	base.tgid = tgid;
	entry = mm_insert(address, &base);
	if (!entry)
		return NULL;
#pragma unroll
	for (u32 i = 0; i < EP_RSS_KINDS; i++)
		mm_set_pages(entry, i, mm_pages(btf, mm, i));
	return entry;
}

/* The entry of an address space, in the slot where its task is now. */
__inline struct ep_mem_mm *mm_entry(bool btf, struct mm_struct *mm, u64 address)
{
	bool typed = current_is_typed(btf), own;
	struct task_struct *current = current_task(btf);
	u32 tgid = READ(typed, current, tgid), slot;
	struct ep_mem_mm *entry = bpf_map_lookup_elem(&ep_mem_mm, &address);

	if (READ(typed, current, flags) & PF_KTHREAD)
		return entry;
	own = READ(typed, current, mm) == mm;
	if (!entry)
		entry = mm_begin(btf, mm, address, own, tgid, current);
	if (!entry || !own)
		return entry;
	entry->tgid = tgid;
	if (READ(typed, current, pid) != (int)tgid)
		return entry; /* the leader stands for its process */
	slot = slot_of_task(typed, current);
	if (entry->slot != slot)
		mm_move(entry, address, slot);
	return entry;
}

__inline int on_rss(bool btf, struct mm_struct *mm, u32 kind, s64 pages)
{
	u64 address = mm_address(btf, mm);
	struct mm_seen *seen = mm_seen(address);
	struct ep_mem_mm *entry;

	if (!seen || kind >= EP_RSS_KINDS)
		return 0;
	if (!READ(btf, mm, mm_users.counter)) {
		mm_end(btf, address, seen);
		return 0;
	}
	if (seen->mm == address && seen->pages[kind] == pages)
		return 0;
	entry = mm_entry(btf, mm, address);
	if (entry) {
		mm_set_pages(entry, kind, pages);
		mm_remember(seen, address, kind, pages);
	}
	return 0;
}

/* The new count where the tracepoint passes it (commit f1a7941243c1, 6.2). The
 * empty asm keeps clang from one load for both cases at a computed offset into the
 * context, which the verifiers of that age refuse. */
__inline s64 rss_argument(bool btf, const u64 *ctx, struct mm_struct *mm, u32 kind)
{
	s64 pages;

	if (!cfg.rss_stat_has_count)
		return mm_pages(btf, mm, kind);
	pages = (s64)ctx[2];
	asm volatile("" : "+r"(pages));
	return pages;
}

SEC("tp_btf/rss_stat")
int ep_rss_btf(u64 *ctx)
{
	struct mm_struct *mm = (void *)ctx[0];
	u32 kind = (u32)ctx[1];

	return on_rss(true, mm, kind, rss_argument(true, ctx, mm, kind));
}

SEC("raw_tp/rss_stat")
int ep_rss_raw(u64 *ctx)
{
	struct mm_struct *mm = (void *)ctx[0];
	u32 kind = (u32)ctx[1];

	return on_rss(false, mm, kind, rss_argument(false, ctx, mm, kind));
}

/* A process that is moved while it sleeps would keep its pages in its old
 * cgroup until it allocates again. */
__inline int on_attach(bool btf, struct cgroup *to, struct task_struct *p)
{
	struct cgroup_root *root = READ(btf, to, root);
	struct mm_struct *mm = READ(btf, p, mm);
	u32 tgid = READ(btf, p, tgid), slot;
	struct ep_mem_mm *entry, seed;
	u64 address;

	if (READ(btf, root, hierarchy_id) != (int)cfg.hierarchy_id || !mm || READ(btf, p, pid) != (int)tgid)
		return 0;
	address = mm_address(btf, mm);
	slot = slot_of_cgroup(cgroup_id(btf, to));
	entry = bpf_map_lookup_elem(&ep_mem_mm, &address);
	if (!entry) {
		if (!mm_take(&ep_mem_seeds, &tgid, &seed))
			return 0;
		entry = mm_insert(address, &seed);
	}
	if (entry)
		mm_move(entry, address, slot);
	return 0;
}

SEC("tp_btf/cgroup_attach_task")
int ep_attach_btf(u64 *ctx)
{
	return on_attach(true, (struct cgroup *)ctx[0], (struct task_struct *)ctx[2]);
}

SEC("raw_tp/cgroup_attach_task")
int ep_attach_raw(u64 *ctx)
{
	return on_attach(false, (struct cgroup *)ctx[0], (struct task_struct *)ctx[2]);
}

/* --- reclaim and compaction -------------------------------------------------------- */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, u32);   /* pid */
	__type(value, u64); /* ns */
} ep_mem_start SEC(".maps");

__inline struct ep_mem_slot *mem_slot_of_current(bool btf)
{
	return mem_slot(slot_of_task(current_is_typed(btf), current_task(btf)));
}

__inline int reclaim_begin(bool btf)
{
	u32 pid = (u32)bpf_get_current_pid_tgid();
	u64 now = bpf_ktime_get_ns();

	if (bpf_map_update_elem(&ep_mem_start, &pid, &now, BPF_ANY))
		count_loss(EP_LOSS_START_FULL);
	return 0;
}

__inline int reclaim_end(bool btf, bool memcg)
{
	u32 pid = (u32)bpf_get_current_pid_tgid();
	u64 *start_ns = bpf_map_lookup_elem(&ep_mem_start, &pid), ns;
	struct ep_mem_slot *m = mem_slot_of_current(btf);

	if (!start_ns || !m)
		return 0;
	ns = bpf_ktime_get_ns() - *start_ns;
	bpf_map_delete_elem(&ep_mem_start, &pid);
	__sync_fetch_and_add(memcg ? &m->memcg_reclaims : &m->direct_reclaims, 1);
	__sync_fetch_and_add(memcg ? &m->memcg_reclaim_ns : &m->direct_reclaim_ns, ns);
	histogram_count(m->reclaim_hist, ns);
	return 0;
}

__inline int on_compact(bool btf)
{
	struct ep_mem_slot *m = mem_slot_of_current(btf);

	if (m)
		__sync_fetch_and_add(&m->compaction_stalls, 1);
	return 0;
}

/* --- out of memory ------------------------------------------------------------------ */

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 256);
	__type(key, u32); /* pid */
	__type(value, u32);
} ep_mem_victims SEC(".maps");

__inline int on_victim(u32 pid)
{
	bpf_map_update_elem(&ep_mem_victims, &pid, &pid, BPF_ANY);
	return 0;
}

SEC("tp_btf/mark_victim")
int ep_victim_btf(u64 *ctx)
{
	return on_victim(cfg.mark_victim_has_task ? (u32)READ(true, (struct task_struct *)ctx[0], pid)
						  : (u32)ctx[0]);
}

SEC("raw_tp/mark_victim")
int ep_victim_raw(u64 *ctx)
{
	return on_victim(cfg.mark_victim_has_task ? (u32)READ(false, (struct task_struct *)ctx[0], pid)
						  : (u32)ctx[0]);
}

/* A victim may also have been on its way out already: only one that SIGKILL
 * ended counts. Its pid ends once, so it counts once. */
__inline int on_exit(bool btf, struct task_struct *p)
{
	u32 pid = READ(btf, p, pid);
	struct ep_mem_slot *m;
	struct ep_event *event;
	u64 id;

	if (pid == (u32)READ(btf, p, tgid))
		mm_drop(&ep_mem_seeds, &pid);
	if (bpf_map_delete_elem(&ep_mem_victims, &pid) || (READ(btf, p, exit_code) & 0x7f) != SIGKILL)
		return 0;
	id = task_cgroup_id(btf, p);
	m = mem_slot(slot_of_cgroup(id));
	if (m)
		__sync_fetch_and_add(&m->oom_kills, 1);
	event = event_reserve(EP_EVENT_OOM_KILL, id, pid);
	if (!event)
		return 0;
	bpf_probe_read_kernel_str(event->comm, sizeof(event->comm), &p->comm);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/* --- doors --------------------------------------------------------------------------- */

#define DOORS(hook, name, body)                                                                              \
	SEC("tp_btf/" #hook)                                                                                 \
	int ep_##name##_btf(u64 *ctx)                                                                        \
	{                                                                                                    \
		const bool btf = true;                                                                       \
		return body;                                                                                 \
	}                                                                                                    \
	SEC("raw_tp/" #hook)                                                                                 \
	int ep_##name##_raw(u64 *ctx)                                                                        \
	{                                                                                                    \
		const bool btf = false;                                                                      \
		return body;                                                                                 \
	}

DOORS(sched_process_exit, oomexit, on_exit(btf, (struct task_struct *)ctx[0]))
DOORS(mm_vmscan_direct_reclaim_begin, dbegin, reclaim_begin(btf))
DOORS(mm_vmscan_direct_reclaim_end, dend, reclaim_end(btf, false))
DOORS(mm_vmscan_memcg_reclaim_begin, mbegin, reclaim_begin(btf))
DOORS(mm_vmscan_memcg_reclaim_end, mend, reclaim_end(btf, true))
DOORS(mm_compaction_try_to_compact_pages, compact, on_compact(btf))
