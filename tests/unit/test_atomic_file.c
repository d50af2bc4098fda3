/* SPDX-License-Identifier: BSD-2-Clause */
/* A file is there as a whole or not at all. */
#include "base/atomic_file.h"

#include "base/root.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>

static char folder[64], path[80];

static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/edgeprof-file.XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/file", folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	rmdir(path);
	return rmdir(folder); /* fails when something was left behind */
}

static void assert_content(const char *expected)
{
	char text[64];

	assert_int_equal(root_read_text("/", path, text, sizeof(text)), strlen(expected));
	assert_string_equal(text, expected);
}

static void test_writes(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(atomic_file_write(path, "one", 3, false), 0);
	assert_content("one");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
}

static void test_keeps_what_is_there(void **state)
{
	(void)state;
	assert_int_equal(atomic_file_write(path, "one", 3, false), 0);
	assert_int_equal(atomic_file_write(path, "two", 3, false), -EEXIST);
	assert_content("one");
	assert_int_equal(atomic_file_write(path, "three", 5, true), 0);
	assert_content("three");
}

static void test_only_regular_files(void **state)
{
	(void)state;
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(atomic_file_write(path, "one", 3, true), -EISDIR);
	rmdir(path);
	assert_int_equal(symlink("/nonexistent", path), 0);
	assert_int_equal(atomic_file_write(path, "one", 3, true), -EINVAL);
	assert_int_equal(atomic_file_write("/nonexistent/file", "one", 3, true), -ENOENT);
}

static void test_nothing_half_written(void **state)
{
	const struct rlimit small = { 2, RLIM_INFINITY }, all = { RLIM_INFINITY, RLIM_INFINITY };
	struct stat st;

	(void)state;
	setrlimit(RLIMIT_FSIZE, &small);
	assert_int_equal(atomic_file_write(path, "three", 5, false), -EFBIG);
	setrlimit(RLIMIT_FSIZE, &all);
	assert_int_equal(stat(path, &st), -1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_writes),
		T(test_keeps_what_is_there),
		T(test_only_regular_files),
		T(test_nothing_half_written),
	};

	signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
