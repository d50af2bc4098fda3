/* SPDX-License-Identifier: BSD-2-Clause */
#include "source/kernel_image.h"

#include "base/program.h"
#include "base/root.h"
#include "base/text.h"
#include "source/kernel_package.h"
#include "source/libbpf_old.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define IMAGE_BYTES_MAX (256u << 20)
#define HEAD_BYTES 1024
#define VERSION_TEXT "Linux version "
#define BTF_IMAGE_MIN 65536 /* less is no kernel's, but bytes that look like a header */
#define BTF_IMAGE_TRIES 64  /* each takes a copy of up to 64 MiB */

static int why(char ret_why[KERNEL_BTF_WHY], int r, const char *text)
{
	text_copy(ret_why, KERNEL_BTF_WHY, text);
	return r;
}

/* "... #1 SMP ...": since 6.1 a text without the number, of an earlier link, may
 * stand before the one that the kernel shows. */
static bool is_final(const char *version)
{
	const char *build = strrchr(version, '#');

	return build && build[1] >= '0' && build[1] <= '9';
}

void kernel_image_find_version(const void *data, size_t size, char ret[512])
{
	const char *p = data, *end = p + size;
	char text[512];

	ret[0] = '\0';
	while ((p = memmem(p, (size_t)(end - p), VERSION_TEXT, strlen(VERSION_TEXT)))) {
		size_t rest = (size_t)(end - p), length = strnlen(p, rest < 511 ? rest : 511);
		const char *line = memchr(p, '\n', length);

		text_copy(text, (line ? (size_t)(line - p) : length) + 1, p);
		p++;
		if (length == sizeof(text) - 1 && !line) /* goes on: no such text of a kernel */
			continue;
		if (!kernel_identity_is_version(text) || (ret[0] && !is_final(text)))
			continue;
		memcpy(ret, text, sizeof(text));
		if (is_final(text))
			return;
	}
}

/* --- BTF alone ---------------------------------------------------------------------------- */

static int read_whole(int fd, size_t max, char **ret, size_t *ret_size)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return root_read_file("/", path, max, ret, ret_size);
}

static int open_btf(int fd, struct kernel_image *image, char ret_why[KERNEL_BTF_WHY])
{
	_cleanup_free_ char *data = NULL;
	size_t size;
	int r = read_whole(fd, KERNEL_BTF_BYTES_MAX, &data, &size);

	if (r < 0)
		return why(ret_why, r, r == -EFBIG ? "it has more than 64 MiB" : strerror(-r));
	r = kernel_btf_parse(data, size, &image->btf, ret_why);
	if (r == 0)
		(void)kernel_btf_identity(image->btf, &image->identity);
	return r;
}

/* --- debug information ------------------------------------------------------------------------ */

static int run_pahole(int fd, int into_fd, char ret_why[KERNEL_BTF_WHY])
{
	char output[64], input[32], said[200];
	const char *const argv[] = { "pahole", output, input, NULL };
	const int kept_fds[] = { fd, into_fd, -1 };
	struct program program;
	int r;

	snprintf(output, sizeof(output), "--btf_encode_detached=/proc/self/fd/%d", into_fd);
	snprintf(input, sizeof(input), "/proc/self/fd/%d", fd);
	r = program_start(argv, -1, kept_fds, &program);
	if (r == -ENOENT)
		return why(ret_why, r,
			   "it has debug information but no BTF; to turn one into the other install pahole "
			   "(package dwarves)");
	if (r == 0)
		r = program_finish(&program, said, sizeof(said));
	else
		text_copy(said, sizeof(said), strerror(-r));
	if (r < 0)
		snprintf(ret_why, KERNEL_BTF_WHY, "pahole cannot turn its debug information into BTF: %s",
			 said);
	return r;
}

static int open_debug(int fd, struct kernel_image *image, char ret_why[KERNEL_BTF_WHY])
{
	_cleanup_close_ int into_fd = memfd_create("edgeprof-pahole", MFD_CLOEXEC);
	struct kernel_image made = { 0 };
	struct stat st;
	int r;

	if (into_fd < 0)
		return why(ret_why, -errno, strerror(errno));
	r = run_pahole(fd, into_fd, ret_why);
	if (r < 0)
		return r;
	if (fstat(into_fd, &st) || !st.st_size)
		return why(ret_why, -ENODATA, "pahole found no types in its debug information");
	r = open_btf(into_fd, &made, ret_why);
	image->btf = made.btf;
	return r;
}

