/* SPDX-License-Identifier: BSD-2-Clause */
/* `edgeprof watch`: what an agent publishes, as lines for people or scripts. */
#include "app/addresses.h"
#include "app/options.h"
#include "app/table.h"
#include "app/verbs.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "wire/decode.h"
#include "wire/json.h"

#include <edgeprof/client.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#define DEFAULT_WAIT_NS 5000000000u
/* A signal between the check of `stopped` and the wait is seen this late at most. */
#define SLICE_MS 200

struct watch {
	const char *address, *glob;
	uint64_t count; /* snapshots to print; 0: no end */
	uint64_t wait_ns;
	bool json;
	struct edgeprof_subscription *subscription;
	struct edgeprof_subscription_stats told; /* what stderr already knows */
	uint64_t printed;
	uint64_t interval_ns; /* between the snapshots */
	bool silence_told;
};

static volatile sig_atomic_t stopped;

static void on_signal(int signal)
{
	(void)signal;
	stopped = 1;
}

static int set_address(void *data, const char *value)
{
	((struct watch *)data)->address = value;
	return *value ? 0 : -EINVAL;
}

static int set_container(void *data, const char *value)
{
	((struct watch *)data)->glob = value;
	return 0;
}

static int set_count(void *data, const char *value)
{
	struct watch *w = data;
	int r = text_parse_u64(value, &w->count);

	return r < 0 ? r : w->count ? 0 : -EINVAL;
}

static int set_wait(void *data, const char *value)
{
	return text_parse_duration_ns(value, &((struct watch *)data)->wait_ns);
}

static int set_json(void *data, const char *value)
{
	(void)value;
	((struct watch *)data)->json = true;
	return 0;
}

static const struct option_extra watch_options[] = {
	{ "address", "ADDRESS", "where the agent publishes, ipc:///path or tcp://host:port", set_address },
	{ "container", "GLOB", "only containers whose name or id matches", set_container },
	{ "count", "N", "end after N snapshots, at least 1", set_count },
	{ "json", NULL, "one JSON object a line, fields as in edgeprof.proto", set_json },
	{ "wait", "DURATION", "how long to wait for the first snapshot, 5s by default, 0 is for ever",
	  set_wait },
	{ 0 },
};

static void install_signals(void)
{
	struct sigaction stop = { .sa_handler = on_signal }, ignore = { .sa_handler = SIG_IGN };

	stopped = 0;
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

static int explain_subscribe(int r, const char *address)
{
	if (r == -EINVAL)
		return log_err(r, "watch: '%.80s' is no address; give ipc:///path or tcp://host:port",
			       address);
	if (r == -EACCES)
		return log_err(r, "watch: may not open %.120s; run as root or join the group edgeprof",
			       address);
	return log_err(r, "watch: cannot subscribe to %.120s: %s", address, strerror(-r));
}

static int explain_silence(const struct watch *w)
{
	const char *path = text_starts_with(w->address, "ipc://") ? w->address + strlen("ipc://") : NULL;
	struct edgeprof_subscription_stats stats;
	char waited[32];

	text_format_ns(waited, sizeof(waited), w->wait_ns);
	edgeprof_subscription_stats(w->subscription, &stats);
	if (stats.malformed)
		return log_err(-ETIMEDOUT, "watch: what %.120s sends is of another version of edgeprof",
			       w->address);
	if (path && access(path, F_OK) < 0 && errno == ENOENT)
		return log_err(-ETIMEDOUT, "watch: no agent at %.120s; start one with edgeprof agent",
			       w->address);
	return log_err(-ETIMEDOUT,
		       "watch: nothing from %.120s in %s; see that the agent runs, or give a longer --wait",
		       w->address, waited);
}

static void tell(uint64_t now, uint64_t *told, const char *what)
{
	if (now > *told)
		log_warning("watch: %llu %s", (unsigned long long)(now - *told), what);
	*told = now;
}

static void tell_losses(struct watch *w)
{
	struct edgeprof_subscription_stats stats;

	edgeprof_subscription_stats(w->subscription, &stats);
	tell(stats.lost, &w->told.lost, "messages lost between the agent and here");
	tell(stats.incomplete, &w->told.incomplete, "snapshots left out, a part was lost");
	tell(stats.malformed, &w->told.malformed, "messages that are damaged or not of an agent");
	tell(stats.restarts, &w->told.restarts, "restarts of the agent, counters began anew");
}

static void keep_matching(Edgeprof__V1__Snapshot *s, const char *glob)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n_containers; i++) {
		Edgeprof__V1__Container *c = s->containers[i];

		if (table_matches(c->name, c->id, glob))
			s->containers[kept++] = c;
		else
			edgeprof__v1__container__free_unpacked(c, NULL);
	}
	s->n_containers = kept;
}

