/* SPDX-License-Identifier: BSD-2-Clause */
/* The BPF families of this process, each of which may be missing. */
#ifndef EP_CORE_PROBES_H
#define EP_CORE_PROBES_H

#include "core/config.h"
#include "core/hierarchy.h"
#include "core/metering.h"
#include "model/snapshot.h"
#include "source/bpf_family.h"
#include "source/cpu.h"
#include "source/io.h"
#include "source/mem.h"
#include "source/self_check.h"

struct probes {
	struct bpf_kernel kernel;
	struct bpf_slots *slots; /* NULL: no BPF at all */
	struct cpu_source *cpu;
	struct mem_source *mem;
	struct io_source *io;
	struct bpf_family *lifecycle;
	struct family_snapshot families[SNAPSHOT_FAMILIES_MAX];
	size_t n_families;
	char btf_source[256];    /* where the kernel's types are from */
	struct self_check check; /* of those types */
	struct metering metering;
	/* Run times add up over the metered windows alone: others may meter in between. */
	struct program_snapshot programs[SNAPSHOT_PROGRAMS_MAX];
	struct program_snapshot window_start[SNAPSHOT_PROGRAMS_MAX];
	size_t n_programs;
};

/* Opens what the configuration asks for and the node allows; says the rest in
 * families[] and in the log. -EINVAL, with a line in the log: settings that exclude
 * each other. */
int probes_open(const struct config *config, const struct hierarchy_choice *choice,
		struct probes *ret) _must_check_;
void probes_close(struct probes *p);

/* Slots that fit the default budget of 4 MiB of map memory on so many CPUs. */
uint32_t probes_default_slots(uint32_t cpus);
uint32_t probes_slots(const struct probes *p); /* 0 without BPF */
uint64_t probes_map_bytes(const struct probes *p);

void probes_read_slot(const struct probes *p, uint32_t slot, struct metrics *into, struct cpu_exit *ret_exit);
/* Ends a cgroup on the kernel side: no CPU finds its slot any more. */
int probes_forget_cgroup(struct probes *p, uint64_t cgroup_id) _must_check_;
/* Clears the counters of slots whose cgroups were forgotten and gives them back. */
int probes_release_slots(struct probes *p, const uint32_t *slots, size_t n) _must_check_;
/* Families, programs, metered time and map memory. */
void probes_report(struct probes *p, uint64_t reading, uint64_t now_ns, struct self_snapshot *into);

#endif
