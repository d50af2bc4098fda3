/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/service.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

bool service_is_managed(void)
{
	const char *path = getenv("NOTIFY_SOCKET");

	return path && *path;
}

int service_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -1;
	socklen_t length;

	if (!path || !*path)
		return 0;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	if (address.sun_path[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, length) < 0)
		return -errno;
	return 0;
}

uint64_t service_watchdog_interval_ns(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	uint64_t value, owner;

	if (!usec || text_parse_u64(usec, &value) < 0 || value > UINT64_MAX / 1000)
		return 0;
	if (pid && (text_parse_u64(pid, &owner) < 0 || owner != (uint64_t)getpid()))
		return 0;
	return value * 1000 / 2;
}

static pid_t read_owner(int fd)
{
	char text[32] = "";
	uint64_t pid;
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return 0;
	text[strcspn(text, "\n")] = '\0';
	return text_parse_u64(text, &pid) < 0 || pid > INT_MAX ? 0 : (pid_t)pid;
}

int service_lock(const char *dir, pid_t *ret_owner)
{
	char path[PATH_MAX];
	_cleanup_close_ int fd = -1;

	*ret_owner = 0;
	if (snprintf(path, sizeof(path), "%s/agent.lock", dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	if (mkdir(dir, 0755) && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		int r = -errno;

		*ret_owner = read_owner(fd);
		return r;
	}
	if (ftruncate(fd, 0) || dprintf(fd, "%d\n", (int)getpid()) < 0)
		return -errno;
	return TAKE_FD(fd);
}
