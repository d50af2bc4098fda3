/* SPDX-License-Identifier: BSD-2-Clause */
/* Names from the runtimes' files: whole, absent, damaged and hostile. */
#include "source/identity.h"

#include "base/text.h"
#include "source/identity_files.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define NODE TEST_SOURCE_DIR "/tests/fixtures/identity/node"
#define HOSTILE TEST_SOURCE_DIR "/tests/fixtures/identity/hostile"
#define UID "7c0d0c2e-3f5a-4a8f-9a55-0f6a8f1f2b11"
#define TIMES52(c) TIMES13(c) TIMES13(c) TIMES13(c) TIMES13(c)
#define TIMES13(c) c c c c c c c c c c c c c
#define TIMES64(c) TIMES52(c) c c c c c c c c c c c c
#define DOCKER_ID "aa1c2526d0ba" TIMES52("d")
#define DOCKER_K8S_ID "bb2d3637e1cb" TIMES52("e")
#define DOCKER_PAUSE_ID "cc3e4748f2dc" TIMES52("f")
#define CRI_ID "1315772c0b1d" TIMES52("c")
#define CRI_PAUSE_ID "07d39d3700aa" TIMES52("5")
#define K3S_ID "9554c8e8aaaa" TIMES52("3")
#define NERDCTL_ID "5e6f7a8b9c0d" TIMES52("4")
#define PODMAN_ID "deadbeef0001" TIMES52("1")
#define PODMAN_RM_ID "deadbeef0002" TIMES52("2")
#define CRIO_ID "c0ffee000001" TIMES52("7")
#define CRIO_PAUSE_ID "c0ffee000002" TIMES52("8")
#define UNKNOWN_ID TIMES64("f")
#define POD "/kubepods/burstable/pod" UID "/"
#define SLICE                                                                                                \
	"/kubepods.slice/kubepods-burstable.slice/"                                                          \
	"kubepods-burstable-pod7c0d0c2e_3f5a_4a8f_9a55_0f6a8f1f2b11.slice/"

static void assert_text(const char *actual, const char *expected)
{
	if (!expected)
		assert_null(actual);
	else
		assert_string_equal(actual ? actual : "(null)", expected);
}

static const char *label_of(const struct container_identity *c, const char *key)
{
	for (size_t i = 0; i < c->n_labels; i++)
		if (!strcmp(c->labels[i].key, key))
			return c->labels[i].value;
	return NULL;
}

struct expectation {
	int known;
	const char *path;
	enum container_runtime runtime;
	const char *name, *image, *pod, *pod_namespace, *containerd_namespace, *pod_uid;
};

static void check_in(const char *root, const struct expectation *e)
{
	struct container_identity c;
	int known = identity_resolve(root, NULL, e->path, &c);

	if (known != e->known || strcmp(c.name, e->name))
		print_error("%s:\n", e->path);
	assert_int_equal(known, e->known);
	assert_string_equal(container_runtime_name(c.runtime), container_runtime_name(e->runtime));
	assert_text(c.name, e->name);
	assert_text(c.image, e->image);
	assert_text(c.pod, e->pod);
	assert_text(c.pod_namespace, e->pod_namespace);
	assert_text(c.containerd_namespace, e->containerd_namespace);
	assert_text(c.pod_uid, e->pod_uid);
	container_identity_clear(&c);
}

static void check(int known, const char *path, enum container_runtime runtime, const char *name,
		  const char *image)
{
	check_in(NODE,
		 &(struct expectation){
			 .known = known, .path = path, .runtime = runtime, .name = name, .image = image });
}

static void check_pod(int known, const char *path, enum container_runtime runtime, const char *name,
		      const char *image, const char *pod, const char *containerd_namespace)
{
	check_in(NODE, &(struct expectation){ known, path, runtime, name, image, pod, "edge-apps",
					      containerd_namespace, UID });
}

