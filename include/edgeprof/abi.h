/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every type that crosses the kernel/user border: map values, ring-buffer
 * records and load-time configuration. Fixed width, explicit padding, sizes
 * asserted. Included by BPF programs and by user space alike.
 *
 * Counters only grow; user space subtracts. Nothing here is ever reset while
 * its slot is in use.
 */
#ifndef EDGEPROF_ABI_H
#define EDGEPROF_ABI_H

#ifdef __bpf__
#include "kernel.h"
#else
#include <linux/types.h>
#endif

#define EP_ABI_ASSERT(type, size) _Static_assert(sizeof(type) == (size), "abi size of " #type)

/* A slot is a small number that stands for one cgroup while it lives. */
#define EP_SLOT_OVERFLOW 0  /* cgroups that found no free slot are counted here together */
#define EP_SLOT_NONE 0xffff /* idle CPU, or nothing known */
#define EP_SLOTS_MAX 16384

/* log2 histograms of nanoseconds: bucket 0 holds < 1024 ns, bucket i holds
 * [2^(9+i), 2^(10+i)) ns, the last bucket holds everything longer (>= 4.3 s). */
#define EP_HIST_BUCKETS 24
#define EP_HIST_FIRST_SHIFT 10

/* Table of tasks that wait or sleep, indexed by pid, two to a place. */
#define EP_TASK_SETS 8192
#define EP_TASK_WAYS 2
/* Victim x aggressor pairs per CPU, and how many places one pair may stand in. */
#define EP_PAIRS 1024
#define EP_PAIRS_SHIFT 22 /* 32 - log2(EP_PAIRS) */
#define EP_PAIR_PROBES 4

/* Cgroups whose slot a CPU remembers between switches. */
#define EP_SLOT_CACHE 64
struct ep_slot_cached {
	__u64 cgroup_id;
	__u64 slot;
};
EP_ABI_ASSERT(struct ep_slot_cached, 16);

#define EP_COMM_LEN 16
#define EP_PATH_MAX 512

/* Which hierarchy names the cgroups (struct ep_config.hierarchy). */
enum ep_hierarchy {
	EP_HIERARCHY_UNIFIED = 0, /* task->cgroups->dfl_cgrp */
	EP_HIERARCHY_MEMORY = 1,  /* cgroup v1 memory controller */
	EP_HIERARCHY_CPUACCT = 2, /* cgroup v1 cpuacct controller */
	EP_HIERARCHY_IO = 3,      /* cgroup v1 blkio controller */
};

/* Load-time configuration; the only variable in .rodata of each object. */
struct ep_config {
	__u32 slots;                /* slots per CPU, slot 0 included */
	__u32 cpus;                 /* possible CPUs */
	__u32 hierarchy;            /* enum ep_hierarchy */
	__u32 hierarchy_id;         /* cgroup_root.hierarchy_id of that hierarchy */
	__u8 switch_has_prev_state; /* sched_switch passes prev_state as its fourth argument (5.18+) */
	__u8 mark_victim_has_task;  /* oom:mark_victim passes a task instead of a pid (6.8+) */
	__u8 rss_stat_has_count;    /* kmem:rss_stat passes the new count (before 6.2) */
	__u8 rq_issue_has_queue;    /* block:block_rq_issue passes the queue first (before 5.11) */
	__u8 run_queue;             /* waits, sleeps and the matrix are wanted, not CPU time alone */
	__u8 _pad[3];
	__u32 page_shift;
};
EP_ABI_ASSERT(struct ep_config, 28);

/* Reasons for which the kernel side lost something; index into ep_losses. */
#define EP_LOSSES(X)                                                                                         \
	X(SLOT_FULL, slot_full, "events of cgroups that found no free slot")                                 \
	X(TASK_COLLISION, task_collision, "waits lost to two pids in one place")                             \
	X(SLICE_UNSEEN, slice_unseen, "slices of tasks that were not seen coming to a CPU")                  \
	X(PAIR_FULL, pair_full, "waits that found no place in the matrix")                                   \
	X(RING_FULL, ring_full, "lifecycle events dropped, ring buffer full")                                \
	X(MM_FULL, mm_full, "address spaces not followed, table full")                                       \
	X(START_FULL, start_full, "reclaims or requests not timed, table full")
enum ep_loss {
#define X(id, name, help) EP_LOSS_##id,
	EP_LOSSES(X)
#undef X
		EP_LOSS_COUNT
};

/* cpu family, one per CPU and slot. Times in ns of CLOCK_MONOTONIC. */
struct ep_cpu_slot {
	__u64 on_cpu_ns;
	__u64 wait_ns; /* runnable, not running */
	__u64 wait_count;
	__u64 switches_voluntary;
	__u64 switches_involuntary;
	__u64 wakeups;
	__u64 migrations;
	/* Off-CPU time as an accumulator: leaving subtracts the clock, returning
	 * adds it. Sum over CPUs + (tasks now off) * now = time so far. */
	__u64 sleeping_acc_ns;
	__u64 sleeping_tasks;
	__u64 uninterruptible_acc_ns;
	__u64 uninterruptible_tasks;
	__u64 forks;
	__u64 execs;
	__u64 exits; /* processes (thread groups), not threads */
	__u64 faults_minor;
	__u64 faults_major;
	__u64 last_exit_ns;   /* when the last process of this cgroup ended here */
	__u32 last_exit_code; /* wait status of that process */
	__u32 last_exit_pid;
	__u64 wait_hist[EP_HIST_BUCKETS];
	__u64 _pad[4];
};
EP_ABI_ASSERT(struct ep_cpu_slot, 368);

