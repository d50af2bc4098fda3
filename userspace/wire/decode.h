/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages -> Envelope -> Snapshot. Nothing of what a message holds is
 * trusted: sizes are capped, text is cleaned, numbers of future enums become
 * UNSPECIFIED, unknown fields are ignored.
 */
#ifndef EP_WIRE_DECODE_H
#define EP_WIRE_DECODE_H

#include "base/cleanup.h"
#include "model/snapshot.h"
#include <edgeprof/v1/edgeprof.pb-c.h>

/* Topic and Envelope of one message, checked. -EPROTO: not ours; -EBADMSG:
 * damaged; -EPROTONOSUPPORT: a schema of the future. */
int wire_decode(const void *message, size_t size, Edgeprof__V1__Envelope **ret) _must_check_;
void wire_envelope_free(Edgeprof__V1__Envelope *e); /* NULL is fine */

/* A snapshot that owns what it points to. */
struct wire_snapshot {
	struct snapshot snapshot;
	struct container_identity *identities; /* one per container */
	char (*loss_kinds)[32];
};
/* The containers of this Envelope; of a chunk other than 0, node and self are
 * empty. -EBADMSG, -ENOMEM. */
int wire_snapshot_from(const Edgeprof__V1__Envelope *e, struct wire_snapshot **ret) _must_check_;
void wire_snapshot_free(struct wire_snapshot *s); /* NULL is fine */

#endif
