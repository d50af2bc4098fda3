/* SPDX-License-Identifier: BSD-2-Clause */
#include "source/kernel_package.h"

#include "base/program.h"
#include "base/root.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#define BLOCK_BYTES 512
#define KERNEL_BYTES_MIN (1u << 20) /* scripts of the same name are shorter */
#define KERNEL_BYTES_MAX (8ull << 30)

struct tar_header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8];
	char type, link[100], magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155],
		pad[12];
};
_Static_assert(sizeof(struct tar_header) == BLOCK_BYTES, "a tar header is one block");

/* --- the archive ----------------------------------------------------------------------- */

/* 1: all, 0: the end, before the first byte. */
static int read_exactly(int fd, void *into, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = read(fd, (char *)into + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return done ? -EBADMSG : 0;
		done += (size_t)n;
	}
	return 1;
}

/* Octal digits, or bytes with the highest bit set in front. */
static int parse_size(const char field[12], uint64_t *ret)
{
	uint64_t value = 0;

	if ((uint8_t)field[0] & 0x80) {
		for (int i = 4; i < 12; i++)
			value = value << 8 | (uint8_t)field[i];
	} else {
		for (int i = 0; i < 12 && field[i] && field[i] != ' '; i++) {
			if (field[i] < '0' || field[i] > '7')
				return -EBADMSG;
			value = value * 8 + (uint64_t)(field[i] - '0');
		}
	}
	if (value > KERNEL_BYTES_MAX)
		return -EBADMSG;
	*ret = value;
	return 0;
}

static bool is_kernel(const struct tar_header *h, uint64_t size)
{
	char name[sizeof(h->name) + 1] = "";
	const char *slash;

	memcpy(name, h->name, sizeof(h->name));
	slash = strrchr(name, '/');
	slash = slash ? slash + 1 : name;
	return (h->type == '0' || !h->type) && size >= KERNEL_BYTES_MIN &&
	       (text_starts_with(slash, "vmlinux") || text_starts_with(slash, "vmlinuz") ||
		!strcmp(slash, "Image"));
}

/* Content up to the next header; into_fd -1: passed over. */
static int take_content(int archive_fd, int into_fd, uint64_t size)
{
	static char buffer[128 * BLOCK_BYTES];
	uint64_t rest = (size + BLOCK_BYTES - 1) / BLOCK_BYTES * BLOCK_BYTES;

	while (rest) {
		size_t now = rest < sizeof(buffer) ? rest : sizeof(buffer);
		size_t wanted = size < now ? size : now;
		int r = read_exactly(archive_fd, buffer, now);

		if (r <= 0)
			return r < 0 ? r : -EBADMSG;
		if (into_fd >= 0) {
			r = fd_write_all(into_fd, buffer, wanted);
			if (r < 0)
				return r;
		}
		rest -= now;
		size -= wanted;
	}
	return 0;
}

int kernel_package_copy(int archive_fd, int into_fd)
{
	struct tar_header h;
	int r;

	while ((r = read_exactly(archive_fd, &h, sizeof(h))) > 0) {
		uint64_t size;

		if (!h.name[0]) /* two empty blocks end the archive */
			return -ENOENT;
		if (memcmp(h.magic, "ustar", 5) || parse_size(h.size, &size) < 0)
			return -EBADMSG;
		if (is_kernel(&h, size))
			return take_content(archive_fd, into_fd, size);
		r = take_content(archive_fd, -1, size);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : -EBADMSG;
}

/* --- the package -------------------------------------------------------------------------- */

static const char *temporary_folder(void)
{
	const char *folder = getenv("TMPDIR");

	return folder && *folder ? folder : "/var/tmp";
}

static int open_nameless(const char *folder)
{
	char path[PATH_MAX];
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
		return fd < 0 ? -errno : fd;
	snprintf(path, sizeof(path), "%.4000s/edgeprof.XXXXXX", folder);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	unlink(path);
	return fd;
}

static int unpack(const char *path, int into_fd, char ret_why[KERNEL_BTF_WHY])
{
	const char *const argv[] = { "dpkg-deb", "--fsys-tarfile", "--", path, NULL };
	struct program program;
	char said[160];
	int ends[2], r, status;

	if (pipe2(ends, O_CLOEXEC)) {
		r = -errno;
		snprintf(ret_why, KERNEL_BTF_WHY, "cannot make a pipe to dpkg-deb: %s", strerror(-r));
		return r;
	}
	r = program_start(argv, ends[1], NULL, &program);
	close(ends[1]);
	if (r < 0) {
		close(ends[0]);
		snprintf(ret_why, KERNEL_BTF_WHY, "cannot run dpkg-deb, which unpacks packages: %s",
			 strerror(-r));
		return r;
	}
	r = kernel_package_copy(ends[0], into_fd);
	close(ends[0]); /* what it still wants to write, nobody reads */
	status = program_finish(&program, said, sizeof(said));
	if (r == -ENOENT)
		snprintf(ret_why, KERNEL_BTF_WHY,
			 "the package holds no vmlinux; debug packages do (linux-image-...-dbg, -dbgsym)");
	else if (r == -EBADMSG)
		snprintf(ret_why, KERNEL_BTF_WHY, "the package is damaged%s%s", status < 0 ? ": " : "",
			 status < 0 ? said : "");
	else if (r < 0)
		snprintf(ret_why, KERNEL_BTF_WHY, "cannot unpack it in %s: %s", temporary_folder(),
			 strerror(-r));
	return r;
}

int kernel_package_open(const char *path, char ret_why[KERNEL_BTF_WHY])
{
	_cleanup_close_ int fd = open_nameless(temporary_folder());
	int r;

	if (fd < 0) {
		snprintf(ret_why, KERNEL_BTF_WHY, "cannot make a file in %s: %s", temporary_folder(),
			 strerror(-fd));
		return fd;
	}
	r = unpack(path, fd, ret_why);
	return r < 0 ? r : TAKE_FD(fd);
}
