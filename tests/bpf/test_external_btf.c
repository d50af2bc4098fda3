/* SPDX-License-Identifier: BSD-2-Clause */
/* Types from a file on this kernel: the programs come out the same as with the
 * kernel's own, all families load, and types that are wrong by one member are seen. */
#include "base/atomic_file.h"
#include "bpf/child.h"
#include "source/bpf_family.h"
#include "source/cpu.h"
#include "source/io.h"
#include "source/libbpf_old.h"
#include "source/mem.h"
#include "source/objects.h"
#include "source/self_check.h"

#include <bpf/btf.h>
#include <limits.h>
#include <time.h>

struct fixture {
	struct node node;
	struct kernel_identity identity;
	struct btf *minimal; /* its types may be changed in place */
	char path[64];
	struct self_check check;
};

static int set_up(void **state)
{
	static struct fixture f;
	char why[KERNEL_BTF_WHY] = "";
	struct btf *made;
	const void *data;
	uint32_t size;
	int fd;

	memset(&f, 0, sizeof(f));
	node_open(&f.node);
	kernel_identity_read("/", &f.identity);
	if (kernel_btf_minimise(f.node.kernel.own, &f.identity, &made, why) < 0)
		fail_msg("%s", why);
	data = btf__raw_data(made, &size);
	f.minimal = btf__new(data, size);
	btf__free(made);
	assert_non_null(f.minimal);
	snprintf(f.path, sizeof(f.path), "/tmp/edgeprof-test-btf.XXXXXX");
	fd = mkstemp(f.path);
	assert_true(fd >= 0);
	close(fd);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	unlink(f->path);
	btf__free(f->minimal);
	node_close(&f->node);
	return 0;
}

/* Writes the types as they are now and has the kernel use them. */
static void use_file(struct fixture *f)
{
	uint32_t size;
	const void *data = btf__raw_data(f->minimal, &size);

	assert_int_equal(atomic_file_write(f->path, data, size, true), 0);
	assert_true(bpf_kernel_find_btf(&f->node.kernel, f->path));
	if (!f->node.kernel.btf)
		fail_msg("%s", f->node.kernel.btf_reason);
	assert_string_equal(bpf_kernel_btf_source(&f->node.kernel), f->path);
	assert_null(f->node.kernel.own);
}

static void test_size(void **state)
{
	struct fixture *f = *state;
	uint32_t size;

	(void)btf__raw_data(f->minimal, &size);
	assert_true(size > 1000 && size < 8192);
}

/* --- the same programs ------------------------------------------------------------------- */

static struct bpf_object *load_with(const char *begin, const char *end, const char *btf_path)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .btf_custom_path = btf_path);
	struct bpf_object *object = bpf_object__open_mem(begin, (size_t)(end - begin), &opts);
	struct bpf_program *program;

	assert_int_equal(libbpf_get_error(object), 0);
	bpf_object__for_each_program(program, object)
		bpf_program__set_autoload(program, strstr(bpf_program__name(program), "_raw") != NULL);
	assert_int_equal(bpf_object__load(object), 0);
	return object;
}

/* Instructions after relocation, but for the numbers of maps. */
static void assert_same_program(const struct bpf_program *a, const struct bpf_program *b)
{
	const struct bpf_insn *left = bpf_program__insns(a), *right = bpf_program__insns(b);
	size_t n = bpf_program__insn_cnt(a);

	assert_int_equal(n, bpf_program__insn_cnt(b));
	for (size_t i = 0; i < n; i++) {
		bool map = left[i].code == (BPF_LD | BPF_IMM | BPF_DW) && left[i].src_reg;

		if (left[i].code != right[i].code || left[i].off != right[i].off ||
		    (!map && left[i].imm != right[i].imm))
			fail_msg("%s differs at %zu", bpf_program__name(a), i);
		i += map;
	}
}

