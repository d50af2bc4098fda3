/* SPDX-License-Identifier: BSD-2-Clause */
/* The maps that all families share: slots, losses, lifecycle events. */
#ifndef EP_SOURCE_BPF_SLOTS_H
#define EP_SOURCE_BPF_SLOTS_H

#include "base/cleanup.h"
#include "model/snapshot.h"
#include <edgeprof/abi.h>

struct bpf_map;
struct bpf_object;
struct bpf_slots;

/* Makes the maps for config->slots slots and puts all but slot 0 into the free queue. */
int bpf_slots_open(const struct ep_config *config, struct bpf_slots **ret) _must_check_;
void bpf_slots_close(struct bpf_slots *s);

/* Points an object's maps of the same names at these; before it is loaded. */
int bpf_slots_share(const struct bpf_slots *s, struct bpf_object *object) _must_check_;

const struct ep_config *bpf_slots_config(const struct bpf_slots *s);
/* Cgroup id that owns each slot, config->slots entries, 0 = free; live memory. */
const uint64_t *bpf_slots_owners(const struct bpf_slots *s);
/* Whether this process may still use its maps: 0, or -EPERM where the kernel wants
 * CAP_BPF for every call (before 5.19, unless bpf() is open to all users). */
int bpf_slots_try_lookup(const struct bpf_slots *s) _must_check_;
uint64_t bpf_slots_loss(const struct bpf_slots *s, enum ep_loss reason);
/* Makes the id unknown to the kernel side. Its slot still holds counters: the
 * caller clears those and then gives the slot back. */
int bpf_slots_forget(struct bpf_slots *s, uint64_t cgroup_id) _must_check_;
int bpf_slots_give_back(struct bpf_slots *s, uint32_t slot) _must_check_;

/* The slot of a cgroup, given out from user space as the kernel side would. -ENOSPC: none free. */
int bpf_slots_take(struct bpf_slots *s, uint64_t cgroup_id, uint32_t *ret_slot) _must_check_;

/* Bytes the kernel charges for one map (fdinfo memlock), and for the shared ones. */
uint64_t bpf_map_charged_bytes(int fd);
uint64_t bpf_slots_map_bytes(const struct bpf_slots *s);

int bpf_slots_events_fd(const struct bpf_slots *s);
typedef void (*bpf_slots_event)(void *data, const struct ep_event *event);
/* Hands over every event that is waiting; returns their number or a negative errno. */
int bpf_slots_consume(struct bpf_slots *s, bpf_slots_event handle, void *data) _must_check_;

#endif
