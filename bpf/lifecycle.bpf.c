/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The lifecycle family: cgroups as they come and go, with their paths, so that
 * a container that is gone before anybody looked still has a name.
 */
#include "compat.bpf.h"
#include "lib/events.bpf.h"
#include <edgeprof/abi.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

__inline int on_cgroup(bool btf, enum ep_event_kind kind, struct cgroup *cgroup, const char *path)
{
	struct cgroup_root *root = READ(btf, cgroup, root);
	struct ep_event *event;

	if (READ(btf, root, hierarchy_id) != (int)cfg.hierarchy_id)
		return 0;
	event = event_reserve(kind, cgroup_id(btf, cgroup), 0);
	if (!event)
		return 0;
	bpf_probe_read_kernel_str(event->path, sizeof(event->path), path);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

#define DOORS(hook, name, kind)                                                                              \
	SEC("tp_btf/" #hook)                                                                                 \
	int ep_##name##_btf(u64 *ctx)                                                                        \
	{                                                                                                    \
		return on_cgroup(true, kind, (struct cgroup *)ctx[0], (const char *)ctx[1]);                 \
	}                                                                                                    \
	SEC("raw_tp/" #hook)                                                                                 \
	int ep_##name##_raw(u64 *ctx)                                                                        \
	{                                                                                                    \
		return on_cgroup(false, kind, (struct cgroup *)ctx[0], (const char *)ctx[1]);                \
	}

DOORS(cgroup_mkdir, mkdir, EP_EVENT_CGROUP_MKDIR)
DOORS(cgroup_rmdir, rmdir, EP_EVENT_CGROUP_RMDIR)
