/* SPDX-License-Identifier: BSD-2-Clause */
/* What doctor says of nodes that were made up, and of the one it runs on. */
#include "app/doctor_verdict.h"

#include "base/text.h"

#include <edgeprof/abi.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct kernel_probe node; /* one where everything works */
static struct doctor_row rows[DOCTOR_ROWS_MAX];
static size_t n_rows;

static int set_up(void **state)
{
	static const char *const runtimes[] = { "docker", "containerd", "podman", "crio" };

	(void)state;
	node = (struct kernel_probe){ .release = "6.1.0", .machine = "aarch64", .major = 6, .minor = 1 };
	node.has_capabilities = true;
	node.capabilities = 1ull << 39 | 1ull << 38;
	node.tracefs = true;
	node.tracepoints[0] =
		(struct tracepoint_fact){ "sched", "sched_switch",       "cpu",
					  true,    "everything on CPUs", TRACEPOINT_IN_TRACEFS };
	node.tracepoints[1] = (struct tracepoint_fact){ "oom", "mark_victim",      "mem",
							false, "names of victims", TRACEPOINT_IN_BTF };
	node.n_tracepoints = 2;
	node.cgroups.layout = CGROUP_LAYOUT_V2;
	text_copy(node.cgroups.unified, sizeof(node.cgroups.unified), "/sys/fs/cgroup");
	node.cgroups.unified_has_memory = node.cgroups.unified_has_cpu = node.cgroups.unified_has_pids = 1;
	node.pressure = true;
	node.delay_accounting = -1;
	for (size_t i = 0; i < KERNEL_PROBE_RUNTIMES; i++)
		node.runtimes[i].name = runtimes[i];
	node.runtimes[0].state = FOLDER_READABLE;
	text_copy(node.runtimes[0].path, sizeof(node.runtimes[0].path), "/var/lib/docker");
	text_copy(node.run_dir, sizeof(node.run_dir), "/run/edgeprof");
	text_copy(node.group, sizeof(node.group), "edgeprof");
	node.has_run_dir = node.has_group = true;
	node.agent_pid = 12;
	node.cpus = 4;
	node.slots = 1024;
	node.map_bytes = 3 << 20;
	return 0;
}

static const struct doctor_row *judge(const char *check, enum config_hierarchy hierarchy)
{
	n_rows = doctor_judge(&node, hierarchy, rows);
	for (size_t i = 0; i < n_rows; i++)
		if (!strcmp(rows[i].check, check))
			return &rows[i];
	fail_msg("no row '%s'", check);
	return NULL;
}

static void assert_verdict(const char *check, enum doctor_level level, const char *found)
{
	const struct doctor_row *row = judge(check, CONFIG_HIERARCHY_AUTO);

	assert_int_equal(row->level, level);
	assert_non_null(strstr(row->found, found));
	assert_int_equal(doctor_is_complete(rows, n_rows), level != DOCTOR_MISSING);
	if (level == DOCTOR_WORKS)
		assert_true(!row->cost[0] && !row->remedy[0]);
	if (level == DOCTOR_MISSING)
		assert_true(row->cost[0] && row->remedy[0]);
}

static void test_all_is_well(void **state)
{
	(void)state;
	assert_verdict("kernel", DOCTOR_WORKS, "6.1.0 on aarch64");
	assert_verdict("map memory", DOCTOR_WORKS, "about 3.0 MiB for 1024 slots on 4 CPUs");
	assert_verdict("agent", DOCTOR_WORKS, "running, pid 12");
	assert_verdict("hierarchy", DOCTOR_WORKS, "unified");
	assert_true(doctor_is_complete(rows, n_rows));
	for (size_t i = 0; i < n_rows; i++)
		assert_true(rows[i].level != DOCTOR_MISSING && rows[i].found[0]);
}

static void test_kernel(void **state)
{
	(void)state;
	node.major = 5;
	node.minor = 8;
	assert_verdict("kernel", DOCTOR_WORKS, "");
	node.minor = 7;
	assert_verdict("kernel", DOCTOR_MISSING, "");
	node.major = 4;
	node.minor = 19;
	assert_verdict("kernel", DOCTOR_MISSING, "");
	node.major = 7;
	node.minor = 0;
	text_copy(node.machine, sizeof(node.machine), "riscv64");
	assert_verdict("architecture", DOCTOR_NOTE, "riscv64");
}