static void test_path_alone(void **state)
{
	check(1, "/", RUNTIME_HOST, "host", NULL);
	check(1, "/a/b", RUNTIME_CGROUP, "/a/b", NULL);
	check(1, "/system.slice/ssh.service", RUNTIME_SYSTEMD, "ssh", NULL);
	check(1, "/system.slice/dev-by\\x2dlabel.swap", RUNTIME_SYSTEMD, "dev-by-label", NULL);
	check(1, "/system.slice/x\\x1b\\x0a.service", RUNTIME_SYSTEMD, "x??", NULL);
	check(1, "/user.slice", RUNTIME_SYSTEMD, "user.slice", NULL);
	check(1, "/machine.slice/systemd-nspawn@web.service/payload/init.scope", RUNTIME_NSPAWN, "web", NULL);
	check(1, "/ep-t1/supervisor", RUNTIME_NSPAWN, "ep-t1/supervisor", NULL);
	check(1, "/docker/buildkit/k2x0v9q8w7e6r5t4y3u2i1o0p", RUNTIME_DOCKER, "buildkit/k2x0v9q8w7e6", NULL);
	check(0, "/docker/" UNKNOWN_ID, RUNTIME_DOCKER, "ffffffffffff", NULL);
	check(0, "/x/" UNKNOWN_ID, RUNTIME_UNSPECIFIED, "ffffffffffff", NULL);
}

static void test_docker(void **state)
{
	struct container_identity c;

	check(1, "/docker/" DOCKER_ID, RUNTIME_DOCKER, "infer-d", "demo-bb:1");
	check(1, "/actions_job/" DOCKER_ID, RUNTIME_DOCKER, "infer-d", "demo-bb:1");
	check_pod(1, POD DOCKER_K8S_ID, RUNTIME_DOCKER, "infer", "sha256:77", "detector", NULL);
	check_pod(1, SLICE "docker-" DOCKER_PAUSE_ID ".scope", RUNTIME_DOCKER, "detector/pause", "pause:3",
		  "detector", NULL);

	assert_int_equal(identity_resolve(NODE, NULL, "/system.slice/docker-" DOCKER_ID ".scope/inner", &c),
			 1);
	assert_string_equal(c.id, DOCKER_ID);
	assert_string_equal(c.cgroup_path, "/system.slice/docker-" DOCKER_ID ".scope");
	assert_int_equal(c.n_labels, 3);
	assert_text(label_of(&c, "com.docker.compose.service"), "det");
	assert_text(label_of(&c, "app"), "detector");
	container_identity_clear(&c);
}

static void test_containerd(void **state)
{
	struct container_identity c;

	check_pod(1, POD CRI_ID, RUNTIME_CONTAINERD, "infer", "localhost/demo-bb:1", "detector-7d9c",
		  "k8s.io");
	check_pod(1, POD CRI_PAUSE_ID, RUNTIME_CONTAINERD, "detector-7d9c/pause", NULL, "detector-7d9c",
		  "k8s.io");
	check_pod(1, SLICE "cri-containerd-" K3S_ID ".scope", RUNTIME_CONTAINERD, "metrics",
		  "rancher/metrics:2", "detector-7d9c", "k8s.io");
	/* not known to any runtime, but the kubelet's log directory names the pod */
	check_pod(0, POD UNKNOWN_ID, RUNTIME_KUBERNETES, "ffffffffffff", NULL, "detector-7d9c", NULL);
	check_pod(1, "/kubepods/burstable/pod" UID, RUNTIME_KUBERNETES, "detector-7d9c", NULL,
		  "detector-7d9c", NULL);
	check_in(NODE, &(struct expectation){ 1, "/default/" NERDCTL_ID, RUNTIME_CONTAINERD, "infer-n", NULL,
					      NULL, NULL, "default", NULL });

	assert_int_equal(identity_resolve(NODE, NULL, POD CRI_ID, &c), 1);
	assert_int_equal(c.n_labels, 1);
	assert_text(label_of(&c, "team"), "vision");
	container_identity_clear(&c);
}

static void test_plain_containerd(void **state)
{
	static const char *const paths[] = { "/demons/infer-ctr", "/demons/infer-ctr/sub/cgroup" };
	struct container_identity c;

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		assert_int_equal(identity_resolve(NODE, NULL, paths[i], &c), 1);
		assert_int_equal(c.runtime, RUNTIME_CONTAINERD);
		assert_string_equal(c.id, "infer-ctr");
		assert_string_equal(c.name, "infer-ctr");
		assert_string_equal(c.containerd_namespace, "demons");
		assert_string_equal(c.cgroup_path, "/demons/infer-ctr");
		assert_text(label_of(&c, "app"), "detector");
		container_identity_clear(&c);
	}
	/* the bundle names another cgroup */
	check(1, "/demons/elsewhere", RUNTIME_CGROUP, "/demons/elsewhere", NULL);
	check(1, "/../demons/infer-ctr", RUNTIME_CGROUP, "/../demons/infer-ctr", NULL);
	check(1,
	      "/moby/"
	      "infer",
	      RUNTIME_CGROUP, "/moby/infer", NULL);
}

