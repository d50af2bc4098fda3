/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the BPF programs cost. The kernel meters their run time only while asked
 * to, and asking costs about 60 ns a run: by default one reading in sixteen.
 */
#ifndef EP_CORE_METERING_H
#define EP_CORE_METERING_H

#include "core/config.h"

struct metering {
	enum config_metering mode;
	int stats_fd; /* -1: not metering now */
	uint64_t since_ns;
	uint64_t metered_ns; /* of finished windows */
};

enum metering_step {
	METERING_IDLE,
	METERING_BEGAN,   /* read the programs: the window starts here */
	METERING_GOES_ON, /* permanent: one window ends, the next starts */
	METERING_ENDED,
};

/* Permanent metering begins here, before the agent gives up the right to ask for it. */
void metering_open(enum config_metering mode, struct metering *ret);
void metering_close(struct metering *m);
/* Call once a reading. */
enum metering_step metering_tick(struct metering *m, uint64_t reading, uint64_t now_ns);

#endif
