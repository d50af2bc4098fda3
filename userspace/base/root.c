/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/root.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

static int open_flags(const char *root, const char *path, int flags)
{
	char full[PATH_MAX];
	int length, fd;

	length = snprintf(full, sizeof(full), "%s/%s", !strcmp(root, "/") ? "" : root, path + (*path == '/'));
	if (length < 0 || (size_t)length >= sizeof(full))
		return -ENAMETOOLONG;
	fd = open(full, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

int root_open(const char *root, const char *path)
{
	return open_flags(root, path, O_RDONLY);
}

int root_opendir(const char *root, const char *path, DIR **ret)
{
	_cleanup_close_ int fd = open_flags(root, path, O_RDONLY | O_DIRECTORY);
	DIR *dir;

	if (fd < 0)
		return fd;
	dir = fdopendir(fd);
	if (!dir)
		return -errno;
	(void)TAKE_FD(fd);
	*ret = dir;
	return 0;
}

static int read_all(int fd, off_t offset, char *into, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = pread(fd, into + done, size - done, offset + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (int)done;
}

int fd_read_text(int fd, char *into, size_t size)
{
	int n = read_all(fd, 0, into, size);

	if (n < 0)
		return n;
	if ((size_t)n == size)
		return -EFBIG;
	into[n] = '\0';
	return n;
}

int fd_write_all(int fd, const void *data, size_t size)
{
	const char *p = data;

	while (size) {
		ssize_t n = write(fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		size -= (size_t)n;
	}
	return 0;
}

int root_read_text(const char *root, const char *path, char *into, size_t size)
{
	_cleanup_close_ int fd = root_open(root, path);

	return fd < 0 ? fd : fd_read_text(fd, into, size);
}

int root_read_file(const char *root, const char *path, size_t max, char **ret, size_t *ret_size)
{
	_cleanup_close_ int fd = root_open(root, path);
	_cleanup_free_ char *data = NULL;
	size_t size = 0, capacity = 0;

	if (fd < 0)
		return fd;
	for (;;) {
		int n;

		if (size == capacity) {
			size_t grown = capacity ? capacity * 2 : 4096;
			char *p;

			if (capacity > max)
				return -EFBIG;
			p = realloc(data, grown + 1);
			if (!p)
				return -ENOMEM;
			data = p;
			capacity = grown;
		}
		n = read_all(fd, (off_t)size, data + size, capacity - size);
		if (n < 0)
			return n;
		if (n == 0)
			break;
		size += (size_t)n;
	}
	if (size > max)
		return -EFBIG;
	data[size] = '\0';
	*ret = TAKE_PTR(data);
	if (ret_size)
		*ret_size = size;
	return 0;
}

int root_read_u64(const char *root, const char *path, uint64_t *ret)
{
	char text[64], *start, *end;
	int n = root_read_text(root, path, text, sizeof(text));

	if (n < 0)
		return n;
	start = text + strspn(text, " \t\n");
	end = start + strcspn(start, " \t\n");
	if (end + strspn(end, " \t\n") != text + n) /* a NUL in the file ends nothing */
		return -EINVAL;
	*end = '\0';
	return text_parse_u64(start, ret);
}
