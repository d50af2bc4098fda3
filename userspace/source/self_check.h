/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether the types that programs are relocated with are those of this kernel:
 * a program reads this very process through the accessors of the families, and
 * what it read is compared with what the kernel says without any type.
 */
#ifndef EP_SOURCE_SELF_CHECK_H
#define EP_SOURCE_SELF_CHECK_H

#include "source/bpf_kernel.h"
#include "source/bpf_slots.h"
#include <stdint.h>

enum self_check_verdict {
	SELF_CHECK_NOT_MADE,
	SELF_CHECK_PASSED,
	SELF_CHECK_UNKNOWN, /* nothing was seen, or the program did not load */
	SELF_CHECK_WRONG,
};

struct self_check {
	enum self_check_verdict verdict;
	char reason[256]; /* unless passed */
	uint64_t took_ns;
};

/* How this process finds its own cgroup: the hierarchy's name for /proc/PID/cgroup
 * ("" is the unified one) and its mount. */
struct self_check_place {
	const char *root, *hierarchy, *mount;
};

void self_check_run(const struct bpf_kernel *kernel, struct bpf_slots *slots,
		    const struct self_check_place *place, struct self_check *ret);

/* --- the comparison alone ------------------------------------------------------------- */

/* What is true, as two readings around the moment that the program looked. */
struct self_facts {
	uint64_t exec_ns[2];
	uint64_t faults_minor[2], faults_major[2];
	int64_t anon_pages[2], file_pages[2]; /* file: with shared memory */
	int64_t tolerance_pages;              /* that the CPUs may hold back, per counter */
	char comm[16];
	bool has_cgroup_id;
	uint64_t cgroup_id;
	uint32_t hierarchy_id;
};
/* NULL: all figures are right; else the first that is not, with both values in `into`. */
const char *self_check_compare(const struct ep_check *seen, const struct self_facts *facts, char *into,
			       size_t size);

#endif
