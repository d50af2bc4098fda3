/* SPDX-License-Identifier: BSD-2-Clause */
#include "source/kernel_probe.h"

#include "base/group.h"
#include "base/root.h"
#include "base/text.h"
#include "source/bpf_refusal.h"
#include "source/libbpf_old.h"

#include <bpf/btf.h>
#include <edgeprof/abi.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>

#define LOCKS_MAX_BYTES (256 * 1024)
/* Tables that do not grow with CPUs or slots: tasks, address spaces, requests, events. */
#define FIXED_MAP_BYTES (2216u << 10)
/* Id table, free queue and owner of one slot, with the kernel's own overhead. */
#define SLOT_TABLE_BYTES 128

static const struct tracepoint_fact wanted_tracepoints[] = {
	{ "sched", "sched_switch", "cpu", true, "CPU time, waits, switches and blame", 0 },
	{ "sched", "sched_wakeup", "cpu", true, "run-queue waits and wakeups", 0 },
	{ "sched", "sched_wakeup_new", "cpu", true, "run-queue waits of new tasks", 0 },
	{ "sched", "sched_migrate_task", "cpu", false, "migrations", 0 },
	{ "sched", "sched_process_fork", "cpu", false, "tasks created", 0 },
	{ "sched", "sched_process_exec", "cpu", false, "programs executed", 0 },
	{ "sched", "sched_process_exit", "cpu", false, "processes ended and their exit status", 0 },
	{ "kmem", "rss_stat", "mem", true, "resident memory of processes", 0 },
	{ "vmscan", "mm_vmscan_direct_reclaim_begin", "mem", false, "reclaims for the node", 0 },
	{ "vmscan", "mm_vmscan_direct_reclaim_end", "mem", false, "reclaims for the node", 0 },
	{ "vmscan", "mm_vmscan_memcg_reclaim_begin", "mem", false, "reclaims for a container's limit", 0 },
	{ "vmscan", "mm_vmscan_memcg_reclaim_end", "mem", false, "reclaims for a container's limit", 0 },
	{ "compaction", "mm_compaction_try_to_compact_pages", "mem", false, "compaction stalls", 0 },
	{ "oom", "mark_victim", "mem", false, "names of processes killed for memory", 0 },
	{ "cgroup", "cgroup_attach_task", "mem", false, "memory that moves with a process", 0 },
	{ "block", "block_rq_issue", "io", true, "block I/O and its latency", 0 },
	{ "block", "block_rq_complete", "io", true, "block I/O and its latency", 0 },
	{ "block", "block_rq_insert", "io", false, "the container behind queued requests", 0 },
	{ "block", "block_rq_requeue", "io", false, "exact times of requeued requests", 0 },
	{ "cgroup", "cgroup_mkdir", "lifecycle", true, "names of containers shorter than an interval", 0 },
	{ "cgroup", "cgroup_rmdir", "lifecycle", true, "the exact end of containers", 0 },
};
_Static_assert(ARRAY_SIZE(wanted_tracepoints) <= KERNEL_PROBE_TRACEPOINTS, "room for every tracepoint");

/* libbpf's own words are for its developers; errors come back as values. */
static int discard(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static bool exists(const char *root, const char *path)
{
	char full[PATH_MAX];

	if (snprintf(full, sizeof(full), "%s/%s", !strcmp(root, "/") ? "" : root, path) >= (int)sizeof(full))
		return false;
	return access(full, F_OK) == 0;
}

/* --- the kernel ----------------------------------------------------------------------- */

static void probe_release(struct kernel_probe *p)
{
	struct utsname names;

	if (uname(&names))
		return;
	text_copy(p->release, sizeof(p->release), names.release);
	text_copy(p->machine, sizeof(p->machine), names.machine);
	if (sscanf(names.release, "%u.%u", &p->major, &p->minor) != 2)
		p->major = p->minor = 0;
}

/* In effect for a process, pid 0 for this one. */
static bool read_capabilities(pid_t pid, uint64_t *ret)
{
	char path[32], status[8192], *line;

	if (pid > 0)
		snprintf(path, sizeof(path), "proc/%d/status", (int)pid);
	else
		text_copy(path, sizeof(path), "proc/self/status");
	if (root_read_text("/", path, status, sizeof(status)) < 0)
		return false;
	line = strstr(status, "\nCapEff:");
	return line && sscanf(line, "\nCapEff: %" SCNx64, ret) == 1;
}

static struct btf *load_btf(const char *root, int *ret_error)
{
	char path[PATH_MAX];
	struct btf *btf;

	*ret_error = -ENAMETOOLONG;
	if (snprintf(path, sizeof(path), "%s/sys/kernel/btf/vmlinux", !strcmp(root, "/") ? "" : root) >=
	    (int)sizeof(path))
		return NULL;
	errno = 0;
	btf = btf__parse_raw(path);
	*ret_error = btf ? 0 : errno ? -errno : -EINVAL;
	return btf;
}

static int try_map(void)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "ep_doctor", sizeof(__u32), sizeof(__u64), 1, NULL);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static void probe_bpf(struct kernel_probe *p)
{
	int error, id;
	struct btf *running = load_btf("/", &error);

	p->bpf_error = try_map();
	p->raw_tp_error = bpf_refusal_of_programs();
	id = running ? btf__find_by_name_kind(running, "btf_trace_sched_switch", BTF_KIND_TYPEDEF) : error;
	p->tp_btf_error = id < 0 ? id : bpf_refusal_of_typed_programs((uint32_t)id);
	btf__free(running);
}

