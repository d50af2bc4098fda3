// SPDX-License-Identifier: BSD-2-Clause
/*
 * as_user UID[:CAPABILITY...] COMMAND...
 *
 * Runs COMMAND as that user and group with these capabilities alone: permitted,
 * effective, ambient, and nothing else to be had. For guests, whose busybox
 * cannot keep a capability across a change of user.
 */
#include <grp.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
	const char *name;
	unsigned number;
} capabilities[] = {
	{ "dac_read_search", 2 }, { "sys_ptrace", 19 }, { "sys_admin", 21 },
	{ "sys_resource", 24 },   { "perfmon", 38 },    { "bpf", 39 },
};
#define N_CAPABILITIES (sizeof(capabilities) / sizeof(capabilities[0]))

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static int number_of(const char *name)
{
	for (size_t i = 0; i < N_CAPABILITIES; i++)
		if (!strcmp(name, capabilities[i].name))
			return (int)capabilities[i].number;
	return -1;
}

static int keep(uint64_t set)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	for (int i = 0; i < 2; i++) {
		uint32_t word = (uint32_t)(set >> (32 * i));

		data[i] = (struct __user_cap_data_struct){ word, word, word };
	}
	if (syscall(SYS_capset, &header, data))
		return fail("capset");
	for (unsigned long i = 0; i < 64; i++)
		if (set >> i & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0))
			return fail("PR_CAP_AMBIENT");
	return 0;
}

static int bound(uint64_t set)
{
	for (unsigned long i = 0; prctl(PR_CAPBSET_READ, i) >= 0; i++)
		if (!(set >> i & 1) && prctl(PR_CAPBSET_DROP, i))
			return fail("PR_CAPBSET_DROP");
	return 0;
}

static int become(unsigned user)
{
	if (prctl(PR_SET_KEEPCAPS, 1) || setgroups(0, NULL) || setresgid(user, user, user) ||
	    setresuid(user, user, user))
		return fail("change of user");
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t set = 0;

	if (argc < 3) {
		fputs("usage: as_user UID[:CAPABILITY...] COMMAND...\n", stderr);
		return 2;
	}
	strtok(argv[1], ":");
	for (char *name; (name = strtok(NULL, ":"));) {
		int number = number_of(name);

		if (number < 0) {
			fprintf(stderr, "as_user: unknown capability %s\n", name);
			return 2;
		}
		set |= UINT64_C(1) << number;
	}
	if (bound(set) || become((unsigned)strtoul(argv[1], NULL, 10)) || keep(set))
		return 1;
	execvp(argv[2], argv + 2);
	return fail(argv[2]);
}
