/* SPDX-License-Identifier: BSD-2-Clause */
/* The io family against requests of a known number and size. */
#include "bpf/child.h"
#include "source/io.h"

#include <bpf/bpf.h>
#include <fcntl.h>

#define BLOCK_BYTES 4096
#define BLOCKS 256

struct fixture {
	struct node node;
	struct io_source *io;
	struct family_snapshot state;
};

static const char *door;

static int set_up(void **state)
{
	static struct fixture f;
	int r;

	memset(&f, 0, sizeof(f));
	node_open(&f.node);
	r = io_source_open(&f.node.kernel, f.node.slots, door, &f.state, &f.io);
	if (r < 0)
		print_error("%s: %s\n", door, f.state.reason);
	assert_int_equal(r, 0);
	assert_string_equal(f.state.door, door);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	io_source_close(f->io);
	node_close(&f->node);
	return 0;
}

/* --- direct I/O --------------------------------------------------------------- */

struct job {
	const char *path;
	int blocks; /* how many of them, spread over the file */
};

static int open_direct(const char *path)
{
	int fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);

	if (fd < 0)
		_exit(100);
	return fd;
}

static void direct_io(const struct child *c, void *data)
{
	static char block[BLOCK_BYTES] __attribute__((aligned(BLOCK_BYTES)));
	const struct job *job = data;
	int fd = open_direct(job->path);

	for (int i = 0; i < job->blocks; i++)
		if (pwrite(fd, block, sizeof(block), (off_t)i * BLOCK_BYTES) != BLOCK_BYTES)
			_exit(101);
	child_step(c);
	for (int i = 0; i < job->blocks; i++)
		if (pread(fd, block, sizeof(block), (off_t)i * BLOCK_BYTES) != BLOCK_BYTES)
			_exit(102);
	child_step(c);
	close(fd);
}

/* A file whose blocks are on the disk already: no metadata is read or written
 * while the child works. */
static void make_file(const char *path)
{
	static char block[BLOCK_BYTES];
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	for (int i = 0; i < BLOCKS; i++)
		assert_int_equal(write(fd, block, sizeof(block)), sizeof(block));
	assert_int_equal(fsync(fd), 0);
	close(fd);
	fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (fd < 0)
		skip(); /* a file system in memory */
	close(fd);
}

/* Requests that have ended, but whose end the kernel did not show to BPF: they
 * count when their memory is used again (some hypervisors' guests hide the
 * moments in which their agent was interrupted). */
static void add_unseen(const struct fixture *f, uint32_t slot, struct metrics *m)
{
	int fd = bpf_family_map_fd(io_source_family(f->io), "ep_io_start");
	struct ep_io_start start;
	__u64 key, *previous = NULL;

	for (; !bpf_map_get_next_key(fd, previous, &key); previous = &key) {
		if (bpf_map_lookup_elem(fd, &key, &start) || start.slot != slot || !start.issued_ns ||
		    start.op > 1)
			continue;
		m->value[start.op ? METRIC_io_writes : METRIC_io_reads]++;
		m->value[start.op ? METRIC_io_write_bytes : METRIC_io_read_bytes] += start.bytes;
	}
}

static struct metrics figures(const struct fixture *f, const struct test_cgroup *g)
{
	struct metrics m = {};

	io_source_read(f->io, slot_of(&f->node, g->id), &m);
	add_unseen(f, slot_of(&f->node, g->id), &m);
	return m;
}

static void assert_requests(const struct metrics *m, uint64_t reads, uint64_t writes)
{
	uint64_t timed = 0;

	assert_int_equal(m->value[METRIC_io_reads], reads);
	assert_int_equal(m->value[METRIC_io_writes], writes);
	assert_int_equal(m->value[METRIC_io_read_bytes], reads * BLOCK_BYTES);
	assert_int_equal(m->value[METRIC_io_write_bytes], writes * BLOCK_BYTES);
	for (int i = 0; i < EP_HIST_BUCKETS; i++)
		timed += m->histogram[HISTOGRAM_io_latency_hist][i];
	assert_in_range(timed, 1, reads + writes);
	assert_true(m->value[METRIC_io_time_ns] > timed * 1000);
}

