/* SPDX-License-Identifier: BSD-2-Clause */
/* edgeprof top: what the containers of a node do now, for people. */
#include "app/options.h"
#include "app/top_page.h"
#include "app/top_screen.h"
#include "app/top_source.h"
#include "app/verbs.h"
#include "base/clock.h"
#include "base/event_loop.h"
#include "base/text.h"

#include <errno.h>
#include <string.h>

#define BATCH_WIDTH 160
#define STALE_NS 3000000000u
#define BATCH_PATIENCE_NS 5000000000u
#define INTERVAL_MAX_NS 60000000000u

struct top {
	struct config config;
	const char *address;
	bool live, batch, paused;
	uint64_t count, frames; /* count 0: no end */
	bool told;              /* why it failed */
	bool interrupted;
	struct top_view view;
	struct top_source *source;
	struct top_screen *screen; /* NULL with --batch */
	struct event_loop *loop;
	const struct snapshot *snapshot;   /* borrowed from the source */
	struct top_history before, latest; /* of the snapshot before, and of this one */
	uint64_t received_mono_ns;
};

static const char usage[] = "edgeprof top [OPTION]...\n"
			    "Shows the containers of a node; reads the node itself where no agent runs.\n";

static int set_address(void *data, const char *value)
{
	bool ipc = text_starts_with(value, "ipc:///"), tcp = text_starts_with(value, "tcp://");

	if ((!ipc && !tcp) || strlen(value) <= strlen("ipc:///") || strlen(value) >= 200 ||
	    !text_is_clean(value))
		return -EINVAL;
	((struct top *)data)->address = value;
	return 0;
}

static int set_live(void *data, const char *value)
{
	(void)value;
	((struct top *)data)->live = true;
	return 0;
}

static int set_batch(void *data, const char *value)
{
	(void)value;
	((struct top *)data)->batch = true;
	return 0;
}

static int set_count(void *data, const char *value)
{
	uint64_t *count = &((struct top *)data)->count;

	return text_parse_u64(value, count) < 0 || !*count ? -EINVAL : 0;
}

static int set_sort(void *data, const char *value)
{
	return top_column_parse(value, &((struct top *)data)->view.sort);
}

static int set_filter(void *data, const char *value)
{
	struct top_view *view = &((struct top *)data)->view;

	if (strlen(value) >= sizeof(view->filter) || !text_is_clean(value))
		return -EINVAL;
	text_copy(view->filter, sizeof(view->filter), value);
	return 0;
}

static int set_all(void *data, const char *value)
{
	(void)value;
	((struct top *)data)->view.show_all = true;
	return 0;
}

static const struct option_extra extra[] = {
	{ "address", "ADDRESS", "ipc:///PATH or tcp://HOST:PORT of an agent", set_address },
	{ "live", NULL, "read the node itself (root)", set_live },
	{ "sort", "COLUMN",
	  "name, runtime, cpu, wait, p99, throttled, mem, limit, rss, peak, faults, read, write or state",
	  set_sort },
	{ "filter", "GLOB", "only names, ids, pods or images that match; shorter than 64 bytes", set_filter },
	{ "all", NULL, "idle units and plain cgroups too", set_all },
	{ "batch", NULL, "print plain text, no keys", set_batch },
	{ "count", "NUMBER", "with --batch, end after so many frames; at least 1", set_count },
	{ NULL, NULL, NULL, NULL },
};

static void fill_head(const struct top *t, struct top_head *ret, char *note, size_t size)
{
	uint64_t age_ns = clock_mono_ns() - t->received_mono_ns;
	uint64_t patience_ns = t->snapshot ? 3 * t->snapshot->interval_ns : 0;

	if (t->paused)
		text_copy(note, size, "paused");
	else if (age_ns > (patience_ns > STALE_NS ? patience_ns : STALE_NS))
		snprintf(note, size, "no data for %.0f s", (double)age_ns / 1e9);
	else
		note[0] = '\0';
	*ret = (struct top_head){ .source = top_source_name(t->source),
				  .note = note,
				  .lost = top_source_lost(t->source),
				  .view = &t->view };
}

