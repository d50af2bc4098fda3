/* SPDX-License-Identifier: BSD-2-Clause */
#include "app/verbs.h"

#include <locale.h>

int main(int argc, char **argv)
{
	/* Names are cut by their width on the screen, which depends on the
	 * character set alone; numbers keep their dots. */
	setlocale(LC_CTYPE, "");
	return verbs_run(argc, argv);
}
