/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/encode.h"

#include "base/clock.h"
#include "wire/message.h"
#include "wire/topic.h"

/* Tag and length in front of a container, and what the header may still grow by
 * after it was measured (clock, chunk numbers, length of the snapshot). */
#define CONTAINER_FRAME_SIZE 8
#define HEADER_SLACK_SIZE 128
#define OWN_LOSSES 2

struct wire_encoder {
	uint64_t agent_id, sequence;
	uint64_t labels_dropped, containers_dropped;
	struct wire_texts texts;
	struct wire_label_pool labels;
	struct wire_blame_pool blames;
	struct wire_container *containers;
	Edgeprof__V1__Container **container_pointers;
	size_t containers_capacity;
	size_t chunk_end[WIRE_CHUNKS_MAX]; /* first container after each chunk */
	uint32_t chunk_count;
	Edgeprof__V1__Envelope envelope;
	Edgeprof__V1__Snapshot snapshot;
	Edgeprof__V1__Node node;
	struct wire_self self;
	Edgeprof__V1__Loss losses[SNAPSHOT_LOSSES_MAX + OWN_LOSSES];
	Edgeprof__V1__Loss *loss_pointers[SNAPSHOT_LOSSES_MAX + OWN_LOSSES];
	uint8_t message[WIRE_MESSAGE_MAX];
};

int wire_encoder_open(uint64_t agent_id, struct wire_encoder **ret)
{
	struct wire_encoder *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->agent_id = agent_id;
	memcpy(e->message, WIRE_TOPIC, WIRE_TOPIC_SIZE);
	*ret = e;
	return 0;
}

void wire_encoder_close(struct wire_encoder *e)
{
	if (!e)
		return;
	wire_texts_free(&e->texts);
	free(e->labels.items);
	free(e->labels.pointers);
	free(e->blames.items);
	free(e->blames.pointers);
	free(e->containers);
	free(e->container_pointers);
	free(e);
}

/* Grows an array of items and the array of pointers to them. Messages point
 * into both, so this comes before any message is filled. */
static int grow(size_t need, size_t item_size, void **items, void **pointers, size_t *capacity)
{
	size_t wanted = need + need / 4 + 16;
	void *a, *b;

	if (need <= *capacity)
		return 0;
	a = reallocarray(*items, wanted, item_size);
	if (!a)
		return -ENOMEM;
	*items = a;
	b = reallocarray(*pointers, wanted, sizeof(void *));
	if (!b)
		return -ENOMEM;
	*pointers = b;
	*capacity = wanted;
	return 0;
}

static int make_room(struct wire_encoder *e, const struct snapshot *s, size_t n)
{
	size_t n_labels = 0, n_blames = 0;
	int r;

	for (size_t i = 0; i < n; i++) {
		n_labels += s->containers[i].identity ? s->containers[i].identity->n_labels : 0;
		n_blames += s->containers[i].n_blames;
	}
	r = grow(n, sizeof(*e->containers), (void **)&e->containers, (void **)&e->container_pointers,
		 &e->containers_capacity);
	if (r < 0)
		return r;
	r = grow(n_labels, sizeof(*e->labels.items), (void **)&e->labels.items, (void **)&e->labels.pointers,
		 &e->labels.capacity);
	if (r < 0)
		return r;
	return grow(n_blames, sizeof(*e->blames.items), (void **)&e->blames.items,
		    (void **)&e->blames.pointers, &e->blames.capacity);
}

static void add_loss(struct wire_encoder *e, const char *kind, uint64_t count)
{
	Edgeprof__V1__Loss *loss = &e->losses[e->envelope.n_losses];

	*loss = (Edgeprof__V1__Loss)EDGEPROF__V1__LOSS__INIT;
	loss->kind = wire_text(&e->texts, kind);
	WIRE_SET(loss, count, count);
	e->loss_pointers[e->envelope.n_losses++] = loss;
}

static void fill_losses(struct wire_encoder *e, const struct self_snapshot *self)
{
	e->envelope.n_losses = 0;
	e->envelope.losses = e->loss_pointers;
	for (size_t i = 0; i < self->n_losses; i++)
		add_loss(e, self->losses[i].kind, self->losses[i].count);
	if (e->labels_dropped)
		add_loss(e, "wire_labels", e->labels_dropped);
	if (e->containers_dropped)
		add_loss(e, "wire_containers", e->containers_dropped);
}