static void test_bpf(void **state)
{
	(void)state;
	node.bpf_error = -EPERM;
	node.capabilities = 0;
	assert_verdict("bpf()", DOCTOR_MISSING, "no permission");
	assert_non_null(strstr(judge("bpf()", CONFIG_HIERARCHY_AUTO)->remedy, "root"));
	node.bpf_error = -ENOSYS;
	assert_verdict("bpf()", DOCTOR_MISSING, "no bpf()");
	node.bpf_error = 0;
	node.btf_error = -ENOENT;
	assert_verdict("BTF", DOCTOR_MISSING, "No such file");
}

static void test_types_from_a_file(void **state)
{
	(void)state;
	node.btf_error = node.tp_btf_error = -ENOENT;
	text_copy(node.btf_reason, sizeof(node.btf_reason), "none for this kernel is in /x");
	assert_verdict("BTF", DOCTOR_MISSING, "none for this kernel is in /x");
	assert_non_null(strstr(judge("BTF", CONFIG_HIERARCHY_AUTO)->remedy, "edgeprof-btf(1)"));
	node.btf_reason[0] = '\0';
	text_copy(node.btf_file, sizeof(node.btf_file), "/x/a.btf");
	text_copy(node.btf_of, sizeof(node.btf_of), "5.10.104-tegra");
	assert_verdict("BTF", DOCTOR_WORKS, "/x/a.btf, of 5.10.104-tegra");
	assert_verdict("door tp_btf", DOCTOR_NOTE, "not with BTF from a file");
	assert_true(doctor_is_complete(rows, n_rows));
	node.raw_tp_error = -EPERM;
	assert_verdict("door raw_tp", DOCTOR_MISSING, "no permission");
	/* A file that is named and refused leaves no types, although the kernel has some. */
	node.btf_error = node.tp_btf_error = 0;
	node.btf_file[0] = '\0';
	text_copy(node.btf_reason, sizeof(node.btf_reason), "/x/a.btf is of kernel 5.10");
	assert_verdict("BTF", DOCTOR_MISSING, "is of kernel 5.10");
}

static void test_self_check(void **state)
{
	struct self_check check = { .verdict = SELF_CHECK_PASSED };

	(void)state;
	assert_int_equal(doctor_judge_self_check(&check, rows, 0), 1);
	assert_int_equal(rows[0].level, DOCTOR_WORKS);
	check.verdict = SELF_CHECK_UNKNOWN;
	text_copy(check.reason, sizeof(check.reason), "no switch was seen");
	assert_int_equal(doctor_judge_self_check(&check, rows, 0), 1);
	assert_int_equal(rows[0].level, DOCTOR_NOTE);
	assert_string_equal(rows[0].found, "no switch was seen");
	check.verdict = SELF_CHECK_WRONG;
	assert_int_equal(doctor_judge_self_check(&check, rows, 3), 4);
	assert_int_equal(rows[3].level, DOCTOR_MISSING);
	assert_true(rows[3].cost[0] && rows[3].remedy[0]);
	assert_int_equal(doctor_refuse_maps("too many", rows, 0), 1);
	assert_string_equal(rows[0].found, "too many");
	assert_false(doctor_is_complete(rows, 1));
	assert_int_equal(doctor_refuse_settings(rows, 0), 1);
	assert_false(doctor_is_complete(rows, 1));
}

static void test_doors(void **state)
{
	(void)state;
	node.raw_tp_error = -EPERM;
	assert_verdict("door raw_tp", DOCTOR_NOTE, "no permission");
	node.raw_tp_error = 0;
	node.tp_btf_error = -EINVAL;
	assert_verdict("door tp_btf", DOCTOR_MISSING, "Invalid");
	assert_non_null(strstr(judge("door tp_btf", CONFIG_HIERARCHY_AUTO)->cost, "raw_tp"));
	node.raw_tp_error = -EPERM;
	assert_verdict("door raw_tp", DOCTOR_MISSING, "no permission");
}

static size_t judge_metering(enum config_metering metering)
{
	return doctor_judge_metering(&node, metering, rows, 0);
}

static void test_metering(void **state)
{
	(void)state;
	assert_int_equal(judge_metering(CONFIG_METERING_SAMPLED), 0); /* not known */
	node.has_meter_capabilities = true;
	assert_int_equal(judge_metering(CONFIG_METERING_SAMPLED), 1);
	assert_int_equal(rows[0].level, DOCTOR_NOTE);
	assert_non_null(strstr(rows[0].found, "CAP_SYS_ADMIN"));
	assert_true(rows[0].cost[0] && rows[0].remedy[0]);
	assert_int_equal(judge_metering(CONFIG_METERING_OFF), 0);
	assert_int_equal(judge_metering(CONFIG_METERING_ALWAYS), 0); /* given up after the start */
	node.agent_pid = 0;
	assert_int_equal(judge_metering(CONFIG_METERING_ALWAYS), 1);
	node.meter_capabilities = 1ull << 21;
	assert_int_equal(judge_metering(CONFIG_METERING_SAMPLED), 1);
	assert_int_equal(rows[0].level, DOCTOR_WORKS);
}

