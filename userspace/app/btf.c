/* SPDX-License-Identifier: BSD-2-Clause */
/* edgeprof btf: makes the file that stands in for a kernel's own BTF, or tells
 * which kernel one is of. */
#include "app/options.h"
#include "app/verbs.h"
#include "base/atomic_file.h"
#include "base/text.h"
#include "source/kernel_image.h"
#include "source/libbpf_old.h"
#include "source/minimal_btf.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

struct request {
	const char *from, *show, *output, *version, *build_id; /* borrow from argv */
	bool force;
	char version_text[512]; /* the version without the newline that a shell may leave */
};

static const char usage[] = "edgeprof btf --from SOURCE [-o FILE] [OPTION]... | edgeprof btf --show FILE\n"
			    "Makes the BTF that edgeprof needs for a kernel without its own.\n";

/* --- options ---------------------------------------------------------------------------- */

static int set_text(const char **field, const char *value)
{
	*field = value;
	return *value ? 0 : -EINVAL;
}

static int set_from(void *data, const char *value)
{
	return set_text(&((struct request *)data)->from, value);
}

static int set_show(void *data, const char *value)
{
	return set_text(&((struct request *)data)->show, value);
}

static int set_output(void *data, const char *value)
{
	return set_text(&((struct request *)data)->output, value);
}

static int set_version(void *data, const char *value)
{
	struct request *q = data;

	if (strlen(value) >= sizeof(q->version_text))
		return -EINVAL;
	text_copy(q->version_text, sizeof(q->version_text), value);
	q->version_text[strcspn(q->version_text, "\n")] = '\0';
	q->version = q->version_text;
	return kernel_identity_is_version(q->version) ? 0 : -EINVAL;
}

static int set_build_id(void *data, const char *value)
{
	size_t n = strlen(value);

	((struct request *)data)->build_id = value;
	return n >= 16 && n <= 128 && !(n % 2) && strspn(value, "0123456789abcdefABCDEF") == n ? 0 : -EINVAL;
}

static int set_force(void *data, const char *value)
{
	(void)value;
	((struct request *)data)->force = true;
	return 0;
}

static const struct option_extra extra[] = {
	{ "from", "SOURCE", "vmlinux, debug package (.deb), arm64 Image or BTF of the kernel", set_from },
	{ "kernel-version", "TEXT", "the whole text of /proc/version on the device", set_version },
	{ "build-id", "HEX", "the kernel's GNU build id, 16 to 128 hexadecimal digits", set_build_id },
	{ "output", "FILE", "file or folder to write, also -o (RELEASE.btf here)", set_output },
	{ "force", NULL, "replace a file that is there", set_force },
	{ "show", "FILE", "tell which kernel a file is of", set_show },
	{ NULL, NULL, NULL, NULL },
};

static int parse(int argc, char **argv, struct request *ret)
{
	static char output[] = "--output";
	int r;

	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "-o"))
			argv[i] = output;
	r = options_parse(argc, argv, usage, extra, ret, NULL, NULL);
	if (r)
		return r;
	if (!ret->from == !ret->show)
		return log_err(-EINVAL,
			       "btf: say either --from SOURCE or --show FILE; see edgeprof btf --help");
	if (ret->show && (ret->output || ret->version || ret->build_id || ret->force))
		return log_err(-EINVAL, "btf: --show goes without other options; see edgeprof btf --help");
	return 0;
}

/* --- making ------------------------------------------------------------------------------- */

/* What the operator says wins: a kernel that was rebuilt with debug information
 * has another version and build id than the one on the device. */
static int choose_identity(const struct request *q, struct kernel_identity *identity)
{
	if (q->version) {
		if (strcmp(q->version, identity->version))
			identity->build_id[0] = '\0';
		text_copy(identity->version, sizeof(identity->version), q->version);
	}
	if (q->build_id)
		text_copy(identity->build_id, sizeof(identity->build_id), q->build_id);
	if (identity->version[0])
		return 0;
	return log_err(-ENODATA,
		       "%s does not say which kernel it is of: give --kernel-version 'TEXT', the text of "
		       "/proc/version on the device",
		       q->from);
}