/* --- tracepoints ------------------------------------------------------------------------ */

static const char *const tracefs_paths[] = { "sys/kernel/tracing/events", "sys/kernel/debug/tracing/events" };

static bool in_tracefs(const char *root, const struct tracepoint_fact *t)
{
	char path[256];

	for (size_t i = 0; i < ARRAY_SIZE(tracefs_paths); i++) {
		snprintf(path, sizeof(path), "%s/%s/%s", tracefs_paths[i], t->category, t->name);
		if (exists(root, path))
			return true;
	}
	return false;
}

static bool in_btf(const struct btf *btf, const struct tracepoint_fact *t)
{
	char name[96];

	snprintf(name, sizeof(name), "btf_trace_%s", t->name);
	return btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF) > 0;
}

static bool is_file(const char *path)
{
	struct stat st;

	return !stat(path, &st) && !S_ISDIR(st.st_mode);
}

/* As the agent chooses: a file that is named wins, a folder stands in. */
static struct kernel_btf *find_btf_file(const struct kernel_probe_request *q, struct kernel_probe *p)
{
	struct kernel_identity running;
	struct kernel_btf *found = NULL;

	if (!q->btf || (!p->btf_error && !is_file(q->btf)))
		return NULL;
	kernel_identity_read("/", &running);
	if (kernel_btf_open(q->btf, &running, &found, p->btf_reason) < 0)
		return NULL;
	text_copy(p->btf_file, sizeof(p->btf_file), found->source);
	kernel_identity_release(&found->identity, p->btf_of, sizeof(p->btf_of));
	return found;
}

static void probe_tracepoints(const struct kernel_probe_request *q, struct kernel_probe *p)
{
	const char *root = q->root;
	struct btf *own = load_btf(root, &p->btf_error);
	struct kernel_btf *file = find_btf_file(q, p);
	const struct btf *btf = file ? file->btf : own;

	for (size_t i = 0; i < ARRAY_SIZE(tracefs_paths); i++)
		p->tracefs = p->tracefs || exists(root, tracefs_paths[i]);
	for (size_t i = 0; i < ARRAY_SIZE(wanted_tracepoints); i++) {
		struct tracepoint_fact *t = &p->tracepoints[p->n_tracepoints++];

		*t = wanted_tracepoints[i];
		if (p->tracefs && in_tracefs(root, t))
			t->presence = TRACEPOINT_IN_TRACEFS;
		else if (btf && in_btf(btf, t))
			t->presence = TRACEPOINT_IN_BTF;
		else
			t->presence = p->tracefs || btf ? TRACEPOINT_ABSENT : TRACEPOINT_UNKNOWN;
	}
	kernel_btf_close(file);
	btf__free(own);
}

/* --- the node ----------------------------------------------------------------------------- */

static void probe_accounting(const char *root, struct kernel_probe *p)
{
	uint64_t on;

	p->cgroup_error = cgroup_mounts_read(root, &p->cgroups);
	p->pressure = exists(root, "proc/pressure/cpu");
	p->delay_accounting = -1;
	if (root_read_u64(root, "proc/sys/kernel/task_delayacct", &on) == 0)
		p->delay_accounting = on != 0;
}

static enum folder_state folder_state(const char *root, const char *path)
{
	_cleanup_closedir_ DIR *dir = NULL;
	int r = root_opendir(root, path, &dir);

	return r == 0 ? FOLDER_READABLE : r == -EACCES || r == -EPERM ? FOLDER_UNREADABLE : FOLDER_ABSENT;
}

