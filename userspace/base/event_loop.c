/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/event_loop.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#define SOURCES_MAX 8
#define TIMERS_MAX 2

struct event_source {
	int fd;
	int (*ready)(void *data);
	void *data;
};

struct event_timer {
	int fd;
	int (*tick)(void *data, uint64_t passed);
	void *data;
};

struct event_loop {
	int epoll_fd, signal_fd;
	bool stopped;
	struct event_source sources[SOURCES_MAX];
	size_t n_sources;
	struct event_timer timers[TIMERS_MAX];
	size_t n_timers;
	int (*caught)(void *data, int signal);
	void *caught_data;
};

int event_loop_open(struct event_loop **ret)
{
	struct event_loop *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->signal_fd = -1;
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll_fd < 0) {
		int r = -errno;

		event_loop_close(l);
		return r;
	}
	*ret = l;
	return 0;
}

void event_loop_close(struct event_loop *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->n_timers; i++)
		cleanup_close(&l->timers[i].fd);
	cleanup_close(&l->signal_fd);
	cleanup_close(&l->epoll_fd);
	free(l);
}

int event_loop_add(struct event_loop *l, int fd, int (*ready)(void *data), void *data)
{
	struct event_source *source = &l->sources[l->n_sources];
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = source };

	if (l->n_sources == SOURCES_MAX)
		return -ENOSPC;
	*source = (struct event_source){ .fd = fd, .ready = ready, .data = data };
	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &event))
		return -errno;
	l->n_sources++;
	return 0;
}

static int on_timer(void *data)
{
	const struct event_timer *timer = data;
	uint64_t passed;

	if (read(timer->fd, &passed, sizeof(passed)) != sizeof(passed))
		return errno == EAGAIN ? 0 : -errno;
	return timer->tick(timer->data, passed);
}

int event_loop_change_timer(struct event_loop *l, int timer, uint64_t interval_ns)
{
	struct timespec interval = { .tv_sec = (time_t)(interval_ns / 1000000000u),
				     .tv_nsec = (long)(interval_ns % 1000000000u) };
	struct itimerspec setting = { .it_interval = interval, .it_value = interval };

	return timerfd_settime(l->timers[timer].fd, 0, &setting, NULL) ? -errno : 0;
}

int event_loop_add_timer(struct event_loop *l, uint64_t interval_ns, int (*tick)(void *data, uint64_t passed),
			 void *data)
{
	struct event_timer *timer = &l->timers[l->n_timers];
	int r;

	if (l->n_timers == TIMERS_MAX)
		return -ENOSPC;
	*timer = (struct event_timer){ .tick = tick, .data = data };
	timer->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (timer->fd < 0)
		return -errno;
	l->n_timers++;
	r = event_loop_add(l, timer->fd, on_timer, timer);
	if (r == 0)
		r = event_loop_change_timer(l, (int)(timer - l->timers), interval_ns);
	return r < 0 ? r : (int)(timer - l->timers);
}

static int on_signal(void *data)
{
	struct event_loop *l = data;
	struct signalfd_siginfo info;

	if (read(l->signal_fd, &info, sizeof(info)) != sizeof(info))
		return errno == EAGAIN ? 0 : -errno;
	return l->caught(l->caught_data, (int)info.ssi_signo);
}

int event_loop_add_signals(struct event_loop *l, const int *signals, int (*caught)(void *data, int signal),
			   void *data)
{
	sigset_t set;

	sigemptyset(&set);
	for (; *signals; signals++)
		sigaddset(&set, *signals);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	l->caught = caught;
	l->caught_data = data;
	l->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (l->signal_fd < 0)
		return -errno;
	return event_loop_add(l, l->signal_fd, on_signal, l);
}

void event_loop_stop(struct event_loop *l)
{
	l->stopped = true;
}

int event_loop_run(struct event_loop *l)
{
	l->stopped = false;
	while (!l->stopped) {
		struct epoll_event events[SOURCES_MAX];
		int n = epoll_wait(l->epoll_fd, events, SOURCES_MAX, -1);

		if (n < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < n && !l->stopped; i++) {
			const struct event_source *source = events[i].data.ptr;
			int r = source->ready(source->data);

			if (r < 0)
				return r;
		}
	}
	return 0;
}
