/* SPDX-License-Identifier: BSD-2-Clause */
/* Small pieces of text: numbers, durations, sizes, copies with a bound. */
#ifndef EP_BASE_TEXT_H
#define EP_BASE_TEXT_H

#include "base/cleanup.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whole text must be the number; -EINVAL, -ERANGE. */
int text_parse_u64(const char *text, uint64_t *ret) _must_check_;
/* "500ms", "1s", "2.5s", "1min"; a bare number is seconds. */
int text_parse_duration_ns(const char *text, uint64_t *ret) _must_check_;
int text_parse_bool(const char *text, bool *ret) _must_check_; /* yes/no, on/off, true/false, 1/0 */

/* Copies with a bound and always ends the string. */
void text_copy(char *into, size_t size, const char *from);
bool text_starts_with(const char *text, const char *prefix);
bool text_ends_with(const char *text, const char *suffix);
/* True when the text has only printable ASCII and UTF-8 without control bytes. */
bool text_is_clean(const char *text);
/* Replaces control bytes and broken UTF-8 by '?', in place: what comes from a
 * container may not steer a terminal. */
void text_clean(char *text);

/* "12.3 MiB", "940 KiB"; "1.25 ms", "83 us"; both return `into`. */
const char *text_format_bytes(char *into, size_t size, uint64_t bytes);
const char *text_format_ns(char *into, size_t size, uint64_t ns);

#endif
