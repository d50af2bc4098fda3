/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Snapshot -> messages: 8-byte topic, then one Envelope, each at most
 * WIRE_MESSAGE_MAX bytes. Buffers live in the encoder and only grow, so a
 * steady node costs no allocation.
 */
#ifndef EP_WIRE_ENCODE_H
#define EP_WIRE_ENCODE_H

#include "base/cleanup.h"
#include "model/snapshot.h"

struct wire_encoder;

/* agent_id: any number that differs at every start of the agent. */
int wire_encoder_open(uint64_t agent_id, struct wire_encoder **ret) _must_check_;
void wire_encoder_close(struct wire_encoder *e); /* NULL is fine */

/* Takes one message, borrowed for the call. `more`: further chunks follow. A
 * negative return ends the encoding. */
typedef int (*wire_emit)(void *data, const void *message, size_t size, bool more);

/* Calls `emit` for each message of the snapshot. -ENOMEM, or what emit returned. */
int wire_encode(struct wire_encoder *e, const struct snapshot *s, wire_emit emit, void *data) _must_check_;

#endif
