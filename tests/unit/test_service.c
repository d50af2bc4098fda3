/* SPDX-License-Identifier: BSD-2-Clause */
/* One instance, a manager that is told, a loop that keeps its time. */
#include "base/clock.h"
#include "base/event_loop.h"
#include "base/service.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

static char dir[64];

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/edgeprof-service-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char path[96];

	(void)state;
	snprintf(path, sizeof(path), "%s/agent.lock", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/notify", dir);
	unlink(path);
	return rmdir(dir);
}

static void second_instance_is_refused_with_the_pid(void **state)
{
	pid_t owner = -1;
	int status, first = service_lock(dir, &owner);
	pid_t child;

	(void)state;
	assert_true(first >= 0);
	child = fork();
	if (!child) {
		int r = service_lock(dir, &owner);

		_exit(r == -EWOULDBLOCK && owner == getppid() ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(first);
	first = service_lock(dir, &owner); /* given back with the descriptor */
	assert_true(first >= 0);
	close(first);
}

static void lock_needs_a_folder_it_may_write(void **state)
{
	pid_t owner;

	(void)state;
	assert_int_equal(service_lock("/proc/self/nowhere", &owner), -ENOENT);
}

static void manager_is_told(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char text[32] = "";
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)state;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	setenv("NOTIFY_SOCKET", address.sun_path, 1);
	assert_int_equal(service_notify("READY=1"), 0);
	assert_int_equal(recv(fd, text, sizeof(text) - 1, 0), 7);
	assert_string_equal(text, "READY=1");
	close(fd);
	assert_int_equal(service_notify("READY=1"), -ECONNREFUSED);
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(service_notify("READY=1"), 0);
}

static void watchdog_is_half_the_patience(void **state)
{
	char pid[16];

	(void)state;
	setenv("WATCHDOG_USEC", "3000000", 1);
	unsetenv("WATCHDOG_PID");
	assert_int_equal(service_watchdog_interval_ns(), 1500000000);
	setenv("WATCHDOG_PID", "1", 1);
	assert_int_equal(service_watchdog_interval_ns(), 0);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	assert_int_equal(service_watchdog_interval_ns(), 1500000000);
	setenv("WATCHDOG_USEC", "soon", 1);
	assert_int_equal(service_watchdog_interval_ns(), 0);
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

struct ticks {
	struct event_loop *loop;
	uint64_t passed;
	int calls, signals;
};

static int on_tick(void *data, uint64_t passed)
{
	struct ticks *t = data;

	t->passed += passed;
	if (++t->calls == 2)
		usleep(55000); /* a slow reading: the next tick tells of what was missed */
	if (t->calls == 4)
		kill(getpid(), SIGUSR1);
	return 0;
}

static int on_signal(void *data, int signal)
{
	struct ticks *t = data;

	assert_int_equal(signal, SIGUSR1);
	t->signals++;
	event_loop_stop(t->loop);
	return 0;
}

static void loop_counts_missed_ticks(void **state)
{
	static const int signals[] = { SIGUSR1, 0 };
	struct ticks t = {};
	uint64_t began = clock_mono_ns();

	(void)state;
	assert_int_equal(event_loop_open(&t.loop), 0);
	assert_int_equal(event_loop_add_signals(t.loop, signals, on_signal, &t), 0);
	assert_int_equal(event_loop_add_timer(t.loop, 10000000, on_tick, &t), 0);
	assert_int_equal(event_loop_run(t.loop), 0);
	event_loop_close(t.loop);
	assert_int_equal(t.signals, 1);
	assert_true(t.passed >= 8);
	assert_true(t.passed <= (clock_mono_ns() - began) / 10000000);
}

static int fail_at_once(void *data, uint64_t passed)
{
	(void)data;
	(void)passed;
	return -EIO;
}

static void a_callback_that_fails_ends_the_loop(void **state)
{
	struct event_loop *loop;

	(void)state;
	assert_int_equal(event_loop_open(&loop), 0);
	assert_int_equal(event_loop_add_timer(loop, 1000000, fail_at_once, NULL), 0);
	assert_int_equal(event_loop_run(loop), -EIO);
	event_loop_close(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(second_instance_is_refused_with_the_pid),
		cmocka_unit_test(lock_needs_a_folder_it_may_write),
		cmocka_unit_test(manager_is_told),
		cmocka_unit_test(watchdog_is_half_the_patience),
		cmocka_unit_test(loop_counts_missed_ticks),
		cmocka_unit_test(a_callback_that_fails_ends_the_loop),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