/* The remedy for a refused bpf() is another one where the capability is there. */
static void test_filtered(void **state)
{
	(void)state;
	node.bpf_error = -EPERM;
	assert_non_null(strstr(judge("bpf()", CONFIG_HIERARCHY_AUTO)->remedy, "seccomp"));
	node.capabilities = 1ull << 39;
	assert_non_null(strstr(judge("bpf()", CONFIG_HIERARCHY_AUTO)->remedy, "CAP_PERFMON"));
}

static void test_capabilities(void **state)
{
	(void)state;
	assert_verdict("capabilities", DOCTOR_WORKS, "CAP_BPF yes, CAP_PERFMON yes, CAP_SYS_ADMIN no");
	node.capabilities = 1ull << 39;
	assert_verdict("capabilities", DOCTOR_MISSING, "CAP_PERFMON no");
	node.capabilities = 1ull << 21;
	assert_verdict("capabilities", DOCTOR_WORKS, "CAP_SYS_ADMIN yes");
	node.has_capabilities = false;
	assert_verdict("capabilities", DOCTOR_NOTE, "not known");
}

static void test_tracepoints(void **state)
{
	(void)state;
	assert_verdict("sched:sched_switch", DOCTOR_WORKS, "in tracefs");
	assert_verdict("oom:mark_victim", DOCTOR_WORKS, "in BTF");
	node.tracefs = false;
	assert_verdict("tracefs", DOCTOR_NOTE, "not mounted");
	node.tracepoints[0].presence = TRACEPOINT_UNKNOWN;
	assert_verdict("sched:sched_switch", DOCTOR_NOTE, "cannot be looked up");
	node.tracepoints[0].presence = TRACEPOINT_ABSENT;
	assert_verdict("sched:sched_switch", DOCTOR_MISSING, "not in this kernel");
	assert_non_null(strstr(judge("sched:sched_switch", CONFIG_HIERARCHY_AUTO)->cost, "cpu: everything"));
	assert_non_null(strstr(judge("sched:sched_switch", CONFIG_HIERARCHY_AUTO)->cost, "not loaded"));
}

static void test_cgroups(void **state)
{
	(void)state;
	node.cgroups.unified_has_memory = 0;
	assert_verdict("controller memory", DOCTOR_MISSING, "not enabled");
	node.cgroups.layout = CGROUP_LAYOUT_HYBRID;
	text_copy(node.cgroups.memory, sizeof(node.cgroups.memory), "/sys/fs/cgroup/memory");
	assert_verdict("controller memory", DOCTOR_WORKS, "enabled");
	assert_verdict("hierarchy", DOCTOR_WORKS, "memory");
	assert_verdict("pressure (PSI)", DOCTOR_NOTE, "node only");
	assert_string_equal(judge("hierarchy", CONFIG_HIERARCHY_UNIFIED)->found, "unified");
	assert_int_equal(judge("hierarchy", CONFIG_HIERARCHY_CPUACCT)->level, DOCTOR_MISSING);
	node.cgroups.memory[0] = '\0';
	assert_string_equal(judge("hierarchy", CONFIG_HIERARCHY_AUTO)->found, "unified");
	node.cgroup_error = -ENOENT;
	assert_verdict("cgroups", DOCTOR_MISSING, "not mounted");
	assert_verdict("hierarchy", DOCTOR_MISSING, "not mounted");
}

static void test_node(void **state)
{
	(void)state;
	assert_verdict("pressure (PSI)", DOCTOR_WORKS, "per cgroup");
	node.pressure = false;
	assert_verdict("pressure (PSI)", DOCTOR_MISSING, "off");
	node.pressure = true;
	node.delay_accounting = 0;
	assert_verdict("delay accounting", DOCTOR_NOTE, "off");
	assert_verdict("runtime docker", DOCTOR_WORKS, "/var/lib/docker");
	assert_verdict("runtime podman", DOCTOR_NOTE, "not found");
	node.runtimes[0].state = FOLDER_UNREADABLE;
	assert_verdict("runtime docker", DOCTOR_MISSING, "not readable");
}

