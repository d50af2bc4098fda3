/* SPDX-License-Identifier: BSD-2-Clause */
/* What is kept of a kernel's types, on kernels that were made up. */
#include "source/minimal_btf.h"

#include "source/libbpf_old.h"

#include <bpf/btf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct btf *kernel, *minimal;
static struct btf_want want_list[16];
static struct btf_wants wants;
static char why[200];
static int int_id, long_id, char_id;

static int set_up(void **state)
{
	(void)state;
	libbpf_set_print(NULL);
	kernel = btf__new_empty();
	minimal = NULL;
	memset(want_list, 0, sizeof(want_list));
	wants = (struct btf_wants){ .wants = want_list };
	int_id = btf__add_int(kernel, "int", 4, BTF_INT_SIGNED);
	long_id = btf__add_int(kernel, "long unsigned int", 8, 0);
	char_id = btf__add_int(kernel, "char", 1, 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	btf__free(kernel);
	btf__free(minimal);
	return 0;
}

/* In the order of their names, as a list of wants is. */
static void want(uint32_t kind, const char *root, const char *first, const char *second, const char *third)
{
	struct btf_want *w = &want_list[wants.n++];
	const char *path[] = { first, second, third };

	w->kind = kind;
	w->root = (char *)root;
	while (w->n_path < 3 && path[w->n_path]) {
		w->path[w->n_path] = path[w->n_path];
		w->n_path++;
	}
}

static int try_make(void)
{
	const struct btf_note notes[] = { { "version", "Linux version 1.2" }, { "empty", "" } };

	btf__free(minimal);
	minimal = NULL;
	return minimal_btf_make(kernel, &wants, notes, 2, &minimal, why, sizeof(why));
}

static void make(void)
{
	int r = try_make();

	if (r < 0)
		print_error("%s\n", why);
	assert_int_equal(r, 0);
}

static const struct btf_type *find(const char *name, uint32_t kind)
{
	int id = btf__find_by_name_kind(minimal, name, kind);

	return id > 0 ? btf__type_by_id(minimal, (unsigned)id) : NULL;
}

static const struct btf_type *need(const char *name, uint32_t kind)
{
	const struct btf_type *t = find(name, kind);

	if (!t)
		fail_msg("no type %s of kind %u", name, kind);
	return t;
}

static int member_at(const struct btf_type *t, const char *name)
{
	for (int i = 0; i < btf_vlen(t); i++)
		if (!strcmp(btf__name_by_offset(minimal, btf_members(t)[i].name_off), name))
			return i;
	return -1;
}

static void assert_offset(const struct btf_type *t, const char *name, uint32_t bits)
{
	int at = member_at(t, name);

	if (at < 0)
		fail_msg("no member %s", name);
	assert_int_equal(btf_member_bit_offset(t, (unsigned)at), bits);
}

/* struct task { int pid; char pad[60]; struct entity { int weight; long run; } se; task *next; } */
static int add_task(void)
{
	int array = btf__add_array(kernel, int_id, char_id, 60);
	int entity = btf__add_struct(kernel, "entity", 16), task, pointer;

	btf__add_field(kernel, "weight", int_id, 0, 0);
	btf__add_field(kernel, "run", long_id, 64, 0);
	task = (int)btf__type_cnt(kernel);
	pointer = task + 1;
	btf__add_struct(kernel, "task", 96);
	btf__add_field(kernel, "pid", int_id, 0, 0);
	btf__add_field(kernel, "pad", array, 32, 0);
	btf__add_field(kernel, "se", entity, 512, 0);
	btf__add_field(kernel, "next", pointer, 640, 0);
	btf__add_ptr(kernel, task);
	return task;
}

/* --- members -------------------------------------------------------------------------- */

static void test_keeps_offsets_and_sizes(void **state)
{
	const struct btf_type *t;

	(void)state;
	add_task();
	want(BTF_KIND_STRUCT, "task", "se", "run", NULL);
	make();
	t = need("task", BTF_KIND_STRUCT);
	assert_int_equal(t->size, 96);
	assert_int_equal(btf_vlen(t), 1);
	assert_offset(t, "se", 512);
	t = need("entity", BTF_KIND_STRUCT);
	assert_int_equal(t->size, 16);
	assert_int_equal(btf_vlen(t), 1);
	assert_offset(t, "run", 64);
	assert_int_equal(btf__resolve_size(minimal, btf_members(t)[0].type), 8);
}

static void test_whole_members_keep_their_size(void **state)
{
	const struct btf_type *t;

	(void)state;
	add_task();
	want(BTF_KIND_STRUCT, "task", "next", NULL, NULL);
	want(BTF_KIND_STRUCT, "task", "pad", NULL, NULL);
	want(BTF_KIND_STRUCT, "task", "se", NULL, NULL);
	make();
	t = need("task", BTF_KIND_STRUCT);
	assert_int_equal(btf_vlen(t), 3);
	assert_int_equal(btf__resolve_size(minimal, btf_members(t)[member_at(t, "pad")].type), 60);
	assert_int_equal(btf__resolve_size(minimal, btf_members(t)[member_at(t, "se")].type), 16);
	assert_int_equal(btf__resolve_size(minimal, btf_members(t)[member_at(t, "next")].type), 8);
	assert_int_equal(btf_vlen(need("entity", BTF_KIND_STRUCT)), 0);
	t = btf__type_by_id(minimal, btf_members(t)[member_at(t, "next")].type);
	t = btf__type_by_id(minimal, t->type);
	assert_string_equal(btf__name_by_offset(minimal, t->name_off), "task");
}

static void test_members_of_anonymous_members(void **state)
{
	const struct btf_type *t;
	int inner, outer;

	(void)state;
	inner = btf__add_struct(kernel, NULL, 8);
	btf__add_field(kernel, "other", int_id, 0, 0);
	btf__add_field(kernel, "deep", int_id, 32, 0);
	outer = btf__add_union(kernel, NULL, 8);
	btf__add_field(kernel, "whole", long_id, 0, 0);
	btf__add_field(kernel, NULL, inner, 0, 0);
	btf__add_struct(kernel, "mm", 72);
	btf__add_field(kernel, "first", long_id, 0, 0);
	btf__add_field(kernel, NULL, outer, 512, 0);
	want(BTF_KIND_STRUCT, "mm", "deep", NULL, NULL);
	make();
	t = need("mm", BTF_KIND_STRUCT);
	assert_int_equal(btf_vlen(t), 1);
	assert_int_equal(btf_member_bit_offset(t, 0), 512);
	t = btf__type_by_id(minimal, btf_members(t)[0].type);
	assert_true(btf_is_union(t) && btf_vlen(t) == 1);
	t = btf__type_by_id(minimal, btf_members(t)[0].type);
	assert_offset(t, "deep", 32);
	assert_int_equal(member_at(t, "other"), -1);
	assert_true(minimal_btf_has_member(minimal, "mm", "deep"));
	assert_false(minimal_btf_has_member(minimal, "mm", "other"));
}

static void test_arrays_and_typedefs(void **state)
{
	const struct btf_type *t;
	int counter, alias, constant, array;

	(void)state;
	counter = btf__add_struct(kernel, "counter", 40);
	btf__add_field(kernel, "lock", int_id, 0, 0);
	btf__add_field(kernel, "count", long_id, 64, 0);
	alias = btf__add_typedef(kernel, "counter_t", counter);
	constant = btf__add_const(kernel, alias);
	array = btf__add_array(kernel, int_id, constant, 4);
	btf__add_struct(kernel, "mm", 200);
	btf__add_field(kernel, "stat", array, 128, 0);
	want(BTF_KIND_TYPEDEF, "counter_t", "lock", NULL, NULL);
	want(BTF_KIND_STRUCT, "mm", "stat", BTF_WANT_ELEMENT, "count");
	make();
	t = need("mm", BTF_KIND_STRUCT);
	assert_int_equal(btf__resolve_size(minimal, btf_members(t)[0].type), 160);
	t = need("counter", BTF_KIND_STRUCT);
	assert_int_equal(btf_vlen(t), 2);
	t = need("counter_t", BTF_KIND_TYPEDEF);
	assert_int_equal(btf__resolve_size(minimal, t->type), 40);
}

static void test_what_is_missing_is_left_out(void **state)
{
	const struct btf_type *t;

	(void)state;
	add_task();
	want(BTF_KIND_STRUCT, "nowhere", "x", NULL, NULL);
	want(BTF_KIND_STRUCT, "task", "absent", NULL, NULL);
	want(BTF_KIND_STRUCT, "task", "se", "absent", NULL);
	want(BTF_KIND_UNION, "task", "pid", NULL, NULL);
	make();
	t = need("task", BTF_KIND_STRUCT);
	assert_int_equal(btf_vlen(t), 1); /* se is there, its member is not */
	assert_int_equal(btf_vlen(need("entity", BTF_KIND_STRUCT)), 0);
	assert_null(find("nowhere", BTF_KIND_STRUCT));
}

static void test_all_types_of_a_name_and_its_flavours(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		btf__add_struct(kernel, "twice", 8);
		btf__add_field(kernel, "x", int_id, (unsigned)i * 32, 0);
	}
	btf__add_struct(kernel, "twice___old", 16);
	btf__add_field(kernel, "x", long_id, 64, 0);
	btf__add_struct(kernel, "twicer", 8);
	want(BTF_KIND_STRUCT, "twice", "x", NULL, NULL);
	make();
	assert_int_equal(btf__type_cnt(minimal) - 1, 1 + 2 + 3); /* notes, two integers, three structs */
	assert_offset(need("twice___old", BTF_KIND_STRUCT), "x", 64);
	assert_null(find("twicer", BTF_KIND_STRUCT));
}

