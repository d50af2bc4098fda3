/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/names.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

struct answer {
	struct addrinfo info;
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} address;
};

static bool parse_ipv4(const char *host, struct answer *a)
{
	a->info.ai_family = AF_INET;
	a->info.ai_addrlen = sizeof(a->address.in);
	a->address.in.sin_family = AF_INET;
	return inet_pton(AF_INET, host, &a->address.in.sin_addr) == 1;
}

static bool parse_ipv6(const char *host, struct answer *a)
{
	a->info.ai_family = AF_INET6;
	a->info.ai_addrlen = sizeof(a->address.in6);
	a->address.in6.sin6_family = AF_INET6;
	return inet_pton(AF_INET6, host, &a->address.in6.sin6_addr) == 1;
}

static bool parse(const char *host, int family, struct answer *a)
{
	bool local = !strcmp(host, "localhost");

	if (family != AF_INET6 && parse_ipv4(local ? "127.0.0.1" : host, a))
		return true;
	return family != AF_INET && parse_ipv6(local ? "::1" : host, a);
}

int names_resolve(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
	struct answer *a;

	if (service)
		return EAI_SERVICE;
	a = calloc(1, sizeof(*a));
	if (!a)
		return EAI_MEMORY;
	if (!host || !parse(host, hints ? hints->ai_family : AF_UNSPEC, a)) {
		free(a);
		return EAI_NONAME;
	}
	a->info.ai_socktype = SOCK_STREAM;
	a->info.ai_addr = &a->address.any;
	*ret = &a->info;
	return 0;
}

bool names_is_foreign(const char *address)
{
	const char *host = address + strlen("tcp://"), *interface = strchr(host, ';'), *port;
	char text[INET6_ADDRSTRLEN];
	struct answer a = { 0 };
	size_t length;

	host = interface ? interface + 1 : host;
	port = strrchr(host, ':');
	length = port ? (size_t)(port - host) : strlen(host);
	if (length >= 2 && host[0] == '[' && host[length - 1] == ']') {
		host++;
		length -= 2;
	}
	if (!length)
		return false;
	if (length >= sizeof(text))
		return true;
	text_copy(text, length + 1, host);
	return !parse(text, AF_UNSPEC, &a);
}

/* What --wrap makes of the two calls; prototypes that only the linker needs. */
int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
		       struct addrinfo **ret);
void __wrap_freeaddrinfo(struct addrinfo *info);

int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
		       struct addrinfo **ret)
{
	return names_resolve(host, service, hints, ret);
}

/* `info` is the first member of the one block that names_resolve() takes. */
void __wrap_freeaddrinfo(struct addrinfo *info)
{
	free(info);
}
