/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reads of one known task what the families read of all, through the same
 * accessors, so that user space can tell whether the types that the programs
 * were relocated with are those of this kernel. Loaded for milliseconds at start.
 */
#include "compat.bpf.h"
#include "lib/rss.bpf.h"
#include "lib/slots.bpf.h"
#include <edgeprof/abi.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, u32);
	__type(value, struct ep_check);
} ep_check SEC(".maps");

/* The task is found without any type, by its number in the agent's own namespace. */
__inline bool is_wanted(const struct ep_check *c)
{
	struct bpf_pidns_info ids = {};

	if (bpf_get_ns_current_pid_tgid(c->namespace_device, c->namespace_inode, &ids, sizeof(ids)))
		return false;
	return ids.pid == c->pid;
}

__inline void read_memory(struct mm_struct *mm, struct ep_check *c)
{
	c->mm_users = READ(false, mm, mm_users.counter);
#pragma unroll
	for (u32 i = 0; i < EP_RSS_KINDS; i++)
		c->rss_pages[i] = mm_pages(false, mm, i);
}

/* The number of the hierarchy that the task's cgroup belongs to. */
__inline int hierarchy_id(struct css_set *set)
{
	struct cgroup_subsys_state *css;
	struct cgroup *cgroup;
	struct cgroup_root *root;
	int subsys;

	if (cfg.hierarchy == EP_HIERARCHY_UNIFIED) {
		cgroup = READ(false, set, dfl_cgrp);
	} else {
		subsys = cfg.hierarchy == EP_HIERARCHY_MEMORY
				 ? bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id)
				 : bpf_core_enum_value(enum cgroup_subsys_id, cpuacct_cgrp_id);
		css = READ(false, set, subsys[subsys & 15]);
		cgroup = READ(false, css, cgroup);
	}
	root = READ(false, cgroup, root);
	return READ(false, root, hierarchy_id);
}

__inline void read_cgroups(struct task_struct *p, struct ep_check *c)
{
	struct css_set *set = READ(false, p, cgroups);

	c->cgroup_id = task_cgroup_id(false, p);
	c->hierarchy_id = hierarchy_id(set);
	c->unified_id = cgroup_id(false, READ(false, set, dfl_cgrp));
	c->helper_unified_id = bpf_get_current_cgroup_id();
}

__inline void read_task(struct task_struct *p, struct ep_check *c)
{
	u64 ids = bpf_get_current_pid_tgid();

	c->tgid = READ(false, p, tgid);
	c->helper_tgid = (u32)(ids >> 32);
	c->task_pid = READ(false, p, pid);
	c->helper_pid = (u32)ids;
	c->cpu = task_cpu(false, p);
	c->helper_cpu = bpf_get_smp_processor_id();
	c->state = task_state(false, p);
	c->exec_ns = READ(false, p, se.sum_exec_runtime);
	c->faults_minor = READ(false, p, min_flt);
	c->faults_major = READ(false, p, maj_flt);
	bpf_probe_read_kernel(c->comm, sizeof(c->comm), &p->comm);
}

SEC("raw_tp/sched_switch")
int ep_check_raw(u64 *ctx)
{
	struct task_struct *prev = (void *)ctx[1];
	u32 key = 0;
	struct ep_check *c = bpf_map_lookup_elem(&ep_check, &key);

	/* Only one that leaves by itself; the last one counts, which is the sleep. */
	if (!c || !c->pid || (ctx[0] & 1) || !is_wanted(c))
		return 0;
	read_task(prev, c);
	c->argument_state = cfg.switch_has_prev_state ? (u32)ctx[3] : c->state;
	read_cgroups(prev, c);
	read_memory(READ(false, prev, mm), c);
	c->seen = 1;
	return 0;
}
