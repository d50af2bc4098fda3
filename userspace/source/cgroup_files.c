/* SPDX-License-Identifier: BSD-2-Clause */
/* The accounting files of one cgroup: which there are, and rereading them. */
#include "source/cgroup_files.h"

#include "base/root.h"
#include "source/cgroup_parse.h"
#include "source/cgroup_rows.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/resource.h>

/* io.stat has a line per device; the other files have at most 3 KiB. */
#define TEXT_BYTES_MAX (32u << 10)

struct file_state {
	int fd;       /* -1: not kept open */
	uint8_t skip; /* readings until a missing file is looked for again */
};

/* A limit: rarely changed, so reread now and then and remembered between. Runtimes
 * write it just after they made the cgroup: the first waits are short. */
struct slow_figure {
	uint64_t value;
	bool present;
	uint8_t skip, skip_next;
};

enum cpu_time_source { CPU_TIME_NOT_CHOSEN, CPU_TIME_V1, CPU_TIME_V2 };

struct cgroup_files {
	const char *root;
	const struct cgroup_mounts *mounts;
	struct file_state files[CGROUP_ROWS];
	struct slow_figure cpu_limit, memory_limit;
	int gone;                      /* the error that said so */
	enum cpu_time_source cpu_time; /* once chosen, the counter must not change its source */
	char path[];                   /* without a slash at its end */
};

/* Files that all cgroups keep open together, and how many they may. */
static unsigned kept_files, kept_files_max;

static int open_in(const struct cgroup_files *f, enum cgroup_place place, const char *name)
{
	const char *mount = cgroup_place_mount(f->mounts, place);
	char path[PATH_MAX];

	if (!*mount)
		return -ENOENT;
	if ((size_t)snprintf(path, sizeof(path), "%s%s/%s", mount, f->path, name) >= sizeof(path))
		return -ENAMETOOLONG;
	return root_open(f->root, path);
}

static bool is_out_of_files(int r)
{
	return r == -EMFILE || r == -ENFILE;
}

static bool exists(const struct cgroup_files *f)
{
	for (enum cgroup_place place = 0; place < CGROUP_PLACE_COUNT; place++) {
		_cleanup_close_ int fd = open_in(f, place, "");

		/* Out of files says nothing about the cgroup. */
		if (fd >= 0 || is_out_of_files(fd))
			return true;
	}
	return false;
}

static void find_kept_files_max(void)
{
	struct rlimit limit;

	kept_files_max = CGROUP_FILES_KEPT_MAX;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur / 2 < kept_files_max)
		kept_files_max = (unsigned)(limit.rlim_cur / 2);
}

static void close_kept(struct file_state *s)
{
	if (s->fd < 0)
		return;
	close(TAKE_FD(s->fd));
	kept_files--;
}

void cgroup_files_close(struct cgroup_files *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < CGROUP_ROWS; i++)
		close_kept(&f->files[i]);
	free(f);
}

static void cleanup_files(struct cgroup_files **f)
{
	cgroup_files_close(*f);
}

int cgroup_files_open(const char *root, const struct cgroup_mounts *mounts, const char *path,
		      struct cgroup_files **ret)
{
	size_t length = strcmp(path, "/") ? strlen(path) : 0;
	_cleanup_(cleanup_files) struct cgroup_files *f = NULL;

	if (*path != '/' || cgroup_list_has(path, "/", "..")) /* "/../x": outside our cgroup namespace */
		return -ENOENT;
	f = calloc(1, sizeof(*f) + length + 1);
	if (!f)
		return -ENOMEM;
	f->root = root;
	f->mounts = mounts;
	memcpy(f->path, path, length);
	for (size_t i = 0; i < CGROUP_ROWS; i++)
		f->files[i].fd = -1;
	if (!exists(f))
		return -ENOENT;
	find_kept_files_max();
	*ret = TAKE_PTR(f);
	return 0;
}

static int read_kept(struct file_state *s, char *text)
{
	int r = fd_read_text(s->fd, text, TEXT_BYTES_MAX);

	if (r >= 0)
		return r;
	close_kept(s);
	s->skip = r == -ENODEV ? 0 : CGROUP_FILES_SLOW_READINGS - 1;
	return r == -ENODEV ? r : -ENODATA;
}

static int open_row(const struct cgroup_files *f, size_t row)
{
	int fd = open_in(f, cgroup_rows[row].place, cgroup_rows[row].name);

	if (fd == -ENOENT && cgroup_rows[row].other_name)
		fd = open_in(f, cgroup_rows[row].place, cgroup_rows[row].other_name);
	return fd;
}

/* Somebody in this process needs the files: keep half as many from now on. */
static void give_way(struct cgroup_files *f)
{
	kept_files_max = kept_files / 2;
	for (size_t i = 0; i < CGROUP_ROWS; i++)
		close_kept(&f->files[i]);
}

/* -ENOENT: not there; -ENODATA: not looked for or not readable now; -ENODEV: the
 * cgroup was removed. */
static int read_row(struct cgroup_files *f, size_t row, char *text)
{
	struct file_state *s = &f->files[row];
	int fd;

	if (s->fd >= 0)
		return read_kept(s, text);
	if (s->skip) {
		s->skip--;
		return -ENODATA;
	}
	fd = open_row(f, row);
	if (is_out_of_files(fd)) {
		give_way(f);
		fd = open_row(f, row);
	}
	if (fd < 0) {
		s->skip = is_out_of_files(fd) ? 0 : CGROUP_FILES_SLOW_READINGS - 1;
		return fd == -ENOENT ? fd : -ENODATA;
	}
	s->fd = fd;
	kept_files++;
	return read_kept(s, text);
}

