/* SPDX-License-Identifier: BSD-2-Clause */
/* A snapshot as plain lines of text, for terminals, logs and pipes. */
#ifndef EP_APP_TABLE_H
#define EP_APP_TABLE_H

#include "base/cleanup.h"
#include "model/snapshot.h"

/* True when no glob is given, or the container's name or id matches it. */
bool table_matches(const char *name, const char *id, const char *glob);

/* The node, the containers that match (NULL: all) by CPU use, the agent itself.
 * What is not known is "-". Write errors stay in `out` for ferror(). */
void table_print(FILE *out, const struct snapshot *s, const char *glob);

#endif
