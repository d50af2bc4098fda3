/* SPDX-License-Identifier: BSD-2-Clause */
#include "app/verbs.h"

#include <langinfo.h>
#include <locale.h>
#include <stdbool.h>
#include <string.h>

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

int main(int argc, char **argv)
{
	choose_character_set();
	return verbs_run(argc, argv);
}
