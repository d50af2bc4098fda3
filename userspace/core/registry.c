/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/registry.h"

#include "base/text.h"
#include "model/cgroup_path.h"

#include <errno.h>
#include <string.h>

#define IDENTITY_ATTEMPTS_EACH 10  /* asked at every reading so often */
#define IDENTITY_ATTEMPTS_EVERY 30 /* and at every so-manieth after that */
#define ROOT_CGROUP_ID 1           /* kernfs numbers the root of every hierarchy so */

int registry_open(const char *root, const struct identity_paths *paths, const struct cgroup_mounts *mounts,
		  const char *mount, struct registry *ret)
{
	*ret = (struct registry){ .root = root, .paths = *paths, .mounts = *mounts, .stale = true };
	text_copy(ret->mount, sizeof(ret->mount), mount);
	return 0;
}

static void container_free(struct container *c)
{
	container_identity_clear(&c->identity);
	cgroup_files_close(c->cgroup_files);
	free(c->retired);
	free(c->blames);
	free(c);
}

void registry_mark_gone(struct registry *r, struct cgroup *cgroup)
{
	struct container *c = cgroup->container;

	if (cgroup->gone)
		return;
	cgroup->gone = true;
	if (--c->members_alive)
		return;
	HASH_DEL(r->containers, c);
	c->next_ended = r->ended;
	r->ended = c;
}

void registry_forget(struct registry *r, struct cgroup *cgroup)
{
	r->forgotten[r->n_forgotten++ % REGISTRY_FORGOTTEN] = cgroup->id;
	HASH_DEL(r->cgroups, cgroup);
	cgroup->container->members--;
	free(cgroup->path);
	free(cgroup);
}

bool registry_was_forgotten(const struct registry *r, uint64_t id)
{
	for (size_t i = 0; i < REGISTRY_FORGOTTEN; i++)
		if (r->forgotten[i] == id)
			return true;
	return false;
}

void registry_forget_ended(struct registry *r, bool (*done)(const struct container *c))
{
	struct container **at = &r->ended;

	while (*at) {
		struct container *c = *at;

		if (done && !done(c)) {
			at = &c->next_ended;
			continue;
		}
		*at = c->next_ended;
		container_free(c);
	}
}

void registry_close(struct registry *r)
{
	struct cgroup *cgroup, *next_cgroup;

	HASH_ITER(hh, r->cgroups, cgroup, next_cgroup) {
		registry_mark_gone(r, cgroup);
		registry_forget(r, cgroup);
	}
	registry_forget_ended(r, NULL);
}

struct cgroup *registry_find(struct registry *r, uint64_t id)
{
	struct cgroup *cgroup;

	HASH_FIND(hh, r->cgroups, &id, sizeof(id), cgroup);
	return cgroup;
}

int registry_resolve(struct registry *r, struct container *c)
{
	struct container_identity identity = {};
	char *path = c->identity.cgroup_path;
	int known;

	if (c->identity_known)
		return 0;
	if (c->identity_attempts++ >= IDENTITY_ATTEMPTS_EACH &&
	    c->identity_attempts % IDENTITY_ATTEMPTS_EVERY)
		return 0;
	known = identity_resolve(r->root, &r->paths, path, &identity);
	if (known < 0)
		return known;
	/* The path is the key of the hash: it stays the very string it was. */
	free(identity.cgroup_path);
	identity.cgroup_path = TAKE_PTR(c->identity.cgroup_path);
	container_identity_clear(&c->identity);
	c->identity = identity;
	c->identity_known = known > 0;
	return 0;
}

static int container_add(struct registry *r, const char *own_path, uint64_t key, uint64_t mono_ns,
			 struct container **ret)
{
	struct container *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->key = key;
	c->first_seen_mono_ns = mono_ns;
	c->identity.cgroup_path = strdup(own_path);
	if (!c->identity.cgroup_path || registry_resolve(r, c) < 0) {
		container_free(c);
		return -ENOMEM;
	}
	HASH_ADD_KEYPTR(hh, r->containers, c->identity.cgroup_path, strlen(c->identity.cgroup_path), c);
	*ret = c;
	return 0;
}

static void mark_members_gone(struct registry *r, const struct container *c)
{
	struct cgroup *cgroup, *next;

	HASH_ITER(hh, r->cgroups, cgroup, next)
		if (cgroup->container == c)
			registry_mark_gone(r, cgroup);
}