static void assert_same_object(const char *begin, const char *end, const char *path)
{
	struct bpf_object *own = load_with(begin, end, NULL), *file = load_with(begin, end, path);
	struct bpf_program *a, *b = NULL;
	int compared = 0;

	bpf_object__for_each_program(a, own) {
		b = bpf_object__find_program_by_name(file, bpf_program__name(a));
		if (!strstr(bpf_program__name(a), "_raw"))
			continue;
		assert_same_program(a, b);
		compared++;
	}
	assert_true(compared > 0);
	bpf_object__close(own);
	bpf_object__close(file);
}

static void test_programs_are_the_same(void **state)
{
	struct fixture *f = *state;

	use_file(f);
	assert_same_object(ep_object_cpu, ep_object_cpu_end, f->path);
	assert_same_object(ep_object_mem, ep_object_mem_end, f->path);
	assert_same_object(ep_object_io, ep_object_io_end, f->path);
	assert_same_object(ep_object_lifecycle, ep_object_lifecycle_end, f->path);
	assert_same_object(ep_object_check, ep_object_check_end, f->path);
}

static void test_arguments_are_the_same(void **state)
{
	struct fixture *f = *state;
	struct ep_config own = f->node.kernel.config;

	use_file(f);
	assert_memory_equal(&own, &f->node.kernel.config, sizeof(own));
}

/* --- families ------------------------------------------------------------------------------- */

static void assert_running(const struct family_snapshot *state, int r)
{
	if (r < 0 || state->state != FAMILY_RUNNING)
		fail_msg("%s: %s", state->name, state->reason);
	assert_string_equal(state->door, "raw_tp");
}

static void test_families_load(void **state)
{
	struct fixture *f = *state;
	struct family_snapshot family = { 0 };
	struct cpu_source *cpu;
	struct mem_source *mem;
	struct io_source *io;

	use_file(f);
	assert_running(&family, cpu_source_open(&f->node.kernel, f->node.slots, NULL, &family, &cpu));
	assert_running(&family, mem_source_open("/", &f->node.kernel, f->node.slots, NULL, &family, &mem));
	assert_running(&family, io_source_open(&f->node.kernel, f->node.slots, NULL, &family, &io));
	io_source_close(io);
	mem_source_close(mem);
	cpu_source_close(cpu);
}

/* A tracepoint that the file does not have is missing, whatever the kernel has. */
static void test_missing_tracepoints(void **state)
{
	struct fixture *f = *state;
	struct family_snapshot family = { 0 };
	struct cpu_source *cpu;

	for (uint32_t id = 1; id < btf__type_cnt(f->minimal); id++) {
		struct btf_type *t = (struct btf_type *)btf__type_by_id(f->minimal, id);
		char *name = (char *)btf__name_by_offset(f->minimal, t->name_off);

		if (btf_is_typedef(t) && (!strcmp(name, "btf_trace_sched_migrate_task") ||
					  !strcmp(name, "btf_trace_block_rq_issue")))
			name[0] = 'x';
	}
	use_file(f);
	assert_int_equal(cpu_source_open(&f->node.kernel, f->node.slots, NULL, &family, &cpu), 0);
	assert_int_equal(family.state, FAMILY_DEGRADED);
	assert_string_equal(family.reason, "no tracepoint sched_migrate_task");
	cpu_source_close(cpu);
	{
		struct io_source *io;

		assert_true(io_source_open(&f->node.kernel, f->node.slots, NULL, &family, &io) < 0);
		assert_string_equal(family.reason, "this kernel has no tracepoint block_rq_issue");
	}
}

/* --- the self-check ----------------------------------------------------------------------------- */

static void run_check(struct fixture *f)
{
	const struct self_check_place place = { "/", f->node.v1 ? "memory" : "", f->node.mount };

	self_check_run(&f->node.kernel, f->node.slots, &place, &f->check);
}

static void test_right_types_pass(void **state)
{
	struct fixture *f = *state;
	uint64_t allowed_ns =
		getenv("TEST_SLOW_MACHINE") ? 400000000 : 20000000; /* set where CPUs are emulated */
	uint64_t best_ns = UINT64_MAX;

	run_check(f);
	if (f->check.verdict != SELF_CHECK_PASSED)
		fail_msg("the kernel's own: %s", f->check.reason);
	use_file(f);
	for (int i = 0; i < 20; i++) {
		run_check(f);
		if (f->check.verdict != SELF_CHECK_PASSED)
			fail_msg("a file's: %s", f->check.reason);
		if (f->check.took_ns < best_ns)
			best_ns = f->check.took_ns;
	}
	assert_true(best_ns < allowed_ns);
}

