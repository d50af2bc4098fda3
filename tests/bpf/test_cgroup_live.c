/* SPDX-License-Identifier: BSD-2-Clause */
/* The reader of cgroup files against a cgroup of this kernel and getrusage(). */
#include "base/clock.h"
#include "source/cgroup_files.h"
#include "source/process.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#define BURN_NS 300000000ull
#define TOUCH_BYTES (16u << 20)

static struct cgroup_mounts mounts;
static char path[64];
static pid_t child;
static const char *places[3]; /* mounts to make the cgroup in, NULL at the end */

static void full_path(const char *mount, const char *file, char *into, size_t size)
{
	snprintf(into, size, "%s%s/%s", mount, path, file);
}

static int make_cgroup(void **state)
{
	size_t n = 0;
	char full[512];

	assert_int_equal(cgroup_mounts_read("/", &mounts), 0);
	snprintf(path, sizeof(path), "/edgeprof-test-live-%d", (int)getpid());
	if (*mounts.memory)
		places[n++] = mounts.memory;
	if (*mounts.cpuacct && strcmp(mounts.cpuacct, mounts.memory))
		places[n++] = mounts.cpuacct;
	if (!n)
		places[n++] = mounts.unified;
	for (size_t i = 0; i < n; i++) {
		full_path(places[i], "", full, sizeof(full));
		assert_int_equal(mkdir(full, 0755), 0);
	}
	return 0;
}

static void end_child(void)
{
	if (child <= 0)
		return;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	child = 0;
}

static int remove_cgroup(void **state)
{
	char full[512];

	end_child();
	for (size_t i = 0; i < ARRAY_SIZE(places) && places[i]; i++) {
		full_path(places[i], "", full, sizeof(full));
		for (int tries = 0; tries < 100 && rmdir(full) < 0 && errno == EBUSY; tries++)
			usleep(10000);
	}
	return 0;
}

static void enter(void)
{
	char full[512];

	for (size_t i = 0; i < ARRAY_SIZE(places) && places[i]; i++) {
		int fd;

		full_path(places[i], "cgroup.procs", full, sizeof(full));
		fd = open(full, O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, "0", 1) != 1)
			_exit(99);
		close(fd);
	}
}

/* In the child: burns BURN_NS inside the cgroup and tells what getrusage says. */
static void burn(int to)
{
	uint64_t until, used_ns;
	struct rusage usage;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	enter();
	if (mmap(NULL, TOUCH_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1,
		 0) == MAP_FAILED)
		_exit(98);
	until = clock_ns(CLOCK_PROCESS_CPUTIME_ID) + BURN_NS;
	while (clock_ns(CLOCK_PROCESS_CPUTIME_ID) < until)
		;
	getrusage(RUSAGE_SELF, &usage);
	used_ns = (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000u +
		  (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000u;
	if (write(to, &used_ns, sizeof(used_ns)) != sizeof(used_ns))
		_exit(97);
	pause();
}

static int start_burning(void)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		close(ends[0]);
		burn(ends[1]);
	}
	close(ends[1]);
	return ends[0];
}

static void check_path(pid_t pid)
{
	char found[256];

	assert_int_equal(process_cgroup_path("/", pid, *mounts.memory ? "memory" : "", found, sizeof(found)),
			 0);
	assert_string_equal(found, path);
	assert_int_equal(cgroup_has_processes("/", places[0], path), 1);
}

static void check_figures(struct cgroup_files *f, uint64_t used_ns)
{
	struct metrics m = { 0 };
	double ratio;

	assert_int_equal(cgroup_files_read(f, 127, &m), 0);
	assert_true(used_ns > BURN_NS / 2 && metrics_has(&m, METRIC_cpu_time_ns));
	ratio = (double)m.value[METRIC_cpu_time_ns] / (double)used_ns;
	print_message("# cgroup %llu ns, getrusage %llu ns: %+.2f %%\n",
		      (unsigned long long)m.value[METRIC_cpu_time_ns], (unsigned long long)used_ns,
		      (ratio - 1) * 100);
	assert_true(ratio > 0.98 && ratio < 1.02);
	if (*mounts.memory || mounts.unified_has_memory) {
		assert_true(m.value[METRIC_memory_usage_bytes] >= TOUCH_BYTES);
		assert_true(m.value[METRIC_memory_anon_bytes] >= TOUCH_BYTES / 2);
		assert_true(m.value[METRIC_faults_minor] > 0);
		assert_false(metrics_has(&m, METRIC_memory_limit_bytes));
	}
}

struct search {
	uint64_t id;
};

static int find_own(void *data, const char *found, uint64_t id)
{
	if (strcmp(found, path))
		return 0;
	((struct search *)data)->id = id;
	return 1;
}

static void live_cgroup(void **state)
{
	struct cgroup_files *f;
	struct search search = { 0 };
	struct metrics m = { 0 };
	uint64_t used_ns = 0;
	struct stat st;
	char full[512];
	int from, r;

	assert_int_equal(cgroup_files_open("/", &mounts, path, &f), 0);
	assert_int_equal(cgroup_has_processes("/", places[0], path), 0);
	assert_int_equal(cgroup_walk("/", places[0], find_own, &search), 1);
	full_path(places[0], "", full, sizeof(full));
	assert_int_equal(stat(full, &st), 0);
	assert_int_equal(search.id, st.st_ino);
	from = start_burning();
	assert_int_equal(read(from, &used_ns, sizeof(used_ns)), sizeof(used_ns));
	close(from);
	check_path(child);
	check_figures(f, used_ns);
	remove_cgroup(NULL);
	r = cgroup_files_read(f, CGROUP_READ_CPU_TIME | CGROUP_READ_MEMORY, &m);
	assert_true(r == -ENODEV || r == -ENOENT);
	r = cgroup_files_read(f, CGROUP_READ_CPU_TIME | CGROUP_READ_MEMORY, &m);
	assert_true(r == -ENODEV || r == -ENOENT);
	cgroup_files_close(f);
	assert_int_equal(cgroup_files_open("/", &mounts, path, &f), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(live_cgroup, make_cgroup, remove_cgroup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
