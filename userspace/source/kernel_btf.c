/* SPDX-License-Identifier: BSD-2-Clause */
#include "source/kernel_btf.h"

#include "base/root.h"
#include "base/text.h"
#include "source/libbpf_old.h"
#include "source/minimal_btf.h"

#include <bpf/btf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define VERSION_PREFIX "Linux version "
#define NOTES_BYTES_MAX (64u << 10)
#define FOLDER_FILES_MAX 1024
#define NOTE_GNU_BUILD_ID 3

static int why(char ret_why[KERNEL_BTF_WHY], int r, const char *format, ...) _printf_(3, 4);
static int why(char ret_why[KERNEL_BTF_WHY], int r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(ret_why, KERNEL_BTF_WHY, format, args);
	va_end(args);
	text_clean(ret_why);
	return r;
}

/* --- which kernel ------------------------------------------------------------------- */

bool kernel_identity_is_version(const char *text)
{
	size_t n = strlen(VERSION_PREFIX);

	return text_starts_with(text, VERSION_PREFIX) && text[n] >= '1' && text[n] <= '9' &&
	       strlen(text) < sizeof(((struct kernel_identity *)0)->version) && text_is_clean(text);
}

void kernel_identity_parse_notes(const void *notes, size_t size, char ret[129])
{
	const char *p = notes, *end = p + size;
	uint32_t head[3]; /* name bytes, description bytes, type */

	ret[0] = '\0';
	while ((size_t)(end - p) > sizeof(head)) {
		uint64_t name_bytes, text_bytes;

		memcpy(head, p, sizeof(head));
		p += sizeof(head);
		name_bytes = (head[0] + 3ull) & ~3ull;
		text_bytes = (head[1] + 3ull) & ~3ull;
		if (name_bytes + text_bytes > (uint64_t)(end - p))
			return;
		if (head[2] == NOTE_GNU_BUILD_ID && head[0] == 4 && !memcmp(p, "GNU", 4) && head[1] <= 64) {
			for (uint32_t i = 0; i < head[1]; i++)
				snprintf(ret + 2 * i, 3, "%02x", (uint8_t)p[name_bytes + i]);
			return;
		}
		p += name_bytes + text_bytes;
	}
}

void kernel_identity_read(const char *root, struct kernel_identity *ret)
{
	_cleanup_free_ char *notes = NULL;
	size_t size;

	memset(ret, 0, sizeof(*ret));
	if (root_read_text(root, "/proc/version", ret->version, sizeof(ret->version)) < 0)
		ret->version[0] = '\0';
	ret->version[strcspn(ret->version, "\n")] = '\0';
	if (root_read_file(root, "/sys/kernel/notes", NOTES_BYTES_MAX, &notes, &size) == 0)
		kernel_identity_parse_notes(notes, size, ret->build_id);
}

bool kernel_identity_same(const struct kernel_identity *a, const struct kernel_identity *b)
{
	if (a->build_id[0] && b->build_id[0])
		return !strcasecmp(a->build_id, b->build_id);
	return a->version[0] && !strcmp(a->version, b->version);
}

const char *kernel_identity_release(const struct kernel_identity *k, char *into, size_t size)
{
	const char *p =
		text_starts_with(k->version, VERSION_PREFIX) ? k->version + strlen(VERSION_PREFIX) : "";
	size_t n = strcspn(p, " ");

	text_copy(into, n < size ? n + 1 : size, p);
	return into;
}

/* What tells two builds apart, shorter than the whole text. */
static const char *describe(const struct kernel_identity *k, char *into, size_t size)
{
	const char *build = strchr(k->version, '#');
	char release[128];

	snprintf(into, size, "%s%s%.100s", kernel_identity_release(k, release, sizeof(release)),
		 build ? " " : "", build ? build : "");
	return into;
}

static int refuse_other(char ret_why[KERNEL_BTF_WHY], const char *path, const struct kernel_identity *file,
			const struct kernel_identity *running)
{
	char theirs[256], ours[256];

	describe(file, theirs, sizeof(theirs));
	describe(running, ours, sizeof(ours));
	if (strcmp(theirs, ours))
		return why(ret_why, -ESTALE, "%s is of kernel %s, this is %s; see edgeprof-btf(1)", path,
			   theirs, ours);
	if (file->build_id[0] && running->build_id[0])
		return why(ret_why, -ESTALE, "%s is of a kernel with build id %s, this one (%s) has %s", path,
			   file->build_id, ours, running->build_id);
	return why(ret_why, -ESTALE, "%s is of '%.150s', this is '%.150s'", path, file->version,
		   running->version);
}

