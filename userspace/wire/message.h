/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Model structs -> protobuf-c structs. The messages borrow from the model:
 * they are packed and forgotten before the snapshot changes.
 */
#ifndef EP_WIRE_MESSAGE_H
#define EP_WIRE_MESSAGE_H

#include "base/cleanup.h"
#include "model/snapshot.h"
#include <edgeprof/v1/edgeprof.pb-c.h>

/* Longest text on the wire; a container of nine such texts fits a message. */
#define WIRE_TEXT_MAX 4096

/* Copies of the rare texts that may not travel as they are. */
struct wire_texts {
	char **copies;
	size_t n, capacity;
	bool failed; /* out of memory once since the last clear */
};
/* `text` itself, or a cleaned and shortened copy that lives until the clear. */
char *wire_text(struct wire_texts *t, const char *text);
void wire_texts_clear(struct wire_texts *t);
void wire_texts_free(struct wire_texts *t);

struct wire_label_pool {
	Edgeprof__V1__Label *items;
	Edgeprof__V1__Label **pointers;
	size_t n, capacity;
};
struct wire_blame_pool {
	Edgeprof__V1__Blame *items;
	Edgeprof__V1__Blame **pointers;
	size_t n, capacity;
};
struct wire_container {
	Edgeprof__V1__Container container;
	Edgeprof__V1__Metrics totals;
	Edgeprof__V1__Rates rates;
};
struct wire_self {
	Edgeprof__V1__Self self;
	Edgeprof__V1__Family families[SNAPSHOT_FAMILIES_MAX];
	Edgeprof__V1__Family *family_pointers[SNAPSHOT_FAMILIES_MAX];
	Edgeprof__V1__Program programs[SNAPSHOT_PROGRAMS_MAX];
	Edgeprof__V1__Program *program_pointers[SNAPSHOT_PROGRAMS_MAX];
};

void wire_fill_metrics(const struct metrics *from, Edgeprof__V1__Metrics *into);
void wire_fill_rates(const struct rates *from, Edgeprof__V1__Rates *into);
void wire_fill_node(const struct node_snapshot *from, struct wire_texts *t, Edgeprof__V1__Node *into);
void wire_fill_self(const struct self_snapshot *from, struct wire_texts *t, struct wire_self *into);
/* The pools must have room for the container's labels and blames. */
void wire_fill_container(const struct container_snapshot *from, struct wire_texts *t,
			 struct wire_label_pool *labels, struct wire_blame_pool *blames,
			 struct wire_container *into);

#define WIRE_SET(message, field, v)                                                                          \
	do {                                                                                                 \
		(message)->has_##field = true;                                                               \
		(message)->field = (v);                                                                      \
	} while (0)

#endif
