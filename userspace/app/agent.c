/* SPDX-License-Identifier: BSD-2-Clause */
/* edgeprof agent: reads the node at every tick and publishes what it found. */
#include "app/addresses.h"
#include "app/options.h"
#include "app/privileges.h"
#include "app/verbs.h"
#include "base/event_loop.h"
#include "base/service.h"
#include "core/collector.h"
#include "sink/nanomsg.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/resource.h>

#define FAILURES_MAX 10

struct agent {
	int argc;
	char **argv;
	struct config config;
	struct event_loop *loop;
	struct collector *collector;
	struct publisher *publisher; /* NULL: publishes nothing */
	int lock_fd;
	int timer;
	int failures; /* readings that failed in a row */
	uint64_t unsent_before;
};

static const char usage[] = "edgeprof agent [OPTION]...\n"
			    "Counts in the kernel, reads once an interval, publishes to subscribers.\n";

static int notify(const char *state)
{
	int r = service_notify(state);

	if (r < 0)
		log_warning("cannot tell the service manager %s: %s", state, strerror(-r));
	return 0;
}

static int take_lock(struct agent *a)
{
	pid_t owner;
	int r = service_lock(a->config.run_dir, &owner);

	if (r == -EWOULDBLOCK)
		return log_err(r,
			       "an agent is running already (pid %d) in %s; stop it, or give this one "
			       "another --run-dir",
			       (int)owner, a->config.run_dir);
	if (r < 0)
		return log_err(r, "cannot lock %s/agent.lock: %s%s", a->config.run_dir, strerror(-r),
			       r == -EACCES || r == -EPERM || r == -EROFS
				       ? "; run as root, or give a --run-dir you may write"
				       : "");
	a->lock_fd = r;
	return 0;
}

static int open_publisher(const struct config *config, struct publisher **ret)
{
	char wrong[PUBLISHER_ADDRESS_MAX] = "";
	int r;

	*ret = NULL;
	if (!config->publish[0])
		return 0;
	r = publisher_open(config->publish, config->socket_mode, config->group, ret, wrong);
	if (r < 0)
		return log_err(r, "cannot publish at %s: %s%s", wrong, strerror(-r),
			       addresses_hint(wrong, r));
	/* Packets that a unit does not let through vanish without an error. */
	if (addresses_beyond_host(config->publish) && service_is_managed())
		log_info("over tcp, only hosts in IPAddressAllow= of the unit can subscribe; see "
			 "edgeprof.conf(5)");
	return 0;
}

static int publish(struct agent *a, const struct snapshot *snapshot)
{
	struct publisher_stats stats;
	int r;

	if (!a->publisher)
		return 0;
	r = publisher_publish(a->publisher, snapshot);
	if (r < 0 && r != -EAGAIN)
		log_warning("reading %llu was not published: %s", (unsigned long long)snapshot->number,
			    strerror(-r));
	publisher_stats(a->publisher, &stats);
	collector_count_unsent(a->collector, stats.failed - a->unsent_before);
	a->unsent_before = stats.failed;
	return 0;
}

/* A reading may fail for want of memory or descriptors; the counters live on,
 * and the next one tells all. Only what stays broken ends the agent. */
static int count_failure(struct agent *a, int r)
{
	collector_count_missed(a->collector, 1);
	if (++a->failures >= FAILURES_MAX)
		return log_err(r, "%d readings in a row failed: %s", FAILURES_MAX, strerror(-r));
	log_warning("a reading failed: %s; trying again at the next", strerror(-r));
	return 0;
}

static int on_tick(void *data, uint64_t passed)
{
	struct agent *a = data;
	const struct snapshot *snapshot;
	int r;

	if (passed > 1)
		collector_count_missed(a->collector, passed - 1);
	r = collector_read(a->collector, &snapshot);
	if (r < 0)
		return count_failure(a, r);
	a->failures = 0;
	return publish(a, snapshot);
}

/* Readings may be further apart than the manager's patience. */
static int on_watchdog(void *data, uint64_t passed)
{
	(void)data;
	(void)passed;
	return notify("WATCHDOG=1");
}

static int on_events(void *data)
{
	struct agent *a = data;

	return collector_handle_events(a->collector);
}

/* The old addresses are let go first, since the new ones may be among them.
 * 1: the new ones failed and the old ones are back. */
