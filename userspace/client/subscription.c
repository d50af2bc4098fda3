/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/assembly.h"

#include "wire/topic.h"
#include <errno.h>
#include <nanomsg/nn.h>
#include <nanomsg/pubsub.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* A message beyond nanomsg's limit (1 MiB by default) cuts the connection; ours
 * stay below 256 KiB, the rest is room for agents to come. */
#define RECEIVE_MAX_BYTES (4 * 1024 * 1024)
/* What may lie here unread before messages are lost. */
#define RECEIVE_BUFFER_BYTES (8 * 1024 * 1024)
#define RECONNECT_MS 100
#define RECONNECT_MAX_MS 1000

struct edgeprof_subscription {
	int socket;
	struct assembly assembly;
};

static int nanomsg_error(void)
{
	int e = nn_errno();

	return e > 0 && e < 4096 ? -e : -EIO;
}

/* nanomsg would retry for ever in silence on a socket that this user may not open. */
static int check_ipc(const char *path)
{
	if (!*path || strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return -EINVAL;
	if (eaccess(path, R_OK | W_OK) < 0 && errno == EACCES)
		return -EACCES;
	return 0;
}

static int check_address(const char *address)
{
	if (!address)
		return -EINVAL;
	if (!strncmp(address, "ipc://", 6))
		return check_ipc(address + 6);
	return !strncmp(address, "tcp://", 6) ? 0 : -EINVAL;
}

static int set_int(int socket, int option, int value)
{
	return nn_setsockopt(socket, NN_SOL_SOCKET, option, &value, sizeof(value)) < 0 ? nanomsg_error() : 0;
}

static int connect_socket(int socket, const char *address)
{
	int r;

	if ((r = set_int(socket, NN_RCVMAXSIZE, RECEIVE_MAX_BYTES)) < 0 ||
	    (r = set_int(socket, NN_RCVBUF, RECEIVE_BUFFER_BYTES)) < 0 ||
	    (r = set_int(socket, NN_RECONNECT_IVL, RECONNECT_MS)) < 0 ||
	    (r = set_int(socket, NN_RECONNECT_IVL_MAX, RECONNECT_MAX_MS)) < 0)
		return r;
	if (nn_setsockopt(socket, NN_SUB, NN_SUB_SUBSCRIBE, WIRE_TOPIC, WIRE_TOPIC_SIZE) < 0)
		return nanomsg_error();
	return nn_connect(socket, address) < 0 ? nanomsg_error() : 0;
}

EDGEPROF_API int edgeprof_subscribe(const char *address, struct edgeprof_subscription **ret)
{
	struct edgeprof_subscription *s;
	int r = check_address(address);

	if (r < 0)
		return r;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->socket = nn_socket(AF_SP, NN_SUB);
	r = s->socket < 0 ? nanomsg_error() : connect_socket(s->socket, address);
	if (r < 0) {
		edgeprof_unsubscribe(s);
		return r;
	}
	*ret = s;
	return 0;
}

EDGEPROF_API void edgeprof_unsubscribe(struct edgeprof_subscription *s)
{
	if (!s)
		return;
	if (s->socket >= 0)
		nn_close(s->socket);
	assembly_clear(&s->assembly);
	free(s);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits until the socket is readable, at most until `deadline_ms` (-1: for ever). */
static int wait_readable(struct edgeprof_subscription *s, int64_t deadline_ms)
{
	struct nn_pollfd p = { .fd = s->socket, .events = NN_POLLIN };
	int64_t left_ms = deadline_ms < 0 ? -1 : deadline_ms - now_ms();
	int r;

	if (deadline_ms >= 0 && left_ms < 0)
		left_ms = 0;
	r = nn_poll(&p, 1, (int)left_ms);
	if (r < 0)
		return nanomsg_error();
	return r ? 0 : -ETIMEDOUT;
}

static int receive_one(struct edgeprof_subscription *s, Edgeprof__V1__Envelope **ret)
{
	void *message;
	int size = nn_recv(s->socket, &message, NN_MSG, NN_DONTWAIT), r;

	if (size < 0)
		return nanomsg_error();
	r = assembly_add(&s->assembly, message, (size_t)size, ret);
	nn_freemsg(message);
	return r;
}

EDGEPROF_API int edgeprof_receive(struct edgeprof_subscription *s, int timeout_ms,
				  Edgeprof__V1__Envelope **ret)
{
	int64_t deadline_ms = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;

	for (;;) {
		int r = receive_one(s, ret);

		if (r == 1)
			return 0;
		if (r == -EAGAIN)
			r = wait_readable(s, deadline_ms);
		else if (r == 0 && deadline_ms >= 0 && now_ms() > deadline_ms)
			r = -ETIMEDOUT; /* a stream of useless messages is no answer */
		if (r < 0)
			return r;
	}
}

EDGEPROF_API void edgeprof_envelope_free(Edgeprof__V1__Envelope *e)
{
	if (e)
		edgeprof__v1__envelope__free_unpacked(e, NULL);
}

EDGEPROF_API int edgeprof_subscription_fd(const struct edgeprof_subscription *s)
{
	int fd;
	size_t size = sizeof(fd);

	return nn_getsockopt(s->socket, NN_SOL_SOCKET, NN_RCVFD, &fd, &size) < 0 ? nanomsg_error() : fd;
}

EDGEPROF_API void edgeprof_subscription_stats(const struct edgeprof_subscription *s,
					      struct edgeprof_subscription_stats *ret)
{
	*ret = s->assembly.stats;
}
