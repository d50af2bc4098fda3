/* SPDX-License-Identifier: BSD-2-Clause */
#include "source/cpu.h"

#include "base/clock.h"
#include "base/text.h"
#include "model/derive.h"
#include "source/objects.h"

#include <errno.h>
#include <string.h>

/* One CPU's running slice, frozen for a reading. */
struct slice {
	uint32_t slot;
	uint64_t ns;        /* how long it has been running */
	uint64_t on_cpu_ns; /* the slot's counter on that CPU at the same instant */
};

struct cpu_source {
	struct bpf_family_spec spec;
	struct bpf_family *family;
	struct ep_cpu_slot *slots;            /* [cpu * n_slots + slot] */
	const struct ep_cpu_running *running; /* [cpu] */
	struct ep_pair *pairs;                /* [cpu * EP_PAIRS + i] */
	struct ep_pair *pairs_before;         /* as of the call before */
	uint32_t cpus, n_slots;
	bool run_queue;
	uint64_t now_ns;
	struct ep_task_set *tasks;
	bool *doomed;         /* [slot], while they are cleared */
	struct slice *slices; /* [cpu] */
};

static const struct bpf_family_spec cpu_spec = {
	.name = "cpu",
	.hooks = {
		{ "switch", "sched_switch", true },
		{ "wakeup", "sched_wakeup", true },
		{ "wakenew", "sched_wakeup_new", true },
		{ "migrate", "sched_migrate_task", false },
		{ "fork", "sched_process_fork", false },
		{ "exec", "sched_process_exec", false },
		{ "exit", "sched_process_exit", false },
		{ "move", "cgroup_attach_task", false },
	},
	.maps = {
		{ "ep_cpu", BPF_FAMILY_MAP_PER_CPU_AND_SLOT },
		{ "ep_cpu_running", BPF_FAMILY_MAP_PER_CPU },
		{ "ep_cpu_tasks", BPF_FAMILY_MAP_FIXED },
		{ "ep_cpu_pairs", BPF_FAMILY_MAP_PER_CPU },
	},
};

/* Without waits nothing hangs on wake-ups, the dearest hooks after the switch. */
static void drop_wakeups(struct bpf_family_spec *spec)
{
	size_t kept = 0;

	for (size_t i = 0; i < ARRAY_SIZE(spec->hooks) && spec->hooks[i].name; i++)
		if (!text_starts_with(spec->hooks[i].name, "wake"))
			spec->hooks[kept++] = spec->hooks[i];
	spec->hooks[kept].name = NULL;
}

int cpu_source_open(const struct bpf_kernel *kernel, struct bpf_slots *slots, const char *door,
		    struct family_snapshot *ret_state, struct cpu_source **ret)
{
	struct cpu_source *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->run_queue = bpf_slots_config(slots)->run_queue;
	c->spec = cpu_spec;
	if (!c->run_queue)
		drop_wakeups(&c->spec);
	c->spec.object = ep_object_cpu;
	c->spec.object_size = (size_t)(ep_object_cpu_end - ep_object_cpu);
	c->cpus = bpf_slots_config(slots)->cpus;
	c->n_slots = bpf_slots_config(slots)->slots;
	c->slices = calloc(c->cpus, sizeof(*c->slices));
	c->pairs_before = calloc((size_t)c->cpus * EP_PAIRS, sizeof(*c->pairs_before));
	c->doomed = calloc(c->n_slots, sizeof(*c->doomed));
	r = c->slices && c->pairs_before && c->doomed
		    ? bpf_family_open(&c->spec, kernel, slots, door, ret_state, &c->family)
		    : -ENOMEM;
	if (r < 0) {
		cpu_source_close(c);
		return r;
	}
	c->slots = bpf_family_map(c->family, "ep_cpu");
	c->running = bpf_family_map(c->family, "ep_cpu_running");
	c->pairs = bpf_family_map(c->family, "ep_cpu_pairs");
	c->tasks = bpf_family_map(c->family, "ep_cpu_tasks");
	for (uint32_t cpu = 0; cpu < c->cpus; cpu++)
		c->slices[cpu].slot = EP_SLOT_NONE;
	*ret = c;
	return 0;
}

