/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What both ends of the wire agree on before any field is read. No code to
 * link: libedgeprof is built from the client room alone.
 */
#ifndef EP_WIRE_TOPIC_H
#define EP_WIRE_TOPIC_H

#include <edgeprof/v1/edgeprof.pb-c.h>
#include <errno.h>
#include <string.h>

#define WIRE_TOPIC "ep1snap|"
#define WIRE_TOPIC_SIZE (sizeof(WIRE_TOPIC) - 1)
#define WIRE_SCHEMA 1
/* Subscribers on nanomsg's defaults are cut off at 1 MiB. */
#define WIRE_MESSAGE_MAX (256 * 1024)
/* Chunks are cut smaller: nanomsg drops a message for a subscriber whose socket
 * still holds a part of the one before, and a stock kernel's socket holds
 * 416 KiB. 2000 containers, 1 ms between chunks: 1 % of 256 KiB chunks were
 * lost, none of 128 KiB. */
#define WIRE_CHUNK_TARGET (128 * 1024)
/* What a reader accepts at most. */
#define WIRE_CHUNKS_MAX 256
#define WIRE_CONTAINERS_MAX 65536

static inline int wire_envelope_check(const Edgeprof__V1__Envelope *e)
{
	if (e->schema != WIRE_SCHEMA)
		return -EPROTONOSUPPORT;
	if (e->body_case != EDGEPROF__V1__ENVELOPE__BODY_SNAPSHOT || !e->snapshot)
		return -EBADMSG;
	if (!e->chunk_count || e->chunk_count > WIRE_CHUNKS_MAX || e->chunk_index >= e->chunk_count)
		return -EBADMSG;
	if (e->snapshot->n_containers > WIRE_CONTAINERS_MAX)
		return -EBADMSG;
	return 0;
}

/* -EPROTO: not our topic; -EBADMSG: damaged; -EPROTONOSUPPORT: a schema of the
 * future. Caller frees with edgeprof__v1__envelope__free_unpacked(e, NULL). */
static inline int wire_parse(const void *message, size_t size, Edgeprof__V1__Envelope **ret)
{
	const uint8_t *bytes = message;
	Edgeprof__V1__Envelope *e;
	int r;

	if (size < WIRE_TOPIC_SIZE || memcmp(bytes, WIRE_TOPIC, WIRE_TOPIC_SIZE))
		return -EPROTO;
	e = edgeprof__v1__envelope__unpack(NULL, size - WIRE_TOPIC_SIZE, bytes + WIRE_TOPIC_SIZE);
	if (!e)
		return -EBADMSG;
	r = wire_envelope_check(e);
	if (r < 0) {
		edgeprof__v1__envelope__free_unpacked(e, NULL);
		return r;
	}
	*ret = e;
	return 0;
}

#endif
