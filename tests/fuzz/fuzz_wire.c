/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a message: decoded, rebuilt, printed, assembled with others. */
#include "client/assembly.h"
#include "wire/decode.h"
#include "wire/json.h"
#include "wire/topic.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_one(const uint8_t *message, size_t size)
{
	Edgeprof__V1__Envelope *e;
	struct wire_snapshot *s;
	char *line;

	if (wire_decode(message, size, &e) < 0)
		return;
	if (wire_snapshot_from(e, &s) == 0)
		wire_snapshot_free(s);
	if (wire_json_line(&e->base, &line) == 0)
		free(line);
	wire_envelope_free(e);
}

/* The input is several messages, each after two bytes of length. */
static void assemble(const uint8_t *data, size_t size)
{
	struct assembly a = { 0 };
	Edgeprof__V1__Envelope *e;

	while (size >= 2) {
		size_t length = (size_t)data[0] | (size_t)data[1] << 8;

		data += 2;
		size -= 2;
		length = length < size ? length : size;
		if (assembly_add(&a, data, length, &e) == 1)
			edgeprof_envelope_free(e);
		data += length;
		size -= length;
	}
	assembly_clear(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *message = malloc(WIRE_TOPIC_SIZE + size);

	if (!message)
		return 0;
	memcpy(message, WIRE_TOPIC, WIRE_TOPIC_SIZE);
	if (size)
		memcpy(message + WIRE_TOPIC_SIZE, data, size);
	read_one(data, size);
	read_one(message, WIRE_TOPIC_SIZE + size);
	free(message);
	assemble(data, size);
	return 0;
}
