/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host names in a static program. getaddrinfo() would load the name-service
 * libraries that nsswitch.conf names, which are those of another C library than
 * the program's own: they may refuse to load, or crash. So static programs are
 * linked with this in its place (--wrap, mk/cross.mk); it knows numeric
 * addresses and localhost.
 */
#ifndef EP_BASE_NAMES_H
#define EP_BASE_NAMES_H

#include <netdb.h>
#include <stdbool.h>

#ifdef EDGEPROF_STATIC
#define NAMES_BY_SERVICE false
#else
#define NAMES_BY_SERVICE true
#endif

/* Whether HOST of tcp://[INTERFACE;]HOST:PORT is a name that names_resolve() does not know. */
bool names_is_foreign(const char *address);

/* As getaddrinfo(3), for one stream address without a service. */
int names_resolve(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **ret);

#endif
