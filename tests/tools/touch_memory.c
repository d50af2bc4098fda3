// SPDX-License-Identifier: BSD-2-Clause
/* touch_memory MIB [SECONDS]: writes to every page of MIB MiB, then keeps them
 * for SECONDS. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	size_t size = (argc > 1 ? strtoul(argv[1], NULL, 10) : 1) << 20;
	char *memory = malloc(size);

	if (!memory) {
		perror("malloc");
		return 1;
	}
	memset(memory, 1, size);
	printf("%zu\n", size);
	fflush(stdout);
	if (argc > 2)
		usleep((useconds_t)(atof(argv[2]) * 1e6));
	free(memory);
	return 0;
}
