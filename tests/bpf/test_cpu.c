/* SPDX-License-Identifier: BSD-2-Clause */
/* The cpu family on this kernel, through both doors, against the kernel's own
 * accounting. */
#include "base/clock.h"
#include "bpf/groups.h"
#include "source/cgroup_files.h"
#include "source/cpu.h"
#include "source/libbpf_old.h"

#include <math.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

#include <cmocka.h>

struct rig {
	struct bpf_kernel kernel;
	struct bpf_slots *slots;
	struct cpu_source *cpu;
	struct family_snapshot state;
};

static uint32_t hierarchy_id(void)
{
	struct cgroup_mounts mounts;

	assert_int_equal(cgroup_mounts_read("/", &mounts), 0);
	return mounts.layout == CGROUP_LAYOUT_V2 ? 0 : mounts.memory_id;
}

static void rig_open(struct rig *rig, const char *door, uint32_t slots)
{
	memset(rig, 0, sizeof(*rig));
	bpf_kernel_probe(&rig->kernel);
	assert_true(rig->kernel.usable);
	rig->kernel.config.cpus = (uint32_t)libbpf_num_possible_cpus();
	rig->kernel.config.slots = slots;
	rig->kernel.config.run_queue = 1;
	rig->kernel.config.hierarchy_id = hierarchy_id();
	rig->kernel.config.hierarchy = access("/sys/fs/cgroup/cgroup.controllers", F_OK)
					       ? EP_HIERARCHY_MEMORY
					       : EP_HIERARCHY_UNIFIED;
	assert_int_equal(bpf_slots_open(&rig->kernel.config, &rig->slots), 0);
	if (cpu_source_open(&rig->kernel, rig->slots, door, &rig->state, &rig->cpu) < 0)
		fail_msg("%s", rig->state.reason);
	assert_int_equal(rig->state.state, FAMILY_RUNNING);
}

static void rig_close(struct rig *rig)
{
	cpu_source_close(rig->cpu);
	bpf_slots_close(rig->slots);
	bpf_kernel_clear(&rig->kernel);
}

/* What the group has counted so far; all absent when it has no slot yet. */
static struct metrics rig_read(struct rig *rig, const struct group *g, struct cpu_exit *left)
{
	const uint64_t *owners = bpf_slots_owners(rig->slots);
	struct metrics m = {};
	struct cpu_exit ignored;

	cpu_source_begin(rig->cpu);
	for (uint32_t slot = 1; slot < rig->kernel.config.slots; slot++)
		if (owners[slot] == g->id)
			cpu_source_read(rig->cpu, slot, &m, left ? left : &ignored);
	return m;
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		_exit(98);
}

static void burn_ms(unsigned ms)
{
	uint64_t end = clock_mono_ns() + ms * 1000000ull;

	while (clock_mono_ns() < end)
		;
}

static void spin_for_ever(void *data)
{
	(void)data;
	for (;;)
		;
}

