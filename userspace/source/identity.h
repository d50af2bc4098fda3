/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names for containers, from the files that the runtimes keep: docker's
 * config.v2.json, containerd's and CRI-O's OCI bundles, podman's
 * containers.json. Regular files only and none above 4 MiB: no runtime socket
 * is asked, nothing can hang.
 *
 * Not known: image names of plain containerd (ctr) and labels of podman, which
 * are only in databases, and rootless podman and docker, unless the user's
 * storage is listed: a home may be a file system that its user serves.
 */
#ifndef EP_SOURCE_IDENTITY_H
#define EP_SOURCE_IDENTITY_H

#include "base/cleanup.h"
#include "model/container.h"

/* Relative to the root; colon-separated lists. NULL stands for the default, ""
 * for none. */
struct identity_paths {
	const char *docker_roots;      /* "/var/lib/docker" */
	const char *containerd_states; /* "/run/containerd:/run/k3s/containerd" */
	const char *podman_roots;      /* "/var/lib/containers/storage:/run/containers/storage" */
	const char *crio_roots;        /* the same */
	const char *kubelet_pod_logs;  /* "/var/log/pods": its entries are named for the pods */
};
extern const struct identity_paths identity_default_paths;

/* Fills *ret for the cgroup `path`. Returns 1 when everything a runtime can
 * tell is known, 0 when the files were not there (yet): the identity is then
 * what the path alone tells, and asking again later may help. Damaged or
 * hostile files count as not there. A helper beside a container is named for
 * it: "infer/conmon". -ENOMEM. */
int identity_resolve(const char *root, const struct identity_paths *paths, const char *path,
		     struct container_identity *ret) _must_check_;

#endif
