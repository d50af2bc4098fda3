/* SPDX-License-Identifier: BSD-2-Clause */
/* Groups and hosts without name-service libraries: base/group.c, base/names.c. */
#include "base/group.h"
#include "base/names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static char path[] = "/tmp/edgeprof-group-XXXXXX";

static int write_groups(void **state)
{
	static const char text[] = "root:x:0:\n"
				   "# no group\n"
				   "broken\n"
				   "edgeprofile:x:7:\n"
				   "no-number:x:abc:\n"
				   "edgeprof:x:998:alice,bob\n"
				   "edgeprof:x:999:\n"
				   "last:x:4000000000:";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	return close(fd);
}

static int remove_groups(void **state)
{
	return unlink(path);
}

static void finds_groups(void **state)
{
	gid_t gid = 7;

	assert_int_equal(group_find(path, "root", &gid), 0);
	assert_int_equal(gid, 0);
	assert_int_equal(group_find(path, "edgeprof", &gid), 0);
	assert_int_equal(gid, 998);
	assert_int_equal(group_find(path, "last", &gid), 0);
	assert_int_equal(gid, 4000000000u);
}

static void tells_missing_groups(void **state)
{
	static const char *const missing[] = { "",          "edge",  "edgeprof:", "broken",
					       "no-number", "alice", "# no group" };
	gid_t gid = 7;

	for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++)
		assert_int_equal(group_find(path, missing[i], &gid), -ENOENT);
	assert_int_equal(group_find("/nonexistent/group", "root", &gid), -ENOENT);
	assert_int_equal(gid, 7);
}

static void check_ipv4(const char *host, int family, const char *expected)
{
	struct addrinfo hints = { .ai_family = family, .ai_socktype = SOCK_STREAM }, *found;
	const struct sockaddr_in *in;

	assert_int_equal(names_resolve(host, NULL, &hints, &found), 0);
	in = (const struct sockaddr_in *)found->ai_addr;
	assert_int_equal(found->ai_family, AF_INET);
	assert_int_equal(found->ai_addrlen, sizeof(*in));
	assert_int_equal(in->sin_family, AF_INET);
	assert_int_equal(in->sin_addr.s_addr, inet_addr(expected));
	assert_null(found->ai_next);
	free(found);
}

static void check_ipv6(const char *host, int family, const char *expected)
{
	struct addrinfo hints = { .ai_family = family }, *found;
	const struct sockaddr_in6 *in;
	char text[INET6_ADDRSTRLEN];

	assert_int_equal(names_resolve(host, NULL, &hints, &found), 0);
	in = (const struct sockaddr_in6 *)found->ai_addr;
	assert_int_equal(found->ai_family, AF_INET6);
	assert_int_equal(found->ai_addrlen, sizeof(*in));
	assert_string_equal(inet_ntop(AF_INET6, &in->sin6_addr, text, sizeof(text)), expected);
	free(found);
}

static void resolves_numbers_and_localhost(void **state)
{
	check_ipv4("192.0.2.7", AF_INET, "192.0.2.7");
	check_ipv4("192.0.2.7", AF_UNSPEC, "192.0.2.7");
	check_ipv4("localhost", AF_INET, "127.0.0.1");
	check_ipv4("localhost", AF_UNSPEC, "127.0.0.1");
	check_ipv6("localhost", AF_INET6, "::1");
	check_ipv6("2001:db8::7", AF_INET6, "2001:db8::7");
	check_ipv6("2001:db8::7", AF_UNSPEC, "2001:db8::7");
}

static void knows_no_other_name(void **state)
{
	struct addrinfo hints = { .ai_family = AF_INET }, *found = NULL;

	assert_int_equal(names_resolve("node7", NULL, &hints, &found), EAI_NONAME);
	assert_int_equal(names_resolve("", NULL, &hints, &found), EAI_NONAME);
	assert_int_equal(names_resolve(NULL, NULL, &hints, &found), EAI_NONAME);
	assert_int_equal(names_resolve("2001:db8::7", NULL, &hints, &found), EAI_NONAME);
	assert_int_equal(names_resolve("node7", NULL, NULL, &found), EAI_NONAME);
	assert_int_equal(names_resolve("127.0.0.1", "http", &hints, &found), EAI_SERVICE);
	assert_null(found);
}

static void tells_foreign_names(void **state)
{
	static const char *const plain[] = { "tcp://127.0.0.1:5570",
					     "tcp://localhost:5570",
					     "tcp://[::1]:5570",
					     "tcp://eth0;192.0.2.7:1",
					     "tcp://::1:5570",
					     "tcp://:5570",
					     "tcp://" };
	static const char *const foreign[] = { "tcp://node7:5570",   "tcp://node7",     "tcp://eth0;node7:1",
					       "tcp://localhost.:1", "tcp://[node7]:1", "tcp://1.2.3.4.5:1" };
	char longest[300] = "tcp://";

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		assert_false(names_is_foreign(plain[i]));
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		assert_true(names_is_foreign(foreign[i]));
	memset(longest + strlen(longest), 'a', 280);
	assert_true(names_is_foreign(longest));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_groups),
		cmocka_unit_test(tells_missing_groups),
		cmocka_unit_test(resolves_numbers_and_localhost),
		cmocka_unit_test(knows_no_other_name),
		cmocka_unit_test(tells_foreign_names),
	};

	return cmocka_run_group_tests(tests, write_groups, remove_groups);
}
