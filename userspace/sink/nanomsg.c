/* SPDX-License-Identifier: BSD-2-Clause */
#include "sink/nanomsg.h"

#include "base/capabilities.h"
#include "base/group.h"
#include "base/text.h"
#include "wire/encode.h"
#include <errno.h>
#include <nanomsg/nn.h>
#include <nanomsg/pubsub.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

/* The kernel clamps this to net.core.wmem_max. It is what a subscriber may lag
 * behind before nanomsg skips it. */
#define SEND_BUFFER_BYTES (1024 * 1024)
/* PUB drops what does not fit a subscriber's buffer at once, so a burst of
 * chunks needs the subscriber to run in between. */
#define CHUNK_PAUSE_NS 1000000
#define PAUSES_MAX 64

struct publisher {
	int socket;
	int error; /* of opening it */
	struct wire_encoder *encoder;
	struct publisher_stats stats;
	unsigned pauses; /* in the snapshot being sent */
};

/* nanomsg's own numbers lie outside of errno's. */
static int nanomsg_error(void)
{
	int e = nn_errno();

	return e > 0 && e < 4096 ? -e : -EIO;
}

static int ipc_address(const char *path, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (!*path)
		return -EINVAL;
	if (strlen(path) >= sizeof(ret->sun_path))
		return -ENAMETOOLONG;
	text_copy(ret->sun_path, sizeof(ret->sun_path), path);
	return 0;
}

static int check_folder(const char *path)
{
	char folder[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct stat st;
	char *slash;

	text_copy(folder, sizeof(folder), path);
	slash = strrchr(folder, '/');
	if (!slash)
		return 0;
	slash[slash == folder] = '\0';
	if (stat(folder, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

/* Removes the socket of an agent that died. nanomsg would do so too, but it
 * takes any file that refuses connections for one. */
static int clear_path(const struct sockaddr_un *address)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (lstat(address->sun_path, &st) < 0)
		return errno == ENOENT ? check_folder(address->sun_path) : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -ENOTSOCK;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN)
		return -EADDRINUSE;
	if (errno != ECONNREFUSED)
		return -errno;
	return unlink(address->sun_path) < 0 ? -errno : 0;
}

static int set_access(const char *path, mode_t mode, const char *group)
{
	bool found;
	gid_t gid;

	found = group && *group && group_find(GROUP_FILE, group, &gid) == 0;
	/* A user who may not give files away keeps the socket for himself. */
	if (found && lchown(path, (uid_t)-1, gid) < 0 && errno != EPERM)
		return -errno;
	return chmod(path, mode) < 0 ? -errno : 0;
}

static int bind_ipc(int socket, const char *address, mode_t mode, const char *group)
{
	const char *path = address + strlen("ipc://");
	struct sockaddr_un un;
	mode_t before;
	int r = ipc_address(path, &un);

	if (r >= 0)
		r = clear_path(&un);
	if (r < 0)
		return r;
	/* Never open wider than asked for, not even until the chmod. */
	before = umask(0777 & ~mode);
	r = nn_bind(socket, address) < 0 ? nanomsg_error() : 0;
	umask(before);
	return r < 0 ? r : set_access(path, mode, group);
}

static int bind_one(int socket, const char *address, mode_t mode, const char *group)
{
	if (text_starts_with(address, "ipc://"))
		return bind_ipc(socket, address, mode, group);
	if (text_starts_with(address, "tcp://"))
		return nn_bind(socket, address) < 0 ? nanomsg_error() : 0;
	return -EINVAL;
}

static int bind_all(int socket, const char *addresses, mode_t mode, const char *group, char *ret_wrong)
{
	_cleanup_free_ char *copy = strdup(addresses);
	size_t bound = 0;
	char *rest = copy, *item;

	if (!copy)
		return -ENOMEM;
	while ((item = strsep(&rest, ","))) {
		size_t length;
		int r;

		item += strspn(item, " \t");
		length = strlen(item);
		while (length && strchr(" \t", item[length - 1]))
			item[--length] = '\0';
		if (!length)
			continue;
		r = bind_one(socket, item, mode, group);
		if (r < 0) {
			text_copy(ret_wrong, PUBLISHER_ADDRESS_MAX, item);
			return r;
		}
		bound++;
	}
	return bound ? 0 : -EINVAL;
}

static void cleanup_publisher(struct publisher **p)
{
	publisher_close(*p);
}

/* 53 bits: exact in every JSON reader. */
static int random_agent_id(uint64_t *ret)
{
	if (getrandom(ret, sizeof(*ret), 0) != sizeof(*ret))
		return -EIO;
	*ret = (*ret >> 11) | 1;
	return 0;
}

/* The first socket starts the threads that read what subscribers send. */
static void open_first(void *data)
{
	struct publisher *p = data;

	p->socket = nn_socket(AF_SP, NN_PUB);
	p->error = p->socket < 0 ? nanomsg_error() : 0;
}

static int open_socket(struct publisher *p)
{
	int size = SEND_BUFFER_BYTES;
	int r = capabilities_call_without(open_first, p);

	if (r == 0)
		r = p->error;
	if (r < 0)
		return r;
	return nn_setsockopt(p->socket, NN_SOL_SOCKET, NN_SNDBUF, &size, sizeof(size)) < 0 ? nanomsg_error()
											   : 0;
}

int publisher_open(const char *addresses, mode_t mode, const char *group, struct publisher **ret,
		   char ret_wrong[PUBLISHER_ADDRESS_MAX])
{
	_cleanup_(cleanup_publisher) struct publisher *p = calloc(1, sizeof(*p));
	uint64_t agent_id;
	int r;

	text_copy(ret_wrong, PUBLISHER_ADDRESS_MAX, addresses);
	if (!p)
		return -ENOMEM;
	p->socket = -1;
	r = random_agent_id(&agent_id);
	if (r >= 0)
		r = wire_encoder_open(agent_id, &p->encoder);
	if (r >= 0)
		r = open_socket(p);
	if (r >= 0)
		r = bind_all(p->socket, addresses, mode, group, ret_wrong);
	if (r < 0)
		return r;
	ret_wrong[0] = '\0';
	*ret = TAKE_PTR(p);
	return 0;
}

void publisher_close(struct publisher *p)
{
	if (!p)
		return;
	if (p->socket >= 0)
		nn_close(p->socket);
	wire_encoder_close(p->encoder);
	free(p);
}

int publisher_send(struct publisher *p, const void *message, size_t size)
{
	if (nn_send(p->socket, message, size, NN_DONTWAIT) < 0) {
		p->stats.failed++;
		return nanomsg_error();
	}
	p->stats.messages++;
	p->stats.bytes += size;
	return 0;
}

static int send_chunk(void *data, const void *message, size_t size, bool more)
{
	static const struct timespec pause = { .tv_nsec = CHUNK_PAUSE_NS };
	struct publisher *p = data;
	int r = publisher_send(p, message, size);

	if (r >= 0 && more && p->pauses++ < PAUSES_MAX)
		nanosleep(&pause, NULL);
	return r;
}

int publisher_publish(struct publisher *p, const struct snapshot *s)
{
	p->pauses = 0;
	return wire_encode(p->encoder, s, send_chunk, p);
}

void publisher_stats(const struct publisher *p, struct publisher_stats *ret)
{
	*ret = p->stats;
}
