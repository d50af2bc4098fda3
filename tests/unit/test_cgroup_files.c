/* SPDX-License-Identifier: BSD-2-Clause */
/* Readers of cgroup files on recorded and on damaged nodes. */
#include "base/clock.h"
#include "source/cgroup_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>

#define NODES TEST_SOURCE_DIR "/tests/fixtures/nodes/"
#define ID "4f1d2c3b4a5968778695a4b3c2d1e0f00f1e2d3c4b5a69788796a5b4c3d2e1f0"
#define ALL 127u

static struct cgroup_mounts mounts_of(const char *node)
{
	struct cgroup_mounts m;

	assert_int_equal(cgroup_mounts_read(node, &m), 0);
	return m;
}

static struct metrics read_once(const char *node, const char *path, unsigned what)
{
	struct cgroup_mounts mounts = mounts_of(node);
	struct metrics m = { 0 };
	struct cgroup_files *f;

	assert_int_equal(cgroup_files_open(node, &mounts, path, &f), 0);
	assert_int_equal(cgroup_files_read(f, what, &m), 0);
	cgroup_files_close(f);
	return m;
}

struct expected {
	enum metric_id id;
	uint64_t value;
};

/* Exactly these figures, no more. */
static void expect(const struct metrics *m, const struct expected *e, size_t n)
{
	uint64_t present = 0;

	for (size_t i = 0; i < n; i++) {
		if (!metrics_has(m, e[i].id) || m->value[e[i].id] != e[i].value)
			print_error("%s\n", metric_rows[e[i].id].name);
		assert_true(metrics_has(m, e[i].id));
		assert_int_equal(m->value[e[i].id], e[i].value);
		present |= 1ull << e[i].id;
	}
	for (enum metric_id id = 0; id < METRIC_COUNT; id++)
		if ((m->present ^ present) >> id & 1)
			print_error("not expected: %s\n", metric_rows[id].name);
	assert_int_equal(m->present, present);
}
#define EXPECT(m, ...)                                                                                       \
	expect(m, (const struct expected[]){ __VA_ARGS__ },                                                  \
	       ARRAY_SIZE(((const struct expected[]){ __VA_ARGS__ })))

static void figures_v2(void **state)
{
	struct metrics m = read_once(NODES "v2", "/system.slice/docker-" ID ".scope", ALL);

	EXPECT(&m, { METRIC_cpu_time_ns, 12345678000 }, { METRIC_cpu_periods, 500 },
	       { METRIC_cpu_throttled_periods, 40 }, { METRIC_cpu_throttled_ns, 1234567000 },
	       { METRIC_cpu_limit_millicores, 1500 }, { METRIC_memory_usage_bytes, 104857600 },
	       { METRIC_memory_working_set_bytes, 104857600 - 20971520 },
	       { METRIC_memory_anon_bytes, 41943040 }, { METRIC_memory_file_bytes, 52428800 },
	       { METRIC_memory_shmem_bytes, 1048576 }, { METRIC_memory_limit_bytes, 268435456 },
	       { METRIC_faults_minor, 19850 }, { METRIC_faults_major, 150 }, { METRIC_oom_kills, 2 },
	       { METRIC_io_read_bytes, 1052672 }, { METRIC_io_write_bytes, 524288 }, { METRIC_io_reads, 101 },
	       { METRIC_io_writes, 50 }, { METRIC_tasks, 7 }, { METRIC_psi_cpu_some_ns, 9876543000 },
	       { METRIC_psi_memory_some_ns, 1500000 }, { METRIC_psi_memory_full_ns, 1200000 },
	       { METRIC_psi_io_some_ns, 77000 }, { METRIC_psi_io_full_ns, 70000 });
}

