/* SPDX-License-Identifier: BSD-2-Clause */
#include "source/bpf_refusal.h"

#include "source/libbpf_old.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/utsname.h>

static const struct bpf_insn return_0[] = {
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
	{ .code = BPF_JMP | BPF_EXIT },
};

/* Nothing is attached. */
static int load(enum bpf_prog_type type, const struct bpf_insn *code, size_t n,
		const struct bpf_prog_load_opts *options)
{
	int fd = bpf_prog_load(type, "ep_trial", "GPL", code, n, options);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

int bpf_refusal_of_programs(void)
{
	return load(BPF_PROG_TYPE_RAW_TRACEPOINT, return_0, ARRAY_SIZE(return_0), NULL);
}

int bpf_refusal_of_typed_programs(uint32_t btf_id)
{
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_TRACE_RAW_TP,
		    .attach_btf_id = btf_id);

	return load(BPF_PROG_TYPE_TRACING, return_0, ARRAY_SIZE(return_0), &options);
}

/* bpf_probe_read_kernel(stack, 8, NULL): refused at loading as an unknown helper. */
bool bpf_refusal_of_reads(void)
{
	static const struct bpf_insn read_kernel[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_10 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_1, .imm = -8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3, .imm = 0 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_probe_read_kernel },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_refusal_of_programs() == 0 &&
	       load(BPF_PROG_TYPE_RAW_TRACEPOINT, read_kernel, ARRAY_SIZE(read_kernel), NULL) == -EINVAL;
}

/* Before 5.11 maps count as locked memory; later they are charged to a cgroup. */
static bool memory_is_limited(void)
{
	unsigned major = 0, minor = 0;
	struct utsname names;
	struct rlimit limit;

	if (uname(&names) || sscanf(names.release, "%u.%u", &major, &minor) != 2 ||
	    getrlimit(RLIMIT_MEMLOCK, &limit))
		return false;
	return (major < 5 || (major == 5 && minor < 11)) && limit.rlim_cur != RLIM_INFINITY;
}

const char *bpf_refusal_cause(int error, bool reads_refused)
{
	if (error == -EPERM && memory_is_limited())
		return "the limit of locked memory is too small for maps on a kernel before 5.11: set "
		       "LimitMEMLOCK=infinity in the unit, or run with CAP_SYS_RESOURCE";
	if (error == -EINVAL && reads_refused)
		return "lockdown=confidentiality keeps programs from reading the kernel's memory: boot with "
		       "lockdown=integrity or without lockdown";
	return NULL;
}
