/* SPDX-License-Identifier: BSD-2-Clause */
#include "app/top_format.h"

#include "base/text.h"

#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <string.h>
#include <sys/wait.h>
#include <wchar.h>

#define NAME_WIDTH_MIN 12
#define NAME_WIDTH_WIDE 20 /* what it gets first on a wide screen */
#define WIDE_SCREEN 100
#define NAME_WIDTH_MAX 48
#define BAR_WIDTH 6
#define CELL_MAX 64

const struct top_view top_view_default = { .sort = TOP_CPU };

struct column {
	const char *name; /* for --sort; NULL: not sortable */
	const char *title;
	int width;
	int rank;  /* the lower, the longer it stays on a narrow screen */
	bool text; /* left-aligned, ascending */
};

static const struct column columns[TOP_COLUMN_COUNT] = {
	[TOP_NAME] = { "name", "NAME", 0, 0, true },
	[TOP_RUNTIME] = { "runtime", "RUNTIME", 10, 10, true },
	[TOP_CPU] = { "cpu", "CPU %", 7, 1, false },
	[TOP_CPU_BAR] = { NULL, "", BAR_WIDTH, 14, true },
	[TOP_WAIT] = { "wait", "WAIT %", 7, 3, false },
	[TOP_WAIT_P99] = { "p99", "WAIT p99", 9, 4, false },
	[TOP_THROTTLED] = { "throttled", "THR %", 6, 6, false },
	[TOP_MEMORY] = { "mem", "MEM", 9, 2, false },
	[TOP_LIMIT] = { "limit", "LIMIT", 9, 5, false },
	[TOP_RSS] = { "rss", "RSS", 9, 11, false },
	[TOP_PEAK] = { "peak", "PEAK", 9, 12, false },
	[TOP_FAULTS] = { "faults", "FAULTS/s", 9, 9, false },
	[TOP_READ] = { "read", "READ/s", 9, 7, false },
	[TOP_WRITE] = { "write", "WRITE/s", 9, 8, false },
	[TOP_STATE] = { "state", "STATE", 9, 13, true },
};

int top_column_parse(const char *name, enum top_column *ret)
{
	for (int i = 0; i < TOP_COLUMN_COUNT; i++)
		if (columns[i].name && !strcmp(columns[i].name, name)) {
			*ret = (enum top_column)i;
			return 0;
		}
	return -EINVAL;
}

enum top_column top_column_next(enum top_column column, int step)
{
	int next = (int)column;

	do
		next = (next + step + TOP_COLUMN_COUNT) % TOP_COLUMN_COUNT;
	while (!columns[next].name);
	return (enum top_column)next;
}

const char *top_column_name(enum top_column column)
{
	return columns[column].name ? columns[column].name : "";
}

/* --- text that fits ------------------------------------------------------------- */

/* One character of `text`: its bytes and columns, or 1 byte to show as '?'. */
static int character_width(const char *text, size_t *ret_bytes)
{
	mbstate_t state = { 0 };
	wchar_t wide;
	size_t bytes = mbrtowc(&wide, text, MB_LEN_MAX, &state);
	int width = bytes < (size_t)-2 && bytes > 0 ? wcwidth(wide) : -1;

	*ret_bytes = width >= 0 ? bytes : 1;
	return width;
}

/* Copies at most `width` columns; returns the columns used, and in *ret_rest
 * what is left of the text. */
static int copy_columns(char *into, size_t size, const char *text, int width, const char **ret_rest)
{
	size_t used = 0;
	int at = 0;

	while (*text) {
		size_t bytes;
		int w = character_width(text, &bytes);

		if (at + (w < 0 ? 1 : w) > width || used + bytes + 1 > size)
			break;
		if (w < 0)
			into[used] = '?';
		else
			memcpy(into + used, text, bytes);
		used += bytes;
		text += bytes;
		at += w < 0 ? 1 : w;
	}
	into[used] = '\0';
	*ret_rest = text;
	return at;
}

static int cut(char *into, size_t size, const char *text, int width)
{
	const char *rest;
	int used = copy_columns(into, size, text, width, &rest);

	if (!*rest || width < 1 || size < 3)
		return used;
	used = copy_columns(into, size - 1, text, width - 1, &rest);
	memcpy(into + strlen(into), "~", 2);
	return used + 1;
}

void top_cut(char *into, size_t size, const char *text, int width)
{
	(void)cut(into, size, text, width);
}