static void test_essential_names(void **state)
{
	(void)state;
	assert_int_equal(btf_essential_length("task"), 4);
	assert_int_equal(btf_essential_length("task___old"), 4);
	assert_int_equal(btf_essential_length("t___o"), 1);
	assert_int_equal(btf_essential_length("a___b___c"), 5);
	assert_int_equal(btf_essential_length("task____old"), 11);
	assert_int_equal(btf_essential_length("___old"), 6);
	assert_int_equal(btf_essential_length("task___"), 7);
	assert_int_equal(btf_essential_length(""), 0);
}

/* --- bit fields --------------------------------------------------------------------------- */

static void test_bit_fields(void **state)
{
	const struct btf_type *t;
	int at;

	(void)state;
	btf__add_struct(kernel, "flags", 8);
	btf__add_field(kernel, "low", int_id, 0, 3);
	btf__add_field(kernel, "high", int_id, 3, 5);
	btf__add_field(kernel, "plain", int_id, 32, 0);
	want(BTF_KIND_STRUCT, "flags", "high", NULL, NULL);
	want(BTF_KIND_STRUCT, "flags", "plain", NULL, NULL);
	make();
	t = need("flags", BTF_KIND_STRUCT);
	at = member_at(t, "high");
	assert_int_equal(btf_member_bit_offset(t, (unsigned)at), 3);
	assert_int_equal(btf_member_bitfield_size(t, (unsigned)at), 5);
	at = member_at(t, "plain");
	assert_int_equal(btf_member_bit_offset(t, (unsigned)at), 32);
	assert_int_equal(btf_member_bitfield_size(t, (unsigned)at), 0);
}

