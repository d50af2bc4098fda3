/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The cpu family: who ran, who waited, who slept, and who took the CPU from
 * whom. Hooks of the scheduler only. Tasks are attributed by the task argument,
 * never by current: in a wake-up current is the waker.
 */
#include "compat.bpf.h"
#include "lib/histogram.bpf.h"
#include "lib/slots.bpf.h"
#include <edgeprof/abi.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* cpus * slots, set at load */
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, u32);
	__type(value, struct ep_cpu_slot);
} ep_cpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* cpus */
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, u32);
	__type(value, struct ep_cpu_running);
} ep_cpu_running SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, EP_TASK_SETS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, u32);
	__type(value, struct ep_task_set);
} ep_cpu_tasks SEC(".maps");

struct ep_pair_set {
	struct ep_pair place[EP_PAIRS];
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* cpus */
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, u32);
	__type(value, struct ep_pair_set);
} ep_cpu_pairs SEC(".maps");

__inline struct ep_cpu_slot *cpu_slot(u32 cpu, u32 slot)
{
	u32 key = cpu * cfg.slots + slot;

	return bpf_map_lookup_elem(&ep_cpu, &key);
}

/* --- tasks that are not on a CPU ---------------------------------------------- */

/* Ends an off-CPU time in the accumulator of the cgroup it began in. */
__inline void settle_off_cpu(const struct ep_task *task, u64 now)
{
	struct ep_cpu_slot *c;

	if (task->state < EP_TASK_SLEEPING)
		return;
	c = cpu_slot(bpf_get_smp_processor_id(), task->slot);
	if (!c)
		return;
	if (task->state == EP_TASK_SLEEPING) {
		c->sleeping_acc_ns += now;
		c->sleeping_tasks--;
	} else {
		c->uninterruptible_acc_ns += now;
		c->uninterruptible_tasks--;
	}
}

__inline struct ep_task *task_find(u32 pid)
{
	u32 key = pid & (EP_TASK_SETS - 1);
	struct ep_task_set *set = bpf_map_lookup_elem(&ep_cpu_tasks, &key);

	if (!set)
		return NULL;
	if (set->way[0].pid == pid)
		return &set->way[0];
	if (set->way[1].pid == pid)
		return &set->way[1];
	return NULL;
}

/* The record of a task; takes a place when it has none. A sleeper gives way to
 * a newcomer before a waiter does, since it loses less. */
__inline struct ep_task *task_take(u32 pid, u64 now)
{
	u32 key = pid & (EP_TASK_SETS - 1);
	struct ep_task_set *set = bpf_map_lookup_elem(&ep_cpu_tasks, &key);
	struct ep_task *task;

	if (!set)
		return NULL;
	if (set->way[0].pid == pid)
		return &set->way[0];
	if (set->way[1].pid == pid)
		return &set->way[1];
	if (set->way[0].state == EP_TASK_FREE)
		task = &set->way[0];
	else if (set->way[1].state == EP_TASK_FREE || set->way[0].state == EP_TASK_QUEUED)
		task = &set->way[1];
	else
		task = &set->way[0];
	if (task->state != EP_TASK_FREE) {
		count_loss(EP_LOSS_TASK_COLLISION);
		settle_off_cpu(task, now);
	}
	task->state = EP_TASK_FREE;
	task->pid = pid;
	return task;
}

/* The task's own counters while it is not running. */
__inline void task_remember(bool btf, struct task_struct *p, struct ep_task *task)
{
	task->exec_ns = READ(btf, p, se.sum_exec_runtime);
	task->faults_minor = READ(btf, p, min_flt);
	task->faults_major = READ(btf, p, maj_flt);
}

/* Begins an off-CPU time in the accumulator of a cgroup. */
__inline void begin_off_cpu(struct ep_cpu_slot *c, u32 state, u64 now)
{
	if (state == EP_TASK_SLEEPING) {
		c->sleeping_acc_ns -= now;
		c->sleeping_tasks++;
	} else if (state == EP_TASK_UNINTERRUPTIBLE) {
		c->uninterruptible_acc_ns -= now;
		c->uninterruptible_tasks++;
	}
}

