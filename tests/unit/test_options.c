/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of keys, the configuration file and the command line. */
#include "app/options.h"

#include "base/root.h"
#include "base/text.h"
#include "source/identity.h"

#include <edgeprof/client.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

/* What goes to a descriptor while a test runs. */
struct capture {
	int fd, kept;
	FILE *file;
	char text[16384];
};

static void capture_begin(struct capture *c, int fd)
{
	fflush(NULL);
	c->fd = fd;
	c->kept = dup(fd);
	c->file = tmpfile();
	assert_non_null(c->file);
	assert_true(dup2(fileno(c->file), fd) >= 0);
}

static const char *capture_end(struct capture *c)
{
	size_t n;

	fflush(NULL);
	rewind(c->file);
	n = fread(c->text, 1, sizeof(c->text) - 1, c->file);
	c->text[n] = '\0';
	dup2(c->kept, c->fd);
	close(c->kept);
	fclose(c->file);
	return c->text;
}

static int read_text(const char *text, size_t size, struct config *config, struct capture *c)
{
	FILE *file = size ? fmemopen((void *)text, size, "r") : fopen("/dev/null", "r");
	int r;

	assert_non_null(file);
	capture_begin(c, STDERR_FILENO);
	r = options_read_stream(file, "f.conf", config);
	capture_end(c);
	fclose(file);
	return r;
}

/* One line, which begins with `begin` and has `what` in it. */
static void assert_one_line(const char *text, const char *begin, const char *what)
{
	const char *end = strchr(text, '\n');

	if (!end || end[1] || !text_starts_with(text, begin) || !strstr(text, what))
		fail_msg("got \"%s\", wanted one line that begins with \"%s\" and has \"%s\"", text, begin,
			 what);
}

static void test_defaults_are_those_of_the_table(void **state)
{
	struct config config;

	(void)state;
	memset(&config, 0, sizeof(config));
	for (size_t i = 0; i < option_rows_count; i++)
		assert_int_equal(option_set(&option_rows[i], option_rows[i].fallback, &config), 0);
	assert_memory_equal(&config, &config_defaults, sizeof(config));
	assert_true(option_rows_count <= OPTION_ROWS_MAX);
	assert_string_equal(config_defaults.publish, EDGEPROF_DEFAULT_ADDRESS);
	assert_string_equal(config_defaults.docker_roots, identity_default_paths.docker_roots);
	assert_string_equal(config_defaults.containerd_states, identity_default_paths.containerd_states);
	assert_string_equal(config_defaults.podman_roots, identity_default_paths.podman_roots);
	assert_string_equal(config_defaults.crio_roots, identity_default_paths.crio_roots);
}

static void assert_described(const char *path, const char *before, const char *key, const char *after)
{
	char wanted[128], *text;

	assert_int_equal(root_read_file(TEST_SOURCE_DIR, path, 1 << 20, &text, NULL), 0);
	snprintf(wanted, sizeof(wanted), "%s%s%s", before, key, after);
	if (!strstr(text, wanted))
		fail_msg("%s does not have \"%s\"", path, wanted);
	free(text);
}

static void test_every_key_is_described(void **state)
{
	(void)state;
	for (size_t i = 0; i < option_rows_count; i++) {
		const struct option_row *row = &option_rows[i];
		char value[1024];

		assert_described("man/edgeprof.conf.5", ".It Cm ", row->key, " ");
		assert_described("packaging/edgeprof.bash-completion", "--", row->key, "");
		snprintf(value, sizeof(value), " = %s\n", row->fallback);
		assert_described("packaging/edgeprof.conf", "\n#", row->key, value);
	}
}

