/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the cgroup hierarchies of a node are mounted. */
#include "base/root.h"
#include "base/text.h"
#include "source/cgroup_files.h"
#include "source/cgroup_parse.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#define MOUNTINFO_BYTES_MAX (8u << 20)

/* One hierarchy of *mounts, and how good the mount found so far is. */
struct place {
	const char *controller; /* NULL: unified */
	char *point;            /* char[256] inside struct cgroup_mounts */
	unsigned levels_up;
};

/* A later mount may cover an earlier one: what is listed need not be visible. */
static bool is_visible(const char *root, const char *point)
{
	char path[PATH_MAX];
	_cleanup_close_ int fd = -1;

	if ((size_t)snprintf(path, sizeof(path), "%s/cgroup.procs", point) >= sizeof(path))
		return false;
	fd = root_open(root, path);
	return fd >= 0 || (fd != -ENOENT && fd != -ENOTDIR);
}

static void place_mount(const char *root, const struct cgroup_mount_line *m, struct place *places, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct place *p = &places[i];

		if (m->unified ? p->controller != NULL
			       : !p->controller || !cgroup_list_has(m->options, ",", p->controller))
			continue;
		if ((*p->point && m->levels_up <= p->levels_up) || !is_visible(root, m->point))
			continue;
		text_copy(p->point, sizeof(((struct cgroup_mounts *)0)->unified), m->point);
		p->levels_up = m->levels_up;
	}
}

static int read_mountinfo(const char *root, char **ret)
{
	int r = -ENOENT;

	if (strcmp(root, "/") && *root)
		r = root_read_file(root, "/proc/1/mountinfo", MOUNTINFO_BYTES_MAX, ret, NULL);
	if (r < 0)
		r = root_read_file(root, "/proc/self/mountinfo", MOUNTINFO_BYTES_MAX, ret, NULL);
	return r;
}

static int read_mounts(const char *root, struct cgroup_mounts *mounts)
{
	struct place places[] = {
		{ NULL, mounts->unified, 0 }, { "memory", mounts->memory, 0 },
		{ "cpu", mounts->cpu, 0 },    { "cpuacct", mounts->cpuacct, 0 },
		{ "pids", mounts->pids, 0 },  { "blkio", mounts->io, 0 },
	};
	_cleanup_free_ char *text = NULL;
	struct cgroup_mount_line m;
	char *rest, *line;
	int r;

	r = read_mountinfo(root, &text);
	if (r < 0)
		return r;
	for (rest = text; (line = strsep(&rest, "\n"));)
		if (cgroup_parse_mount(line, &m))
			place_mount(root, &m, places, ARRAY_SIZE(places));
	return 0;
}

static unsigned hierarchy_id(const char *cgroups, const char *membership, const char *controller)
{
	unsigned id = cgroup_parse_hierarchy_id(cgroups, controller);
	char path[PATH_MAX];

	if (!id && cgroup_parse_membership(membership, controller, path, sizeof(path), &id) < 0)
		return 0;
	return id;
}

static void read_hierarchy_ids(const char *root, struct cgroup_mounts *mounts)
{
	_cleanup_free_ char *membership = NULL;
	char cgroups[4096];

	if (root_read_text(root, "/proc/cgroups", cgroups, sizeof(cgroups)) < 0)
		*cgroups = '\0';
	if (root_read_file(root, "/proc/self/cgroup", 128u << 10, &membership, NULL) < 0)
		membership = NULL;
	mounts->memory_id = hierarchy_id(cgroups, membership ? membership : "", "memory");
	mounts->cpuacct_id = hierarchy_id(cgroups, membership ? membership : "", "cpuacct");
	mounts->io_id = hierarchy_id(cgroups, membership ? membership : "", "blkio");
}

static void read_controllers(const char *root, struct cgroup_mounts *mounts)
{
	char path[PATH_MAX], list[1024];

	if (!*mounts->unified)
		return;
	snprintf(path, sizeof(path), "%s/cgroup.controllers", mounts->unified);
	if (root_read_text(root, path, list, sizeof(list)) < 0)
		return;
	mounts->unified_has_memory = cgroup_list_has(list, " \n", "memory");
	mounts->unified_has_cpu = cgroup_list_has(list, " \n", "cpu");
	mounts->unified_has_pids = cgroup_list_has(list, " \n", "pids");
	mounts->unified_has_io = cgroup_list_has(list, " \n", "io");
}

static enum cgroup_layout layout_of(const struct cgroup_mounts *m)
{
	bool v1 = *m->memory || *m->cpu || *m->cpuacct || *m->pids || *m->io;

	if (*m->unified)
		return v1 ? CGROUP_LAYOUT_HYBRID : CGROUP_LAYOUT_V2;
	return v1 ? CGROUP_LAYOUT_V1 : CGROUP_LAYOUT_NONE;
}

int cgroup_mounts_read(const char *root, struct cgroup_mounts *ret)
{
	struct cgroup_mounts mounts = { 0 };
	int r;

	r = read_mounts(root, &mounts);
	if (r < 0)
		return r;
	mounts.layout = layout_of(&mounts);
	if (mounts.layout == CGROUP_LAYOUT_NONE)
		return -ENOENT;
	read_hierarchy_ids(root, &mounts);
	read_controllers(root, &mounts);
	*ret = mounts;
	return 0;
}

const char *cgroup_layout_name(enum cgroup_layout layout)
{
	static const char *const names[] = { "none", "v1", "hybrid", "v2" };

	return (size_t)layout < ARRAY_SIZE(names) ? names[layout] : "none";
}
