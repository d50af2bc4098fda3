/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/metrics.h"

#include "base/cleanup.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static uint64_t seed = 88172645463325252ull;

static uint64_t random_u64(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	return seed ^= seed << 17;
}

/* Figures of every size, near the top of 64 bits too; each absent now and then. */
static struct metrics random_metrics(void)
{
	struct metrics m;

	memset(&m, 0, sizeof(m));
	for (enum metric_id id = 0; id < METRIC_COUNT; id++)
		if (random_u64() % 4)
			metrics_set(&m, id, random_u64() >> random_u64() % 64);
	for (enum histogram_id id = 0; id < HISTOGRAM_COUNT; id++) {
		if (random_u64() % 4 == 0)
			continue;
		metrics_mark_histogram(&m, id);
		for (unsigned i = 0; i < EP_HIST_BUCKETS; i++)
			m.histogram[id][i] = random_u64() >> random_u64() % 64;
	}
	return m;
}

static void rows_are_complete(void **state)
{
	for (enum metric_id id = 0; id < METRIC_COUNT; id++) {
		const struct metric_row *row = &metric_rows[id];

		assert_true(row->name && *row->name && row->unit && *row->unit && row->help && *row->help);
		for (enum metric_id other = 0; other < id; other++)
			assert_string_not_equal(row->name, metric_rows[other].name);
	}
	for (enum histogram_id id = 0; id < HISTOGRAM_COUNT; id++)
		assert_non_null(histogram_names[id]);
	for (enum rate_id id = 0; id < RATE_COUNT; id++)
		assert_non_null(rate_names[id]);
	assert_string_equal(metric_rows[METRIC_cpu_time_ns].name, "cpu_time_ns");
	assert_int_equal(metric_rows[METRIC_cpu_time_ns].kind, METRIC_KIND_COUNTER);
	assert_int_equal(metric_rows[METRIC_cpu_limit_millicores].merge, METRIC_MERGE_MAX);
}

/* A unit in the name is the unit in the row. */
static void names_tell_their_unit(void **state)
{
	for (enum metric_id id = 0; id < METRIC_COUNT; id++) {
		const char *name = metric_rows[id].name, *end = strrchr(name, '_');

		if (end && !strcmp(end, "_ns"))
			assert_string_equal(metric_rows[id].unit, "ns");
		if (end && !strcmp(end, "_bytes"))
			assert_string_equal(metric_rows[id].unit, "bytes");
	}
}

static void merge_by_rule(void **state)
{
	struct metrics a = { 0 }, b = { 0 };

	metrics_set(&a, METRIC_forks, 3);
	metrics_set(&b, METRIC_forks, 4);
	metrics_set(&a, METRIC_memory_usage_bytes, 3);
	metrics_set(&b, METRIC_memory_usage_bytes, 4);
	metrics_set(&a, METRIC_execs, 5);
	metrics_set(&b, METRIC_exits, 6);
	metrics_set(&a, METRIC_wakeups, UINT64_MAX);
	metrics_set(&b, METRIC_wakeups, 1);
	b.histogram[0][3] = 9;
	metrics_mark_histogram(&b, 0);
	a.histogram[0][3] = 1000; /* not marked: not there */
	metrics_merge(&a, &b);
	assert_int_equal(a.value[METRIC_forks], 7);
	assert_int_equal(a.value[METRIC_memory_usage_bytes], 4);
	assert_int_equal(a.value[METRIC_execs], 5);
	assert_int_equal(a.value[METRIC_exits], 6);
	assert_int_equal(a.value[METRIC_wakeups], UINT64_MAX);
	assert_int_equal(a.histogram[0][3], 9);
	assert_false(metrics_has(&a, METRIC_tasks));
	metrics_merge(&a, &b);
	assert_int_equal(a.histogram[0][3], 18);
}

static struct metrics merged(struct metrics a, const struct metrics *b)
{
	metrics_merge(&a, b);
	return a;
}

