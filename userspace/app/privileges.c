/* SPDX-License-Identifier: BSD-2-Clause */
#include "app/privileges.h"

#include "app/addresses.h"
#include "base/capabilities.h"
#include "base/group.h"

#include <errno.h>
#include <grp.h>
#include <string.h>

/* --- the group of the sockets ----------------------------------------------------------------- */

static bool is_member(gid_t gid, const gid_t *groups, int n)
{
	if (getegid() == gid)
		return true;
	for (int i = 0; i < n; i++)
		if (groups[i] == gid)
			return true;
	return false;
}

/* 0: a member, now at least. */
static int join(gid_t gid)
{
	int n = getgroups(0, NULL);
	_cleanup_free_ gid_t *groups = n < 0 ? NULL : calloc((size_t)n + 1, sizeof(*groups));

	if (!groups)
		return n < 0 ? -errno : -ENOMEM;
	n = getgroups(n, groups);
	if (n < 0)
		return -errno;
	if (is_member(gid, groups, n))
		return 0;
	groups[n] = gid;
	return setgroups((size_t)n + 1, groups) ? -errno : 0;
}

void privileges_join_group(const struct config *config)
{
	bool wanted = config->group[0] && addresses_have_ipc(config->publish);
	gid_t gid;
	int r = wanted && group_find(GROUP_FILE, config->group, &gid) == 0 ? join(gid) : 0;

	if (r < 0)
		log_warning("the sockets will not belong to group %s: this user is not in it (%s); under "
			    "systemd, name it in SupplementaryGroups= of the unit",
			    config->group, strerror(-r));
}

/* --- capabilities -------------------------------------------------------------------------------- */

/* CAP_DAC_READ_SEARCH: the runtimes' files. CAP_SYS_ADMIN: metering is switched on
 * and off while running. CAP_NET_BIND_SERVICE: addresses are opened again at SIGHUP. */
static uint64_t set_to_keep(const struct config *config, bool maps)
{
	uint64_t set = CAPABILITY(CAP_DAC_READ_SEARCH);

	if (maps && config->metering == CONFIG_METERING_SAMPLED)
		set |= CAPABILITY(CAP_SYS_ADMIN);
	if (addresses_have_low_port(config->publish))
		set |= CAPABILITY(CAP_NET_BIND_SERVICE);
	return set;
}

static int reduce(const struct config *config, const struct collector *collector)
{
	const uint64_t maps = CAPABILITY(CAP_BPF) | CAPABILITY(CAP_SYS_ADMIN); /* either will do */
	uint64_t keep = set_to_keep(config, collector_try_maps(collector) != -ENODATA), permitted, effective;
	int r = capabilities_read(&permitted, &effective);

	if (r == 0)
		r = capabilities_reduce(keep | maps, keep);
	if (r < 0)
		return r;
	if (collector_try_maps(collector) == -EPERM) {
		log_debug("this kernel takes CAP_BPF for every look into a map: keeping it");
		keep |= permitted & CAPABILITY(CAP_BPF) ? CAPABILITY(CAP_BPF) : CAPABILITY(CAP_SYS_ADMIN);
	}
	r = capabilities_reduce(keep, keep);
	return r < 0 ? r : capabilities_refuse_new();
}

void privileges_reduce(const struct config *config, const struct collector *collector)
{
	char text[CAPABILITIES_TEXT_BYTES];
	uint64_t permitted = 0, effective;
	int r = reduce(config, collector);

	if (r == 0)
		r = capabilities_read(&permitted, &effective);
	if (r < 0)
		log_warning("cannot give up capabilities: %s; going on with them", strerror(-r));
	else
		log_info("capabilities kept: %s", capabilities_text(permitted, text, sizeof(text)));
}