/* The container around a path that tells none by itself: where a plain
 * containerd id ends only the runtime's files know, and they were asked when its
 * topmost cgroup came. */
static struct container *container_around(const struct registry *r, char *path)
{
	char *end;

	while ((end = strrchr(path, '/')) && end != path) {
		struct container *c;

		*end = '\0';
		HASH_FIND_STR(r->containers, path, c);
		if (c && c->identity.runtime >= RUNTIME_NSPAWN)
			return c;
	}
	return NULL;
}

/* The container that a path belongs to: its own prefix names it. */
static int container_of(struct registry *r, const char *path, uint64_t id, uint64_t mono_ns,
			struct container **ret)
{
	_cleanup_free_ char *own = NULL;
	struct cgroup_path parsed;
	struct container *c;
	bool top;

	cgroup_path_parse(path, &parsed);
	own = strndup(path, parsed.own_length);
	if (!own)
		return -ENOMEM;
	HASH_FIND_STR(r->containers, own, c);
	top = !strcmp(path, own);
	if (!c && parsed.runtime == RUNTIME_CGROUP) {
		_cleanup_free_ char *around = strdup(path);

		if (!around)
			return -ENOMEM;
		*ret = container_around(r, around);
		if (*ret)
			return 0;
	}
	if (c && top && c->has_top) {
		mark_members_gone(r, c); /* the path came to life again: another container */
		c = NULL;
	}
	if (!c) {
		int result = container_add(r, own, id, mono_ns, &c);

		if (result < 0)
			return result;
	}
	if (top) {
		c->key = id;
		c->has_top = true;
	}
	*ret = c;
	return 0;
}

int registry_add(struct registry *r, uint64_t id, const char *path, uint64_t mono_ns, struct cgroup **ret)
{
	struct cgroup *cgroup = registry_find(r, id);
	char nameless[64];
	int result;

	if (cgroup) {
		*ret = cgroup;
		return 0;
	}
	if (!path) {
		snprintf(nameless, sizeof(nameless), "/(unnamed cgroup %llu)", (unsigned long long)id);
		path = nameless;
	}
	cgroup = calloc(1, sizeof(*cgroup));
	if (!cgroup)
		return -ENOMEM;
	cgroup->id = id;
	cgroup->slot = EP_SLOT_NONE;
	cgroup->path = strdup(path);
	result = cgroup->path ? container_of(r, path, id, mono_ns, &cgroup->container) : -ENOMEM;
	if (result < 0) {
		free(cgroup->path);
		free(cgroup);
		return result;
	}
	cgroup->container->members++;
	cgroup->container->members_alive++;
	HASH_ADD(hh, r->cgroups, id, sizeof(cgroup->id), cgroup);
	*ret = cgroup;
	return 0;
}

struct walk {
	struct registry *registry;
	uint64_t mono_ns;
};

static int on_cgroup(void *data, const char *path, uint64_t id)
{
	struct walk *w = data;
	struct registry *r = w->registry;
	struct cgroup *cgroup;
	int result = registry_add(r, id, path, w->mono_ns, &cgroup);

	if (result < 0)
		return result;
	if (!strcmp(path, "/"))
		r->sees_all = id == ROOT_CGROUP_ID;
	cgroup->seen_walk = r->walks;
	if (!cgroup->container->seen_running && cgroup_has_processes(r->root, r->mount, path) > 0)
		cgroup->container->seen_running = true;
	return 0;
}

int registry_walk(struct registry *r, uint64_t mono_ns)
{
	struct walk w = { .registry = r, .mono_ns = mono_ns };
	struct cgroup *cgroup, *next;
	int result;

	r->walks++;
	r->stale = false;
	result = cgroup_walk(r->root, r->mount, on_cgroup, &w);
	if (result < 0)
		r->sees_all = false;
	if (result == -E2BIG)
		return 0; /* not all were seen, so none is known to be gone */
	if (result < 0)
		return result;
	/* Beyond a cgroup namespace there may be cgroups that no walk ever sees. */
	HASH_ITER(hh, r->cgroups, cgroup, next)
		if (cgroup->id && cgroup->seen_walk != r->walks && (cgroup->seen_walk || r->sees_all))
			registry_mark_gone(r, cgroup);
	return 0;
}
