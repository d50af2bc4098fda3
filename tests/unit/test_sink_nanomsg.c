/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/group.h"
#include "sink/nanomsg.h"
#include "snapshot_fixture.h"

#include <edgeprof/client.h>
#include <errno.h>
#include <nanomsg/nn.h>
#include <nanomsg/pubsub.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char folder[64], path[96], address[128], wrong[PUBLISHER_ADDRESS_MAX];

static int setup(void **state)
{
	strcpy(folder, "/tmp/edgeprof-sink-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/live.ipc", folder);
	snprintf(address, sizeof(address), "ipc://%s", path);
	return 0;
}

static int teardown(void **state)
{
	unlink(path);
	return rmdir(folder);
}

static int open_at(const char *addresses, struct publisher **p)
{
	return publisher_open(addresses, 0660, "no-such-group", p, wrong);
}

static struct publisher *open_ok(void)
{
	struct publisher *p = NULL;

	assert_int_equal(open_at(address, &p), 0);
	assert_string_equal(wrong, "");
	return p;
}

/* What an agent leaves behind when it is killed. */
static void leave_stale_socket(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(un.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	close(fd);
}

static void test_mode_and_removal(void **state)
{
	struct publisher *p = open_ok();
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0660);
	publisher_close(p);
	assert_int_equal(lstat(path, &st), -1);
	publisher_close(NULL);
}

static void test_group(void **state)
{
	struct publisher *p;
	struct stat st;
	gid_t gid = 0;

	if (geteuid() != 0 || group_find(GROUP_FILE, "daemon", &gid) < 0)
		skip();
	assert_int_equal(publisher_open(address, 0600, "daemon", &p, wrong), 0);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_gid, gid);
	assert_int_equal(st.st_mode & 07777, 0600);
	publisher_close(p);
}

static void test_stale_socket_is_replaced(void **state)
{
	leave_stale_socket();
	publisher_close(open_ok());
}

static void test_live_agent_is_left_alone(void **state)
{
	struct publisher *p = open_ok(), *second;
	struct stat before, after;

	assert_int_equal(lstat(path, &before), 0);
	assert_int_equal(open_at(address, &second), -EADDRINUSE);
	assert_string_equal(wrong, address);
	assert_int_equal(lstat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	publisher_close(p);
}

static void test_other_files_are_left_alone(void **state)
{
	FILE *file = fopen(path, "w");
	struct publisher *p;
	struct stat st;

	fputs("keep", file);
	fclose(file);
	assert_int_equal(open_at(address, &p), -ENOTSOCK);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_size, 4);
	unlink(path);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_int_equal(open_at(address, &p), -ENOTSOCK);
}

static void test_wrong_addresses(void **state)
{
	char text[512], deep[256] = { 0 };
	struct publisher *p;

	assert_int_equal(open_at("", &p), -EINVAL);
	assert_int_equal(open_at(" , ,", &p), -EINVAL);
	assert_int_equal(open_at("ipc://", &p), -EINVAL);
	assert_int_equal(open_at("/run/x", &p), -EINVAL);
	assert_int_equal(open_at("inproc://x", &p), -EINVAL);
	assert_true(open_at("tcp://127.0.0.1:notaport", &p) < 0);
	snprintf(text, sizeof(text), "%s , ipc://%s/none/live.ipc", address, folder);
	assert_int_equal(open_at(text, &p), -ENOENT);
	assert_string_equal(wrong, strchr(text, ',') + 2);
	/* What was bound before the wrong one is gone again. */
	assert_int_equal(access(path, F_OK), -1);
	memset(deep, 'd', sizeof(deep) - 1);
	snprintf(text, sizeof(text), "ipc:///%s", deep);
	assert_int_equal(open_at(text, &p), -ENAMETOOLONG);
}

static void test_two_addresses(void **state)
{
	struct edgeprof_subscription *s;
	Edgeprof__V1__Envelope *e = NULL;
	char text[256], tcp[64];
	struct publisher *p;
	struct fixture f;
	int r = -EADDRINUSE;

	for (int port = 20000 + getpid() % 10000; r == -EADDRINUSE; port++) {
		snprintf(tcp, sizeof(tcp), "tcp://127.0.0.1:%d", port);
		snprintf(text, sizeof(text), "%s,%s", address, tcp);
		r = open_at(text, &p);
	}
	assert_int_equal(r, 0);
	fixture_make(1, &f);
	assert_int_equal(edgeprof_subscribe(tcp, &s), 0);
	for (int i = 0; i < 100 && !e; i++) {
		assert_int_equal(publisher_publish(p, &f.snapshot), 0);
		edgeprof_receive(s, 50, &e);
	}
	assert_non_null(e);
	edgeprof_envelope_free(e);
	edgeprof_unsubscribe(s);
	publisher_close(p);
	fixture_free(&f);
}

