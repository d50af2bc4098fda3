/* SPDX-License-Identifier: BSD-2-Clause */
#include "source/node.h"

#include "base/root.h"
#include "base/text.h"
#include "source/cgroup_files.h"
#include "source/keyed_text.h"

#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#define CPUS_MAX 65536

static bool parse_range(const char **text, uint64_t *ret_first, uint64_t *ret_last)
{
	char *end;

	if (**text < '0' || **text > '9')
		return false;
	*ret_first = *ret_last = strtoull(*text, &end, 10);
	if (*end == '-') {
		if (end[1] < '0' || end[1] > '9')
			return false;
		*ret_last = strtoull(end + 1, &end, 10);
	}
	*text = end;
	return *ret_first <= *ret_last && *ret_last < CPUS_MAX;
}

uint32_t node_count_cpus(const char *list)
{
	uint64_t first, last, count = 0;

	for (const char *p = list;; p++) {
		if (!parse_range(&p, &first, &last))
			return 0;
		count += last - first + 1;
		if (*p != ',' || count > CPUS_MAX)
			return (*p == '\0' || *p == '\n') && count <= CPUS_MAX ? (uint32_t)count : 0;
	}
}

static uint32_t read_online_cpus(const char *root)
{
	char list[4096];
	uint32_t count = 0;
	long n;

	if (root_read_text(root, "/sys/devices/system/cpu/online", list, sizeof(list)) >= 0)
		count = node_count_cpus(list);
	if (count)
		return count;
	n = sysconf(_SC_NPROCESSORS_ONLN);
	return n > 0 ? (uint32_t)n : 1;
}

static bool kib_to_bytes(uint64_t kib, uint64_t *ret)
{
	return !__builtin_mul_overflow(kib, (uint64_t)1024, ret);
}

static int read_memory(const char *root, struct node_snapshot *node)
{
	static const char *const keys[] = { "MemTotal", "MemAvailable" };
	uint64_t kib[ARRAY_SIZE(keys)] = { 0 }, total;
	char text[8192];
	uint32_t found;
	int r;

	node->has_memory_available = false;
	r = root_read_text(root, "/proc/meminfo", text, sizeof(text));
	if (r < 0)
		return r;
	found = keyed_text_parse(text, keys, ARRAY_SIZE(keys), kib);
	if (!(found & 1) || !kib_to_bytes(kib[0], &total))
		return -EBADMSG;
	node->memory_total_bytes = total;
	node->has_memory_available = found & 2 && kib_to_bytes(kib[1], &node->memory_available_bytes);
	return 0;
}

int node_refresh(const char *root, struct node_snapshot *node)
{
	node->cpus = read_online_cpus(root);
	return read_memory(root, node);
}

static void read_boot_id(const char *root, struct node_snapshot *node)
{
	char text[64];

	if (root_read_text(root, "/proc/sys/kernel/random/boot_id", text, sizeof(text)) < 0)
		return;
	text[strcspn(text, "\n")] = '\0';
	text_clean(text);
	text_copy(node->boot_id, sizeof(node->boot_id), text);
}

static void read_uts(struct node_snapshot *node)
{
	struct utsname uts;

	if (uname(&uts) < 0)
		return;
	text_copy(node->name, sizeof(node->name), uts.nodename);
	text_copy(node->machine, sizeof(node->machine), uts.machine);
	text_copy(node->kernel, sizeof(node->kernel), uts.release);
	text_clean(node->name);
}

int node_read(const char *root, struct node_snapshot *ret)
{
	struct node_snapshot node = { 0 };
	struct cgroup_mounts mounts = { 0 };
	int r;

	r = node_refresh(root, &node);
	if (r < 0)
		return r;
	read_uts(&node);
	read_boot_id(root, &node);
	if (cgroup_mounts_read(root, &mounts) < 0)
		mounts.layout = CGROUP_LAYOUT_NONE;
	text_copy(node.cgroup_layout, sizeof(node.cgroup_layout), cgroup_layout_name(mounts.layout));
	*ret = node;
	return 0;
}
