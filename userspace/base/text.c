/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/text.h"

#include <errno.h>
#include <math.h>
#include <string.h>

int text_parse_u64(const char *text, uint64_t *ret)
{
	char *end;
	unsigned long long value;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno == ERANGE)
		return -ERANGE;
	if (*end)
		return -EINVAL;
	*ret = value;
	return 0;
}

/* Digits with at most one point. Not strtod(): that follows the locale, and
 * takes "nan", "inf", exponents and hexadecimal too. */
static bool parse_decimal(const char *text, double *ret, const char **ret_end)
{
	const char *p = text;
	double value = 0, place = 1;
	size_t digits = 0;

	for (; *p >= '0' && *p <= '9'; p++, digits++)
		value = value * 10 + (*p - '0');
	if (*p == '.')
		for (p++; *p >= '0' && *p <= '9'; p++, digits++)
			value += (*p - '0') * (place /= 10);
	*ret = value;
	*ret_end = p;
	return digits > 0;
}

int text_parse_duration_ns(const char *text, uint64_t *ret)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = {
		{ "", 1e9 }, { "s", 1e9 },    { "ms", 1e6 }, { "us", 1e3 },
		{ "ns", 1 }, { "min", 60e9 }, { "m", 60e9 }, { "h", 3600e9 },
	};
	const char *end;
	double value;

	if (!parse_decimal(text, &value, &end))
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(end, units[i].name))
			continue;
		if (value * units[i].ns >= 9e18)
			return -ERANGE;
		*ret = (uint64_t)llround(value * units[i].ns);
		return 0;
	}
	return -EINVAL;
}

int text_parse_bool(const char *text, bool *ret)
{
	static const char *const yes[] = { "yes", "on", "true", "1" };
	static const char *const no[] = { "no", "off", "false", "0" };

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (!strcmp(text, yes[i]) || !strcmp(text, no[i])) {
			*ret = !strcmp(text, yes[i]);
			return 0;
		}
	}
	return -EINVAL;
}

void text_copy(char *into, size_t size, const char *from)
{
	size_t length;

	if (!size)
		return;
	length = strnlen(from, size - 1);
	memcpy(into, from, length);
	into[length] = '\0';
}

bool text_starts_with(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

bool text_ends_with(const char *text, const char *suffix)
{
	size_t a = strlen(text), b = strlen(suffix);

	return a >= b && !strcmp(text + a - b, suffix);
}

/* Length of the clean UTF-8 sequence at p, 0 when there is none. */
static size_t clean_sequence(const unsigned char *p)
{
	size_t length = *p < 0x80                 ? 1
			: *p >= 0xc2 && *p < 0xe0 ? 2
			: *p >= 0xe0 && *p < 0xf0 ? 3
			: *p >= 0xf0 && *p < 0xf5 ? 4
						  : 0;

	if (length == 1)
		return *p >= 0x20 && *p != 0x7f;
	for (size_t i = 1; i < length; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if (length == 3 && ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0)))
		return 0;
	if (length == 4 && ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90)))
		return 0;
	/* C1 controls, encoded as U+0080..U+009F */
	if (length == 2 && p[0] == 0xc2 && p[1] < 0xa0)
		return 0;
	return length;
}

bool text_is_clean(const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p;) {
		size_t length = clean_sequence(p);

		if (!length)
			return false;
		p += length;
	}
	return true;
}

void text_clean(char *text)
{
	for (unsigned char *p = (unsigned char *)text; *p;) {
		size_t length = clean_sequence(p);

		if (!length)
			*p = '?';
		p += length ? length : 1;
	}
}

const char *text_format_bytes(char *into, size_t size, uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 999.5 && unit + 1 < ARRAY_SIZE(units)) {
		value /= 1024;
		unit++;
	}
	snprintf(into, size, unit && value < 99.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return into;
}

const char *text_format_ns(char *into, size_t size, uint64_t ns)
{
	static const char *const units[] = { "ns", "us", "ms", "s" };
	double value = (double)ns;
	size_t unit = 0;

	while (value >= 999.5 && unit + 1 < ARRAY_SIZE(units)) {
		value /= 1000;
		unit++;
	}
	/* %g would write 1e+03 from there on */
	snprintf(into, size, value < 999.5 ? "%.3g %s" : "%.0f %s", value, units[unit]);
	return into;
}
