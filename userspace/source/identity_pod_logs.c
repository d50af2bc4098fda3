/* SPDX-License-Identifier: BSD-2-Clause */
/* The kubelet keeps a directory <namespace>_<pod>_<uid> for every pod's logs. */
#include "base/root.h"
#include "base/text.h"
#include "source/identity_files.h"

#include <string.h>

static int fill(const char *entry, const char *suffix, struct container_identity *ret)
{
	char name[NAME_MAX + 1];
	char *pod;
	int r;

	text_copy(name, sizeof(name), entry);
	if (!text_ends_with(name, suffix))
		return 0;
	name[strlen(name) - strlen(suffix)] = '\0';
	pod = strchr(name, '_');
	if (!pod || pod == name || !pod[1])
		return 0;
	*pod++ = '\0';
	r = container_identity_set(&ret->pod, pod);
	if (r >= 0)
		r = container_identity_set(&ret->pod_namespace, name);
	return r < 0 ? r : 1;
}

int identity_from_pod_logs(const struct identity_query *q, struct container_identity *ret)
{
	const char *list = q->paths.kubelet_pod_logs;
	char directory[PATH_MAX], suffix[80];

	snprintf(suffix, sizeof(suffix), "_%s", q->pod_uid);
	while (identity_next_directory(&list, directory, sizeof(directory))) {
		_cleanup_closedir_ DIR *dir = NULL;
		const struct dirent *entry;

		if (root_opendir(q->root, directory, &dir) < 0)
			continue;
		for (int seen = 0; seen < IDENTITY_ENTRIES_MAX && (entry = readdir(dir)); seen++) {
			int r = fill(entry->d_name, suffix, ret);

			if (r != 0)
				return r;
		}
	}
	return 0;
}
