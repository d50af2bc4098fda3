/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/capabilities.h"

#include "base/text.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#define NUMBERS 64

static void cleanup_capabilities(cap_t *c)
{
	if (*c)
		cap_free(*c);
}

static uint64_t flags_of(cap_t set, cap_flag_t flag)
{
	uint64_t bits = 0;

	for (int number = 0; number < NUMBERS; number++) {
		cap_flag_value_t value;

		if (cap_get_flag(set, number, flag, &value) == 0 && value == CAP_SET)
			bits |= CAPABILITY(number);
	}
	return bits;
}

int capabilities_read(uint64_t *ret_permitted, uint64_t *ret_effective)
{
	_cleanup_(cleanup_capabilities) cap_t now = cap_get_proc();

	if (!now)
		return -errno;
	*ret_permitted = flags_of(now, CAP_PERMITTED);
	*ret_effective = flags_of(now, CAP_EFFECTIVE);
	return 0;
}

bool capabilities_effective(int number)
{
	uint64_t permitted, effective;

	return capabilities_read(&permitted, &effective) == 0 && effective & CAPABILITY(number);
}

static int set_flags(cap_t set, cap_flag_t flag, uint64_t bits)
{
	for (int number = 0; number < NUMBERS; number++)
		if (bits & CAPABILITY(number) && cap_set_flag(set, flag, 1, &number, CAP_SET))
			return -errno;
	return 0;
}

/* The kernel takes from the ambient set what is not inheritable any more. */
int capabilities_reduce(uint64_t permitted, uint64_t effective)
{
	_cleanup_(cleanup_capabilities) cap_t next = cap_init();
	uint64_t now, in_effect;
	int r = next ? capabilities_read(&now, &in_effect) : -ENOMEM;

	if (r == 0)
		r = set_flags(next, CAP_PERMITTED, now & permitted);
	if (r == 0)
		r = set_flags(next, CAP_EFFECTIVE, now & permitted & effective);
	if (r < 0)
		return r;
	return cap_set_proc(next) ? -errno : 0;
}

int capabilities_refuse_new(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0;
}

struct call {
	void (*call)(void *data);
	void *data;
};

/* Where a sandbox refuses to take rights away, the call is made all the same:
 * the process as a whole meets the same refusal, and says so. */
static void *call_without(void *data)
{
	const struct call *c = data;

	(void)!capabilities_reduce(0, 0);
	(void)!capabilities_refuse_new();
	c->call(c->data);
	return NULL;
}

int capabilities_call_without(void (*call)(void *data), void *data)
{
	struct call c = { .call = call, .data = data };
	pthread_t thread;
	int r = pthread_create(&thread, NULL, call_without, &c);

	if (r)
		return -r;
	return -pthread_join(thread, NULL);
}

const char *capabilities_text(uint64_t set, char *into, size_t size)
{
	size_t used = 0;

	text_copy(into, size, "none");
	for (int number = 0; number < NUMBERS && used < size; number++) {
		char *name = set & CAPABILITY(number) ? cap_to_name(number) : NULL;

		if (!name)
			continue;
		used += (size_t)snprintf(into + used, size - used, "%s%s", used ? " " : "", name);
		cap_free(name);
	}
	return into;
}
