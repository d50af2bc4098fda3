/* SPDX-License-Identifier: BSD-2-Clause */
/* Where cgroups are mounted, the tree of them, and their files as text. */
#include "source/cgroup_files.h"
#include "source/cgroup_parse.h"
#include "source/keyed_text.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define NODES TEST_SOURCE_DIR "/tests/fixtures/nodes/"

static struct cgroup_mounts mounts_of(const char *node)
{
	struct cgroup_mounts m;

	assert_int_equal(cgroup_mounts_read(node, &m), 0);
	return m;
}

static void mounts_v2(void **state)
{
	struct cgroup_mounts m = mounts_of(NODES "v2");

	assert_int_equal(m.layout, CGROUP_LAYOUT_V2);
	assert_string_equal(m.unified, "/sys/fs/cgroup");
	assert_string_equal(m.memory, "");
	assert_int_equal(m.memory_id, 0);
	assert_true(m.unified_has_memory && m.unified_has_cpu && m.unified_has_pids && m.unified_has_io);
}

static void mounts_v1(void **state)
{
	struct cgroup_mounts m = mounts_of(NODES "v1");

	assert_int_equal(m.layout, CGROUP_LAYOUT_V1);
	assert_string_equal(m.unified, "");
	assert_string_equal(m.cpu, "/sys/fs/cgroup/cpu,cpuacct");
	assert_string_equal(m.cpuacct, "/sys/fs/cgroup/cpu,cpuacct");
	assert_string_equal(m.memory, "/sys/fs/cgroup/memory");
	assert_string_equal(m.io, "/sys/fs/cgroup/blkio");
	assert_int_equal(m.memory_id, 4);
	assert_int_equal(m.cpuacct_id, 3);
	assert_int_equal(m.io_id, 5);
}

static void mounts_hybrid(void **state)
{
	struct cgroup_mounts m = mounts_of(NODES "hybrid");

	assert_int_equal(m.layout, CGROUP_LAYOUT_HYBRID);
	assert_string_equal(m.unified, "/sys/fs/cgroup/unified");
	assert_int_equal(m.memory_id, 9);
	assert_int_equal(m.cpuacct_id, 5);
	assert_int_equal(m.io_id, 12);
	assert_false(m.unified_has_memory || m.unified_has_cpu || m.unified_has_pids || m.unified_has_io);
}

static void mounts_odd(void **state)
{
	struct cgroup_mounts m = mounts_of(NODES "odd");

	assert_string_equal(m.memory, "/mnt/mem ory\\x");
	assert_string_equal(m.unified, "/mnt/host");
	assert_string_equal(m.cpuacct, "");
	assert_true(m.unified_has_cpu && m.unified_has_pids);
	assert_false(m.unified_has_memory || m.unified_has_io);
}

static void mounts_none(void **state)
{
	struct cgroup_mounts m = { .layout = CGROUP_LAYOUT_V1 };

	assert_int_equal(cgroup_mounts_read(NODES "processes", &m), -ENOENT);
	assert_int_equal(cgroup_mounts_read(NODES "nowhere", &m), -ENOENT);
	assert_int_equal(m.layout, CGROUP_LAYOUT_V1);
	assert_string_equal(cgroup_layout_name(CGROUP_LAYOUT_HYBRID), "hybrid");
	assert_string_equal(cgroup_layout_name((enum cgroup_layout)99), "none");
}

static void mounts_live(void **state)
{
	struct cgroup_mounts m = mounts_of("/");

	assert_int_not_equal(m.layout, CGROUP_LAYOUT_NONE);
}

static void mount_lines(void **state)
{
	struct cgroup_mount_line m;
	char line[1024];

	assert_true(cgroup_parse_mount("1 2 0:3 / /a rw shared:1 master:2 - cgroup cgroup rw,cpu", &m));
	assert_string_equal(m.options, "rw,cpu");
	assert_true(cgroup_parse_mount("1 2 0:3 /../.. /a\\011b\\777 rw - cgroup2 x rw", &m));
	assert_int_equal(m.levels_up, 2);
	assert_string_equal(m.point, "/a\tb\\777");
	assert_false(cgroup_parse_mount("1 2 0:3 /..x /a rw - cgroup2 x rw", &m));
	assert_false(cgroup_parse_mount("1 2 0:3 /docker /a rw - cgroup2 x rw", &m));
	assert_false(cgroup_parse_mount("1 2 0:3 / /a rw - cgroup2fs x rw", &m));
	assert_false(cgroup_parse_mount("", &m));
	assert_false(cgroup_parse_mount(" - cgroup2 ", &m));
	snprintf(line, sizeof(line), "1 2 0:3 / /%0300d rw - cgroup2 x rw", 0);
	assert_false(cgroup_parse_mount(line, &m));
}

