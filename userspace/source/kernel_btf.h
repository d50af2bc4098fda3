/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * BTF of a kernel that has none of its own, from a file that says which kernel
 * it is of. The wrong file of the same series loads without any error and reads
 * nonsense: the text of /proc/version, or the build id, must be the same.
 */
#ifndef EP_SOURCE_KERNEL_BTF_H
#define EP_SOURCE_KERNEL_BTF_H

#include "base/cleanup.h"
#include "source/btf_wants.h"
#include <stdbool.h>

struct btf;

#define KERNEL_BTF_BYTES_MAX (64u << 20)
#define KERNEL_BTF_OWN "/sys/kernel/btf/vmlinux"
#define KERNEL_BTF_WHY 480 /* room for a reason that names two kernels */

struct kernel_identity {
	char version[512];  /* as in /proc/version, without its newline; "": not known */
	char build_id[129]; /* hexadecimal; "": not known */
};
/* Of the running kernel, as far as root/proc and root/sys tell. */
void kernel_identity_read(const char *root, struct kernel_identity *ret);
/* By build id when both have one, else by the version's text. */
bool kernel_identity_same(const struct kernel_identity *a, const struct kernel_identity *b);
/* The release inside the version's text ("5.10.104-tegra"), "" when there is none. */
const char *kernel_identity_release(const struct kernel_identity *k, char *into, size_t size);
/* The first GNU build id of an ELF note section; "" when there is none. */
void kernel_identity_parse_notes(const void *notes, size_t size, char ret[129]);
/* "Linux version ..." as the kernel's own text has it. */
bool kernel_identity_is_version(const char *text);

/* BTF of a 64-bit kernel out of `size` bytes; everything that is not gets one
 * line in `ret_why` and -EBADMSG. */
int kernel_btf_parse(const void *data, size_t size, struct btf **ret,
		     char ret_why[KERNEL_BTF_WHY]) _must_check_;
int kernel_btf_read(const char *path, struct btf **ret, char ret_why[KERNEL_BTF_WHY]) _must_check_;
/* Which kernel the file says it is of; false when it says nothing. */
bool kernel_btf_identity(const struct btf *btf, struct kernel_identity *ret);

/* The minimal BTF with its identity; the caller frees it with btf__free(). */
int kernel_btf_minimise(const struct btf *full, const struct kernel_identity *identity, struct btf **ret,
			char ret_why[KERNEL_BTF_WHY]) _must_check_;

struct kernel_btf {
	struct btf *btf;  /* only what the programs need */
	char source[256]; /* the file that it came from */
	char path[32];    /* where libbpf reads it: memory of this process, checked and unchanging */
	bool other_wants; /* made for programs that ask for other types than these */
	struct kernel_identity identity;
	int fd;
};
/* From the file, or the file of the folder that is of `running`. -ENOENT: there
 * is none, -ESTALE: only of other kernels, -ENODATA: it does not say of which,
 * -EBADMSG: damaged; ret_why tells in words, with what to do. */
int kernel_btf_open(const char *file_or_folder, const struct kernel_identity *running,
		    struct kernel_btf **ret, char ret_why[KERNEL_BTF_WHY]) _must_check_;
/* The same out of types that are in memory; `source` and `identity` are copied. */
int kernel_btf_reduce(const struct btf *full, const char *source, const struct kernel_identity *identity,
		      struct kernel_btf **ret, char ret_why[KERNEL_BTF_WHY]) _must_check_;
void kernel_btf_close(struct kernel_btf *k); /* NULL is fine */

#endif
