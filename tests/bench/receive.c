/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Receives snapshots until SIGTERM or COUNT of them (0: no limit). A line each:
 * receipt less reading (ns), containers, map bytes, metered wall time (ns), the
 * programs' run time (ns) and runs in that time, messages lost so far.
 *
 *	receive ADDRESS COUNT
 */
#include <edgeprof/client.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void print(const struct edgeprof_subscription *s, const Edgeprof__V1__Envelope *e,
		  uint64_t received_ns)
{
	const Edgeprof__V1__Snapshot *snapshot = e->snapshot;
	uint64_t run_time_ns = 0, runs = 0;
	struct edgeprof_subscription_stats stats;

	if (!snapshot || !snapshot->self)
		return;
	for (size_t i = 0; i < snapshot->self->n_programs; i++) {
		run_time_ns += snapshot->self->programs[i]->run_time_ns;
		runs += snapshot->self->programs[i]->run_count;
	}
	edgeprof_subscription_stats(s, &stats);
	printf("%lld %zu %llu %llu %llu %llu %llu\n", (long long)(received_ns - e->mono_ns),
	       snapshot->n_containers, (unsigned long long)snapshot->self->map_bytes,
	       (unsigned long long)snapshot->self->metered_ns, (unsigned long long)run_time_ns,
	       (unsigned long long)runs, (unsigned long long)stats.lost);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct edgeprof_subscription *s;
	Edgeprof__V1__Envelope *e;
	long count;
	int r;

	if (argc != 3)
		return 2;
	count = strtol(argv[2], NULL, 10);
	r = edgeprof_subscribe(argv[1], &s);
	for (long n = 0; r == 0 && (!count || n < count); n++) {
		r = edgeprof_receive(s, 15000, &e);
		if (r < 0)
			break;
		print(s, e, now_ns());
		edgeprof_envelope_free(e);
	}
	if (r < 0)
		fprintf(stderr, "receive: %s\n", strerror(-r));
	edgeprof_unsubscribe(s);
	return r < 0;
}