/* Ends what the record says the task was doing; a wake-up may have gone unseen. */
__inline void task_settle(struct ep_task *task, u64 now)
{
	settle_off_cpu(task, now);
	task->state = EP_TASK_FREE;
}

__inline void task_leave(bool btf, struct task_struct *p, u32 slot, u32 state, u32 aggressor_slot, u64 now)
{
	struct ep_task *task = task_take(READ(btf, p, pid), now);

	if (!task)
		return;
	task_settle(task, now);
	task->since_ns = now;
	task_remember(btf, p, task);
	task->slot = slot;
	task->aggressor_slot = aggressor_slot;
	task->state = state;
}

/* --- who hurt whom -------------------------------------------------------------- */

/* First place of the pair that holds `slots`, or with `free` that is free; EP_PAIRS: none. */
__inline u32 pair_find(struct ep_pair_set *set, u32 start, u32 slots, bool free)
{
#pragma unroll
	for (u32 i = 0; i < EP_PAIR_PROBES; i++) {
		u32 at = (start + i) & (EP_PAIRS - 1);
		u64 count = set->place[at].count;

		if (free ? !count : count && set->place[at].slots == slots)
			return at;
	}
	return EP_PAIRS;
}

static __attribute__((noinline)) int blame(u32 cpu, u32 victim_slot, u32 aggressor_slot, u64 wait_ns)
{
	struct ep_pair_set *set = bpf_map_lookup_elem(&ep_cpu_pairs, &cpu);
	u32 slots = victim_slot << 16 | (aggressor_slot & 0xffff);
	u32 start = slots * 0x9e3779b1u >> EP_PAIRS_SHIFT, at;

	if (!set)
		return 0;
	at = pair_find(set, start, slots, false);
	if (at < EP_PAIRS) {
		set->place[at].wait_ns += wait_ns;
		set->place[at].count++;
		return 0;
	}
	at = pair_find(set, start, slots, true);
	if (at < EP_PAIRS) {
		set->place[at].slots = slots;
		set->place[at].wait_ns = wait_ns;
		set->place[at].count = 1;
		return 0;
	}
	count_loss(EP_LOSS_PAIR_FULL);
	return 0;
}

/*
 * A wait is blamed on two cgroups at most: the one that ran last before the
 * victim got the CPU, for as long as it ran, and for the rest the one that had
 * the CPU when the wait began. Exact for one or two aggressors in a row, an
 * approximation beyond.
 */
__inline void blame_wait(u32 cpu, const struct ep_task *task, u32 victim_slot, u64 wait_ns, u32 last_slot,
			 u64 last_ran_ns)
{
	u64 last_ns = 0;

	if (last_slot != EP_SLOT_NONE) {
		last_ns = wait_ns < last_ran_ns ? wait_ns : last_ran_ns;
		blame(cpu, victim_slot, last_slot, last_ns);
	}
	if (wait_ns > last_ns && task->aggressor_slot != EP_SLOT_NONE)
		blame(cpu, victim_slot, task->aggressor_slot, wait_ns - last_ns);
}

/* --- sched_switch ----------------------------------------------------------------- */

__inline void leave_cpu(bool btf, struct task_struct *prev, struct ep_cpu_slot *c, u32 slot, u32 next_slot,
			bool preempt, unsigned int state, u64 now)
{
	if (preempt || !state) {
		c->switches_involuntary++;
		if (cfg.run_queue)
			task_leave(btf, prev, slot, EP_TASK_QUEUED, next_slot, now);
		return;
	}
	c->switches_voluntary++;
	if (!cfg.run_queue)
		return;
	if (state & TASK_DEAD) {
		struct ep_task *task = task_find(READ(btf, prev, pid));

		if (task)
			task_settle(task, now);
	} else {
		u32 off = (state & TASK_UNINTERRUPTIBLE) && !(state & TASK_NOLOAD) ? EP_TASK_UNINTERRUPTIBLE
										   : EP_TASK_SLEEPING;

		begin_off_cpu(c, off, now);
		task_leave(btf, prev, slot, off, EP_SLOT_NONE, now);
	}
}