static void test_podman(void **state)
{
	check(1, "/libpod_parent/libpod-" PODMAN_ID, RUNTIME_PODMAN, "infer-1", "localhost/demo-bb:1");
	check(1, "/libpod_parent/libpod-" PODMAN_ID "/system.slice/ssh.service", RUNTIME_PODMAN, "infer-1",
	      "localhost/demo-bb:1");
	check(1, "/machine.slice/libpod-" PODMAN_RM_ID ".scope", RUNTIME_PODMAN, "infer-rm",
	      "localhost/demo-bb:2");
	check(1, "/machine.slice/libpod-conmon-" PODMAN_ID ".scope", RUNTIME_PODMAN, "infer-1/conmon", NULL);
	check(0, "/machine.slice/libpod-conmon-" UNKNOWN_ID ".scope", RUNTIME_PODMAN, "ffffffffffff/conmon",
	      NULL);
	/* a podman bundle is no CRI-O container */
	check(0, "/system.slice/crio-" PODMAN_ID ".scope", RUNTIME_CRIO, "deadbeef0001", NULL);
}

static void test_crio(void **state)
{
	struct container_identity c;

	check_pod(1, SLICE "crio-" CRIO_ID ".scope", RUNTIME_CRIO, "infer", "quay.io/demo:1", "detector-7d9c",
		  NULL);
	check_pod(1, SLICE "crio-" CRIO_PAUSE_ID ".scope", RUNTIME_CRIO, "detector-7d9c/pause", NULL,
		  "detector-7d9c", NULL);
	check_pod(1, SLICE "crio-conmon-" CRIO_ID ".scope", RUNTIME_CRIO, "infer/conmon", NULL,
		  "detector-7d9c", NULL);

	assert_int_equal(identity_resolve(NODE, NULL, SLICE "crio-" CRIO_ID ".scope/container", &c), 1);
	assert_int_equal(c.n_labels, 1);
	assert_text(label_of(&c, "tier"), "backend");
	container_identity_clear(&c);
}

static void test_paths(void **state)
{
	const struct identity_paths none = { "", "", "", "", "" };
	const struct identity_paths moved = { .docker_roots = "/nowhere::/var/lib/docker" };
	struct container_identity c;

	assert_int_equal(identity_resolve(NODE, &none, "/docker/" DOCKER_ID, &c), 0);
	assert_string_equal(c.name, "aa1c2526d0ba");
	container_identity_clear(&c);
	assert_int_equal(identity_resolve(NODE, &moved, "/docker/" DOCKER_ID, &c), 1);
	assert_string_equal(c.name, "infer-d");
	container_identity_clear(&c);
	assert_int_equal(identity_resolve("/nonexistent", NULL, "/docker/" DOCKER_ID, &c), 0);
	container_identity_clear(&c);
}

static void check_hostile(int known, const char *path, enum container_runtime runtime, const char *name)
{
	check_in(HOSTILE,
		 &(struct expectation){ .known = known, .path = path, .runtime = runtime, .name = name });
}

static void test_damaged_docker(void **state)
{
	check_hostile(0, "/docker/" TIMES64("1"), RUNTIME_DOCKER, "111111111111"); /* cut */
	check_hostile(0, "/docker/" TIMES64("2"), RUNTIME_DOCKER, "222222222222"); /* another's */
	check_hostile(0, "/docker/" TIMES64("4"), RUNTIME_DOCKER, "444444444444"); /* wrong types */
	check_hostile(0, "/docker/" TIMES64("6"), RUNTIME_DOCKER, "666666666666"); /* no object */
	check_hostile(0, "/docker/" TIMES64("7"), RUNTIME_DOCKER, "777777777777"); /* 20000 deep */
	check_hostile(0, "/docker/" TIMES64("8"), RUNTIME_DOCKER, "888888888888"); /* empty */
	check_hostile(1, "/docker/" TIMES64("9"), RUNTIME_DOCKER, "types");
}

