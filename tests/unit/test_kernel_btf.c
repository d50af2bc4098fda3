/* SPDX-License-Identifier: BSD-2-Clause */
/* Which kernel a file is of, which file of a folder is taken, and what is refused. */
#include "source/kernel_btf.h"

#include "base/atomic_file.h"
#include "base/text.h"
#include "source/libbpf_old.h"
#include "source/minimal_btf.h"

#include <bpf/btf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define VERSION "Linux version 5.10.104-tegra (u@h) (gcc 9.4.0) #1 SMP PREEMPT Wed Aug 10 20:17:07 PDT 2022"
#define OTHER "Linux version 5.10.104-tegra (u@h) (gcc 9.4.0) #2 SMP PREEMPT Thu Aug 11 20:17:07 PDT 2022"
#define BUILD_ID "00112233445566778899aabbccddeeff00112233"
#define OTHER_ID "ff112233445566778899aabbccddeeff00112233"

static char folder[64], why[KERNEL_BTF_WHY];
static struct kernel_btf *found;

static int set_up(void **state)
{
	(void)state;
	libbpf_set_print(NULL);
	snprintf(folder, sizeof(folder), "/tmp/edgeprof-btf.XXXXXX");
	assert_non_null(mkdtemp(folder));
	found = NULL;
	return 0;
}

static int tear_down(void **state)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	(void)state;
	kernel_btf_close(found);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' || strlen(entry->d_name) > 2)
			unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	return rmdir(folder);
}

/* --- files ------------------------------------------------------------------------------- */

/* As much of a kernel as is asked of every file. */
static struct btf *make_kernel(const char *version, const char *build_id)
{
	static const char *const members[] = { "pid", "comm", "se", "cgroups", "mm" };
	struct btf *btf = btf__new_empty();
	char note[600];
	int word, proto, pointer;

	word = btf__add_int(btf, "long unsigned int", 8, 0);
	btf__add_struct(btf, "task_struct", 64);
	for (unsigned i = 0; i < ARRAY_SIZE(members); i++)
		btf__add_field(btf, members[i], word, i * 64, 0);
	proto = btf__add_func_proto(btf, 0);
	pointer = btf__add_ptr(btf, proto);
	btf__add_typedef(btf, "btf_trace_sched_switch", pointer);
	if (!version)
		return btf;
	btf__add_enum(btf, BTF_NOTES_ENUM, 4);
	snprintf(note, sizeof(note), "version=%s", version);
	btf__add_enum_value(btf, note, 0);
	snprintf(note, sizeof(note), "build_id=%s", build_id);
	btf__add_enum_value(btf, note, 1);
	return btf;
}