__inline void count_wait(struct ep_cpu_slot *c, u64 wait_ns)
{
	c->wait_ns += wait_ns;
	c->wait_count++;
	histogram_count_alone(c->wait_hist, wait_ns);
}

__inline void enter_cpu(u32 cpu, u32 pid, u32 slot, u32 prev_slot, u64 prev_ran_ns, u64 now)
{
	struct ep_task *task = task_find(pid);
	struct ep_cpu_slot *c;
	u64 wait_ns;

	if (!task || task->state == EP_TASK_FREE)
		return;
	if (task->state != EP_TASK_QUEUED) {
		task_settle(task, now);
		return;
	}
	task->state = EP_TASK_FREE;
	wait_ns = now - task->since_ns;
	if ((s64)wait_ns < 0) /* clocks of two CPUs may differ by a little */
		wait_ns = 0;
	c = cpu_slot(cpu, slot);
	if (!c)
		return;
	count_wait(c, wait_ns);
	blame_wait(cpu, task, slot, wait_ns, prev_slot, prev_ran_ns);
}

/* The slice that ends, by the task's own counters since it came. */
__inline void end_slice(bool btf, struct task_struct *prev, struct ep_cpu_slot *c,
			const struct ep_cpu_running *running)
{
	/* The kernel's own slice: what cpuacct and cpu.stat count, right to the
	 * nanosecond; a clock read here would miss the way in and out of idle. */
	c->on_cpu_ns += READ(btf, prev, se.sum_exec_runtime) - running->exec_ns;
	c->faults_minor += READ(btf, prev, min_flt) - running->faults_minor;
	c->faults_major += READ(btf, prev, maj_flt) - running->faults_major;
}

/* The same for a task whose coming was not seen: some kernels keep processes of
 * their host's agent out of tracing, and with them the switches they cause. What
 * it had counted when it last left is known, and so how long it waited. */
__inline void end_unseen_slice(bool btf, struct task_struct *prev, struct ep_cpu_slot *c, u64 now)
{
	struct ep_task *task = task_find(READ(btf, prev, pid));
	u64 ran_ns, away_ns;

	if (!task || task->state == EP_TASK_FREE) {
		count_loss(EP_LOSS_SLICE_UNSEEN);
		return;
	}
	ran_ns = READ(btf, prev, se.sum_exec_runtime) - task->exec_ns;
	away_ns = now - task->since_ns;
	c->on_cpu_ns += ran_ns;
	c->faults_minor += (u32)READ(btf, prev, min_flt) - task->faults_minor;
	c->faults_major += (u32)READ(btf, prev, maj_flt) - task->faults_major;
	if (task->state == EP_TASK_QUEUED) {
		count_wait(c, away_ns > ran_ns ? away_ns - ran_ns : 0);
		task->state = EP_TASK_FREE;
	}
}

