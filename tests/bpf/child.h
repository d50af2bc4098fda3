/* SPDX-License-Identifier: BSD-2-Clause */
/* Cgroups and processes for tests of the BPF families: a child in a cgroup of
 * its own that works step by step, and the slots it is counted in. */
#ifndef EP_TESTS_BPF_CHILD_H
#define EP_TESTS_BPF_CHILD_H

#include "base/root.h"
#include "source/bpf_kernel.h"
#include "source/bpf_slots.h"
#include "source/cgroup_files.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* --- the node ---------------------------------------------------------------- */

struct node {
	struct cgroup_mounts mounts;
	struct bpf_kernel kernel;
	struct bpf_slots *slots;
	bool v1;
	const char *mount; /* of the hierarchy in use */
};

static inline void node_open(struct node *n)
{
	struct ep_config *c = &n->kernel.config;

	memset(n, 0, sizeof(*n));
	if (geteuid() != 0 || cgroup_mounts_read("/", &n->mounts) < 0)
		skip();
	bpf_kernel_probe(&n->kernel);
	if (!n->kernel.usable)
		skip();
	n->v1 = n->mounts.memory[0] != '\0';
	n->mount = n->v1 ? n->mounts.memory : n->mounts.unified;
	c->cpus = (__u32)libbpf_num_possible_cpus();
	c->slots = 256;
	c->hierarchy = n->v1 ? EP_HIERARCHY_MEMORY : EP_HIERARCHY_UNIFIED;
	c->hierarchy_id = n->v1 ? n->mounts.memory_id : 0;
	assert_int_equal(bpf_slots_open(c, &n->slots), 0);
}

static inline void remove_what_is_left(void);

static inline void node_close(struct node *n)
{
	remove_what_is_left();
	bpf_slots_close(n->slots);
	bpf_kernel_clear(&n->kernel);
}

/* --- cgroups ------------------------------------------------------------------- */

struct test_cgroup {
	char path[512];
	uint64_t id;
};

/* What a failed test leaves behind. */
static struct test_cgroup cgroups_left[8];
static unsigned n_cgroups_left;
static pid_t children_left[8];
static unsigned n_children_left;

static inline void cgroup_write(const struct test_cgroup *g, const char *file, uint64_t value)
{
	char path[2048];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", g->path, file);
	f = fopen(path, "we");
	assert_non_null(f);
	fprintf(f, "%llu", (unsigned long long)value);
	assert_int_equal(fclose(f), 0);
}

/* The number after `key` in one of its files. */
static inline uint64_t cgroup_figure(const struct test_cgroup *g, const char *file, const char *key)
{
	char path[2048], text[4096], *p;

	snprintf(path, sizeof(path), "%s/%s", g->path, file);
	assert_true(root_read_text("", path, text, sizeof(text)) > 0);
	p = strstr(text, key);
	assert_non_null(p);
	return strtoull(p + strlen(key), NULL, 10);
}

static inline void cgroup_make(const struct node *n, const char *name, struct test_cgroup *ret)
{
	struct stat st;

	snprintf(ret->path, sizeof(ret->path), "%s/edgeprof-test-%d-%s", n->mount, getpid(), name);
	assert_int_equal(mkdir(ret->path, 0755), 0);
	assert_int_equal(stat(ret->path, &st), 0);
	ret->id = st.st_ino;
	assert_true(n_cgroups_left < ARRAY_SIZE(cgroups_left));
	cgroups_left[n_cgroups_left++] = *ret;
}

static inline void remove_what_is_left(void)
{
	for (; n_children_left; n_children_left--) {
		kill(children_left[n_children_left - 1], SIGKILL);
		waitpid(children_left[n_children_left - 1], NULL, 0);
	}
	for (; n_cgroups_left; n_cgroups_left--) {
		const struct test_cgroup *g = &cgroups_left[n_cgroups_left - 1];

		for (int i = 0; i < 200 && rmdir(g->path) < 0 && errno == EBUSY; i++)
			usleep(10000);
	}
}

static inline uint32_t slot_of(const struct node *n, uint64_t cgroup_id)
{
	const uint64_t *owners = bpf_slots_owners(n->slots);

	for (uint32_t i = 1; i < bpf_slots_config(n->slots)->slots; i++)
		if (owners[i] == cgroup_id)
			return i;
	return EP_SLOT_OVERFLOW; /* nothing was counted yet */
}

/* --- children -------------------------------------------------------------------- */

struct child {
	pid_t pid;
	int to, from; /* one byte each way per step */
};

/* Runs in the child: says that a step is done and waits to be let on. */
static inline void child_step(const struct child *c)
{
	char byte = '.';

	if (write(c->to, &byte, 1) != 1 || read(c->from, &byte, 1) != 1)
		_exit(100);
}

/* Starts work() in the cgroup; it begins at the first child_go(). */
static inline struct child child_start(const struct test_cgroup *g,
				       void (*work)(const struct child *, void *), void *data)
{
	struct child c = {};
	int down[2], up[2];

	assert_int_equal(pipe(down) | pipe(up), 0);
	c.pid = fork();
	assert_true(c.pid >= 0);
	if (!c.pid) {
		struct child self = { .to = up[1], .from = down[0] };

		close(down[1]);
		close(up[0]);
		child_step(&self);
		work(&self, data);
		_exit(0);
	}
	assert_true(n_children_left < ARRAY_SIZE(children_left));
	children_left[n_children_left++] = c.pid;
	close(down[0]);
	close(up[1]);
	c.to = down[1];
	c.from = up[0];
	cgroup_write(g, "cgroup.procs", (uint64_t)c.pid);
	return c;
}

/* Waits until the child has done its step. */
static inline void child_wait(const struct child *c)
{
	char byte;

	assert_int_equal(read(c->from, &byte, 1), 1);
}

static inline void child_go(const struct child *c)
{
	assert_int_equal(write(c->to, ".", 1), 1);
}

static inline int child_end(struct child *c)
{
	int status;

	assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
	for (unsigned i = 0; i < n_children_left; i++)
		if (children_left[i] == c->pid)
			children_left[i] = children_left[--n_children_left];
	close(c->to);
	close(c->from);
	return status;
}

#endif