static void test_hostile_text(void **state)
{
	struct container_identity c;
	const char *value;

	assert_int_equal(identity_resolve(HOSTILE, NULL, "/docker/" TIMES64("5"), &c), 1);
	assert_string_equal(c.name, "e?[31mvil??");
	assert_null(c.image);
	assert_int_equal(c.n_labels, CONTAINER_LABELS_MAX);
	assert_text(label_of(&c, "a?b"), "c?d");
	assert_null(label_of(&c, "n"));
	value = label_of(&c, "long");
	assert_non_null(value);
	assert_int_equal(strlen(value), CONTAINER_TEXT_MAX_BYTES);
	assert_true(text_is_clean(value));
	container_identity_clear(&c);
}

static void test_damaged_others(void **state)
{
	const struct expectation nameless = { 1,
					      "/x/cri-containerd-" TIMES64("2") ".scope",
					      RUNTIME_CONTAINERD,
					      "222222222222",
					      NULL,
					      NULL,
					      NULL,
					      "k8s.io",
					      NULL };

	check_hostile(0, "/x/cri-containerd-" TIMES64("1") ".scope", RUNTIME_CONTAINERD, "111111111111");
	check_in(HOSTILE, &nameless);
	check_hostile(1, "/ns/id", RUNTIME_CGROUP, "/ns/id");
	check_hostile(0, "/libpod_parent/libpod-" TIMES64("a"), RUNTIME_PODMAN, "aaaaaaaaaaaa");
	check_hostile(0, "/libpod_parent/libpod-" TIMES64("b"), RUNTIME_PODMAN, "bbbbbbbbbbbb");
	check_hostile(1, "/libpod_parent/libpod-" TIMES64("c"), RUNTIME_PODMAN, "by-metadata");
	check_hostile(1, "/libpod_parent/libpod-" TIMES64("d"), RUNTIME_PODMAN, "by-names");
	check_hostile(0, "/libpod_parent/libpod-" TIMES64("e"), RUNTIME_PODMAN, "eeeeeeeeeeee");
	check_hostile(0, "/x/crio-" TIMES64("1") ".scope", RUNTIME_CRIO, "111111111111");
	check_hostile(1, "/x/crio-" TIMES64("2") ".scope", RUNTIME_CRIO, "222222222222");
	check_in(HOSTILE, &(struct expectation){ .path = "/kubepods/pod" UID,
						 .runtime = RUNTIME_KUBERNETES,
						 .name = UID,
						 .pod_uid = UID });
}

/* --- files of the wrong kind --- */

struct scratch {
	char root[64], directory[256], file[320];
};

static void scratch_make(struct scratch *s)
{
	static const char *const steps[] = { "/var", "/var/lib", "/var/lib/docker",
					     "/var/lib/docker/containers",
					     "/var/lib/docker/containers/" DOCKER_ID };

	text_copy(s->root, sizeof(s->root), "/tmp/test_identity.XXXXXX");
	assert_non_null(mkdtemp(s->root));
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		snprintf(s->directory, sizeof(s->directory), "%s%s", s->root, steps[i]);
		assert_int_equal(mkdir(s->directory, 0700), 0);
	}
	snprintf(s->file, sizeof(s->file), "%s/config.v2.json", s->directory);
}

static void scratch_remove(struct scratch *s)
{
	unlink(s->file);
	for (char *end; strlen(s->directory) >= strlen(s->root); *end = '\0') {
		assert_int_equal(rmdir(s->directory), 0);
		end = strrchr(s->directory, '/');
	}
}

static void expect_unread(const struct scratch *s)
{
	struct container_identity c;

	assert_int_equal(identity_resolve(s->root, NULL, "/docker/" DOCKER_ID, &c), 0);
	assert_string_equal(c.name, "aa1c2526d0ba");
	container_identity_clear(&c);
	unlink(s->file);
}

static void test_wrong_kinds_of_files(void **state)
{
	struct container_identity c;
	struct scratch s;

	scratch_make(&s);
	assert_int_equal(mkfifo(s.file, 0600), 0);
	expect_unread(&s);
	assert_int_equal(symlink("/dev/zero", s.file), 0);
	expect_unread(&s);
	assert_int_equal(symlink("config.v2.json", s.file), 0);
	expect_unread(&s);
	assert_int_equal(mkdir(s.file, 0700), 0);
	assert_int_equal(identity_resolve(s.root, NULL, "/docker/" DOCKER_ID, &c), 0);
	container_identity_clear(&c);
	assert_int_equal(rmdir(s.file), 0);
	/* a link to a good file is followed: storage is moved that way */
	assert_int_equal(symlink(NODE "/var/lib/docker/containers/" DOCKER_ID "/config.v2.json", s.file), 0);
	assert_int_equal(identity_resolve(s.root, NULL, "/docker/" DOCKER_ID, &c), 1);
	assert_string_equal(c.name, "infer-d");
	container_identity_clear(&c);
	scratch_remove(&s);
}

