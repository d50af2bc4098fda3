/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/assembly.h"

#include "wire/topic.h"
#include <stdlib.h>

static void envelope_free(Edgeprof__V1__Envelope *e)
{
	if (e)
		edgeprof__v1__envelope__free_unpacked(e, NULL);
}

static void pending_clear(struct pending_snapshot *p)
{
	for (uint32_t i = 0; p->chunks && i < p->count; i++)
		envelope_free(p->chunks[i]);
	free(p->chunks);
	*p = (struct pending_snapshot){ 0 };
}

/* Drops the first n, which are the oldest. */
static void pending_drop(struct assembly *a, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (a->pending[i].chunks)
			a->stats.incomplete++;
		pending_clear(&a->pending[i]);
	}
	memmove(a->pending, a->pending + n, (ASSEMBLY_PENDING_MAX - n) * sizeof(a->pending[0]));
	memset(a->pending + ASSEMBLY_PENDING_MAX - n, 0, n * sizeof(a->pending[0]));
}

void assembly_clear(struct assembly *a)
{
	for (size_t i = 0; i < ASSEMBLY_PENDING_MAX; i++)
		pending_clear(&a->pending[i]);
}

static void follow_agent(struct assembly *a, const Edgeprof__V1__Envelope *e)
{
	bool same = a->known && e->agent_id == a->agent_id &&
		    !strncmp(e->boot_id, a->boot_id, sizeof(a->boot_id) - 1);

	if (same)
		return;
	if (a->known)
		a->stats.restarts++;
	pending_drop(a, ASSEMBLY_PENDING_MAX);
	a->known = true;
	a->agent_id = e->agent_id;
	strncpy(a->boot_id, e->boot_id, sizeof(a->boot_id) - 1);
	a->sequence = e->sequence ? e->sequence - 1 : 0;
	a->number = 0;
}

/* A message that comes late was counted as lost when its successor came. */
static void follow_sequence(struct assembly *a, uint64_t sequence)
{
	if (sequence > a->sequence) {
		a->stats.lost += sequence - a->sequence - 1;
		a->sequence = sequence;
	} else if (a->stats.lost) {
		a->stats.lost--;
	}
}

static struct pending_snapshot *pending_find(struct assembly *a, uint64_t number)
{
	for (size_t i = 0; i < ASSEMBLY_PENDING_MAX; i++)
		if (a->pending[i].chunks && a->pending[i].number == number)
			return &a->pending[i];
	return NULL;
}

/* A place for a snapshot not seen before; the array stays sorted by number. */
static struct pending_snapshot *pending_insert(struct assembly *a, uint64_t number, uint32_t count)
{
	Edgeprof__V1__Envelope **chunks = calloc(count, sizeof(*chunks));
	size_t at = 0;

	if (!chunks)
		return NULL;
	if (a->pending[ASSEMBLY_PENDING_MAX - 1].chunks)
		pending_drop(a, 1);
	while (a->pending[at].chunks && a->pending[at].number < number)
		at++;
	memmove(a->pending + at + 1, a->pending + at,
		(ASSEMBLY_PENDING_MAX - 1 - at) * sizeof(a->pending[0]));
	a->pending[at] = (struct pending_snapshot){ .number = number, .count = count, .chunks = chunks };
	return &a->pending[at];
}

/* Moves the containers of all chunks into the first. */
static int merge(struct pending_snapshot *p)
{
	Edgeprof__V1__Envelope *first = p->chunks[0];
	Edgeprof__V1__Snapshot *into = first->snapshot;
	Edgeprof__V1__Container **grown;

	grown = realloc(into->containers, (p->n_containers + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	into->containers = grown;
	for (uint32_t i = 1; i < p->count; i++) {
		Edgeprof__V1__Snapshot *from = p->chunks[i]->snapshot;

		if (from->n_containers)
			memcpy(into->containers + into->n_containers, from->containers,
			       from->n_containers * sizeof(*grown));
		into->n_containers += from->n_containers;
		from->n_containers = 0;
		first->published_mono_ns = p->chunks[i]->published_mono_ns;
		first->sequence = p->chunks[i]->sequence;
	}
	first->chunk_count = 1;
	return 0;
}

/* Hands out the whole snapshot and gives up all that are older. */
static int deliver(struct assembly *a, struct pending_snapshot *p, Edgeprof__V1__Envelope **ret)
{
	size_t at = (size_t)(p - a->pending);
	int r = merge(p);

	a->number = p->number;
	if (r >= 0) {
		*ret = p->chunks[0];
		p->chunks[0] = NULL;
	} else {
		a->stats.incomplete++;
	}
	pending_clear(p);
	pending_drop(a, at + 1);
	return r < 0 ? r : 1;
}

static int deliver_single(struct assembly *a, Edgeprof__V1__Envelope *e, Edgeprof__V1__Envelope **ret)
{
	size_t older = 0;

	while (older < ASSEMBLY_PENDING_MAX && a->pending[older].chunks &&
	       a->pending[older].number < e->snapshot_number)
		older++;
	pending_drop(a, older);
	a->number = e->snapshot_number;
	*ret = e;
	return 1;
}

static bool fits(const struct pending_snapshot *p, const Edgeprof__V1__Envelope *e, size_t size)
{
	return p->count == e->chunk_count && !p->chunks[e->chunk_index] &&
	       p->bytes + size <= ASSEMBLY_BYTES_MAX &&
	       p->n_containers + e->snapshot->n_containers <= WIRE_CONTAINERS_MAX;
}

/* Takes over `e`. */
static int add_chunk(struct assembly *a, Edgeprof__V1__Envelope *e, size_t size, Edgeprof__V1__Envelope **ret)
{
	struct pending_snapshot *p = pending_find(a, e->snapshot_number);

	if (!p)
		p = pending_insert(a, e->snapshot_number, e->chunk_count);
	if (!p) {
		a->stats.incomplete++;
		envelope_free(e);
		return -ENOMEM;
	}
	if (!fits(p, e, size)) {
		a->stats.malformed++;
		envelope_free(e);
		return 0;
	}
	p->chunks[e->chunk_index] = e;
	p->bytes += size;
	p->n_containers += e->snapshot->n_containers;
	return ++p->received < p->count ? 0 : deliver(a, p, ret);
}

static bool is_duplicate(struct assembly *a, const Edgeprof__V1__Envelope *e)
{
	const struct pending_snapshot *p = pending_find(a, e->snapshot_number);

	if (e->sequence > a->sequence)
		return false;
	if (a->number >= e->snapshot_number)
		return true;
	return p && e->chunk_index < p->count && p->chunks[e->chunk_index];
}

int assembly_add(struct assembly *a, const void *message, size_t size, Edgeprof__V1__Envelope **ret)
{
	Edgeprof__V1__Envelope *e;
	int r = wire_parse(message, size, &e);

	if (r < 0) {
		a->stats.malformed++;
		return 0;
	}
	a->stats.messages++;
	a->stats.bytes += size;
	follow_agent(a, e);
	if (is_duplicate(a, e)) {
		envelope_free(e);
		return 0;
	}
	follow_sequence(a, e->sequence);
	if (e->chunk_count == 1)
		return deliver_single(a, e, ret);
	return add_chunk(a, e, size, ret);
}
