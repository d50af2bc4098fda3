/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EP_BASE_CLOCK_H
#define EP_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
static inline uint64_t clock_mono_ns(void) /* the clock of bpf_ktime_get_ns() */
{
	return clock_ns(CLOCK_MONOTONIC);
}

#endif
