/* SPDX-License-Identifier: BSD-2-Clause */
/* Every figure of the self-check, right and wrong. */
#include "source/self_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct ep_check seen;
static struct self_facts facts;
static char values[96];

static int set_up(void **state)
{
	(void)state;
	seen = (struct ep_check){ .tgid = 100,
				  .helper_tgid = 100,
				  .task_pid = 101,
				  .helper_pid = 101,
				  .cpu = 3,
				  .helper_cpu = 3,
				  .state = 0x2001,
				  .argument_state = 0x2001,
				  .hierarchy_id = 4,
				  .mm_users = 2,
				  .cgroup_id = 777,
				  .unified_id = 55,
				  .helper_unified_id = 55,
				  .exec_ns = 5000100,
				  .faults_minor = 321,
				  .faults_major = 2,
				  .comm = "edgeprof" };
	seen.rss_pages[EP_RSS_ANON] = 1000;
	seen.rss_pages[EP_RSS_FILE] = 600;
	seen.rss_pages[EP_RSS_SHMEM] = 10;
	facts = (struct self_facts){ .exec_ns = { 5000000, 5000200 },
				     .faults_minor = { 321, 321 },
				     .faults_major = { 2, 2 },
				     .anon_pages = { 1030, 1030 },
				     .file_pages = { 610, 610 },
				     .tolerance_pages = 64,
				     .comm = "edgeprof",
				     .has_cgroup_id = true,
				     .cgroup_id = 777,
				     .hierarchy_id = 4 };
	return 0;
}

static void right(void)
{
	const char *figure = self_check_compare(&seen, &facts, values, sizeof(values));

	if (figure)
		fail_msg("%s: %s", figure, values);
}

static void wrong(const char *figure, const char *shown)
{
	const char *found = self_check_compare(&seen, &facts, values, sizeof(values));

	if (!found || strcmp(found, figure) || !strstr(values, shown))
		fail_msg("%s: %s", found ? found : "nothing wrong", values);
	set_up(NULL);
}

static void test_all_right(void **state)
{
	(void)state;
	right();
	seen.exec_ns = facts.exec_ns[0];
	right();
	seen.exec_ns = facts.exec_ns[1];
	right();
	seen.rss_pages[EP_RSS_ANON] = 1030 - 64;
	seen.rss_pages[EP_RSS_FILE] = 600 + 128;
	right();
	seen.argument_state = seen.state = 1;
	right();
	facts.has_cgroup_id = false;
	seen.cgroup_id = 1;
	right();
	memcpy(seen.comm, "edgeprof-caf\xc3", sizeof("edgeprof-caf\xc3")); /* cut inside a character */
	memcpy(facts.comm, seen.comm, sizeof(facts.comm));
	right();
}

static void test_the_task(void **state)
{
	(void)state;
	seen.tgid = 0;
	wrong("process id", "0 instead of 100");
	memcpy(seen.comm, "\xff\x00\x01\x02sixteen bytes", sizeof(seen.comm));
	wrong("command name", "instead of 'edgeprof'");
	memset(seen.comm, 'x', sizeof(seen.comm));
	wrong("command name", "xxxxxxxxxxxxxxxx' instead");
	seen.cpu = 0x8000;
	wrong("CPU", "32768 instead of 3");
	seen.state = seen.argument_state = 0;
	wrong("task state", "0, as argument 0");
	seen.argument_state = 0xfffe0000;
	wrong("task state", "as argument 4294836224");
}

static void test_cgroups(void **state)
{
	(void)state;
	seen.unified_id = 0;
	wrong("unified cgroup id", "0 instead of 55");
	seen.hierarchy_id = 0;
	wrong("cgroup hierarchy's number", "0 instead of 4");
	seen.cgroup_id = 778;
	wrong("cgroup id", "778 instead of 777");
}

static void test_times_and_faults(void **state)
{
	(void)state;
	seen.exec_ns = facts.exec_ns[0] - 1;
	wrong("run time in ns", "4999999 instead of 5000000");
	seen.exec_ns = facts.exec_ns[1] + 1;
	wrong("run time in ns", "5000201");
	seen.faults_minor = 320;
	wrong("minor page faults", "320 instead of 321");
	seen.faults_major = 321;
	wrong("major page faults", "321 instead of 2");
}

static void test_memory(void **state)
{
	(void)state;
	seen.mm_users = 0;
	wrong("users of the address space", "0 instead");
	seen.rss_pages[EP_RSS_ANON] = 0;
	wrong("resident anonymous pages", "0 instead of 1030");
	seen.rss_pages[EP_RSS_ANON] = 1030 + 65;
	wrong("resident anonymous pages", "1095 instead of 1030");
	seen.rss_pages[EP_RSS_ANON] = INT64_MIN;
	wrong("resident anonymous pages", "instead of 1030");
	seen.rss_pages[EP_RSS_FILE] = 600 + 129;
	wrong("resident file pages", "739 instead of 610");
	seen.rss_pages[EP_RSS_SHMEM] = -200;
	wrong("resident file pages", "400 instead of 610");
	seen.rss_pages[EP_RSS_FILE] = seen.rss_pages[EP_RSS_SHMEM] = INT64_MAX;
	wrong("resident file pages", "instead of 610");
}

#define T(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_all_right),        T(test_the_task), T(test_cgroups),
		T(test_times_and_faults), T(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
