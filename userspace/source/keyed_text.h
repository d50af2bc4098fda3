/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines of "key value" as the kernel writes them: memory.stat, cpu.stat,
 * /proc/meminfo ("key: value kB"), /proc/PID/status.
 */
#ifndef EP_SOURCE_KEYED_TEXT_H
#define EP_SOURCE_KEYED_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A number at the start of the text that ends at white space, at the end or at
 * a comma; what is negative, beyond 64 bits or not a number is false. ret_end
 * may be NULL. */
bool keyed_text_number(const char *text, uint64_t *ret, const char **ret_end);

/* Looks for n <= 32 keys in one pass. Returns bit i for each key i found with a
 * sound number, which is then in values[i]; other values stay untouched. The
 * first sound line of a key counts. */
uint32_t keyed_text_parse(const char *text, const char *const *keys, size_t n, uint64_t *values);

#endif