static void test_installation(void **state)
{
	(void)state;
	node.has_group = false;
	assert_verdict("group", DOCTOR_NOTE, "edgeprof does not exist");
	assert_non_null(strstr(judge("group", CONFIG_HIERARCHY_AUTO)->remedy, "groupadd --system edgeprof"));
	node.has_run_dir = false;
	assert_verdict("run-dir", DOCTOR_NOTE, "not there yet");
	node.run_dir_error = -EACCES;
	assert_verdict("run-dir", DOCTOR_MISSING, "cannot make /run/edgeprof");
	assert_non_null(strstr(judge("run-dir", CONFIG_HIERARCHY_AUTO)->remedy, "run as root"));
	node.has_run_dir = true;
	assert_verdict("run-dir", DOCTOR_MISSING, "cannot write /run/edgeprof");
	node.run_dir_error = -ENOENT;
	assert_verdict("run-dir", DOCTOR_MISSING, strerror(ENOENT));
	node.run_dir_error = 0;
	node.agent_pid = 0;
	assert_verdict("agent", DOCTOR_NOTE, "not running");
	node.agent_pid = -1;
	assert_verdict("agent", DOCTOR_WORKS, "running");
}

static void test_long_names_are_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < KERNEL_PROBE_RUNTIMES; i++) {
		node.runtimes[i].state = FOLDER_UNREADABLE;
		memset(node.runtimes[i].path, '\xc3', sizeof(node.runtimes[i].path) - 1);
	}
	memset(node.run_dir, 'd', sizeof(node.run_dir) - 1);
	memset(node.group, 'g', sizeof(node.group) - 1);
	n_rows = doctor_judge(&node, CONFIG_HIERARCHY_AUTO, rows);
	assert_true(n_rows < DOCTOR_ROWS_MAX);
	for (size_t i = 0; i < n_rows; i++)
		assert_true(text_is_clean(rows[i].found) && text_is_clean(rows[i].cost) &&
			    text_is_clean(rows[i].remedy));
}

static void test_map_memory(void **state)
{
	(void)state;
	assert_true(kernel_probe_map_bytes(2, 1024) > 2ull * 1024 * sizeof(struct ep_cpu_slot));
	assert_true(kernel_probe_map_bytes(4, 1024) > kernel_probe_map_bytes(2, 1024));
	assert_true(kernel_probe_map_bytes(4096, EP_SLOTS_MAX) > 1ull << 32); /* no overflow */
}

/* Facts of the running system, below a root that has none. */
static void test_probe_of_nothing(void **state)
{
	const struct kernel_probe_request request = { .root = "/nonexistent",
						      .run_dir = "/nonexistent/run",
						      .group = "no-such-group-here",
						      .docker_roots = "",
						      .containerd_states = "/a:/b",
						      .podman_roots = ":::",
						      .crio_roots = "/proc",
						      .slots = 64 };

	(void)state;
	kernel_probe(&request, &node);
	assert_true(node.major > 0);
	assert_int_equal(node.btf_error, -ENOENT);
	assert_false(node.tracefs);
	assert_int_equal(node.tracepoints[0].presence, TRACEPOINT_UNKNOWN);
	assert_true(node.cgroup_error < 0);
	assert_false(node.has_run_dir || node.has_group || node.agent_pid);
	for (size_t i = 0; i < KERNEL_PROBE_RUNTIMES; i++)
		assert_int_equal(node.runtimes[i].state, FOLDER_ABSENT);
	assert_int_equal(node.map_bytes, kernel_probe_map_bytes(node.cpus, 64));
}

static void assert_run_dir(const char *path, bool there, int error)
{
	const struct kernel_probe_request request = { .root = "/nonexistent",
						      .run_dir = path,
						      .group = "no-such-group-here",
						      .docker_roots = "",
						      .containerd_states = "",
						      .podman_roots = "",
						      .crio_roots = "",
						      .slots = 64 };

	kernel_probe(&request, &node);
	assert_int_equal(node.has_run_dir, there);
	assert_int_equal(node.run_dir_error, error);
}

static void test_run_dir(void **state)
{
	(void)state;
	assert_run_dir("/tmp", true, 0);
	assert_run_dir("/tmp/", true, 0);
	assert_run_dir("/tmp/no-such-folder-here//", false, 0);
	assert_run_dir("/no-such-folder-here/run", false, -ENOENT);
	assert_run_dir("/proc/version", false, -ENOTDIR);
	assert_run_dir("/proc/version/run", false, -ENOTDIR);
}

#define T(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_all_is_well),
		T(test_kernel),
		T(test_bpf),
		T(test_doors),
		T(test_types_from_a_file),
		T(test_self_check),
		T(test_capabilities),
		T(test_metering),
		T(test_filtered),
		T(test_tracepoints),
		T(test_cgroups),
		T(test_node),
		T(test_installation),
		T(test_run_dir),
		T(test_map_memory),
		T(test_probe_of_nothing),
		T(test_long_names_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