static void fill_header(struct wire_encoder *e, const struct snapshot *s)
{
	Edgeprof__V1__Envelope *m = &e->envelope;

	*m = (Edgeprof__V1__Envelope)EDGEPROF__V1__ENVELOPE__INIT;
	WIRE_SET(m, schema, WIRE_SCHEMA);
	m->node = wire_text(&e->texts, s->node.name);
	m->boot_id = wire_text(&e->texts, s->node.boot_id);
	WIRE_SET(m, agent_id, e->agent_id);
	WIRE_SET(m, sequence, e->sequence);
	WIRE_SET(m, mono_ns, s->mono_ns);
	WIRE_SET(m, real_ns, s->real_ns);
	WIRE_SET(m, published_mono_ns, clock_mono_ns());
	WIRE_SET(m, snapshot_number, s->number);
	WIRE_SET(m, chunk_index, 0);
	WIRE_SET(m, chunk_count, 1);
	m->body_case = EDGEPROF__V1__ENVELOPE__BODY_SNAPSHOT;
	m->snapshot = &e->snapshot;
	e->snapshot = (Edgeprof__V1__Snapshot)EDGEPROF__V1__SNAPSHOT__INIT;
	WIRE_SET(&e->snapshot, interval_ns, s->interval_ns);
	wire_fill_node(&s->node, &e->texts, &e->node);
	wire_fill_self(&s->self, &e->texts, &e->self);
	e->snapshot.node = &e->node;
	e->snapshot.self = &e->self.self;
	fill_losses(e, &s->self);
}

/* Bytes that containers may take of a message of `size`; all chunks allow for
 * the header of the first. */
static size_t container_budget(const struct wire_encoder *e, size_t size)
{
	return size - WIRE_TOPIC_SIZE - HEADER_SLACK_SIZE -
	       edgeprof__v1__envelope__get_packed_size(&e->envelope);
}

static size_t container_size(struct wire_encoder *e, Edgeprof__V1__Container *c, size_t budget)
{
	size_t size = edgeprof__v1__container__get_packed_size(c) + CONTAINER_FRAME_SIZE;

	if (size <= budget)
		return size;
	e->labels_dropped += c->n_labels;
	c->n_labels = 0;
	return edgeprof__v1__container__get_packed_size(c) + CONTAINER_FRAME_SIZE;
}

static void plan_chunks(struct wire_encoder *e, size_t n_containers)
{
	size_t budget = container_budget(e, WIRE_MESSAGE_MAX);
	size_t target = container_budget(e, WIRE_CHUNK_TARGET), used = 0;

	e->chunk_count = 0;
	for (size_t i = 0; i < n_containers; i++) {
		size_t size = container_size(e, &e->containers[i].container, budget);

		if (used && used + size > target) {
			e->chunk_end[e->chunk_count++] = i;
			used = 0;
			if (e->chunk_count == WIRE_CHUNKS_MAX) {
				e->containers_dropped += n_containers - i;
				return;
			}
		}
		used += size;
	}
	e->chunk_end[e->chunk_count++] = n_containers;
}

static int emit_chunk(struct wire_encoder *e, uint32_t index, wire_emit emit, void *data)
{
	size_t first = index ? e->chunk_end[index - 1] : 0, size;

	e->snapshot.containers = e->container_pointers + first;
	e->snapshot.n_containers = e->chunk_end[index] - first;
	e->snapshot.node = index ? NULL : &e->node;
	e->snapshot.self = index ? NULL : &e->self.self;
	WIRE_SET(&e->envelope, chunk_index, index);
	WIRE_SET(&e->envelope, chunk_count, e->chunk_count);
	WIRE_SET(&e->envelope, sequence, ++e->sequence);
	WIRE_SET(&e->envelope, published_mono_ns, clock_mono_ns());
	/* The plan keeps to the limit; overrunning the buffer is not a risk to take on its word. */
	size = edgeprof__v1__envelope__get_packed_size(&e->envelope);
	if (size > WIRE_MESSAGE_MAX - WIRE_TOPIC_SIZE)
		return -EMSGSIZE;
	size = edgeprof__v1__envelope__pack(&e->envelope, e->message + WIRE_TOPIC_SIZE);
	return emit(data, e->message, size + WIRE_TOPIC_SIZE, index + 1 < e->chunk_count);
}

static int fill(struct wire_encoder *e, const struct snapshot *s, size_t n_containers)
{
	int r = make_room(e, s, n_containers);

	if (r < 0)
		return r;
	wire_texts_clear(&e->texts);
	e->labels.n = e->blames.n = 0;
	for (size_t i = 0; i < n_containers; i++) {
		wire_fill_container(&s->containers[i], &e->texts, &e->labels, &e->blames, &e->containers[i]);
		e->container_pointers[i] = &e->containers[i].container;
	}
	fill_header(e, s);
	plan_chunks(e, n_containers);
	fill_losses(e, &s->self);
	return e->texts.failed ? -ENOMEM : 0;
}

int wire_encode(struct wire_encoder *e, const struct snapshot *s, wire_emit emit, void *data)
{
	size_t n = s->n_containers < WIRE_CONTAINERS_MAX ? s->n_containers : WIRE_CONTAINERS_MAX;
	int r;

	e->containers_dropped += s->n_containers - n;
	r = fill(e, s, n);
	for (uint32_t i = 0; r >= 0 && i < e->chunk_count; i++)
		r = emit_chunk(e, i, emit, data);
	return r < 0 ? r : 0;
}