/* --- bytes -------------------------------------------------------------------------------- */

/* What libbpf takes on trust: older ones add these numbers in 32 bits. */
static int check_header(const void *data, size_t size, char ret_why[KERNEL_BTF_WHY])
{
	struct btf_header h;
	uint16_t magic;

	if (size < sizeof(h))
		return why(ret_why, -EBADMSG, "it is too short for BTF");
	memcpy(&h, data, sizeof(h));
	magic = h.magic;
	if (magic == __builtin_bswap16(BTF_MAGIC))
		return why(ret_why, -EBADMSG, "it is of a machine with the other byte order");
	if (magic != BTF_MAGIC)
		return why(ret_why, -EBADMSG, "it is not BTF");
	if (h.version != BTF_VERSION || h.hdr_len < sizeof(h))
		return why(ret_why, -EBADMSG, "it is BTF of a version that is not known");
	if ((uint64_t)h.hdr_len + h.type_off + h.type_len > size ||
	    (uint64_t)h.hdr_len + h.str_off + h.str_len > size)
		return why(ret_why, -EBADMSG, "it is cut short: %zu bytes", size);
	if (h.str_off < (uint64_t)h.type_off + h.type_len || h.type_off % 4 || !h.str_len)
		return why(ret_why, -EBADMSG, "its header is damaged");
	return 0;
}

static bool is_64_bit(const struct btf *btf)
{
	static const char *const names[] = { "long unsigned int", "unsigned long", "long int", "long" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		int id = btf__find_by_name_kind(btf, names[i], BTF_KIND_INT);

		if (id > 0)
			return btf__type_by_id(btf, (unsigned)id)->size == 8;
	}
	return true; /* not said: the self-check tells */
}

int kernel_btf_parse(const void *data, size_t size, struct btf **ret, char ret_why[KERNEL_BTF_WHY])
{
	struct btf *btf;
	int r = size > KERNEL_BTF_BYTES_MAX ? why(ret_why, -EFBIG, "it has more than 64 MiB")
					    : check_header(data, size, ret_why);

	if (r < 0)
		return r;
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	btf = btf__new(data, (uint32_t)size);
	if (libbpf_get_error(btf))
		return why(ret_why, -EBADMSG, "its types are damaged, or of a kind that is not known");
	if (!is_64_bit(btf)) {
		btf__free(btf);
		return why(ret_why, -EBADMSG, "it is of a 32-bit kernel; only 64-bit ones are supported");
	}
	*ret = btf;
	return 0;
}

int kernel_btf_read(const char *path, struct btf **ret, char ret_why[KERNEL_BTF_WHY])
{
	_cleanup_free_ char *data = NULL;
	size_t size;
	struct stat st;
	int r = stat(path, &st) ? -errno : 0;

	if (r == 0 && !S_ISREG(st.st_mode))
		return why(ret_why, S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL, "it is no regular file");
	if (r == 0)
		r = root_read_file(*path == '/' ? "/" : ".", path, KERNEL_BTF_BYTES_MAX, &data, &size);
	if (r < 0)
		return why(ret_why, r, "%s", r == -EFBIG ? "it has more than 64 MiB" : strerror(-r));
	return kernel_btf_parse(data, size, ret, ret_why);
}

bool kernel_btf_identity(const struct btf *btf, struct kernel_identity *ret)
{
	const char *version = minimal_btf_note(btf, "version"), *build_id = minimal_btf_note(btf, "build_id");

	memset(ret, 0, sizeof(*ret));
	if (!version || !kernel_identity_is_version(version))
		return false;
	text_copy(ret->version, sizeof(ret->version), version);
	if (build_id && strspn(build_id, "0123456789abcdefABCDEF") == strlen(build_id))
		text_copy(ret->build_id, sizeof(ret->build_id), build_id);
	return true;
}

