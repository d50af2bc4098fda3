/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The smallest subscriber: one line per container and snapshot.
 *
 *	cc -o subscriber subscriber.c $(pkg-config --cflags --libs edgeprof)
 *	./subscriber [ADDRESS]
 */
#include <edgeprof/client.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void print_container(const Edgeprof__V1__Container *c)
{
	printf("%-40s", c->name);
	/* What the agent does not know is absent, never 0. */
	if (c->rates && c->rates->has_cpu_cores)
		printf(" cpu %6.1f %%", 100 * c->rates->cpu_cores);
	if (c->rates && c->rates->has_run_queue_wait_cores)
		printf(" wait %6.1f %%", 100 * c->rates->run_queue_wait_cores);
	if (c->totals && c->totals->has_memory_usage_bytes)
		printf(" memory %" PRIu64 " bytes", c->totals->memory_usage_bytes);
	printf("\n");
}

int main(int argc, char **argv)
{
	struct edgeprof_subscription *s;
	Edgeprof__V1__Envelope *e;
	int r = edgeprof_subscribe(argc > 1 ? argv[1] : EDGEPROF_DEFAULT_ADDRESS, &s);

	if (r < 0) {
		fprintf(stderr, "cannot subscribe: %s\n", strerror(-r));
		return 1;
	}
	while ((r = edgeprof_receive(s, -1, &e)) == 0) {
		struct edgeprof_subscription_stats stats;

		for (size_t i = 0; i < e->snapshot->n_containers; i++)
			print_container(e->snapshot->containers[i]);
		edgeprof_envelope_free(e);
		edgeprof_subscription_stats(s, &stats);
		printf("-- %" PRIu64 " messages lost so far\n", stats.lost);
		fflush(stdout);
	}
	fprintf(stderr, "cannot receive: %s\n", strerror(-r));
	edgeprof_unsubscribe(s);
	return 1;
}
