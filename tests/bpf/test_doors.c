/* SPDX-License-Identifier: BSD-2-Clause */
/* Nothing that a tracepoint could pass may make a program fail: the raw door of
 * every program takes arguments that no kernel passes. */
#include "base/cleanup.h"
#include "source/libbpf_old.h"
#include "source/objects.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const uint64_t arguments[][4] = {
	{ 0, 0, 0, 0 },
	{ 1, 8, 16, 2 },
	{ ~0ull, ~0ull, ~0ull, ~0ull },
	{ 0xffff800000000000ull, 0xffff800000000000ull, 4096, 1 },
};

static void run_raw_doors(struct bpf_object *object)
{
	struct bpf_program *program;
	int ran = 0;

	bpf_object__for_each_program(program, object) {
		if (!strstr(bpf_program__name(program), "_raw"))
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(arguments); i++) {
			LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = arguments[i],
				    .ctx_size_in = sizeof(arguments[i]));

			assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(program), &run), 0);
			assert_int_equal(run.retval, 0);
			ran++;
		}
	}
	assert_true(ran >= 8);
}

static void survives(const char *begin, const char *end)
{
	struct bpf_object *object = bpf_object__open_mem(begin, (size_t)(end - begin), NULL);
	struct bpf_program *program;

	assert_int_equal(libbpf_get_error(object), 0);
	bpf_object__for_each_program(program, object)
		bpf_program__set_autoload(program, strstr(bpf_program__name(program), "_raw") != NULL);
	assert_int_equal(bpf_object__load(object), 0);
	run_raw_doors(object);
	bpf_object__close(object);
}

#define SURVIVES(family)                                                                                     \
	static void family##_survives(void **state)                                                          \
	{                                                                                                    \
		(void)state;                                                                                 \
		survives(ep_object_##family, ep_object_##family##_end);                                      \
	}
SURVIVES(cpu)
SURVIVES(mem)
SURVIVES(io)
SURVIVES(lifecycle)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpu_survives),
		cmocka_unit_test(mem_survives),
		cmocka_unit_test(io_survives),
		cmocka_unit_test(lifecycle_survives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
