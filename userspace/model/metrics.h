/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The figures of one container or cgroup, each present or absent.
 * Rows, units and kernel sources: include/edgeprof/metrics.def.
 */
#ifndef EP_MODEL_METRICS_H
#define EP_MODEL_METRICS_H

#include <edgeprof/abi.h>
#include <stdbool.h>
#include <stdint.h>

enum metric_id {
#define EP_METRIC(name, kind, merge, unit, help) METRIC_##name,
#include <edgeprof/metrics.def>
	METRIC_COUNT
};
enum histogram_id {
#define EP_HISTOGRAM(name, help) HISTOGRAM_##name,
#include <edgeprof/metrics.def>
	HISTOGRAM_COUNT
};
enum rate_id {
#define EP_RATE(name, unit, help) RATE_##name,
#include <edgeprof/metrics.def>
	RATE_COUNT
};
_Static_assert(METRIC_COUNT + HISTOGRAM_COUNT <= 64, "presence fits one word");

enum metric_kind { METRIC_KIND_COUNTER, METRIC_KIND_GAUGE };
enum metric_merge { METRIC_MERGE_SUM, METRIC_MERGE_MAX };

struct metric_row {
	const char *name, *unit, *help;
	enum metric_kind kind;
	enum metric_merge merge;
};
extern const struct metric_row metric_rows[METRIC_COUNT];
extern const char *const histogram_names[HISTOGRAM_COUNT];
extern const char *const rate_names[RATE_COUNT];

struct metrics {
	uint64_t present; /* bit METRIC_x, then bit METRIC_COUNT + HISTOGRAM_x */
	uint64_t value[METRIC_COUNT];
	uint64_t histogram[HISTOGRAM_COUNT][EP_HIST_BUCKETS];
};

struct rates {
	uint64_t present; /* bit RATE_x */
	double value[RATE_COUNT];
};

static inline bool metrics_has(const struct metrics *m, enum metric_id id)
{
	return m->present >> id & 1;
}
static inline void metrics_set(struct metrics *m, enum metric_id id, uint64_t value)
{
	m->value[id] = value;
	m->present |= 1ull << id;
}
static inline bool metrics_has_histogram(const struct metrics *m, enum histogram_id id)
{
	return m->present >> (METRIC_COUNT + id) & 1;
}
static inline void metrics_mark_histogram(struct metrics *m, enum histogram_id id)
{
	m->present |= 1ull << (METRIC_COUNT + id);
}
static inline bool rates_has(const struct rates *r, enum rate_id id)
{
	return r->present >> id & 1;
}
static inline void rates_set(struct rates *r, enum rate_id id, double value)
{
	r->value[id] = value;
	r->present |= 1ull << id;
}

/* Adds `from` to `into` by each metric's merge rule; a figure that one side
 * lacks is taken from the other. */
void metrics_merge(struct metrics *into, const struct metrics *from);

/* Upper bound in ns of the bucket that holds the quantile q (0..1) of the
 * counts; 0 when the histogram is empty. UINT64_MAX for the open last bucket. */
uint64_t histogram_quantile_ns(const uint64_t counts[EP_HIST_BUCKETS], double q);
/* Upper bound of bucket i in ns, exclusive; UINT64_MAX for the last. */
uint64_t histogram_bound_ns(unsigned i);

#endif