/* --- ELF ----------------------------------------------------------------------------------------- */

struct sections {
	Elf_Data *btf;
	bool debug;
};

static void read_section(Elf_Scn *section, const GElf_Shdr *header, const char *name, struct sections *s,
			 struct kernel_identity *identity)
{
	Elf_Data *data;

	if (text_starts_with(name, ".debug_info") || text_starts_with(name, ".zdebug_info"))
		s->debug = true;
	if (header->sh_type == SHT_NOBITS ||
	    (strcmp(name, ".BTF") && strcmp(name, ".rodata") && header->sh_type != SHT_NOTE))
		return;
	data = elf_rawdata(section, NULL);
	if (!data || !data->d_buf)
		return;
	if (!strcmp(name, ".BTF"))
		s->btf = data;
	else if (header->sh_type == SHT_NOTE && !identity->build_id[0])
		kernel_identity_parse_notes(data->d_buf, data->d_size, identity->build_id);
	else if (!strcmp(name, ".rodata"))
		kernel_image_find_version(data->d_buf, data->d_size, identity->version);
}

static int read_sections(Elf *elf, struct sections *s, struct kernel_identity *identity)
{
	Elf_Scn *section = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		return -EBADMSG;
	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr header;
		const char *name =
			gelf_getshdr(section, &header) ? elf_strptr(elf, names, header.sh_name) : NULL;

		if (!name)
			return -EBADMSG;
		read_section(section, &header, name, s, identity);
	}
	return 0;
}

/* libelf sees no sections at all where their headers are cut off. */
static bool is_cut_short(Elf *elf, int fd)
{
	GElf_Ehdr header;
	struct stat st;
	uint64_t bytes;

	if (!gelf_getehdr(elf, &header) || fstat(fd, &st))
		return true;
	bytes = (uint64_t)header.e_shnum * header.e_shentsize;
	return header.e_shoff > (uint64_t)st.st_size || bytes > (uint64_t)st.st_size - header.e_shoff;
}

static int check_machine(Elf *elf, char ret_why[KERNEL_BTF_WHY])
{
	const char *ident = elf_getident(elf, NULL);

	if (!ident || ident[EI_CLASS] != ELFCLASS64)
		return why(ret_why, -EBADMSG, "it is of a 32-bit machine; only 64-bit ones are supported");
	if (ident[EI_DATA] != ELFDATA2LSB)
		return why(ret_why, -EBADMSG, "it is of a machine with the other byte order");
	return 0;
}

static int open_elf(int fd, struct kernel_image *image, char ret_why[KERNEL_BTF_WHY])
{
	struct sections s = { 0 };
	Elf *elf;
	int r;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf || elf_kind(elf) != ELF_K_ELF)
		r = why(ret_why, -EBADMSG, "it is a damaged ELF file");
	else
		r = check_machine(elf, ret_why);
	if (r == 0 && (is_cut_short(elf, fd) || read_sections(elf, &s, &image->identity) < 0))
		r = why(ret_why, -EBADMSG, "its ELF sections are damaged, or it is cut short");
	if (r == 0 && s.btf)
		r = kernel_btf_parse(s.btf->d_buf, s.btf->d_size, &image->btf, ret_why);
	else if (r == 0)
		r = s.debug ? open_debug(fd, image, ret_why)
			    : why(ret_why, -ENODATA,
				  "it has neither BTF nor debug information: take the vmlinux that the "
				  "kernel's "
				  "build left, or the debug package");
	elf_end(elf);
	return r;
}

/* --- arm64 Image ------------------------------------------------------------------------------------ */

