/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The terminal of `edgeprof top`: draws lines of text and knows the keys. What
 * the lines say comes from top_format and top_page.
 */
#ifndef EP_APP_TOP_SCREEN_H
#define EP_APP_TOP_SCREEN_H

#include "app/top_page.h"

struct top_screen;

/* Takes over the terminal. -ENOTTY, -ENOENT: the terminal's type is not known. */
int top_screen_open(struct top_screen **ret) _must_check_;
void top_screen_close(struct top_screen *s); /* gives the terminal back */

/* Draws `snapshot` (NULL: none came yet). */
int top_screen_draw(struct top_screen *s, const struct snapshot *snapshot, const struct top_history *before,
		    const struct top_head *head) _must_check_;
/* After the terminal changed its size. */
void top_screen_resize(struct top_screen *s);

/* Takes the keys that were pressed. 1: quit. */
int top_screen_handle_keys(struct top_screen *s, struct top_view *view, bool *paused) _must_check_;

#endif
