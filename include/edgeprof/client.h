/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libedgeprof: receive what an edgeprof agent publishes.
 *
 *	struct edgeprof_subscription *s;
 *	int r = edgeprof_subscribe("ipc:///run/edgeprof/live.ipc", &s);
 *	Edgeprof__V1__Envelope *e;
 *	while ((r = edgeprof_receive(s, -1, &e)) == 0) {
 *		... e->snapshot->containers[i] ...
 *		edgeprof_envelope_free(e);
 *	}
 *	edgeprof_unsubscribe(s);
 *
 * Functions return 0 or a negative errno. Nothing here is thread-safe for one
 * subscription; several subscriptions may live in several threads.
 */
#ifndef EDGEPROF_CLIENT_H
#define EDGEPROF_CLIENT_H

#include <edgeprof/v1/edgeprof.pb-c.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define EDGEPROF_API __attribute__((visibility("default")))
#else
#define EDGEPROF_API
#endif

#define EDGEPROF_DEFAULT_ADDRESS "ipc:///run/edgeprof/live.ipc"

struct edgeprof_subscription;

/* Counted since edgeprof_subscribe(). */
struct edgeprof_subscription_stats {
	uint64_t messages; /* well-formed messages received */
	uint64_t bytes;
	uint64_t lost;       /* messages that the sequence numbers show as missed */
	uint64_t malformed;  /* messages that were not ours or damaged; skipped */
	uint64_t incomplete; /* snapshots dropped because a chunk was missing */
	uint64_t restarts;   /* times the agent or the node started anew */
};

/* Starts receiving from `address` ("ipc:///path", "tcp://host:port"). The agent
 * need not run yet. -EINVAL: not such an address; -EACCES: the ipc socket or a
 * folder on its path exists and this user may not use it. Caller frees with edgeprof_unsubscribe(). */
EDGEPROF_API int edgeprof_subscribe(const char *address, struct edgeprof_subscription **ret);
EDGEPROF_API void edgeprof_unsubscribe(struct edgeprof_subscription *s);

/* Waits at most timeout_ms (-1: for ever) for the next whole snapshot. The
 * containers of all its chunks come in one Envelope (chunk_index 0,
 * chunk_count 1, published_mono_ns of the last chunk). -ETIMEDOUT: none came; -EINTR: a
 * signal came. Caller frees with edgeprof_envelope_free(). */
EDGEPROF_API int edgeprof_receive(struct edgeprof_subscription *s, int timeout_ms,
				  Edgeprof__V1__Envelope **ret);
EDGEPROF_API void edgeprof_envelope_free(Edgeprof__V1__Envelope *e);

/* A file descriptor that becomes readable when edgeprof_receive() has work,
 * for poll loops; it stays owned by the subscription. Negative errno. */
EDGEPROF_API int edgeprof_subscription_fd(const struct edgeprof_subscription *s);
EDGEPROF_API void edgeprof_subscription_stats(const struct edgeprof_subscription *s,
					      struct edgeprof_subscription_stats *ret);

#ifdef __cplusplus
}
#endif
#endif
