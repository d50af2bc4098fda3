/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernels out of files of every form, and what happens with other files. */
#include "source/kernel_image.h"

#include "base/program.h"
#include "base/text.h"
#include "source/kernel_package.h"
#include "source/libbpf_old.h"

#include <bpf/btf.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#define VERSION "Linux version 5.10.0 (u@h) (gcc) #1 SMP 2024"

static char bytes[4u << 20], why[KERNEL_BTF_WHY];
static size_t size;
static struct kernel_image image;

static int set_up(void **state)
{
	(void)state;
	size = 0;
	memset(bytes, 0, sizeof(bytes));
	memset(&image, 0, sizeof(image));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	kernel_image_clear(&image);
	return 0;
}

static void append(const void *data, size_t n)
{
	memcpy(bytes + size, data, n);
	size += n;
}

static int to_file(const char *data, size_t n)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_int_equal(write(fd, data, n), n);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static int open_bytes(void)
{
	_cleanup_close_ int fd = to_file(bytes, size);

	kernel_image_clear(&image);
	return kernel_image_open_fd(fd, &image, why);
}

static void refused(const char *text)
{
	assert_true(open_bytes() < 0);
	if (!strstr(why, text))
		fail_msg("'%s' has no '%s'", why, text);
	assert_null(image.btf);
}

/* BTF with n types more than those that make it a kernel's. */
static struct btf *make_btf(int n)
{
	struct btf *btf = btf__new_empty();

	btf__add_int(btf, "long unsigned int", 8, 0);
	for (int i = 0; i < n; i++) {
		char name[32];

		snprintf(name, sizeof(name), "filler_%d", i);
		btf__add_struct(btf, name, 8);
	}
	return btf;
}

/* --- the version's text --------------------------------------------------------------------- */

static void assert_version(const char *data, size_t n, const char *expected)
{
	char version[512];

	kernel_image_find_version(data, n, version);
	assert_string_equal(version, expected);
}

static void test_version(void **state)
{
	static const char text[] = "%s version %s\0Linux version %s (\0" VERSION "\nx";
	static const char draft[] = "Linux version 6.1 (u@h) # SMP\n\0Linux version 6.1 (u@h) #1 SMP\n";

	(void)state;
	assert_version(text, sizeof(text), VERSION);
	assert_version(VERSION, strlen(VERSION), VERSION); /* right up to the end */
	assert_version(draft, sizeof(draft), "Linux version 6.1 (u@h) #1 SMP");
	assert_version(draft, 30, "Linux version 6.1 (u@h) # SMP");
	assert_version("", 0, "");
	assert_version("Linux version ", 14, "");
	memset(bytes, 'x', 2000);
	memcpy(bytes, "Linux version 5", 15);
	assert_version(bytes, 2000, ""); /* longer than any version */
}

/* --- ELF ---------------------------------------------------------------------------------------- */

struct section {
	const char *name;
	uint32_t type;
	const void *data;
	size_t size;
};

static void make_elf(const struct section *sections, size_t n)
{
	Elf64_Ehdr header = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
					   EV_CURRENT },
			      .e_type = ET_EXEC,
			      .e_machine = EM_AARCH64,
			      .e_version = EV_CURRENT,
			      .e_ehsize = sizeof(header),
			      .e_shentsize = sizeof(Elf64_Shdr),
			      .e_shnum = (uint16_t)(n + 2),
			      .e_shstrndx = (uint16_t)(n + 1) };
	Elf64_Shdr headers[8] = { { 0 } };
	char names[256] = "";
	size_t names_size = 1;

	size = sizeof(header);
	for (size_t i = 0; i <= n; i++) {
		const struct section strings = { ".shstrtab", SHT_STRTAB, names, sizeof(names) };
		const struct section *s = i < n ? &sections[i] : &strings;

		headers[i + 1] = (Elf64_Shdr){ .sh_name = (uint32_t)names_size,
					       .sh_type = s->type,
					       .sh_offset = size,
					       .sh_size = s->size,
					       .sh_addralign = 1 };
		text_copy(names + names_size, sizeof(names) - names_size, s->name);
		names_size += strlen(s->name) + 1;
		if (s->type != SHT_NOBITS)
			append(s->data, s->size);
		size = (size + 7) & ~7ull;
	}
	header.e_shoff = size;
	append(headers, (n + 2) * sizeof(headers[0]));
	memcpy(bytes, &header, sizeof(header));
}

static const char note[] = "\x04\0\0\0\x02\0\0\0\x03\0\0\0GNU\0\xab\xcd\0\0";
static const char rodata[] = "some text\0" VERSION "\n";

