/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "app/verbs.h"
#include "client/assembly.h"
#include "sink/nanomsg.h"
#include "snapshot_fixture.h"
#include "wire/encode.h"
#include "wire/topic.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* --- chunks and sequence numbers, without a socket ---------------------------------- */

static struct assembly assembly;
static struct wire_encoder *encoder;
static struct messages messages;
static struct fixture fixture;

static int setup(void **state)
{
	assembly = (struct assembly){ 0 };
	fixture_make(600, &fixture);
	return wire_encoder_open(42, &encoder);
}

static int teardown(void **state)
{
	assembly_clear(&assembly);
	wire_encoder_close(encoder);
	messages_clear(&messages);
	fixture_free(&fixture);
	return 0;
}

/* The messages of snapshot `number`, at least three. */
static void encode(uint64_t number)
{
	messages_clear(&messages);
	fixture.snapshot.number = number;
	assert_int_equal(wire_encode(encoder, &fixture.snapshot, messages_keep, &messages), 0);
	assert_true(messages.n >= 3);
}

/* The number of containers when the message completes a snapshot, else 0. */
static size_t add_to(struct assembly *a, const struct message *m)
{
	Edgeprof__V1__Envelope *e;
	size_t n;
	int r = assembly_add(a, m->bytes, m->size, &e);

	assert_true(r >= 0);
	if (r == 0)
		return 0;
	assert_int_equal(e->chunk_index, 0);
	assert_int_equal(e->chunk_count, 1);
	assert_non_null(e->snapshot->node);
	assert_non_null(e->snapshot->self);
	n = e->snapshot->n_containers;
	for (size_t i = 0; i < n; i++)
		assert_int_equal(e->snapshot->containers[i]->key, i + 1);
	edgeprof_envelope_free(e);
	return n;
}

static size_t add(size_t i)
{
	return add_to(&assembly, &messages.items[i]);
}

/* All messages but `skip` (SIZE_MAX: none). */
static size_t add_all(size_t skip)
{
	size_t n = 0;

	for (size_t i = 0; i < messages.n; i++)
		n += i == skip ? 0 : add(i);
	return n;
}

static void test_whole(void **state)
{
	encode(1);
	assert_int_equal(add_all(SIZE_MAX), 600);
	encode(2);
	assert_int_equal(add_all(SIZE_MAX), 600);
	assert_int_equal(assembly.stats.messages, 2 * messages.n);
	assert_int_equal(assembly.stats.lost + assembly.stats.incomplete + assembly.stats.malformed, 0);
}

static void test_lost_chunk(void **state)
{
	for (size_t skip = 0; skip < messages.n || !skip; skip++) {
		encode(skip + 1);
		assert_int_equal(add_all(skip), 0);
	}
	encode(100);
	assert_int_equal(add_all(SIZE_MAX), 600);
	assert_int_equal(assembly.stats.incomplete, messages.n);
	/* Nobody can know what was sent before the first message that came. */
	assert_int_equal(assembly.stats.lost, messages.n - 1);
	for (size_t i = 0; i < ASSEMBLY_PENDING_MAX; i++)
		assert_null(assembly.pending[i].chunks);
}

static void test_duplicated_chunk(void **state)
{
	encode(1);
	assert_int_equal(add(0), 0);
	assert_int_equal(add(0), 0);
	for (size_t i = 1; i < messages.n; i++)
		assert_int_equal(add(i), i + 1 == messages.n ? 600 : 0);
	assert_int_equal(add_all(SIZE_MAX), 0);
	assert_int_equal(assembly.stats.lost, 0);
	assert_int_equal(assembly.stats.incomplete, 0);
}

static void test_reordered_chunks(void **state)
{
	encode(1);
	assert_int_equal(add_all(SIZE_MAX), 600);
	encode(2);
	for (size_t i = messages.n; i-- > 0;)
		assert_int_equal(add(i), i ? 0 : 600);
	assert_int_equal(assembly.stats.lost, 0);
	assert_int_equal(assembly.stats.incomplete, 0);
}

