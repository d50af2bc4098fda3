/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a configuration file: taken whole or refused whole. */
#include "app/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void require_ended(const char *text, size_t size)
{
	require(memchr(text, '\0', size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config config = config_defaults;
	FILE *file;
	int r;

	if (!size)
		return 0;
	file = fmemopen((void *)data, size, "r");
	require(file);
	log_set_level((enum log_level)0); /* messages are not what is tested */
	r = options_read_stream(file, "fuzz", &config);
	fclose(file);
	require(r == 0 || r == -EINVAL);
	if (r < 0)
		require(!memcmp(&config, &config_defaults, sizeof(config)));
	require(config.interval_ns >= 100000000u && config.interval_ns <= 60000000000u);
	require(config.slots <= 16384 && config.slots != 1 && config.root[0] == '/');
	require_ended(config.publish, sizeof(config.publish));
	require_ended(config.docker_roots, sizeof(config.docker_roots));
	return 0;
}