void cpu_source_close(struct cpu_source *c)
{
	if (!c)
		return;
	bpf_family_close(c->family);
	free(c->slices);
	free(c->pairs_before);
	free(c->doomed);
	free(c);
}

struct bpf_family *cpu_source_family(const struct cpu_source *c)
{
	return c->family;
}

static const struct ep_cpu_slot *cpu_slot(const struct cpu_source *c, uint32_t cpu, uint32_t slot)
{
	return &c->slots[(size_t)cpu * c->n_slots + slot];
}

/* The slice and the counter it will be added to must be of one instant: the
 * kernel side clears since_ns while it moves one into the other. */
static struct slice freeze(const struct cpu_source *c, uint32_t cpu)
{
	const struct ep_cpu_running *running = &c->running[cpu];

	for (int i = 0; i < 1000; i++) {
		uint64_t since_ns = __atomic_load_n(&running->since_ns, __ATOMIC_ACQUIRE);
		struct slice s = { .slot = running->slot };

		if (!since_ns)
			continue;
		if (s.slot < c->n_slots)
			s.on_cpu_ns = __atomic_load_n(&cpu_slot(c, cpu, s.slot)->on_cpu_ns, __ATOMIC_ACQUIRE);
		if (__atomic_load_n(&running->since_ns, __ATOMIC_ACQUIRE) != since_ns)
			continue;
		s.ns = c->now_ns > since_ns ? c->now_ns - since_ns : 0;
		return s;
	}
	return c->slices[cpu]; /* caught in the middle: as of the reading before */
}

void cpu_source_begin(struct cpu_source *c)
{
	c->now_ns = clock_mono_ns();
	for (uint32_t cpu = 0; cpu < c->cpus; cpu++)
		c->slices[cpu] = freeze(c, cpu);
}

/* All counters but on_cpu_ns, which a frozen slice may replace. */
static void add(struct ep_cpu_slot *sum, const struct ep_cpu_slot *from)
{
	sum->wait_ns += from->wait_ns;
	sum->wait_count += from->wait_count;
	sum->switches_voluntary += from->switches_voluntary;
	sum->switches_involuntary += from->switches_involuntary;
	sum->wakeups += from->wakeups;
	sum->migrations += from->migrations;
	sum->sleeping_acc_ns += from->sleeping_acc_ns;
	sum->sleeping_tasks += from->sleeping_tasks;
	sum->uninterruptible_acc_ns += from->uninterruptible_acc_ns;
	sum->uninterruptible_tasks += from->uninterruptible_tasks;
	sum->forks += from->forks;
	sum->execs += from->execs;
	sum->exits += from->exits;
	sum->faults_minor += from->faults_minor;
	sum->faults_major += from->faults_major;
	for (int i = 0; i < EP_HIST_BUCKETS; i++)
		sum->wait_hist[i] += from->wait_hist[i];
	if (from->last_exit_ns > sum->last_exit_ns) {
		sum->last_exit_ns = from->last_exit_ns;
		sum->last_exit_code = from->last_exit_code;
	}
}

static void set_times(struct metrics *into, const struct ep_cpu_slot *sum)
{
	metrics_set(into, METRIC_cpu_time_ns, sum->on_cpu_ns);
	metrics_set(into, METRIC_switches_voluntary, sum->switches_voluntary);
	metrics_set(into, METRIC_switches_involuntary, sum->switches_involuntary);
	metrics_set(into, METRIC_migrations, sum->migrations);
	metrics_set(into, METRIC_forks, sum->forks);
	metrics_set(into, METRIC_execs, sum->execs);
	metrics_set(into, METRIC_exits, sum->exits);
	metrics_set(into, METRIC_faults_minor, sum->faults_minor);
	metrics_set(into, METRIC_faults_major, sum->faults_major);
}

