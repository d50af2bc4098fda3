/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/derive.h"

#include "base/cleanup.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define SECOND_NS 1000000000ull
#define WAITS HISTOGRAM_run_queue_wait_hist

static uint64_t seed = 0x9e3779b97f4a7c15ull;

static uint64_t random_u64(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	return seed ^= seed << 17;
}

static bool near(double a, double b)
{
	return fabs(a - b) <= 1e-9 * fmax(1, fmax(fabs(a), fabs(b)));
}

static struct metrics full(uint64_t value)
{
	struct metrics m = { 0 };

	for (enum metric_id id = 0; id < METRIC_COUNT; id++)
		metrics_set(&m, id, value);
	for (enum histogram_id id = 0; id < HISTOGRAM_COUNT; id++) {
		metrics_mark_histogram(&m, id);
		for (unsigned i = 0; i < EP_HIST_BUCKETS; i++)
			m.histogram[id][i] = value;
	}
	return m;
}

static void deltas(void **state)
{
	assert_int_equal(derive_delta(3, 10), 7);
	assert_int_equal(derive_delta(10, 10), 0);
	assert_int_equal(derive_delta(10, 4), 4); /* restarted */
	assert_int_equal(derive_delta(0, UINT64_MAX), UINT64_MAX);
	assert_int_equal(derive_delta(UINT64_MAX, 0), 0);
}

static void offcpu(void **state)
{
	/* slept from 100 to 300: left on one CPU (-100, +1), came back on another (+300, -1) */
	assert_int_equal(derive_offcpu_ns((uint64_t)-100, 1, 250), 150);
	assert_int_equal(derive_offcpu_ns((uint64_t)-100 + 300, 0, 9999), 200);
	assert_int_equal(derive_offcpu_ns(0, 0, 12345), 0);
	/* seen coming back but not leaving */
	assert_int_equal(derive_offcpu_ns(300, (uint64_t)-1, 400), 0);
	assert_int_equal(derive_offcpu_ns((uint64_t)-1, 0, 0), 0);
}

/* Many tasks that go and come at random: the accumulator is the sum of their times. */
static void offcpu_of_many(void **state)
{
	for (int round = 0; round < 1000; round++) {
		uint64_t acc = 0, tasks = 0, now = 10 * SECOND_NS, expected = 0, left[50];
		bool off[50] = { false };

		for (int i = 0; i < 500; i++) {
			size_t t = random_u64() % 50;

			now += random_u64() % 1000000;
			acc += off[t] ? now : -now;
			tasks += off[t] ? -1ull : 1;
			if (off[t])
				expected += now - left[t];
			left[t] = now;
			off[t] = !off[t];
		}
		now += random_u64() % 1000000;
		for (size_t t = 0; t < 50; t++)
			expected += off[t] ? now - left[t] : 0;
		assert_int_equal(derive_offcpu_ns(acc, tasks, now), expected);
	}
}

static void no_rates_at_first_sight(void **state)
{
	struct metrics now = full(5);
	struct rates r = { .present = ~0ull };

	derive_rates(NULL, &now, SECOND_NS, &r);
	assert_int_equal(r.present, 0);
	derive_rates(&now, &now, 0, &r);
	assert_int_equal(r.present, 0);
}

static void every_rate(void **state)
{
	struct metrics before = full(0), now = full(0);
	struct rates r;

	now.value[METRIC_cpu_time_ns] = 3 * SECOND_NS;
	now.value[METRIC_run_queue_wait_ns] = SECOND_NS / 2;
	now.value[METRIC_switches_voluntary] = 100;
	now.value[METRIC_switches_involuntary] = 20;
	now.value[METRIC_faults_major] = 8;
	now.value[METRIC_io_read_bytes] = 4096;
	now.value[METRIC_io_write_bytes] = 2048;
	now.value[METRIC_cpu_periods] = 20;
	now.value[METRIC_cpu_throttled_periods] = 5;
	now.histogram[WAITS][0] = 98;
	now.histogram[WAITS][4] = 2;
	derive_rates(&before, &now, 2 * SECOND_NS, &r);
	assert_int_equal(r.present, (1ull << RATE_COUNT) - 1);
	assert_true(near(r.value[RATE_cpu_cores], 1.5));
	assert_true(near(r.value[RATE_run_queue_wait_cores], 0.25));
	assert_true(near(r.value[RATE_switches_per_second], 60));
	assert_true(near(r.value[RATE_faults_major_per_second], 4));
	assert_true(near(r.value[RATE_io_read_bytes_per_second], 2048));
	assert_true(near(r.value[RATE_io_write_bytes_per_second], 1024));
	assert_true(near(r.value[RATE_cpu_throttled_ratio], 0.25));
	assert_true(near(r.value[RATE_run_queue_wait_p50_ns], 1024));
	assert_true(near(r.value[RATE_run_queue_wait_p99_ns], 16384));
}

