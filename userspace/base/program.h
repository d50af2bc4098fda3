/* SPDX-License-Identifier: BSD-2-Clause */
/* Other programs, run without a shell. */
#ifndef EP_BASE_PROGRAM_H
#define EP_BASE_PROGRAM_H

#include "base/cleanup.h"
#include <stddef.h>
#include <sys/types.h>

struct program {
	pid_t pid;
	int error_fd; /* what it wrote to standard error */
};

/* argv[0] is looked for in PATH; -ENOENT: it is not there. Its standard output
 * goes to output_fd (-1: nowhere), its standard input is empty, and kept_fds
 * (ended by -1; may be NULL) are open in it under the same numbers. */
int program_start(const char *const argv[], int output_fd, const int *kept_fds,
		  struct program *ret) _must_check_;
/* Waits. 0 when it was done, else -EIO with the last line of what it said (or how
 * it ended) in `ret_said`. Ends the use of *p. */
int program_finish(struct program *p, char *ret_said, size_t size) _must_check_;

#endif
