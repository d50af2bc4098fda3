/* SPDX-License-Identifier: BSD-2-Clause */
/* Forks and executes PROGRAM, TIMES over; prints the wall time in ns.
 *
 *	spawn PROGRAM TIMES
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int main(int argc, char **argv)
{
	uint64_t began_ns = now_ns();

	if (argc != 3)
		return 2;
	for (long i = strtol(argv[2], NULL, 10); i > 0; i--) {
		pid_t pid = fork();
		int status;

		if (!pid) {
			execl(argv[1], argv[1], (char *)NULL);
			_exit(127);
		}
		if (pid < 0 || waitpid(pid, &status, 0) < 0 || status) {
			perror(argv[1]);
			return 1;
		}
	}
	printf("%llu\n", (unsigned long long)(now_ns() - began_ns));
	return 0;
}