static void quiet_interval(void **state)
{
	struct metrics m = full(1000);
	struct rates r;

	derive_rates(&m, &m, SECOND_NS, &r);
	assert_true(rates_has(&r, RATE_cpu_cores) && r.value[RATE_cpu_cores] == 0);
	assert_false(rates_has(&r, RATE_cpu_throttled_ratio));   /* no period elapsed */
	assert_false(rates_has(&r, RATE_run_queue_wait_p50_ns)); /* nothing waited */
	assert_false(rates_has(&r, RATE_run_queue_wait_p99_ns));
}

static void last_bucket_is_its_lower_bound(void **state)
{
	struct metrics before = full(0), now = full(0);
	struct rates r;

	now.histogram[WAITS][EP_HIST_BUCKETS - 1] = 1;
	derive_rates(&before, &now, SECOND_NS, &r);
	assert_true(near(r.value[RATE_run_queue_wait_p50_ns], 4294967296.0));
}

/* A rate needs its figures on both sides; the other rates do not mind. */
static void absent_on_either_side(void **state)
{
	static const struct {
		unsigned bit;
		uint64_t rates;
	} all[] = {
		{ METRIC_cpu_time_ns, 1 << RATE_cpu_cores },
		{ METRIC_run_queue_wait_ns, 1 << RATE_run_queue_wait_cores },
		{ METRIC_switches_voluntary, 1 << RATE_switches_per_second },
		{ METRIC_switches_involuntary, 1 << RATE_switches_per_second },
		{ METRIC_faults_major, 1 << RATE_faults_major_per_second },
		{ METRIC_io_read_bytes, 1 << RATE_io_read_bytes_per_second },
		{ METRIC_io_write_bytes, 1 << RATE_io_write_bytes_per_second },
		{ METRIC_cpu_periods, 1 << RATE_cpu_throttled_ratio },
		{ METRIC_cpu_throttled_periods, 1 << RATE_cpu_throttled_ratio },
		{ METRIC_COUNT + WAITS, 1 << RATE_run_queue_wait_p50_ns | 1 << RATE_run_queue_wait_p99_ns },
		{ METRIC_tasks, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		struct metrics before = full(1), now = full(2), less = full(0);
		struct rates r;

		less = before;
		less.present &= ~(1ull << all[i].bit);
		derive_rates(&less, &now, SECOND_NS, &r);
		assert_int_equal(r.present, ((1ull << RATE_COUNT) - 1) & ~all[i].rates);
		less = now;
		less.present &= ~(1ull << all[i].bit);
		derive_rates(&before, &less, SECOND_NS, &r);
		assert_int_equal(r.present, ((1ull << RATE_COUNT) - 1) & ~all[i].rates);
	}
}

static void restarted_counters(void **state)
{
	struct metrics before = full(1000), now = full(10);
	struct rates r;

	now.value[METRIC_cpu_throttled_periods] = 4;
	derive_rates(&before, &now, SECOND_NS, &r);
	assert_true(near(r.value[RATE_cpu_cores], 10e-9));
	assert_true(near(r.value[RATE_switches_per_second], 20));
	assert_true(near(r.value[RATE_cpu_throttled_ratio], 0.4));
	/* one of a pair passed the old value again: still both restarted */
	now.value[METRIC_cpu_periods] = 2000;
	derive_rates(&before, &now, SECOND_NS, &r);
	assert_true(near(r.value[RATE_cpu_throttled_ratio], 4.0 / 2000));
	/* one bucket fell: the buckets that grew did not do so in this interval alone */
	before = full(0);
	now = full(0);
	before.histogram[WAITS][0] = 100;
	before.histogram[WAITS][9] = 1;
	now.histogram[WAITS][0] = 5;
	now.histogram[WAITS][9] = 100;
	derive_rates(&before, &now, SECOND_NS, &r);
	assert_true(near(r.value[RATE_run_queue_wait_p50_ns], (double)histogram_bound_ns(9)));
}

static void throttled_ratio_stays_below_one(void **state)
{
	struct metrics before = full(0), now = full(0);
	struct rates r;

	now.value[METRIC_cpu_periods] = 1;
	now.value[METRIC_cpu_throttled_periods] = 3;
	derive_rates(&before, &now, SECOND_NS, &r);
	assert_true(near(r.value[RATE_cpu_throttled_ratio], 1));
}

static void grow(struct metrics *m)
{
	for (enum metric_id id = 0; id < METRIC_COUNT; id++)
		m->value[id] += random_u64() % (1ull << 40);
	m->value[METRIC_cpu_throttled_periods] = m->value[METRIC_cpu_periods] / 3;
	for (unsigned i = 0; i < EP_HIST_BUCKETS; i++)
		m->histogram[WAITS][i] += random_u64() % 1000;
}

/* A missed reading changes nothing: the rate over two intervals is the mean of
 * theirs, weighted by length. */
static void missed_readings(void **state)
{
	static const enum rate_id additive[] = { RATE_cpu_cores,
						 RATE_run_queue_wait_cores,
						 RATE_switches_per_second,
						 RATE_faults_major_per_second,
						 RATE_io_read_bytes_per_second,
						 RATE_io_write_bytes_per_second };

	for (int round = 0; round < 2000; round++) {
		struct metrics a = full(random_u64() >> 8), b, c;
		double first = (double)(1 + random_u64() % SECOND_NS),
		       second = (double)(1 + random_u64() % SECOND_NS);
		struct rates ab, bc, ac;

		b = a;
		grow(&b);
		c = b;
		grow(&c);
		derive_rates(&a, &b, (uint64_t)first, &ab);
		derive_rates(&b, &c, (uint64_t)second, &bc);
		derive_rates(&a, &c, (uint64_t)(first + second), &ac);
		for (size_t i = 0; i < ARRAY_SIZE(additive); i++) {
			enum rate_id id = additive[i];

			assert_true(near(ac.value[id] * (first + second),
					 ab.value[id] * first + bc.value[id] * second));
		}
	}
}

/* Whatever the readings hold, rates are finite and not negative, quantiles ordered. */
static void rates_of_anything(void **state)
{
	for (int round = 0; round < 5000; round++) {
		struct metrics before, now;
		struct rates r;

		for (size_t i = 0; i < sizeof(before) / 8; i++) {
			((uint64_t *)&before)[i] = random_u64() >> random_u64() % 64;
			((uint64_t *)&now)[i] = random_u64() >> random_u64() % 64;
		}
		derive_rates(&before, &now, random_u64() >> random_u64() % 64, &r);
		assert_true(r.present < 1ull << RATE_COUNT);
		for (enum rate_id id = 0; id < RATE_COUNT; id++)
			assert_true(!rates_has(&r, id) || (isfinite(r.value[id]) && r.value[id] >= 0));
		if (rates_has(&r, RATE_cpu_throttled_ratio))
			assert_true(r.value[RATE_cpu_throttled_ratio] <= 1);
		if (rates_has(&r, RATE_run_queue_wait_p50_ns))
			assert_true(r.value[RATE_run_queue_wait_p50_ns] <=
				    r.value[RATE_run_queue_wait_p99_ns]);
	}
}

/* More counted in the same time is never a lower rate. */
static void rates_are_monotonic(void **state)
{
	for (int round = 0; round < 2000; round++) {
		uint64_t start = random_u64() >> 8, interval = 1 + random_u64() % SECOND_NS;
		struct metrics before = full(start), less = full(start + random_u64() % SECOND_NS),
			       more = less;
		struct rates a, b;

		more.value[METRIC_cpu_time_ns] += random_u64() % SECOND_NS;
		more.histogram[WAITS][EP_HIST_BUCKETS - 1] += random_u64() % SECOND_NS;
		derive_rates(&before, &less, interval, &a);
		derive_rates(&before, &more, interval, &b);
		assert_true(b.value[RATE_cpu_cores] >= a.value[RATE_cpu_cores]);
		if (rates_has(&a, RATE_run_queue_wait_p99_ns))
			assert_true(b.value[RATE_run_queue_wait_p99_ns] >=
				    a.value[RATE_run_queue_wait_p99_ns]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deltas),
		cmocka_unit_test(offcpu),
		cmocka_unit_test(offcpu_of_many),
		cmocka_unit_test(no_rates_at_first_sight),
		cmocka_unit_test(every_rate),
		cmocka_unit_test(quiet_interval),
		cmocka_unit_test(last_bucket_is_its_lower_bound),
		cmocka_unit_test(absent_on_either_side),
		cmocka_unit_test(restarted_counters),
		cmocka_unit_test(throttled_ratio_stays_below_one),
		cmocka_unit_test(missed_readings),
		cmocka_unit_test(rates_of_anything),
		cmocka_unit_test(rates_are_monotonic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
