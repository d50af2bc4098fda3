/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Bucket of a log2 histogram of nanoseconds; see EP_HIST_BUCKETS in abi.h. */
#ifndef EP_BPF_LIB_HISTOGRAM_H
#define EP_BPF_LIB_HISTOGRAM_H

#include <edgeprof/abi.h>

static __attribute__((always_inline)) inline __u32 histogram_log2(__u64 v)
{
	__u32 r = 0, shift;

	/* No loop: a loop costs the verifier, and clang's __builtin_clzll is a
	 * table walk on BPF. */
	shift = (v > 0xffffffffull) << 5;
	v >>= shift;
	r |= shift;
	shift = (v > 0xffff) << 4;
	v >>= shift;
	r |= shift;
	shift = (v > 0xff) << 3;
	v >>= shift;
	r |= shift;
	shift = (v > 0xf) << 2;
	v >>= shift;
	r |= shift;
	shift = (v > 0x3) << 1;
	v >>= shift;
	r |= shift;
	return r | (__u32)(v >> 1);
}

static __attribute__((always_inline)) inline __u32 histogram_bucket(__u64 ns)
{
	__u64 scaled = ns >> EP_HIST_FIRST_SHIFT;
	__u32 bucket;

	if (!scaled)
		return 0;
	bucket = histogram_log2(scaled) + 1;
	return bucket < EP_HIST_BUCKETS ? bucket : EP_HIST_BUCKETS - 1;
}

/* The empty asm makes the value that is compared the one that is used: the
 * verifier of 5.10 does not see that a copy has the same bounds. */
static __attribute__((always_inline)) inline void histogram_count_alone(__u64 counts[EP_HIST_BUCKETS],
									__u64 ns)
{
	__u64 bucket = histogram_bucket(ns);

	asm volatile("" : "+r"(bucket));
	if (bucket < EP_HIST_BUCKETS)
		counts[bucket]++; /* no other CPU writes here */
}

static __attribute__((always_inline)) inline void histogram_count(__u64 counts[EP_HIST_BUCKETS], __u64 ns)
{
	__u64 bucket = histogram_bucket(ns);

	asm volatile("" : "+r"(bucket));
	if (bucket < EP_HIST_BUCKETS)
		__sync_fetch_and_add(&counts[bucket], 1);
}

#endif
