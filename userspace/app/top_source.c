/* SPDX-License-Identifier: BSD-2-Clause */
#include "app/top_source.h"

#include "app/addresses.h"
#include "base/text.h"
#include "core/collector.h"
#include "wire/decode.h"

#include <edgeprof/client.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

struct top_source {
	char name[256];
	struct collector *collector; /* live, else NULL */
	struct edgeprof_subscription *subscription;
	struct wire_snapshot *received;
};

/* The first address of the configuration, if a subscriber can use it as it is. */
static void own_address(const struct config *config, char *into, size_t size)
{
	size_t length = strcspn(config->publish, ",");

	if (text_starts_with(config->publish, "ipc://") && length < size)
		text_copy(into, length + 1, config->publish);
	else
		text_copy(into, size, EDGEPROF_DEFAULT_ADDRESS);
}

/* Whether somebody listens. A socket outlives an agent that was killed. What
 * cannot be found out counts as yes: subscribing tells more. */
static bool has_listener(const char *address)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	const char *path = address + strlen("ipc://");
	_cleanup_close_ int fd = -1;

	if (strlen(path) >= sizeof(name.sun_path))
		return true;
	text_copy(name.sun_path, sizeof(name.sun_path), path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&name, sizeof(name)) == 0)
		return true;
	return errno != ECONNREFUSED && errno != ENOENT && errno != ENOTDIR;
}

static int open_live(struct top_source *s, const struct config *config, const char *why)
{
	int r;

	if (geteuid())
		return log_err(-EPERM, "top: reading the node takes root; run it as root, or start an agent");
	r = collector_open(config, &s->collector);
	if (r < 0)
		return log_err(r, "top: cannot read this node: %s", strerror(-r));
	snprintf(s->name, sizeof(s->name), "live%s", why);
	return 0;
}

static int open_subscription(struct top_source *s, const char *address)
{
	int r = addresses_check_host("top", address);

	if (r < 0)
		return r;
	r = edgeprof_subscribe(address, &s->subscription);
	text_copy(s->name, sizeof(s->name), address);
	if (r == -EACCES)
		return log_err(r, "top: no permission for %s; join its group or run as root", address);
	if (r < 0)
		return log_err(r, "top: cannot subscribe to %s: %s", address, strerror(-r));
	return 0;
}

static int open_address(struct top_source *s, const struct config *config, const char *address)
{
	if (!text_starts_with(address, "ipc://") || has_listener(address))
		return open_subscription(s, address);
	if (geteuid())
		return log_err(-ENOENT,
			       "top: no agent at %s; start one, or run top as root to read the node itself",
			       address);
	return open_live(s, config, " (no agent found)");
}

int top_source_open(const struct config *config, const char *address, bool live, struct top_source **ret)
{
	struct top_source *s = calloc(1, sizeof(*s));
	char own[sizeof(s->name)];
	int r;

	if (!s)
		return -ENOMEM;
	own_address(config, own, sizeof(own));
	if (live)
		r = open_live(s, config, "");
	else
		r = open_address(s, config, address ? address : own);
	if (r < 0) {
		top_source_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

void top_source_close(struct top_source *s)
{
	if (!s)
		return;
	if (s->collector)
		collector_close(s->collector);
	if (s->subscription)
		edgeprof_unsubscribe(s->subscription);
	wire_snapshot_free(s->received);
	free(s);
}

bool top_source_is_live(const struct top_source *s)
{
	return s->collector;
}

const char *top_source_name(const struct top_source *s)
{
	return s->name;
}

uint64_t top_source_lost(const struct top_source *s)
{
	struct edgeprof_subscription_stats stats = { 0 };

	if (s->subscription)
		edgeprof_subscription_stats(s->subscription, &stats);
	return stats.lost + stats.incomplete + stats.malformed;
}

int top_source_fd(const struct top_source *s)
{
	return s->collector ? collector_events_fd(s->collector) : edgeprof_subscription_fd(s->subscription);
}

/* 1: a snapshot came; 0: nothing whole is waiting, or it was thrown away. */
static int receive(struct top_source *s, bool discard)
{
	Edgeprof__V1__Envelope *envelope;
	struct wire_snapshot *received;
	int r = edgeprof_receive(s->subscription, 0, &envelope);

	if (r == -ETIMEDOUT || r == -EINTR || r == -EAGAIN)
		return 0;
	if (r < 0)
		return r;
	r = discard ? 0 : wire_snapshot_from(envelope, &received);
	edgeprof_envelope_free(envelope);
	if (r < 0 || discard)
		return r == -ENOMEM ? r : 0;
	wire_snapshot_free(s->received);
	s->received = received;
	return 1;
}

int top_source_handle(struct top_source *s, bool discard, const struct snapshot **ret)
{
	int r;

	if (s->collector) {
		r = collector_handle_events(s->collector);
		return r < 0 ? r : 0;
	}
	r = receive(s, discard);
	if (r > 0)
		*ret = &s->received->snapshot;
	return r;
}

int top_source_read(struct top_source *s, const struct snapshot **ret)
{
	return collector_read(s->collector, ret);
}
