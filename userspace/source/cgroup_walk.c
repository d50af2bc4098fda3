/* SPDX-License-Identifier: BSD-2-Clause */
/* The tree of cgroups of one hierarchy. */
#include "base/root.h"
#include "base/text.h"
#include "source/cgroup_files.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

/* A bound on what one walk holds, far above what a node runs. Whoever may make
 * cgroups could reach it: what does not fit is left out, the rest is visited. */
#define PENDING_MAX 65536

/* Paths still to visit, the last one first: one directory is open at a time
 * however deep the tree is. */
struct pending {
	char **paths;
	size_t n, capacity;
	bool incomplete;
};

static void pending_clear(struct pending *p)
{
	while (p->n)
		free(p->paths[--p->n]);
	free(p->paths);
}

static int pending_push(struct pending *p, const char *parent, const char *name)
{
	char *path;

	if (p->n >= PENDING_MAX) {
		p->incomplete = true;
		return 0;
	}
	if (p->n == p->capacity) {
		size_t capacity = p->capacity ? p->capacity * 2 : 64;
		char **paths = realloc(p->paths, capacity * sizeof(*paths));

		if (!paths)
			return -ENOMEM;
		p->paths = paths;
		p->capacity = capacity;
	}
	if (asprintf(&path, "%s/%s", strcmp(parent, "/") ? parent : "", name) < 0)
		return -ENOMEM;
	p->paths[p->n++] = path;
	return 0;
}

static int push_children(DIR *dir, const char *path, struct pending *pending)
{
	struct dirent *entry;

	while ((entry = readdir(dir))) {
		int r;

		if (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN)
			continue;
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		r = pending_push(pending, path, entry->d_name);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Removed meanwhile, or not a directory after all. */
static bool is_gone(int r)
{
	return r == -ENOENT || r == -ENODEV || r == -ENOTDIR;
}

/* There, but not for us: too deep to be named, not ours to read, no descriptor left. */
static bool is_out_of_reach(int r)
{
	return r == -ENAMETOOLONG || r == -EACCES || r == -EMFILE || r == -ENFILE;
}

static int open_cgroup(const char *root, const char *mount, const char *path, DIR **ret)
{
	char full[PATH_MAX];

	if ((size_t)snprintf(full, sizeof(full), "%s%s", mount, path) >= sizeof(full))
		return -ENAMETOOLONG;
	return root_opendir(root, full, ret);
}

static int visit_one(const char *root, const char *mount, const char *path, struct pending *pending,
		     cgroup_visit visit, void *data)
{
	_cleanup_closedir_ DIR *dir = NULL;
	struct stat st;
	int r;

	r = open_cgroup(root, mount, path, &dir);
	if (r < 0 && strcmp(path, "/") && is_out_of_reach(r))
		pending->incomplete = true;
	if (r < 0)
		return strcmp(path, "/") && (is_gone(r) || is_out_of_reach(r)) ? 0 : r;
	if (fstat(dirfd(dir), &st) < 0)
		return -errno;
	/* kernfs: the inode number is the cgroup's id where ino_t has 64 bits */
	r = visit(data, path, (uint64_t)st.st_ino);
	return r ? r : push_children(dir, path, pending);
}

int cgroup_walk(const char *root, const char *mount, cgroup_visit visit, void *data)
{
	_cleanup_(pending_clear) struct pending pending = { 0 };
	int r;

	r = visit_one(root, mount, "/", &pending, visit, data);
	while (!r && pending.n) {
		_cleanup_free_ char *path = pending.paths[--pending.n];

		r = visit_one(root, mount, path, &pending, visit, data);
	}
	return !r && pending.incomplete ? -E2BIG : r;
}

static int has_lines(const char *root, const char *mount, const char *path, const char *file)
{
	_cleanup_close_ int fd = -1;
	char full[PATH_MAX], byte;
	ssize_t n;

	if ((size_t)snprintf(full, sizeof(full), "%s%s/%s", mount, strcmp(path, "/") ? path : "", file) >=
	    sizeof(full))
		return -ENAMETOOLONG;
	fd = root_open(root, full);
	if (fd < 0)
		return fd;
	do
		n = pread(fd, &byte, 1, 0);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n > 0;
}

int cgroup_has_processes(const char *root, const char *mount, const char *path)
{
	int r = has_lines(root, mount, path, "cgroup.procs");

	/* v2 refuses the processes of a threaded cgroup, not its threads. */
	return r == -EOPNOTSUPP ? has_lines(root, mount, path, "cgroup.threads") : r;
}