static void merge_in_any_order(void **state)
{
	const struct metrics none = { 0 };

	for (int i = 0; i < 2000; i++) {
		struct metrics a = random_metrics(), b = random_metrics(), c = random_metrics();
		struct metrics ab = merged(a, &b), ba = merged(b, &a), bc = merged(b, &c);
		struct metrics left = merged(ab, &c), right = merged(a, &bc), same = merged(a, &none);

		assert_memory_equal(&ab, &ba, sizeof(ab));
		assert_memory_equal(&left, &right, sizeof(left));
		assert_memory_equal(&same, &a, sizeof(a));
		assert_int_equal(left.present, a.present | b.present | c.present);
	}
}

static void bounds(void **state)
{
	assert_int_equal(histogram_bound_ns(0), 1024);
	assert_int_equal(histogram_bound_ns(1), 2048);
	assert_int_equal(histogram_bound_ns(EP_HIST_BUCKETS - 2), 1ull << 32);
	assert_int_equal(histogram_bound_ns(EP_HIST_BUCKETS - 1), UINT64_MAX);
	assert_int_equal(histogram_bound_ns(1000), UINT64_MAX);
}

static void quantiles(void **state)
{
	uint64_t h[EP_HIST_BUCKETS] = { 0 };

	assert_int_equal(histogram_quantile_ns(h, 0.5), 0);
	h[2] = 1;
	assert_int_equal(histogram_quantile_ns(h, 0), 4096);
	assert_int_equal(histogram_quantile_ns(h, 0.5), 4096);
	assert_int_equal(histogram_quantile_ns(h, 1), 4096);
	h[5] = 1;
	assert_int_equal(histogram_quantile_ns(h, 0.5), 4096);
	assert_int_equal(histogram_quantile_ns(h, 0.51), 32768);
	h[2] = 99;
	assert_int_equal(histogram_quantile_ns(h, 0.99), 4096);
	assert_int_equal(histogram_quantile_ns(h, 0.991), 32768);
	h[EP_HIST_BUCKETS - 1] = 1000;
	assert_int_equal(histogram_quantile_ns(h, 0.99), UINT64_MAX);
	assert_int_equal(histogram_quantile_ns(h, (double)NAN), 4096);
	assert_int_equal(histogram_quantile_ns(h, -5), 4096);
	assert_int_equal(histogram_quantile_ns(h, 5), UINT64_MAX);
}

/* Against the plain definition: at least q of the events are below the bound,
 * and fewer are below the bound before. */
static void quantiles_of_anything(void **state)
{
	for (int round = 0; round < 5000; round++) {
		uint64_t h[EP_HIST_BUCKETS], total = 0, before = 0, last = 0;

		for (unsigned i = 0; i < EP_HIST_BUCKETS; i++)
			total += h[i] = random_u64() % 3 ? random_u64() % 1000 : 0;
		for (double q = 0; q <= 1; q += 0.125) { /* exact in binary */
			uint64_t ns = histogram_quantile_ns(h, q);
			unsigned i = 0;

			assert_true(ns >= last);
			last = ns;
			for (before = 0; histogram_bound_ns(i) < ns; i++)
				before += h[i];
			if (!total)
				continue;
			assert_true((double)(before + h[i]) >= q * (double)total);
			assert_true(before == 0 || (double)before < q * (double)total);
			assert_true(h[i] > 0);
		}
	}
}

static void quantile_of_full_counters(void **state)
{
	uint64_t h[EP_HIST_BUCKETS];

	memset(h, 0xff, sizeof(h));
	assert_int_equal(histogram_quantile_ns(h, 0.99), 1024);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_complete),
		cmocka_unit_test(names_tell_their_unit),
		cmocka_unit_test(merge_by_rule),
		cmocka_unit_test(merge_in_any_order),
		cmocka_unit_test(bounds),
		cmocka_unit_test(quantiles),
		cmocka_unit_test(quantiles_of_anything),
		cmocka_unit_test(quantile_of_full_counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
