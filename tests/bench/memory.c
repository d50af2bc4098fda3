/* SPDX-License-Identifier: BSD-2-Clause */
/* Touches and frees MEBIBYTES of memory, TIMES over; prints the wall time in ns.
 *
 *	memory MEBIBYTES TIMES
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int touch(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return -1;
	/* Small pages: one fault, one change of the resident size each. */
	if (madvise(memory, bytes, MADV_NOHUGEPAGE))
		perror("madvise");
	for (size_t at = 0; at < bytes; at += page)
		memory[at] = 1;
	return munmap(memory, bytes);
}

int main(int argc, char **argv)
{
	uint64_t began_ns = now_ns();

	if (argc != 3)
		return 2;
	for (long i = strtol(argv[2], NULL, 10); i > 0; i--)
		if (touch((size_t)strtol(argv[1], NULL, 10) << 20)) {
			perror("mmap");
			return 1;
		}
	printf("%llu\n", (unsigned long long)(now_ns() - began_ns));
	return 0;
}