static void test_bit_fields_of_the_old_form_are_refused(void **state)
{
	int narrow = btf__add_int(kernel, "unsigned int", 4, 0);
	uint32_t *encoding = (uint32_t *)(btf__type_by_id(kernel, (unsigned)narrow) + 1);

	(void)state;
	*encoding = 3; /* three bits */
	btf__add_struct(kernel, "flags", 8);
	btf__add_field(kernel, "low", narrow, 0, 0);
	btf__add_field(kernel, "plain", int_id, 32, 0);
	want(BTF_KIND_STRUCT, "flags", "plain", NULL, NULL);
	make();
	want(BTF_KIND_STRUCT, "flags", "low", NULL, NULL);
	assert_int_equal(try_make(), -ENOTSUP);
	assert_non_null(strstr(why, "flags.low is a bit field"));
}

/* --- enums and tracepoints -------------------------------------------------------------------- */

static void test_enumerators(void **state)
{
	const struct btf_type *t;

	(void)state;
	btf__add_enum(kernel, "subsys", 4);
	btf__add_enum_value(kernel, "cpu_id", 0);
	btf__add_enum_value(kernel, "memory_id", 4);
	want(BTF_KIND_ENUM, "subsys", "absent", NULL, NULL);
	want(BTF_KIND_ENUM, "subsys", "memory_id", NULL, NULL);
	make();
	t = need("subsys", BTF_KIND_ENUM);
	assert_int_equal(btf_vlen(t), 1);
	assert_string_equal(btf__name_by_offset(minimal, btf_enum(t)->name_off), "memory_id");
	assert_int_equal(btf_enum(t)->val, 4);
}

