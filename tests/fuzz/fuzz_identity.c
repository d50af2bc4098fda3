/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any content in any of the runtimes' files: what comes out is clean and
 * bounded. The first byte chooses the file, the rest is what it holds.
 */
#include "source/identity.h"

#include "base/text.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define ID "aa1c2526d0ba4c0e9f0c6a7b8d9e0f112233445566778899aabbccddeeff0011"
#define TASKS "/run/containerd/io.containerd.runtime.v2.task"
#define POD "/kubepods/pod7c0d0c2e-3f5a-4a8f-9a55-0f6a8f1f2b11/"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
	const char *directory, *file, *cgroup;
} places[] = {
	{ "/var/lib/docker/containers/" ID, "config.v2.json", POD "docker-" ID ".scope" },
	{ TASKS "/k8s.io/" ID, "config.json", POD "cri-containerd-" ID ".scope" },
	{ TASKS "/demons/infer-ctr", "config.json", "/demons/infer-ctr" },
	{ "/var/lib/containers/storage/overlay-containers", "containers.json", "/libpod_parent/libpod-" ID },
	{ "/run/containers/storage/overlay-containers/" ID "/userdata", "config.json",
	  "/x/crio-conmon-" ID ".scope" },
};
static char root[] = "/tmp/fuzz_identity.XXXXXX";

static void require(bool ok)
{
	if (!ok)
		abort();
}

/* Makes or removes every directory on the way to the place. */
static void each_directory(const char *directory, bool make)
{
	char path[512];
	size_t root_length = strlen(root);

	snprintf(path, sizeof(path), "%s%s", root, directory);
	for (char *p = path + root_length + 1; make && *p; p++) {
		if (*p == '/') {
			*p = '\0';
			(void)mkdir(path, 0700);
			*p = '/';
		}
	}
	if (make)
		require(mkdir(path, 0700) == 0);
	while (!make && strlen(path) > root_length) {
		(void)rmdir(path);
		*strrchr(path, '/') = '\0';
	}
}

static void tear_down(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		each_directory(places[i].directory, false);
	(void)rmdir(root);
}

static void set_up(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	require(mkdtemp(root));
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		each_directory(places[i].directory, true);
	atexit(tear_down);
}

static void check_text(const char *text)
{
	require(!text || (*text && strlen(text) <= CONTAINER_TEXT_MAX_BYTES && text_is_clean(text)));
}

static void check(const struct container_identity *c)
{
	require(c->name && c->id && c->cgroup_path);
	check_text(c->name);
	check_text(c->id);
	check_text(c->image);
	check_text(c->pod);
	check_text(c->pod_uid);
	check_text(c->pod_namespace);
	check_text(c->containerd_namespace);
	require(c->n_labels <= CONTAINER_LABELS_MAX);
	for (size_t i = 0; i < c->n_labels; i++)
		require(text_is_clean(c->labels[i].key) && text_is_clean(c->labels[i].value) &&
			strlen(c->labels[i].value) <= CONTAINER_TEXT_MAX_BYTES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct container_identity c;
	char path[512];
	size_t place;
	int fd, known;

	set_up();
	if (size < 1)
		return 0;
	place = data[0] % ARRAY_SIZE(places);
	snprintf(path, sizeof(path), "%s%s/%s", root, places[place].directory, places[place].file);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	require(fd >= 0 && write(fd, data + 1, size - 1) == (ssize_t)(size - 1));
	close(fd);
	known = identity_resolve(root, NULL, places[place].cgroup, &c);
	require(known == 0 || known == 1);
	check(&c);
	container_identity_clear(&c);
	unlink(path);
	return 0;
}