static void counts_each_request(void **state)
{
	struct job job = { TEST_BUILD_DIR "/direct.tmp", BLOCKS };
	struct fixture *f = *state;
	struct test_cgroup g;
	struct metrics m;
	struct child c;

	make_file(job.path);
	cgroup_make(&f->node, "direct", &g);
	c = child_start(&g, direct_io, &job);
	child_wait(&c);
	child_go(&c);
	child_wait(&c);
	m = figures(f, &g);
	assert_requests(&m, 0, BLOCKS);
	child_go(&c);
	child_wait(&c);
	m = figures(f, &g);
	assert_requests(&m, BLOCKS, BLOCKS);
	child_go(&c);
	assert_int_equal(child_end(&c), 0);
	unlink(job.path);
	io_source_clear(f->io, slot_of(&f->node, g.id));
	m = figures(f, &g);
	assert_int_equal(m.value[METRIC_io_reads], 0);
}

/* A scheduler may issue the requests of one from the other's context. */
static void tells_two_cgroups_apart(void **state)
{
	struct job jobs[2] = { { TEST_BUILD_DIR "/first.tmp", BLOCKS },
			       { TEST_BUILD_DIR "/second.tmp", BLOCKS / 2 } };
	struct fixture *f = *state;
	struct test_cgroup g[2];
	struct child c[2];

	for (int i = 0; i < 2; i++) {
		make_file(jobs[i].path);
		cgroup_make(&f->node, i ? "two" : "one", &g[i]);
		c[i] = child_start(&g[i], direct_io, &jobs[i]);
		child_wait(&c[i]);
	}
	for (int step = 0; step < 3; step++) {
		child_go(&c[0]);
		child_go(&c[1]);
		if (step < 2)
			for (int i = 0; i < 2; i++)
				child_wait(&c[i]);
	}
	for (int i = 0; i < 2; i++) {
		struct metrics m;

		assert_int_equal(child_end(&c[i]), 0);
		m = figures(f, &g[i]);
		assert_requests(&m, (uint64_t)jobs[i].blocks, (uint64_t)jobs[i].blocks);
		unlink(jobs[i].path);
	}
}

static void write_and_sync(const struct child *c, void *data)
{
	static char block[64 * 1024];
	int fd = open(data, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	for (int i = 0; i < 64; i++)
		if (write(fd, block, sizeof(block)) != sizeof(block))
			_exit(103);
	if (fsync(fd))
		_exit(104);
	close(fd);
}

/* The data at least; what of the file system's own comes with it may vary. */
static void counts_synced_pages(void **state)
{
	static char path[] = TEST_BUILD_DIR "/synced.tmp";
	struct fixture *f = *state;
	struct test_cgroup g;
	struct metrics m;
	struct child c;

	make_file(path);
	unlink(path); /* whoever wrote to an inode first owns its writeback */
	cgroup_make(&f->node, "synced", &g);
	c = child_start(&g, write_and_sync, path);
	child_wait(&c);
	child_go(&c);
	assert_int_equal(child_end(&c), 0);
	unlink(path);
	m = figures(f, &g);
	assert_in_range(m.value[METRIC_io_write_bytes], 4 << 20, 5 << 20);
	assert_in_range(m.value[METRIC_io_writes], 1, 200);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const char *const doors[] = { "tp_btf", "raw_tp" };
	const struct CMUnitTest tests[] = {
		TEST(counts_each_request),
		TEST(tells_two_cgroups_apart),
		TEST(counts_synced_pages),
	};
	int failed = 0;

	for (size_t i = 0; i < ARRAY_SIZE(doors); i++) {
		door = doors[i];
		failed += cmocka_run_group_tests_name(door, tests, NULL, NULL);
	}
	return failed;
}