#if LIBBPF_MAJOR_VERSION >= 1
static void test_wide_enumerators(void **state)
{
	const struct btf_type *t;

	(void)state;
	btf__add_enum64(kernel, "wide", 8, true);
	btf__add_enum64_value(kernel, "small", 7);
	btf__add_enum64_value(kernel, "negative", (uint64_t)-2);
	btf__add_enum64_value(kernel, "huge", 1ull << 40);
	want(BTF_KIND_ENUM, "wide", "negative", NULL, NULL);
	want(BTF_KIND_ENUM, "wide", "small", NULL, NULL);
	make();
	t = need("wide", BTF_KIND_ENUM);
	assert_int_equal(btf_vlen(t), 2);
	assert_int_equal(btf_enum(t)[0].val, 7);
	assert_int_equal(btf_enum(t)[1].val, -2);
	want(BTF_KIND_ENUM, "wide", "huge", NULL, NULL);
	assert_int_equal(try_make(), -ENOTSUP);
}
#endif

static void test_tracepoints(void **state)
{
	char *tracepoints[] = { "sched_switch", "absent" };
	const struct btf_type *t;
	int task = add_task(), constant = btf__add_const(kernel, task), argument, proto, pointer;

	(void)state;
	argument = btf__add_ptr(kernel, constant);
	proto = btf__add_func_proto(kernel, 0);
	btf__add_func_param(kernel, NULL, btf__add_ptr(kernel, 0));
	(void)proto;
	proto = btf__add_func_proto(kernel, 0);
	btf__add_func_param(kernel, NULL, argument);
	btf__add_func_param(kernel, "preempt", int_id);
	pointer = btf__add_ptr(kernel, proto);
	btf__add_typedef(kernel, "btf_trace_sched_switch", pointer);
	btf__add_typedef(kernel, "btf_trace_sched_waking", pointer);
	wants.tracepoints = tracepoints;
	wants.n_tracepoints = 2;
	make();
	assert_null(find("btf_trace_sched_waking", BTF_KIND_TYPEDEF));
	t = need("btf_trace_sched_switch", BTF_KIND_TYPEDEF);
	t = btf__type_by_id(minimal, btf__type_by_id(minimal, t->type)->type);
	assert_true(btf_is_func_proto(t) && btf_vlen(t) == 2);
	t = btf__type_by_id(minimal, btf__type_by_id(minimal, btf_params(t)[0].type)->type);
	assert_true(btf_is_struct(t) && !strcmp(btf__name_by_offset(minimal, t->name_off), "task"));
}

/* --- the result as a whole ---------------------------------------------------------------------- */

static void test_notes(void **state)
{
	(void)state;
	make();
	assert_string_equal(minimal_btf_note(minimal, "version"), "Linux version 1.2");
	assert_string_equal(minimal_btf_note(minimal, "empty"), "");
	assert_null(minimal_btf_note(minimal, "versio"));
	assert_null(minimal_btf_note(kernel, "version"));
}

static void test_making_it_twice_changes_nothing(void **state)
{
	_cleanup_free_ char *first = NULL;
	uint32_t size, again;
	const void *data;

	(void)state;
	add_task();
	want(BTF_KIND_STRUCT, "task", "next", NULL, NULL);
	want(BTF_KIND_STRUCT, "task", "se", "run", NULL);
	make();
	data = btf__raw_data(minimal, &size);
	first = malloc(size);
	memcpy(first, data, size);
	btf__free(kernel);
	kernel = minimal;
	minimal = NULL;
	make();
	data = btf__raw_data(minimal, &again);
	assert_int_equal(again, size);
	assert_memory_equal(data, first, size);
}

