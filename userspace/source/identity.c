/* SPDX-License-Identifier: BSD-2-Clause */
#include "source/identity.h"

#include "model/cgroup_path.h"
#include "source/identity_files.h"

#include <errno.h>
#include <string.h>

#define STORAGE_ROOTS "/var/lib/containers/storage:/run/containers/storage"
#define SHORT_ID_DIGITS 12

const struct identity_paths identity_default_paths = {
	.docker_roots = "/var/lib/docker",
	.containerd_states = "/run/containerd:/run/k3s/containerd",
	.podman_roots = STORAGE_ROOTS,
	.crio_roots = STORAGE_ROOTS,
	.kubelet_pod_logs = "/var/log/pods",
};

static struct identity_paths complete(const struct identity_paths *paths)
{
	const struct identity_paths *d = &identity_default_paths;

	if (!paths)
		return *d;
	return (struct identity_paths){
		.docker_roots = paths->docker_roots ? paths->docker_roots : d->docker_roots,
		.containerd_states =
			paths->containerd_states ? paths->containerd_states : d->containerd_states,
		.podman_roots = paths->podman_roots ? paths->podman_roots : d->podman_roots,
		.crio_roots = paths->crio_roots ? paths->crio_roots : d->crio_roots,
		.kubelet_pod_logs = paths->kubelet_pod_logs ? paths->kubelet_pod_logs : d->kubelet_pod_logs,
	};
}

static bool is_pod_itself(const struct cgroup_path *p)
{
	return p->runtime == RUNTIME_KUBERNETES && !strcmp(p->id, p->pod_uid);
}

/* Steps of a docker build have ids of their own kind and are in no file. */
static bool is_build_step(const struct cgroup_path *p)
{
	return p->runtime == RUNTIME_DOCKER && strlen(p->id) != 64;
}

static int name_from_path(const struct cgroup_path *p, char **name)
{
	char text[EP_PATH_MAX];

	switch (p->runtime) {
	case RUNTIME_HOST:
		return container_identity_set(name, "host");
	case RUNTIME_SYSTEMD:
		cgroup_path_unit_name(p->id, text, sizeof(text));
		return container_identity_set(name, text);
	case RUNTIME_CGROUP:
	case RUNTIME_NSPAWN:
		return container_identity_set(name, p->id);
	default:
		if (is_pod_itself(p))
			return container_identity_set(name, p->id);
		snprintf(text, sizeof(text), "%s%.*s", is_build_step(p) ? "buildkit/" : "", SHORT_ID_DIGITS,
			 p->id);
		return container_identity_set(name, text);
	}
}

static int fill_from_path(const char *path, const struct cgroup_path *p, struct container_identity *ret)
{
	_cleanup_free_ char *own = strndup(path, p->own_length);
	int r;

	if (!own)
		return -ENOMEM;
	ret->runtime = p->runtime;
	r = container_identity_set(&ret->cgroup_path, *own ? own : "/");
	if (r >= 0)
		r = container_identity_set(&ret->id, p->id);
	if (r >= 0)
		r = container_identity_set(&ret->pod_uid, p->pod_uid);
	return r < 0 ? r : name_from_path(p, &ret->name);
}

static int ask_pod_logs(const struct identity_query *q, struct container_identity *ret)
{
	return *q->pod_uid ? identity_from_pod_logs(q, ret) : 0;
}

static int ask_about_pod(const struct identity_query *q, struct container_identity *ret)
{
	int r = ask_pod_logs(q, ret);

	if (r <= 0)
		return r;
	r = container_identity_set(&ret->name, ret->pod);
	return r < 0 ? r : 1;
}

/* Where the path does not tell the runtime, the one whose files know the id is it. */
static int ask_about_container(const struct identity_query *q, enum container_runtime runtime,
			       struct container_identity *ret)
{
	static const identity_reader readers[RUNTIME_COUNT][5] = {
		[RUNTIME_DOCKER] = { identity_from_docker },
		[RUNTIME_CONTAINERD] = { identity_from_containerd },
		[RUNTIME_PODMAN] = { identity_from_podman },
		[RUNTIME_CRIO] = { identity_from_crio },
		[RUNTIME_KUBERNETES] = { identity_from_containerd, identity_from_docker, identity_from_crio },
		[RUNTIME_UNSPECIFIED] = { identity_from_docker, identity_from_containerd, identity_from_crio,
					  identity_from_podman },
	};
	int r = 0;

	for (const identity_reader *reader = readers[runtime]; *reader && r == 0; reader++)
		r = (*reader)(q, ret);
	if (r == 0 && *q->pod_uid) {
		r = ask_pod_logs(q, ret);
		return r < 0 ? r : 0;
	}
	return r;
}

static int ask(const struct identity_query *q, const char *path, const struct cgroup_path *p,
	       struct container_identity *ret)
{
	int r;

	switch (p->runtime) {
	case RUNTIME_HOST:
	case RUNTIME_SYSTEMD:
	case RUNTIME_NSPAWN:
		return 1;
	case RUNTIME_CGROUP:
		r = identity_from_containerd_path(q, path, ret);
		return r < 0 ? r : 1;
	default:
		if (is_build_step(p))
			return 1;
		if (!identity_is_component(p->id))
			return 0;
		return is_pod_itself(p) ? ask_about_pod(q, ret) : ask_about_container(q, p->runtime, ret);
	}
}

/* Image and labels are the container's; what its monitor costs is not its own. */
static int rename_helper(struct container_identity *c)
{
	struct container_identity dropped = { .image = c->image,
					      .labels = c->labels,
					      .n_labels = c->n_labels };
	char name[CONTAINER_TEXT_MAX_BYTES];

	container_identity_clear(&dropped);
	c->image = NULL;
	c->labels = NULL;
	c->n_labels = 0;
	snprintf(name, sizeof(name), "%s/%s", c->name,
		 c->runtime == RUNTIME_NSPAWN ? "supervisor" : "conmon");
	return container_identity_set(&c->name, name);
}

int identity_resolve(const char *root, const struct identity_paths *paths, const char *path,
		     struct container_identity *ret)
{
	struct container_identity c = {};
	struct cgroup_path parsed;
	int known, r;

	cgroup_path_parse(path, &parsed);
	known = r = fill_from_path(path, &parsed, &c);
	if (r >= 0) {
		const struct identity_query q = { root, complete(paths), parsed.id, parsed.pod_uid };

		known = r = ask(&q, path, &parsed, &c);
	}
	if (r >= 0 && parsed.helper)
		r = rename_helper(&c);
	if (r < 0) {
		container_identity_clear(&c);
		return r;
	}
	*ret = c;
	return known;
}
