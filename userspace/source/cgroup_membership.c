/* SPDX-License-Identifier: BSD-2-Clause */
/* Where hierarchies are mounted and which cgroup a process is in, as text. */
#include "base/text.h"
#include "source/cgroup_parse.h"
#include "source/keyed_text.h"

#include <errno.h>
#include <string.h>

/* The n-th blank-separated field of a line, "" when there are fewer. */
static const char *field(const char *line, unsigned n)
{
	const char *p = line;

	while (n--) {
		p += strcspn(p, " ");
		p += *p == ' ';
	}
	return p;
}

static bool is_octal(const char *p)
{
	for (unsigned i = 0; i < 3; i++)
		if (p[i] < '0' || p[i] > '7')
			return false;
	return p[0] <= '3';
}

/* mountinfo writes blanks and backslashes in paths as \ooo. */
static bool copy_unescaped(const char *from, char *into, size_t size)
{
	size_t n = 0;

	while (*from && *from != ' ') {
		if (n + 1 >= size)
			return false;
		if (*from == '\\' && is_octal(from + 1)) {
			into[n++] = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			into[n++] = *from++;
		}
	}
	into[n] = '\0';
	return n > 0;
}

/* "/" is the hierarchy as our cgroup namespace sees it, "/.." and so on one
 * that was mounted further up; anything else is a subtree. */
static bool root_levels_up(const char *root, unsigned *ret)
{
	unsigned levels = 0;
	const char *p = root;

	if (!strncmp(root, "/ ", 2)) {
		*ret = 0;
		return true;
	}
	for (; !strncmp(p, "/..", 3); p += 3)
		levels++;
	if (!levels || *p != ' ')
		return false;
	*ret = levels;
	return true;
}

bool cgroup_parse_mount(const char *line, struct cgroup_mount_line *ret)
{
	const char *type = strstr(line, " - ");
	struct cgroup_mount_line m = { 0 };

	if (!type)
		return false;
	type += 3;
	m.unified = text_starts_with(type, "cgroup2 ");
	if (!m.unified && !text_starts_with(type, "cgroup "))
		return false;
	m.options = field(type, 2);
	if (!root_levels_up(field(line, 3), &m.levels_up))
		return false;
	if (!copy_unescaped(field(line, 4), m.point, sizeof(m.point)) || *m.point != '/')
		return false;
	*ret = m;
	return true;
}

unsigned cgroup_parse_hierarchy_id(const char *text, const char *controller)
{
	uint64_t id = 0;

	if (keyed_text_parse(text, &controller, 1, &id) != 1 || id > UINT32_MAX)
		return 0;
	return (unsigned)id;
}

/* One line "4:memory:/path", whose path may hold colons itself. */
static const char *membership_path(const char *line, size_t length, const char *hierarchy, unsigned *ret_id)
{
	const char *first = memchr(line, ':', length), *second;
	char names[128];
	size_t n;
	unsigned long long id;

	if (!first)
		return NULL;
	second = memchr(first + 1, ':', length - (size_t)(first + 1 - line));
	if (!second || second[1] != '/')
		return NULL;
	n = (size_t)(second - first - 1);
	if (n >= sizeof(names))
		return NULL;
	memcpy(names, first + 1, n);
	names[n] = '\0';
	id = strtoull(line, NULL, 10);
	/* Only id 0 without names is the unified one: an old "none" mount has no name either. */
	if (*hierarchy ? !cgroup_list_has(names, ",", hierarchy) : id || n)
		return NULL;
	*ret_id = id > UINT32_MAX ? 0 : (unsigned)id;
	return second + 1;
}

static int copy_path(const char *path, size_t length, char *into, size_t size)
{
	static const char deleted[] = " (deleted)";
	const size_t n = sizeof(deleted) - 1;

	if (length > n && !strncmp(path + length - n, deleted, n))
		length -= n;
	if (length >= size)
		return -ENAMETOOLONG;
	memcpy(into, path, length);
	into[length] = '\0';
	return 0;
}

int cgroup_parse_membership(const char *text, const char *hierarchy, char *into, size_t size,
			    unsigned *ret_id)
{
	for (const char *line = text; *line;) {
		size_t length = strcspn(line, "\n");
		unsigned id;
		const char *path = membership_path(line, length, hierarchy, &id);

		if (path) {
			int r = copy_path(path, length - (size_t)(path - line), into, size);

			if (!r && ret_id)
				*ret_id = id;
			return r;
		}
		line += length + (line[length] == '\n');
	}
	return -ENOENT;
}
