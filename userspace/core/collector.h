/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The state between two readings: which containers there are, what they had
 * counted before, what the node withholds. One collector per process.
 */
#ifndef EP_CORE_COLLECTOR_H
#define EP_CORE_COLLECTOR_H

#include "base/cleanup.h"
#include "core/config.h"
#include "model/snapshot.h"

struct collector;

/* Loads and attaches what this node allows; a family that is refused is logged
 * and left out. Fails only when nothing at all can be read (-ENOENT: no cgroup
 * hierarchy) or out of memory. */
int collector_open(const struct config *config, struct collector **ret) _must_check_;
void collector_close(struct collector *c);

/* Whether it runs programs, and whether their maps can be used with the
 * capabilities in effect now: 0, -EPERM, or -ENODATA without BPF. */
int collector_try_maps(const struct collector *c) _must_check_;

/* Becomes readable when cgroups came or went; then call collector_handle_events().
 * -ENODATA without BPF. */
int collector_events_fd(const struct collector *c);
int collector_handle_events(struct collector *c) _must_check_;

/* Takes a reading. *ret is borrowed and valid until the next call. */
int collector_read(struct collector *c, const struct snapshot **ret) _must_check_;
/* Counts timer ticks that passed without a reading. */
void collector_count_missed(struct collector *c, uint64_t readings);
/* Counts messages that a sink could not send. */
void collector_count_unsent(struct collector *c, uint64_t messages);

#endif
