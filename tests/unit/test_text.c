/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/root.h"
#include "base/text.h"

#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void u64(void **state)
{
	static const char *const bad[] = { "", " 1", "1 ", "-1", "+1", "0x1", "1.5", "abc", "1\n" };
	uint64_t v = 7;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(text_parse_u64(bad[i], &v), -EINVAL);
	assert_int_equal(text_parse_u64("18446744073709551616", &v), -ERANGE);
	assert_int_equal(v, 7);
	assert_int_equal(text_parse_u64("18446744073709551615", &v), 0);
	assert_int_equal(v, UINT64_MAX);
	assert_int_equal(text_parse_u64("007", &v), 0);
	assert_int_equal(v, 7);
}

static void durations(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = {
		{ "1", 1000000000 },
		{ "1s", 1000000000 },
		{ "500ms", 500000000 },
		{ "2.5s", 2500000000 },
		{ "1min", 60000000000 },
		{ "1m", 60000000000 },
		{ "2h", 7200000000000 },
		{ "0", 0 },
		{ ".5s", 500000000 },
		{ "5.", 5000000000 },
		{ "0.3", 300000000 },
		{ "83us", 83000 },
		{ "7ns", 7 },
		{ "0.0000000001s", 0 },
		{ "1.999999999s", 1999999999 },
	};
	static const char *const bad[] = { "",    ".",   "s",   "-1", "+1",  "1e3",  "0x10", "nan",
					   "inf", " 1s", "1 s", "1S", "1s ", "1..5", "1,5s", "1.2.3" };
	uint64_t v = 7;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(text_parse_duration_ns(good[i].text, &v), 0);
		assert_int_equal(v, good[i].ns);
	}
	v = 7;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(text_parse_duration_ns(bad[i], &v), -EINVAL);
	assert_int_equal(text_parse_duration_ns("9000000000s", &v), -ERANGE);
	assert_int_equal(v, 7);
}

