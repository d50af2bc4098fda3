/* SPDX-License-Identifier: BSD-2-Clause */
/* The mem family against the kernel's own accounting, through both doors. */
#include "bpf/child.h"
#include "source/mem.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#define MIB (1024ull * 1024)

struct fixture {
	struct node node;
	struct mem_source *mem;
	struct family_snapshot state;
};

static const char *door;

static int set_up(void **state)
{
	static struct fixture f;
	int r;

	memset(&f, 0, sizeof(f));
	node_open(&f.node);
	r = mem_source_open("/", &f.node.kernel, f.node.slots, door, &f.state, &f.mem);
	if (r < 0)
		print_error("%s: %s\n", door, f.state.reason);
	assert_int_equal(r, 0);
	assert_string_equal(f.state.door, door);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	mem_source_close(f->mem);
	node_close(&f->node);
	return 0;
}

static struct metrics figures(const struct fixture *f, const struct test_cgroup *g)
{
	struct metrics m = {};

	mem_source_read(f->mem, slot_of(&f->node, g->id), &m);
	return m;
}

static uint64_t rss(const struct metrics *m)
{
	return m->value[METRIC_rss_anon_bytes] + m->value[METRIC_rss_file_bytes] +
	       m->value[METRIC_rss_shmem_bytes];
}

/* What one process holds by /proc. */
static uint64_t bytes_of(pid_t pid, const char *key)
{
	char path[64], text[4096], *p;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	assert_true(root_read_text("", path, text, sizeof(text)) > 0);
	p = strstr(text, key);
	assert_non_null(p);
	return strtoull(p + strlen(key), NULL, 10) * 1024;
}

static uint64_t rss_of(pid_t pid)
{
	return bytes_of(pid, "VmRSS:");
}

/* What the CPUs may hold back of each of three counters, and some per cent. */
static void assert_about(uint64_t value, uint64_t expected, unsigned percent)
{
	uint64_t slack = 3 * 64 * 4096 + expected * percent / 100;

	if (value + slack < expected || value > expected + slack)
		fail_msg("%llu, expected about %llu", (unsigned long long)value,
			 (unsigned long long)expected);
}

static void *take(uint64_t bytes, int flags)
{
	char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		_exit(101);
	madvise(p, bytes, MADV_NOHUGEPAGE);
	for (uint64_t i = 0; i < bytes; i += 4096)
		p[i] = 1;
	return p;
}

/* --- resident pages --------------------------------------------------------------- */

static void grow_and_shrink(const struct child *c, void *data)
{
	void *anon = take(64 * MIB, MAP_PRIVATE), *shared;

	child_step(c);
	shared = take(16 * MIB, MAP_SHARED);
	child_step(c);
	munmap(anon, 64 * MIB);
	munmap(shared, 16 * MIB);
	child_step(c);
}

static void follows_growth(void **state)
{
	struct fixture *f = *state;
	struct test_cgroup g;
	struct metrics m;
	struct child c;

	cgroup_make(&f->node, "grow", &g);
	c = child_start(&g, grow_and_shrink, NULL);
	child_wait(&c);
	child_go(&c);
	child_wait(&c);
	m = figures(f, &g);
	assert_about(rss(&m), rss_of(c.pid), 2);
	assert_about(m.value[METRIC_rss_anon_bytes], bytes_of(c.pid, "RssAnon:"), 2);
	child_go(&c);
	child_wait(&c);
	m = figures(f, &g);
	assert_about(rss(&m), rss_of(c.pid), 2);
	assert_about(m.value[METRIC_rss_shmem_bytes], bytes_of(c.pid, "RssShmem:"), 2);
	child_go(&c);
	child_wait(&c);
	m = figures(f, &g);
	assert_about(rss(&m), rss_of(c.pid), 2);
	assert_about(m.value[METRIC_rss_peak_bytes], bytes_of(c.pid, "VmHWM:"), 2);
	child_go(&c);
	assert_int_equal(child_end(&c), 0);
	m = figures(f, &g);
	assert_int_equal(rss(&m), 0);
}

static pid_t start_program(int how)
{
	char *arguments[] = { "true", NULL }, *none[] = { NULL };
	pid_t pid;

	if (how == 2) /* shares the address space until it executes */
		return posix_spawn(&pid, "/bin/true", NULL, NULL, arguments, none) ? _exit(106), 0 : pid;
	pid = fork();
	if (pid)
		return pid;
	if (how == 1)
		execv("/bin/true", arguments);
	_exit(0);
}

static void run_programs(const struct child *c, void *data)
{
	for (int i = 0; i < 500; i++)
		waitpid(start_program(i % 3), NULL, 0);
	child_step(c);
}