static const struct {
	const char *key, *value;
} good[] = {
	{ "interval", "100ms" },
	{ "interval", "60" },
	{ "interval", "1min" },
	{ "interval", "2.5s" },
	{ "publish", "none" },
	{ "publish", "ipc:///a" },
	{ "publish", "tcp://*:5555" },
	{ "publish", "tcp://[::1]:1" },
	{ "publish", "ipc:///a, tcp://127.0.0.1:65535" },
	{ "root", "/mnt/node" },
	{ "run-dir", "/tmp/x" },
	{ "btf", "/data/btf" },
	{ "group", "a_b-c.9" },
	{ "socket-mode", "666" },
	{ "socket-mode", "0600" },
	{ "hierarchy", "cpuacct" },
	{ "slots", "0" },
	{ "slots", "2" },
	{ "slots", "16384" },
	{ "families", "none" },
	{ "families", "io,cpu" },
	{ "families", "cpu, mem" },
	{ "run-queue", "no" },
	{ "door", "raw_tp" },
	{ "self-metering", "off" },
	{ "log-level", "debug" },
	{ "docker-roots", "none" },
	{ "docker-roots", "/a:/b" },
	{ "containerd-states", "/a" },
	{ "podman-roots", "/a" },
	{ "crio-roots", "/a" },
};

static const struct {
	const char *key, *value;
} bad[] = {
	{ "interval", "" },
	{ "interval", "99ms" },
	{ "interval", "61s" },
	{ "interval", "1 s" },
	{ "interval", "-1s" },
	{ "interval", "nan" },
	{ "interval", "1e3" },
	{ "interval", "1e999" },
	{ "publish", "" },
	{ "publish", "/run/x" },
	{ "publish", "ipc://x" },
	{ "publish", "ipc:///" },
	{ "publish", "ipc:///a," },
	{ "publish", ",ipc:///a" },
	{ "publish", "ipc:///a b" },
	{ "publish", "tcp://" },
	{ "publish", "tcp://h" },
	{ "publish", "tcp://:1" },
	{ "publish", "tcp://h:0" },
	{ "publish", "tcp://h:65536" },
	{ "publish", "tcp://h:1x" },
	{ "publish", "http://h:1" },
	{ "publish", "none,ipc:///a" },
	{ "root", "" },
	{ "root", "mnt" },
	{ "root", "/a\x1b[2J" },
	{ "run-dir", "x" },
	{ "btf", "x.btf" },
	{ "group", "" },
	{ "group", "-x" },
	{ "group", "a b" },
	{ "socket-mode", "" },
	{ "socket-mode", "0689" },
	{ "socket-mode", "1777" },
	{ "socket-mode", "60" },
	{ "socket-mode", "00660" },
	{ "hierarchy", "" },
	{ "hierarchy", "AUTO" },
	{ "hierarchy", "freezer" },
	{ "slots", "" },
	{ "slots", "1" },
	{ "slots", "16385" },
	{ "slots", "-1" },
	{ "slots", "0x10" },
	{ "slots", "99999999999999999999" },
	{ "families", "" },
	{ "families", "gpu" },
	{ "families", "cpu,cpu" },
	{ "families", "cpu," },
	{ "families", "none,cpu" },
	{ "run-queue", "" },
	{ "run-queue", "maybe" },
	{ "door", "kprobe" },
	{ "self-metering", "yes" },
	{ "log-level", "loud" },
	{ "docker-roots", "" },
	{ "docker-roots", "a" },
	{ "docker-roots", "/a:" },
	{ "containerd-states", "/a:b" },
	{ "podman-roots", ":/a" },
	{ "crio-roots", "/a::/b" },
};

static void test_values(void **state)
{
	unsigned good_of[OPTION_ROWS_MAX] = { 0 }, bad_of[OPTION_ROWS_MAX] = { 0 };
	struct config config = config_defaults;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		const struct option_row *row = option_find(good[i].key);

		assert_non_null(row);
		good_of[row - option_rows]++;
		if (option_set(row, good[i].value, &config) < 0)
			fail_msg("%s = '%s' was refused", good[i].key, good[i].value);
	}
	config = config_defaults;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const struct option_row *row = option_find(bad[i].key);

		assert_non_null(row);
		bad_of[row - option_rows]++;
		if (option_set(row, bad[i].value, &config) != -EINVAL)
			fail_msg("%s = '%s' was taken", bad[i].key, bad[i].value);
	}
	assert_memory_equal(&config, &config_defaults, sizeof(config));
	for (size_t i = 0; i < option_rows_count; i++)
		if (!good_of[i] || !bad_of[i])
			fail_msg("%s is not tested", option_rows[i].key);
}