/* The kernel's .BTF has no mark in an Image but its own header. */
static int find_btf(const char *data, size_t size, struct btf **ret)
{
	static const char begins[] = "\x9f\xeb\x01\x00\x18\x00\x00\x00\x00\x00\x00\x00";
	const size_t n = sizeof(begins) - 1;
	char ignored[KERNEL_BTF_WHY];
	int tries = 0;

	for (const char *p = data; (p = memmem(p, (size_t)(data + size - p), begins, n)); p++) {
		struct btf_header h;
		uint64_t bytes;

		if ((size_t)(data + size - p) < sizeof(h))
			return -ENODATA;
		memcpy(&h, p, sizeof(h));
		bytes = (uint64_t)h.hdr_len + h.str_off + h.str_len;
		if (bytes < BTF_IMAGE_MIN || bytes > (size_t)(data + size - p))
			continue;
		if (kernel_btf_parse(p, bytes, ret, ignored) == 0)
			return 0;
		if (++tries == BTF_IMAGE_TRIES)
			break;
	}
	return -ENODATA;
}

static int open_arm64(int fd, struct kernel_image *image, char ret_why[KERNEL_BTF_WHY])
{
	_cleanup_free_ char *data = NULL;
	size_t size;
	int r = read_whole(fd, IMAGE_BYTES_MAX, &data, &size);

	if (r < 0)
		return why(ret_why, r, r == -EFBIG ? "it has more than 256 MiB" : strerror(-r));
	kernel_image_find_version(data, size, image->identity.version);
	if (find_btf(data, size, &image->btf) == 0)
		return 0;
	return why(ret_why, -ENODATA,
		   "this Image has no BTF inside: take the vmlinux that the kernel's build left beside it");
}

/* --- which of these ------------------------------------------------------------------------------------ */

static bool has(const char *head, size_t size, size_t offset, const char *bytes, size_t n)
{
	return size >= offset + n && !memcmp(head + offset, bytes, n);
}

static bool is_compressed(const char *head, size_t size)
{
	return has(head, size, 0, "\x1f\x8b", 2) || has(head, size, 0, "\x28\xb5\x2f\xfd", 4) ||
	       has(head, size, 0,
		   "\xfd"
		   "7zXZ",
		   5) ||
	       has(head, size, 0x202, "HdrS", 4) || has(head, size, 4, "zimg", 4);
}

int kernel_image_open_fd(int fd, struct kernel_image *ret, char ret_why[KERNEL_BTF_WHY])
{
	char head[HEAD_BYTES];
	ssize_t n = pread(fd, head, sizeof(head), 0);
	size_t size = n > 0 ? (size_t)n : 0;

	memset(ret, 0, sizeof(*ret));
	libbpf_set_print(NULL);
	if (n < 0)
		return why(ret_why, -errno, strerror(errno));
	if (has(head, size, 0, ELFMAG, SELFMAG))
		return open_elf(fd, ret, ret_why);
	if (has(head, size, 0, "\x9f\xeb", 2) || has(head, size, 0, "\xeb\x9f", 2))
		return open_btf(fd, ret, ret_why);
	if (has(head, size, 56, "ARM\x64", 4))
		return open_arm64(fd, ret, ret_why);
	if (is_compressed(head, size))
		return why(
			ret_why, -EINVAL,
			"it is compressed: unpack it first (scripts/extract-vmlinux of the kernel's source, "
			"gunzip), or take the vmlinux");
	return why(ret_why, -EINVAL,
		   "it is none of: vmlinux, Debian package, arm64 Image, BTF (pahole, bpftool, BTFHub "
		   "unpacked)");
}

int kernel_image_open(const char *path, struct kernel_image *ret, char ret_why[KERNEL_BTF_WHY])
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char head[8] = "", real[PATH_MAX];
	struct stat st;
	int r;

	memset(ret, 0, sizeof(*ret));
	if (fd < 0 || fstat(fd, &st))
		return why(ret_why, -errno, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return why(ret_why, -EINVAL, "it is no regular file");
	if (pread(fd, head, sizeof(head), 0) == sizeof(head) && !memcmp(head, "!<arch>\n", sizeof(head))) {
		close(fd);
		fd = kernel_package_open(path, ret_why);
		if (fd < 0)
			return fd;
	}
	r = kernel_image_open_fd(fd, ret, ret_why);
	if (r == 0 && realpath(path, real) && !strcmp(real, KERNEL_BTF_OWN))
		kernel_identity_read("/", &ret->identity);
	return r;
}

void kernel_image_clear(struct kernel_image *image)
{
	btf__free(image->btf);
	image->btf = NULL;
}
