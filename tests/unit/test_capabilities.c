/* SPDX-License-Identifier: BSD-2-Clause */
/* Rights that are given up are gone, for every thread that could use them. Under
 * root there is something to give up; without it the same holds. */
#include "base/capabilities.h"

#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

struct seen {
	uint64_t inheritable, permitted, effective, ambient;
	int no_new_privileges;
};

/* What the kernel says of the calling thread. */
static void look(struct seen *ret)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/thread-self/status", "re");
	char line[256];

	memset(ret, 0xff, sizeof(*ret));
	while (f && fgets(line, sizeof(line), f)) {
		(void)!sscanf(line, "CapInh: %" SCNx64, &ret->inheritable);
		(void)!sscanf(line, "CapPrm: %" SCNx64, &ret->permitted);
		(void)!sscanf(line, "CapEff: %" SCNx64, &ret->effective);
		(void)!sscanf(line, "CapAmb: %" SCNx64, &ret->ambient);
		(void)!sscanf(line, "NoNewPrivs: %d", &ret->no_new_privileges);
	}
}

/* Runs a check in a process of its own, whose rights do not come back. */
static void in_child(bool (*check)(void))
{
	pid_t child = fork();
	int status;

	if (!child)
		_exit(check() ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static bool keeps_what_is_named(void)
{
	const uint64_t keep = CAPABILITY(CAP_DAC_READ_SEARCH) | CAPABILITY(CAP_BPF);
	struct seen before, after;

	look(&before);
	if (capabilities_reduce(keep, CAPABILITY(CAP_DAC_READ_SEARCH)) < 0)
		return false;
	look(&after);
	return after.permitted == (before.permitted & keep) &&
	       after.effective == (before.permitted & CAPABILITY(CAP_DAC_READ_SEARCH)) &&
	       after.inheritable == 0 && after.ambient == 0 && !capabilities_effective(CAP_BPF);
}

static bool nothing_comes_back(void)
{
	uint64_t permitted, effective;

	return capabilities_reduce(0, 0) == 0 && capabilities_reduce(UINT64_MAX, UINT64_MAX) == 0 &&
	       capabilities_read(&permitted, &effective) == 0 && permitted == 0 && effective == 0;
}

static bool refuses_new_rights(void)
{
	struct seen after;

	if (capabilities_refuse_new() < 0)
		return false;
	look(&after);
	return after.no_new_privileges == 1;
}

static void *look_in_thread(void *data)
{
	look(data);
	return NULL;
}

static void start_thread(void *data)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, look_in_thread, data) == 0)
		pthread_join(thread, NULL);
}

static bool threads_started_without_hold_nothing(void)
{
	struct seen before, inside, after;

	look(&before);
	if (capabilities_call_without(start_thread, &inside) < 0)
		return false;
	look(&after);
	return inside.permitted == 0 && inside.effective == 0 && inside.no_new_privileges == 1 &&
	       after.permitted == before.permitted && after.effective == before.effective &&
	       after.no_new_privileges == before.no_new_privileges;
}

static void rights_are_given_up(void **state)
{
	(void)state;
	in_child(keeps_what_is_named);
	in_child(nothing_comes_back);
	in_child(refuses_new_rights);
}

static void a_library_starts_its_threads_without_any(void **state)
{
	(void)state;
	in_child(threads_started_without_hold_nothing);
}

static void sets_are_named(void **state)
{
	char text[CAPABILITIES_TEXT_BYTES], small[8];

	(void)state;
	assert_string_equal(capabilities_text(0, text, sizeof(text)), "none");
	assert_string_equal(capabilities_text(CAPABILITY(CAP_DAC_READ_SEARCH) | CAPABILITY(CAP_SYS_ADMIN),
					      text, sizeof(text)),
			    "cap_dac_read_search cap_sys_admin");
	assert_true(strlen(capabilities_text(UINT64_MAX, text, sizeof(text))) < sizeof(text));
	assert_string_equal(capabilities_text(UINT64_MAX, small, sizeof(small)), "cap_cho");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rights_are_given_up),
		cmocka_unit_test(a_library_starts_its_threads_without_any),
		cmocka_unit_test(sets_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