__inline int on_switch(bool btf, bool preempt, struct task_struct *prev, struct task_struct *next,
		       unsigned int state)
{
	u32 cpu = bpf_get_smp_processor_id();
	struct ep_cpu_running *running = bpf_map_lookup_elem(&ep_cpu_running, &cpu);
	u32 prev_pid = READ(btf, prev, pid), next_pid = READ(btf, next, pid);
	u32 prev_slot = EP_SLOT_NONE, next_slot = EP_SLOT_NONE;
	u64 now = bpf_ktime_get_ns(), ran_ns = 0;
	bool known, first;

	if (!running)
		return 0;
	first = !running->since_ns; /* counting begins here: nothing is lost */
	known = !first && running->pid == prev_pid;
	if (known)
		ran_ns = now - running->since_ns;
	/* A reader that sees 0 here waits: the slice is being moved. */
	*(volatile u64 *)&running->since_ns = 0;
	if (next_pid)
		next_slot = slot_of_cgroup_cached(task_cgroup_id(btf, next), cpu);
	if (prev_pid) {
		struct ep_cpu_slot *c;

		prev_slot = known ? running->slot : slot_of_task(btf, prev);
		c = cpu_slot(cpu, prev_slot);
		if (c) {
			if (known)
				end_slice(btf, prev, c, running);
			else if (cfg.run_queue && !first)
				end_unseen_slice(btf, prev, c, now);
			leave_cpu(btf, prev, c, prev_slot, next_slot, preempt, state, now);
		}
	}
	if (next_pid) {
		if (cfg.run_queue)
			enter_cpu(cpu, next_pid, next_slot, prev_slot, ran_ns, now);
		running->exec_ns = READ(btf, next, se.sum_exec_runtime);
		running->faults_minor = READ(btf, next, min_flt);
		running->faults_major = READ(btf, next, maj_flt);
	}
	running->slot = next_slot;
	running->pid = next_pid;
	*(volatile u64 *)&running->since_ns = now;
	return 0;
}

SEC("tp_btf/sched_switch")
int ep_switch_btf(u64 *ctx)
{
	struct task_struct *prev = (void *)ctx[1], *next = (void *)ctx[2];
	unsigned int state = cfg.switch_has_prev_state ? (unsigned int)ctx[3] : task_state(true, prev);

	return on_switch(true, ctx[0] & 1, prev, next, state);
}

SEC("raw_tp/sched_switch")
int ep_switch_raw(u64 *ctx)
{
	struct task_struct *prev = (void *)ctx[1], *next = (void *)ctx[2];
	unsigned int state = cfg.switch_has_prev_state ? (unsigned int)ctx[3] : task_state(false, prev);

	return on_switch(false, ctx[0] & 1, prev, next, state);
}

/* --- wake-ups ------------------------------------------------------------------------ */

__inline int on_wakeup(bool btf, struct task_struct *p)
{
	u32 pid = READ(btf, p, pid), target_cpu = task_cpu(btf, p), slot;
	struct ep_cpu_running *running = bpf_map_lookup_elem(&ep_cpu_running, &target_cpu);
	u64 now = bpf_ktime_get_ns();
	struct ep_task *task = task_take(pid, now);
	struct ep_cpu_slot *c;

	if (!pid || !task)
		return 0;
	slot = task->state == EP_TASK_FREE ? slot_of_task(btf, p) : task->slot;
	c = cpu_slot(bpf_get_smp_processor_id(), slot);
	if (c)
		c->wakeups++;
	if (task->state == EP_TASK_QUEUED)
		return 0; /* had not left the run queue */
	if (task->state == EP_TASK_FREE)
		task_remember(btf, p, task);
	settle_off_cpu(task, now);
	task->since_ns = now;
	task->slot = slot;
	task->aggressor_slot = running ? running->slot : EP_SLOT_NONE;
	task->state = EP_TASK_QUEUED;
	return 0;
}

/* --- rare events ----------------------------------------------------------------------- */

__inline struct ep_cpu_slot *cpu_slot_of_task(bool btf, struct task_struct *p)
{
	return cpu_slot(bpf_get_smp_processor_id(), slot_of_task(btf, p));
}

#define COUNT(name, counter)                                                                                 \
	__inline int on_##name(bool btf, struct task_struct *p)                                              \
	{                                                                                                    \
		struct ep_cpu_slot *c = cpu_slot_of_task(btf, p);                                            \
                                                                                                             \
		if (c)                                                                                       \
			c->counter++;                                                                        \
		return 0;                                                                                    \
	}
COUNT(migrate, migrations)
COUNT(fork, forks)
COUNT(exec, execs)

__inline int on_exit(bool btf, struct task_struct *p)
{
	struct ep_cpu_slot *c;

	/* The leader stands for its process: counting the last thread instead
	 * would count twice when two threads end at once. */
	if (READ(btf, p, pid) != READ(btf, p, tgid))
		return 0;
	c = cpu_slot_of_task(btf, p);
	if (!c)
		return 0;
	c->exits++;
	c->last_exit_code = READ(btf, p, exit_code);
	c->last_exit_pid = READ(btf, p, pid);
	c->last_exit_ns = bpf_ktime_get_ns();
	return 0;
}

