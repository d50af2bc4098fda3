/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Rare events that cannot wait for the next reading: one small ring buffer,
 * shared by all families. */
#ifndef EP_BPF_LIB_EVENTS_H
#define EP_BPF_LIB_EVENTS_H

#include "lib/slots.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} ep_events SEC(".maps");

/* Reserves a record with everything but the payload filled in; counts the loss
 * when there is no room. Submit it with bpf_ringbuf_submit(). */
__inline struct ep_event *event_reserve(enum ep_event_kind kind, u64 cgroup_id, u32 pid)
{
	struct ep_event *event = bpf_ringbuf_reserve(&ep_events, sizeof(*event), 0);

	if (!event) {
		count_loss(EP_LOSS_RING_FULL);
		return NULL;
	}
	event->mono_ns = bpf_ktime_get_ns();
	event->cgroup_id = cgroup_id;
	event->kind = kind;
	event->pid = pid;
	event->comm[0] = '\0';
	event->path[0] = '\0';
	return event;
}

#endif
