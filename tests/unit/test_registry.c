/* SPDX-License-Identifier: BSD-2-Clause */
/* Containers come, go, come again under the same name, and keep what their
 * cgroups counted. A folder tree stands for the hierarchy. */
#include "core/blames.h"
#include "core/registry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct tree {
	char root[64];
	struct registry registry;
};

static void make(const struct tree *t, const char *path)
{
	char full[256], procs[300];
	FILE *f;

	snprintf(full, sizeof(full), "%s/cg%s", t->root, path);
	assert_int_equal(mkdir(full, 0755), 0);
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", full);
	f = fopen(procs, "we");
	assert_non_null(f);
	fputs("1\n", f);
	fclose(f);
}

static void drop(const struct tree *t, const char *path)
{
	char command[300];

	snprintf(command, sizeof(command), "%s/cg%s/cgroup.procs", t->root, path);
	assert_int_equal(unlink(command), 0);
	snprintf(command, sizeof(command), "%s/cg%s", t->root, path);
	assert_int_equal(rmdir(command), 0);
}

static int setup(void **state)
{
	static struct tree t;
	struct cgroup_mounts mounts = { .layout = CGROUP_LAYOUT_V2 };
	struct identity_paths none = {
		.docker_roots = "", .containerd_states = "", .podman_roots = "", .crio_roots = ""
	};

	memset(&t, 0, sizeof(t));
	strcpy(t.root, "/tmp/edgeprof-registry-XXXXXX");
	assert_non_null(mkdtemp(t.root));
	make(&t, "");
	assert_int_equal(registry_open(t.root, &none, &mounts, "/cg", &t.registry), 0);
	*state = &t;
	return 0;
}

static int teardown(void **state)
{
	struct tree *t = *state;
	char command[128];

	registry_close(&t->registry);
	snprintf(command, sizeof(command), "%s/cg/cgroup.procs", t->root);
	unlink(command);
	snprintf(command, sizeof(command), "%s/cg", t->root);
	rmdir(command);
	return rmdir(t->root);
}

static struct container *container_at(struct tree *t, const char *path)
{
	struct container *c;

	HASH_FIND_STR(t->registry.containers, path, c);
	return c;
}

static void walk_finds_and_loses(void **state)
{
	struct tree *t = *state;
	struct container *c;

	make(t, "/docker");
	make(t, "/docker/" ID);
	assert_int_equal(registry_walk(&t->registry, 1), 0);
	c = container_at(t, "/docker/" ID);
	assert_non_null(c);
	assert_int_equal(c->identity.runtime, RUNTIME_DOCKER);
	assert_int_equal(c->members_alive, 1);
	assert_true(c->seen_running);
	drop(t, "/docker/" ID);
	assert_int_equal(registry_walk(&t->registry, 2), 0);
	assert_null(container_at(t, "/docker/" ID));
	assert_ptr_equal(t->registry.ended, c);
	assert_int_equal(c->members, 1); /* its counters are not read out yet */
	drop(t, "/docker");
}

static void inner_cgroups_belong_to_the_container(void **state)
{
	struct tree *t = *state;
	struct container *c;

	make(t, "/docker");
	make(t, "/docker/" ID);
	make(t, "/docker/" ID "/system.slice");
	make(t, "/docker/" ID "/system.slice/ssh.service");
	assert_int_equal(registry_walk(&t->registry, 1), 0);
	c = container_at(t, "/docker/" ID);
	assert_non_null(c);
	assert_int_equal(c->members, 3);
	assert_null(container_at(t, "/docker/" ID "/system.slice/ssh.service"));
	drop(t, "/docker/" ID "/system.slice/ssh.service");
	drop(t, "/docker/" ID "/system.slice");
	drop(t, "/docker/" ID);
	drop(t, "/docker");
	assert_int_equal(registry_walk(&t->registry, 2), 0);
	assert_ptr_not_equal(t->registry.ended, NULL);
}

static void same_path_again_is_another_container(void **state)
{
	struct tree *t = *state;
	struct cgroup *first, *second;

	assert_int_equal(registry_add(&t->registry, 1001, "/system.slice/a.service", 1, &first), 0);
	assert_int_equal(registry_add(&t->registry, 1002, "/system.slice/a.service", 2, &second), 0);
	assert_ptr_not_equal(first->container, second->container);
	assert_true(first->gone);
	assert_int_equal(first->container->key, 1001);
	assert_int_equal(second->container->key, 1002);
	assert_ptr_equal(t->registry.ended, first->container);
	assert_ptr_equal(container_at(t, "/system.slice/a.service"), second->container);
}

static void adding_twice_is_once(void **state)
{
	struct tree *t = *state;
	struct cgroup *a, *b;

	assert_int_equal(registry_add(&t->registry, 7, "/x", 1, &a), 0);
	assert_int_equal(registry_add(&t->registry, 7, "/x", 2, &b), 0);
	assert_ptr_equal(a, b);
	assert_int_equal(a->container->members, 1);
}

