/* SPDX-License-Identifier: BSD-2-Clause */
#include "source/bpf_kernel.h"

#include "base/capabilities.h"
#include "base/text.h"
#include "source/libbpf_old.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>

static char refused[32];

/* libbpf's own words are for its developers; errors come back as values. All that
 * is kept is the name of the program that the kernel refused. */
static int listen(enum libbpf_print_level level, const char *format, va_list args)
{
	char line[256];

	if (level != LIBBPF_WARN)
		return 0;
	vsnprintf(line, sizeof(line), format, args);
	if (strstr(line, "failed to load"))
		(void)!sscanf(line, "%*[^']'%31[^']'", refused);
	return 0;
}

const char *bpf_kernel_refused_program(void)
{
	return refused[0] ? refused : "the programs";
}

static bool release_before(unsigned major, unsigned minor)
{
	struct utsname names;
	unsigned a = 0, b = 0;

	if (uname(&names) || sscanf(names.release, "%u.%u", &a, &b) != 2)
		return false;
	return a < major || (a == major && b < minor);
}

static const struct btf_type *tracepoint_proto(const struct bpf_kernel *k, const char *tracepoint)
{
	char name[96];
	int id;
	const struct btf_type *t;

	if (!k->btf)
		return NULL;
	snprintf(name, sizeof(name), "btf_trace_%s", tracepoint);
	id = btf__find_by_name_kind(k->btf, name, BTF_KIND_TYPEDEF);
	if (id < 0)
		return NULL;
	t = btf__type_by_id(k->btf, btf__type_by_id(k->btf, (unsigned)id)->type);
	if (!t || !btf_is_ptr(t))
		return NULL;
	t = btf__type_by_id(k->btf, t->type);
	return t && btf_is_func_proto(t) ? t : NULL;
}

int bpf_kernel_tracepoint_args(const struct bpf_kernel *k, const char *tracepoint)
{
	const struct btf_type *proto = tracepoint_proto(k, tracepoint);

	return proto && btf_vlen(proto) ? btf_vlen(proto) - 1 : -ENOENT;
}

bool bpf_kernel_tracepoint_arg_is(const struct bpf_kernel *k, const char *tracepoint, int index,
				  const char *name)
{
	const struct btf_type *proto = tracepoint_proto(k, tracepoint), *t;

	if (!proto || index + 1 >= btf_vlen(proto))
		return false;
	t = btf__type_by_id(k->btf, btf_params(proto)[index + 1].type);
	if (!t || !btf_is_ptr(t))
		return false;
	t = btf__type_by_id(k->btf, t->type);
	return t && btf_is_struct(t) && !strcmp(btf__name_by_offset(k->btf, t->name_off), name);
}

/* Layouts of tracepoint arguments: from BTF, else by the release that changed them. */
static void probe_arguments(struct bpf_kernel *k)
{
	struct ep_config *c = &k->config;

	if (!k->btf) {
		c->switch_has_prev_state = !release_before(5, 18);
		c->mark_victim_has_task = !release_before(6, 8);
		c->rss_stat_has_count = release_before(6, 2);
		c->rq_issue_has_queue = release_before(5, 11);
		return;
	}
	c->switch_has_prev_state = bpf_kernel_tracepoint_args(k, "sched_switch") >= 4;
	c->mark_victim_has_task = bpf_kernel_tracepoint_arg_is(k, "mark_victim", 0, "task_struct");
	c->rss_stat_has_count = bpf_kernel_tracepoint_args(k, "rss_stat") >= 3;
	c->rq_issue_has_queue = bpf_kernel_tracepoint_arg_is(k, "block_rq_issue", 0, "request_queue");
}

/* Before 5.11 map memory counts against this limit; later it does not matter. */
static void raise_memory_lock(void)
{
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

	if (setrlimit(RLIMIT_MEMLOCK, &all))
		return; /* making the maps will tell */
}

static const char *why_not(int error)
{
	if (error == -ENOSYS)
		return "this kernel has no bpf() system call";
	if (error != -EPERM)
		return strerror(-error);
	if (bpf_kernel_may_call())
		return "bpf() is refused although the capability is there: allow it in the seccomp filter "
		       "(SystemCallFilter=bpf in the unit, or the container's profile)";
	return "no permission for bpf(): run as root or with CAP_BPF and CAP_PERFMON";
}

bool bpf_kernel_may_call(void)
{
	return capabilities_effective(CAP_BPF) || capabilities_effective(CAP_SYS_ADMIN);
}

void bpf_kernel_probe(struct bpf_kernel *ret)
{
	int fd;

	memset(ret, 0, sizeof(*ret));
	libbpf_set_print(listen);
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	raise_memory_lock();
	ret->config.page_shift = (__u32)__builtin_ctzl((unsigned long)sysconf(_SC_PAGESIZE));
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "ep_probe", sizeof(__u32), sizeof(__u64), 1, NULL);
	if (fd < 0) {
		text_copy(ret->reason, sizeof(ret->reason), why_not(fd));
		return;
	}
	close(fd);
	ret->usable = true;
	ret->btf = btf__load_vmlinux_btf();
	if (libbpf_get_error(ret->btf))
		ret->btf = NULL;
	probe_arguments(ret);
}

void bpf_kernel_clear(struct bpf_kernel *k)
{
	btf__free(k->btf);
	k->btf = NULL;
}

int bpf_kernel_meter_programs(void)
{
	return bpf_enable_stats(BPF_STATS_RUN_TIME);
}
