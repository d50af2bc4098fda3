/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of keys, and what each value may be. */
#include "app/options.h"

#include "base/text.h"

#include <edgeprof/abi.h>
#include <errno.h>
#include <string.h>

#define ADDRESS_MAX 256
#define IPC_PATH_MAX 107 /* sun_path less its NUL */

static void *field(const struct option_row *row, struct config *config)
{
	return (char *)config + row->offset;
}

static int parse_interval(const struct option_row *row, const char *value, struct config *config)
{
	uint64_t ns;

	if (text_parse_duration_ns(value, &ns) < 0 || ns < 100000000u || ns > 60000000000u)
		return -EINVAL;
	*(uint64_t *)field(row, config) = ns;
	return 0;
}

static int parse_slots(const struct option_row *row, const char *value, struct config *config)
{
	uint64_t slots;

	if (text_parse_u64(value, &slots) < 0 || slots == 1 || slots > EP_SLOTS_MAX)
		return -EINVAL;
	*(uint32_t *)field(row, config) = (uint32_t)slots;
	return 0;
}

static int parse_mode(const struct option_row *row, const char *value, struct config *config)
{
	size_t length = strlen(value);

	if (length < 3 || length > 4 || strspn(value, "01234567") != length || (length == 4 && *value != '0'))
		return -EINVAL;
	*(mode_t *)field(row, config) = (mode_t)strtoul(value, NULL, 8);
	return 0;
}

static int parse_choice(const struct option_row *row, const char *value, struct config *config)
{
	for (const struct option_choice *c = row->choices; c->name; c++)
		if (!strcmp(value, c->name)) {
			*(int *)field(row, config) = c->value;
			return 0;
		}
	return -EINVAL;
}

static int parse_log_level(const struct option_row *row, const char *value, struct config *config)
{
	return log_parse_level(value, field(row, config));
}

static int keep_text(const struct option_row *row, const char *value, struct config *config)
{
	if (strlen(value) >= row->size)
		return -EINVAL;
	text_copy(field(row, config), row->size, value);
	return 0;
}

static int parse_path(const struct option_row *row, const char *value, struct config *config)
{
	return *value == '/' && text_is_clean(value) ? keep_text(row, value, config) : -EINVAL;
}

static int parse_paths(const struct option_row *row, const char *value, struct config *config)
{
	if (!strcmp(value, "none"))
		return keep_text(row, "", config);
	if (!text_is_clean(value))
		return -EINVAL;
	for (const char *p = value; p; p = strchr(p, ':') ? strchr(p, ':') + 1 : NULL)
		if (*p != '/')
			return -EINVAL;
	return keep_text(row, value, config);
}

static int parse_group(const struct option_row *row, const char *value, struct config *config)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

	if (!*value || *value == '-' || strspn(value, allowed) != strlen(value))
		return -EINVAL;
	return keep_text(row, value, config);
}

static bool good_tcp(const char *host)
{
	const char *colon = strrchr(host, ':');
	uint64_t port;

	return colon && colon > host && text_parse_u64(colon + 1, &port) == 0 && port >= 1 && port <= 65535;
}

static bool good_address(const char *address)
{
	const size_t scheme = strlen("ipc://");

	if (strpbrk(address, " \t"))
		return false;
	if (text_starts_with(address, "ipc:///"))
		return address[scheme + 1] && strlen(address + scheme) <= IPC_PATH_MAX;
	return text_starts_with(address, "tcp://") && good_tcp(address + scheme);
}

/* Keeps the list without the blanks around its commas. */
static int parse_publish(const struct option_row *row, const char *value, struct config *config)
{
	char kept[sizeof(config->publish)] = "", address[ADDRESS_MAX];

	if (!strcmp(value, "none"))
		return keep_text(row, "", config);
	if (!text_is_clean(value))
		return -EINVAL;
	for (const char *p = value;; p++) {
		size_t length = strcspn(p += strspn(p, " \t"), ","), kept_length = strlen(kept);
		const char *comma = p + length;

		while (length && strchr(" \t", p[length - 1]))
			length--;
		if (length >= sizeof(address) || kept_length + length + 2 > sizeof(kept))
			return -EINVAL;
		text_copy(address, length + 1, p);
		if (!good_address(address))
			return -EINVAL;
		snprintf(kept + kept_length, sizeof(kept) - kept_length, "%s%s", kept_length ? "," : "",
			 address);
		p = comma;
		if (!*p)
			break;
	}
	return keep_text(row, kept, config);
}

static int parse_families(const struct option_row *row, const char *value, struct config *config)
{
	bool cpu = false, mem = false, io = false;
	char list[32], *rest = list, *name;

	(void)row;
	if (strlen(value) >= sizeof(list) || !*value)
		return -EINVAL;
	text_copy(list, sizeof(list), value);
	while (strcmp(value, "none") && (name = strsep(&rest, ","))) {
		bool *which;

		name += strspn(name, " ");
		name[strcspn(name, " ")] = '\0';
		which = !strcmp(name, "cpu")   ? &cpu
			: !strcmp(name, "mem") ? &mem
			: !strcmp(name, "io")  ? &io
					       : NULL;
		if (!which || *which)
			return -EINVAL;
		*which = true;
	}
	config->cpu = cpu;
	config->mem = mem;
	config->io = io;
	return 0;
}