static void figures_v2_newer(void **state)
{
	struct metrics m = read_once(NODES "v2", "/system.slice/edge.service", ALL);

	EXPECT(&m, { METRIC_cpu_time_ns, 1000 }, { METRIC_cpu_periods, 0 },
	       { METRIC_cpu_throttled_periods, 0 }, { METRIC_cpu_throttled_ns, 0 },
	       { METRIC_memory_usage_bytes, 4096 }, { METRIC_memory_working_set_bytes, 0 },
	       { METRIC_memory_anon_bytes, 4096 }, { METRIC_memory_file_bytes, 0 },
	       { METRIC_memory_shmem_bytes, 0 }, { METRIC_memory_peak_bytes, 8192 },
	       { METRIC_faults_minor, 3 }, { METRIC_faults_major, 0 }, { METRIC_swap_in_pages, 11 },
	       { METRIC_io_read_bytes, 0 }, { METRIC_io_write_bytes, 0 }, { METRIC_io_reads, 0 },
	       { METRIC_io_writes, 0 }, { METRIC_tasks, 1 });
}

static void figures_v2_root(void **state)
{
	struct metrics m = read_once(NODES "v2", "/", ALL);

	EXPECT(&m, { METRIC_cpu_time_ns, 771234567000 }, { METRIC_memory_anon_bytes, 300000000 },
	       { METRIC_memory_file_bytes, 700000000 }, { METRIC_io_read_bytes, 1474560 },
	       { METRIC_io_write_bytes, 4096 }, { METRIC_io_reads, 91 }, { METRIC_io_writes, 1 });
}

static void figures_v1(void **state)
{
	struct metrics m = read_once(NODES "v1", "/docker/" ID, ALL);

	EXPECT(&m, { METRIC_cpu_time_ns, 98765432101 }, { METRIC_cpu_periods, 33 },
	       { METRIC_cpu_throttled_periods, 32 }, { METRIC_cpu_throttled_ns, 2871234567 },
	       { METRIC_cpu_limit_millicores, 500 }, { METRIC_memory_usage_bytes, 50331648 },
	       { METRIC_memory_working_set_bytes, 50331648 - 8388608 },
	       { METRIC_memory_anon_bytes, 33554432 }, { METRIC_memory_file_bytes, 16777216 },
	       { METRIC_memory_shmem_bytes, 4194304 }, { METRIC_memory_peak_bytes, 67108864 },
	       { METRIC_memory_limit_bytes, 67108864 }, { METRIC_faults_minor, 8960 },
	       { METRIC_faults_major, 40 }, { METRIC_oom_kills, 5 }, { METRIC_io_read_bytes, 4198400 },
	       { METRIC_io_write_bytes, 8192 }, { METRIC_io_reads, 65 }, { METRIC_io_writes, 2 },
	       { METRIC_tasks, 3 });
}

static void figures_v1_plain(void **state)
{
	struct metrics m = read_once(NODES "v1", "/plain", ALL);

	EXPECT(&m, { METRIC_memory_usage_bytes, 4096 }, { METRIC_memory_working_set_bytes, 4063 },
	       { METRIC_memory_anon_bytes, 22 }, { METRIC_memory_file_bytes, 11 },
	       { METRIC_memory_shmem_bytes, 5 }, { METRIC_faults_minor, 9 }, { METRIC_faults_major, 1 });
}

static void figures_hybrid(void **state)
{
	struct metrics m = read_once(NODES "hybrid", "/docker/" ID, ALL);

	EXPECT(&m, { METRIC_cpu_time_ns, 5000000000 }, { METRIC_cpu_periods, 0 },
	       { METRIC_cpu_throttled_periods, 0 }, { METRIC_cpu_throttled_ns, 0 },
	       { METRIC_memory_usage_bytes, 12288 }, { METRIC_memory_working_set_bytes, 0 },
	       { METRIC_memory_anon_bytes, 8192 }, { METRIC_memory_file_bytes, 4096 },
	       { METRIC_memory_shmem_bytes, 0 }, { METRIC_faults_minor, 0 }, { METRIC_faults_major, 9 },
	       { METRIC_io_read_bytes, 100 }, { METRIC_io_write_bytes, 200 }, { METRIC_io_reads, 0 },
	       { METRIC_io_writes, 0 }, { METRIC_tasks, 2 }, { METRIC_psi_cpu_some_ns, 42000 });
	m = read_once(NODES "hybrid", "/system.slice/ssh.service", ALL);
	EXPECT(&m, { METRIC_cpu_time_ns, 2500000000 });
}

