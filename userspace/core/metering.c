/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/metering.h"

#include "base/clock.h"
#include "source/bpf_kernel.h"

#define WINDOW_EVERY 16 /* readings */

static void start(struct metering *m, uint64_t now_ns)
{
	int fd = bpf_kernel_meter_programs();

	m->stats_fd = fd < 0 ? -1 : fd;
	m->since_ns = now_ns;
}

static void stop(struct metering *m, uint64_t now_ns)
{
	close(m->stats_fd);
	m->stats_fd = -1;
	m->metered_ns += now_ns - m->since_ns;
}

void metering_open(enum config_metering mode, struct metering *ret)
{
	*ret = (struct metering){ .mode = mode, .stats_fd = -1 };
	if (mode == CONFIG_METERING_ALWAYS)
		start(ret, clock_mono_ns());
}

void metering_close(struct metering *m)
{
	cleanup_close(&m->stats_fd);
	m->stats_fd = -1;
}

bool metering_tick(struct metering *m, uint64_t reading, uint64_t now_ns)
{
	if (m->mode != CONFIG_METERING_SAMPLED)
		return m->mode == CONFIG_METERING_ALWAYS;
	if (m->stats_fd >= 0) {
		stop(m, now_ns);
		return true;
	}
	if (reading % WINDOW_EVERY == 1)
		start(m, now_ns);
	return false;
}

uint64_t metering_total_ns(const struct metering *m, uint64_t now_ns)
{
	return m->metered_ns + (m->stats_fd >= 0 ? now_ns - m->since_ns : 0);
}