void top_fit(char *into, size_t size, const char *text, int width, bool align_right)
{
	int used = cut(into, size, text, width);
	size_t length = strlen(into), pad = used < width ? (size_t)(width - used) : 0;

	if (length + pad + 1 > size)
		pad = size - length - 1;
	if (align_right)
		memmove(into + pad, into, length + 1);
	memset(align_right ? into : into + length, ' ', pad);
	into[length + pad] = '\0';
}

/* --- cells ------------------------------------------------------------------------ */

const char *top_format_ns(char *into, size_t size, uint64_t ns)
{
	static const char *const units[] = { "us", "ms", "s" };
	double value = (double)ns / 1000;
	size_t unit = 0;

	if (ns < 1000) {
		snprintf(into, size, "%u ns", (unsigned)ns);
		return into;
	}
	while (value >= 999.5 && unit + 1 < ARRAY_SIZE(units)) {
		value /= 1000;
		unit++;
	}
	snprintf(into, size,
		 value < 9.995   ? "%.2f %s"
		 : value < 99.95 ? "%.1f %s"
				 : "%.0f %s",
		 value, units[unit]);
	return into;
}

const char *top_format_wait(char *into, size_t size, double ns)
{
	if (ns >= 1e18) {
		snprintf(into, size, "> 4.29 s");
		return into;
	}
	return top_format_ns(into, size, ns > 0 ? (uint64_t)ns : 0);
}

static bool rate(const struct container_snapshot *c, enum rate_id id, double scale, double *ret)
{
	*ret = c->rates.value[id] * scale;
	return rates_has(&c->rates, id);
}

static bool metric(const struct container_snapshot *c, enum metric_id id, double *ret)
{
	*ret = (double)c->totals.value[id];
	return metrics_has(&c->totals, id);
}

static bool rss(const struct container_snapshot *c, double *ret)
{
	double anon, file, shmem;
	bool has_anon = metric(c, METRIC_rss_anon_bytes, &anon),
	     has_file = metric(c, METRIC_rss_file_bytes, &file);
	bool has_shmem = metric(c, METRIC_rss_shmem_bytes, &shmem);

	*ret = (has_anon ? anon : 0) + (has_file ? file : 0) + (has_shmem ? shmem : 0);
	return has_anon || has_file || has_shmem;
}

/* The number behind a cell; false when it is not known. */
static bool number(enum top_column column, const struct container_snapshot *c, double *ret)
{
	switch (column) {
	case TOP_CPU:
	case TOP_CPU_BAR:
		return rate(c, RATE_cpu_cores, 100, ret);
	case TOP_WAIT:
		return rate(c, RATE_run_queue_wait_cores, 100, ret);
	case TOP_WAIT_P99:
		return rate(c, RATE_run_queue_wait_p99_ns, 1, ret);
	case TOP_THROTTLED:
		return rate(c, RATE_cpu_throttled_ratio, 100, ret);
	case TOP_MEMORY:
		return metric(c, METRIC_memory_usage_bytes, ret);
	case TOP_LIMIT:
		return metric(c, METRIC_memory_limit_bytes, ret);
	case TOP_RSS:
		return rss(c, ret);
	case TOP_PEAK:
		return metric(c, METRIC_memory_peak_bytes, ret) || metric(c, METRIC_rss_peak_bytes, ret);
	case TOP_FAULTS:
		return rate(c, RATE_faults_major_per_second, 1, ret);
	case TOP_READ:
		return rate(c, RATE_io_read_bytes_per_second, 1, ret);
	case TOP_WRITE:
		return rate(c, RATE_io_write_bytes_per_second, 1, ret);
	default:
		return false;
	}
}

static void format_state(const struct container_snapshot *c, char *into, size_t size)
{
	int status = (int)c->exit_status;

	if (c->oom_victim[0])
		text_copy(into, size, c->state == CONTAINER_ENDED ? "oom, end" : "oom");
	else if (c->state != CONTAINER_ENDED)
		text_copy(into, size, "running");
	else if (c->has_exit && WIFSIGNALED(status))
		snprintf(into, size, "signal %d", WTERMSIG(status));
	else if (c->has_exit && WIFEXITED(status))
		snprintf(into, size, "exit %d", WEXITSTATUS(status));
	else
		text_copy(into, size, "ended");
}

static const char *name_of(const struct container_snapshot *c)
{
	const struct container_identity *i = c->identity;

	return i && i->name ? i->name : i && i->id ? i->id : "-";
}

