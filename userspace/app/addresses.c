/* SPDX-License-Identifier: BSD-2-Clause */
#include "app/addresses.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/names.h"
#include "base/text.h"

#include <errno.h>
#include <string.h>

#define LOW_PORTS 1024
#define ADDRESS_MAX 128

static bool any(const char *addresses, bool (*is)(const char *address))
{
	for (const char *p = addresses; *p;) {
		char address[ADDRESS_MAX];
		size_t length;

		p += strspn(p, ", \t");
		length = strcspn(p, ", \t");
		text_copy(address, length < sizeof(address) ? length + 1 : sizeof(address), p);
		if (is(address))
			return true;
		p += length;
	}
	return false;
}

static bool is_ipc(const char *address)
{
	return text_starts_with(address, "ipc://");
}

static bool is_tcp(const char *address)
{
	return text_starts_with(address, "tcp://");
}

static bool is_low_port(const char *address)
{
	const char *colon = strrchr(address, ':');
	uint64_t port;

	return is_tcp(address) && text_parse_u64(colon + 1, &port) == 0 && port > 0 && port < LOW_PORTS;
}

static bool is_beyond_host(const char *address)
{
	static const char *const loopback[] = { "tcp://127.", "tcp://localhost:", "tcp://[::1]:" };

	for (size_t i = 0; i < ARRAY_SIZE(loopback); i++)
		if (text_starts_with(address, loopback[i]))
			return false;
	return is_tcp(address);
}

bool addresses_have_ipc(const char *addresses)
{
	return any(addresses, is_ipc);
}

bool addresses_have_low_port(const char *addresses)
{
	return any(addresses, is_low_port);
}

bool addresses_beyond_host(const char *addresses)
{
	return any(addresses, is_beyond_host);
}

int addresses_check_host(const char *verb, const char *address)
{
	if (NAMES_BY_SERVICE || !is_tcp(address) || !names_is_foreign(address))
		return 0;
	return log_err(-EADDRNOTAVAIL,
		       "%s: %.120s: this program is static and looks up no host names; give a numeric "
		       "address or localhost",
		       verb, address);
}

const char *addresses_hint(const char *address, int r)
{
	switch (r) {
	case -EADDRINUSE:
		return is_tcp(address) ? "; choose another port"
				       : "; another agent does, give this one another --publish";
	case -ENODEV: /* nanomsg binds to interfaces and addresses alone */
		return "; give an address or an interface of this host, or *, in place of its name";
	case -EADDRNOTAVAIL:
		return "; no interface of this host has that address";
	case -EACCES:
	case -EPERM:
		return is_low_port(address)
			       ? "; ports below 1024 take CAP_NET_BIND_SERVICE, choose another port"
			       : "";
	case -EROFS:
		return "; under systemd, name the folder in ReadWritePaths= of the unit";
	default:
		return "";
	}
}