static void burn_and_sleep(void *data)
{
	for (unsigned i = 0; i < *(unsigned *)data; i++) {
		burn_ms(2);
		usleep(1000);
	}
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* A finished process: nothing is in flight, so the sums must agree. */
static void cpu_time_equals_the_kernels(void **state)
{
	struct rig rig;
	struct group g;
	struct cpu_exit left = {};
	struct metrics m;
	struct rusage used;
	unsigned rounds = 300;
	uint64_t kernel_ns;
	pid_t pid;

	rig_open(&rig, *state, 64);
	group_make("time", &g);
	pid = group_start(&g, burn_and_sleep, &rounds);
	assert_int_equal(wait4(pid, NULL, 0, &used), pid);
	usleep(20000);
	m = rig_read(&rig, &g, &left);
	kernel_ns = group_cpu_time_ns(&g);
	group_remove(&g);
	rig_close(&rig);
	assert_true(metrics_has(&m, METRIC_cpu_time_ns));
	print_message("# cpu time %llu ns, kernel %llu ns, %+.3f %%\n",
		      (unsigned long long)m.value[METRIC_cpu_time_ns], (unsigned long long)kernel_ns,
		      100.0 * ((double)m.value[METRIC_cpu_time_ns] - (double)kernel_ns) / (double)kernel_ns);
	assert_true(fabs((double)m.value[METRIC_cpu_time_ns] - (double)kernel_ns) <
		    0.005 * (double)kernel_ns);
	/* Not every usleep() sleeps on a slow machine, so the kernel's own count is asked;
	 * it includes what the child did before it was in the group. */
	print_message("# voluntary switches %llu, kernel %ld\n",
		      (unsigned long long)m.value[METRIC_switches_voluntary], used.ru_nvcsw);
	assert_true(fabs((double)m.value[METRIC_switches_voluntary] - (double)used.ru_nvcsw) <= 3);
	assert_true(m.value[METRIC_sleeping_ns] > (unsigned long)used.ru_nvcsw * 500000ull);
	assert_int_equal(m.value[METRIC_exits], 1);
	assert_true(left.mono_ns > 0);
	assert_int_equal(left.status, 0);
}

/* Between two readings a task that always wants a CPU has run or waited, whether
 * it left the CPU in between or not. */
static void running_task_counts_up_to_now(void **state)
{
	struct rig rig;
	struct group g;
	struct metrics before = {};
	uint64_t before_ns = 0; /* when the reading before began */
	unsigned grown = 0;
	pid_t pid;

	rig_open(&rig, *state, 64);
	group_make("now", &g);
	pid = group_start(&g, spin_for_ever, NULL);
	usleep(300000);
	for (int i = 0; i < 41; i++) {
		uint64_t begun_ns = clock_mono_ns();
		struct metrics m = rig_read(&rig, &g, NULL);
		uint64_t now_ns = clock_mono_ns();
		uint64_t ran = m.value[METRIC_cpu_time_ns] - before.value[METRIC_cpu_time_ns];
		uint64_t waited = m.value[METRIC_run_queue_wait_ns] - before.value[METRIC_run_queue_wait_ns];

		if (before_ns) {
			assert_true(m.value[METRIC_cpu_time_ns] >= before.value[METRIC_cpu_time_ns]);
			assert_true(ran <= now_ns - before_ns + 1000000);
			grown += ran + waited > (now_ns - before_ns) / 2;
		}
		before = m;
		before_ns = begun_ns;
		usleep(2000);
	}
	stop(pid);
	group_remove(&g);
	rig_close(&rig);
	assert_true(grown > 28); /* a wait that still lasts is not counted yet */
}

struct move {
	struct group to;
	uint64_t begin_ns, before_ns, after_ns, end_ns; /* CPU time of the one that moves */
};

static uint64_t own_cpu_time_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void burn_move_burn(void *data)
{
	struct move *m = data;

	m->begin_ns = own_cpu_time_ns();
	burn_ms(60);
	m->before_ns = own_cpu_time_ns();
	group_enter_by_name(&m->to);
	m->after_ns = own_cpu_time_ns();
	burn_ms(100);
	m->end_ns = own_cpu_time_ns();
}

static void a_task_that_moves_itself_is_divided(void **state)
{
	struct move *m = mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	const uint64_t slack_ns = 25000000; /* entering and leaving, on a slow machine */
	struct rig rig;
	struct group a;
	uint64_t in_a_ns, in_b_ns;

	assert_ptr_not_equal(m, MAP_FAILED);
	rig_open(&rig, *state, 64);
	group_make("first", &a);
	group_make("then", &m->to);
	waitpid(group_start(&a, burn_move_burn, m), NULL, 0);
	usleep(20000);
	in_a_ns = rig_read(&rig, &a, NULL).value[METRIC_cpu_time_ns];
	in_b_ns = rig_read(&rig, &m->to, NULL).value[METRIC_cpu_time_ns];
	group_remove(&a);
	group_remove(&m->to);
	rig_close(&rig);
	print_message("# %llu ms before the move, %llu ms after\n", (unsigned long long)in_a_ns / 1000000,
		      (unsigned long long)in_b_ns / 1000000);
	assert_in_range(in_a_ns + slack_ns, m->before_ns - m->begin_ns,
			m->after_ns - m->begin_ns + 2 * slack_ns);
	assert_in_range(in_b_ns + slack_ns, m->end_ns - m->after_ns, m->end_ns - m->before_ns + 2 * slack_ns);
	munmap(m, sizeof(*m));
}

struct touch {
	size_t bytes;
	struct rusage usage;
};

static void touch_pages(void *data)
{
	int out = *(int *)data;
	size_t bytes = 64 << 20;
	volatile char *p = malloc(bytes);
	struct rusage usage;

	for (size_t i = 0; i < bytes; i += 4096)
		p[i] = 1;
	getrusage(RUSAGE_SELF, &usage);
	if (write(out, &usage, sizeof(usage)) != sizeof(usage))
		_exit(97);
}

static void faults_and_switches_equal_getrusage(void **state)
{
	struct rig rig;
	struct group g;
	struct metrics m;
	struct rusage usage, at_end;
	int pipes[2];
	pid_t pid;

	rig_open(&rig, *state, 64);
	group_make("faults", &g);
	assert_int_equal(pipe(pipes), 0);
	pid = group_start(&g, touch_pages, &pipes[1]);
	assert_int_equal(read(pipes[0], &usage, sizeof(usage)), sizeof(usage));
	assert_int_equal(wait4(pid, NULL, 0, &at_end), pid);
	usleep(20000);
	m = rig_read(&rig, &g, NULL);
	group_remove(&g);
	rig_close(&rig);
	close(pipes[0]);
	close(pipes[1]);
	print_message("# minor faults %llu, getrusage %ld\n",
		      (unsigned long long)m.value[METRIC_faults_minor], at_end.ru_minflt);
	/* The few faults between fork and entering the group are not the group's. */
	assert_true(m.value[METRIC_faults_minor] <= (uint64_t)at_end.ru_minflt);
	assert_true(m.value[METRIC_faults_minor] + 64 >= (uint64_t)at_end.ru_minflt);
	assert_true(m.value[METRIC_faults_minor] >= (64u << 20) / 4096);
	assert_int_equal(m.value[METRIC_faults_major], at_end.ru_majflt);
}

static void spin_pinned(void *data)
{
	pin(*(int *)data);
	spin_for_ever(NULL);
}

struct seen_pair {
	struct rig *rig;
	uint64_t victim, aggressor, wait_ns, count;
};

static void on_pair(void *data, uint32_t victim_slot, uint32_t aggressor_slot, uint64_t wait_ns,
		    uint64_t count)
{
	struct seen_pair *seen = data;
	const uint64_t *owners = bpf_slots_owners(seen->rig->slots);

	if (victim_slot >= seen->rig->kernel.config.slots || aggressor_slot >= seen->rig->kernel.config.slots)
		return;
	if (owners[victim_slot] != seen->victim || owners[aggressor_slot] != seen->aggressor)
		return;
	seen->wait_ns += wait_ns;
	seen->count += count;
}

struct contest {
	struct metrics victim, aggressor;
	struct seen_pair seen;
};

/* Two groups that always want the same CPU, for two seconds. */
static void contest_run(const char *door, struct contest *ret)
{
	struct rig rig;
	struct group a, b;
	int cpu = 0;
	pid_t pids[2];

	rig_open(&rig, door, 64);
	group_make("victim", &a);
	group_make("aggressor", &b);
	*ret = (struct contest){ .seen = { .rig = &rig, .victim = a.id, .aggressor = b.id } };
	pids[0] = group_start(&a, spin_pinned, &cpu);
	pids[1] = group_start(&b, spin_pinned, &cpu);
	sleep(2);
	cpu_source_pairs(rig.cpu, on_pair, &ret->seen);
	ret->victim = rig_read(&rig, &a, NULL);
	ret->aggressor = rig_read(&rig, &b, NULL);
	stop(pids[0]);
	stop(pids[1]);
	group_remove(&a);
	group_remove(&b);
	rig_close(&rig);
}

static void matrix_names_the_aggressor(void **state)
{
	struct contest c;
	uint64_t waited, ran;

	/* The oracle holds while nobody else wants that CPU: try again when somebody did. */
	for (int tries = 0; tries < 5; tries++) {
		contest_run(*state, &c);
		ran = c.aggressor.value[METRIC_cpu_time_ns];
		if (fabs((double)c.seen.wait_ns - (double)ran) < 0.1 * (double)ran)
			break;
	}
	waited = c.victim.value[METRIC_run_queue_wait_ns];
	print_message("# waited %llu ms, of it %llu ms blamed on the aggressor, which ran %llu ms\n",
		      (unsigned long long)waited / 1000000, (unsigned long long)c.seen.wait_ns / 1000000,
		      (unsigned long long)ran / 1000000);
	assert_true(c.seen.count > 10);
	assert_true(c.seen.wait_ns <= waited);
	/* The victim was runnable all the time: whenever the aggressor ran, it waited for it. */
	assert_true(fabs((double)c.seen.wait_ns - (double)ran) < 0.1 * (double)ran);
}

static void no_free_slot_is_counted_together(void **state)
{
	struct rig rig;
	struct group a, b;
	struct metrics m = {};
	struct cpu_exit left;
	unsigned rounds = 50;
	pid_t pids[2];

	rig_open(&rig, *state, 2); /* slot 0 and one more */
	group_make("one", &a);
	group_make("two", &b);
	pids[0] = group_start(&a, burn_and_sleep, &rounds);
	pids[1] = group_start(&b, burn_and_sleep, &rounds);
	waitpid(pids[0], NULL, 0);
	waitpid(pids[1], NULL, 0);
	cpu_source_begin(rig.cpu);
	cpu_source_read(rig.cpu, EP_SLOT_OVERFLOW, &m, &left);
	assert_true(bpf_slots_loss(rig.slots, EP_LOSS_SLOT_FULL) > 0);
	assert_true(m.value[METRIC_cpu_time_ns] > 50 * 2000000ull);
	group_remove(&a);
	group_remove(&b);
	rig_close(&rig);
}

static void a_slot_given_back_starts_at_zero(void **state)
{
	struct rig rig;
	struct group a, b;
	struct metrics m;
	unsigned rounds = 20;
	uint32_t slot, again;

	rig_open(&rig, *state, 64);
	group_make("first", &a);
	waitpid(group_start(&a, burn_and_sleep, &rounds), NULL, 0);
	assert_int_equal(bpf_slots_take(rig.slots, a.id, &slot), 0); /* the one it has */
	assert_true(rig_read(&rig, &a, NULL).value[METRIC_cpu_time_ns] > 0);
	group_remove(&a);
	assert_int_equal(bpf_slots_forget(rig.slots, a.id), 0);
	cpu_source_clear(rig.cpu, &slot, 1);
	assert_int_equal(bpf_slots_give_back(rig.slots, slot), 0);
	group_make("second", &b);
	assert_int_equal(bpf_slots_take(rig.slots, b.id, &again), 0);
	m = rig_read(&rig, &b, NULL);
	assert_int_equal(m.value[METRIC_cpu_time_ns], 0);
	assert_int_equal(m.value[METRIC_run_queue_waits], 0);
	group_remove(&b);
	rig_close(&rig);
}

static void sleep_long(void *data)
{
	(void)data;
	sleep(100);
}

static void move_to(const struct group *g, pid_t pid)
{
	char path[256], text[16];

	snprintf(text, sizeof(text), "%d", (int)pid);
	for (size_t i = 0; i < 4; i++) {
		int fd;

		snprintf(path, sizeof(path), "%s/%s/cgroup.procs", group_hierarchies[i], g->name);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		assert_true(write(fd, text, strlen(text)) > 0);
		close(fd);
	}
}

/* A process that is moved while it sleeps sleeps on in the new cgroup, and takes
 * nothing with it from the slot it left. */
static void a_moved_sleeper_sleeps_where_it_is(void **state)
{
	struct rig rig;
	struct group a, b;
	struct metrics before, after;
	pid_t pid;

	rig_open(&rig, *state, 64);
	group_make("from", &a);
	group_make("to", &b);
	pid = group_start(&a, sleep_long, NULL);
	usleep(200000);
	before = rig_read(&rig, &a, NULL);
	assert_true(before.value[METRIC_sleeping_ns] > 100000000);
	move_to(&b, pid);
	usleep(300000);
	before = rig_read(&rig, &a, NULL);
	usleep(200000);
	after = rig_read(&rig, &a, NULL);
	assert_int_equal(after.value[METRIC_sleeping_ns], before.value[METRIC_sleeping_ns]);
	after = rig_read(&rig, &b, NULL);
	assert_true(after.value[METRIC_sleeping_ns] > 450000000);
	assert_true(after.value[METRIC_sleeping_ns] < 2000000000);
	stop(pid);
	group_remove(&a);
	group_remove(&b);
	rig_close(&rig);
}

#define BOTH_DOORS(test)                                                                                     \
	{ #test " (tp_btf)", test, NULL, NULL, (void *)"tp_btf" },                                           \
	{                                                                                                    \
#test " (raw_tp)", test, NULL, NULL, (void *)"raw_tp"                                        \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH_DOORS(cpu_time_equals_the_kernels),
		BOTH_DOORS(running_task_counts_up_to_now),
		BOTH_DOORS(faults_and_switches_equal_getrusage),
		BOTH_DOORS(matrix_names_the_aggressor),
		BOTH_DOORS(no_free_slot_is_counted_together),
		BOTH_DOORS(a_slot_given_back_starts_at_zero),
		BOTH_DOORS(a_moved_sleeper_sleeps_where_it_is),
		BOTH_DOORS(a_task_that_moves_itself_is_divided),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
