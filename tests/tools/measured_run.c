// SPDX-License-Identifier: BSD-2-Clause
/*
 * measured_run SETTLE_SECONDS DIR[:DIR...] COMMAND...
 *
 * Enters the cgroups, runs COMMAND in them from its birth on, and prints one
 * line of JSON with what the kernel counted for it (wait4). It sleeps before and
 * after, so that a reading of the cgroup before begin_mono_ns and one after
 * end_mono_ns differ by exactly these figures: its own part in between is in
 * them too.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t cpu_ns(const struct rusage *u)
{
	return (uint64_t)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1000000000u +
	       (uint64_t)(u->ru_utime.tv_usec + u->ru_stime.tv_usec) * 1000u;
}

static int enter(char *directories)
{
	for (char *dir = strtok(directories, ":"); dir; dir = strtok(NULL, ":")) {
		char path[512];
		int fd;

		snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, "0", 1) != 1) {
			perror(path);
			return 1;
		}
		close(fd);
	}
	return 0;
}

static void report(int fd, uint64_t begin_ns, const struct rusage *before, const struct rusage *after,
		   const struct rusage *child)
{
	dprintf(fd,
		"{\"begin_mono_ns\":%llu,\"end_mono_ns\":%llu,\"faults_minor\":%ld,\"faults_major\":%ld,"
		"\"switches\":%ld,\"cpu_ns\":%llu}\n",
		(unsigned long long)begin_ns, (unsigned long long)now_ns(),
		child->ru_minflt + after->ru_minflt - before->ru_minflt,
		child->ru_majflt + after->ru_majflt - before->ru_majflt,
		child->ru_nvcsw + child->ru_nivcsw + after->ru_nvcsw + after->ru_nivcsw - before->ru_nvcsw -
			before->ru_nivcsw,
		(unsigned long long)(cpu_ns(child) + cpu_ns(after) - cpu_ns(before)));
}

int main(int argc, char **argv)
{
	struct rusage before = {}, after = {}, child = {};
	useconds_t settle_us;
	uint64_t begin_ns;
	int status, null;
	pid_t pid;

	if (argc < 4)
		return 2;
	settle_us = (useconds_t)(atof(argv[1]) * 1e6);
	if (enter(argv[2]))
		return 1;
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	report(null, 0, &before, &after, &child); /* takes its page faults now */
	getrusage(RUSAGE_SELF, &before);
	usleep(settle_us);
	getrusage(RUSAGE_SELF, &before);
	begin_ns = now_ns();
	pid = fork();
	if (pid == 0) {
		execvp(argv[3], argv + 3);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &child) != pid)
		return 1;
	report(null, begin_ns, &before, &after, &child);
	getrusage(RUSAGE_SELF, &after);
	report(STDOUT_FILENO, begin_ns, &before, &after, &child);
	usleep(settle_us);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