/* Only what is plainly a name: the release comes from a file. */
static int default_name(const struct kernel_identity *identity, char *into, size_t size)
{
	char release[128];

	kernel_identity_release(identity, release, sizeof(release));
	if (!release[0] || release[0] == '.' || strchr(release, '/') || strlen(release) + 5 > size)
		return log_err(-EINVAL, "the kernel's release '%.80s' makes no file name: give -o FILE",
			       release);
	snprintf(into, size, "%s.btf", release);
	return 0;
}

static int choose_output(const struct request *q, const struct kernel_identity *identity, char *into,
			 size_t size)
{
	char name[140];
	struct stat st;
	int r;

	if (q->output && (stat(q->output, &st) || !S_ISDIR(st.st_mode))) {
		text_copy(into, size, q->output);
		return strlen(q->output) < size
			       ? 0
			       : log_err(-ENAMETOOLONG, "%.80s...: name too long", q->output);
	}
	r = default_name(identity, name, sizeof(name));
	if (r == 0 && (size_t)snprintf(into, size, "%s%s%s", q->output ? q->output : "", q->output ? "/" : "",
				       name) >= size)
		r = log_err(-ENAMETOOLONG, "%.80s...: name too long", q->output);
	return r;
}

static int write_output(const struct btf *btf, const char *path, bool force)
{
	uint32_t size;
	const void *data = btf__raw_data(btf, &size);
	int r = data ? atomic_file_write(path, data, size, force) : -ENOMEM;

	if (r == -EEXIST)
		return log_err(r, "%s is there already: give --force to replace it, or another -o FILE",
			       path);
	if (r == -EINVAL)
		return log_err(r, "%s is no regular file: give another -o FILE", path);
	if (r < 0)
		return log_err(r, "cannot write %s: %s", path, strerror(-r));
	printf("%s: %u bytes, %u types\n", path, size, btf__type_cnt(btf) - 1);
	return 0;
}

static int make_from(const struct request *q, const struct kernel_image *image)
{
	struct kernel_identity identity = image->identity;
	char path[PATH_MAX - 16], why[KERNEL_BTF_WHY];
	struct btf *minimal;
	int r = choose_identity(q, &identity);

	if (r == 0)
		r = choose_output(q, &identity, path, sizeof(path));
	if (r < 0)
		return r;
	r = kernel_btf_minimise(image->btf, &identity, &minimal, why);
	if (r < 0)
		return log_err(r, "cannot use %s: %s", q->from, why);
	r = write_output(minimal, path, q->force);
	btf__free(minimal);
	if (r == 0)
		printf("of: %s\n", identity.version);
	return r;
}

static int make(const struct request *q)
{
	struct kernel_image image;
	char why[KERNEL_BTF_WHY];
	int r = kernel_image_open(q->from, &image, why);

	if (r < 0)
		return log_err(r, "cannot use %s: %s", q->from, why);
	r = make_from(q, &image);
	kernel_image_clear(&image);
	return r;
}

/* --- showing ------------------------------------------------------------------------------------ */

static const char *compare(const struct kernel_identity *file)
{
	struct kernel_identity running;

	kernel_identity_read("/", &running);
	return kernel_identity_same(file, &running) ? "yes" : "no";
}

static int show(const char *path)
{
	struct kernel_identity identity;
	char why[KERNEL_BTF_WHY], release[128];
	struct btf *btf;
	uint32_t size;
	int r;

	libbpf_set_print(NULL);
	r = kernel_btf_read(path, &btf, why);
	if (r < 0)
		return log_err(r, "cannot use %s: %s", path, why);
	if (kernel_btf_identity(btf, &identity)) {
		printf("kernel:    %s\n", identity.version);
		printf("release:   %s\n", kernel_identity_release(&identity, release, sizeof(release)));
		printf("build id:  %s\n", identity.build_id[0] ? identity.build_id : "not known");
		printf("this one:  %s\n", compare(&identity));
	} else {
		printf("kernel:    not said; make it anew with edgeprof btf --from %s --kernel-version "
		       "TEXT\n",
		       path);
	}
	(void)btf__raw_data(btf, &size);
	printf("size:      %u bytes, %u types\n", size, btf__type_cnt(btf) - 1);
	btf__free(btf);
	return 0;
}

int verb_btf(int argc, char **argv)
{
	struct request q = { 0 };
	int r = parse(argc, argv, &q);

	if (r)
		return r < 0 ? 2 : 0;
	r = q.show ? show(q.show) : make(&q);
	return r < 0 ? 1 : 0;
}