static void test_interleaved_snapshots(void **state)
{
	struct messages first;

	encode(1);
	first = messages;
	messages.n = 0;
	encode(2);
	for (size_t i = 0; i + 1 < first.n; i++) {
		assert_int_equal(add_to(&assembly, &first.items[i]), 0);
		assert_int_equal(add(i), 0);
	}
	assert_int_equal(add_to(&assembly, &first.items[first.n - 1]), 600);
	assert_int_equal(add(messages.n - 1), 600);
	assert_int_equal(assembly.stats.incomplete, 0);
	messages_clear(&first);
}

static void test_bounded(void **state)
{
	for (uint64_t number = 1; number <= 50; number++) {
		encode(number);
		assert_int_equal(add(0), 0);
	}
	assert_int_equal(assembly.stats.incomplete, 50 - ASSEMBLY_PENDING_MAX);
}

static void test_restart(void **state)
{
	encode(1);
	assert_int_equal(add_all(SIZE_MAX), 600);
	encode(2);
	assert_int_equal(add(0), 0);
	wire_encoder_close(encoder);
	assert_int_equal(wire_encoder_open(43, &encoder), 0);
	encode(1);
	assert_int_equal(add_all(SIZE_MAX), 600);
	assert_int_equal(assembly.stats.restarts, 1);
	assert_int_equal(assembly.stats.incomplete, 1);
	assert_int_equal(assembly.stats.lost, 0);
	strcpy(fixture.snapshot.node.boot_id, "another");
	encode(2);
	assert_int_equal(add_all(SIZE_MAX), 600);
	assert_int_equal(assembly.stats.restarts, 2);
}

static void test_malformed(void **state)
{
	Edgeprof__V1__Envelope *e;

	assert_int_equal(assembly_add(&assembly, "", 0, &e), 0);
	assert_int_equal(assembly_add(&assembly, "ep1snap|\xff", 9, &e), 0);
	assert_int_equal(assembly_add(&assembly, "other", 5, &e), 0);
	encode(1);
	for (size_t cut = 0; cut < messages.items[0].size; cut += 997)
		if (assembly_add(&assembly, messages.items[0].bytes, cut, &e) == 1)
			edgeprof_envelope_free(e);
	assert_true(assembly.stats.malformed > 100);
	assert_int_equal(add_all(SIZE_MAX), 600);
}

/* --- over a socket ---------------------------------------------------------------------- */

static char folder[64], path[96], address[128];

static int socket_setup(void **state)
{
	strcpy(folder, "/tmp/edgeprof-client-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/live.ipc", folder);
	snprintf(address, sizeof(address), "ipc://%s", path);
	fixture_make(3, &fixture);
	return 0;
}

static int socket_teardown(void **state)
{
	fixture_free(&fixture);
	unlink(path);
	return rmdir(folder);
}

static struct publisher *publisher_at(void)
{
	char wrong[PUBLISHER_ADDRESS_MAX];
	struct publisher *p = NULL;

	assert_int_equal(publisher_open(address, 0600, NULL, &p, wrong), 0);
	return p;
}

static void publish_until(struct publisher *p, struct edgeprof_subscription *s)
{
	Edgeprof__V1__Envelope *e;
	int r = -1;

	for (int i = 0; i < 200 && r < 0; i++) {
		fixture.snapshot.number++;
		assert_int_equal(publisher_publish(p, &fixture.snapshot), 0);
		r = edgeprof_receive(s, 50, &e);
	}
	assert_int_equal(r, 0);
	assert_int_equal(e->snapshot->n_containers, 3);
	assert_string_equal(e->snapshot->containers[2]->name, "app-3");
	edgeprof_envelope_free(e);
}