static void test_long_values(void **state)
{
	struct config config = config_defaults;
	char value[2048];

	(void)state;
	for (size_t i = 0; i < option_rows_count; i++) {
		memset(value, 'x', sizeof(value) - 1);
		value[sizeof(value) - 1] = '\0';
		assert_int_equal(option_set(&option_rows[i], value, &config), -EINVAL);
		value[0] = '/';
		assert_int_equal(option_set(&option_rows[i], value, &config), -EINVAL);
		memcpy(value, "ipc:///", 7);
		assert_int_equal(option_set(&option_rows[i], value, &config), -EINVAL);
	}
	assert_memory_equal(&config, &config_defaults, sizeof(config));
	memset(value, 'x', sizeof(value));
	value[0] = '/';
	value[255] = '\0';
	assert_int_equal(option_set(option_find("root"), value, &config), 0);
	assert_string_equal(config.root, value);
	value[255] = 'x';
	value[256] = '\0';
	assert_int_equal(option_set(option_find("root"), value, &config), -EINVAL);
}

static void test_publish_is_kept_without_blanks(void **state)
{
	struct config config = config_defaults;

	(void)state;
	assert_int_equal(option_set(option_find("publish"), " ipc:///a , tcp://h:1", &config), 0);
	assert_string_equal(config.publish, "ipc:///a,tcp://h:1");
	assert_int_equal(option_set(option_find("publish"), "none", &config), 0);
	assert_string_equal(config.publish, "");
}

static void test_good_file(void **state)
{
	static const char text[] = "\xef\xbb\xbf# comment\n"
				   "\n"
				   "; another\n"
				   "  interval=500ms\r\n"
				   "\tslots = 64 ; inline\n"
				   "families = cpu,io\n"
				   "run-queue = no";
	struct config config = config_defaults;
	struct capture c;

	(void)state;
	assert_int_equal(read_text(text, sizeof(text) - 1, &config, &c), 0);
	assert_string_equal(c.text, "");
	assert_int_equal(config.interval_ns, 500000000);
	assert_int_equal(config.slots, 64);
	assert_true(config.cpu && !config.mem && config.io && !config.run_queue);
	config = config_defaults;
	assert_int_equal(read_text("", 0, &config, &c), 0);
	assert_memory_equal(&config, &config_defaults, sizeof(config));
}

#define LONG_50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
static const struct {
	const char *text, *begin, *what;
} bad_files[] = {
	{ "intervall = 1s\n", "edgeprof: f.conf:1: ", "did you mean 'interval'" },
	{ "\n\nzzzzzzzz = 1\n", "edgeprof: f.conf:3: ", "edgeprof.conf(5)" },
	{ "interval = 0\n", "edgeprof: f.conf:1: ", "100ms to 60s" },
	{ "interval =\n", "edgeprof: f.conf:1: ", "100ms to 60s" },
	{ "slots = 8\nslots = 9\n", "edgeprof: f.conf:2: ", "first in line 1" },
	{ "slots = 8\n  slots = 9\n", "edgeprof: f.conf:2: ", "first in line 1" },
	{ "slots = 8\n[agent]\ninterval = 0\n", "edgeprof: f.conf:2: ", "sections" },
	{ "slots = 8\n  [agent\n", "edgeprof: f.conf:2: ", "sections" },
	{ "slots = 8\n  cpu,mem\n", "edgeprof: f.conf:2: ", "no 'key = value'" },
	{ "interval\n", "edgeprof: f.conf:1: ", "no 'key = value'" },
	{ "interval", "edgeprof: f.conf:1: ", "no 'key = value'" },
	{ "= 1s\n", "edgeprof: f.conf:1: ", "unknown key ''" },
	{ "Interval = 1s\n", "edgeprof: f.conf:1: ", "did you mean 'interval'" },
	{ "root = /a\x1b[2J\n", "edgeprof: f.conf:1: ", "0x1b" },
	{ "root = /a\xff\n", "edgeprof: f.conf:1: ", "'/a?'" },
	{ "root = /" LONG_50 LONG_50 LONG_50 LONG_50 "\n", "edgeprof: f.conf:1: ", "longer than" },
	{ "slots = " LONG_50 LONG_50 "\n", "edgeprof: f.conf:1: ", "...' is not allowed" },
};