static void write_sized(const char *path, size_t size)
{
	static const char head[] = "{\"ID\":\"" DOCKER_ID "\",\"Name\":\"/big\",\"pad\":\"";
	_cleanup_free_ char *text = malloc(size);
	_cleanup_fclose_ FILE *f = fopen(path, "we");

	assert_non_null(text);
	assert_non_null(f);
	memset(text, 'x', size);
	memcpy(text, head, strlen(head));
	memcpy(text + size - 2, "\"}", 2);
	assert_int_equal(fwrite(text, 1, size, f), size);
}

static void test_huge_files(void **state)
{
	struct container_identity c;
	struct scratch s;

	scratch_make(&s);
	write_sized(s.file, IDENTITY_FILE_MAX_BYTES);
	assert_int_equal(identity_resolve(s.root, NULL, "/docker/" DOCKER_ID, &c), 1);
	assert_string_equal(c.name, "big");
	container_identity_clear(&c);
	write_sized(s.file, IDENTITY_FILE_MAX_BYTES + 1);
	expect_unread(&s);
	write_sized(s.file, 4096);
	assert_int_equal(truncate(s.file, 1ll << 40), 0); /* sparse */
	expect_unread(&s);
	scratch_remove(&s);
}

/* --- pieces --- */

static void test_components(void **state)
{
	static const char *const good[] = { "a", "infer-ctr", "k8s.io", "A_b.c-9", "...", UNKNOWN_ID };
	static const char *const bad[] = {
		"", ".", "..", "a/b", "../x", "a b", "a\n", "caf\xc3\xa9", "a%s:"
	};
	char long_name[NAME_MAX + 2];

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(identity_is_component(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(identity_is_component(bad[i]));
	memset(long_name, 'a', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	assert_false(identity_is_component(long_name));
}

static void test_directory_lists(void **state)
{
	const char *list = ":/a::/too-long-for-it:/b:";
	char directory[8];

	assert_true(identity_next_directory(&list, directory, sizeof(directory)));
	assert_string_equal(directory, "/a");
	assert_true(identity_next_directory(&list, directory, sizeof(directory)));
	assert_string_equal(directory, "/b");
	assert_false(identity_next_directory(&list, directory, sizeof(directory)));
}

static void test_identity_fields(void **state)
{
	struct container_identity c = {};
	char long_text[2 * CONTAINER_TEXT_MAX_BYTES];

	memset(long_text, 'a', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	memcpy(long_text + CONTAINER_TEXT_MAX_BYTES - 1, "\xc3\xa9", 2);
	assert_int_equal(container_identity_set(&c.name, long_text), 0);
	assert_int_equal(strlen(c.name), CONTAINER_TEXT_MAX_BYTES - 1); /* not through the character */
	assert_int_equal(container_identity_set(&c.name, NULL), 0);
	assert_int_equal(container_identity_set(&c.name, ""), 0);
	assert_non_null(c.name);
	for (int i = 0; i < 2 * CONTAINER_LABELS_MAX; i++)
		assert_int_equal(container_identity_add_label(&c, "key", long_text), 0);
	assert_int_equal(c.n_labels, CONTAINER_LABELS_MAX);
	container_identity_clear(&c);
	assert_null(c.labels);
	container_identity_clear(&c);
	container_identity_clear(NULL);
	assert_string_equal(container_runtime_name((enum container_runtime)999), "unspecified");
	for (int r = 0; r < RUNTIME_COUNT; r++)
		assert_non_null(container_runtime_name((enum container_runtime)r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_path_alone),
		cmocka_unit_test(test_docker),
		cmocka_unit_test(test_containerd),
		cmocka_unit_test(test_plain_containerd),
		cmocka_unit_test(test_podman),
		cmocka_unit_test(test_crio),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_damaged_docker),
		cmocka_unit_test(test_hostile_text),
		cmocka_unit_test(test_damaged_others),
		cmocka_unit_test(test_wrong_kinds_of_files),
		cmocka_unit_test(test_huge_files),
		cmocka_unit_test(test_components),
		cmocka_unit_test(test_directory_lists),
		cmocka_unit_test(test_identity_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
