/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Groups of the machine. getgrnam() would ask the name-service libraries that
 * nsswitch.conf names; a static program cannot load those of another C library
 * than its own. The agent's group is a local one, so the file itself is read.
 */
#ifndef EP_BASE_GROUP_H
#define EP_BASE_GROUP_H

#include "base/cleanup.h"
#include <sys/types.h>

#define GROUP_FILE "/etc/group"

/* -ENOENT when the file (or the group in it) is missing. */
int group_find(const char *file, const char *name, gid_t *ret) _must_check_;

#endif
