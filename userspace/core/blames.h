/* SPDX-License-Identifier: BSD-2-Clause */
/* From pairs of slots in the kernel to pairs of containers. */
#ifndef EP_CORE_BLAMES_H
#define EP_CORE_BLAMES_H

#include "core/registry.h"
#include "model/snapshot.h"

/* Starts a new interval for the container. */
void blames_begin(struct container *c);
/* Adds wait that an aggressor caused since the reading before. */
void blames_add(struct container *c, uint64_t aggressor_key, uint64_t wait_ns, uint64_t count);
/* Copies the largest of this interval, then of all time. */
void blames_report(const struct container *c, struct container_snapshot *into);

#endif