/* What runs on a CPU now; lets a reader count up to this instant. */
struct ep_cpu_running {
	__u64 since_ns; /* 0: nothing seen yet */
	__u64 exec_ns;  /* the task's own counters at switch-in */
	__u64 faults_minor;
	__u64 faults_major;
	__u32 slot; /* EP_SLOT_NONE while idle */
	__u32 pid;
	__u64 _pad[3];
};
EP_ABI_ASSERT(struct ep_cpu_running, 64);

/* What a task that is not on a CPU is doing, and since when. */
enum ep_task_state { EP_TASK_FREE, EP_TASK_QUEUED, EP_TASK_SLEEPING, EP_TASK_UNINTERRUPTIBLE };
struct ep_task {
	__u64 since_ns;
	__u64 exec_ns; /* the task's own counters when it last left a CPU */
	__u32 faults_minor;
	__u32 faults_major;
	__u32 pid;
	__u16 slot;           /* its cgroup's */
	__u16 aggressor_slot; /* who had the CPU when it began to wait */
	__u32 state;          /* enum ep_task_state */
	__u32 _pad;
};
struct ep_task_set {
	struct ep_task way[EP_TASK_WAYS];
};
EP_ABI_ASSERT(struct ep_task_set, 80);

/* Wait of a victim blamed on an aggressor, per CPU; count 0: free. */
struct ep_pair {
	__u32 slots; /* victim << 16 | aggressor */
	__u32 _pad;
	__u64 wait_ns;
	__u64 count;
};
EP_ABI_ASSERT(struct ep_pair, 24);

/* mem family, one per slot (shared by all CPUs, updated atomically). */
enum ep_rss_kind { EP_RSS_FILE, EP_RSS_ANON, EP_RSS_SWAP, EP_RSS_SHMEM, EP_RSS_KINDS };
struct ep_mem_slot {
	__s64 rss_pages[EP_RSS_KINDS]; /* kernel's MM_FILEPAGES, MM_ANONPAGES, MM_SWAPENTS, MM_SHMEMPAGES */
	__u64 rss_peak_pages;          /* of file + anon + shmem together */
	__u64 direct_reclaims;
	__u64 direct_reclaim_ns;
	__u64 memcg_reclaims;
	__u64 memcg_reclaim_ns;
	__u64 compaction_stalls;
	__u64 oom_kills;
	__u64 reclaim_hist[EP_HIST_BUCKETS]; /* direct and memcg reclaim together */
	__u64 _pad[5];
};
EP_ABI_ASSERT(struct ep_mem_slot, 320);

/* What of ep_mem_slot.rss_pages comes from one address space. The slot always
 * holds exactly the sum of its address spaces and seeds. */
struct ep_mem_mm {
	__s64 pages[EP_RSS_KINDS];
	__u32 slot;
	__u32 tgid; /* of the task that was seen with it last */
};
EP_ABI_ASSERT(struct ep_mem_mm, 40);

/* io family, one per CPU and slot. */
struct ep_io_slot {
	__u64 read_bytes;
	__u64 write_bytes;
	__u64 reads;
	__u64 writes;
	__u64 others;  /* flush, discard, ... */
	__u64 time_ns; /* sum of issue-to-complete times */
	__u64 latency_hist[EP_HIST_BUCKETS];
	__u64 _pad[2];
};
EP_ABI_ASSERT(struct ep_io_slot, 256);

/* A request on its way, by its address. */
struct ep_io_start {
	__u64 issued_ns; /* 0: waits in the scheduler */
	__u32 slot;
	__u32 bytes; /* not completed yet */
	__u32 op;
	__u32 requeued; /* the next issue is not a new request */
};
EP_ABI_ASSERT(struct ep_io_start, 24);

/* Lifecycle records in the ring buffer ep_events. */
enum ep_event_kind {
	EP_EVENT_CGROUP_MKDIR = 1,
	EP_EVENT_CGROUP_RMDIR = 2,
	EP_EVENT_OOM_KILL = 3,
};
struct ep_event {
	__u64 mono_ns;
	__u64 cgroup_id;
	__u32 kind;             /* enum ep_event_kind */
	__u32 pid;              /* OOM_KILL: the victim */
	char comm[EP_COMM_LEN]; /* OOM_KILL: the victim's name */
	char path[EP_PATH_MAX]; /* MKDIR, RMDIR: inside its hierarchy */
};
EP_ABI_ASSERT(struct ep_event, 552);

/* Self-check at start: what the programs read of the agent's own task, beside
 * what the kernel says of it without types. The first two lines come from user space. */
struct ep_check {
	__u64 namespace_device, namespace_inode; /* of the agent's pid namespace */
	__u32 pid;                               /* of the thread that is looked for, in that namespace */
	__u32 seen;                              /* 0: nothing yet; the rest is complete once it is not */
	__u32 tgid, helper_tgid;
	__u32 task_pid, helper_pid; /* of the thread, in the root namespace */
	__u32 cpu, helper_cpu;
	__u32 state, argument_state; /* task->state, and as sched_switch passes it */
	__s32 hierarchy_id;
	__u32 mm_users;
	__u64 cgroup_id; /* in the hierarchy in use */
	__u64 unified_id, helper_unified_id;
	__u64 exec_ns;
	__u64 faults_minor, faults_major;
	__s64 rss_pages[EP_RSS_KINDS];
	char comm[EP_COMM_LEN];
};
EP_ABI_ASSERT(struct ep_check, 160);

#endif
