/* SPDX-License-Identifier: BSD-2-Clause */
/* What the agent may do: as little as reading takes, once all is open. */
#ifndef EP_APP_PRIVILEGES_H
#define EP_APP_PRIVILEGES_H

#include "core/collector.h"
#include "core/config.h"

/* Makes root a member of the group of the sockets, so that it can give them to
 * the group later without CAP_CHOWN. Says when they will not belong to it. */
void privileges_join_group(const struct config *config);

/* Gives up every capability that reading, and opening addresses again, do not
 * take. What the system refuses is a warning, not a failure. */
void privileges_reduce(const struct config *config, const struct collector *collector);

#endif