static void figures_damaged(void **state)
{
	struct metrics m = read_once(NODES "damaged", "/a", ALL);

	EXPECT(&m, { METRIC_memory_shmem_bytes, 1 }, { METRIC_faults_major, 6 }, { METRIC_faults_minor, 0 },
	       { METRIC_psi_io_full_ns, 5000 });
	m = read_once(NODES "damaged", "/b", ALL);
	EXPECT(&m, { METRIC_cpu_time_ns, 7000 }, { METRIC_memory_usage_bytes, 9 },
	       { METRIC_io_read_bytes, 11 }, { METRIC_io_write_bytes, 22 }, { METRIC_io_reads, 33 },
	       { METRIC_io_writes, 44 }, { METRIC_psi_cpu_some_ns, 3000 });
}

static void only_what_was_asked(void **state)
{
	const char *path = "/docker/" ID;
	struct metrics m = read_once(NODES "v1", path, CGROUP_READ_CPU_TIME | CGROUP_READ_TASKS);

	EXPECT(&m, { METRIC_cpu_time_ns, 98765432101 }, { METRIC_tasks, 3 });
	m = read_once(NODES "v1", path, CGROUP_READ_EVENTS);
	EXPECT(&m, { METRIC_faults_minor, 8960 }, { METRIC_faults_major, 40 }, { METRIC_oom_kills, 5 });
	m = read_once(NODES "v2", "/system.slice/docker-" ID ".scope", CGROUP_READ_THROTTLING);
	EXPECT(&m, { METRIC_cpu_periods, 500 }, { METRIC_cpu_throttled_periods, 40 },
	       { METRIC_cpu_throttled_ns, 1234567000 }, { METRIC_cpu_limit_millicores, 1500 });
	m = read_once(NODES "v2", "/system.slice/docker-" ID ".scope", 0);
	assert_int_equal(m.present, 0);
}

static void paths_that_are_not_there(void **state)
{
	struct cgroup_mounts mounts = mounts_of(NODES "v2");
	char deep[PATH_MAX + 10];
	struct cgroup_files *f = NULL;

	assert_int_equal(cgroup_files_open(NODES "v2", &mounts, "/docker/none", &f), -ENOENT);
	assert_int_equal(cgroup_files_open(NODES "v2", &mounts, "/../v2", &f), -ENOENT);
	assert_int_equal(cgroup_files_open(NODES "v2", &mounts, "/system.slice/..", &f), -ENOENT);
	assert_int_equal(cgroup_files_open(NODES "v2", &mounts, "system.slice", &f), -ENOENT);
	assert_int_equal(cgroup_files_open(NODES "v2", &mounts, "", &f), -ENOENT);
	memset(deep, 'a', sizeof(deep));
	deep[0] = '/';
	deep[sizeof(deep) - 1] = '\0';
	assert_int_equal(cgroup_files_open(NODES "v2", &mounts, deep, &f), -ENOENT);
	assert_null(f);
	cgroup_files_close(f);
}

/* --- a node that changes under the reader ------------------------------------- */

static char node[] = "/tmp/edgeprof-node-XXXXXX";