static void does_not_drift(void **state)
{
	struct fixture *f = *state;
	struct test_cgroup g;
	struct metrics m;
	struct child c;

	cgroup_make(&f->node, "fork", &g);
	c = child_start(&g, run_programs, NULL);
	child_wait(&c);
	child_go(&c);
	child_wait(&c);
	m = figures(f, &g);
	assert_about(rss(&m), rss_of(c.pid), 2);
	child_go(&c);
	assert_int_equal(child_end(&c), 0);
	m = figures(f, &g);
	assert_int_equal(rss(&m), 0);
	assert_true(m.value[METRIC_rss_peak_bytes] > 0);
}

static void *take_and_give(void *stop)
{
	while (!__atomic_load_n((bool *)stop, __ATOMIC_RELAXED))
		munmap(take(4 * MIB, MAP_PRIVATE), 4 * MIB);
	return NULL;
}

static void run_threads(const struct child *c, void *data)
{
	pthread_t threads[4];
	bool stop = false;

	for (int i = 0; i < 4; i++)
		if (pthread_create(&threads[i], NULL, take_and_give, &stop))
			_exit(102);
	child_step(c);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	take(8 * MIB, MAP_PRIVATE);
	child_step(c);
}

/* Threads race for one entry, and its pages are moved under them. */
static void threads_and_moves_do_not_drift(void **state)
{
	struct fixture *f = *state;
	struct test_cgroup a, b;
	struct metrics m, n;
	struct child c;

	cgroup_make(&f->node, "race-a", &a);
	cgroup_make(&f->node, "race-b", &b);
	c = child_start(&a, run_threads, NULL);
	child_wait(&c);
	child_go(&c);
	child_wait(&c);
	for (int i = 0; i < 21; i++) {
		usleep(20000);
		cgroup_write(i % 2 ? &a : &b, "cgroup.procs", (uint64_t)c.pid);
	}
	child_go(&c);
	child_wait(&c);
	m = figures(f, &a);
	n = figures(f, &b);
	assert_about(rss(&n), rss_of(c.pid), 2);
	assert_about(rss(&m), 0, 0);
	child_go(&c);
	assert_int_equal(child_end(&c), 0);
	m = figures(f, &a);
	n = figures(f, &b);
	assert_about(rss(&m), 0, 0);
	assert_about(rss(&n), 0, 0);
}

static void hold(const struct child *c, void *data)
{
	take(32 * MIB, MAP_PRIVATE);
	child_step(c);
}

static void moves_with_its_process(void **state)
{
	struct fixture *f = *state;
	struct test_cgroup a, b;
	struct metrics m;
	struct child c;

	cgroup_make(&f->node, "from", &a);
	cgroup_make(&f->node, "to", &b);
	c = child_start(&a, hold, NULL);
	child_wait(&c);
	child_go(&c);
	child_wait(&c);
	m = figures(f, &a);
	assert_about(m.value[METRIC_rss_anon_bytes], bytes_of(c.pid, "RssAnon:"), 2);
	cgroup_write(&b, "cgroup.procs", (uint64_t)c.pid);
	m = figures(f, &a);
	assert_int_equal(rss(&m), 0);
	m = figures(f, &b);
	assert_about(rss(&m), rss_of(c.pid), 2);
	child_go(&c);
	assert_int_equal(child_end(&c), 0);
	m = figures(f, &b);
	assert_int_equal(rss(&m), 0);
}

static void grow_twice(const struct child *c, void *data)
{
	void *p = take(32 * MIB, MAP_PRIVATE);

	child_step(c);
	take(8 * MIB, MAP_PRIVATE);
	child_step(c);
	munmap(p, 32 * MIB);
	child_step(c);
}

/* Processes that were there first: one that goes on, one that only ends. */
static void counts_who_was_there(void **state)
{
	struct fixture *f = *state;
	struct test_cgroup g, h;
	struct metrics m;
	struct child c, d;

	tear_down(state);
	node_open(&f->node);
	cgroup_make(&f->node, "older", &g);
	cgroup_make(&f->node, "idle", &h);
	c = child_start(&g, grow_twice, NULL);
	d = child_start(&h, hold, NULL);
	child_wait(&c);
	child_wait(&d);
	child_go(&c);
	child_go(&d);
	child_wait(&c);
	child_wait(&d);
	usleep(30000);
	assert_int_equal(mem_source_open("/", &f->node.kernel, f->node.slots, door, &f->state, &f->mem), 0);
	m = figures(f, &g);
	assert_about(rss(&m), rss_of(c.pid), 2);
	assert_true(m.value[METRIC_rss_peak_bytes] >= 32 * MIB);
	m = figures(f, &h);
	assert_about(rss(&m), rss_of(d.pid), 2);
	child_go(&c);
	child_wait(&c);
	m = figures(f, &g);
	assert_about(rss(&m), rss_of(c.pid), 2);
	child_go(&c);
	child_wait(&c);
	m = figures(f, &g);
	assert_about(rss(&m), rss_of(c.pid), 2);
	child_go(&c);
	child_go(&d);
	assert_int_equal(child_end(&c) | child_end(&d), 0);
	m = figures(f, &g);
	assert_int_equal(rss(&m), 0);
	m = figures(f, &h);
	assert_int_equal(rss(&m), 0);
}

