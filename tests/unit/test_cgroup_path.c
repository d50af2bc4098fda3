/* SPDX-License-Identifier: BSD-2-Clause */
/* Every path shape of docs/containers.md, and what hostile names may not do. */
#include "model/cgroup_path.h"

#include "base/cleanup.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ID_A "aa1c2526d0ba4c0e9f0c6a7b8d9e0f112233445566778899aabbccddeeff0011"
#define ID_B "1315772c0b1d4f3e8a5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f901234"
#define BUILD_ID "k2x0v9q8w7e6r5t4y3u2i1o0p"
#define UID "7c0d0c2e-3f5a-4a8f-9a55-0f6a8f1f2b11"
#define UID_ "7c0d0c2e_3f5a_4a8f_9a55_0f6a8f1f2b11"
#define STATIC_UID "f4c9ad1c1d4f6a7b8c9d0e1f2a3b4c5d"
#define BURSTABLE_SLICE "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_ ".slice"

struct shape {
	bool helper;
	const char *path;
	const char *own; /* NULL: the whole path */
	enum container_runtime runtime;
	const char *id; /* NULL: the whole path */
	const char *pod_uid, *qos;
};

/* pod_uid and qos may follow */
#define SHAPE(p, o, r, i, ...)                                                                               \
	{                                                                                                    \
		.helper = false, .path = p, .own = o, .runtime = r, .id = i, ##__VA_ARGS__                   \
	}
#define HELPER(p, o, r, i, ...)                                                                              \
	{                                                                                                    \
		.helper = true, .path = p, .own = o, .runtime = r, .id = i, ##__VA_ARGS__                    \
	}

static void check(const struct shape *shape)
{
	const char *own = shape->own ? shape->own : shape->path;
	const char *id = shape->id ? shape->id : shape->path;
	struct cgroup_path p;

	cgroup_path_parse(shape->path, &p);
	if (p.runtime != shape->runtime || strcmp(p.id, id) || p.own_length != strlen(own))
		print_error("%s:\n", shape->path);
	assert_string_equal(container_runtime_name(p.runtime), container_runtime_name(shape->runtime));
	assert_string_equal(p.id, id);
	assert_string_equal(p.pod_uid, shape->pod_uid ? shape->pod_uid : "");
	assert_string_equal(p.qos, shape->qos ? shape->qos : "");
	assert_int_equal(p.own_length, strlen(own));
	assert_memory_equal(shape->path, own, strlen(own));
	assert_int_equal(p.helper, shape->helper);
}

static void check_all(const struct shape *shapes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check(&shapes[i]);
}

static void test_docker(void **state)
{
	static const struct shape shapes[] = {
		SHAPE("/docker/" ID_A, NULL, RUNTIME_DOCKER, ID_A),
		SHAPE("/docker/" ID_A "/sub/more", "/docker/" ID_A, RUNTIME_DOCKER, ID_A),
		SHAPE("/system.slice/docker-" ID_A ".scope", NULL, RUNTIME_DOCKER, ID_A),
		SHAPE("/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" ID_A ".scope", NULL,
		      RUNTIME_DOCKER, ID_A),
		SHAPE("/kubepods.slice/kubepods-pod" UID_ ".slice/docker-" ID_A ".scope", NULL,
		      RUNTIME_DOCKER, ID_A, UID, "guaranteed"),
		SHAPE("/docker/" ID_A "/docker/" ID_B, NULL, RUNTIME_DOCKER, ID_B),
		SHAPE("/../docker/" ID_A, NULL, RUNTIME_DOCKER, ID_A),
		SHAPE("/docker/buildkit/" BUILD_ID, NULL, RUNTIME_DOCKER, BUILD_ID),
		SHAPE("/docker/buildkit/" BUILD_ID "/x", "/docker/buildkit/" BUILD_ID, RUNTIME_DOCKER,
		      BUILD_ID),
		SHAPE("/system.slice/docker-" BUILD_ID ".scope", NULL, RUNTIME_DOCKER, BUILD_ID),
		SHAPE("/docker", NULL, RUNTIME_CGROUP, NULL),
		SHAPE("/docker/buildkit", NULL, RUNTIME_CGROUP, NULL),
		SHAPE("/system.slice/docker.service", NULL, RUNTIME_SYSTEMD, "docker.service"),
	};

	check_all(shapes, ARRAY_SIZE(shapes));
}

