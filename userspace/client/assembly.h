/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Chunks -> whole snapshots, and what the sequence numbers tell. Holds at most
 * a few unfinished snapshots, whatever is sent.
 */
#ifndef EP_CLIENT_ASSEMBLY_H
#define EP_CLIENT_ASSEMBLY_H

#include <edgeprof/client.h>
#include <stdbool.h>

#define ASSEMBLY_PENDING_MAX 4
/* Of one unfinished snapshot, as sent; a full node of 16384 cgroups needs about 20 MiB. */
#define ASSEMBLY_BYTES_MAX (32u * 1024 * 1024)

struct pending_snapshot {
	uint64_t number; /* of the snapshot; meaningless while chunks is NULL */
	uint32_t count, received;
	size_t bytes, n_containers;
	Edgeprof__V1__Envelope **chunks; /* `count` places */
};

struct assembly {
	bool known; /* a message came, the next three are set */
	uint64_t agent_id;
	char boot_id[40];
	uint64_t sequence;                                     /* highest of this agent */
	uint64_t number;                                       /* last snapshot delivered; 0: none yet */
	struct pending_snapshot pending[ASSEMBLY_PENDING_MAX]; /* oldest first */
	struct edgeprof_subscription_stats stats;
};

void assembly_clear(struct assembly *a);
/* Takes a message as it came from the socket. 1: *ret is a whole snapshot, the
 * caller frees it; 0: more is needed, or the message was of no use; -ENOMEM. */
int assembly_add(struct assembly *a, const void *message, size_t size, Edgeprof__V1__Envelope **ret);

#endif
