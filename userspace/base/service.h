/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a service owes its manager: readiness, watchdog, one instance. The
 * notify protocol is one datagram; libsystemd is left out because it has no
 * static library for the Jetson packages.
 */
#ifndef EP_BASE_SERVICE_H
#define EP_BASE_SERVICE_H

#include "base/cleanup.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Started by a service manager that waits to be told. */
bool service_is_managed(void);
/* Sends "READY=1", "WATCHDOG=1", ... when NOTIFY_SOCKET is set; 0 when it is not. */
int service_notify(const char *state) _must_check_;
/* Half of WATCHDOG_USEC, or 0 when no watchdog is set for this process. */
uint64_t service_watchdog_interval_ns(void);

/* Holds dir/agent.lock for as long as the returned fd is open; makes the folder
 * when it is missing. -EWOULDBLOCK: another instance, *ret_owner is its pid (0: not known). */
int service_lock(const char *dir, pid_t *ret_owner) _must_check_;

#endif