static void test_any_reader_takes_it(void **state)
{
	uint32_t size;
	const void *data;
	struct btf *copy;

	(void)state;
	add_task();
	want(BTF_KIND_STRUCT, "task", "se", "run", NULL);
	make();
	data = btf__raw_data(minimal, &size);
	copy = btf__new(data, size);
	assert_int_equal(libbpf_get_error(copy), 0);
	assert_int_equal(btf__pointer_size(copy), 8);
	for (uint32_t id = 1; id < btf__type_cnt(copy); id++) /* kinds that libbpf 0.5 knows */
		assert_true(btf_kind(btf__type_by_id(copy, id)) <= BTF_KIND_FLOAT);
	btf__free(copy);
}

/* --- damaged input -------------------------------------------------------------------------------- */

static void change_type(int id, uint32_t type)
{
	((struct btf_type *)btf__type_by_id(kernel, (unsigned)id))->type = type;
}

static void test_chains_without_end(void **state)
{
	int alias = btf__add_typedef(kernel, "a", int_id), constant = btf__add_const(kernel, alias);

	(void)state;
	change_type(alias, (unsigned)constant);
	btf__add_struct(kernel, "s", 8);
	btf__add_field(kernel, "x", constant, 0, 0);
	want(BTF_KIND_STRUCT, "s", "x", NULL, NULL);
	want(BTF_KIND_STRUCT, "s", "x", "y", NULL);
	make();
	assert_int_equal(btf_vlen(need("s", BTF_KIND_STRUCT)), 1);
}

static void test_a_struct_inside_itself(void **state)
{
	int self = btf__add_struct(kernel, "s", 8);

	(void)state;
	for (int i = 0; i < 40; i++)
		btf__add_field(kernel, NULL, self, 0, 0);
	want(BTF_KIND_STRUCT, "s", "x", NULL, NULL);
	assert_int_equal(try_make(), -EBADMSG);
	assert_non_null(strstr(why, "nested without end"));
}

/* Each is within bounds, all together are not. */
static void test_many_structs_of_one_name(void **state)
{
	int many = btf__add_struct(kernel, NULL, 8);

	(void)state;
	for (int i = 0; i < 50000; i++)
		btf__add_field(kernel, "y", int_id, 0, 0);
	for (int i = 0; i < 100; i++) {
		btf__add_struct(kernel, "s", 8);
		btf__add_field(kernel, NULL, many, 0, 0);
	}
	want(BTF_KIND_STRUCT, "s", "x", NULL, NULL);
	assert_int_equal(try_make(), -EBADMSG);
	assert_non_null(strstr(why, "nested without end"));
}

static void test_references_to_nowhere(void **state)
{
	struct btf_type *t;
	int id = btf__add_struct(kernel, "s", 8);

	(void)state;
	btf__add_field(kernel, "x", int_id, 0, 0);
	t = (struct btf_type *)btf__type_by_id(kernel, (unsigned)id);
	btf_members(t)->type = 12345;
	want(BTF_KIND_STRUCT, "s", "x", NULL, NULL);
	want(BTF_KIND_STRUCT, "s", "x", "y", NULL);
	make();
	t->name_off = 0xffffff;
	make();
	btf_members(t)->name_off = 0xffffff;
	make();
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_keeps_offsets_and_sizes),
		T(test_whole_members_keep_their_size),
		T(test_members_of_anonymous_members),
		T(test_arrays_and_typedefs),
		T(test_what_is_missing_is_left_out),
		T(test_all_types_of_a_name_and_its_flavours),
		T(test_essential_names),
		T(test_bit_fields),
		T(test_bit_fields_of_the_old_form_are_refused),
		T(test_enumerators),
#if LIBBPF_MAJOR_VERSION >= 1
		T(test_wide_enumerators),
#endif
		T(test_tracepoints),
		T(test_notes),
		T(test_making_it_twice_changes_nothing),
		T(test_any_reader_takes_it),
		T(test_chains_without_end),
		T(test_a_struct_inside_itself),
		T(test_many_structs_of_one_name),
		T(test_references_to_nowhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
