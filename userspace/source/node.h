/* SPDX-License-Identifier: BSD-2-Clause */
/* What the node is: name, kernel, CPUs, memory, cgroup layout. */
#ifndef EP_SOURCE_NODE_H
#define EP_SOURCE_NODE_H

#include "base/cleanup.h"
#include "model/snapshot.h"

/* Fills everything but `hierarchy`, which it leaves empty. Name, machine and kernel are those of the
 * running kernel whatever the root. Fails only without root/proc/meminfo. */
int node_read(const char *root, struct node_snapshot *ret) _must_check_;
/* Rereads what changes while the node runs: online CPUs and memory. On failure
 * memory_available_bytes is marked absent. */
int node_refresh(const char *root, struct node_snapshot *node) _must_check_;
/* Number of CPUs in a list such as "0-3,5"; 0 when damaged. */
uint32_t node_count_cpus(const char *list);

#endif