/* --- walking ---------------------------------------------------------------------- */

struct seen {
	char paths[16][128];
	uint64_t ids[16];
	int n, stop_at;
};

static int remember(void *data, const char *path, uint64_t id)
{
	struct seen *s = data;

	assert_true(s->n < 16);
	snprintf(s->paths[s->n], sizeof(s->paths[0]), "%s", path);
	s->ids[s->n++] = id;
	return s->n == s->stop_at ? 7 : 0;
}

static int position(const struct seen *s, const char *path)
{
	for (int i = 0; i < s->n; i++)
		if (!strcmp(s->paths[i], path))
			return i;
	return -1;
}

static void walk_visits_parents_first(void **state)
{
	struct seen s = { 0 };
	struct stat st;
	int parent, child;

	assert_int_equal(cgroup_walk(NODES "v2", "/sys/fs/cgroup", remember, &s), 0);
	assert_int_equal(s.n, 5);
	assert_string_equal(s.paths[0], "/");
	parent = position(&s, "/system.slice");
	child = position(&s, "/system.slice/edge.service");
	assert_true(parent > 0 && child > parent && position(&s, "/init.scope") > 0);
	assert_int_equal(stat(NODES "v2/sys/fs/cgroup/system.slice/edge.service", &st), 0);
	assert_int_equal(s.ids[child], st.st_ino);
}

static void walk_ends_when_told(void **state)
{
	struct seen s = { .stop_at = 2 };

	assert_int_equal(cgroup_walk(NODES "v2", "/sys/fs/cgroup", remember, &s), 7);
	assert_int_equal(s.n, 2);
	assert_int_equal(cgroup_walk(NODES "v2", "/nowhere", remember, &s), -ENOENT);
	assert_int_equal(cgroup_walk(NODES "v2", "/sys/fs/cgroup/cgroup.procs", remember, &s), -ENOTDIR);
}

static int count_only(void *data, const char *path, uint64_t id)
{
	++*(unsigned *)data;
	return 0;
}