static void test_agent_comes_later_and_again(void **state)
{
	struct edgeprof_subscription_stats stats;
	struct edgeprof_subscription *s;
	Edgeprof__V1__Envelope *e;
	struct publisher *p;

	assert_int_equal(edgeprof_subscribe(address, &s), 0);
	assert_true(edgeprof_subscription_fd(s) >= 0);
	assert_int_equal(edgeprof_receive(s, 20, &e), -ETIMEDOUT);
	assert_int_equal(edgeprof_receive(s, 0, &e), -ETIMEDOUT);
	p = publisher_at();
	publish_until(p, s);
	publisher_close(p);
	p = publisher_at();
	publish_until(p, s);
	edgeprof_subscription_stats(s, &stats);
	assert_int_equal(stats.restarts, 1);
	assert_int_equal(stats.malformed, 0);
	assert_true(stats.messages >= 2 && stats.bytes > 1000);
	publisher_close(p);
	edgeprof_unsubscribe(s);
	edgeprof_unsubscribe(NULL);
	edgeprof_envelope_free(NULL);
}

static void on_alarm(int signal)
{
	(void)signal;
}

static void test_signal_interrupts(void **state)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct edgeprof_subscription *s;
	Edgeprof__V1__Envelope *e;

	assert_int_equal(edgeprof_subscribe(address, &s), 0);
	sigaction(SIGALRM, &action, NULL);
	alarm(1);
	assert_int_equal(edgeprof_receive(s, -1, &e), -EINTR);
	edgeprof_unsubscribe(s);
}

static void test_wrong_addresses(void **state)
{
	static const char *const wrong[] = { "", "ipc://", "/run/x", "http://x", "tcp://127.0.0.1:x" };
	struct edgeprof_subscription *s;
	char text[256];

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(edgeprof_subscribe(wrong[i], &s), -EINVAL);
	assert_int_equal(edgeprof_subscribe(NULL, &s), -EINVAL);
	snprintf(text, sizeof(text), "ipc:///%0200d", 0);
	assert_int_equal(edgeprof_subscribe(text, &s), -EINVAL);
}

static void test_no_permission(void **state)
{
	struct edgeprof_subscription *s;
	struct publisher *p;
	int status;
	pid_t child;

	if (geteuid() != 0)
		skip();
	p = publisher_at();
	assert_int_equal(chmod(folder, 0755), 0);
	child = fork();
	if (child == 0)
		_exit(setgid(65534) || setuid(65534)               ? 2
		      : edgeprof_subscribe(address, &s) == -EACCES ? 0
								   : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	publisher_close(p);
}

/* Publishes until the child ends, at most 20 s; returns its wait status. */
static int publish_to_child(pid_t child)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	struct publisher *p = publisher_at();
	int status = -1;

	for (int i = 0; i < 1000 && waitpid(child, &status, WNOHANG) == 0; i++) {
		fixture.snapshot.number++;
		assert_int_equal(publisher_publish(p, &fixture.snapshot), 0);
		nanosleep(&pause, NULL);
	}
	publisher_close(p);
	return status;
}

static size_t read_output(char *into, size_t size)
{
	char name[128];
	ssize_t n;
	int fd;

	snprintf(name, sizeof(name), "%s/out", folder);
	fd = open(name, O_RDONLY);
	assert_true(fd >= 0);
	n = read(fd, into, size - 1);
	close(fd);
	unlink(name);
	assert_true(n >= 0);
	into[n] = '\0';
	return (size_t)n;
}

/* A child whose stdout and stderr go to a file; 0 in the child. */
static pid_t fork_with_output(void)
{
	char name[128];
	pid_t child;
	int fd;

	snprintf(name, sizeof(name), "%s/out", folder);
	child = fork();
	if (child)
		return child;
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	close(fd);
	return 0;
}

static int run_watch(char **argv)
{
	int argc = 0, r;

	while (argv[argc])
		argc++;
	r = verb_watch(argc, argv);
	fflush(stdout);
	return r;
}

