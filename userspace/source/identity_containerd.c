/* SPDX-License-Identifier: BSD-2-Clause */
/* containerd's OCI bundles: <state>/io.containerd.runtime.v2.task/<namespace>/<id>/config.json */
#include "base/root.h"
#include "base/text.h"
#include "source/identity_files.h"

#include <string.h>

#define TASKS "io.containerd.runtime.v2.task"
#define CRI_NAMESPACE "k8s.io"
/* Docker's containers are here too, but nameless. */
#define DOCKER_NAMESPACE "moby"
#define CRI(key) ("io.kubernetes.cri." key)

static int fill_cri(const json_t *annotations, const char *type, struct container_identity *ret)
{
	const struct {
		char **field;
		const char *key;
	} fields[] = {
		{ &ret->name, CRI("container-name") }, { &ret->image, CRI("image-name") },
		{ &ret->pod, CRI("sandbox-name") },    { &ret->pod_namespace, CRI("sandbox-namespace") },
		{ &ret->pod_uid, CRI("sandbox-uid") },
	};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		int r = container_identity_set(fields[i].field,
					       identity_json_text(annotations, fields[i].key));

		if (r < 0)
			return r;
	}
	return strcmp(type, "sandbox") ? 0 : identity_set_pause_name(ret);
}

static int fill(const json_t *spec, const char *namespace, const char *id, struct container_identity *ret)
{
	json_t *annotations = json_object_get(spec, "annotations");
	const char *type = identity_json_text(annotations, CRI("container-type"));
	int r;

	if (!json_is_object(spec))
		return 0;
	ret->runtime = RUNTIME_CONTAINERD;
	r = container_identity_set(&ret->containerd_namespace, namespace);
	if (r >= 0)
		r = container_identity_set(&ret->id, id);
	if (r >= 0 && type)
		r = fill_cri(annotations, type, ret);
	else if (r >= 0 && strlen(id) != 64) /* ctr: a person chose the id */
		r = container_identity_set(&ret->name, id);
	if (r >= 0)
		r = container_identity_set(&ret->name, identity_json_text(annotations, "nerdctl/name"));
	if (r >= 0)
		r = identity_add_labels(annotations, ret);
	return r < 0 ? r : 1;
}

static int read_bundle(const struct identity_query *q, const char *state, const char *namespace,
		       const char *id, json_t **ret)
{
	char path[2 * PATH_MAX];

	snprintf(path, sizeof(path), "%s/" TASKS "/%s/%s/config.json", state, namespace, id);
	return identity_read_json(q->root, path, NULL, ret);
}

static int try_namespace(const struct identity_query *q, const char *state, const char *namespace,
			 struct container_identity *ret)
{
	_cleanup_json_ json_t *spec = NULL;
	int r = read_bundle(q, state, namespace, q->id, &spec);

	return r > 0 ? fill(spec, namespace, q->id, ret) : r;
}

static int try_other_namespaces(const struct identity_query *q, const char *state,
				struct container_identity *ret)
{
	_cleanup_closedir_ DIR *dir = NULL;
	char path[PATH_MAX + sizeof(TASKS) + 1];
	const struct dirent *entry;

	snprintf(path, sizeof(path), "%s/" TASKS, state);
	if (root_opendir(q->root, path, &dir) < 0)
		return 0;
	for (int seen = 0; seen < IDENTITY_ENTRIES_MAX && (entry = readdir(dir)); seen++) {
		int r;

		if (!identity_is_component(entry->d_name) || !strcmp(entry->d_name, CRI_NAMESPACE) ||
		    !strcmp(entry->d_name, DOCKER_NAMESPACE))
			continue;
		r = try_namespace(q, state, entry->d_name, ret);
		if (r != 0)
			return r;
	}
	return 0;
}

int identity_from_containerd(const struct identity_query *q, struct container_identity *ret)
{
	const char *list = q->paths.containerd_states;
	char state[PATH_MAX];

	while (identity_next_directory(&list, state, sizeof(state))) {
		int r = try_namespace(q, state, CRI_NAMESPACE, ret);

		if (r == 0)
			r = try_other_namespaces(q, state, ret);
		if (r != 0)
			return r;
	}
	return 0;
}

/* Splits "/namespace/id" or "/namespace/id/...". */
static bool split_path(const char *path, char *namespace, char *id, size_t size)
{
	size_t first, second;

	if (*path++ != '/')
		return false;
	first = strcspn(path, "/");
	if (path[first] != '/')
		return false;
	second = strcspn(path + first + 1, "/");
	if (first >= size || second >= size)
		return false;
	text_copy(namespace, first + 1, path);
	text_copy(id, second + 1, path + first + 1);
	return identity_is_component(namespace) && identity_is_component(id) &&
	       strcmp(namespace, DOCKER_NAMESPACE);
}

int identity_from_containerd_path(const struct identity_query *q, const char *path,
				  struct container_identity *ret)
{
	const char *list = q->paths.containerd_states;
	char state[PATH_MAX], namespace[NAME_MAX + 1], id[NAME_MAX + 1], own[2 * NAME_MAX + 3];

	if (!split_path(path, namespace, id, sizeof(id)))
		return 0;
	snprintf(own, sizeof(own), "/%s/%s", namespace, id);
	while (identity_next_directory(&list, state, sizeof(state))) {
		_cleanup_json_ json_t *spec = NULL;
		const char *cgroup;
		int r = read_bundle(q, state, namespace, id, &spec);

		if (r < 0)
			return r;
		cgroup = identity_json_text(json_object_get(spec, "linux"), "cgroupsPath");
		if (r == 0 || !cgroup || strcmp(cgroup, own))
			continue;
		r = container_identity_set(&ret->cgroup_path, own);
		return r < 0 ? r : fill(spec, namespace, id, ret);
	}
	return 0;
}
