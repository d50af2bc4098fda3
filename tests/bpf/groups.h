/* SPDX-License-Identifier: BSD-2-Clause */
/* Cgroups for tests on the live machine: made in every hierarchy that can name
 * or account containers, removed at the end. */
#ifndef EP_TESTS_BPF_GROUPS_H
#define EP_TESTS_BPF_GROUPS_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const group_hierarchies[] = { "/sys/fs/cgroup/memory", "/sys/fs/cgroup/cpuacct",
						 "/sys/fs/cgroup/unified", "/sys/fs/cgroup" };

struct group {
	char name[64];
	uint64_t id; /* in the hierarchy that edgeprof uses by default here */
};

static inline bool group_is_hierarchy(const char *path)
{
	char procs[256];

	snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
	return !access(procs, W_OK);
}

static struct group group_made[64];
static size_t groups_made;

static inline void group_end(const struct group *g);

/* A test that failed half-way leaves its processes and groups to this. */
static inline void groups_end(void)
{
	for (size_t i = 0; i < groups_made; i++)
		group_end(&group_made[i]);
}

static inline void group_make(const char *name, struct group *ret)
{
	struct stat st;
	char path[256];

	if (!groups_made)
		atexit(groups_end);
	snprintf(ret->name, sizeof(ret->name), "edgeprof-test-%s-%d", name, (int)getpid());
	ret->id = 0;
	for (size_t i = 0; i < 4; i++) {
		if (!group_is_hierarchy(group_hierarchies[i]))
			continue;
		snprintf(path, sizeof(path), "%s/%s", group_hierarchies[i], ret->name);
		if (mkdir(path, 0755) && errno != EEXIST)
			continue;
		if (!ret->id && !stat(path, &st))
			ret->id = st.st_ino;
	}
	if (groups_made < sizeof(group_made) / sizeof(group_made[0]))
		group_made[groups_made++] = *ret;
}

static inline void group_enter(const struct group *g)
{
	char path[256];

	for (size_t i = 0; i < 4; i++) {
		int fd;

		snprintf(path, sizeof(path), "%s/%s/cgroup.procs", group_hierarchies[i], g->name);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (write(fd, "0", 1) != 1)
			_exit(99);
		close(fd);
	}
}

/* Enters in the hierarchy alone that names the group: nothing makes the task sleep after it. */
static inline void group_enter_by_name(const struct group *g)
{
	char path[256];
	int fd = -1;

	for (size_t i = 0; i < 4 && fd < 0; i++) {
		snprintf(path, sizeof(path), "%s/%s/cgroup.procs", group_hierarchies[i], g->name);
		fd = open(path, O_WRONLY | O_CLOEXEC);
	}
	if (fd < 0 || write(fd, "0", 1) != 1)
		_exit(99);
	close(fd);
}

static inline void group_remove(const struct group *g)
{
	char path[256];

	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", group_hierarchies[i], g->name);
		for (int tries = 0; tries < 50 && rmdir(path) && errno == EBUSY; tries++)
			usleep(20000);
	}
}

static inline void group_end(const struct group *g)
{
	char path[256];

	for (size_t i = 0; i < 4; i++) {
		FILE *f;
		int pid;

		snprintf(path, sizeof(path), "%s/%s/cgroup.procs", group_hierarchies[i], g->name);
		f = fopen(path, "re");
		while (f && fscanf(f, "%d", &pid) == 1)
			kill(pid, SIGKILL);
		if (f)
			fclose(f);
	}
	group_remove(g);
}

/* Runs `work` in a child inside the group; returns its pid. */
static inline pid_t group_start(const struct group *g, void (*work)(void *), void *data)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	/* The kernel charges a slice to where its end finds the task: enter on a fresh one. */
	usleep(2000);
	group_enter(g);
	usleep(2000);
	work(data);
	_exit(0);
}

/* CPU time the kernel accounted to the group, ns. */
static inline uint64_t group_cpu_time_ns(const struct group *g)
{
	unsigned long long value = 0;
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/fs/cgroup/cpuacct/%s/cpuacct.usage", g->name);
	f = fopen(path, "re");
	if (f) {
		if (fscanf(f, "%llu", &value) != 1)
			value = 0;
		fclose(f);
		return value;
	}
	snprintf(path, sizeof(path), "/sys/fs/cgroup/%s/cpu.stat", g->name);
	f = fopen(path, "re");
	if (f) {
		if (fscanf(f, "usage_usec %llu", &value) != 1)
			value = 0;
		fclose(f);
	}
	return value * 1000;
}

#endif
