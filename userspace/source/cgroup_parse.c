/* SPDX-License-Identifier: BSD-2-Clause */
#include "source/cgroup_parse.h"

#include "base/cleanup.h"
#include "source/keyed_text.h"

#include <errno.h>
#include <string.h>

/* v1 writes "no limit" as LONG_MAX rounded down to a page. */
#define MEMORY_UNLIMITED_BYTES (1ull << 60)

bool cgroup_parse_number(const char *text, uint64_t *ret)
{
	const char *end;
	uint64_t value;

	if (!keyed_text_number(text + strspn(text, " \t\n"), &value, &end) || end[strspn(end, " \t\n")])
		return false;
	*ret = value;
	return true;
}

bool cgroup_parse_memory_limit(const char *text, uint64_t *ret_bytes)
{
	uint64_t bytes;

	if (!cgroup_parse_number(text, &bytes) || bytes >= MEMORY_UNLIMITED_BYTES)
		return false;
	*ret_bytes = bytes;
	return true;
}

bool cgroup_cpu_limit(uint64_t quota_us, uint64_t period_us, uint64_t *ret_millicores)
{
	uint64_t scaled;

	if (!quota_us || !period_us || __builtin_mul_overflow(quota_us, (uint64_t)1000, &scaled))
		return false;
	*ret_millicores = scaled / period_us;
	return true;
}

bool cgroup_parse_cpu_max(const char *text, uint64_t *ret_millicores)
{
	uint64_t quota_us, period_us;
	const char *end;

	return keyed_text_number(text, &quota_us, &end) && cgroup_parse_number(end, &period_us) &&
	       cgroup_cpu_limit(quota_us, period_us, ret_millicores);
}

static bool us_to_ns(bool has, uint64_t us, uint64_t *ret_ns)
{
	uint64_t ns;

	if (!has || __builtin_mul_overflow(us, (uint64_t)1000, &ns))
		return false;
	*ret_ns = ns;
	return true;
}

void cgroup_parse_cpu_stat(const char *text, struct cgroup_cpu_stat *ret)
{
	static const char *const keys[] = {
		"usage_usec", "nr_periods", "nr_throttled", "throttled_time", "throttled_usec",
	};
	uint64_t values[ARRAY_SIZE(keys)] = { 0 };
	uint32_t found = keyed_text_parse(text, keys, ARRAY_SIZE(keys), values);

	*ret = (struct cgroup_cpu_stat){
		.has_periods = found >> 1 & 1,
		.has_throttled = found >> 2 & 1,
		.has_throttled_ns = found >> 3 & 1, /* v1 counts ns */
		.periods = values[1],
		.throttled = values[2],
		.throttled_ns = values[3],
	};
	ret->has_usage = us_to_ns(found & 1, values[0], &ret->usage_ns);
	if (!ret->has_throttled_ns)
		ret->has_throttled_ns = us_to_ns(found >> 4 & 1, values[4], &ret->throttled_ns);
}

void cgroup_parse_memory_stat(const char *text, bool v1, struct cgroup_memory_stat *ret)
{
	static const char *const unified[CGROUP_MEMORY_KEYS] = {
		"anon", "file", "shmem", "inactive_file", "pgfault", "pgmajfault", "pswpin",
	};
	static const char *const total[CGROUP_MEMORY_KEYS - 1] = {
		"total_rss",           "total_cache",   "total_shmem",
		"total_inactive_file", "total_pgfault", "total_pgmajfault",
	};
	static const char *const own[CGROUP_MEMORY_KEYS - 1] = {
		"rss", "cache", "shmem", "inactive_file", "pgfault", "pgmajfault",
	};

	*ret = (struct cgroup_memory_stat){ 0 };
	if (!v1) {
		ret->present = keyed_text_parse(text, unified, ARRAY_SIZE(unified), ret->value);
		return;
	}
	ret->present = keyed_text_parse(text, total, ARRAY_SIZE(total), ret->value);
	if (!ret->present)
		ret->present = keyed_text_parse(text, own, ARRAY_SIZE(own), ret->value);
}

bool cgroup_parse_oom_kills(const char *text, uint64_t *ret)
{
	static const char *const keys[] = { "oom_kill" };

	return keyed_text_parse(text, keys, 1, ret) == 1;
}

static bool add_figure(const char *text, uint64_t *sum)
{
	uint64_t value;

	return keyed_text_number(text, &value, NULL) && !__builtin_add_overflow(*sum, value, sum);
}

/* Some 5.x kernels write the devices without I/O in front of the next line's
 * figures ("8:16 8:0 rbytes=..."), so this reads words, not lines. */
bool cgroup_parse_io_stat(const char *text, struct cgroup_io *ret)
{
	struct cgroup_io io = { 0 };
	const struct {
		const char *key;
		uint64_t *sum;
	} figures[] = {
		{ "rbytes=", &io.read_bytes },
		{ "wbytes=", &io.write_bytes },
		{ "rios=", &io.reads },
		{ "wios=", &io.writes },
	};

	for (const char *word = text + strspn(text, " \n"); *word;) {
		for (size_t i = 0; i < ARRAY_SIZE(figures); i++) {
			size_t length = strlen(figures[i].key);

			if (!strncmp(word, figures[i].key, length) &&
			    !add_figure(word + length, figures[i].sum))
				return false;
		}
		word += strcspn(word, " \n");
		word += strspn(word, " \n");
	}
	*ret = io;
	return true;
}

/* "8:0 Read 4096"; false only for a damaged figure. */
static bool add_blkio_line(const char *line, uint64_t *read, uint64_t *write)
{
	const char *kind = line + strcspn(line, " \n");

	if (!strncmp(kind, " Read ", 6))
		return add_figure(kind + 6, read);
	if (!strncmp(kind, " Write ", 7))
		return add_figure(kind + 7, write);
	return true;
}

bool cgroup_parse_blkio(const char *text, uint64_t *ret_read, uint64_t *ret_write)
{
	uint64_t read = 0, write = 0;

	for (const char *line = text; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL)
		if (!add_blkio_line(line, &read, &write))
			return false;
	*ret_read = read;
	*ret_write = write;
	return true;
}

static bool pressure_total(const char *text, const char *kind, uint64_t *ret_ns)
{
	const char *line = text, *total, *end;
	uint64_t us;

	while (line && strncmp(line, kind, strlen(kind))) {
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	if (!line)
		return false;
	end = line + strcspn(line, "\n");
	total = strstr(line, " total=");
	if (!total || total >= end || !keyed_text_number(total + 7, &us, NULL))
		return false;
	return us_to_ns(true, us, ret_ns);
}

void cgroup_parse_pressure(const char *text, struct cgroup_pressure *ret)
{
	*ret = (struct cgroup_pressure){ 0 };
	ret->has_some = pressure_total(text, "some ", &ret->some_ns);
	ret->has_full = pressure_total(text, "full ", &ret->full_ns);
}

bool cgroup_list_has(const char *list, const char *separators, const char *word)
{
	size_t length = strlen(word);

	for (const char *p = list; *p;) {
		size_t n = strcspn(p, separators);

		if (n == length && !strncmp(p, word, n))
			return true;
		p += n + (p[n] != '\0');
	}
	return false;
}
