/* SPDX-License-Identifier: BSD-2-Clause */
/* Any name a cgroup may have: the own prefix must exist and parse to the same. */
#include "model/cgroup_path.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cgroup_path all, own;
	char *path = strndup((const char *)data, size), *prefix;
	char name[EP_PATH_MAX];

	require(path);
	cgroup_path_parse(path, &all);
	require(all.own_length <= strlen(path));
	require(text_is_clean(all.id) && text_is_clean(all.pod_uid));
	require((unsigned)all.runtime < RUNTIME_COUNT);
	prefix = strndup(path, all.own_length);
	require(prefix);
	cgroup_path_parse(prefix, &own);
	require(!memcmp(&all, &own, sizeof(all)));
	cgroup_path_unit_name(path, name, sizeof(name));
	require(text_is_clean(name));
	free(prefix);
	free(path);
	return 0;
}