static void put(const char *path, const char *text)
{
	char full[PATH_MAX];
	FILE *f;

	snprintf(full, sizeof(full), "%s%s", node, path);
	for (char *p = full + strlen(node) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(full, 0755);
		*p = '/';
	}
	f = fopen(full, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void take(const char *path)
{
	char command[PATH_MAX];

	snprintf(command, sizeof(command), "rm -rf '%s%s'", node, path);
	assert_int_equal(system(command), 0);
}

static int make_node(void **state)
{
	strcpy(node + strlen(node) - 6, "XXXXXX");
	assert_non_null(mkdtemp(node));
	put("/proc/self/mountinfo",
	    "1 0 0:1 / /cg rw - cgroup2 cgroup2 rw\n2 0 0:2 / /acct rw - cgroup x rw,cpuacct\n");
	put("/cg/cgroup.procs", "1\n");
	put("/cg/cgroup.controllers", "cpu memory pids\n");
	put("/acct/cgroup.procs", "1\n");
	put("/cg/x/cgroup.procs", "5\n");
	put("/cg/x/cpu.stat", "usage_usec 5\n");
	put("/cg/x/pids.current", "1\n");
	put("/cg/x/memory.current", "100\n");
	put("/cg/x/memory.max", "1000\n");
	return 0;
}

static int remove_node(void **state)
{
	take("");
	return 0;
}

static unsigned open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void limits_are_reread_now_and_then(void **state)
{
	struct cgroup_mounts mounts = mounts_of(node);
	struct cgroup_files *f;

	assert_int_equal(cgroup_files_open(node, &mounts, "/x", &f), 0);
	for (int i = 0; i < 2 * CGROUP_FILES_SLOW_READINGS; i++) {
		struct metrics m = { 0 };

		assert_int_equal(cgroup_files_read(f, CGROUP_READ_MEMORY, &m), 0);
		put("/cg/x/memory.max", i < CGROUP_FILES_SLOW_READINGS - 2 ? "2000\n" : "3000\n");
		put("/cg/x/memory.peak", "300\n");
		/* At readings 0, 1, 3, 7, 15 and then every tenth. */
		assert_int_equal(m.value[METRIC_memory_limit_bytes], i < 1 ? 1000 : i < 7 + 8 ? 2000 : 3000);
		assert_int_equal(metrics_has(&m, METRIC_memory_peak_bytes), i >= CGROUP_FILES_SLOW_READINGS);
		assert_int_equal(m.value[METRIC_memory_usage_bytes], 100);
	}
	cgroup_files_close(f);
}

static void cpu_time_keeps_its_source(void **state)
{
	struct cgroup_mounts mounts = mounts_of(node);
	struct cgroup_files *f;

	assert_int_equal(cgroup_files_open(node, &mounts, "/x", &f), 0);
	for (int i = 0; i < 3 * CGROUP_FILES_SLOW_READINGS; i++) {
		struct metrics m = { 0 };

		assert_int_equal(cgroup_files_read(f, CGROUP_READ_CPU_TIME, &m), 0);
		assert_int_equal(m.value[METRIC_cpu_time_ns], 5000);
		put("/acct/x/cpuacct.usage", "7\n");
	}
	cgroup_files_close(f);
}

static void a_removed_cgroup_is_gone(void **state)
{
	struct cgroup_mounts mounts = mounts_of(node);
	struct metrics m = { 0 };
	struct cgroup_files *f;

	metrics_set(&m, METRIC_tasks, 42);
	assert_int_equal(cgroup_files_open(node, &mounts, "/x", &f), 0);
	take("/cg/x");
	assert_int_equal(cgroup_files_read(f, ALL, &m), -ENOENT);
	assert_int_equal(cgroup_files_read(f, ALL, &m), -ENOENT);
	assert_int_equal(m.present, 1ull << METRIC_tasks);
	assert_int_equal(m.value[METRIC_tasks], 42);
	cgroup_files_close(f);
}

static void open_files_stay_bounded(void **state)
{
	struct cgroup_mounts mounts = mounts_of(node);
	struct cgroup_files *files[40];
	struct rlimit before, low;
	unsigned fds = open_fds();

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	low = (struct rlimit){ 64, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		assert_int_equal(cgroup_files_open(node, &mounts, "/x", &files[i]), 0);
	for (size_t i = 0; i < 3 * ARRAY_SIZE(files); i++) {
		struct metrics m = { 0 };

		assert_int_equal(cgroup_files_read(files[i % ARRAY_SIZE(files)], ALL, &m), 0);
		assert_int_equal(m.value[METRIC_tasks], 1);
		assert_int_equal(m.value[METRIC_memory_usage_bytes], 100);
	}
	assert_true(open_fds() <= fds + 32);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		cgroup_files_close(files[i]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(open_fds(), fds);
}

/* Others in the process have taken all files but one: the reader gives its own up. */
static void gives_way_when_files_run_out(void **state)
{
	struct cgroup_mounts mounts = mounts_of(node);
	struct metrics m = { 0 };
	struct rlimit before, low;
	struct cgroup_files *f;
	int taken[64], n = 0;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	low = (struct rlimit){ 64, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_int_equal(cgroup_files_open(node, &mounts, "/x", &f), 0);
	assert_int_equal(cgroup_files_read(f, CGROUP_READ_MEMORY, &m), 0);
	while (n < 64 && (taken[n] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		n++;
	for (int i = 0; i < 3; i++) {
		m.present = 0;
		assert_int_equal(cgroup_files_read(f, ALL, &m), 0);
		assert_true(metrics_has(&m, METRIC_tasks) && metrics_has(&m, METRIC_cpu_time_ns));
		assert_true(metrics_has(&m, METRIC_memory_usage_bytes));
	}
	while (n)
		close(taken[--n]);
	cgroup_files_close(f);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void without_a_single_file_nothing_is_gone(void **state)
{
	struct cgroup_mounts mounts = mounts_of(node);
	struct metrics m = { 0 };
	struct rlimit before, low;
	struct cgroup_files *f;

	assert_int_equal(cgroup_files_open(node, &mounts, "/x", &f), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	low = (struct rlimit){ 0, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_int_equal(cgroup_files_read(f, ALL, &m), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(m.present, 0);
	assert_int_equal(cgroup_files_read(f, CGROUP_READ_TASKS, &m), 0);
	assert_int_equal(m.value[METRIC_tasks], 1);
	cgroup_files_close(f);
}

/* Not a measurement, a guard: reading must not become slower by an order. */
static void reading_is_cheap(void **state)
{
	struct cgroup_mounts mounts = mounts_of("/");
	uint64_t best_ns = UINT64_MAX;
	struct cgroup_files *f;

	assert_int_equal(cgroup_files_open("/", &mounts, "/", &f), 0);
	for (int round = 0; round < 200; round++) {
		uint64_t from = clock_ns(CLOCK_THREAD_CPUTIME_ID), took;
		struct metrics m = { 0 };

		assert_int_equal(cgroup_files_read(f, CGROUP_READ_CPU_TIME | CGROUP_READ_MEMORY, &m), 0);
		took = clock_ns(CLOCK_THREAD_CPUTIME_ID) - from;
		best_ns = took < best_ns ? took : best_ns;
	}
	cgroup_files_close(f);
	print_message("# CPU time and memory of one cgroup: %llu ns\n", (unsigned long long)best_ns);
	assert_true(best_ns < 200000);
}

#define ON_NODE(test) cmocka_unit_test_setup_teardown(test, make_node, remove_node)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(figures_v2),
		cmocka_unit_test(figures_v2_newer),
		cmocka_unit_test(figures_v2_root),
		cmocka_unit_test(figures_v1),
		cmocka_unit_test(figures_v1_plain),
		cmocka_unit_test(figures_hybrid),
		cmocka_unit_test(figures_damaged),
		cmocka_unit_test(only_what_was_asked),
		cmocka_unit_test(paths_that_are_not_there),
		ON_NODE(limits_are_reread_now_and_then),
		ON_NODE(cpu_time_keeps_its_source),
		ON_NODE(a_removed_cgroup_is_gone),
		ON_NODE(open_files_stay_bounded),
		ON_NODE(gives_way_when_files_run_out),
		ON_NODE(without_a_single_file_nothing_is_gone),
		cmocka_unit_test(reading_is_cheap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
