/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel inside a Debian package. */
#ifndef EP_SOURCE_KERNEL_PACKAGE_H
#define EP_SOURCE_KERNEL_PACKAGE_H

#include "source/kernel_btf.h"

/* The first vmlinux, vmlinuz or Image of the package, as a file without a name in
 * $TMPDIR (default /var/tmp): nothing is left behind, however the program ends.
 * Returns the descriptor. */
int kernel_package_open(const char *path, char ret_why[KERNEL_BTF_WHY]) _must_check_;

/* Reads a tar archive from one descriptor and writes the kernel that it holds to
 * another. -ENOENT: it holds none; -EBADMSG: it is cut short. */
int kernel_package_copy(int archive_fd, int into_fd) _must_check_;

#endif