static void test_bad_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad_files); i++) {
		struct config config = config_defaults;
		struct capture c;

		assert_int_equal(read_text(bad_files[i].text, strlen(bad_files[i].text), &config, &c),
				 -EINVAL);
		assert_one_line(c.text, bad_files[i].begin, bad_files[i].what);
		assert_memory_equal(&config, &config_defaults, sizeof(config));
	}
}

static void test_nul_in_file(void **state)
{
	static const char text[] = "slots = 8\0 = 9\n";
	struct config config = config_defaults;
	struct capture c;

	(void)state;
	assert_int_equal(read_text(text, sizeof(text) - 1, &config, &c), -EINVAL);
	assert_one_line(c.text, "edgeprof: f.conf:1: ", "0x00");
}

/* --- the command line ------------------------------------------------------------- */

struct extra_data {
	const char *word;
	bool on;
};
static int set_word(void *data, const char *value)
{
	((struct extra_data *)data)->word = value;
	return strcmp(value, "bad") ? 0 : -EINVAL;
}
static int set_on(void *data, const char *value)
{
	assert_null(value);
	((struct extra_data *)data)->on = true;
	return 0;
}
static const struct option_extra extra[] = { { "word", "WORD", "a word", set_word },
					     { "on", NULL, "a switch", set_on },
					     { NULL, NULL, NULL, NULL } };

struct parsed {
	struct config config;
	struct extra_data data;
	const char *path;
	struct capture out, err;
};