static int print_json(const struct watch *w, Edgeprof__V1__Envelope *e)
{
	_cleanup_free_ char *line = NULL;
	int r;

	keep_matching(e->snapshot, w->glob);
	r = wire_json_line(&e->base, &line);
	if (r >= 0)
		puts(line);
	return r;
}

static int print_table(const struct watch *w, const Edgeprof__V1__Envelope *e)
{
	struct wire_snapshot *s;
	int r = wire_snapshot_from(e, &s);

	if (r < 0)
		return r;
	if (w->printed)
		putchar('\n');
	table_print(stdout, &s->snapshot, w->glob);
	wire_snapshot_free(s);
	return 0;
}

/* 1: whoever read stdout is gone. */
static int print(struct watch *w, Edgeprof__V1__Envelope *e)
{
	int r = w->json ? print_json(w, e) : print_table(w, e);

	w->printed++;
	if (r < 0)
		return log_err(r, "watch: cannot print a snapshot: %s", strerror(-r));
	r = verbs_flush_output();
	return r == -EPIPE ? 1 : r;
}

/* The agent may come back: say once that it is silent, and go on. */
static void tell_silence(struct watch *w, uint64_t silent_ns)
{
	char silent[32];

	if (w->silence_told || !w->wait_ns || silent_ns < w->wait_ns + 2 * w->interval_ns)
		return;
	w->silence_told = true;
	text_format_ns(silent, sizeof(silent), silent_ns);
	log_warning("watch: nothing from %.120s for %s; waiting for the agent to come back", w->address,
		    silent);
}

/* 1: a signal asked to stop. */
static int receive(struct watch *w, Edgeprof__V1__Envelope **ret)
{
	uint64_t since_ns = clock_mono_ns();

	w->silence_told = false;
	while (!stopped) {
		int r = edgeprof_receive(w->subscription, SLICE_MS, ret);

		if (r == 0)
			return 0;
		if (r != -ETIMEDOUT && r != -EINTR)
			return log_err(r, "watch: cannot receive: %s", strerror(-r));
		if (!w->printed && w->wait_ns && clock_mono_ns() - since_ns >= w->wait_ns)
			return explain_silence(w);
		if (w->printed)
			tell_silence(w, clock_mono_ns() - since_ns);
	}
	return 1;
}

static int follow(struct watch *w)
{
	int r = 0;

	while (r == 0 && !(w->count && w->printed == w->count)) {
		Edgeprof__V1__Envelope *e;

		r = receive(w, &e);
		if (r)
			break;
		tell_losses(w);
		w->interval_ns = e->snapshot->interval_ns;
		r = print(w, e);
		edgeprof_envelope_free(e);
	}
	return r < 0 ? 1 : 0;
}

int verb_watch(int argc, char **argv)
{
	struct watch w = { .address = EDGEPROF_DEFAULT_ADDRESS, .wait_ns = DEFAULT_WAIT_NS };
	int r = options_parse(
		argc, argv,
		"edgeprof watch [OPTION]...\nPrints what an agent publishes, snapshot by snapshot.\n",
		watch_options, &w, NULL, NULL);

	if (r)
		return r < 0 ? 2 : 0;
	if (addresses_check_host("watch", w.address) < 0)
		return 1;
	r = edgeprof_subscribe(w.address, &w.subscription);
	if (r < 0)
		return explain_subscribe(r, w.address) == -EINVAL ? 2 : 1;
	install_signals();
	r = follow(&w);
	edgeprof_unsubscribe(w.subscription);
	return r;
}