static int batch_width(void)
{
	const char *columns = getenv("COLUMNS");
	uint64_t width;

	if (!columns || text_parse_u64(columns, &width) < 0 || width < 20 || width > TOP_WIDTH_MAX)
		return BATCH_WIDTH;
	return (int)width;
}

static void print_line(const char *line)
{
	int length = (int)strlen(line);

	while (length && line[length - 1] == ' ')
		length--;
	printf("%.*s\n", length, line);
}

/* 0 also when nobody reads the output any more: then there is nothing left to do. */
static int flush_frame(struct top *t)
{
	int r = verbs_flush_output();

	if (r == 0 || r == -EPIPE) {
		t->frames++;
		if (r || t->frames == t->count)
			event_loop_stop(t->loop);
		return 0;
	}
	t->told = true;
	return r;
}

static int print_frame(struct top *t, struct top_head *head)
{
	const struct snapshot *s = t->snapshot;
	_cleanup_free_ const struct container_snapshot **rows = calloc(s->n_containers + 1, sizeof(*rows));
	struct top_layout layout;
	char line[TOP_LINE_MAX];

	if (!rows)
		return -ENOMEM;
	head->n_shown = top_select(s, &t->view, rows);
	top_layout_fit(batch_width(), &t->view, &layout);
	if (t->frames)
		putchar('\n');
	top_write_head(stdout, s, &t->before, head);
	top_format_titles(&layout, &t->view, line);
	print_line(line);
	for (size_t i = 0; i < head->n_shown; i++) {
		top_format_row(&layout, rows[i], line);
		print_line(line);
	}
	return flush_frame(t);
}

static int draw(struct top *t)
{
	struct top_head head;
	char note[64];

	fill_head(t, &head, note, sizeof(note));
	return top_screen_draw(t->screen, t->snapshot, &t->before, &head);
}

static int show(struct top *t, const struct snapshot *s)
{
	struct top_head head;
	char note[64];
	int r;

	top_history_clear(&t->before);
	t->before = t->latest;
	t->latest = (struct top_history){ 0 };
	r = top_history_keep(&t->latest, s);
	if (r < 0)
		return r;
	t->snapshot = s;
	t->received_mono_ns = clock_mono_ns();
	if (!t->batch)
		return draw(t);
	if (!s->interval_ns && t->source && top_source_is_live(t->source))
		return 0; /* nothing to compare with yet */
	fill_head(t, &head, note, sizeof(note));
	return print_frame(t, &head);
}

static int on_source(void *data)
{
	struct top *t = data;
	const struct snapshot *s;
	int r = top_source_handle(t->source, t->paused, &s);

	return r > 0 ? show(t, s) : r;
}

/* A script must not wait for ever for an agent that is gone. */
static int check_silence(struct top *t)
{
	uint64_t silent_ns = clock_mono_ns() - t->received_mono_ns;
	uint64_t interval_ns = t->snapshot ? t->snapshot->interval_ns : t->config.interval_ns;

	if (interval_ns > INTERVAL_MAX_NS)
		interval_ns = INTERVAL_MAX_NS;
	if (silent_ns < BATCH_PATIENCE_NS + 2 * interval_ns)
		return 0;
	t->told = true;
	return log_err(-ETIMEDOUT, "top: nothing from %s for %.0f s; see that the agent runs",
		       top_source_name(t->source), (double)silent_ns / 1e9);
}

static int on_tick(void *data, uint64_t passed)
{
	struct top *t = data;
	const struct snapshot *s;
	int r;

	(void)passed;
	if (!top_source_is_live(t->source))
		return t->screen ? draw(t) : check_silence(t); /* the screen tells how old the data is */
	if (t->paused)
		return 0;
	r = top_source_read(t->source, &s);
	return r < 0 ? r : show(t, s);
}

