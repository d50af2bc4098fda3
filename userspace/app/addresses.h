/* SPDX-License-Identifier: BSD-2-Clause */
/* What can be told of addresses by looking at them. */
#ifndef EP_APP_ADDRESSES_H
#define EP_APP_ADDRESSES_H

#include <stdbool.h>

bool addresses_have_ipc(const char *addresses);
/* A TCP port that takes CAP_NET_BIND_SERVICE. */
bool addresses_have_low_port(const char *addresses);
/* A TCP address that is not the loopback's. */
bool addresses_beyond_host(const char *addresses);

/* 0 when this program can look up the host of an address to subscribe to; else tells why not. */
int addresses_check_host(const char *verb, const char *address);

/* What to do about the error r of opening one address, with "; " before it; "" when
 * there is nothing to add to the error's own text. */
const char *addresses_hint(const char *address, int r);

#endif