/* --- minimal ---------------------------------------------------------------------------------- */

/* Without these the file is not of a kernel, or of one whose debug data was
 * reduced: better said when it is made than when it is needed. */
static int check_content(const struct btf *btf, char ret_why[KERNEL_BTF_WHY])
{
	static const char *const members[] = { "pid", "comm", "se", "cgroups", "mm" };

	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (!minimal_btf_has_member(btf, "task_struct", members[i]))
			return why(
				ret_why, -EBADMSG,
				"it does not describe task_struct.%s: not types of a kernel, or built with "
				"CONFIG_DEBUG_INFO_REDUCED",
				members[i]);
	if (btf__find_by_name_kind(btf, "btf_trace_sched_switch", BTF_KIND_TYPEDEF) < 0)
		return why(ret_why, -EBADMSG,
			   "it does not describe tracepoints (btf_trace_sched_switch): the kernel was built "
			   "without CONFIG_BPF_EVENTS");
	return 0;
}

static int minimise(const struct btf *full, const struct btf_wants *wants,
		    const struct kernel_identity *identity, struct btf **ret, char ret_why[KERNEL_BTF_WHY])
{
	char fingerprint[24], what[200] = "";
	const struct btf_note notes[] = { { "version", identity->version },
					  { "build_id", identity->build_id },
					  { "wants", fingerprint } };
	struct btf *btf = NULL;
	int r;

	snprintf(fingerprint, sizeof(fingerprint), "%016" PRIx64, btf_wants_fingerprint(wants));
	r = minimal_btf_make(full, wants, notes, ARRAY_SIZE(notes), &btf, what, sizeof(what));
	if (r < 0)
		return why(ret_why, r, "its types are damaged: %s", what);
	r = check_content(btf, ret_why);
	if (r < 0)
		btf__free(btf);
	else
		*ret = btf;
	return r;
}

int kernel_btf_minimise(const struct btf *full, const struct kernel_identity *identity, struct btf **ret,
			char ret_why[KERNEL_BTF_WHY])
{
	_cleanup_(btf_wants_clear) struct btf_wants wants = { 0 };
	int r = btf_wants_of_program(&wants);

	if (r < 0)
		return why(ret_why, r, "the embedded programs do not tell what they need: %s", strerror(-r));
	return minimise(full, &wants, identity, ret, ret_why);
}

/* --- for the agent ---------------------------------------------------------------------------------- */

