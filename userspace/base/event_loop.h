/* SPDX-License-Identifier: BSD-2-Clause */
/* One epoll loop: descriptors, timers, signals. Callbacks run one after
 * another; a negative return ends the loop with that value. */
#ifndef EP_BASE_EVENT_LOOP_H
#define EP_BASE_EVENT_LOOP_H

#include "base/cleanup.h"
#include <signal.h>
#include <stdint.h>

struct event_loop;

int event_loop_open(struct event_loop **ret) _must_check_;
void event_loop_close(struct event_loop *l);

/* Calls `ready` whenever fd is readable; the fd stays the caller's. */
int event_loop_add(struct event_loop *l, int fd, int (*ready)(void *data), void *data) _must_check_;
/* Calls `tick` at every multiple of interval_ns from now on with the number of
 * intervals that passed since the call before (1 unless some were missed).
 * Returns the timer's number, for event_loop_change_timer(). */
int event_loop_add_timer(struct event_loop *l, uint64_t interval_ns, int (*tick)(void *data, uint64_t passed),
			 void *data) _must_check_;
int event_loop_change_timer(struct event_loop *l, int timer, uint64_t interval_ns) _must_check_;
/* Blocks the signals (a zero-ended list) and calls `caught` for each. */
int event_loop_add_signals(struct event_loop *l, const int *signals, int (*caught)(void *data, int signal),
			   void *data) _must_check_;

int event_loop_run(struct event_loop *l)
	_must_check_; /* until a callback is negative or stop was called: 0 */
void event_loop_stop(struct event_loop *l);

#endif