/* The program reads another hierarchy's cgroup than the one in use. */
static void test_wrong_hierarchy(void **state)
{
	struct fixture *f = *state;
	const struct self_check_place place = { "/", f->node.v1 ? "memory" : "", f->node.mount };
	struct bpf_slots *slots;

	f->node.kernel.config.hierarchy_id += 1;
	assert_int_equal(bpf_slots_open(&f->node.kernel.config, &slots), 0);
	self_check_run(&f->node.kernel, slots, &place, &f->check);
	bpf_slots_close(slots);
	assert_int_equal(f->check.verdict, SELF_CHECK_WRONG);
	assert_non_null(strstr(f->check.reason, "hierarchy's number"));
}

static bool shift(struct btf *btf, const char *type, const char *member, int bytes)
{
	bool found = false;

	for (uint32_t id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		for (int i = 0; btf_is_composite(t) && i < btf_vlen(t); i++) {
			struct btf_member *m = btf_members(t) + i;

			if (strcmp(btf__name_by_offset(btf, t->name_off), type) ||
			    strcmp(btf__name_by_offset(btf, m->name_off), member))
				continue;
			m->offset += (uint32_t)(bytes * 8);
			found = true;
		}
	}
	return found;
}

/* As the next build of a kernel may have it: one member a word further on. */
static void test_wrong_types_are_seen(void **state)
{
	static const struct {
		const char *type, *member;
		int bytes;
	} shifts[] = {
		{ "task_struct", "tgid", 8 },
		{ "task_struct", "pid", 8 },
		{ "task_struct", "comm", 8 },
		{ "task_struct", "comm", -8 },
		{ "task_struct", "se", 8 },
		{ "task_struct", "min_flt", 8 },
		{ "task_struct", "maj_flt", -8 },
		{ "task_struct", "mm", -8 }, /* behind it is active_mm, the same for a process */
		{ "task_struct", "cgroups", 8 },
		{ "sched_entity", "sum_exec_runtime", 8 },
		{ "css_set", "dfl_cgrp", 8 },
		{ "css_set", "subsys", 8 },
		{ "cgroup", "kn", 8 },
		{ "cgroup", "root", 8 },
		{ "cgroup_subsys_state", "cgroup", 8 },
		{ "kernfs_node", "id", 8 },
		{ "cgroup_root", "hierarchy_id", 8 },
		{ "percpu_counter", "count", 8 },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(shifts); i++) {
		if (!f->node.v1 &&
		    (!strcmp(shifts[i].member, "subsys") || !strcmp(shifts[i].type, "cgroup_subsys_state") ||
		     !strcmp(shifts[i].type, "cgroup_root")))
			continue; /* not read where no v1 hierarchy is in use, or zero as its neighbours */
		if (!shift(f->minimal, shifts[i].type, shifts[i].member, shifts[i].bytes))
			continue; /* of another age of kernels */
		use_file(f);
		run_check(f);
		print_message("%s.%s: %s\n", shifts[i].type, shifts[i].member, f->check.reason);
		if (f->check.verdict != SELF_CHECK_WRONG)
			fail_msg("%s.%s by %d bytes is not seen", shifts[i].type, shifts[i].member,
				 shifts[i].bytes);
		assert_non_null(strstr(f->check.reason, f->path));
		shift(f->minimal, shifts[i].type, shifts[i].member, -shifts[i].bytes);
	}
	use_file(f);
	run_check(f);
	assert_int_equal(f->check.verdict, SELF_CHECK_PASSED);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_size),
		T(test_programs_are_the_same),
		T(test_arguments_are_the_same),
		T(test_families_load),
		T(test_missing_tracepoints),
		T(test_right_types_pass),
		T(test_wrong_hierarchy),
		T(test_wrong_types_are_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
