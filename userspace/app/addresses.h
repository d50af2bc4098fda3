/* SPDX-License-Identifier: BSD-2-Clause */
/* What can be told of the addresses in `publish` by looking at them. Pure. */
#ifndef EP_APP_ADDRESSES_H
#define EP_APP_ADDRESSES_H

#include <stdbool.h>

bool addresses_have_ipc(const char *addresses);
/* A TCP port that takes CAP_NET_BIND_SERVICE. */
bool addresses_have_low_port(const char *addresses);
/* A TCP address that is not the loopback's. */
bool addresses_beyond_host(const char *addresses);

/* What to do about the error r of opening one address, with "; " before it; "" when
 * there is nothing to add to the error's own text. */
const char *addresses_hint(const char *address, int r);

#endif
