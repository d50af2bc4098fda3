/* SPDX-License-Identifier: BSD-2-Clause */
/* The node and its processes, recorded and live. */
#include "base/clock.h"
#include "source/node.h"
#include "source/process.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NODES TEST_SOURCE_DIR "/tests/fixtures/nodes/"

static void node_recorded(void **state)
{
	struct node_snapshot n;

	assert_int_equal(node_read(NODES "v2", &n), 0);
	assert_string_equal(n.boot_id, "0b1c2d3e-4f50-4162-8374-95a6b7c8d9e0");
	assert_int_equal(n.cpus, 6);
	assert_int_equal(n.memory_total_bytes, 7802112ull * 1024);
	assert_true(n.has_memory_available);
	assert_int_equal(n.memory_available_bytes, 5123456ull * 1024);
	assert_string_equal(n.cgroup_layout, "v2");
	assert_string_equal(n.hierarchy, "");
	assert_int_equal(node_read(NODES "v1", &n), 0);
	assert_int_equal(n.cpus, 4);
	assert_string_equal(n.cgroup_layout, "v1");
	assert_int_equal(node_read(NODES "hybrid", &n), 0);
	assert_string_equal(n.cgroup_layout, "hybrid");
}

static void node_damaged(void **state)
{
	struct node_snapshot n = { .cpus = 5 };

	assert_int_equal(node_read(NODES "damaged", &n), -EBADMSG);
	assert_int_equal(node_read(NODES "nowhere", &n), -ENOENT);
	assert_int_equal(n.cpus, 5);
}

static void node_live(void **state)
{
	struct node_snapshot n;

	assert_int_equal(node_read("/", &n), 0);
	assert_int_equal(n.cpus, sysconf(_SC_NPROCESSORS_ONLN));
	assert_true(n.name[0] && n.machine[0] && n.kernel[0]);
	assert_int_equal(strlen(n.boot_id), 36);
	assert_true(n.has_memory_available && n.memory_available_bytes < n.memory_total_bytes);
	assert_string_not_equal(n.cgroup_layout, "none");
	n.cpus = 0;
	assert_int_equal(node_refresh("/", &n), 0);
	assert_true(n.cpus > 0);
}

static void cpu_lists(void **state)
{
	assert_int_equal(node_count_cpus("0"), 1);
	assert_int_equal(node_count_cpus("0-3\n"), 4);
	assert_int_equal(node_count_cpus("0-1,4,6-7\n"), 5);
	assert_int_equal(node_count_cpus(""), 0);
	assert_int_equal(node_count_cpus("\n"), 0);
	assert_int_equal(node_count_cpus("3-1"), 0);
	assert_int_equal(node_count_cpus("0-"), 0);
	assert_int_equal(node_count_cpus("0,,1"), 0);
	assert_int_equal(node_count_cpus("0-99999999999999999999999"), 0);
	assert_int_equal(node_count_cpus("-1"), 0);
	assert_int_equal(node_count_cpus("1x"), 0);
}

static void self(void **state)
{
	uint64_t cpu_ns[2], rss_bytes, until;

	assert_int_equal(process_self_read(&cpu_ns[0], &rss_bytes), 0);
	until = clock_ns(CLOCK_PROCESS_CPUTIME_ID) + 5000000;
	while (clock_ns(CLOCK_PROCESS_CPUTIME_ID) < until)
		;
	assert_int_equal(process_self_read(&cpu_ns[1], &rss_bytes), 0);
	assert_true(cpu_ns[1] - cpu_ns[0] >= 5000000 && cpu_ns[1] - cpu_ns[0] < 1000000000);
	assert_true(rss_bytes > 100000);
}

struct seen {
	unsigned n;
	struct process_memory of_100, of_300;
	int stop_at;
};

static int remember(void *data, int tgid, const struct process_memory *memory)
{
	struct seen *s = data;

	s->n++;
	assert_true(tgid == 100 || tgid == 300);
	*(tgid == 100 ? &s->of_100 : &s->of_300) = *memory;
	return s->stop_at == tgid ? -EPERM : 0;
}

static void walk_recorded(void **state)
{
	uint64_t kib = (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
	struct seen s = { 0 };

	assert_int_equal(process_walk(NODES "processes", remember, &s), 0);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.of_100.rss_anon_pages, 4000 / kib);
	assert_int_equal(s.of_100.rss_file_pages, 1600 / kib);
	assert_int_equal(s.of_100.rss_shmem_pages, 400 / kib);
	assert_int_equal(s.of_100.swap_pages, 40 / kib);
	assert_int_equal(s.of_300.rss_anon_pages, 8 / kib);
	s.stop_at = 100;
	assert_int_equal(process_walk(NODES "processes", remember, &s), -EPERM);
	assert_int_equal(process_walk(NODES "nowhere", remember, &s), -ENOENT);
}

static int find_self(void *data, int tgid, const struct process_memory *memory)
{
	if (tgid == getpid()) {
		assert_true(memory->rss_anon_pages > 0 && memory->rss_file_pages > 0);
		*(int *)data = 1;
	}
	return 0;
}

static void walk_live(void **state)
{
	int found = 0;

	assert_int_equal(process_walk("/", find_self, &found), 0);
	assert_int_equal(found, 1);
}

static void cgroup_paths(void **state)
{
	const char *root = NODES "processes";
	char path[64];

	assert_int_equal(process_cgroup_path(root, 100, "", path, sizeof(path)), 0);
	assert_string_equal(path, "/user.slice");
	assert_int_equal(process_cgroup_path(root, 100, "memory", path, sizeof(path)), 0);
	assert_string_equal(path, "/a:b/c");
	assert_int_equal(process_cgroup_path(root, 100, "cpuacct", path, sizeof(path)), 0);
	assert_string_equal(path, "/docker/x");
	assert_int_equal(process_cgroup_path(root, 100, "name=systemd", path, sizeof(path)), 0);
	assert_string_equal(path, "/odd:name");
	assert_int_equal(process_cgroup_path(root, 100, "pids", path, sizeof(path)), -ENOENT);
	assert_int_equal(process_cgroup_path(root, 999, "", path, sizeof(path)), -ENOENT);
	assert_int_equal(process_cgroup_path(root, 100, "", path, 11), -ENAMETOOLONG);
	assert_int_equal(process_cgroup_path("/", getpid(), "", path, 0), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(node_recorded), cmocka_unit_test(node_damaged),
		cmocka_unit_test(node_live),     cmocka_unit_test(cpu_lists),
		cmocka_unit_test(self),          cmocka_unit_test(walk_recorded),
		cmocka_unit_test(walk_live),     cmocka_unit_test(cgroup_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
