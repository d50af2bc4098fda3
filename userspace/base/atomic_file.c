/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/atomic_file.h"

#include "base/root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

static int fill(int fd, const void *data, size_t size)
{
	int r = fd_write_all(fd, data, size);

	if (r < 0)
		return r;
	return fchmod(fd, 0644) || fsync(fd) ? -errno : 0;
}

/* Without RENAME_NOREPLACE on the file system another writer may win in between. */
static int put_in_place(const char *temporary, const char *path, bool replace)
{
	struct stat st;

	if (replace)
		return rename(temporary, path) ? -errno : 0;
	if (!renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE))
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if (!lstat(path, &st))
		return -EEXIST;
	return rename(temporary, path) ? -errno : 0;
}

static int check_target(const char *path, bool replace)
{
	struct stat st;

	if (lstat(path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	return replace ? 0 : -EEXIST;
}

int atomic_file_write(const char *path, const void *data, size_t size, bool replace)
{
	char temporary[PATH_MAX];
	_cleanup_close_ int fd = -1;
	int r = check_target(path, replace);

	if (r < 0)
		return r;
	if ((size_t)snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path) >= sizeof(temporary))
		return -ENAMETOOLONG;
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = fill(fd, data, size);
	if (r == 0)
		r = put_in_place(temporary, path, replace);
	if (r < 0)
		unlink(temporary);
	return r;
}