static void test_kubernetes_cgroupfs(void **state)
{
	static const struct shape shapes[] = {
		SHAPE("/kubepods/burstable/pod" UID "/" ID_B, NULL, RUNTIME_KUBERNETES, ID_B, UID,
		      "burstable"),
		SHAPE("/kubepods/besteffort/pod" UID "/" ID_B, NULL, RUNTIME_KUBERNETES, ID_B, UID,
		      "besteffort"),
		SHAPE("/kubepods/pod" UID "/" ID_B, NULL, RUNTIME_KUBERNETES, ID_B, UID, "guaranteed"),
		SHAPE("/kubepods/pod" UID "/" ID_B "/init.scope", "/kubepods/pod" UID "/" ID_B,
		      RUNTIME_KUBERNETES, ID_B, UID, "guaranteed"),
		SHAPE("/kubelet/kubepods/burstable/pod" UID "/" ID_B, NULL, RUNTIME_KUBERNETES, ID_B, UID,
		      "burstable"),
		SHAPE("/kubepods/burstable/pod" STATIC_UID "/" ID_B, NULL, RUNTIME_KUBERNETES, ID_B,
		      STATIC_UID, "burstable"),
		SHAPE("/kubepods/burstable/pod" UID "/crio-" ID_B, NULL, RUNTIME_CRIO, ID_B, UID,
		      "burstable"),
		HELPER("/kubepods/burstable/pod" UID "/crio-conmon-" ID_B, NULL, RUNTIME_CRIO, ID_B, UID,
		       "burstable"),
		SHAPE("/kubepods/burstable/pod" UID, NULL, RUNTIME_KUBERNETES, UID, UID, "burstable"),
		SHAPE("/kubepods/pod" STATIC_UID, NULL, RUNTIME_KUBERNETES, STATIC_UID, STATIC_UID,
		      "guaranteed"),
		SHAPE("/kubepods/burstable", NULL, RUNTIME_CGROUP, NULL),
		SHAPE("/kubepods", NULL, RUNTIME_CGROUP, NULL),
		SHAPE("/kubepods/burstable/podcast", NULL, RUNTIME_CGROUP, NULL),
		SHAPE("/pod" UID, NULL, RUNTIME_CGROUP, NULL),
		/* kind: the node itself is a container */
		SHAPE("/docker/" ID_A "/kubelet/kubepods/besteffort/pod" UID "/" ID_B, NULL,
		      RUNTIME_KUBERNETES, ID_B, UID, "besteffort"),
		SHAPE("/docker/" ID_A "/kubelet/kubepods/besteffort/pod" UID, NULL, RUNTIME_KUBERNETES, UID,
		      UID, "besteffort"),
		SHAPE("/docker/" ID_A "/kubelet/kubepods", "/docker/" ID_A, RUNTIME_DOCKER, ID_A),
		/* docker inside a pod */
		SHAPE("/kubepods/burstable/pod" UID "/" ID_A "/docker/" ID_B, NULL, RUNTIME_DOCKER, ID_B, UID,
		      "burstable"),
		SHAPE("/../../pod" UID "/" ID_B, NULL, RUNTIME_UNSPECIFIED, ID_B),
	};

	check_all(shapes, ARRAY_SIZE(shapes));
}

