/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/derive.h"

#include <stddef.h>

struct readings {
	const struct metrics *before, *now;
	uint64_t interval_ns;
};

uint64_t derive_delta(uint64_t before, uint64_t now)
{
	return now >= before ? now - before : now;
}

uint64_t derive_offcpu_ns(uint64_t acc_sum_ns, uint64_t tasks_sum, uint64_t now_ns)
{
	uint64_t sum = acc_sum_ns + tasks_sum * now_ns;

	return (int64_t)sum < 0 ? 0 : sum;
}

static bool both_have(const struct readings *r, enum metric_id id)
{
	return metrics_has(r->before, id) && metrics_has(r->now, id);
}

static uint64_t delta_of(const struct readings *r, enum metric_id id)
{
	return derive_delta(r->before->value[id], r->now->value[id]);
}

/* Per second for counts and bytes (per_ns 1e9), per ns for times (per_ns 1). */
static void set_rate(const struct readings *r, enum metric_id from, enum rate_id id, double per_ns,
		     struct rates *ret)
{
	if (both_have(r, from))
		rates_set(ret, id, (double)delta_of(r, from) * per_ns / (double)r->interval_ns);
}

static void set_switches(const struct readings *r, struct rates *ret)
{
	double count;

	if (!both_have(r, METRIC_switches_voluntary) || !both_have(r, METRIC_switches_involuntary))
		return;
	count = (double)delta_of(r, METRIC_switches_voluntary) +
		(double)delta_of(r, METRIC_switches_involuntary);
	rates_set(ret, RATE_switches_per_second, count * 1e9 / (double)r->interval_ns);
}

static bool went_backwards(const struct readings *r, enum metric_id id)
{
	return r->now->value[id] < r->before->value[id];
}

static void set_throttled(const struct readings *r, struct rates *ret)
{
	const enum metric_id all = METRIC_cpu_periods, some = METRIC_cpu_throttled_periods;
	uint64_t periods, throttled;
	bool restarted;

	if (!both_have(r, all) || !both_have(r, some))
		return;
	/* They live in one file: when one was restarted, so was the other. */
	restarted = went_backwards(r, all) || went_backwards(r, some);
	periods = r->now->value[all] - (restarted ? 0 : r->before->value[all]);
	throttled = r->now->value[some] - (restarted ? 0 : r->before->value[some]);
	if (!periods)
		return;
	rates_set(ret, RATE_cpu_throttled_ratio,
		  throttled >= periods ? 1.0 : (double)throttled / (double)periods);
}

static void histogram_delta(const uint64_t before[EP_HIST_BUCKETS], const uint64_t now[EP_HIST_BUCKETS],
			    uint64_t ret[EP_HIST_BUCKETS])
{
	bool restarted = false;

	for (unsigned i = 0; i < EP_HIST_BUCKETS; i++)
		restarted |= now[i] < before[i];
	for (unsigned i = 0; i < EP_HIST_BUCKETS; i++)
		ret[i] = now[i] - (restarted ? 0 : before[i]);
}

static void set_quantile(const uint64_t counts[EP_HIST_BUCKETS], double q, enum rate_id id, struct rates *ret)
{
	uint64_t ns = histogram_quantile_ns(counts, q);

	if (!ns)
		return;
	if (ns == UINT64_MAX)
		ns = histogram_bound_ns(EP_HIST_BUCKETS - 2);
	rates_set(ret, id, (double)ns);
}

static void set_quantiles(const struct readings *r, struct rates *ret)
{
	const enum histogram_id id = HISTOGRAM_run_queue_wait_hist;
	uint64_t counts[EP_HIST_BUCKETS];

	if (!metrics_has_histogram(r->before, id) || !metrics_has_histogram(r->now, id))
		return;
	histogram_delta(r->before->histogram[id], r->now->histogram[id], counts);
	set_quantile(counts, 0.50, RATE_run_queue_wait_p50_ns, ret);
	set_quantile(counts, 0.99, RATE_run_queue_wait_p99_ns, ret);
}

void derive_rates(const struct metrics *before, const struct metrics *now, uint64_t interval_ns,
		  struct rates *ret)
{
	const struct readings r = { before, now, interval_ns };

	*ret = (struct rates){ 0 };
	if (!before || !interval_ns)
		return;
	set_rate(&r, METRIC_cpu_time_ns, RATE_cpu_cores, 1, ret);
	set_rate(&r, METRIC_run_queue_wait_ns, RATE_run_queue_wait_cores, 1, ret);
	set_rate(&r, METRIC_faults_major, RATE_faults_major_per_second, 1e9, ret);
	set_rate(&r, METRIC_io_read_bytes, RATE_io_read_bytes_per_second, 1e9, ret);
	set_rate(&r, METRIC_io_write_bytes, RATE_io_write_bytes_per_second, 1e9, ret);
	set_switches(&r, ret);
	set_throttled(&r, ret);
	set_quantiles(&r, ret);
}
