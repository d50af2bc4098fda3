/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/blames.h"

void blames_begin(struct container *c)
{
	for (size_t i = 0; i < c->n_blames; i++)
		c->blames[i].interval_wait_ns = 0;
}

static struct container_blame *find(struct container *c, uint64_t aggressor_key)
{
	for (size_t i = 0; i < c->n_blames; i++)
		if (c->blames[i].aggressor_key == aggressor_key)
			return &c->blames[i];
	return NULL;
}

/* The place of the aggressor that cost least, of those that cost nothing now. */
static struct container_blame *evict(struct container *c, uint64_t aggressor_key)
{
	struct container_blame *least = NULL;

	for (size_t i = 0; i < c->n_blames; i++) {
		struct container_blame *b = &c->blames[i];

		if (!b->interval_wait_ns && (!least || b->wait_ns < least->wait_ns))
			least = b;
	}
	if (least) {
		c->blames_dropped++;
		*least = (struct container_blame){ .aggressor_key = aggressor_key };
	}
	return least;
}

/* NULL when all places are taken by aggressors of this interval, or memory is short. */
static struct container_blame *append(struct container *c, uint64_t aggressor_key)
{
	if (c->n_blames == CONTAINER_BLAMES_MAX)
		return evict(c, aggressor_key);
	if (c->n_blames == c->blames_capacity) {
		size_t capacity = c->blames_capacity ? c->blames_capacity * 2 : 4;
		void *grown = realloc(c->blames, capacity * sizeof(*c->blames));

		if (!grown)
			return NULL;
		c->blames = grown;
		c->blames_capacity = capacity;
	}
	c->blames[c->n_blames] = (struct container_blame){ .aggressor_key = aggressor_key };
	return &c->blames[c->n_blames++];
}

void blames_add(struct container *c, uint64_t aggressor_key, uint64_t wait_ns, uint64_t count)
{
	struct container_blame *blame = find(c, aggressor_key);

	if (!blame)
		blame = append(c, aggressor_key);
	if (!blame) {
		c->blames_dropped++;
		return;
	}
	blame->wait_ns += wait_ns;
	blame->interval_wait_ns += wait_ns;
	blame->count += count;
}

static bool larger(const struct container_blame *a, const struct blame *b)
{
	if (a->interval_wait_ns != b->interval_wait_ns)
		return a->interval_wait_ns > b->interval_wait_ns;
	return a->wait_ns > b->wait_ns;
}

void blames_report(const struct container *c, struct container_snapshot *into)
{
	into->n_blames = 0;
	into->blames_dropped = c->blames_dropped;
	for (size_t i = 0; i < c->n_blames; i++) {
		const struct container_blame *from = &c->blames[i];
		size_t at = into->n_blames;

		while (at > 0 && larger(from, &into->blames[at - 1]))
			at--;
		if (into->n_blames < SNAPSHOT_BLAMES_MAX)
			into->n_blames++;
		if (at == SNAPSHOT_BLAMES_MAX)
			continue;
		for (size_t j = into->n_blames - 1; j > at; j--)
			into->blames[j] = into->blames[j - 1];
		into->blames[at] = (struct blame){
			.aggressor_key = from->aggressor_key,
			.wait_ns = from->wait_ns,
			.count = from->count,
			.interval_wait_ns = from->interval_wait_ns,
		};
	}
}
