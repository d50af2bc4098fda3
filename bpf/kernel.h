/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel types that edgeprof reads, trimmed by hand to the fields it reads
 * and relocated at load time (CO-RE). No BTF is needed to build, and the
 * objects come out the same for every architecture.
 *
 * A field that kernels name differently appears in a flavour (type___suffix);
 * bpf/compat.bpf.h chooses between them.
 */
#ifndef EP_BPF_KERNEL_H
#define EP_BPF_KERNEL_H

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;
typedef _Bool bool;
#define true 1
#define false 0
#define NULL ((void *)0)

/* include/uapi/linux/bpf.h, as far as used */
enum {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_QUEUE = 22,
	BPF_MAP_TYPE_RINGBUF = 27,
};
enum { BPF_ANY = 0, BPF_NOEXIST = 1 };
enum { BPF_F_NO_PREALLOC = 1, BPF_F_MMAPABLE = 1 << 10 };
struct bpf_pidns_info {
	u32 pid;
	u32 tgid;
};

#define PF_KTHREAD 0x00200000
#define TASK_INTERRUPTIBLE 1
#define TASK_UNINTERRUPTIBLE 2
#define TASK_DEAD 0x80
#define TASK_NOLOAD 0x400 /* uninterruptible and idle: kernel threads waiting for work */
#define SIGKILL 9

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kernfs_node {
	u64 id;
};
struct cgroup_root {
	int hierarchy_id;
};
struct cgroup {
	struct kernfs_node *kn;
	struct cgroup_root *root;
};
struct cgroup_subsys_state {
	struct cgroup *cgroup;
};
struct css_set {
	struct cgroup_subsys_state *subsys[16];
	struct cgroup *dfl_cgrp;
};
enum cgroup_subsys_id {
	cpuacct_cgrp_id,
	memory_cgrp_id,
	io_cgrp_id,
};

typedef struct {
	int counter;
} atomic_t;
typedef struct {
	s64 counter;
} atomic64_t;
struct signal_struct {
	atomic_t live;
};
struct thread_info {
	u32 cpu;
};
struct sched_entity {
	u64 sum_exec_runtime;
};
struct task_struct {
	struct thread_info thread_info;
	struct sched_entity se;
	unsigned int flags;
	int pid;
	int tgid;
	int exit_code;
	char comm[16];
	unsigned long min_flt;
	unsigned long maj_flt;
	struct mm_struct *mm;
	struct css_set *cgroups;
	struct signal_struct *signal;
};
/* commit 2f064a59a11f ("sched: Change task_struct::state"), 5.14 */
struct task_struct___old_state {
	long state;
};
struct task_struct___new_state {
	unsigned int __state;
};
/* commit bcf9033e5449 ("sched: move CPU field back into thread_info"), 5.16 */
struct task_struct___own_cpu {
	unsigned int cpu;
};

/* The helper is 5.11+; its number is only here to be asked for. */
enum bpf_func_id___current {
	BPF_FUNC_get_current_task_btf = 158,
};

struct percpu_counter {
	s64 count;
};
struct mm_rss_stat {
	atomic64_t count[4];
};
struct mm_struct {
	atomic_t mm_users;
};
/* commit f1a7941243c1 ("mm: convert mm's rss stats into percpu_counter"), 6.2 */
struct mm_struct___percpu_rss {
	struct percpu_counter rss_stat[4];
};
struct mm_struct___atomic_rss {
	struct mm_rss_stat rss_stat;
};

struct blkcg {
	struct cgroup_subsys_state css;
};
struct blkcg_gq {
	struct blkcg *blkcg;
};
struct bio {
	struct blkcg_gq *bi_blkg;
};
struct request {
	unsigned int cmd_flags;
	unsigned int __data_len;
	struct bio *bio;
};

#pragma clang attribute pop

#endif
