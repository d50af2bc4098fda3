/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/group.h"

#include <errno.h>
#include <grp.h>
#include <string.h>

int group_find(const char *file, const char *name, gid_t *ret)
{
	_cleanup_fclose_ FILE *f = fopen(file, "re");
	const struct group *g;

	if (!f)
		return -errno;
	while ((g = fgetgrent(f)))
		if (!strcmp(g->gr_name, name)) {
			*ret = g->gr_gid;
			return 0;
		}
	return -ENOENT;
}