static void test_python_subscriber(void **state)
{
	char output[4096];
	pid_t child;

	if (system("/usr/bin/python3 -c 'import google.protobuf' 2>/dev/null && command -v protoc "
		   ">/dev/null") != 0)
		skip();
	child = fork_with_output();
	if (child == 0) {
		execl("/usr/bin/python3", "python3", TEST_SOURCE_DIR "/docs/subscriber.py", "--address",
		      address, "--count", "2", NULL);
		_exit(127);
	}
	assert_int_equal(publish_to_child(child), 0);
	read_output(output, sizeof(output));
	assert_non_null(strstr(output, "app-1"));
	assert_non_null(strstr(output, "app-3"));
}

static void test_watch_table(void **state)
{
	char *argv[] = {
		(char *)"watch", (char *)"--address", address, (char *)"--count", (char *)"2", NULL
	};
	pid_t child = fork_with_output();
	char output[8192];

	if (child == 0)
		_exit(run_watch(argv));
	assert_int_equal(publish_to_child(child), 0);
	read_output(output, sizeof(output));
	assert_non_null(strstr(output, "edge-01"));
	assert_non_null(strstr(output, "app-2"));
	assert_non_null(strstr(output, "lost slot_full 4"));
}

static void test_watch_json(void **state)
{
	char *argv[] = { (char *)"watch",       (char *)"--address", address,
			 (char *)"--count",     (char *)"1",         (char *)"--json",
			 (char *)"--container", (char *)"*-2",       NULL };
	pid_t child = fork_with_output();
	char output[16384];

	if (child == 0)
		_exit(run_watch(argv));
	assert_int_equal(publish_to_child(child), 0);
	assert_int_equal(output[read_output(output, sizeof(output)) - 1], '\n');
	assert_int_equal(output[0], '{');
	assert_non_null(strstr(output, "\"name\":\"app-2\""));
	assert_null(strstr(output, "\"name\":\"app-1\""));
}

static int watch_status(char **argv, char *output, size_t size)
{
	pid_t child = fork_with_output();
	int status;

	if (child == 0)
		_exit(run_watch(argv));
	assert_int_equal(waitpid(child, &status, 0), child);
	read_output(output, size);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_watch_errors(void **state)
{
	char *silent[] = { (char *)"watch",  (char *)"--address", address,
			   (char *)"--wait", (char *)"50ms",      NULL };
	char *wrong[] = { (char *)"watch", (char *)"--address", (char *)"nowhere", NULL };
	char *count[] = { (char *)"watch", (char *)"--count", (char *)"many", NULL };
	char output[2048];

	assert_int_equal(watch_status(silent, output, sizeof(output)), 1);
	assert_non_null(strstr(output, "no agent at"));
	assert_ptr_equal(strchr(output, '\n'), output + strlen(output) - 1);
	assert_int_equal(watch_status(wrong, output, sizeof(output)), 2);
	assert_int_equal(watch_status(count, output, sizeof(output)), 2);
}

static void test_watch_ends_on_sigint(void **state)
{
	char *argv[] = { (char *)"watch", (char *)"--address", address, (char *)"--wait", (char *)"0", NULL };
	const struct timespec pause = { .tv_nsec = 300000000 };
	pid_t child = fork_with_output();
	char output[256];
	int status;

	if (child == 0)
		_exit(run_watch(argv));
	nanosleep(&pause, NULL);
	kill(child, SIGINT);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(read_output(output, sizeof(output)), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define SOCKET_TEST(name) cmocka_unit_test_setup_teardown(name, socket_setup, socket_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_whole),
		TEST(test_lost_chunk),
		TEST(test_duplicated_chunk),
		TEST(test_reordered_chunks),
		TEST(test_interleaved_snapshots),
		TEST(test_bounded),
		TEST(test_restart),
		TEST(test_malformed),
		SOCKET_TEST(test_agent_comes_later_and_again),
		SOCKET_TEST(test_signal_interrupts),
		SOCKET_TEST(test_wrong_addresses),
		SOCKET_TEST(test_no_permission),
		SOCKET_TEST(test_python_subscriber),
		SOCKET_TEST(test_watch_table),
		SOCKET_TEST(test_watch_json),
		SOCKET_TEST(test_watch_errors),
		SOCKET_TEST(test_watch_ends_on_sigint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
