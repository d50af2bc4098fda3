/* SPDX-License-Identifier: BSD-2-Clause */
#include "source/bpf_kernel.h"

#include "base/capabilities.h"
#include "base/text.h"
#include "source/bpf_refusal.h"
#include "source/libbpf_old.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

static char refused[32];

/* libbpf's own words are for its developers; errors come back as values. All that
 * is kept is the name of the program that the kernel refused, not the object's,
 * which libbpf names after it. */
static int listen(enum libbpf_print_level level, const char *format, va_list args)
{
	char line[256];

	if (level != LIBBPF_WARN)
		return 0;
	vsnprintf(line, sizeof(line), format, args);
	if (strstr(line, "failed") && !strstr(line, "object '"))
		(void)!sscanf(line, "%*[^']'%31[^']'", refused);
	return 0;
}

const char *bpf_kernel_refused_program(void)
{
	return refused[0] ? refused : "the programs";
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

/* Layouts of tracepoint arguments: by the types, since releases with backports lie. */
static void probe_arguments(struct bpf_kernel *k)
{
	struct ep_config *c = &k->config;

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

/* From the one place that is certainly of the running kernel. libbpf would also
 * take any /boot/vmlinux of the same release. */
static void load_own_btf(struct bpf_kernel *k)
{
	errno = 0;
	k->own = btf__parse_raw(KERNEL_BTF_OWN);
	if (libbpf_get_error(k->own)) {
		k->own = NULL;
		snprintf(k->btf_reason, sizeof(k->btf_reason), "this kernel has no BTF (%s: %s)",
			 KERNEL_BTF_OWN, strerror(errno ? errno : EINVAL));
	}
	k->btf = k->own;
}

/* A hundredth of the types is what relocating needs, and a fiftieth of the time. */
static void reduce_own_btf(struct bpf_kernel *k)
{
	const struct kernel_identity unknown = { 0 };
	char why[KERNEL_BTF_WHY];

	if (k->own && kernel_btf_reduce(k->own, KERNEL_BTF_OWN, &unknown, &k->reduced, why) < 0)
		k->reduced = NULL;
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
	if (bpf_refusal_of_programs() == -EPERM) {
		text_copy(ret->reason, sizeof(ret->reason),
			  "no permission for tracing programs: run as root or with CAP_PERFMON besides "
			  "CAP_BPF");
		return;
	}
	ret->usable = true;
	ret->reads_refused = bpf_refusal_of_reads();
	load_own_btf(ret);
	reduce_own_btf(ret);
	probe_arguments(ret);
}

static void forget_btf(struct bpf_kernel *k)
{
	btf__free(k->own);
	kernel_btf_close(k->reduced);
	k->own = NULL;
	k->reduced = NULL;
	k->btf = NULL;
}

bool bpf_kernel_find_btf(struct bpf_kernel *k, const char *file_or_folder)
{
	struct kernel_identity running;
	char why[KERNEL_BTF_WHY];
	struct stat st;
	bool there = !stat(file_or_folder, &st), folder = there && S_ISDIR(st.st_mode);
	int r;

	if (k->own && (!there || folder))
		return there;
	forget_btf(k);
	kernel_identity_read("/", &running);
	r = kernel_btf_open(file_or_folder, &running, &k->reduced, why);
	if (r == 0)
		k->btf = k->reduced->btf;
	else if (r == -ENOENT)
		snprintf(k->btf_reason, sizeof(k->btf_reason),
			 "this kernel has no BTF, and none for it is in %.200s: make it with edgeprof btf, "
			 "see "
			 "edgeprof-btf(1)",
			 file_or_folder);
	else
		text_copy(k->btf_reason, sizeof(k->btf_reason), why);
	probe_arguments(k);
	return there;
}

const char *bpf_kernel_btf_source(const struct bpf_kernel *k)
{
	return k->own ? KERNEL_BTF_OWN : k->reduced ? k->reduced->source : "none";
}

void bpf_kernel_clear(struct bpf_kernel *k)
{
	forget_btf(k);
}

int bpf_kernel_meter_programs(void)
{
	return bpf_enable_stats(BPF_STATS_RUN_TIME);
}