static void test_kubernetes_systemd(void **state)
{
	static const struct shape shapes[] = {
		SHAPE(BURSTABLE_SLICE "/cri-containerd-" ID_B ".scope", NULL, RUNTIME_CONTAINERD, ID_B, UID,
		      "burstable"),
		SHAPE(BURSTABLE_SLICE "/crio-" ID_B ".scope", NULL, RUNTIME_CRIO, ID_B, UID, "burstable"),
		SHAPE(BURSTABLE_SLICE "/crio-" ID_B ".scope/container",
		      BURSTABLE_SLICE "/crio-" ID_B ".scope", RUNTIME_CRIO, ID_B, UID, "burstable"),
		HELPER(BURSTABLE_SLICE "/crio-conmon-" ID_B ".scope", NULL, RUNTIME_CRIO, ID_B, UID,
		       "burstable"),
		SHAPE(BURSTABLE_SLICE "/libpod-" ID_B ".scope", NULL, RUNTIME_PODMAN, ID_B, UID, "burstable"),
		SHAPE(BURSTABLE_SLICE, NULL, RUNTIME_KUBERNETES, UID, UID, "burstable"),
		SHAPE("/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" UID_
		      ".slice/cri-containerd-" ID_B ".scope",
		      NULL, RUNTIME_CONTAINERD, ID_B, UID, "besteffort"),
		SHAPE("/kubepods.slice/kubepods-pod" UID_ ".slice/cri-containerd-" ID_B ".scope", NULL,
		      RUNTIME_CONTAINERD, ID_B, UID, "guaranteed"),
		SHAPE("/kubepods.slice/kubepods-pod" STATIC_UID ".slice/cri-containerd-" ID_B ".scope", NULL,
		      RUNTIME_CONTAINERD, ID_B, STATIC_UID, "guaranteed"),
		SHAPE("/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/"
		      "kubelet-kubepods-burstable-pod" UID_ ".slice/cri-containerd-" ID_B ".scope",
		      NULL, RUNTIME_CONTAINERD, ID_B, UID, "burstable"),
		/* minikube: nested in the node's container */
		SHAPE("/docker/" ID_A BURSTABLE_SLICE "/docker-" ID_B ".scope", NULL, RUNTIME_DOCKER, ID_B,
		      UID, "burstable"),
		/* a systemd name under the cgroupfs driver */
		SHAPE("/system.slice/containerd.service/kubepods-burstable-pod" UID_
		      ".slice:cri-containerd:" ID_B,
		      NULL, RUNTIME_CONTAINERD, ID_B, UID, "burstable"),
		SHAPE("/kubepods.slice", NULL, RUNTIME_SYSTEMD, "kubepods.slice"),
		SHAPE("/kubepods.slice/kubepods-burstable.slice", NULL, RUNTIME_SYSTEMD,
		      "kubepods-burstable.slice"),
	};

	check_all(shapes, ARRAY_SIZE(shapes));
}

static void test_podman(void **state)
{
	static const struct shape shapes[] = {
		SHAPE("/libpod_parent/libpod-" ID_A, NULL, RUNTIME_PODMAN, ID_A),
		SHAPE("/libpod_parent/libpod-" ID_A "/system.slice/ssh.service",
		      "/libpod_parent/libpod-" ID_A, RUNTIME_PODMAN, ID_A),
		SHAPE("/libpod_parent/libpod-" ID_A "/init.scope", "/libpod_parent/libpod-" ID_A,
		      RUNTIME_PODMAN, ID_A),
		SHAPE("/libpod_parent/libpod-" ID_A "/payload", "/libpod_parent/libpod-" ID_A, RUNTIME_PODMAN,
		      ID_A),
		SHAPE("/libpod_parent/" ID_B, NULL, RUNTIME_PODMAN, ID_B),
		SHAPE("/libpod_parent/" ID_B "/libpod-" ID_A, NULL, RUNTIME_PODMAN, ID_A),
		SHAPE("/libpod_parent/conmon", NULL, RUNTIME_CGROUP, NULL),
		SHAPE("/machine.slice/libpod-" ID_A ".scope", NULL, RUNTIME_PODMAN, ID_A),
		SHAPE("/machine.slice/libpod-" ID_A ".scope/container",
		      "/machine.slice/libpod-" ID_A ".scope", RUNTIME_PODMAN, ID_A),
		HELPER("/machine.slice/libpod-conmon-" ID_A ".scope", NULL, RUNTIME_PODMAN, ID_A),
		SHAPE("/machine.slice/machine-libpod_pod_" ID_B ".slice", NULL, RUNTIME_SYSTEMD,
		      "machine-libpod_pod_" ID_B ".slice"),
		SHAPE("/machine.slice/machine-libpod_pod_" ID_B ".slice/libpod-" ID_A ".scope", NULL,
		      RUNTIME_PODMAN, ID_A),
		SHAPE("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID_A ".scope", NULL,
		      RUNTIME_PODMAN, ID_A),
		SHAPE("/system.slice/infer.service/libpod-payload-" ID_A, NULL, RUNTIME_PODMAN, ID_A),
		/* podman's health check runs as a unit named for the container */
		SHAPE("/system.slice/" ID_A ".service", NULL, RUNTIME_SYSTEMD, ID_A ".service"),
	};

	check_all(shapes, ARRAY_SIZE(shapes));
}