static void a_child_seen_before_its_top_joins_it(void **state)
{
	struct tree *t = *state;
	struct cgroup *child, *top;

	assert_int_equal(registry_add(&t->registry, 12, "/docker/" ID "/init.scope", 1, &child), 0);
	assert_int_equal(registry_add(&t->registry, 11, "/docker/" ID, 1, &top), 0);
	assert_ptr_equal(child->container, top->container);
	assert_int_equal(top->container->key, 11);
	assert_false(child->gone);
}

static void a_cgroup_without_a_name_is_kept(void **state)
{
	struct tree *t = *state;
	struct cgroup *c;

	assert_int_equal(registry_add(&t->registry, 99, NULL, 1, &c), 0);
	assert_non_null(strstr(c->container->identity.cgroup_path, "99"));
}

static void blames_add_up_and_sort(void **state)
{
	struct container c = {};
	struct container_snapshot out = {};

	(void)state;
	for (uint64_t i = 1; i <= 40; i++)
		blames_add(&c, i, i * 10, 1);
	blames_add(&c, 5, 100000, 2);
	blames_report(&c, &out);
	assert_int_equal(out.n_blames, SNAPSHOT_BLAMES_MAX);
	assert_int_equal(out.blames[0].aggressor_key, 5);
	assert_int_equal(out.blames[0].wait_ns, 100050);
	assert_int_equal(out.blames[0].count, 3);
	assert_int_equal(out.blames[1].aggressor_key, 40);
	assert_int_equal(out.blames_dropped, 0); /* shown or not, all 40 are kept */
	blames_begin(&c);
	blames_add(&c, 7, 1, 1);
	blames_report(&c, &out);
	assert_int_equal(out.blames[0].aggressor_key, 7); /* this interval before all time */
	assert_int_equal(out.blames[0].interval_wait_ns, 1);
	assert_int_equal(out.blames[0].wait_ns, 71);
	assert_int_equal(out.blames[1].aggressor_key, 5);
	assert_int_equal(out.blames[1].interval_wait_ns, 0);
	free(c.blames);
}

static void new_aggressors_displace_the_idle(void **state)
{
	struct container c = {};
	struct container_snapshot out = {};

	(void)state;
	for (uint64_t i = 1; i <= CONTAINER_BLAMES_MAX; i++)
		blames_add(&c, i, 100 + i, 1);
	blames_add(&c, 1000, 1, 1); /* all are of this interval: no place */
	assert_int_equal(c.blames_dropped, 1);
	blames_begin(&c);
	blames_add(&c, 2000, 7, 1); /* takes the place of the one that cost least */
	blames_report(&c, &out);
	assert_int_equal(out.blames[0].aggressor_key, 2000);
	assert_int_equal(out.blames_dropped, 2);
	assert_int_equal(c.n_blames, CONTAINER_BLAMES_MAX);
	for (size_t i = 0; i < c.n_blames; i++)
		assert_int_not_equal(c.blames[i].aggressor_key, 1);
	free(c.blames);
}

/* What a walk has never seen may be alive out of its sight (a cgroup namespace). */
static void unseen_is_not_gone(void **state)
{
	struct tree *t = *state;
	struct cgroup *outside;

	assert_int_equal(registry_add(&t->registry, 4242, "/outside", 1, &outside), 0);
	assert_int_equal(registry_walk(&t->registry, 2), 0);
	assert_false(t->registry.sees_all); /* a folder is no root of a hierarchy */
	assert_false(outside->gone);
}

static void the_lately_forgotten_are_remembered(void **state)
{
	struct tree *t = *state;
	struct cgroup *c;

	assert_int_equal(registry_add(&t->registry, 4243, "/x", 1, &c), 0);
	registry_mark_gone(&t->registry, c);
	assert_false(registry_was_forgotten(&t->registry, 4243));
	registry_forget(&t->registry, c);
	assert_true(registry_was_forgotten(&t->registry, 4243));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(walk_finds_and_loses, setup, teardown),
		cmocka_unit_test_setup_teardown(inner_cgroups_belong_to_the_container, setup, teardown),
		cmocka_unit_test_setup_teardown(same_path_again_is_another_container, setup, teardown),
		cmocka_unit_test_setup_teardown(adding_twice_is_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_child_seen_before_its_top_joins_it, setup, teardown),
		cmocka_unit_test_setup_teardown(a_cgroup_without_a_name_is_kept, setup, teardown),
		cmocka_unit_test(blames_add_up_and_sort),
		cmocka_unit_test(new_aggressors_displace_the_idle),
		cmocka_unit_test_setup_teardown(unseen_is_not_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(the_lately_forgotten_are_remembered, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
