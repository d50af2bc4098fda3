/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What edgeprof tells about one reading of the node. Made by the collector,
 * handed unchanged to every sink, rebuilt by subscribers from the wire.
 */
#ifndef EP_MODEL_SNAPSHOT_H
#define EP_MODEL_SNAPSHOT_H

#include "model/container.h"
#include "model/metrics.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum container_state { CONTAINER_RUNNING = 1, CONTAINER_ENDED = 2 };

/* Run-queue wait of the container that was caused by another one. */
struct blame {
	uint64_t aggressor_key; /* container_snapshot.key; 0: a container no longer known */
	uint64_t wait_ns;       /* since the start of counting */
	uint64_t count;
	uint64_t interval_wait_ns; /* in this interval */
};
#define SNAPSHOT_BLAMES_MAX 16

struct container_snapshot {
	uint64_t key; /* cgroup id of its topmost own cgroup; unique on the node until reboot */
	const struct container_identity *identity; /* borrowed */
	enum container_state state;
	uint64_t first_seen_mono_ns;
	bool has_exit;                /* the last process that left */
	uint32_t exit_status;         /* wait status: signal in the low 7 bits, code in bits 8-15 */
	char oom_victim[EP_COMM_LEN]; /* name of the last process killed for memory, or "" */
	struct metrics totals;        /* since edgeprof first saw the container */
	struct rates rates;           /* over this interval; absent at first sight */
	struct blame blames[SNAPSHOT_BLAMES_MAX]; /* largest interval_wait_ns first */
	size_t n_blames;
	uint64_t blames_dropped; /* aggressors forgotten since the start, for want of places */
};

struct node_snapshot {
	char name[65]; /* uts nodename */
	char boot_id[37];
	char machine[65]; /* x86_64, aarch64 */
	char kernel[65];
	uint32_t cpus; /* online */
	uint64_t memory_total_bytes;
	bool has_memory_available;
	uint64_t memory_available_bytes; /* MemAvailable of /proc/meminfo */
	char cgroup_layout[16];          /* "v1", "hybrid", "v2" */
	char hierarchy[16];              /* the one that names containers: "unified", "memory", ... */
};

enum family_state { FAMILY_RUNNING = 1, FAMILY_DEGRADED = 2, FAMILY_OFF = 3, FAMILY_FAILED = 4 };
struct family_snapshot {
	char name[16]; /* cpu, mem, io */
	enum family_state state;
	char door[12];    /* "tp_btf", "raw_tp", "files" */
	char reason[256]; /* why not running, else "" */
};
#define SNAPSHOT_FAMILIES_MAX 8

/* Run time is metered in windows, since metering itself costs about 60 ns a run. */
struct program_snapshot {
	char name[16];
	char family[16];
	bool attached;
	bool has_runs;
	uint64_t run_time_ns; /* within the metered windows */
	uint64_t run_count;   /* within the metered windows */
};
#define SNAPSHOT_PROGRAMS_MAX 48

struct loss_snapshot {
	const char *kind; /* static or borrowed */
	uint64_t count;   /* since the agent's start */
};
#define SNAPSHOT_LOSSES_MAX 24

struct self_snapshot {
	uint64_t started_mono_ns;
	uint64_t cpu_time_ns; /* of the agent process */
	uint64_t rss_bytes;
	uint64_t map_bytes;  /* BPF maps, memlock as the kernel states it */
	uint64_t metered_ns; /* wall time in which programs were metered */
	uint64_t reading_ns; /* wall time the reading took */
	bool has_interval_cpu_time;
	uint64_t interval_cpu_time_ns; /* of the agent process since the reading before */
	struct family_snapshot families[SNAPSHOT_FAMILIES_MAX];
	size_t n_families;
	struct program_snapshot programs[SNAPSHOT_PROGRAMS_MAX];
	size_t n_programs;
	struct loss_snapshot losses[SNAPSHOT_LOSSES_MAX];
	size_t n_losses;
	uint32_t slots_used, slots_total; /* 0 of 0 without BPF */
};

struct snapshot {
	uint64_t number;           /* counts readings from 1 */
	uint64_t mono_ns, real_ns; /* when the reading was taken */
	uint64_t interval_ns;      /* since the reading before; 0 at the first */
	struct node_snapshot node;
	struct self_snapshot self;
	struct container_snapshot *containers; /* borrowed from the maker */
	size_t n_containers;
};

#endif
