/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the runtimes' readers share: bounded JSON files, lists of directories.
 * Every reader returns 1 when its files know the container, 0 when they do not
 * (nothing is then changed), or -ENOMEM.
 */
#ifndef EP_SOURCE_IDENTITY_FILES_H
#define EP_SOURCE_IDENTITY_FILES_H

#include "source/identity.h"
#include <jansson.h>
#include <limits.h>
#include <stdbool.h>

#define IDENTITY_FILE_MAX_BYTES (4u << 20)
#define IDENTITY_ENTRIES_MAX 4096 /* looked at in one directory */

struct identity_query {
	const char *root;
	struct identity_paths paths; /* complete, no NULL */
	const char *id;              /* identity_is_component() */
	const char *pod_uid;
};

int identity_from_docker(const struct identity_query *q, struct container_identity *ret) _must_check_;
int identity_from_containerd(const struct identity_query *q, struct container_identity *ret) _must_check_;
int identity_from_podman(const struct identity_query *q, struct container_identity *ret) _must_check_;
int identity_from_crio(const struct identity_query *q, struct container_identity *ret) _must_check_;
/* Only the pod's name and namespace, by q->pod_uid. */
int identity_from_pod_logs(const struct identity_query *q, struct container_identity *ret) _must_check_;
/* The cgroup path of a plain container is /<namespace>/<id>, of any spelling:
 * it is one when the state directory has a bundle that names this cgroup. */
int identity_from_containerd_path(const struct identity_query *q, const char *path,
				  struct container_identity *ret) _must_check_;

typedef int (*identity_reader)(const struct identity_query *q, struct container_identity *ret);

static inline void cleanup_json(json_t **j)
{
	json_decref(*j);
}
#define _cleanup_json_ _cleanup_(cleanup_json)

/* Safe as one component of a file's path, as runtimes spell ids and namespaces. */
bool identity_is_component(const char *text);
/* Takes the next directory off a colon-separated list. */
bool identity_next_directory(const char **list, char *into, size_t size);

/* 1, 0 when the file is absent, no regular file, too large, not JSON, or (with
 * `needle`) does not contain that text; -ENOMEM. */
int identity_read_json(const char *root, const char *path, const char *needle, json_t **ret) _must_check_;
int identity_parse_json(const char *text, json_t **ret) _must_check_;
/* The text of a member, NULL when absent or of another type. */
const char *identity_json_text(const json_t *object, const char *key);

/* Adds the members that are text as labels, except the runtimes' bookkeeping (io.kubernetes.*). */
int identity_add_labels(json_t *object, struct container_identity *ret) _must_check_;
/* Pod, namespace, uid and name from the labels that the kubelet gives every container. */
int identity_apply_kubelet_labels(const json_t *labels, struct container_identity *ret) _must_check_;
/* A pod's own container, which holds its namespaces, is named "<pod>/pause". */
int identity_set_pause_name(struct container_identity *ret) _must_check_;

#endif