static int parse_switch(const struct option_row *row, const char *value, struct config *config)
{
	bool on;
	int r = text_parse_bool(value, &on);

	if (r < 0)
		return r;
	memcpy((char *)config + row->offset, &on, sizeof(on));
	return 0;
}

static const struct option_choice hierarchies[] = { { "auto", CONFIG_HIERARCHY_AUTO },
						    { "unified", CONFIG_HIERARCHY_UNIFIED },
						    { "memory", CONFIG_HIERARCHY_MEMORY },
						    { "cpuacct", CONFIG_HIERARCHY_CPUACCT },
						    { NULL, 0 } };
static const struct option_choice doors[] = { { "auto", CONFIG_DOOR_AUTO },
					      { "tp_btf", CONFIG_DOOR_TP_BTF },
					      { "raw_tp", CONFIG_DOOR_RAW_TP },
					      { NULL, 0 } };
static const struct option_choice meterings[] = { { "sampled", CONFIG_METERING_SAMPLED },
						  { "always", CONFIG_METERING_ALWAYS },
						  { "off", CONFIG_METERING_OFF },
						  { NULL, 0 } };
_Static_assert(sizeof(enum config_door) == sizeof(int) && sizeof(enum config_metering) == sizeof(int) &&
		       sizeof(enum config_hierarchy) == sizeof(int),
	       "parse_choice writes int");

#define FIELD(name) offsetof(struct config, name), sizeof(((struct config *)0)->name)
#define PATHS "absolute paths separated by ':', shorter than 512 bytes, or none"

const struct option_row option_rows[] = {
	{ "interval", "TIME", "a time from 100ms to 60s", "1s", "time between two readings", parse_interval,
	  FIELD(interval_ns), NULL },
	{ "publish", "ADDRESS,...", "ipc:///PATH or tcp://HOST:PORT, several separated by ',', or none",
	  "ipc:///run/edgeprof/live.ipc", "where snapshots are published", parse_publish, FIELD(publish),
	  NULL },
	{ "root", "DIR", "an absolute path shorter than 256 bytes", "/",
	  "where proc, sys and the runtimes' files are read", parse_path, FIELD(root), NULL },
	{ "run-dir", "DIR", "an absolute path shorter than 256 bytes", "/run/edgeprof",
	  "folder of the agent's lock", parse_path, FIELD(run_dir), NULL },
	{ "group", "NAME", "the name of a group, shorter than 64 bytes", "edgeprof",
	  "group of the ipc sockets, when it exists", parse_group, FIELD(group), NULL },
	{ "socket-mode", "MODE", "three octal digits, such as 660 or 0660", "0660",
	  "permissions of the ipc sockets", parse_mode, FIELD(socket_mode), NULL },
	{ "hierarchy", "NAME", "auto, unified, memory or cpuacct", "auto",
	  "cgroup hierarchy that names the containers", parse_choice, FIELD(hierarchy), hierarchies },
	{ "slots", "NUMBER", "0 (as many as fit 4 MiB) or 2 to 16384", "0", "cgroups counted apart at once",
	  parse_slots, FIELD(slots), NULL },
	{ "families", "LIST", "cpu, mem and io separated by ',', or none", "cpu,mem,io",
	  "families of programs to load", parse_families, FIELD(cpu), NULL },
	{ "run-queue", "yes|no", "yes or no", "yes",
	  "count waits, sleeps and who took the CPU; no: CPU time and switches alone, at less cost",
	  parse_switch, FIELD(run_queue), NULL },
	{ "door", "NAME", "auto, tp_btf or raw_tp", "auto", "how programs are attached", parse_choice,
	  FIELD(door), doors },
	{ "btf", "PATH", "an absolute path shorter than 256 bytes", "/var/lib/edgeprof/btf",
	  "BTF for a kernel without its own: a file, or a folder of files by edgeprof btf", parse_path,
	  FIELD(btf), NULL },
	{ "self-metering", "HOW", "sampled, always or off", "sampled",
	  "when the programs' own run time is measured", parse_choice, FIELD(metering), meterings },
	{ "log-level", "LEVEL", "error, warning, info or debug", "info", "least important message to write",
	  parse_log_level, FIELD(log_level), NULL },
	{ "docker-roots", "DIRS", PATHS, "/var/lib/docker", "data folders of docker", parse_paths,
	  FIELD(docker_roots), NULL },
	{ "containerd-states", "DIRS", PATHS, "/run/containerd:/run/k3s/containerd",
	  "state folders of containerd", parse_paths, FIELD(containerd_states), NULL },
	{ "podman-roots", "DIRS", PATHS, "/var/lib/containers/storage:/run/containers/storage",
	  "storage folders of podman", parse_paths, FIELD(podman_roots), NULL },
	{ "crio-roots", "DIRS", PATHS, "/var/lib/containers/storage:/run/containers/storage",
	  "storage folders of CRI-O", parse_paths, FIELD(crio_roots), NULL },
};
const size_t option_rows_count = ARRAY_SIZE(option_rows);

const struct option_row *option_find(const char *key)
{
	for (size_t i = 0; i < option_rows_count; i++)
		if (!strcmp(option_rows[i].key, key))
			return &option_rows[i];
	return NULL;
}

int option_set(const struct option_row *row, const char *value, struct config *config)
{
	return row->parse(row, value, config) < 0 ? -EINVAL : 0;
}