static void probe_runtime(const char *root, const char *name, const char *paths, struct runtime_fact *ret)
{
	ret->name = name;
	text_copy(ret->path, sizeof(ret->path), paths);
	ret->state = FOLDER_ABSENT;
	for (const char *p = paths; *p; p += strspn(p, ":")) {
		size_t length = strcspn(p, ":");
		char path[sizeof(ret->path)];
		enum folder_state state;

		if (length < sizeof(path)) {
			text_copy(path, length + 1, p);
			state = folder_state(root, path);
			if (state > ret->state) {
				ret->state = state;
				memcpy(ret->path, path, length + 1);
			}
		}
		p += length;
	}
}

/* The pid of whoever holds a flock() on the file, 0 for nobody. Only looks, so
 * that an agent which starts just now is not turned away. */
static pid_t lock_owner(const char *path)
{
	_cleanup_free_ char *locks = NULL;
	struct stat st;
	char *rest, *line;

	if (stat(path, &st) || root_read_file("/", "proc/locks", LOCKS_MAX_BYTES, &locks, NULL) < 0)
		return 0;
	rest = locks;
	while ((line = strsep(&rest, "\n"))) {
		unsigned major_id, minor_id;
		unsigned long inode;
		int pid;

		if (sscanf(line, "%*[^:]: FLOCK %*s %*s %d %x:%x:%lu", &pid, &major_id, &minor_id, &inode) !=
		    4)
			continue;
		if (inode == st.st_ino && major_id == major(st.st_dev) && minor_id == minor(st.st_dev))
			return pid ? pid : -1; /* a pid of another namespace reads as 0 */
	}
	return 0;
}

static int write_error(const char *folder)
{
	return faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) ? -errno : 0;
}

static void probe_run_dir(const char *path, struct kernel_probe *p)
{
	char parent[sizeof(p->run_dir)];
	struct stat st;
	char *slash;

	text_copy(p->run_dir, sizeof(p->run_dir), path);
	if (stat(path, &st) == 0) {
		p->has_run_dir = S_ISDIR(st.st_mode);
		p->run_dir_error = p->has_run_dir ? write_error(path) : -ENOTDIR;
		return;
	}
	p->run_dir_error = -errno;
	if (errno != ENOENT)
		return;
	text_copy(parent, sizeof(parent), path);
	for (size_t n = strlen(parent); n > 1 && parent[n - 1] == '/'; n--)
		parent[n - 1] = '\0';
	slash = strrchr(parent, '/');
	if (slash)
		slash[slash == parent] = '\0';
	p->run_dir_error = write_error(parent);
}

static void probe_installation(const struct kernel_probe_request *q, struct kernel_probe *p)
{
	char lock[PATH_MAX];
	gid_t gid;

	probe_run_dir(q->run_dir, p);
	text_copy(p->group, sizeof(p->group), q->group);
	p->has_group = group_find(GROUP_FILE, q->group, &gid) == 0;
	snprintf(lock, sizeof(lock), "%s/agent.lock", q->run_dir);
	p->agent_pid = lock_owner(lock);
}

uint32_t kernel_probe_cpus(void)
{
	int cpus = libbpf_num_possible_cpus();

	return cpus > 0 ? (uint32_t)cpus : 1;
}

uint64_t kernel_probe_map_bytes(uint32_t cpus, uint32_t slots)
{
	uint64_t per_cpu = (uint64_t)slots * (sizeof(struct ep_cpu_slot) + sizeof(struct ep_io_slot)) +
			   sizeof(struct ep_cpu_running) + EP_PAIRS * sizeof(struct ep_pair);
	uint64_t per_slot = sizeof(struct ep_mem_slot) + SLOT_TABLE_BYTES;

	return FIXED_MAP_BYTES + cpus * per_cpu + slots * per_slot;
}

void kernel_probe(const struct kernel_probe_request *q, struct kernel_probe *ret)
{
	memset(ret, 0, sizeof(*ret));
	libbpf_set_print(discard);
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	probe_release(ret);
	ret->has_capabilities = read_capabilities(0, &ret->capabilities);
	probe_bpf(ret);
	probe_tracepoints(q, ret);
	probe_accounting(q->root, ret);
	probe_runtime(q->root, "docker", q->docker_roots, &ret->runtimes[0]);
	probe_runtime(q->root, "containerd", q->containerd_states, &ret->runtimes[1]);
	probe_runtime(q->root, "podman", q->podman_roots, &ret->runtimes[2]);
	probe_runtime(q->root, "crio", q->crio_roots, &ret->runtimes[3]);
	probe_installation(q, ret);
	ret->has_meter_capabilities =
		read_capabilities(ret->agent_pid > 0 ? ret->agent_pid : 0, &ret->meter_capabilities);
	ret->cpus = kernel_probe_cpus();
	ret->slots = q->slots;
	ret->map_bytes = kernel_probe_map_bytes(ret->cpus, ret->slots);
}