static void format_text(enum top_column column, const struct container_snapshot *c, char *into, size_t size)
{
	if (column == TOP_NAME)
		text_copy(into, size, name_of(c));
	else if (column == TOP_RUNTIME)
		text_copy(into, size,
			  container_runtime_name(c->identity ? c->identity->runtime : RUNTIME_UNSPECIFIED));
	else
		format_state(c, into, size);
}

/* A full bar is one CPU. */
static void format_bar(double percent, char *into, size_t size)
{
	int full = percent >= 100 ? BAR_WIDTH : percent > 0 ? (int)(percent * BAR_WIDTH / 100 + 0.5) : 0;

	snprintf(into, size, "%.*s", full, "||||||");
}

void top_format_cell(enum top_column column, const struct container_snapshot *c, char *into, size_t size)
{
	double value;

	if (columns[column].text && column != TOP_CPU_BAR) {
		format_text(column, c, into, size);
		return;
	}
	if (!number(column, c, &value)) {
		text_copy(into, size, column == TOP_CPU_BAR ? "" : "-");
		return;
	}
	if (column == TOP_CPU_BAR)
		format_bar(value, into, size);
	else if (column == TOP_WAIT_P99)
		top_format_wait(into, size, value);
	else if (column == TOP_CPU || column == TOP_WAIT || column == TOP_THROTTLED)
		snprintf(into, size, value < 999.95 ? "%.1f" : "%.0f", value);
	else if (column == TOP_FAULTS)
		snprintf(into, size, value < 99.95 ? "%.1f" : "%.0f", value);
	else
		text_format_bytes(into, size, value > 0 ? (uint64_t)value : 0);
}

/* --- which, and in which order ---------------------------------------------------- */

static bool glob_matches(const char *pattern, const char *text)
{
	return text && !fnmatch(pattern, text, FNM_CASEFOLD);
}

bool top_matches(const struct container_snapshot *c, const char *filter)
{
	const struct container_identity *i = c->identity;
	char pattern[sizeof(((struct top_view *)0)->filter) + 2];

	if (!*filter)
		return true;
	/* A word alone is looked for anywhere in the name. */
	snprintf(pattern, sizeof(pattern), strpbrk(filter, "*?[") ? "%s" : "*%s*", filter);
	return glob_matches(pattern, name_of(c)) ||
	       (i && (glob_matches(pattern, i->id) || glob_matches(pattern, i->pod) ||
		      glob_matches(pattern, i->image)));
}

static bool is_container(const struct container_snapshot *c)
{
	enum container_runtime r = c->identity ? c->identity->runtime : RUNTIME_UNSPECIFIED;

	return r != RUNTIME_CGROUP && r != RUNTIME_SYSTEMD && r != RUNTIME_UNSPECIFIED;
}

/* Containers always; of the rest only what did something. */
static bool shown(const struct container_snapshot *c, const struct top_view *view)
{
	double cpu, read, written;

	if (!top_matches(c, view->filter))
		return false;
	if (view->show_all || view->filter[0] || is_container(c))
		return true;
	return (number(TOP_CPU, c, &cpu) && cpu >= 0.05) || (number(TOP_READ, c, &read) && read > 0) ||
	       (number(TOP_WRITE, c, &written) && written > 0);
}

static int compare_text(enum top_column column, const struct container_snapshot *a,
			const struct container_snapshot *b)
{
	char x[CELL_MAX], y[CELL_MAX];

	format_text(column, a, x, sizeof(x));
	format_text(column, b, y, sizeof(y));
	return strcmp(x, y);
}

/* What is not known comes last, whichever the direction. */
static int compare_numbers(const struct top_view *view, const struct container_snapshot *a,
			   const struct container_snapshot *b)
{
	double x, y;
	bool has_x = number(view->sort, a, &x), has_y = number(view->sort, b, &y);
	int order;

	if (!has_x || !has_y)
		return (int)has_y - (int)has_x;
	order = (x < y) - (x > y);
	return view->reverse ? -order : order;
}

static int compare(const void *left, const void *right, void *data)
{
	const struct container_snapshot *a = *(const struct container_snapshot *const *)left;
	const struct container_snapshot *b = *(const struct container_snapshot *const *)right;
	const struct top_view *view = data;
	int order;

	if (columns[view->sort].text)
		order = compare_text(view->sort, a, b) * (view->reverse ? -1 : 1);
	else
		order = compare_numbers(view, a, b);
	if (!order)
		order = compare_text(TOP_NAME, a, b);
	return order ? order : (a->key > b->key) - (a->key < b->key);
}

