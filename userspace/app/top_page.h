/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The head of the screen and the page of one container, as lines of text. Pure:
 * both are made from a snapshot and from what the one before it had counted.
 */
#ifndef EP_APP_TOP_PAGE_H
#define EP_APP_TOP_PAGE_H

#include "app/top_format.h"

/* The totals of the snapshot before, to tell what happened in the interval. */
struct top_past {
	uint64_t key;
	struct metrics totals;
};
struct top_history {
	struct top_past *past; /* by key */
	size_t n_past;
	uint64_t mono_ns, started_mono_ns, self_cpu_time_ns; /* mono_ns 0: no snapshot yet */
};
int top_history_keep(struct top_history *h, const struct snapshot *s) _must_check_; /* -ENOMEM */
void top_history_clear(struct top_history *h);
const struct metrics *top_history_find(const struct top_history *h, uint64_t key); /* NULL: not there */

struct top_head {
	const char *source; /* the address, or what is read instead of one */
	const char *note;   /* paused, no data, ..., or "" */
	uint64_t lost;      /* snapshots missed on the way here */
	size_t n_shown;
	const struct top_view *view;
};
/* Writes lines that end in newlines, none of them cut. */
void top_write_head(FILE *f, const struct snapshot *s, const struct top_history *before,
		    const struct top_head *head);
void top_write_page(FILE *f, const struct snapshot *s, const struct container_snapshot *c,
		    const struct top_history *before);

#endif
