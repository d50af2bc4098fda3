/* SPDX-License-Identifier: BSD-2-Clause */
/* Podman and CRI-O keep their containers in the same storage library's directories. */
#include "source/identity_files.h"

#include <string.h>

static const char *const drivers[] = { "overlay", "vfs", "btrfs", "zfs" };

/* --- podman --- */

static int fill_podman(const json_t *entry, struct container_identity *ret)
{
	_cleanup_json_ json_t *metadata = NULL;
	const char *name = json_string_value(json_array_get(json_object_get(entry, "names"), 0));
	/* JSON within a string */
	int r = identity_parse_json(identity_json_text(entry, "metadata"), &metadata);

	if (r < 0)
		return r;
	if (!name)
		name = identity_json_text(metadata, "name");
	if (!name)
		return 0;
	ret->runtime = RUNTIME_PODMAN;
	r = container_identity_set(&ret->name, name);
	if (r >= 0)
		r = container_identity_set(&ret->image, identity_json_text(metadata, "image-name"));
	return r < 0 ? r : 1;
}

static int try_list(const struct identity_query *q, const char *path, struct container_identity *ret)
{
	_cleanup_json_ json_t *list = NULL;
	int r = identity_read_json(q->root, path, q->id, &list);
	size_t i;
	json_t *entry;

	if (r <= 0)
		return r;
	json_array_foreach(list, i, entry)
	{
		const char *id = identity_json_text(entry, "id");

		if (id && !strcmp(id, q->id))
			return fill_podman(entry, ret);
	}
	return 0;
}

int identity_from_podman(const struct identity_query *q, struct container_identity *ret)
{
	static const char *const files[] = { "containers.json", "volatile-containers.json" /* --rm */ };
	const char *list = q->paths.podman_roots;
	char directory[PATH_MAX], path[2 * PATH_MAX];

	while (identity_next_directory(&list, directory, sizeof(directory))) {
		for (size_t i = 0; i < ARRAY_SIZE(drivers) * ARRAY_SIZE(files); i++) {
			int r;

			snprintf(path, sizeof(path), "%s/%s-containers/%s", directory,
				 drivers[i / ARRAY_SIZE(files)], files[i % ARRAY_SIZE(files)]);
			r = try_list(q, path, ret);
			if (r != 0)
				return r;
		}
	}
	return 0;
}

/* --- CRI-O --- */

#define CRIO(key) ("io.kubernetes.cri-o." key)

static int fill_crio_names(const json_t *annotations, struct container_identity *ret)
{
	_cleanup_json_ json_t *metadata = NULL, *labels = NULL;
	const char *type = identity_json_text(annotations, CRIO("ContainerType"));
	int r = identity_parse_json(identity_json_text(annotations, CRIO("Metadata")), &metadata);

	if (r >= 0)
		r = identity_parse_json(identity_json_text(annotations, CRIO("Labels")), &labels);
	if (r >= 0)
		r = container_identity_set(&ret->name, identity_json_text(metadata, "name"));
	if (r >= 0) /* on the sandbox only */
		r = container_identity_set(&ret->pod, identity_json_text(annotations, CRIO("KubeName")));
	if (r >= 0)
		r = container_identity_set(&ret->pod_namespace,
					   identity_json_text(annotations, CRIO("Namespace")));
	if (r >= 0)
		r = identity_apply_kubelet_labels(annotations, ret);
	if (r >= 0)
		r = identity_apply_kubelet_labels(labels, ret);
	if (r >= 0 && type && !strcmp(type, "sandbox"))
		r = identity_set_pause_name(ret);
	return r < 0 ? r : identity_add_labels(labels, ret);
}

static int fill_crio(const json_t *spec, const struct identity_query *q, struct container_identity *ret)
{
	const json_t *annotations = json_object_get(spec, "annotations");
	const char *id = identity_json_text(annotations, CRIO("ContainerID"));
	const char *image = identity_json_text(annotations, CRIO("ImageName"));
	int r;

	/* podman's bundles lie in the same place, with fewer annotations */
	if (!identity_json_text(annotations, CRIO("ContainerType")) || (id && strcmp(id, q->id)))
		return 0;
	ret->runtime = RUNTIME_CRIO;
	r = container_identity_set(&ret->image,
				   image ? image : identity_json_text(annotations, CRIO("Image")));
	if (r >= 0)
		r = fill_crio_names(annotations, ret);
	return r < 0 ? r : 1;
}

int identity_from_crio(const struct identity_query *q, struct container_identity *ret)
{
	const char *list = q->paths.crio_roots;
	char directory[PATH_MAX], path[2 * PATH_MAX];

	while (identity_next_directory(&list, directory, sizeof(directory))) {
		for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
			_cleanup_json_ json_t *spec = NULL;
			int r;

			snprintf(path, sizeof(path), "%s/%s-containers/%s/userdata/config.json", directory,
				 drivers[i], q->id);
			r = identity_read_json(q->root, path, NULL, &spec);
			if (r > 0)
				r = fill_crio(spec, q, ret);
			if (r != 0)
				return r;
		}
	}
	return 0;
}
