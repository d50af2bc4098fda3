/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The io family: block requests from issue to completion, for the cgroup whose
 * data it is where the kernel says so, else for the task that handed it in.
 */
#include "compat.bpf.h"
#include "lib/histogram.bpf.h"
#include "lib/slots.bpf.h"
#include <edgeprof/abi.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define REQUESTS_MAX 4096
#define REQ_OP_MASK 0xff
#define REQ_OP_READ 0
#define REQ_OP_WRITE 1

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* cpus * slots, set at load */
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, u32);
	__type(value, struct ep_io_slot);
} ep_io SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, REQUESTS_MAX);
	__type(key, u64); /* struct request *, one of the queue's fixed set */
	__type(value, struct ep_io_start);
} ep_io_start SEC(".maps");

/* --- whose request it is ------------------------------------------------------------ */

/* The cgroup of the request's data in the hierarchy in use, 0 when the kernel
 * does not tell, or tells no more than the task does. */
__inline u64 request_cgroup_id(bool btf, struct request *rq, struct task_struct *current)
{
	struct bio *bio = READ(btf, rq, bio);
	struct cgroup_subsys_state *css;
	struct blkcg_gq *blkg;
	struct blkcg *blkcg;
	struct cgroup *cgroup;
	struct cgroup_root *root;
	struct css_set *set;
	bool typed = current_is_typed(btf);

	if (!bpf_core_field_exists(bio->bi_blkg) || !bio)
		return 0;
	blkg = READ(btf, bio, bi_blkg);
	if (!blkg)
		return 0;
	blkcg = READ(btf, blkg, blkcg);
	cgroup = READ(btf, blkcg, css.cgroup);
	root = READ(btf, cgroup, root);
	if (READ(btf, root, hierarchy_id) != (int)cfg.hierarchy_id)
		return 0;
	/* Without the io controller below, the cgroup is an ancestor of the task's. */
	set = READ(typed, current, cgroups);
	css = READ(typed, set, subsys[bpf_core_enum_value(enum cgroup_subsys_id, io_cgrp_id) & 15]);
	if (READ(typed, css, cgroup) == cgroup)
		return 0;
	return cgroup_id(btf, cgroup);
}

__inline u32 request_slot(bool btf, struct request *rq)
{
	struct task_struct *current = current_task(btf);
	u64 id = request_cgroup_id(btf, rq, current);

	return id ? slot_of_cgroup(id) : slot_of_task(current_is_typed(btf), current);
}

/* --- counting ------------------------------------------------------------------------ */

__inline void count_bytes(struct ep_io_slot *s, u32 op, u32 bytes)
{
	if (op == REQ_OP_READ)
		__sync_fetch_and_add(&s->read_bytes, bytes);
	else if (op == REQ_OP_WRITE)
		__sync_fetch_and_add(&s->write_bytes, bytes);
}

/* Atomic although each CPU has its own: an interrupt may complete requests in
 * the middle of a task that does. */
__inline void count_op(struct ep_io_slot *s, u32 op)
{
	if (op == REQ_OP_READ)
		__sync_fetch_and_add(&s->reads, 1);
	else if (op == REQ_OP_WRITE)
		__sync_fetch_and_add(&s->writes, 1);
	else
		__sync_fetch_and_add(&s->others, 1);
}

__inline void count_time(struct ep_io_slot *s, u64 ns)
{
	__sync_fetch_and_add(&s->time_ns, ns);
	histogram_count(s->latency_hist, ns);
}

__inline struct ep_io_slot *io_slot(u32 slot)
{
	u32 at = bpf_get_smp_processor_id() * cfg.slots + slot;

	return bpf_map_lookup_elem(&ep_io, &at);
}

/* The kernel skips a program that interrupts itself: a request whose end was
 * missed that way counts when its memory is used again, without a time. */
__inline void settle_unseen(const struct ep_io_start *start)
{
	struct ep_io_slot *s = io_slot(start->slot);

	if (!s)
		return;
	count_bytes(s, start->op, start->bytes);
	count_op(s, start->op);
}

/* --- insert, issue, requeue ----------------------------------------------------------- */

