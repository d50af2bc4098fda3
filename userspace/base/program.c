/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/program.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define SAID_BYTES 4096 /* from the end of what it said */

extern char **environ;

static int prepare(posix_spawn_file_actions_t *actions, int output_fd, const int *kept_fds, int error_fd)
{
	int r = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);

	if (r == 0 && output_fd >= 0)
		r = posix_spawn_file_actions_adddup2(actions, output_fd, 1);
	else if (r == 0)
		r = posix_spawn_file_actions_addopen(actions, 1, "/dev/null", O_WRONLY, 0);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(actions, error_fd, 2);
	for (; r == 0 && kept_fds && *kept_fds >= 0; kept_fds++) /* onto itself: stays open over exec */
		r = posix_spawn_file_actions_adddup2(actions, *kept_fds, *kept_fds);
	return -r;
}

int program_start(const char *const argv[], int output_fd, const int *kept_fds, struct program *ret)
{
	_cleanup_close_ int error_fd = memfd_create("edgeprof-stderr", MFD_CLOEXEC);
	posix_spawn_file_actions_t actions;
	int r;

	if (error_fd < 0)
		return -errno;
	r = -posix_spawn_file_actions_init(&actions);
	if (r < 0)
		return r;
	r = prepare(&actions, output_fd, kept_fds, error_fd);
	if (r == 0)
		r = -posix_spawnp(&ret->pid, argv[0], &actions, NULL, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (r == 0)
		ret->error_fd = TAKE_FD(error_fd);
	return r;
}

static void read_last_line(int fd, char *into, size_t size)
{
	char text[SAID_BYTES + 1];
	off_t end = lseek(fd, 0, SEEK_END);
	ssize_t n = pread(fd, text, SAID_BYTES, end > SAID_BYTES ? end - SAID_BYTES : 0);
	char *line;

	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' '))
		n--;
	text[n > 0 ? n : 0] = '\0';
	line = strrchr(text, '\n');
	text_copy(into, size, line ? line + 1 : text);
	text_clean(into);
}

int program_finish(struct program *p, char *ret_said, size_t size)
{
	int status = 0;
	pid_t pid;

	do {
		pid = waitpid(p->pid, &status, 0);
	} while (pid < 0 && errno == EINTR);
	read_last_line(p->error_fd, ret_said, size);
	close(p->error_fd);
	p->error_fd = -1;
	if (pid == p->pid && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (!ret_said[0] && WIFSIGNALED(status))
		snprintf(ret_said, size, "killed by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else if (!ret_said[0])
		snprintf(ret_said, size, "exit status %d", WEXITSTATUS(status));
	return -EIO;
}
