/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of `edgeprof top` as text: which containers, in which order, which
 * columns fit, what stands in a cell. Pure; a value that is not known is "-".
 */
#ifndef EP_APP_TOP_FORMAT_H
#define EP_APP_TOP_FORMAT_H

#include "base/cleanup.h"
#include "model/snapshot.h"

#define TOP_WIDTH_MAX 400
#define TOP_LINE_MAX (TOP_WIDTH_MAX * 4 + 1) /* bytes: UTF-8 has up to four a column */

enum top_column {
	TOP_NAME,
	TOP_RUNTIME,
	TOP_CPU,
	TOP_CPU_BAR,
	TOP_WAIT,
	TOP_WAIT_P99,
	TOP_THROTTLED,
	TOP_MEMORY,
	TOP_LIMIT,
	TOP_RSS,
	TOP_PEAK,
	TOP_FAULTS,
	TOP_READ,
	TOP_WRITE,
	TOP_STATE,
	TOP_COLUMN_COUNT
};

struct top_view {
	enum top_column sort;
	bool reverse;
	bool show_all;   /* idle units and plain cgroups too */
	char filter[64]; /* glob on names, "" = none */
};
extern const struct top_view top_view_default;

/* A column by the name that --sort takes; -EINVAL. */
int top_column_parse(const char *name, enum top_column *ret) _must_check_;
/* The next or previous (step 1 or -1) column that can be sorted by. */
enum top_column top_column_next(enum top_column column, int step);
const char *top_column_name(enum top_column column);

/* Writes into `rows` (room for s->n_containers) what the view shows, in its
 * order. Returns their number. */
size_t top_select(const struct snapshot *s, const struct top_view *view,
		  const struct container_snapshot **rows);
bool top_matches(const struct container_snapshot *c, const char *filter);

struct top_layout {
	enum top_column columns[TOP_COLUMN_COUNT];
	size_t n_columns;
	int name_width;
};
/* Leaves out what does not fit, the least telling columns first; the name and
 * the column sorted by stay. */
void top_layout_fit(int width, const struct top_view *view, struct top_layout *ret);

/* One line without its newline; `into` holds TOP_LINE_MAX. */
void top_format_titles(const struct top_layout *layout, const struct top_view *view, char *into);
void top_format_row(const struct top_layout *layout, const struct container_snapshot *c, char *into);

/* One cell, not padded. */
void top_format_cell(enum top_column column, const struct container_snapshot *c, char *into, size_t size);

/* Copies text as exactly `width` columns of the screen: control bytes and what
 * the character set lacks become '?', what is too long ends in '~'. */
void top_fit(char *into, size_t size, const char *text, int width, bool align_right);
/* Cuts the beginning of a path that is wider: its end tells more. In place. */
void top_shorten_name(char *name, int width);
/* As top_fit(), without padding. */
void top_cut(char *into, size_t size, const char *text, int width);

/* Three significant digits always, so that a column does not flicker. */
const char *top_format_ns(char *into, size_t size, uint64_t ns);
/* The last bucket of the histograms is open: what is in it is "> 4.29 s". */
const char *top_format_wait(char *into, size_t size, double ns);

#endif