static int change_publisher(struct agent *a, const struct config *next)
{
	struct config changed = a->config;

	if (!strcmp(next->publish, a->config.publish))
		return 0;
	memcpy(changed.publish, next->publish, sizeof(changed.publish));
	publisher_close(TAKE_PTR(a->publisher));
	a->unsent_before = 0;
	if (open_publisher(&changed, &a->publisher) < 0) {
		int r = open_publisher(&a->config, &a->publisher);

		return r < 0 ? r : 1;
	}
	a->config = changed;
	return 0;
}

/* What can change while running: the interval, the log level, the addresses.
 * The rest is fixed when programs are loaded and says so. */
static int reload(struct agent *a)
{
	struct config next = config_defaults;
	int r = options_parse(a->argc, a->argv, usage, NULL, NULL, &next, NULL);

	if (r < 0)
		return log_err(0, "the configuration stays as it was");
	r = change_publisher(a, &next);
	if (r)
		return r < 0 ? r : log_err(0, "the configuration stays as it was");
	log_set_level(next.log_level);
	a->config.log_level = next.log_level;
	r = event_loop_change_timer(a->loop, a->timer, next.interval_ns);
	if (r < 0)
		return r;
	a->config.interval_ns = next.interval_ns;
	if (memcmp(&next, &a->config, sizeof(next)))
		log_warning("some changed settings take effect at the next start only");
	log_info("configuration read again, interval %.3g s", (double)next.interval_ns / 1e9);
	return 0;
}

static int on_signal(void *data, int signal)
{
	struct agent *a = data;
	int r;

	if (signal != SIGHUP) {
		event_loop_stop(a->loop);
		return 0;
	}
	r = notify("RELOADING=1");
	if (r == 0)
		r = reload(a);
	return r < 0 ? r : notify("READY=1");
}

static int open_loop(struct agent *a)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, 0 };
	uint64_t watchdog_ns = service_watchdog_interval_ns();
	int fd = collector_events_fd(a->collector);
	int r;

	r = event_loop_open(&a->loop);
	if (r == 0)
		r = event_loop_add_signals(a->loop, signals, on_signal, a);
	if (r == 0 && fd >= 0)
		r = event_loop_add(a->loop, fd, on_events, a);
	if (r == 0)
		r = a->timer = event_loop_add_timer(a->loop, a->config.interval_ns, on_tick, a);
	if (r >= 0 && watchdog_ns)
		r = event_loop_add_timer(a->loop, watchdog_ns, on_watchdog, a);
	return r < 0 ? log_err(r, "cannot set up the event loop: %s", strerror(-r)) : 0;
}

/* One descriptor or more per container: take what the node allows. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		log_debug("the limit of open files stays as it is");
}

static int run(struct agent *a)
{
	int r;

	raise_file_limit();
	r = take_lock(a);
	if (r == 0)
		privileges_join_group(&a->config);
	if (r == 0)
		r = open_publisher(&a->config, &a->publisher);
	if (r == 0)
		r = collector_open(&a->config, &a->collector);
	if (r == 0)
		r = open_loop(a);
	if (r < 0)
		return r;
	privileges_reduce(&a->config, a->collector);
	log_info("reading every %.3g s, publishing at %s", (double)a->config.interval_ns / 1e9,
		 a->config.publish[0] ? a->config.publish : "no address");
	r = on_tick(a, 1); /* the first state at once; rates come with the second */
	if (r == 0)
		r = notify("READY=1");
	if (r == 0)
		r = event_loop_run(a->loop);
	if (r == 0)
		r = notify("STOPPING=1");
	return r;
}

static void agent_clear(struct agent *a)
{
	event_loop_close(a->loop);
	collector_close(a->collector);
	publisher_close(a->publisher);
	cleanup_close(&a->lock_fd);
}

int verb_agent(int argc, char **argv)
{
	_cleanup_(agent_clear) struct agent a = { .argc = argc, .argv = argv, .lock_fd = -1 };
	int r;

	a.config = config_defaults;
	r = options_parse(argc, argv, usage, NULL, NULL, &a.config, NULL);
	if (r)
		return r < 0 ? 2 : 0;
	log_set_level(a.config.log_level);
	return run(&a) < 0 ? 1 : 0;
}
