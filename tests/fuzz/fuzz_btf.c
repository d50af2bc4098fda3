/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a kernel: as BTF, as the vmlinux or Image that holds it, as the
 * archive of a package. The first byte says as which, so that each is tried on its own. */
#include "source/kernel_image.h"
#include "source/kernel_package.h"
#include "source/libbpf_old.h"

#include <bpf/btf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		abort();
}

/* What is left of damaged types must be types that any reader takes. */
static void use(const struct btf *full)
{
	struct kernel_identity identity;
	char why[KERNEL_BTF_WHY] = "";
	struct btf *minimal, *again;
	const void *data;
	uint32_t size;

	(void)kernel_btf_identity(full, &identity);
	if (kernel_btf_minimise(full, &identity, &minimal, why) < 0) {
		require(why[0]);
		return;
	}
	data = btf__raw_data(minimal, &size);
	require(data && kernel_btf_parse(data, size, &again, why) == 0);
	for (uint32_t id = 1; id < btf__type_cnt(again); id++)
		(void)btf__resolve_size(again, id); /* follows every reference */
	btf__free(again);
	btf__free(minimal);
}

static int file_of(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static void fuzz_image(const uint8_t *data, size_t size)
{
	_cleanup_close_ int fd = file_of(data, size);
	char why[KERNEL_BTF_WHY] = "";
	struct kernel_image image;

	if (kernel_image_open_fd(fd, &image, why) < 0)
		require(why[0] && !image.btf);
	else
		use(image.btf);
	require(memchr(image.identity.version, 0, sizeof(image.identity.version)));
	kernel_image_clear(&image);
}

static void fuzz_btf(const uint8_t *data, size_t size)
{
	char why[KERNEL_BTF_WHY] = "";
	struct btf *btf;

	if (kernel_btf_parse(data, size, &btf, why) < 0) {
		require(why[0]);
		return;
	}
	use(btf);
	btf__free(btf);
}

static void fuzz_archive(const uint8_t *data, size_t size)
{
	_cleanup_close_ int fd = file_of(data, size), into = memfd_create("into", MFD_CLOEXEC);

	require(kernel_package_copy(fd, into) <= 0);
}

static void fuzz_text(const uint8_t *data, size_t size)
{
	char version[512], id[129];

	kernel_image_find_version(data, size, version);
	require(!version[0] || kernel_identity_is_version(version));
	kernel_identity_parse_notes(data, size, id);
	require(strlen(id) <= 128);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	libbpf_set_print(NULL);
	setenv("PATH", "/nonexistent", 1); /* pahole is not what is tested */
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const ways[])(const uint8_t *, size_t) = { fuzz_btf, fuzz_image, fuzz_archive,
								 fuzz_text };

	if (size)
		ways[data[0] % 4](data + 1, size - 1);
	return 0;
}