/* A task that is moved while it is off the CPU sleeps on in the new cgroup. */
__inline void move_sleeper(bool btf, struct task_struct *p, u64 now)
{
	struct ep_task *task = task_find(READ(btf, p, pid));
	struct ep_cpu_slot *c;

	if (!task || task->state == EP_TASK_FREE)
		return;
	settle_off_cpu(task, now);
	task->slot = slot_of_task(btf, p);
	c = cpu_slot(bpf_get_smp_processor_id(), task->slot);
	if (c)
		begin_off_cpu(c, task->state, now);
}

/* One that moves itself (a shell, a container runtime's init) has used part of
 * its slice in the old cgroup. The scheduler's own sum is not up to date in
 * mid-slice: the clock divides it. */
__inline void divide_slice(bool btf, struct task_struct *p, struct ep_cpu_running *running, u32 cpu, u64 now)
{
	struct ep_cpu_slot *c = cpu_slot(cpu, running->slot);
	u64 ran_ns = now - running->since_ns, minor = READ(btf, p, min_flt), major = READ(btf, p, maj_flt);

	if (!c)
		return;
	*(volatile u64 *)&running->since_ns = 0;
	c->on_cpu_ns += ran_ns;
	c->faults_minor += minor - running->faults_minor;
	c->faults_major += major - running->faults_major;
	running->exec_ns += ran_ns;
	running->faults_minor = minor;
	running->faults_major = major;
	running->slot = slot_of_task(btf, p);
	*(volatile u64 *)&running->since_ns = now;
}

__inline int on_attach(bool btf, struct cgroup *cgroup, struct task_struct *p)
{
	u32 cpu = bpf_get_smp_processor_id(), pid = READ(btf, p, pid);
	struct ep_cpu_running *running = bpf_map_lookup_elem(&ep_cpu_running, &cpu);
	struct cgroup_root *root = READ(btf, cgroup, root);
	u64 now = bpf_ktime_get_ns();

	if (!running || READ(btf, root, hierarchy_id) != (int)cfg.hierarchy_id)
		return 0;
	if (pid != (u32)bpf_get_current_pid_tgid())
		move_sleeper(btf, p, now);
	else if (running->since_ns && running->pid == pid)
		divide_slice(btf, p, running, cpu, now);
	return 0;
}

SEC("tp_btf/cgroup_attach_task")
int ep_move_btf(u64 *ctx)
{
	return on_attach(true, (struct cgroup *)ctx[0], (struct task_struct *)ctx[2]);
}

SEC("raw_tp/cgroup_attach_task")
int ep_move_raw(u64 *ctx)
{
	return on_attach(false, (struct cgroup *)ctx[0], (struct task_struct *)ctx[2]);
}

/* The two doors of a hook whose task is argument `n`. */
#define DOORS(hook, name, n, body)                                                                           \
	SEC("tp_btf/" #hook)                                                                                 \
	int ep_##name##_btf(u64 *ctx)                                                                        \
	{                                                                                                    \
		return body(true, (struct task_struct *)ctx[n]);                                             \
	}                                                                                                    \
	SEC("raw_tp/" #hook)                                                                                 \
	int ep_##name##_raw(u64 *ctx)                                                                        \
	{                                                                                                    \
		return body(false, (struct task_struct *)ctx[n]);                                            \
	}

DOORS(sched_wakeup, wakeup, 0, on_wakeup)
DOORS(sched_wakeup_new, wakenew, 0, on_wakeup)
DOORS(sched_migrate_task, migrate, 0, on_migrate)
DOORS(sched_process_fork, fork, 0, on_fork)
DOORS(sched_process_exec, exec, 0, on_exec)
DOORS(sched_process_exit, exit, 0, on_exit)