static int parse(struct parsed *p, int with_config, ...)
{
	char *argv[16] = { (char *)"verb" };
	int argc = 1, r;
	va_list args;

	va_start(args, with_config);
	while ((argv[argc] = va_arg(args, char *)))
		argc++;
	va_end(args);
	p->config = config_defaults;
	memset(&p->data, 0, sizeof(p->data));
	p->path = NULL;
	capture_begin(&p->out, STDOUT_FILENO);
	capture_begin(&p->err, STDERR_FILENO);
	r = options_parse(argc, argv, "edgeprof verb\nPurpose.\n", extra, &p->data,
			  with_config ? &p->config : NULL, &p->path);
	capture_end(&p->err);
	capture_end(&p->out);
	return r;
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void test_flags_win_over_the_file(void **state)
{
	char path[] = "/tmp/test-options-XXXXXX";
	int fd = mkstemp(path);
	struct parsed p;

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	write_file(path, "interval = 5s\nslots = 32\n");
	assert_int_equal(parse(&p, true, "--interval", "2s", "--config", path, "--word=w", "--on", NULL), 0);
	assert_string_equal(p.err.text, "");
	assert_int_equal(p.config.interval_ns, 2000000000);
	assert_int_equal(p.config.slots, 32);
	assert_string_equal(p.path, path);
	assert_string_equal(p.data.word, "w");
	assert_true(p.data.on);
	write_file(path, "\nslots = 1\n");
	assert_int_equal(parse(&p, true, "--slots", "8", "--config", path, NULL), -EINVAL);
	assert_one_line(p.err.text, "edgeprof: /tmp/test-options-", ":2: ");
	unlink(path);
	assert_int_equal(parse(&p, true, "--config", path, NULL), -EINVAL);
	assert_one_line(p.err.text, "edgeprof: cannot open /tmp/test-options-", "No such file");
}

static void test_wrong_flags(void **state)
{
	static const struct {
		const char *arguments[3], *what;
	} wrong[] = {
		{ { "--intervall", "1s" }, "did you mean '--interval'" },
		{ { "--nothing-like-it" }, "see edgeprof verb --help" },
		{ { "-x" }, "'-x'" },
		{ { "-xyz" }, "'-x'" },
		{ { "--interval" }, "value is missing" },
		{ { "--interval", "0" }, "100ms to 60s" },
		{ { "--interval=" }, "100ms to 60s" },
		{ { "--on=yes" }, "no value is allowed" },
		{ { "--word", "bad" }, "not allowed; --word WORD: " },
		{ { "left" }, "unexpected argument 'left'" },
		{ { "--on", "left" }, "unexpected argument 'left'" },
		{ { "--", "left" }, "unexpected argument 'left'" },
		{ { "--run", "x" }, "'--run' is ambiguous, it may be --run-dir, --run-queue" },
		{ { "" }, "unexpected argument ''" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct parsed p;
		const char *const *a = wrong[i].arguments;

		assert_int_equal(parse(&p, true, a[0], a[1], NULL), -EINVAL);
		assert_one_line(p.err.text, "edgeprof: verb: ", wrong[i].what);
		assert_string_equal(p.out.text, "");
	}
}

static void test_verb_without_configuration(void **state)
{
	struct parsed p;

	(void)state;
	assert_int_equal(parse(&p, false, "--word", "w", NULL), 0);
	assert_int_equal(parse(&p, false, "--config", "/nowhere", NULL), -EINVAL);
	assert_one_line(p.err.text, "edgeprof: verb: ", "unknown option '--config'");
	assert_int_equal(parse(&p, false, "--slots", "8", NULL), -EINVAL);
	assert_one_line(p.err.text, "edgeprof: verb: ", "unknown option '--slots'");
}

static void test_folder_as_file(void **state)
{
	struct parsed p;

	(void)state;
	assert_int_equal(parse(&p, true, "--config", "/", NULL), -EINVAL);
	assert_one_line(p.err.text, "edgeprof: cannot read /: ", strerror(EISDIR));
}

static void test_help_has_every_option(void **state)
{
	struct parsed p;

	(void)state;
	assert_int_equal(parse(&p, true, "--interval", "1s", "--help", NULL), 1);
	assert_string_equal(p.err.text, "");
	assert_true(text_starts_with(p.out.text, "usage: edgeprof verb\n"));
	assert_true(strstr(p.out.text, "  --config FILE ") < strstr(p.out.text, "also keys of the file"));
	for (size_t i = 0; i < option_rows_count; i++) {
		char wanted[256];

		snprintf(wanted, sizeof(wanted), "  --%s %s ", option_rows[i].key, option_rows[i].argument);
		assert_non_null(strstr(p.out.text, wanted));
		snprintf(wanted, sizeof(wanted), "(%s)\n", option_rows[i].fallback);
		assert_non_null(strstr(p.out.text, wanted));
	}
	assert_non_null(strstr(p.out.text, "  --on "));
	assert_int_equal(parse(&p, true, "-h", NULL), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults_are_those_of_the_table),
		cmocka_unit_test(test_every_key_is_described),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_long_values),
		cmocka_unit_test(test_publish_is_kept_without_blanks),
		cmocka_unit_test(test_good_file),
		cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_nul_in_file),
		cmocka_unit_test(test_flags_win_over_the_file),
		cmocka_unit_test(test_wrong_flags),
		cmocka_unit_test(test_verb_without_configuration),
		cmocka_unit_test(test_folder_as_file),
		cmocka_unit_test(test_help_has_every_option),
	};

	/* Under a service manager lines begin with a priority instead of the name. */
	unsetenv("JOURNAL_STREAM");
	unsetenv("INVOCATION_ID");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