size_t top_select(const struct snapshot *s, const struct top_view *view,
		  const struct container_snapshot **rows)
{
	struct top_view copy = *view;
	size_t n = 0;

	for (size_t i = 0; i < s->n_containers; i++)
		if (shown(&s->containers[i], view))
			rows[n++] = &s->containers[i];
	if (n)
		qsort_r(rows, n, sizeof(*rows), compare, &copy);
	return n;
}

/* --- lines ------------------------------------------------------------------------- */

static int total_width(const bool taken[TOP_COLUMN_COUNT], int name_width)
{
	int width = name_width;

	for (int i = 0; i < TOP_COLUMN_COUNT; i++)
		if (taken[i] && i != TOP_NAME)
			width += columns[i].width + 1;
	return width;
}

static int rank(int column, const struct top_view *view)
{
	return column == TOP_NAME ? -2 : column == (int)view->sort ? -1 : columns[column].rank;
}

static int worst(const bool taken[TOP_COLUMN_COUNT], const struct top_view *view)
{
	int found = TOP_NAME;

	for (int i = 0; i < TOP_COLUMN_COUNT; i++)
		if (taken[i] && rank(i, view) > rank(found, view))
			found = i;
	return found;
}

void top_layout_fit(int width, const struct top_view *view, struct top_layout *ret)
{
	bool taken[TOP_COLUMN_COUNT];
	int name = width < WIDE_SCREEN ? NAME_WIDTH_MIN : NAME_WIDTH_WIDE, left, drop;

	if (width > TOP_WIDTH_MAX)
		width = TOP_WIDTH_MAX;
	memset(taken, true, sizeof(taken));
	while (total_width(taken, name) > width && (drop = worst(taken, view)) != TOP_NAME)
		taken[drop] = false;
	left = width - total_width(taken, name);
	ret->name_width = left >= 0 ? name + left : width < NAME_WIDTH_MIN ? width : NAME_WIDTH_MIN;
	if (ret->name_width > NAME_WIDTH_MAX)
		ret->name_width = NAME_WIDTH_MAX;
	if (ret->name_width < 1)
		ret->name_width = 1;
	ret->n_columns = 0;
	for (int i = 0; i < TOP_COLUMN_COUNT; i++)
		if (taken[i])
			ret->columns[ret->n_columns++] = (enum top_column)i;
}

static void append(char *line, const struct top_layout *layout, enum top_column column, const char *text)
{
	size_t length = strlen(line);
	int width = column == TOP_NAME ? layout->name_width : columns[column].width;

	if (length && length + 1 < TOP_LINE_MAX) {
		line[length++] = ' ';
		line[length] = '\0';
	}
	top_fit(line + length, TOP_LINE_MAX - length, text, width, !columns[column].text);
}

static int text_width(const char *text)
{
	size_t bytes;
	int width = 0;

	for (; *text; text += bytes) {
		int w = character_width(text, &bytes);

		width += w < 0 ? 1 : w;
	}
	return width;
}

void top_shorten_name(char *name, int width)
{
	int too_much = text_width(name) - width;
	const char *rest = name;
	size_t bytes;

	if (name[0] != '/' || too_much <= 0 || width < 2)
		return;
	for (int skipped = 0; *rest && skipped < too_much + 1; rest += bytes) {
		int w = character_width(rest, &bytes);

		skipped += w < 0 ? 1 : w;
	}
	name[0] = '~';
	memmove(name + 1, rest, strlen(rest) + 1);
}

void top_format_titles(const struct top_layout *layout, const struct top_view *view, char *into)
{
	into[0] = '\0';
	for (size_t i = 0; i < layout->n_columns; i++) {
		enum top_column column = layout->columns[i];
		char title[CELL_MAX];

		snprintf(title, sizeof(title), "%s%s", columns[column].title,
			 column != view->sort                    ? ""
			 : columns[column].text != view->reverse ? "^"
								 : "v");
		append(into, layout, column, title);
	}
}

void top_format_row(const struct top_layout *layout, const struct container_snapshot *c, char *into)
{
	into[0] = '\0';
	for (size_t i = 0; i < layout->n_columns; i++) {
		char cell[1024];

		top_format_cell(layout->columns[i], c, cell, sizeof(cell));
		if (layout->columns[i] == TOP_NAME)
			top_shorten_name(cell, layout->name_width);
		append(into, layout, layout->columns[i], cell);
	}
}
