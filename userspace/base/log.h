/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages for people, on stderr. Under systemd each line carries a <N>
 * priority, elsewhere the program's name. Only app/ and core/ log.
 */
#ifndef EP_BASE_LOG_H
#define EP_BASE_LOG_H

#include "base/cleanup.h"

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARNING = 4, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

void log_set_level(enum log_level max);
int log_parse_level(const char *text, enum log_level *ret) _must_check_; /* -EINVAL */

/* Logs and returns r. A negative r in -4095..-1 does not add its text by
 * itself: write strerror(-r) where it helps. */
int log_write(enum log_level level, int r, const char *format, ...) _printf_(3, 4);

#define log_err(r, ...) log_write(LOG_LEVEL_ERROR, (r), __VA_ARGS__)
#define log_warning(...) ((void)log_write(LOG_LEVEL_WARNING, 0, __VA_ARGS__))
#define log_info(...) ((void)log_write(LOG_LEVEL_INFO, 0, __VA_ARGS__))
#define log_debug(...) ((void)log_write(LOG_LEVEL_DEBUG, 0, __VA_ARGS__))

#endif