static int on_keys(void *data)
{
	struct top *t = data;

	if (top_screen_handle_keys(t->screen, &t->view, &t->paused)) {
		event_loop_stop(t->loop);
		return 0;
	}
	return draw(t);
}

static int on_signal(void *data, int signal)
{
	struct top *t = data;

	if (signal != SIGWINCH) {
		t->interrupted = true;
		event_loop_stop(t->loop);
		return 0;
	}
	if (!t->screen)
		return 0;
	top_screen_resize(t->screen);
	return draw(t);
}

static int open_loop(struct top *t)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGWINCH, 0 };
	int r = event_loop_open(&t->loop);

	if (r == 0)
		r = event_loop_add_signals(t->loop, signals, on_signal, t);
	if (r == 0 && top_source_fd(t->source) >= 0)
		r = event_loop_add(t->loop, top_source_fd(t->source), on_source, t);
	if (r == 0 && t->screen)
		r = event_loop_add(t->loop, STDIN_FILENO, on_keys, t);
	if (r == 0)
		r = event_loop_add_timer(t->loop,
					 top_source_is_live(t->source) ? t->config.interval_ns : 1000000000u,
					 on_tick, t);
	return r < 0 ? r : 0;
}

static int open_screen(struct top *t)
{
	int r = top_screen_open(&t->screen);

	if (r == -ENOTTY)
		return log_err(r, "top: standard input and output must be a terminal; use --batch elsewhere");
	if (r == -ENOENT)
		return log_err(r, "top: terminal '%.40s' is not known here; set TERM, or use --batch",
			       getenv("TERM") ? getenv("TERM") : "");
	return r < 0 ? log_err(r, "top: cannot use this terminal: %s", strerror(-r)) : 0;
}

static int run(struct top *t)
{
	const struct snapshot *s;
	int r = top_source_open(&t->config, t->address, t->live, &t->source);

	if (r == 0 && !t->batch)
		r = open_screen(t);
	if (r < 0)
		return r;
	t->received_mono_ns = clock_mono_ns();
	/* Messages would be drawn over the table. */
	if (t->screen)
		log_set_level(LOG_LEVEL_ERROR);
	r = open_loop(t);
	if (r == 0 && top_source_is_live(t->source)) {
		r = top_source_read(t->source, &s);
		r = r < 0 ? r : show(t, s);
	}
	if (r == 0 && t->screen)
		r = draw(t);
	if (r == 0)
		r = event_loop_run(t->loop);
	return r;
}

static void top_clear(struct top *t)
{
	top_screen_close(TAKE_PTR(t->screen));
	event_loop_close(t->loop);
	top_source_close(t->source);
	top_history_clear(&t->before);
	top_history_clear(&t->latest);
}

static int exit_status(const struct top *t, int r)
{
	if (r < 0 && t->loop && !t->told)
		log_err(0, "top: %s", strerror(-r));
	if (r < 0)
		return 1;
	if (t->interrupted && t->frames < t->count)
		return log_err(1, "top: ended by a signal after %llu of %llu frames",
			       (unsigned long long)t->frames, (unsigned long long)t->count);
	return 0;
}

int verb_top(int argc, char **argv)
{
	_cleanup_(top_clear) struct top t = { .config = config_defaults, .view = top_view_default };
	int r = options_parse(argc, argv, usage, extra, &t, &t.config, NULL);

	if (r)
		return r < 0 ? 2 : 0;
	if (t.live && t.address)
		return log_err(2, "top: --live and --address exclude each other; give one of them");
	if (t.count && !t.batch)
		return log_err(2, "top: --count goes with --batch; add it, or leave --count out");
	log_set_level(t.config.log_level < LOG_LEVEL_INFO ? t.config.log_level : LOG_LEVEL_WARNING);
	if (t.batch)
		signal(SIGPIPE, SIG_IGN);
	r = run(&t);
	top_screen_close(TAKE_PTR(t.screen));
	return exit_status(&t, r);
}