static int write_memory(struct kernel_btf *k)
{
	uint32_t size;
	const void *data = btf__raw_data(k->btf, &size);
	int r;

	if (!data)
		return -ENOMEM;
	k->fd = memfd_create("edgeprof-btf", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (k->fd < 0)
		return -errno;
	r = fd_write_all(k->fd, data, size);
	if (r < 0)
		return r;
	if (fcntl(k->fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return -errno;
	snprintf(k->path, sizeof(k->path), "/proc/self/fd/%d", k->fd);
	return 0;
}

static int fill(struct kernel_btf *k, const struct btf *full, char ret_why[KERNEL_BTF_WHY])
{
	_cleanup_(btf_wants_clear) struct btf_wants wants = { 0 };
	const char *made_for = minimal_btf_note(full, "wants");
	int r = btf_wants_of_program(&wants);

	if (r == 0)
		r = minimise(full, &wants, &k->identity, &k->btf, ret_why);
	if (r < 0)
		return r;
	k->other_wants = made_for && strtoull(made_for, NULL, 16) != btf_wants_fingerprint(&wants);
	r = write_memory(k);
	return r < 0 ? why(ret_why, r, "no memory for it: %s", strerror(-r)) : 0;
}

int kernel_btf_reduce(const struct btf *full, const char *source, const struct kernel_identity *identity,
		      struct kernel_btf **ret, char ret_why[KERNEL_BTF_WHY])
{
	struct kernel_btf *k = calloc(1, sizeof(*k));
	char what[KERNEL_BTF_WHY] = "";
	int r;

	if (!k)
		return why(ret_why, -ENOMEM, "out of memory");
	k->fd = -1;
	k->identity = *identity;
	text_copy(k->source, sizeof(k->source), source);
	r = fill(k, full, what);
	if (r < 0) {
		kernel_btf_close(k);
		return why(ret_why, r, "cannot use %s: %.300s", source, what);
	}
	*ret = k;
	return 0;
}

/* The running kernel's own, which need not say whose it is. */
static bool is_own(const char *path)
{
	struct stat own, file;

	return !stat(KERNEL_BTF_OWN, &own) && !stat(path, &file) && own.st_dev == file.st_dev &&
	       own.st_ino == file.st_ino;
}

static int open_file(const char *path, const struct kernel_identity *running, struct kernel_btf **ret,
		     char ret_why[KERNEL_BTF_WHY])
{
	struct kernel_identity identity;
	char what[KERNEL_BTF_WHY];
	struct btf *full;
	int r = kernel_btf_read(path, &full, what);

	if (r < 0)
		return why(ret_why, r, "cannot use %s: %.300s", path, what);
	if (is_own(path))
		r = kernel_btf_reduce(full, path, running, ret, ret_why);
	else if (!kernel_btf_identity(full, &identity))
		r = why(ret_why, -ENODATA,
			"%s does not say which kernel it is of; run edgeprof btf --from %s --kernel-version "
			"'TEXT of /proc/version'",
			path, path);
	else if (!kernel_identity_same(&identity, running))
		r = refuse_other(ret_why, path, &identity, running);
	else
		r = kernel_btf_reduce(full, path, &identity, ret, ret_why);
	btf__free(full);
	return r;
}

static int nothing_there(char ret_why[KERNEL_BTF_WHY], const char *path)
{
	return why(ret_why, -ENOENT,
		   "none for this kernel is in %.200s: make it with edgeprof btf, see edgeprof-btf(1)", path);
}

/* How near a refusal is to what was wanted: the nearest is told. */
static int nearness(int r)
{
	return r == -ENOENT ? 0 : r == -ESTALE ? 1 : r == -ENODATA ? 2 : 3;
}

static int open_folder(DIR *dir, const char *folder, const struct kernel_identity *running,
		       struct kernel_btf **ret, char ret_why[KERNEL_BTF_WHY])
{
	int nearest = -ENOENT, files = 0;
	char first[NAME_MAX + 1] = "", path[PATH_MAX];
	struct dirent *entry;

	nothing_there(ret_why, folder);
	while ((entry = readdir(dir)) && files < FOLDER_FILES_MAX) {
		char what[KERNEL_BTF_WHY] = "";
		struct kernel_btf *k = NULL;
		int r;

		if (entry->d_name[0] == '.')
			continue;
		files++;
		snprintf(path, sizeof(path), "%.3000s/%s", folder, entry->d_name);
		r = open_file(path, running, &k, what);
		if (r == 0 && (!first[0] || strcmp(entry->d_name, first) < 0)) {
			kernel_btf_close(*ret);
			*ret = TAKE_PTR(k);
			text_copy(first, sizeof(first), entry->d_name);
		}
		kernel_btf_close(k);
		if (r < 0 && nearness(r) > nearness(nearest)) {
			nearest = r;
			memcpy(ret_why, what, sizeof(what));
		}
	}
	if (!*ret && nearest == -ESTALE && files > 1) {
		describe(running, path, sizeof(path));
		why(ret_why, 0,
		    "none of the %d files in %.200s is of this kernel, %.200s; see edgeprof-btf(1)", files,
		    folder, path);
	}
	return *ret ? 0 : nearest;
}

int kernel_btf_open(const char *file_or_folder, const struct kernel_identity *running,
		    struct kernel_btf **ret, char ret_why[KERNEL_BTF_WHY])
{
	_cleanup_closedir_ DIR *dir = opendir(file_or_folder);

	*ret = NULL;
	ret_why[0] = '\0';
	if (!dir && errno == ENOENT)
		return nothing_there(ret_why, file_or_folder);
	if (!dir && errno != ENOTDIR)
		return why(ret_why, -errno, "%s: %s", file_or_folder, strerror(errno));
	return dir ? open_folder(dir, file_or_folder, running, ret, ret_why)
		   : open_file(file_or_folder, running, ret, ret_why);
}

void kernel_btf_close(struct kernel_btf *k)
{
	if (!k)
		return;
	btf__free(k->btf);
	cleanup_close(&k->fd);
	free(k);
}
