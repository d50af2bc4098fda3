/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Facts about this node that decide what edgeprof can do here. Only looks and
 * tries; what the facts mean is for others to say.
 */
#ifndef EP_SOURCE_KERNEL_PROBE_H
#define EP_SOURCE_KERNEL_PROBE_H

#include "base/cleanup.h"
#include "source/cgroup_files.h"
#include "source/kernel_btf.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum tracepoint_presence { TRACEPOINT_UNKNOWN, TRACEPOINT_ABSENT, TRACEPOINT_IN_BTF, TRACEPOINT_IN_TRACEFS };

struct tracepoint_fact {
	const char *category, *name;
	const char *family;
	bool required;    /* the family is refused without it */
	const char *cost; /* what is not counted without it */
	enum tracepoint_presence presence;
};
#define KERNEL_PROBE_TRACEPOINTS 24

enum folder_state { FOLDER_ABSENT, FOLDER_UNREADABLE, FOLDER_READABLE };
struct runtime_fact {
	const char *name;
	char path[256]; /* the one that was found, else the list that was looked for */
	enum folder_state state;
};
#define KERNEL_PROBE_RUNTIMES 4

struct kernel_probe {
	char release[65], machine[65];
	unsigned major, minor;
	int btf_error;                   /* of kernel BTF, 0: there is some */
	char btf_file[256];              /* the file that is used instead, "": none */
	char btf_of[128];                /* the release that it is of */
	char btf_reason[KERNEL_BTF_WHY]; /* why there is no such file, or it cannot be used; "": not needed */
	int bpf_error;                   /* of making a map */
	int raw_tp_error, tp_btf_error;  /* of loading a program of two instructions */
	bool has_capabilities;           /* known */
	uint64_t capabilities;           /* in effect */
	bool has_meter_capabilities;     /* known */
	uint64_t meter_capabilities;     /* in effect for the agent that runs, else for this process */
	bool tracefs;
	struct tracepoint_fact tracepoints[KERNEL_PROBE_TRACEPOINTS];
	size_t n_tracepoints;
	int cgroup_error;
	struct cgroup_mounts cgroups;
	bool pressure;        /* /proc/pressure */
	int delay_accounting; /* 1 on, 0 off, -1 the kernel does not say */
	struct runtime_fact runtimes[KERNEL_PROBE_RUNTIMES];
	char run_dir[256], group[64];
	bool has_run_dir, has_group;
	int run_dir_error; /* why this user cannot write it, or make it where it is missing; 0: can */
	pid_t agent_pid;   /* who holds the lock in run_dir, 0: nobody */
	uint32_t cpus;     /* possible */
	uint32_t slots;
	uint64_t map_bytes; /* expected for so many slots */
};

struct kernel_probe_request {
	const char *root, *run_dir, *group;
	const char *btf; /* file or folder for kernels without BTF; NULL: none */
	const char *docker_roots, *containerd_states, *podman_roots, *crio_roots;
	uint32_t slots;
};
/* Never fails: what cannot be found out is said in *ret. */
void kernel_probe(const struct kernel_probe_request *request, struct kernel_probe *ret);

/* Memory that the maps of all families take, about. */
uint64_t kernel_probe_map_bytes(uint32_t cpus, uint32_t slots);
/* Possible CPUs of this kernel, at least 1. */
uint32_t kernel_probe_cpus(void);

#endif
