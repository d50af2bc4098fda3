/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One process in every cgroup named on stdin (a line each: DIR[:DIR...]). The
 * first BUSY of them wake HZ times a second and burn BURN_US; the others sleep.
 * Prints "ready" once all are in place; all end with this process.
 *
 *	tenants BUSY HZ BURN_US
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void join_cgroups(char *dirs, pid_t pid)
{
	char path[512], *rest = dirs, *dir;

	while ((dir = strsep(&rest, ":"))) {
		FILE *f;

		snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
		f = fopen(path, "we");
		if (!f || fprintf(f, "%d", (int)pid) < 0 || fclose(f))
			die(path);
	}
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void work(long hz, uint64_t burn_ns)
{
	struct timespec period = { 0, 1000000000 / hz };

	for (;;) {
		uint64_t end_ns;

		nanosleep(&period, NULL);
		end_ns = now_ns() + burn_ns;
		while (now_ns() < end_ns)
			;
	}
}

static void live(int busy, long hz, uint64_t burn_ns)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == 1)
		exit(0);
	if (busy)
		work(hz, burn_ns);
	for (;;)
		pause();
}

static void wait_for_end(void)
{
	struct signalfd_siginfo info;
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (fd < 0 || read(fd, &info, sizeof(info)) < 0)
		die("signalfd");
}

int main(int argc, char **argv)
{
	char line[2048];
	long busy, hz, burn_us, n = 0;
	pid_t pid;

	if (argc != 4)
		die("usage: tenants BUSY HZ BURN_US");
	busy = strtol(argv[1], NULL, 10);
	hz = strtol(argv[2], NULL, 10);
	burn_us = strtol(argv[3], NULL, 10);
	if (hz < 2)
		die("HZ");
	setpgid(0, 0);
	signal(SIGCHLD, SIG_IGN); /* the children reap themselves */
	for (; fgets(line, sizeof(line), stdin); n++) {
		line[strcspn(line, "\n")] = '\0';
		pid = fork();
		if (pid < 0)
			die("fork");
		if (!pid)
			live(n < busy, hz, (uint64_t)burn_us * 1000);
		join_cgroups(line, pid);
	}
	puts("ready");
	fflush(stdout);
	wait_for_end();
	signal(SIGTERM, SIG_IGN);
	kill(0, SIGTERM);
	while (wait(NULL) > 0)
		;
	return 0;
}