static void make_vmlinux(void)
{
	struct btf *btf = make_btf(3);
	uint32_t n;
	const void *data = btf__raw_data(btf, &n);
	const struct section sections[] = { { ".rodata", SHT_PROGBITS, rodata, sizeof(rodata) },
					    { ".notes", SHT_NOTE, note, sizeof(note) - 1 },
					    { ".BTF", SHT_PROGBITS, data, n } };

	make_elf(sections, 3);
	btf__free(btf);
}

static void test_vmlinux(void **state)
{
	(void)state;
	make_vmlinux();
	assert_int_equal(open_bytes(), 0);
	assert_string_equal(image.identity.version, VERSION);
	assert_string_equal(image.identity.build_id, "abcd");
	assert_int_equal(btf__type_cnt(image.btf), 5);
}

static void test_other_machines(void **state)
{
	(void)state;
	make_vmlinux();
	bytes[EI_CLASS] = ELFCLASS32;
	refused("32-bit");
	bytes[EI_CLASS] = ELFCLASS64;
	bytes[EI_DATA] = ELFDATA2MSB;
	refused("byte order");
}

static void test_stripped(void **state)
{
	const struct section sections[] = { { ".rodata", SHT_PROGBITS, rodata, sizeof(rodata) },
					    { ".BTF", SHT_NOBITS, "", 4096 } };

	(void)state;
	make_elf(sections, 2);
	refused("neither BTF nor debug information");
}

static void test_debug_information_of_nothing(void **state)
{
	const struct section sections[] = { { ".debug_info", SHT_PROGBITS, "nonsense", 8 } };

	(void)state;
	make_elf(sections, 1);
	refused("pahole");
}

static void test_without_pahole(void **state)
{
	const struct section sections[] = { { ".debug_info", SHT_PROGBITS, "nonsense", 8 } };
	char *path = strdup(getenv("PATH"));

	(void)state;
	make_elf(sections, 1);
	setenv("PATH", "/nonexistent", 1);
	refused("install pahole (package dwarves)");
	setenv("PATH", path, 1);
	free(path);
}

static void test_damaged_elf(void **state)
{
	size_t whole;

	(void)state;
	make_vmlinux();
	whole = size;
	for (size = 0; size < whole; size += size < 64 ? 1 : 29) {
		int r = open_bytes();

		assert_true(r < 0 && why[0]);
		if (size >= sizeof(Elf64_Ehdr) && !strstr(why, "cut short"))
			fail_msg("%zu of %zu bytes: '%s'", size, whole, why);
	}
}

/* --- other forms ------------------------------------------------------------------------------------- */

static void test_btf_alone(void **state)
{
	struct btf *btf = make_btf(3);
	uint32_t n;
	const void *data = btf__raw_data(btf, &n);

	(void)state;
	append(data, n);
	btf__free(btf);
	assert_int_equal(open_bytes(), 0);
	assert_string_equal(image.identity.version, "");
}

static void test_arm64_image(void **state)
{
	struct btf *btf = make_btf(6000), *other = make_btf(3);
	uint32_t n, other_n;
	const void *data = btf__raw_data(btf, &n), *other_data = btf__raw_data(other, &other_n);

	(void)state;
	size = 64;
	memcpy(bytes + 56, "ARM\x64", 4);
	append(rodata, sizeof(rodata));
	refused("no BTF inside");
	append("\x9f\xeb\x01\x00\x18\x00\x00\x00\x00\x00\x00\x00", 12); /* the beginning alone */
	refused("no BTF inside");
	append(other_data, other_n); /* some module's */
	append(data, n);
	append("behind", 6);
	btf__free(btf);
	btf__free(other);
	assert_int_equal(open_bytes(), 0);
	assert_string_equal(image.identity.version, VERSION);
	assert_int_equal(btf__type_cnt(image.btf), 6002);
}

/* Every try takes a copy: an Image full of headers must not take hours. */
static void test_arm64_image_of_headers(void **state)
{
	const struct btf_header header = { .magic = BTF_MAGIC,
					   .version = BTF_VERSION,
					   .hdr_len = sizeof(header),
					   .type_len = 40000,
					   .str_off = 40000,
					   .str_len = 40000 };
	struct btf *btf = make_btf(6000);
	uint32_t n;
	const void *data = btf__raw_data(btf, &n);

	(void)state;
	size = 64;
	memcpy(bytes + 56, "ARM\x64", 4);
	for (int i = 0; i < 63; i++)
		append(&header, sizeof(header));
	append(data, n);
	assert_int_equal(open_bytes(), 0);
	kernel_image_clear(&image);
	memmove(bytes + 64 + sizeof(header), bytes + 64, size - 64);
	size += sizeof(header);
	refused("no BTF inside");
	btf__free(btf);
}