/* The groups of `what` that this row has to serve. */
static unsigned wanted(const struct cgroup_files *f, size_t row, unsigned what, const struct metrics *m)
{
	what &= cgroup_rows[row].what;
	if (!*cgroup_place_mount(f->mounts, cgroup_rows[row].place))
		return 0;
	if (row == CGROUP_ROW_CPUACCT && f->cpu_time == CPU_TIME_V2)
		return 0;
	if (row != CGROUP_ROW_CPU_STAT_V2)
		return what;
	if (f->cpu_time == CPU_TIME_V1 || metrics_has(m, METRIC_cpu_time_ns))
		what &= ~(unsigned)CGROUP_READ_CPU_TIME;
	return f->mounts->unified_has_cpu ? what : what & CGROUP_READ_CPU_TIME;
}

static void choose_cpu_time(struct cgroup_files *f, size_t row, const struct metrics *m)
{
	if (f->cpu_time == CPU_TIME_NOT_CHOSEN && metrics_has(m, METRIC_cpu_time_ns))
		f->cpu_time = row == CGROUP_ROW_CPUACCT ? CPU_TIME_V1 : CPU_TIME_V2;
}

/* -ENOENT when files were looked for and nothing is left of the cgroup. */
static int read_rows(struct cgroup_files *f, unsigned what, struct metrics *m)
{
	bool any_missing = false, any_read = false;
	char text[TEXT_BYTES_MAX];

	for (size_t row = 0; row < CGROUP_ROWS; row++) {
		unsigned groups = wanted(f, row, what, m);
		int r;

		if (!groups)
			continue;
		r = read_row(f, row, text);
		if (r == -ENODEV)
			return r;
		if (f->files[row].fd >= 0 && kept_files > kept_files_max)
			close_kept(&f->files[row]);
		any_missing |= r == -ENOENT;
		if (r < 0)
			continue;
		cgroup_row_apply(&cgroup_rows[row], text, groups, m);
		choose_cpu_time(f, row, m);
		any_read = true;
	}
	return any_missing && !any_read && !exists(f) ? -ENOENT : 0;
}

static int read_small(const struct cgroup_files *f, enum cgroup_place place, const char *name, char *text,
		      size_t size)
{
	_cleanup_close_ int fd = open_in(f, place, name);

	return fd < 0 ? fd : fd_read_text(fd, text, size);
}

static bool read_cpu_limit(const struct cgroup_files *f, uint64_t *ret_millicores)
{
	char quota[64], period[64];
	uint64_t quota_us, period_us;

	if (read_small(f, CGROUP_PLACE_V2_CPU, "cpu.max", quota, sizeof(quota)) >= 0)
		return cgroup_parse_cpu_max(quota, ret_millicores);
	return read_small(f, CGROUP_PLACE_V1_CPU, "cpu.cfs_quota_us", quota, sizeof(quota)) >= 0 &&
	       read_small(f, CGROUP_PLACE_V1_CPU, "cpu.cfs_period_us", period, sizeof(period)) >= 0 &&
	       cgroup_parse_number(quota, &quota_us) && cgroup_parse_number(period, &period_us) &&
	       cgroup_cpu_limit(quota_us, period_us, ret_millicores);
}

static bool read_memory_limit(const struct cgroup_files *f, uint64_t *ret_bytes)
{
	char text[64];

	if (read_small(f, CGROUP_PLACE_V2_MEMORY, "memory.max", text, sizeof(text)) < 0 &&
	    read_small(f, CGROUP_PLACE_V1_MEMORY, "memory.limit_in_bytes", text, sizeof(text)) < 0)
		return false;
	return cgroup_parse_memory_limit(text, ret_bytes);
}

static void read_slow(struct cgroup_files *f, struct slow_figure *s,
		      bool (*read)(const struct cgroup_files *, uint64_t *), enum metric_id id,
		      struct metrics *m)
{
	if (s->skip) {
		s->skip--;
	} else {
		s->present = read(f, &s->value);
		s->skip = s->skip_next;
		s->skip_next = s->skip_next < CGROUP_FILES_SLOW_READINGS / 2 ? 2 * s->skip_next + 1
									     : CGROUP_FILES_SLOW_READINGS - 1;
	}
	if (s->present)
		metrics_set(m, id, s->value);
}

static void copy_present(struct metrics *into, const struct metrics *from)
{
	for (uint64_t bits = from->present; bits; bits &= bits - 1) {
		enum metric_id id = (enum metric_id)__builtin_ctzll(bits);

		metrics_set(into, id, from->value[id]);
	}
}

int cgroup_files_read(struct cgroup_files *f, unsigned what, struct metrics *m)
{
	struct metrics fresh;

	if (f->gone)
		return f->gone;
	fresh.present = 0;
	f->gone = read_rows(f, what, &fresh);
	if (!f->gone && what & CGROUP_READ_THROTTLING)
		read_slow(f, &f->cpu_limit, read_cpu_limit, METRIC_cpu_limit_millicores, &fresh);
	if (!f->gone && what & CGROUP_READ_MEMORY)
		read_slow(f, &f->memory_limit, read_memory_limit, METRIC_memory_limit_bytes, &fresh);
	copy_present(m, &fresh);
	return f->gone;
}