static const char *path_of(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void put(const char *name, const void *data, size_t size)
{
	assert_int_equal(atomic_file_write(path_of(name), data, size, true), 0);
}

static void put_kernel(const char *name, const char *version, const char *build_id)
{
	struct btf *btf = make_kernel(version, build_id);
	uint32_t size;
	const void *data = btf__raw_data(btf, &size);

	put(name, data, size);
	btf__free(btf);
}

static int open_for(const char *path, const char *version, const char *build_id)
{
	struct kernel_identity running = { 0 };

	text_copy(running.version, sizeof(running.version), version);
	text_copy(running.build_id, sizeof(running.build_id), build_id);
	kernel_btf_close(found);
	found = NULL;
	return kernel_btf_open(path, &running, &found, why);
}

/* --- identity -------------------------------------------------------------------------------- */

static void test_same_kernel(void **state)
{
	struct kernel_identity a = { VERSION, BUILD_ID }, b = { VERSION, BUILD_ID }, none = { 0 };

	(void)state;
	assert_true(kernel_identity_same(&a, &b));
	text_copy(b.build_id, sizeof(b.build_id), OTHER_ID);
	assert_false(kernel_identity_same(&a, &b)); /* the build id decides */
	text_copy(b.build_id, sizeof(b.build_id), BUILD_ID);
	text_copy(b.version, sizeof(b.version), OTHER);
	assert_true(kernel_identity_same(&a, &b));
	b.build_id[0] = '\0';
	assert_false(kernel_identity_same(&a, &b));
	assert_false(kernel_identity_same(&none, &none));
}

static void test_release(void **state)
{
	struct kernel_identity k = { VERSION, "" };
	char release[64];

	(void)state;
	assert_string_equal(kernel_identity_release(&k, release, sizeof(release)), "5.10.104-tegra");
	assert_string_equal(kernel_identity_release(&k, release, 5), "5.10");
	text_copy(k.version, sizeof(k.version), "Darwin");
	assert_string_equal(kernel_identity_release(&k, release, sizeof(release)), "");
	assert_true(kernel_identity_is_version(VERSION));
	assert_false(kernel_identity_is_version("5.10.104-tegra"));
	assert_false(kernel_identity_is_version("Linux version %s (%s)"));
	assert_false(kernel_identity_is_version("Linux version 5.10\033[2J"));
}

static void test_notes(void **state)
{
	static const char notes[] = "\x06\0\0\0\x04\0\0\0\x00\x01\0\0Linux\0\0\0abcd" /* another note */
				    "\x04\0\0\0\x03\0\0\0\x03\0\0\0GNU\0\x01\xab\xff\0";
	char id[129];

	(void)state;
	kernel_identity_parse_notes(notes, sizeof(notes) - 1, id);
	assert_string_equal(id, "01abff");
	for (size_t n = 0; n < sizeof(notes) - 1; n++) {
		_cleanup_free_ char *cut = malloc(n + 1);

		memcpy(cut, notes, n);
		kernel_identity_parse_notes(cut, n, id); /* ends before the last note is whole */
		assert_string_equal(id, "");
	}
	kernel_identity_parse_notes("\xff\xff\xff\xff\xff\xff\xff\xff\x03\0\0\0GNU", 16, id);
	assert_string_equal(id, "");
}

static void test_running_kernel(void **state)
{
	struct kernel_identity k;

	(void)state;
	kernel_identity_read("/", &k);
	assert_true(kernel_identity_is_version(k.version));
	kernel_identity_read("/nonexistent", &k);
	assert_string_equal(k.version, "");
	assert_string_equal(k.build_id, "");
}

/* --- one file -------------------------------------------------------------------------------------- */

static void test_the_right_file(void **state)
{
	(void)state;
	put_kernel("a", VERSION, BUILD_ID);
	assert_int_equal(open_for(path_of("a"), VERSION, ""), 0);
	assert_string_equal(found->source, path_of("a"));
	assert_string_equal(found->identity.build_id, BUILD_ID);
	assert_true(text_starts_with(found->path, "/proc/self/fd/"));
	assert_int_equal(open_for(path_of("a"), OTHER, BUILD_ID), 0);
	put("a", "gone", 4); /* what libbpf reads does not change any more */
	assert_int_equal(pwrite(found->fd, "x", 1, 0), -1);
	{
		struct btf *again = btf__parse_raw(found->path);

		assert_int_equal(libbpf_get_error(again), 0);
		btf__free(again);
	}
}

static void test_the_wrong_file(void **state)
{
	(void)state;
	put_kernel("a", VERSION, BUILD_ID);
	assert_int_equal(open_for(path_of("a"), OTHER, ""), -ESTALE);
	assert_non_null(strstr(why, "is of kernel 5.10.104-tegra #1 SMP PREEMPT Wed Aug 10"));
	assert_non_null(strstr(why, "this is 5.10.104-tegra #2 SMP PREEMPT Thu Aug 11"));
	assert_int_equal(open_for(path_of("a"), VERSION, OTHER_ID), -ESTALE);
	assert_non_null(strstr(why, BUILD_ID));
	assert_non_null(strstr(why, OTHER_ID));
	assert_null(found);
}

static void test_a_file_that_does_not_say(void **state)
{
	(void)state;
	put_kernel("a", NULL, NULL);
	assert_int_equal(open_for(path_of("a"), VERSION, ""), -ENODATA);
	assert_non_null(strstr(why, "edgeprof btf --from"));
	assert_non_null(strstr(why, "--kernel-version"));
	put_kernel("a", "5.10.104-tegra", "");
	assert_int_equal(open_for(path_of("a"), VERSION, ""), -ENODATA);
}

static void test_not_of_a_kernel(void **state)
{
	struct btf *btf = btf__new_empty(), *minimal;
	const struct kernel_identity identity = { VERSION, "" };

	(void)state;
	assert_int_equal(kernel_btf_minimise(btf, &identity, &minimal, why), -EBADMSG);
	assert_non_null(strstr(why, "task_struct.pid"));
	assert_non_null(strstr(why, "CONFIG_DEBUG_INFO_REDUCED"));
	btf__free(btf);
}

static void refused(const void *data, size_t size, const char *text)
{
	struct btf *btf = NULL;

	why[0] = '\0';
	assert_int_equal(kernel_btf_parse(data, size, &btf, why), -EBADMSG);
	if (!strstr(why, text))
		fail_msg("'%s' has no '%s'", why, text);
}

static void test_damaged_bytes(void **state)
{
	struct btf *btf = make_kernel(VERSION, BUILD_ID);
	uint32_t size;
	const void *raw = btf__raw_data(btf, &size);
	_cleanup_free_ char *data = malloc(size);
	struct btf_header *h = (struct btf_header *)data;

	(void)state;
	memcpy(data, raw, size);
	for (uint32_t n = 0; n < size; n++) {
		_cleanup_free_ char *cut = malloc(n + 1);

		memcpy(cut, data, n);
		refused(cut, n, "it is ");
	}
	refused("\xeb\x9f\x01\x00\x18\x00\x00\x00                    ", 28, "other byte order");
	refused("#!/bin/sh is no BTF at all, and long", 36, "not BTF");
	h->version = 2;
	refused(data, size, "version");
	h->version = BTF_VERSION;
	h->str_off = 0xfffffff0; /* with str_len it is small again in 32 bits */
	h->str_len = 0x20;
	refused(data, size, "cut short");
	memcpy(data, raw, size);
	h->type_off = 0xfffffffc;
	refused(data, size, "cut short");
	memcpy(data, raw, size);
	h->hdr_len = 0x7fffffff;
	refused(data, size, "cut short");
	memcpy(data, raw, size);
	data[size - 1] = 'x';
	refused(data, size, "damaged");
	btf__free(btf);
}

static void test_32_bit_kernels(void **state)
{
	struct btf *btf = btf__new_empty();
	uint32_t size;
	const void *data;

	(void)state;
	btf__add_int(btf, "long unsigned int", 4, 0);
	data = btf__raw_data(btf, &size);
	refused(data, size, "32-bit");
	btf__free(btf);
}

/* --- a folder ------------------------------------------------------------------------------------------ */

static void test_the_file_of_a_folder(void **state)
{
	(void)state;
	put_kernel("a-other", OTHER, "");
	put_kernel("b-own", VERSION, "");
	put_kernel("c-own", VERSION, "");
	put_kernel("d-unsaid", NULL, NULL);
	put("e-damaged", "\x9f\xeb", 2);
	put(".hidden", "x", 1);
	assert_int_equal(open_for(folder, VERSION, BUILD_ID), 0);
	assert_string_equal(found->source, path_of("b-own")); /* the first by name */
	unlink(path_of("b-own"));
	assert_int_equal(open_for(folder, VERSION, BUILD_ID), 0);
	assert_string_equal(found->source, path_of("c-own"));
	assert_int_equal(open_for(folder, OTHER, ""), 0);
	assert_string_equal(found->source, path_of("a-other"));
}

static void test_a_folder_without_it(void **state)
{
	(void)state;
	assert_int_equal(open_for(folder, VERSION, ""), -ENOENT);
	assert_non_null(strstr(why, folder));
	assert_non_null(strstr(why, "edgeprof-btf(1)"));
	put_kernel("a", OTHER, "");
	assert_int_equal(open_for(folder, VERSION, ""), -ESTALE);
	assert_non_null(strstr(why, "/a is of kernel"));
	put_kernel("b", OTHER, "");
	assert_int_equal(open_for(folder, VERSION, ""), -ESTALE);
	assert_non_null(strstr(why, "none of the 2 files"));
	put_kernel("c", NULL, NULL);
	assert_int_equal(open_for(folder, VERSION, ""), -ENODATA);
	put("d", "x", 1);
	assert_int_equal(open_for(folder, VERSION, ""), -EBADMSG);
	assert_non_null(strstr(why, "/d: it is too short"));
}

static void test_what_is_no_file(void **state)
{
	(void)state;
	assert_int_equal(open_for("/nonexistent/btf", VERSION, ""), -ENOENT);
	assert_int_equal(open_for("/dev/zero", VERSION, ""), -EINVAL);
	assert_non_null(strstr(why, "no regular file"));
	assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
	assert_int_equal(open_for(folder, VERSION, ""), -EINVAL); /* and does not hang */
}

static void test_a_huge_file(void **state)
{
	int fd = open(path_of("huge"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	(void)state;
	assert_int_equal(ftruncate(fd, 1ll << 36), 0);
	close(fd);
	assert_int_equal(open_for(path_of("huge"), VERSION, ""), -EFBIG);
	assert_non_null(strstr(why, "more than 64 MiB"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_same_kernel),
		T(test_release),
		T(test_notes),
		T(test_running_kernel),
		T(test_the_right_file),
		T(test_the_wrong_file),
		T(test_a_file_that_does_not_say),
		T(test_not_of_a_kernel),
		T(test_damaged_bytes),
		T(test_32_bit_kernels),
		T(test_the_file_of_a_folder),
		T(test_a_folder_without_it),
		T(test_what_is_no_file),
		T(test_a_huge_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
