/* SPDX-License-Identifier: BSD-2-Clause */
#include "source/keyed_text.h"

#include <string.h>

bool keyed_text_number(const char *text, uint64_t *ret, const char **ret_end)
{
	const char *p = text;
	uint64_t value = 0;

	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
			return false;
	if (p == text || (*p && !strchr(" \t\n,", *p)))
		return false;
	*ret = value;
	if (ret_end)
		*ret_end = p;
	return true;
}

static size_t key_length(const char *line)
{
	const char *p = line;

	while (*p && *p != ' ' && *p != '\t' && *p != ':' && *p != '\n')
		p++;
	return (size_t)(p - line);
}

static uint32_t match_line(const char *line, uint32_t found, const char *const *keys, size_t n,
			   uint64_t *values)
{
	size_t length = key_length(line);
	const char *value = line + length;

	for (size_t i = 0; i < n; i++) {
		if (found >> i & 1 || keys[i][0] != line[0] || strncmp(keys[i], line, length) ||
		    keys[i][length])
			continue;
		value += *value == ':';
		value += strspn(value, " \t");
		return keyed_text_number(value, &values[i], NULL) ? 1u << i : 0;
	}
	return 0;
}

uint32_t keyed_text_parse(const char *text, const char *const *keys, size_t n, uint64_t *values)
{
	const uint32_t all = n >= 32 ? UINT32_MAX : (1u << n) - 1;
	uint32_t found = 0;

	for (const char *line = text; *line && found != all;) {
		const char *end = strchr(line, '\n');

		found |= match_line(line, found, keys, n, values);
		if (!end)
			break;
		line = end + 1;
	}
	return found;
}