/* A subscriber that connected, subscribed and then never reads. */
static int stalled_subscriber(void)
{
	static const uint8_t hello[8] = { 0, 'S', 'P', 0, 0, NN_SUB, 0, 0 };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(un.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(write(fd, hello, sizeof(hello)), sizeof(hello));
	return fd;
}

static void wait_for_one(struct publisher *p, const struct snapshot *s, struct edgeprof_subscription *sub)
{
	Edgeprof__V1__Envelope *e;
	int r = -1;

	for (int i = 0; i < 100 && r < 0; i++) {
		assert_int_equal(publisher_publish(p, s), 0);
		r = edgeprof_receive(sub, 50, &e);
	}
	assert_int_equal(r, 0);
	edgeprof_envelope_free(e);
}

static void test_stalled_subscriber(void **state)
{
	struct edgeprof_subscription_stats stats;
	struct publisher *p = open_ok();
	struct edgeprof_subscription *good;
	uint64_t slowest_ns = 0;
	struct fixture f;
	int fd = stalled_subscriber(), received = 0;

	fixture_make(50, &f);
	assert_int_equal(edgeprof_subscribe(address, &good), 0);
	wait_for_one(p, &f.snapshot, good);
	for (int i = 0; i < 300; i++) {
		uint64_t start_ns = clock_mono_ns(), took_ns;
		Edgeprof__V1__Envelope *e;

		f.snapshot.number++;
		assert_int_equal(publisher_publish(p, &f.snapshot), 0);
		took_ns = clock_mono_ns() - start_ns;
		slowest_ns = took_ns > slowest_ns ? took_ns : slowest_ns;
		if (edgeprof_receive(good, 2000, &e) == 0) {
			received++;
			edgeprof_envelope_free(e);
		}
	}
	/* 12 MiB went out; nobody waited for the one who does not read. */
	assert_int_equal(received, 300);
	assert_true(slowest_ns < 500000000);
	edgeprof_subscription_stats(good, &stats);
	assert_int_equal(stats.lost, 0);
	edgeprof_unsubscribe(good);
	close(fd);
	publisher_close(p);
	fixture_free(&f);
}

/* A reader that falls behind sees how much it missed. */
static void test_slow_subscriber_sees_the_gap(void **state)
{
	struct edgeprof_subscription_stats stats = { 0 };
	struct publisher *p = open_ok();
	struct edgeprof_subscription *slow;
	Edgeprof__V1__Envelope *e;
	struct fixture f;
	uint64_t whole = 0;

	fixture_make(200, &f);
	assert_int_equal(edgeprof_subscribe(address, &slow), 0);
	wait_for_one(p, &f.snapshot, slow);
	for (int i = 0; i < 400; i++) {
		f.snapshot.number++;
		assert_int_equal(publisher_publish(p, &f.snapshot), 0);
	}
	while (edgeprof_receive(slow, 200, &e) == 0) {
		whole++;
		edgeprof_envelope_free(e);
	}
	f.snapshot.number++;
	wait_for_one(p, &f.snapshot, slow);
	edgeprof_subscription_stats(slow, &stats);
	assert_true(whole < 400);
	assert_true(stats.lost > 0);
	assert_true(whole + stats.lost >= 400);
	edgeprof_unsubscribe(slow);
	publisher_close(p);
	fixture_free(&f);
}

/* Exits 0 when most snapshots came, and each of them whole. */
static void read_big_snapshots(void)
{
	struct edgeprof_subscription *s;
	Edgeprof__V1__Envelope *e;
	int whole = 0;

	if (edgeprof_subscribe(address, &s) < 0)
		_exit(2);
	while (edgeprof_receive(s, 3000, &e) == 0) {
		if (e->snapshot->n_containers != 2000 || !e->snapshot->node || !e->snapshot->self)
			_exit(3);
		whole++;
		if (e->snapshot_number == 20)
			break;
		edgeprof_envelope_free(e);
	}
	_exit(whole >= 5 ? 0 : 4);
}

static void test_big_node(void **state)
{
	const struct timespec pause = { .tv_nsec = 100000000 };
	pid_t child = fork(); /* before nanomsg has threads */
	struct publisher *p;
	struct fixture f;
	int status;

	if (child == 0)
		read_big_snapshots();
	p = open_ok();
	fixture_make(2000, &f);
	for (f.snapshot.number = 1; f.snapshot.number <= 20; f.snapshot.number++) {
		assert_int_equal(publisher_publish(p, &f.snapshot), 0);
		nanosleep(&pause, NULL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	publisher_close(p);
	fixture_free(&f);
}

static void test_stats(void **state)
{
	struct publisher *p = open_ok();
	struct publisher_stats stats;

	assert_int_equal(publisher_send(p, "ep1snap|x", 9), 0);
	publisher_stats(p, &stats);
	assert_int_equal(stats.messages, 1);
	assert_int_equal(stats.bytes, 9);
	assert_int_equal(stats.failed, 0);
	publisher_close(p);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_mode_and_removal),
		TEST(test_group),
		TEST(test_stale_socket_is_replaced),
		TEST(test_live_agent_is_left_alone),
		TEST(test_other_files_are_left_alone),
		TEST(test_wrong_addresses),
		TEST(test_two_addresses),
		TEST(test_stalled_subscriber),
		TEST(test_slow_subscriber_sees_the_gap),
		TEST(test_big_node),
		TEST(test_stats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