static void forgets_a_slot(void **state)
{
	struct fixture *f = *state;
	struct test_cgroup g;
	struct metrics m;
	struct child c;

	cgroup_make(&f->node, "clear", &g);
	c = child_start(&g, hold, NULL);
	child_wait(&c);
	child_go(&c);
	child_wait(&c);
	mem_source_clear(f->mem, slot_of(&f->node, g.id));
	m = figures(f, &g);
	assert_int_equal(rss(&m), 0);
	assert_int_equal(m.value[METRIC_rss_peak_bytes], 0);
	child_go(&c);
	assert_int_equal(child_end(&c), 0);
	m = figures(f, &g);
	assert_int_equal(rss(&m), 0);
}

/* --- limits ------------------------------------------------------------------------- */

static void set_limit(const struct fixture *f, const struct test_cgroup *g, uint64_t bytes)
{
	cgroup_write(g, f->node.v1 ? "memory.limit_in_bytes" : "memory.max", bytes);
}

static void die(const struct child *c, void *data)
{
	prctl(PR_SET_NAME, "ep-victim");
	take(64 * MIB, MAP_PRIVATE);
}

struct kills {
	unsigned count;
	struct ep_event last;
};

static void on_event(void *data, const struct ep_event *event)
{
	struct kills *kills = data;

	if (event->kind != EP_EVENT_OOM_KILL)
		return;
	kills->count++;
	kills->last = *event;
}

static void counts_a_kill_once(void **state)
{
	struct fixture *f = *state;
	struct kills kills = {};
	struct test_cgroup g;
	struct metrics m;
	struct child c;

	cgroup_make(&f->node, "oom", &g);
	set_limit(f, &g, 16 * MIB);
	c = child_start(&g, die, NULL);
	child_wait(&c);
	child_go(&c);
	assert_int_equal(WTERMSIG(child_end(&c)), SIGKILL);
	m = figures(f, &g);
	assert_int_equal(m.value[METRIC_oom_kills], 1);
	assert_int_equal(cgroup_figure(&g, f->node.v1 ? "memory.oom_control" : "memory.events", "oom_kill "),
			 1);
	assert_int_equal(rss(&m), 0);
	assert_true(bpf_slots_consume(f->node.slots, on_event, &kills) >= 1);
	assert_int_equal(kills.count, 1);
	assert_int_equal(kills.last.pid, c.pid);
	assert_int_equal(kills.last.cgroup_id, g.id);
	assert_string_equal(kills.last.comm, "ep-victim");
}

static void write_file(const struct child *c, void *data)
{
	static char block[1024 * 1024];
	int fd = open(data, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		_exit(103);
	for (int i = 0; i < 96; i++)
		if (write(fd, block, sizeof(block)) != sizeof(block))
			_exit(104);
	fsync(fd);
	for (int i = 0; i < 96; i++)
		if (pread(fd, block, sizeof(block), (off_t)i * (off_t)sizeof(block)) != sizeof(block))
			_exit(105);
	close(fd);
}

static void counts_reclaim_at_the_limit(void **state)
{
	static char path[] = TEST_BUILD_DIR "/reclaim.tmp";
	struct fixture *f = *state;
	struct test_cgroup g;
	uint64_t counted = 0;
	struct metrics m;
	struct child c;

	cgroup_make(&f->node, "reclaim", &g);
	set_limit(f, &g, 32 * MIB);
	c = child_start(&g, write_file, path);
	child_wait(&c);
	child_go(&c);
	assert_int_equal(child_end(&c), 0);
	unlink(path);
	m = figures(f, &g);
	assert_true(m.value[METRIC_memcg_reclaims] > 0);
	assert_true(m.value[METRIC_memcg_reclaim_ns] > 0);
	assert_int_equal(m.value[METRIC_oom_kills], 0);
	for (int i = 0; i < EP_HIST_BUCKETS; i++)
		counted += m.histogram[HISTOGRAM_reclaim_hist][i];
	assert_int_equal(counted, m.value[METRIC_memcg_reclaims] + m.value[METRIC_direct_reclaims]);
	print_message("%s: %llu reclaims\n", door, (unsigned long long)m.value[METRIC_memcg_reclaims]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const char *const doors[] = { "tp_btf", "raw_tp" };
	const struct CMUnitTest tests[] = {
		TEST(follows_growth),
		TEST(does_not_drift),
		TEST(threads_and_moves_do_not_drift),
		TEST(moves_with_its_process),
		TEST(counts_who_was_there),
		TEST(forgets_a_slot),
		TEST(counts_a_kill_once),
		TEST(counts_reclaim_at_the_limit),
	};
	int failed = 0;

	for (size_t i = 0; i < ARRAY_SIZE(doors); i++) {
		door = doors[i];
		failed += cmocka_run_group_tests_name(door, tests, NULL, NULL);
	}
	return failed;
}