__inline void request_save(u64 key, const struct ep_io_start *start)
{
	if (bpf_map_update_elem(&ep_io_start, &key, start, BPF_ANY))
		count_loss(EP_LOSS_START_FULL);
}

/* Where a scheduler holds requests back, whoever runs the queue issues them:
 * their owner is the task that put them in. */
__inline int on_insert(bool btf, struct request *rq, u64 key)
{
	struct ep_io_start *known = bpf_map_lookup_elem(&ep_io_start, &key);
	struct ep_io_start start = {};

	if (known && known->requeued)
		return 0;
	if (known && known->issued_ns)
		settle_unseen(known);
	start.slot = request_slot(btf, rq);
	request_save(key, &start);
	return 0;
}

__inline int on_issue(bool btf, struct request *rq, u64 key)
{
	struct ep_io_start *known = bpf_map_lookup_elem(&ep_io_start, &key);
	struct ep_io_start start = {};

	start.issued_ns = bpf_ktime_get_ns();
	start.bytes = READ(btf, rq, __data_len);
	start.op = READ(btf, rq, cmd_flags) & REQ_OP_MASK;
	if (known && (known->requeued || !known->issued_ns))
		start.slot = known->slot;
	else
		start.slot = request_slot(btf, rq);
	if (known && known->issued_ns && !known->requeued)
		settle_unseen(known);
	if (known)
		*known = start;
	else
		request_save(key, &start);
	return 0;
}

__inline int on_requeue(bool btf, struct request *rq, u64 key)
{
	struct ep_io_start *known = bpf_map_lookup_elem(&ep_io_start, &key);

	if (known)
		known->requeued = 1;
	return 0;
}

/* --- complete ------------------------------------------------------------------------ */

__inline int on_complete(u64 key, u32 bytes, bool failed)
{
	struct ep_io_start *start = bpf_map_lookup_elem(&ep_io_start, &key);
	u64 now = bpf_ktime_get_ns();
	struct ep_io_slot *s;

	if (!start || !start->issued_ns)
		return 0;
	s = io_slot(start->slot);
	if (!s)
		return 0;
	if (!failed)
		count_bytes(s, start->op, bytes);
	if (bytes < start->bytes) { /* the rest is still to come */
		start->bytes -= bytes;
		return 0;
	}
	count_op(s, start->op);
	count_time(s, now > start->issued_ns ? now - start->issued_ns : 0);
	bpf_map_delete_elem(&ep_io_start, &key);
	return 0;
}

SEC("tp_btf/block_rq_complete")
int ep_complete_btf(u64 *ctx)
{
	return on_complete(ctx[0], (u32)ctx[2], (u8)ctx[1]);
}

SEC("raw_tp/block_rq_complete")
int ep_complete_raw(u64 *ctx)
{
	return on_complete(ctx[0], (u32)ctx[2], (u8)ctx[1]);
}

/* --- doors ------------------------------------------------------------------------------ */

/* commit a54895fa057c ("block: remove the request_queue to argument request
 * based tracepoints"), 5.11, for all hooks but completion. The empty asm keeps
 * clang from one load at a computed offset, which the verifier of that age refuses. */
__inline struct request *request_argument(u64 *ctx)
{
	u64 rq;

	if (cfg.rq_issue_has_queue) {
		rq = ctx[1];
		asm volatile("" : "+r"(rq));
	} else {
		rq = ctx[0];
	}
	return (struct request *)rq;
}

#define DOORS(hook, name, body)                                                                              \
	SEC("tp_btf/" #hook)                                                                                 \
	int ep_##name##_btf(u64 *ctx)                                                                        \
	{                                                                                                    \
		struct request *rq = request_argument(ctx);                                                  \
                                                                                                             \
		return body(true, rq, (u64)rq);                                                              \
	}                                                                                                    \
	SEC("raw_tp/" #hook)                                                                                 \
	int ep_##name##_raw(u64 *ctx)                                                                        \
	{                                                                                                    \
		struct request *rq = request_argument(ctx);                                                  \
                                                                                                             \
		return body(false, rq, (u64)rq);                                                             \
	}

DOORS(block_rq_insert, insert, on_insert)
DOORS(block_rq_issue, issue, on_issue)
DOORS(block_rq_requeue, requeue, on_requeue)
