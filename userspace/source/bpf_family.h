/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One BPF object = one family of programs = one failure domain. Opens the
 * embedded object, chooses the door of each hook, loads and attaches.
 */
#ifndef EP_SOURCE_BPF_FAMILY_H
#define EP_SOURCE_BPF_FAMILY_H

#include "base/cleanup.h"
#include "model/snapshot.h"
#include "source/bpf_kernel.h"
#include "source/bpf_slots.h"

#define BPF_FAMILY_MAPS_MAX 8
#define BPF_FAMILY_HOOKS_MAX 12

/* A hook is two programs, ep_NAME_btf and ep_NAME_raw, on one tracepoint. */
struct bpf_hook {
	const char *name;
	const char *tracepoint;
	bool required; /* without it the family says nothing true and is refused */
};

struct bpf_family_map {
	const char *name;
	enum {
		BPF_FAMILY_MAP_FIXED,
		BPF_FAMILY_MAP_PER_CPU,
		BPF_FAMILY_MAP_PER_SLOT,
		BPF_FAMILY_MAP_PER_CPU_AND_SLOT
	} size;
};

struct bpf_family_spec {
	const char *name;   /* "cpu" */
	const void *object; /* the embedded ELF */
	size_t object_size;
	struct bpf_hook hooks[BPF_FAMILY_HOOKS_MAX];     /* name NULL ends */
	struct bpf_family_map maps[BPF_FAMILY_MAPS_MAX]; /* the family's own, name NULL ends */
};

struct bpf_family;

/* Chooses tp_btf where the kernel has BTF and raw_tp elsewhere, or as `door`
 * says ("tp_btf", "raw_tp", NULL). A hook that is not required and missing
 * leaves the family degraded. On failure *ret_state says why and *ret is NULL;
 * the function then returns a negative errno. */
int bpf_family_open(const struct bpf_family_spec *spec, const struct bpf_kernel *kernel,
		    struct bpf_slots *slots, const char *door, struct family_snapshot *ret_state,
		    struct bpf_family **ret) _must_check_;
void bpf_family_close(struct bpf_family *f); /* detaches; NULL is fine */

/* Whether a hook delivers: false for one that this kernel lacks. */
bool bpf_family_attached(const struct bpf_family *f, const char *hook);
/* The memory of an mmapable map of the family, for as long as it is open. */
void *bpf_family_map(const struct bpf_family *f, const char *name);
int bpf_family_map_fd(const struct bpf_family *f, const char *name);
/* Bytes that the kernel charges for the maps of this family alone. */
uint64_t bpf_family_map_bytes(const struct bpf_family *f);
/* Appends its programs with their metered run times. */
void bpf_family_programs(const struct bpf_family *f, struct self_snapshot *into);

#endif