static void set_waits(struct metrics *into, const struct ep_cpu_slot *sum, uint64_t now_ns)
{
	metrics_set(into, METRIC_run_queue_wait_ns, sum->wait_ns);
	metrics_set(into, METRIC_run_queue_waits, sum->wait_count);
	metrics_set(into, METRIC_wakeups, sum->wakeups);
	metrics_set(into, METRIC_sleeping_ns,
		    derive_offcpu_ns(sum->sleeping_acc_ns, sum->sleeping_tasks, now_ns));
	metrics_set(into, METRIC_uninterruptible_ns,
		    derive_offcpu_ns(sum->uninterruptible_acc_ns, sum->uninterruptible_tasks, now_ns));
	memcpy(into->histogram[HISTOGRAM_run_queue_wait_hist], sum->wait_hist, sizeof(sum->wait_hist));
	metrics_mark_histogram(into, HISTOGRAM_run_queue_wait_hist);
}

void cpu_source_read(const struct cpu_source *c, uint32_t slot, struct metrics *into,
		     struct cpu_exit *ret_exit)
{
	struct ep_cpu_slot sum = {};

	for (uint32_t cpu = 0; cpu < c->cpus; cpu++) {
		const struct slice *slice = &c->slices[cpu];

		add(&sum, cpu_slot(c, cpu, slot));
		sum.on_cpu_ns += slice->slot == slot ? slice->on_cpu_ns + slice->ns
						     : cpu_slot(c, cpu, slot)->on_cpu_ns;
	}
	if ((int64_t)sum.on_cpu_ns < 0) /* a slice that the clock saw longer than the scheduler */
		sum.on_cpu_ns = 0;
	set_times(into, &sum);
	if (c->run_queue)
		set_waits(into, &sum, c->now_ns);
	*ret_exit = (struct cpu_exit){ .mono_ns = sum.last_exit_ns, .status = sum.last_exit_code };
}

static void visit_pair(struct ep_pair *pair, struct ep_pair *before, cpu_pair_visit visit, void *data)
{
	struct ep_pair now = *pair;

	if (now.slots != before->slots || now.count < before->count)
		*before = (struct ep_pair){};
	if (now.count != before->count) {
		visit(data, now.slots >> 16, now.slots & 0xffff, now.wait_ns - before->wait_ns,
		      now.count - before->count);
		*before = now;
	} else if (now.count) {
		*before = *pair = (struct ep_pair){};
	}
}

void cpu_source_pairs(struct cpu_source *c, cpu_pair_visit visit, void *data)
{
	for (size_t i = 0; i < (size_t)c->cpus * EP_PAIRS; i++)
		if (c->pairs[i].count || c->pairs_before[i].count)
			visit_pair(&c->pairs[i], &c->pairs_before[i], visit, data);
}

static void clear_pairs(struct cpu_source *c)
{
	for (size_t i = 0; i < (size_t)c->cpus * EP_PAIRS; i++) {
		struct ep_pair *p = &c->pairs[i];
		uint32_t victim = p->slots >> 16, aggressor = p->slots & 0xffff;

		if (p->count && ((victim < c->n_slots && c->doomed[victim]) ||
				 (aggressor < c->n_slots && c->doomed[aggressor])))
			*p = c->pairs_before[i] = (struct ep_pair){};
	}
}

/* A task that was moved while it slept ends its sleep where it began it. */
static void clear_tasks(struct cpu_source *c)
{
	for (size_t i = 0; i < EP_TASK_SETS * EP_TASK_WAYS; i++) {
		struct ep_task *task = &c->tasks[i / EP_TASK_WAYS].way[i % EP_TASK_WAYS];

		if (task->state != EP_TASK_FREE && task->slot < c->n_slots && c->doomed[task->slot])
			task->state = EP_TASK_FREE;
	}
}

void cpu_source_clear(struct cpu_source *c, const uint32_t *slots, size_t n)
{
	for (size_t i = 0; i < n; i++)
		c->doomed[slots[i]] = true;
	clear_pairs(c);
	clear_tasks(c);
	for (size_t i = 0; i < n; i++) {
		c->doomed[slots[i]] = false;
		for (uint32_t cpu = 0; cpu < c->cpus; cpu++)
			memset(&c->slots[(size_t)cpu * c->n_slots + slots[i]], 0, sizeof(struct ep_cpu_slot));
	}
}
