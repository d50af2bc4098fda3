/* SPDX-License-Identifier: BSD-2-Clause */
/* What this kernel's BPF side looks like; decides the door of every family. */
#ifndef EP_SOURCE_BPF_KERNEL_H
#define EP_SOURCE_BPF_KERNEL_H

#include "base/cleanup.h"
#include "source/kernel_btf.h"
#include <edgeprof/abi.h>
#include <stdbool.h>

struct bpf_kernel {
	const struct btf *btf;           /* the kernel's types, NULL when they are not known */
	struct btf *own;                 /* the kernel's own, NULL when they come from a file */
	struct kernel_btf *reduced;      /* what libbpf relocates with; NULL: with the whole of its own */
	char btf_reason[KERNEL_BTF_WHY]; /* why they are not known, for people */
	bool usable;                     /* bpf() works for this process */
	char reason[160];                /* why it does not, for people */
	bool reads_refused;              /* by lockdown: only plain loads of tp_btf are left */
	struct ep_config config; /* argument layouts found; slots, cpus, hierarchy filled by the caller */
};

/* Asks the kernel. Never fails: what is missing is said in *ret. */
void bpf_kernel_probe(struct bpf_kernel *ret);
/* Takes the types from a file, or, when the kernel has none of its own, from the
 * file of the folder that is of this kernel. A file that cannot be used leaves no
 * types at all. Returns whether file_or_folder is there. */
bool bpf_kernel_find_btf(struct bpf_kernel *k, const char *file_or_folder);
/* Where the types are from, for people; "none". */
const char *bpf_kernel_btf_source(const struct bpf_kernel *k);
void bpf_kernel_clear(struct bpf_kernel *k);

/* Whether this process has the capability for bpf(); a seccomp filter may refuse it still. */
bool bpf_kernel_may_call(void);

/* Number of arguments of a tracepoint (without the leading context pointer)
 * by its btf_trace_NAME type; -ENOENT when the kernel has no such tracepoint or no BTF. */
int bpf_kernel_tracepoint_args(const struct bpf_kernel *k, const char *tracepoint) _must_check_;
/* True when argument `index` of the tracepoint is a pointer to struct `name`. */
bool bpf_kernel_tracepoint_arg_is(const struct bpf_kernel *k, const char *tracepoint, int index,
				  const char *name);

/* The program that the kernel refused last, for messages. */
const char *bpf_kernel_refused_program(void);

/* The kernel meters the run time of all programs for as long as the returned
 * descriptor is open; negative errno (5.8 and later). */
int bpf_kernel_meter_programs(void) _must_check_;

#endif
