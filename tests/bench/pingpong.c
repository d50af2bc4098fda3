/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two processes on one CPU, each in cgroups of its own, hand a byte to and fro.
 * Prints the CPU time that both used and the context switches that happened:
 * CPU time rather than wall time, so that what else runs on the machine counts
 * as little as it can.
 *
 *	pingpong CPU SWITCHES DIR[:DIR...] DIR[:DIR...]
 */
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WARM_UP_ROUNDS 2000

struct player {
	const char *cgroups;
	int in, out, report;
	int begins;
};

struct score {
	uint64_t cpu_ns;
	uint64_t switches;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void join_cgroups(const char *dirs)
{
	char path[512];

	for (const char *d = dirs; *d;) {
		int length = (int)strcspn(d, ":");
		FILE *f;

		snprintf(path, sizeof(path), "%.*s/cgroup.procs", length, d);
		f = fopen(path, "we");
		if (!f || fputs("0", f) < 0 || fclose(f))
			die(path);
		d += length + (d[length] == ':');
	}
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
}

static struct score score_now(void)
{
	struct timespec t;
	struct rusage usage;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) || getrusage(RUSAGE_SELF, &usage))
		die("clock_gettime");
	return (struct score){ (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec,
			       (uint64_t)usage.ru_nvcsw + (uint64_t)usage.ru_nivcsw };
}

static void rally(const struct player *p, long rounds)
{
	char ball = 0;

	for (long i = 0; i < rounds; i++) {
		if (p->begins && write(p->out, &ball, 1) != 1)
			die("write");
		if (read(p->in, &ball, 1) != 1)
			die("read");
		if (!p->begins && write(p->out, &ball, 1) != 1)
			die("write");
	}
}

static void play(const struct player *p, int cpu, long rounds)
{
	struct score before, after;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	join_cgroups(p->cgroups);
	pin(cpu);
	rally(p, WARM_UP_ROUNDS);
	before = score_now();
	rally(p, rounds);
	after = score_now();
	after.cpu_ns -= before.cpu_ns;
	after.switches -= before.switches;
	if (write(p->report, &after, sizeof(after)) != (ssize_t)sizeof(after))
		die("report");
	exit(0);
}

int main(int argc, char **argv)
{
	int there[2], back[2], report[2], status;
	struct score total = { 0, 0 }, one;
	long rounds;

	if (argc != 5 || pipe(there) || pipe(back) || pipe(report))
		die("usage: pingpong CPU SWITCHES DIRS DIRS");
	rounds = strtol(argv[2], NULL, 10) / 2;
	for (int i = 0; i < 2; i++) {
		struct player p = { argv[3 + i], i ? there[0] : back[0], i ? back[1] : there[1], report[1],
				    !i };
		pid_t pid = fork();

		if (pid < 0)
			die("fork");
		if (!pid)
			play(&p, (int)strtol(argv[1], NULL, 10), rounds);
	}
	close(report[1]);
	while (read(report[0], &one, sizeof(one)) == (ssize_t)sizeof(one)) {
		total.cpu_ns += one.cpu_ns;
		total.switches += one.switches;
	}
	for (int i = 0; i < 2; i++)
		if (wait(&status) < 0 || status)
			return 1;
	printf("%llu %llu\n", (unsigned long long)total.cpu_ns, (unsigned long long)total.switches);
	return 0;
}
