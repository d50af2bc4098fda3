/* SPDX-License-Identifier: BSD-2-Clause */
#include "source/identity_files.h"

#include <string.h>

/* Docker's OCI bundle has neither name nor image nor labels; this file has all. */
static int fill(const json_t *file, const struct identity_query *q, struct container_identity *ret)
{
	const char *id = identity_json_text(file, "ID"), *name = identity_json_text(file, "Name");
	const json_t *config = json_object_get(file, "Config");
	json_t *labels = json_object_get(config, "Labels");
	int r;

	if (!id || strcmp(id, q->id) || !name)
		return 0;
	ret->runtime = RUNTIME_DOCKER;
	r = container_identity_set(&ret->name, name + (*name == '/'));
	/* not the Image beside Config: that one is a digest */
	if (r >= 0)
		r = container_identity_set(&ret->image, identity_json_text(config, "Image"));
	/* elsewhere anybody who makes an image could claim to be a pod */
	if (r >= 0 && *q->pod_uid)
		r = identity_apply_kubelet_labels(labels, ret);
	if (r >= 0)
		r = identity_add_labels(labels, ret);
	return r < 0 ? r : 1;
}

int identity_from_docker(const struct identity_query *q, struct container_identity *ret)
{
	const char *list = q->paths.docker_roots;
	char directory[PATH_MAX], path[2 * PATH_MAX];

	while (identity_next_directory(&list, directory, sizeof(directory))) {
		_cleanup_json_ json_t *file = NULL;
		int r;

		snprintf(path, sizeof(path), "%s/containers/%s/config.v2.json", directory, q->id);
		r = identity_read_json(q->root, path, NULL, &file);
		if (r > 0)
			r = fill(file, q, ret);
		if (r != 0)
			return r;
	}
	return 0;
}
