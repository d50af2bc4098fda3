/* SPDX-License-Identifier: BSD-2-Clause */
#include "source/process.h"

#include "base/clock.h"
#include "base/root.h"
#include "source/cgroup_parse.h"
#include "source/keyed_text.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

/* /proc/PID/status names every supplementary group: 65536 of them fit. */
#define STATUS_BYTES_MAX (1u << 20)
#define CGROUP_BYTES_MAX (128u << 10)

static uint64_t page_bytes(void)
{
	long size = sysconf(_SC_PAGESIZE);

	return size > 0 ? (uint64_t)size : 4096;
}

int process_self_read(uint64_t *ret_cpu_time_ns, uint64_t *ret_rss_bytes)
{
	const char *resident;
	uint64_t pages;
	char text[256];
	int r;

	r = root_read_text("/", "/proc/self/statm", text, sizeof(text));
	if (r < 0)
		return r;
	resident = strchr(text, ' ');
	if (!resident || !keyed_text_number(resident + 1, &pages, NULL))
		return -EBADMSG;
	*ret_cpu_time_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	*ret_rss_bytes = pages * page_bytes();
	return 0;
}

static int parse_status(const char *text, struct process_memory *ret)
{
	static const char *const keys[] = { "RssAnon", "RssFile", "RssShmem", "VmSwap" };
	uint64_t kib[ARRAY_SIZE(keys)] = { 0 }, kib_per_page = page_bytes() / 1024;

	/* VmSwap is not there on kernels without swap. */
	if ((keyed_text_parse(text, keys, ARRAY_SIZE(keys), kib) & 7) != 7)
		return -ENODATA;
	*ret = (struct process_memory){
		.rss_anon_pages = kib[0] / kib_per_page,
		.rss_file_pages = kib[1] / kib_per_page,
		.rss_shmem_pages = kib[2] / kib_per_page,
		.swap_pages = kib[3] / kib_per_page,
	};
	return 0;
}

static int read_status(const char *root, int tgid, struct process_memory *ret)
{
	_cleanup_free_ char *text = NULL;
	char path[64];
	int r;

	snprintf(path, sizeof(path), "/proc/%d/status", tgid);
	r = root_read_file(root, path, STATUS_BYTES_MAX, &text, NULL);
	return r < 0 ? r : parse_status(text, ret);
}

/* 0 when the name is not a process's. */
static int parse_tgid(const char *name)
{
	uint64_t value;

	if (!keyed_text_number(name, &value, NULL) || value > INT_MAX ||
	    strspn(name, "0123456789") != strlen(name))
		return 0;
	return (int)value;
}

int process_walk(const char *root, process_visit visit, void *data)
{
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *entry;
	int r;

	r = root_opendir(root, "/proc", &dir);
	if (r < 0)
		return r;
	while ((entry = readdir(dir))) {
		int tgid = parse_tgid(entry->d_name);
		struct process_memory memory;

		if (!tgid)
			continue;
		r = read_status(root, tgid, &memory);
		if (r == -ENOMEM)
			return r;
		if (r < 0) /* ended meanwhile, or without an address space */
			continue;
		r = visit(data, tgid, &memory);
		if (r)
			return r;
	}
	return 0;
}

int process_cgroup_path(const char *root, int tgid, const char *hierarchy, char *into, size_t size)
{
	_cleanup_free_ char *text = NULL;
	char path[64];
	int r;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", tgid);
	r = root_read_file(root, path, CGROUP_BYTES_MAX, &text, NULL);
	if (r == -ESRCH) /* ended between opening and reading */
		return -ENOENT;
	return r < 0 ? r : cgroup_parse_membership(text, hierarchy, into, size, NULL);
}
