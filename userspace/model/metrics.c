/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/metrics.h"

const struct metric_row metric_rows[METRIC_COUNT] = {
#define EP_METRIC(name_, kind_, merge_, unit_, help_)                                                        \
	[METRIC_##name_] = {                                                                                 \
		.name = #name_,                                                                              \
		.unit = unit_,                                                                               \
		.help = help_,                                                                               \
		.kind = METRIC_KIND_##kind_,                                                                 \
		.merge = METRIC_MERGE_##merge_,                                                              \
	},
#include <edgeprof/metrics.def>
};

const char *const histogram_names[HISTOGRAM_COUNT] = {
#define EP_HISTOGRAM(name, help) [HISTOGRAM_##name] = #name,
#include <edgeprof/metrics.def>
};

const char *const rate_names[RATE_COUNT] = {
#define EP_RATE(name, unit, help) [RATE_##name] = #name,
#include <edgeprof/metrics.def>
};

/* Saturates, so that adding stays associative whatever the figures are. */
static uint64_t add_saturated(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static uint64_t merged_value(enum metric_merge merge, uint64_t a, uint64_t b)
{
	if (merge == METRIC_MERGE_MAX)
		return a > b ? a : b;
	return add_saturated(a, b);
}

static void merge_histogram(struct metrics *into, const struct metrics *from, enum histogram_id id)
{
	bool both = metrics_has_histogram(into, id);

	for (unsigned i = 0; i < EP_HIST_BUCKETS; i++)
		into->histogram[id][i] = both ? add_saturated(into->histogram[id][i], from->histogram[id][i])
					      : from->histogram[id][i];
	metrics_mark_histogram(into, id);
}

void metrics_merge(struct metrics *into, const struct metrics *from)
{
	for (enum metric_id id = 0; id < METRIC_COUNT; id++) {
		if (!metrics_has(from, id))
			continue;
		if (metrics_has(into, id))
			into->value[id] =
				merged_value(metric_rows[id].merge, into->value[id], from->value[id]);
		else
			metrics_set(into, id, from->value[id]);
	}
	for (enum histogram_id id = 0; id < HISTOGRAM_COUNT; id++)
		if (metrics_has_histogram(from, id))
			merge_histogram(into, from, id);
}

uint64_t histogram_bound_ns(unsigned i)
{
	return i + 1 >= EP_HIST_BUCKETS ? UINT64_MAX : 1ull << (EP_HIST_FIRST_SHIFT + i);
}

/* The how-manieth of `total` events the quantile is: 1..total. */
static uint64_t quantile_rank(uint64_t total, double q)
{
	double exact = q * (double)total;
	uint64_t rank;

	if (!(exact > 1)) /* NaN too */
		return 1;
	if (exact >= (double)total)
		return total;
	rank = (uint64_t)exact;
	if ((double)rank < exact)
		rank++;
	return rank < total ? rank : total;
}

uint64_t histogram_quantile_ns(const uint64_t counts[EP_HIST_BUCKETS], double q)
{
	uint64_t total = 0, seen = 0, rank;

	for (unsigned i = 0; i < EP_HIST_BUCKETS; i++)
		total = add_saturated(total, counts[i]);
	if (!total)
		return 0;
	rank = quantile_rank(total, q);
	for (unsigned i = 0; i < EP_HIST_BUCKETS; i++) {
		seen = add_saturated(seen, counts[i]);
		if (seen >= rank)
			return histogram_bound_ns(i);
	}
	return UINT64_MAX;
}