static void test_other_files(void **state)
{
	(void)state;
	refused("none of:");
	append("\x1f\x8b\x08", 3);
	refused("compressed");
	set_up(NULL);
	size = 0x300;
	memcpy(bytes + 0x202, "HdrS", 4);
	refused("compressed");
	set_up(NULL);
	append("\xeb\x9f\x01\x00 and so on, long enough", 27);
	refused("other byte order");
	assert_int_equal(kernel_image_open("/nonexistent", &image, why), -ENOENT);
	assert_int_equal(kernel_image_open("/dev/zero", &image, why), -EINVAL);
	assert_int_equal(kernel_image_open("/tmp", &image, why), -EINVAL);
}

/* --- packages ----------------------------------------------------------------------------------------------
 */

static void add_entry(const char *name, char type, const char *data, size_t n)
{
	char *header = bytes + size;

	memset(header, 0, 512);
	snprintf(header, 100, "%s", name);
	snprintf(header + 124, 12, "%011o", (unsigned)n);
	header[156] = type;
	memcpy(header + 257, "ustar  ", 8);
	size += 512;
	append(data, n);
	size = (size + 511) / 512 * 512;
}

static int copy(char *into, size_t max, size_t *ret_size)
{
	_cleanup_close_ int archive = to_file(bytes, size), fd = memfd_create("into", MFD_CLOEXEC);
	int r = kernel_package_copy(archive, fd);

	*ret_size = (size_t)lseek(fd, 0, SEEK_END);
	assert_true(pread(fd, into, max, 0) >= 0);
	return r;
}

static void test_archive(void **state)
{
	static char kernel[(1u << 20) + 5], into[sizeof(kernel)];
	size_t n;

	(void)state;
	memset(kernel, 'k', sizeof(kernel));
	add_entry("./boot/", '5', "", 0);
	add_entry("./usr/vmlinux-gdb.py", '0', "script", 6);
	add_entry("./usr/vmlinux-link", '2', "", 0);
	add_entry("./usr/vmlinux", 'x', into, sizeof(into));
	add_entry("./usr/other", '0', kernel, sizeof(kernel));
	assert_int_equal(copy(into, sizeof(into), &n), -EBADMSG); /* no end */
	add_entry("./usr/lib/debug/boot/vmlinux-5.10", '0', kernel, sizeof(kernel));
	assert_int_equal(copy(into, sizeof(into), &n), 0);
	assert_int_equal(n, sizeof(kernel));
	assert_memory_equal(into, kernel, n);
	size -= 1024;
	assert_int_equal(copy(into, sizeof(into), &n), -EBADMSG); /* cut */
}

static void test_archive_without_a_kernel(void **state)
{
	char into[8];
	size_t n;

	(void)state;
	add_entry("./usr/vmlinux-gdb.py", '0', "script", 6);
	size += 1024;
	assert_int_equal(copy(into, sizeof(into), &n), -ENOENT);
	assert_int_equal(n, 0);
	memcpy(bytes + 124, "\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", 12);
	assert_int_equal(copy(into, sizeof(into), &n), -EBADMSG);
	memcpy(bytes + 124, "99999999999", 12);
	assert_int_equal(copy(into, sizeof(into), &n), -EBADMSG);
	memcpy(bytes + 257, "nstar", 5);
	assert_int_equal(copy(into, sizeof(into), &n), -EBADMSG);
}

static void test_programs(void **state)
{
	const char *const fails[] = { "sh", "-c", "echo first >&2; echo last >&2; exit 3", NULL };
	const char *const dies[] = { "sh", "-c", "kill -9 $$", NULL };
	const char *const absent[] = { "edgeprof-no-such-program", NULL };
	struct program p;
	char said[64];

	(void)state;
	assert_int_equal(program_start(fails, -1, NULL, &p), 0);
	assert_int_equal(program_finish(&p, said, sizeof(said)), -EIO);
	assert_string_equal(said, "last");
	assert_int_equal(program_start(dies, -1, NULL, &p), 0);
	assert_int_equal(program_finish(&p, said, sizeof(said)), -EIO);
	assert_true(text_starts_with(said, "killed by signal 9"));
	assert_int_equal(program_start(absent, -1, NULL, &p), -ENOENT);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_version),
		T(test_vmlinux),
		T(test_other_machines),
		T(test_stripped),
		T(test_debug_information_of_nothing),
		T(test_without_pahole),
		T(test_damaged_elf),
		T(test_btf_alone),
		T(test_arm64_image),
		T(test_arm64_image_of_headers),
		T(test_other_files),
		T(test_archive),
		T(test_archive_without_a_kernel),
		T(test_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
