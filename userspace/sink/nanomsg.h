/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Publishes over a nanomsg PUB socket. The only file of the agent that knows
 * nanomsg; five functions that another transport could offer as well.
 */
#ifndef EP_SINK_NANOMSG_H
#define EP_SINK_NANOMSG_H

#include "base/cleanup.h"
#include "model/snapshot.h"
#include <sys/types.h>

#define PUBLISHER_ADDRESS_MAX 256

struct publisher;
struct publisher_stats {
	uint64_t messages, bytes; /* handed to the transport */
	uint64_t failed;          /* that the transport refused */
};

/* Binds each of the comma-separated addresses ("ipc:///path", "tcp://host:port").
 * ipc sockets get `mode`, and `group` where a group of that name exists. A
 * socket file left by a dead agent is replaced. On failure the address that
 * was wrong is in ret_wrong, and:
 * -EINVAL       not such an address, or none at all
 * -EADDRINUSE   a live agent publishes there
 * -ENOTSOCK     the path is something else than a socket; it is left alone
 * -ENOENT       the folder of the path does not exist
 * -ENAMETOOLONG, -EACCES, -ENOMEM, -EADDRNOTAVAIL, ... */
int publisher_open(const char *addresses, mode_t mode, const char *group, struct publisher **ret,
		   char ret_wrong[PUBLISHER_ADDRESS_MAX]) _must_check_;
void publisher_close(struct publisher *p); /* removes its socket files; NULL is fine */

/* One message to whoever listens. Never waits: a subscriber that does not keep
 * up misses it and sees the gap. */
int publisher_send(struct publisher *p, const void *message, size_t size) _must_check_;

/* Encodes and sends. Chunks of one snapshot are sent a little apart (see
 * nanomsg.c), at most 64 ms in all. */
int publisher_publish(struct publisher *p, const struct snapshot *s) _must_check_;

void publisher_stats(const struct publisher *p, struct publisher_stats *ret);

#endif
