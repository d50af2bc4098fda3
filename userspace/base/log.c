/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

static enum log_level max_level = LOG_LEVEL_INFO;

void log_set_level(enum log_level max)
{
	max_level = max;
}

int log_parse_level(const char *text, enum log_level *ret)
{
	static const struct {
		const char *name;
		enum log_level level;
	} names[] = {
		{ "error", LOG_LEVEL_ERROR },
		{ "warning", LOG_LEVEL_WARNING },
		{ "info", LOG_LEVEL_INFO },
		{ "debug", LOG_LEVEL_DEBUG },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(text, names[i].name)) {
			*ret = names[i].level;
			return 0;
		}
	return -EINVAL;
}

static bool under_systemd(void)
{
	static int known = -1;

	if (known < 0)
		known = getenv("JOURNAL_STREAM") || getenv("INVOCATION_ID");
	return known;
}

int log_write(enum log_level level, int r, const char *format, ...)
{
	char line[1024];
	va_list args;

	if (level > max_level)
		return r;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (under_systemd())
		fprintf(stderr, "<%d>%s\n", (int)level, line);
	else
		fprintf(stderr, "edgeprof: %s%s\n", level == LOG_LEVEL_WARNING ? "warning: " : "", line);
	return r;
}
