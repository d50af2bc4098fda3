/* SPDX-License-Identifier: BSD-2-Clause */
/* What `publish` says about itself, and what to do when an address does not open. */
#include "app/addresses.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define BOTH "ipc:///run/edgeprof/live.ipc, tcp://10.0.0.5:5570"

static void kinds_are_told_apart(void **state)
{
	(void)state;
	assert_true(addresses_have_ipc(BOTH));
	assert_true(addresses_have_ipc("tcp://127.0.0.1:1,ipc:///x"));
	assert_false(addresses_have_ipc("tcp://127.0.0.1:1"));
	assert_false(addresses_have_ipc(""));
}

static void low_ports_are_found(void **state)
{
	(void)state;
	assert_true(addresses_have_low_port("tcp://127.0.0.1:1023"));
	assert_true(addresses_have_low_port("ipc:///x,tcp://*:80"));
	assert_true(addresses_have_low_port("tcp://[::1]:443 , ipc:///x"));
	assert_false(addresses_have_low_port("tcp://127.0.0.1:1024"));
	assert_false(addresses_have_low_port("tcp://127.0.0.1:0"));
	assert_false(addresses_have_low_port("ipc:///run/a:80"));
	assert_false(addresses_have_low_port("tcp://127.0.0.1"));
	assert_false(addresses_have_low_port("tcp://127.0.0.1:80000000000000000000000"));
	assert_false(addresses_have_low_port(" ,, "));
}

static void what_leaves_the_host_is_found(void **state)
{
	(void)state;
	assert_true(addresses_beyond_host(BOTH));
	assert_true(addresses_beyond_host("tcp://*:5570"));
	assert_true(addresses_beyond_host("tcp://eth0:5570"));
	assert_false(addresses_beyond_host("tcp://127.0.0.1:5570,tcp://localhost:1,tcp://[::1]:2"));
	assert_false(addresses_beyond_host("ipc:///x"));
}

static void errors_come_with_what_to_do(void **state)
{
	(void)state;
	assert_non_null(strstr(addresses_hint("tcp://*:80", -EACCES), "CAP_NET_BIND_SERVICE"));
	assert_string_equal(addresses_hint("tcp://*:8080", -EACCES), "");
	assert_string_equal(addresses_hint("ipc:///x", -EACCES), "");
	assert_non_null(strstr(addresses_hint("ipc:///x", -EADDRINUSE), "--publish"));
	assert_non_null(strstr(addresses_hint("tcp://*:8080", -EADDRINUSE), "port"));
	assert_non_null(strstr(addresses_hint("ipc:///srv/x", -EROFS), "ReadWritePaths="));
	assert_string_equal(addresses_hint("ipc:///x", -EIO), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_are_told_apart),
		cmocka_unit_test(low_ports_are_found),
		cmocka_unit_test(what_leaves_the_host_is_found),
		cmocka_unit_test(errors_come_with_what_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
