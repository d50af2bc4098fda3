/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/metering.h"

#include "source/bpf_kernel.h"

#define WINDOW_EVERY 16 /* readings */

static enum metering_step start(struct metering *m, uint64_t now_ns)
{
	int fd = bpf_kernel_meter_programs();

	if (fd < 0) {
		m->mode = CONFIG_METERING_OFF; /* a right that is missing does not come back */
		return METERING_IDLE;
	}
	m->stats_fd = fd;
	m->since_ns = now_ns;
	return METERING_BEGAN;
}

void metering_open(enum config_metering mode, struct metering *ret)
{
	*ret = (struct metering){ .mode = mode, .stats_fd = -1 };
	if (mode == CONFIG_METERING_ALWAYS)
		ret->stats_fd = bpf_kernel_meter_programs();
}

void metering_close(struct metering *m)
{
	cleanup_close(&m->stats_fd);
	m->stats_fd = -1;
}

enum metering_step metering_tick(struct metering *m, uint64_t reading, uint64_t now_ns)
{
	if (m->mode == CONFIG_METERING_OFF)
		return METERING_IDLE;
	if (m->stats_fd < 0)
		return m->mode == CONFIG_METERING_ALWAYS || reading % WINDOW_EVERY == 1 ? start(m, now_ns)
											: METERING_IDLE;
	if (!m->since_ns) {
		m->since_ns = now_ns;
		return METERING_BEGAN;
	}
	m->metered_ns += now_ns - m->since_ns;
	m->since_ns = now_ns;
	if (m->mode == CONFIG_METERING_ALWAYS)
		return METERING_GOES_ON;
	metering_close(m);
	return METERING_ENDED;
}