static void test_systemd(void **state)
{
	static const struct shape shapes[] = {
		SHAPE("/system.slice/ssh.service", NULL, RUNTIME_SYSTEMD, "ssh.service"),
		SHAPE("/system.slice/ssh.service/worker/1", "/system.slice/ssh.service", RUNTIME_SYSTEMD,
		      "ssh.service"),
		SHAPE("/system.slice/system-getty.slice/getty@tty1.service", NULL, RUNTIME_SYSTEMD,
		      "getty@tty1.service"),
		SHAPE("/init.scope", NULL, RUNTIME_SYSTEMD, "init.scope"),
		SHAPE("/system.slice/dev-disk-by\\x2dlabel-swap.swap", NULL, RUNTIME_SYSTEMD,
		      "dev-disk-by\\x2dlabel-swap.swap"),
		SHAPE("/dev-hugepages.mount", NULL, RUNTIME_SYSTEMD, "dev-hugepages.mount"),
		SHAPE("/system.slice", NULL, RUNTIME_SYSTEMD, "system.slice"),
		SHAPE("/user.slice/user-1000.slice", NULL, RUNTIME_SYSTEMD, "user-1000.slice"),
		SHAPE("/user.slice/user-1000.slice/session-2.scope", NULL, RUNTIME_SYSTEMD,
		      "session-2.scope"),
		SHAPE("/user.slice/user-1000.slice/user@1000.service", NULL, RUNTIME_SYSTEMD,
		      "user@1000.service"),
		SHAPE("/user.slice/user-1000.slice/user@1000.service/app.slice/term.service",
		      "/user.slice/user-1000.slice/user@1000.service", RUNTIME_SYSTEMD, "user@1000.service"),
		SHAPE("/user.slice/user-1000.slice/user@1000.service/init.scope",
		      "/user.slice/user-1000.slice/user@1000.service", RUNTIME_SYSTEMD, "user@1000.service"),
		SHAPE("/system.slice/plain", NULL, RUNTIME_CGROUP, NULL),
		SHAPE("/system.slice/x.service/supervisor", "/system.slice/x.service", RUNTIME_SYSTEMD,
		      "x.service"),
		SHAPE("/machine.slice/machine-qemu\\x2d1\\x2dvm.scope", NULL, RUNTIME_SYSTEMD,
		      "machine-qemu\\x2d1\\x2dvm.scope"),
		SHAPE("/.service", NULL, RUNTIME_CGROUP, NULL),
		SHAPE("/.slice", NULL, RUNTIME_CGROUP, NULL),
	};

	check_all(shapes, ARRAY_SIZE(shapes));
}

static void test_nspawn(void **state)
{
	static const struct shape shapes[] = {
		SHAPE("/ep-t1/payload/system.slice/x.service", "/ep-t1/payload", RUNTIME_NSPAWN, "ep-t1"),
		SHAPE("/ep-t1/payload/init.scope", "/ep-t1/payload", RUNTIME_NSPAWN, "ep-t1"),
		SHAPE("/ep-t1/payload", NULL, RUNTIME_NSPAWN, "ep-t1"),
		SHAPE("/payload/init.scope", "/payload", RUNTIME_NSPAWN, "payload"),
		HELPER("/ep-t1/supervisor", NULL, RUNTIME_NSPAWN, "ep-t1"),
		HELPER("/supervisor", NULL, RUNTIME_NSPAWN, "supervisor"),
		SHAPE("/machine.slice/systemd-nspawn@web.service/payload/system.slice/x.service",
		      "/machine.slice/systemd-nspawn@web.service", RUNTIME_NSPAWN, "web"),
		SHAPE("/machine.slice/systemd-nspawn@web.service/supervisor",
		      "/machine.slice/systemd-nspawn@web.service", RUNTIME_NSPAWN, "web"),
		SHAPE("/machine.slice/systemd-nspawn@edge\\x2d7.service", NULL, RUNTIME_NSPAWN, "edge-7"),
		SHAPE("/machine.slice/machine-web.scope/payload/init.scope",
		      "/machine.slice/machine-web.scope", RUNTIME_NSPAWN, "web"),
		/* containers inside a machine are their own */
		SHAPE("/ep-t1/payload/system.slice/docker-" ID_A ".scope", NULL, RUNTIME_DOCKER, ID_A),
		SHAPE("/ep-t1/payload" BURSTABLE_SLICE "/cri-containerd-" ID_B ".scope", NULL,
		      RUNTIME_CONTAINERD, ID_B, UID, "burstable"),
		SHAPE("/ep-t1/payload/machine.slice/systemd-nspawn@in.service/payload/init.scope",
		      "/ep-t1/payload/machine.slice/systemd-nspawn@in.service", RUNTIME_NSPAWN, "in"),
	};

	check_all(shapes, ARRAY_SIZE(shapes));
}

