/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a cgroup is to people: a container, a unit, a machine, or just a cgroup.
 */
#ifndef EP_MODEL_CONTAINER_H
#define EP_MODEL_CONTAINER_H

#include <stddef.h>
#include <stdint.h>

enum container_runtime {
	RUNTIME_UNSPECIFIED = 0, /* not known; a container whose runtime nothing tells */
	RUNTIME_HOST,            /* the root cgroup: kernel threads and what nobody put elsewhere */
	RUNTIME_CGROUP,          /* a plain cgroup */
	RUNTIME_SYSTEMD,         /* a service, scope or user session */
	RUNTIME_NSPAWN,
	RUNTIME_DOCKER,
	RUNTIME_CONTAINERD, /* plain (ctr) or through CRI */
	RUNTIME_PODMAN,
	RUNTIME_CRIO,
	RUNTIME_KUBERNETES, /* a pod, or a container in one whose runtime nothing tells */
	RUNTIME_COUNT
};

struct container_label {
	char *key;
	char *value;
};

/* Owned by whoever made it; all strings on the heap, NULL = not known. */
struct container_identity {
	enum container_runtime runtime;
	char *id;   /* the runtime's id; the unit's name; the path of a plain cgroup */
	char *name; /* what a person calls it; never NULL once resolved */
	char *image;
	char *pod;     /* Kubernetes pod name */
	char *pod_uid; /* with dashes */
	char *pod_namespace;
	char *containerd_namespace;
	/* Of its topmost own cgroup, inside the hierarchy. To show, not to open:
	 * odd bytes are replaced. */
	char *cgroup_path;
	struct container_label *labels;
	size_t n_labels;
};

#define CONTAINER_LABELS_MAX 64
#define CONTAINER_TEXT_MAX_BYTES 1024

void container_identity_clear(struct container_identity *c); /* NULL is fine */
/* Sets one of its strings, or a label's, to a copy that is cut to
 * CONTAINER_TEXT_MAX_BYTES and holds no control bytes and no broken UTF-8.
 * text NULL or "" leaves the field as it was. -ENOMEM. */
int container_identity_set(char **field, const char *text) __attribute__((warn_unused_result));
/* Labels beyond CONTAINER_LABELS_MAX are left out, which is no error. -ENOMEM. */
int container_identity_add_label(struct container_identity *c, const char *key, const char *value)
	__attribute__((warn_unused_result));
const char *container_runtime_name(enum container_runtime r); /* "docker", ... */

#endif
