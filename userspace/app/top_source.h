/* SPDX-License-Identifier: BSD-2-Clause */
/* Where `edgeprof top` gets its snapshots: from an agent, or by reading itself. */
#ifndef EP_APP_TOP_SOURCE_H
#define EP_APP_TOP_SOURCE_H

#include "base/cleanup.h"
#include "core/config.h"
#include "model/snapshot.h"

struct top_source;

/* With `live` reads the node itself. Otherwise subscribes to `address`; NULL:
 * the first address that the configuration publishes at. When nobody listens at
 * an ipc address, root reads the node itself. Logs what is wrong. */
int top_source_open(const struct config *config, const char *address, bool live,
		    struct top_source **ret) _must_check_;
void top_source_close(struct top_source *s);

bool top_source_is_live(const struct top_source *s);
const char *top_source_name(const struct top_source *s); /* for the head of the screen */
uint64_t top_source_lost(const struct top_source *s);    /* snapshots missed on the way */

/* Readable when there is something for top_source_handle(); negative: none. */
int top_source_fd(const struct top_source *s);
/* Takes what is waiting. A subscription: 1 and the newest snapshot, or 0 when
 * none is whole yet; with `discard` always 0, and the snapshot handed out before
 * stays valid. Live: 0, the snapshot comes from top_source_read(). */
int top_source_handle(struct top_source *s, bool discard, const struct snapshot **ret) _must_check_;
/* Live only: takes a reading. */
int top_source_read(struct top_source *s, const struct snapshot **ret) _must_check_;

/* Snapshots are borrowed: valid until the next handle or read. */

#endif