static void test_plain(void **state)
{
	static const struct shape shapes[] = {
		SHAPE("/", NULL, RUNTIME_HOST, "/"),
		SHAPE("", NULL, RUNTIME_HOST, "/"),
		SHAPE("/demons/infer-ctr", NULL, RUNTIME_CGROUP,
		      NULL), /* ctr: only the state directory can tell */
		SHAPE("/a/b/c", NULL, RUNTIME_CGROUP, NULL),
		SHAPE("/a/", "/a", RUNTIME_CGROUP, "/a"),
		SHAPE("/..", NULL, RUNTIME_CGROUP, NULL),
		SHAPE("/../x", NULL, RUNTIME_CGROUP, NULL),
		SHAPE("/../../x", NULL, RUNTIME_CGROUP, NULL),
		SHAPE("/default/" ID_A, NULL, RUNTIME_UNSPECIFIED, ID_A),
		SHAPE("/actions_job/" ID_A "/sub", "/actions_job/" ID_A, RUNTIME_UNSPECIFIED, ID_A),
		SHAPE("/ecs/task/" ID_A, NULL, RUNTIME_UNSPECIFIED, ID_A),
		SHAPE("/system.slice/nerdctl-" ID_A ".scope", NULL, RUNTIME_CONTAINERD, ID_A),
		SHAPE("/system.slice/other-" ID_A ".scope", NULL, RUNTIME_UNSPECIFIED, ID_A),
		SHAPE("/x" ID_A, NULL, RUNTIME_CGROUP, NULL), /* 65 digits are no id */
		SHAPE("/docker/AA1C2526D0BA4C0E9F0C6A7B8D9E0F112233445566778899AABBCCDDEEFF0011", NULL,
		      RUNTIME_CGROUP, NULL),
		SHAPE("/ev\x1b[31mil", NULL, RUNTIME_CGROUP, "/ev?[31mil"),
		SHAPE("no-slash", NULL, RUNTIME_CGROUP, NULL),
	};

	check_all(shapes, ARRAY_SIZE(shapes));
}

static void test_prefix_gives_the_same(void **state)
{
	static const char *const paths[] = {
		"/docker/" ID_A "/kubelet/kubepods/besteffort/pod" UID "/" ID_B "/init.scope",
		"/ep-t1/payload/system.slice/x.service",
		"/kubepods/burstable/pod" UID "/not-an-id/deeper",
		"/system.slice/x.service/y.service",
	};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct cgroup_path all, own;
		char prefix[EP_PATH_MAX];

		cgroup_path_parse(paths[i], &all);
		text_copy(prefix, all.own_length + 1, paths[i]);
		cgroup_path_parse(prefix, &own);
		assert_memory_equal(&all, &own, sizeof(all));
	}
}

static void test_long_path(void **state)
{
	char path[3 * EP_PATH_MAX];
	struct cgroup_path p;

	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	cgroup_path_parse(path, &p);
	assert_int_equal(p.runtime, RUNTIME_CGROUP);
	assert_int_equal(p.own_length, sizeof(path) - 1);
	assert_int_equal(strlen(p.id), sizeof(p.id) - 1);
}

static void test_unit_name(void **state)
{
	static const char *const cases[][2] = {
		{ "ssh.service", "ssh" },
		{ "dev-disk-by\\x2dlabel-a.swap", "dev-disk-by-label-a" },
		{ "session-2.scope", "session-2" },
		{ "user-1000.slice", "user-1000.slice" },
		{ "run-r\\x1b\\x5b31m.scope", "run-r?[31m" },
		{ "nul\\x00nul.service", "nul?nul" },
		{ "cut\\x2", "cut\\x2" },
		{ "cut\\x", "cut\\x" },
		{ "bad\\xzz.service", "bad\\xzz" },
		{ "caf\\xc3\\xa9.service", "caf\xc3\xa9" },
		{ "broken\\xc3.service", "broken?" },
		{ ".service", ".service" },
		{ "", "" },
	};
	char name[64], tiny[4];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cgroup_path_unit_name(cases[i][0], name, sizeof(name));
		assert_string_equal(name, cases[i][1]);
	}
	cgroup_path_unit_name("long-name.service", tiny, sizeof(tiny));
	assert_string_equal(tiny, "lon");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_docker),
		cmocka_unit_test(test_kubernetes_cgroupfs),
		cmocka_unit_test(test_kubernetes_systemd),
		cmocka_unit_test(test_podman),
		cmocka_unit_test(test_systemd),
		cmocka_unit_test(test_nspawn),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_prefix_gives_the_same),
		cmocka_unit_test(test_long_path),
		cmocka_unit_test(test_unit_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