/* Whatever number of digits: no overflow, no infinity taken for a value. */
static void duration_of_many_digits(void **state)
{
	char text[1000];
	uint64_t v;

	memset(text, '9', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(text_parse_duration_ns(text, &v), -ERANGE);
	text[1] = '.';
	assert_int_equal(text_parse_duration_ns(text, &v), 0);
	assert_int_equal(v, 10000000000);
}

/* The table of containers sets the locale; the configuration must not care. */
static void duration_in_other_locales(void **state)
{
	uint64_t v;

	setlocale(LC_ALL, "de_DE.UTF-8"); /* where installed */
	assert_int_equal(text_parse_duration_ns("2.5s", &v), 0);
	setlocale(LC_ALL, "C");
	assert_int_equal(v, 2500000000);
}

static void booleans(void **state)
{
	bool v = false;

	assert_int_equal(text_parse_bool("yes", &v), 0);
	assert_true(v);
	assert_int_equal(text_parse_bool("off", &v), 0);
	assert_false(v);
	assert_int_equal(text_parse_bool("1", &v), 0);
	assert_true(v);
	assert_int_equal(text_parse_bool("Yes", &v), -EINVAL);
	assert_int_equal(text_parse_bool("", &v), -EINVAL);
	assert_true(v);
}

static void copies(void **state)
{
	char into[4] = "xxx";

	text_copy(into, 0, "abc");
	assert_string_equal(into, "xxx");
	text_copy(into, sizeof(into), "abcdef");
	assert_string_equal(into, "abc");
	text_copy(into, sizeof(into), "");
	assert_string_equal(into, "");
	text_copy(into, 1, "abc");
	assert_string_equal(into, "");
}

static void affixes(void **state)
{
	assert_true(text_starts_with("docker-x", "docker-") && text_starts_with("x", ""));
	assert_false(text_starts_with("doc", "docker"));
	assert_true(text_ends_with("a.scope", ".scope") && text_ends_with("", ""));
	assert_false(text_ends_with("e", ".scope"));
}

static void clean(void **state)
{
	static const char *const good[] = {
		"", "plain ~", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x90\xb3", "\xed\x9f\xbf"
	};
	static const struct {
		const char *dirty, *cleaned;
	} bad[] = {
		{ "a\nb", "a?b" },
		{ "\x1b[31m", "?[31m" },
		{ "\x7f", "?" },
		{ "\xc2\x9b"
		  "31m",
		  "??31m" }, /* C1 control sequence introducer */
		{ "\xc3", "?" },
		{ "\xe2\x82", "??" },
		{ "\xc0\xaf", "??" }, /* overlong */
		{ "\xe0\x80\x80", "???" },
		{ "\xed\xa0\x80", "???" },      /* surrogate */
		{ "\xf4\x90\x80\x80", "????" }, /* beyond U+10FFFF */
		{ "\xf5\x80\x80\x80", "????" },
		{ "\xf0\x80\x80\x80", "????" },
		{ "\xff\xc3\xa4", "?\xc3\xa4" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(text_is_clean(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char text[32];

		assert_false(text_is_clean(bad[i].dirty));
		text_copy(text, sizeof(text), bad[i].dirty);
		text_clean(text);
		assert_string_equal(text, bad[i].cleaned);
		assert_true(text_is_clean(text));
	}
}

static void format_bytes(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} all[] = {
		{ 0, "0 B" },
		{ 999, "999 B" },
		{ 1000, "1.0 KiB" },
		{ 962560, "940 KiB" },
		{ 12897485, "12.3 MiB" },
		{ 1023488, "1.0 MiB" },
		{ 1023 * 1024, "1.0 MiB" },
		{ 1ull << 40, "1.0 TiB" },
		{ UINT64_MAX, "16384 PiB" },
	};
	char text[32];

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		assert_string_equal(text_format_bytes(text, sizeof(text), all[i].bytes), all[i].text);
}

static void format_ns(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} all[] = {
		{ 0, "0 ns" },           { 999, "999 ns" },
		{ 1000, "1 us" },        { 83000, "83 us" },
		{ 999400, "999 us" },    { 999900, "1 ms" },
		{ 1250000, "1.25 ms" },  { 999999999, "1 s" },
		{ 60000000000, "60 s" }, { 1234000000000, "1234 s" },
	};
	char text[32];

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		assert_string_equal(text_format_ns(text, sizeof(text), all[i].ns), all[i].text);
}

/* --- root -------------------------------------------------------------------------- */

static char root[] = "/tmp/edgeprof-root-XXXXXX";

static int make_root(void **state)
{
	return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/f", root);
	unlink(path);
	return rmdir(root);
}

static void put(const char *data, size_t size)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/f", root);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, size, f), size);
	assert_int_equal(fclose(f), 0);
}

static void read_text(void **state)
{
	char text[5];
	char path[PATH_MAX + 1];

	put("abcd", 4);
	assert_int_equal(root_read_text(root, "/f", text, sizeof(text)), 4);
	assert_string_equal(text, "abcd");
	assert_int_equal(root_read_text(root, "f", text, sizeof(text)), 4);
	put("abcde", 5);
	assert_int_equal(root_read_text(root, "/f", text, sizeof(text)), -EFBIG);
	put("", 0);
	assert_int_equal(root_read_text(root, "/f", text, sizeof(text)), 0);
	assert_string_equal(text, "");
	assert_int_equal(root_read_text(root, "/g", text, sizeof(text)), -ENOENT);
	assert_int_equal(root_read_text(root, "/", text, sizeof(text)), -EISDIR);
	memset(path, 'x', sizeof(path));
	path[PATH_MAX] = '\0';
	assert_int_equal(root_read_text(root, path, text, sizeof(text)), -ENAMETOOLONG);
	assert_int_equal(root_open("/", "/proc/self/none"), -ENOENT);
}

static void read_file(void **state)
{
	static char big[10000];
	size_t size = 0;
	char *data = NULL;

	memset(big, 'b', sizeof(big));
	put(big, sizeof(big));
	assert_int_equal(root_read_file(root, "/f", sizeof(big) - 1, &data, &size), -EFBIG);
	assert_null(data);
	assert_int_equal(root_read_file(root, "/f", sizeof(big), &data, &size), 0);
	assert_int_equal(size, sizeof(big));
	assert_memory_equal(data, big, size);
	assert_int_equal(data[size], 0);
	free(data);
	put("", 0);
	assert_int_equal(root_read_file(root, "/f", 10, &data, NULL), 0);
	assert_string_equal(data, "");
	free(data);
	data = NULL;
	put(big, 4097);
	assert_int_equal(root_read_file(root, "/f", 4096, &data, NULL), -EFBIG);
	assert_int_equal(root_read_file("/", "/proc/self/mountinfo", 1 << 20, &data, NULL), 0);
	free(data);
}

static void read_u64(void **state)
{
	uint64_t v = 7;

	put(" 42 \n", 5);
	assert_int_equal(root_read_u64(root, "/f", &v), 0);
	assert_int_equal(v, 42);
	put("42 43", 5);
	assert_int_equal(root_read_u64(root, "/f", &v), -EINVAL);
	put("42\0x", 4);
	assert_int_equal(root_read_u64(root, "/f", &v), -EINVAL);
	put("\n", 1);
	assert_int_equal(root_read_u64(root, "/f", &v), -EINVAL);
	put("99999999999999999999", 20);
	assert_int_equal(root_read_u64(root, "/f", &v), -ERANGE);
	assert_int_equal(v, 42);
}

static void opens_directories(void **state)
{
	_cleanup_closedir_ DIR *dir = NULL;

	put("x", 1);
	assert_int_equal(root_opendir(root, "/f", &dir), -ENOTDIR);
	assert_int_equal(root_opendir(root, "/", &dir), 0);
	assert_non_null(readdir(dir));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(u64),
		cmocka_unit_test(durations),
		cmocka_unit_test(duration_of_many_digits),
		cmocka_unit_test(duration_in_other_locales),
		cmocka_unit_test(booleans),
		cmocka_unit_test(copies),
		cmocka_unit_test(affixes),
		cmocka_unit_test(clean),
		cmocka_unit_test(format_bytes),
		cmocka_unit_test(format_ns),
		cmocka_unit_test(read_text),
		cmocka_unit_test(read_file),
		cmocka_unit_test(read_u64),
		cmocka_unit_test(opens_directories),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