/* Far more levels than a recursion should have, and more than a path can name. */
static void walk_survives_depth(void **state)
{
	char top[] = "/tmp/edgeprof-deep-XXXXXX", name[201], command[64];
	unsigned n = 0;
	int r;

	assert_non_null(mkdtemp(top));
	memset(name, 'd', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	r = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 40; i++) {
		int below;

		assert_int_equal(mkdirat(r, name, 0755), 0);
		below = openat(r, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(below >= 0);
		close(r);
		r = below;
	}
	close(r);
	assert_int_equal(cgroup_walk("/", top, count_only, &n), -E2BIG); /* not all were seen */
	assert_true(n > 15 && n < 40);
	snprintf(command, sizeof(command), "rm -rf '%s'", top);
	assert_int_equal(system(command), 0);
}

static void walk_live(void **state)
{
	struct cgroup_mounts m = mounts_of("/");
	unsigned n = 0;

	assert_int_equal(cgroup_walk("/", *m.memory ? m.memory : m.unified, count_only, &n), 0);
	assert_true(n > 0);
}

static void processes(void **state)
{
	assert_int_equal(cgroup_has_processes(NODES "v2", "/sys/fs/cgroup", "/"), 1);
	assert_int_equal(cgroup_has_processes(NODES "v2", "/sys/fs/cgroup", "/init.scope"), 1);
	assert_int_equal(cgroup_has_processes(NODES "v2", "/sys/fs/cgroup", "/system.slice"), 0);
	assert_int_equal(cgroup_has_processes(NODES "v2", "/sys/fs/cgroup", "/none"), -ENOENT);
}

/* --- texts ------------------------------------------------------------------------- */

static void numbers(void **state)
{
	uint64_t n = 77;

	assert_true(cgroup_parse_number(" 5\n", &n) && n == 5);
	assert_true(cgroup_parse_number("18446744073709551615", &n) && n == UINT64_MAX);
	n = 77;
	assert_false(cgroup_parse_number("18446744073709551616", &n));
	assert_false(cgroup_parse_number("-1\n", &n));
	assert_false(cgroup_parse_number("max\n", &n));
	assert_false(cgroup_parse_number("1 2\n", &n));
	assert_false(cgroup_parse_number("", &n));
	assert_false(cgroup_parse_number("0x10", &n));
	assert_false(cgroup_parse_memory_limit("9223372036854710272\n", &n)); /* 64 KiB pages */
	assert_int_equal(n, 77);
	assert_true(cgroup_parse_memory_limit("0\n", &n) && n == 0);
}

static void quotas(void **state)
{
	uint64_t n = 77;

	assert_true(cgroup_parse_cpu_max("1000 1000000\n", &n) && n == 1);
	assert_true(cgroup_parse_cpu_max("800000 100000", &n) && n == 8000);
	n = 77;
	assert_false(cgroup_parse_cpu_max("max 100000\n", &n));
	assert_false(cgroup_parse_cpu_max("100000\n", &n));
	assert_false(cgroup_parse_cpu_max("5 0\n", &n));
	assert_false(cgroup_parse_cpu_max("18446744073709551615 1\n", &n));
	assert_false(cgroup_parse_cpu_max("5 5 5\n", &n));
	assert_int_equal(n, 77);
}

static void keyed(void **state)
{
	static const char *const keys[] = { "a", "ab", "c" };
	uint64_t v[3] = { 9, 9, 9 };

	assert_int_equal(keyed_text_parse("ab 2\na 1\nc 3", keys, 3, v), 7);
	assert_true(v[0] == 1 && v[1] == 2 && v[2] == 3);
	assert_int_equal(keyed_text_parse("a x\na 5\na 6\nc:\t 7 kB\nabc 4\n", keys, 3, v), 5);
	assert_true(v[0] == 5 && v[1] == 2 && v[2] == 7);
	assert_int_equal(keyed_text_parse("\n\n:\n a 1\n", keys, 3, v), 0);
	assert_int_equal(keyed_text_parse("", keys, 3, v), 0);
}

static void blkio(void **state)
{
	uint64_t read = 1, write = 1;

	assert_true(cgroup_parse_blkio("", &read, &write) && read == 0 && write == 0);
	assert_true(cgroup_parse_blkio("8:0 Read 3\n8:16 Read 4\n8:0 Discard 9\nTotal 7", &read, &write));
	assert_true(read == 7 && write == 0);
	assert_false(cgroup_parse_blkio("8:0 Read 18446744073709551615\n8:16 Read 1\n", &read, &write));
	assert_false(cgroup_parse_blkio("8:0 Write x\n", &read, &write));
	assert_int_equal(read, 7);
}

static void membership(void **state)
{
	const char *text = "4:memory:/a:b (deleted)\n3:cpu,cpuacct:/c\n1:name=systemd:/s\n0::/\n";
	char path[16];
	unsigned id = 99;

	assert_int_equal(cgroup_parse_membership(text, "memory", path, sizeof(path), &id), 0);
	assert_string_equal(path, "/a:b");
	assert_int_equal(id, 4);
	assert_int_equal(cgroup_parse_membership(text, "cpuacct", path, sizeof(path), &id), 0);
	assert_string_equal(path, "/c");
	assert_int_equal(cgroup_parse_membership(text, "", path, sizeof(path), NULL), 0);
	assert_string_equal(path, "/");
	assert_int_equal(cgroup_parse_membership(text, "name=systemd", path, sizeof(path), NULL), 0);
	assert_int_equal(cgroup_parse_membership(text, "cpu,cpuacct", path, sizeof(path), &id), -ENOENT);
	assert_int_equal(cgroup_parse_membership("4:memory\n:\n::\n7", "memory", path, 16, &id), -ENOENT);
	assert_int_equal(cgroup_parse_membership("4:memory:/0123456789abcdef", "memory", path, 16, &id),
			 -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mounts_v2),
		cmocka_unit_test(mounts_v1),
		cmocka_unit_test(mounts_hybrid),
		cmocka_unit_test(mounts_odd),
		cmocka_unit_test(mounts_none),
		cmocka_unit_test(mounts_live),
		cmocka_unit_test(mount_lines),
		cmocka_unit_test(walk_visits_parents_first),
		cmocka_unit_test(walk_ends_when_told),
		cmocka_unit_test(walk_survives_depth),
		cmocka_unit_test(walk_live),
		cmocka_unit_test(processes),
		cmocka_unit_test(numbers),
		cmocka_unit_test(quotas),
		cmocka_unit_test(keyed),
		cmocka_unit_test(blkio),
		cmocka_unit_test(membership),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
