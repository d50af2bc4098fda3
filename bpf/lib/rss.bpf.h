/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The resident pages that the kernel counts for an address space. */
#ifndef EP_BPF_LIB_RSS_H
#define EP_BPF_LIB_RSS_H

#include "compat.bpf.h"
#include <edgeprof/abi.h>

#define MM_PAGES_SWITCH(btf, pointer, kind, before, after)                                                   \
	switch (kind) {                                                                                      \
	case EP_RSS_FILE:                                                                                    \
		return READ(btf, pointer, before[0] after);                                                  \
	case EP_RSS_ANON:                                                                                    \
		return READ(btf, pointer, before[1] after);                                                  \
	case EP_RSS_SWAP:                                                                                    \
		return READ(btf, pointer, before[2] after);                                                  \
	default:                                                                                             \
		return READ(btf, pointer, before[3] after);                                                  \
	}

/* Since 6.2 without what the CPUs still hold back: off by at most
 * percpu_counter_batch pages per CPU. A switch, because the verifier refuses a
 * variable offset into a kernel object. */
__inline s64 mm_pages(bool btf, struct mm_struct *mm, u32 kind)
{
	struct mm_struct___percpu_rss *percpu = (void *)mm;
	struct mm_struct___atomic_rss *atomic = (void *)mm;

	if (bpf_core_field_exists(percpu->rss_stat[0].count))
		MM_PAGES_SWITCH(btf, percpu, kind, rss_stat, .count)
	/* Never typed: 5.10 does not see through a typedef in an array. */
	MM_PAGES_SWITCH(false, atomic, kind, rss_stat.count, .counter)
}

#endif
