/* SPDX-License-Identifier: BSD-2-Clause */
#include "source/bpf_refusal.h"

#include "source/libbpf_old.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/utsname.h>

static int load(const struct bpf_insn *code, size_t n)
{
	int fd = bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "ep_trial", "GPL", code, n, NULL);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

int bpf_refusal_of_programs(void)
{
	static const struct bpf_insn return_0[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return load(return_0, ARRAY_SIZE(return_0));
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

	return bpf_refusal_of_programs() == 0 && load(read_kernel, ARRAY_SIZE(read_kernel)) == -EINVAL;
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
