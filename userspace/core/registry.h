/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which cgroups there are and which container each belongs to. Filled by a walk
 * of the hierarchy and by the kernel's lifecycle events, whichever comes first.
 */
#ifndef EP_CORE_REGISTRY_H
#define EP_CORE_REGISTRY_H

#include "base/cleanup.h"
#include "model/snapshot.h"
#include "source/cgroup_files.h"
#include "source/identity.h"
#include <uthash.h>

#define CONTAINER_BLAMES_MAX 64
#define REGISTRY_FORGOTTEN 256

/* What one aggressor cost a container; cumulative, and in this interval. */
struct container_blame {
	uint64_t aggressor_key;
	uint64_t wait_ns, count, interval_wait_ns;
};

struct container {
	struct container_identity identity;
	bool identity_known; /* the runtime has told all it can */
	unsigned identity_attempts;
	uint64_t key;
	bool has_top; /* key is the id of its topmost own cgroup */
	uint64_t first_seen_mono_ns;
	uint32_t members;       /* cgroups that exist or still hold counters */
	uint32_t members_alive; /* cgroups that exist */
	bool seen_running;      /* some cgroup of it had a slot or a process */
	bool reported_ended;
	uint64_t ended_reading;  /* the reading that reported it ended */
	struct metrics *retired; /* of member cgroups whose slots were given back; NULL: none yet */
	struct metrics totals;   /* of this reading */
	struct metrics before;   /* of the reading before */
	bool has_before;
	struct metrics files;    /* last figures from its cgroup's files */
	uint64_t files_activity; /* switches and wake-ups when they were read */
	struct cgroup_files *cgroup_files;
	uint64_t exit_mono_ns; /* 0: nobody left yet */
	uint32_t exit_status;
	char oom_victim[EP_COMM_LEN];
	struct container_blame *blames; /* grown as needed, at most CONTAINER_BLAMES_MAX */
	size_t n_blames, blames_capacity;
	uint64_t blames_dropped;
	UT_hash_handle hh; /* by identity.cgroup_path, while alive */
	struct container *next_ended;
};

struct cgroup {
	uint64_t id;
	char *path;
	struct container *container;
	uint32_t slot; /* EP_SLOT_NONE: has none */
	bool gone;
	uint64_t gone_reading; /* the reading that first saw it gone */
	uint64_t seen_walk;    /* the walk that saw it last; 0: none ever did */
	UT_hash_handle hh;     /* by id */
};

struct registry {
	const char *root;
	struct identity_paths paths;
	struct cgroup_mounts mounts;
	char mount[256]; /* of the hierarchy in use */
	struct cgroup *cgroups;
	struct container *containers; /* with at least one cgroup that exists */
	struct container *ended;      /* all cgroups gone; kept until reported and read out */
	uint64_t walks;
	bool stale;    /* something unknown was seen: walk at the next reading */
	bool sees_all; /* the last walk began at the real root and left nothing out */
	uint64_t forgotten[REGISTRY_FORGOTTEN]; /* ids of the cgroups forgotten last, a ring */
	size_t n_forgotten;
};

int registry_open(const char *root, const struct identity_paths *paths, const struct cgroup_mounts *mounts,
		  const char *mount, struct registry *ret) _must_check_;
void registry_close(struct registry *r);

/* Walks the hierarchy: adds what is new, marks what is gone. */
int registry_walk(struct registry *r, uint64_t mono_ns) _must_check_;
/* Adds a cgroup if it is not known. path NULL: gone before anybody saw its name. */
int registry_add(struct registry *r, uint64_t id, const char *path, uint64_t mono_ns,
		 struct cgroup **ret) _must_check_;
struct cgroup *registry_find(struct registry *r, uint64_t id);
void registry_mark_gone(struct registry *r, struct cgroup *cgroup);
/* Was this cgroup forgotten lately? Write-back may count for it after its end. */
bool registry_was_forgotten(const struct registry *r, uint64_t id);
/* Frees a cgroup, and nothing of its container. */
void registry_forget(struct registry *r, struct cgroup *cgroup);
/* Frees every ended container that `done` says is finished with. */
void registry_forget_ended(struct registry *r, bool (*done)(const struct container *c));
/* Asks the runtimes' files again for containers that are not fully known. */
int registry_resolve(struct registry *r, struct container *c) _must_check_;

#endif
