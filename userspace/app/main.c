/* SPDX-License-Identifier: BSD-2-Clause */
#include "app/verbs.h"

#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#ifdef EDGEPROF_STATIC
#define HAS_CONVERTERS false
#else
#define HAS_CONVERTERS true
#endif

/* Names are cut by their width on the screen, which depends on the character set
 * alone; numbers keep their dots. For most sets the C library loads a converter;
 * a static program must not, those of another C library end it. */
static void choose_character_set(void)
{
	setlocale(LC_CTYPE, "");
	if (!HAS_CONVERTERS && strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		setlocale(LC_CTYPE, "C");
}

/* Else a file that is opened later takes the place of a standard stream that is
 * closed, and lines of the log go into it. Reading only: writing fails as before. */
static void fill_standard_streams(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

int main(int argc, char **argv)
{
	fill_standard_streams();
	choose_character_set();
	return verbs_run(argc, argv);
}
