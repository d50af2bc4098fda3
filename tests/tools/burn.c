// SPDX-License-Identifier: BSD-2-Clause
/* burn SECONDS [WORK_US SLEEP_US]: keeps one CPU busy, or WORK_US of every
 * WORK_US + SLEEP_US, then prints what the kernel charged: utime + stime in ns. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t timeval_ns(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_usec * 1000u;
}

static void work_until(uint64_t end_ns)
{
	while (now_ns() < end_ns)
		for (unsigned i = 0; i < 1000; i++)
			__asm__ volatile("" : : "r"(i)); /* keeps the loop */
}

int main(int argc, char **argv)
{
	uint64_t seconds_ns = argc > 1 ? (uint64_t)(atof(argv[1]) * 1e9) : 1000000000u;
	uint64_t work_ns = argc > 3 ? strtoull(argv[2], NULL, 10) * 1000u : seconds_ns;
	useconds_t sleep_us = argc > 3 ? (useconds_t)strtoul(argv[3], NULL, 10) : 0;
	uint64_t end_ns = now_ns() + seconds_ns;
	struct rusage usage;

	while (now_ns() < end_ns) {
		uint64_t until_ns = now_ns() + work_ns;

		work_until(until_ns < end_ns ? until_ns : end_ns);
		if (sleep_us)
			usleep(sleep_us);
	}
	getrusage(RUSAGE_SELF, &usage);
	printf("%llu\n", (unsigned long long)(timeval_ns(usage.ru_utime) + timeval_ns(usage.ru_stime)));
	return 0;
}
