/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The types of a kernel, and which kernel it is, out of any file that tells: a
 * vmlinux with BTF or with debug information alone, a package that holds one, an
 * uncompressed arm64 Image, or BTF alone.
 */
#ifndef EP_SOURCE_KERNEL_IMAGE_H
#define EP_SOURCE_KERNEL_IMAGE_H

#include "source/kernel_btf.h"

struct kernel_image {
	struct btf *btf;
	struct kernel_identity identity; /* as far as the file tells */
};

/* Debug information takes pahole, a package dpkg-deb. */
int kernel_image_open(const char *path, struct kernel_image *ret, char ret_why[KERNEL_BTF_WHY]) _must_check_;
/* The same for an open file, which may not be a package. */
int kernel_image_open_fd(int fd, struct kernel_image *ret, char ret_why[KERNEL_BTF_WHY]) _must_check_;
void kernel_image_clear(struct kernel_image *image);

/* "Linux version ..." up to the end of its line, "" when the bytes have none. */
void kernel_image_find_version(const void *data, size_t size, char ret[512]);

#endif
