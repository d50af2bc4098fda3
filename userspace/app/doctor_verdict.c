/* SPDX-License-Identifier: BSD-2-Clause */
#include "app/doctor_verdict.h"

#include "base/capabilities.h"
#include "base/text.h"
#include "core/hierarchy.h"

#include <errno.h>
#include <string.h>

#define FILES_ONLY "only cgroup files are read: no waits, blame, histograms or latencies"
#define RUN_AS_ROOT "run as root, or with CAP_BPF and CAP_PERFMON"
#define ALLOW_BPF                                                                                            \
	"allow it in the seccomp filter: SystemCallFilter=bpf in the unit, or the container's profile"

struct verdict {
	struct doctor_row *rows;
	size_t n;
};

static struct doctor_row *add(struct verdict *v, enum doctor_level level, const char *check)
{
	struct doctor_row *row = &v->rows[v->n];

	if (v->n + 1 < DOCTOR_ROWS_MAX)
		v->n++;
	memset(row, 0, sizeof(*row));
	row->level = level;
	text_copy(row->check, sizeof(row->check), check);
	return row;
}

static void say(struct doctor_row *row, const char *found, const char *cost, const char *remedy)
{
	text_copy(row->found, sizeof(row->found), found);
	text_clean(row->found); /* a path may have been cut inside a character */
	if (row->level == DOCTOR_WORKS)
		return;
	text_copy(row->cost, sizeof(row->cost), cost);
	text_copy(row->remedy, sizeof(row->remedy), remedy);
	text_clean(row->remedy);
}

static enum doctor_level works_if(bool condition)
{
	return condition ? DOCTOR_WORKS : DOCTOR_MISSING;
}

/* --- the kernel ------------------------------------------------------------------------- */

static void judge_kernel(struct verdict *v, const struct kernel_probe *p)
{
	bool new_enough = p->major > 5 || (p->major == 5 && p->minor >= 8);
	bool known = !strcmp(p->machine, "x86_64") || !strcmp(p->machine, "aarch64");
	char found[160];

	snprintf(found, sizeof(found), "%s on %s", p->release, p->machine);
	say(add(v, works_if(new_enough), "kernel"), found, FILES_ONLY,
	    "use a kernel of 5.8 or later, for BPF ring buffers");
	if (!known)
		say(add(v, DOCTOR_NOTE, "architecture"), p->machine, "never tried there",
		    "tell the project whether it works");
}

static const char *bpf_error_text(int error)
{
	return error == -ENOSYS   ? "this kernel has no bpf() system call"
	       : error == -EPERM  ? "no permission"
	       : error == -ENOENT ? "this kernel has no BTF"
				  : strerror(-error);
}

static bool may_load(const struct kernel_probe *p)
{
	const uint64_t both = CAPABILITY(CAP_BPF) | CAPABILITY(CAP_PERFMON);

	return p->capabilities & CAPABILITY(CAP_SYS_ADMIN) || (p->capabilities & both) == both;
}

static const char *bpf_remedy(const struct kernel_probe *p, int error)
{
	if (error == -ENOSYS)
		return "use a kernel with CONFIG_BPF_SYSCALL";
	if (error == -ENOENT)
		return "use a kernel with CONFIG_DEBUG_INFO_BTF";
	if (error != -EPERM)
		return "check the memory limits of this process (RLIMIT_MEMLOCK)";
	return may_load(p) ? ALLOW_BPF : RUN_AS_ROOT;
}

static void judge_capabilities(struct verdict *v, const struct kernel_probe *p)
{
	static const struct {
		int number;
		const char *name;
	} wanted[] = { { CAP_BPF, "CAP_BPF" },
		       { CAP_PERFMON, "CAP_PERFMON" },
		       { CAP_SYS_ADMIN, "CAP_SYS_ADMIN" } };
	char found[160];
	size_t used = 0;

	if (!p->has_capabilities) {
		say(add(v, DOCTOR_NOTE, "capabilities"), "not known", "",
		    "look at CapEff in /proc/self/status");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		used += (size_t)snprintf(found + used, sizeof(found) - used, "%s%s %s", used ? ", " : "",
					 wanted[i].name,
					 p->capabilities & CAPABILITY(wanted[i].number) ? "yes" : "no");
	say(add(v, works_if(may_load(p)), "capabilities"), found, FILES_ONLY, RUN_AS_ROOT);
}

/* A file that is named and cannot be used leaves no types, whatever the kernel has. */
static void judge_types(struct verdict *v, const struct kernel_probe *p)
{
	char found[sizeof(((struct doctor_row *)0)->found)];

	if (p->btf_file[0])
		snprintf(found, sizeof(found), "%.160s, of %.80s", p->btf_file, p->btf_of);
	else if (p->btf_reason[0])
		text_copy(found, sizeof(found), p->btf_reason);
	else
		text_copy(found, sizeof(found), p->btf_error ? strerror(-p->btf_error) : KERNEL_BTF_OWN);
	say(add(v, works_if(p->btf_file[0] || (!p->btf_error && !p->btf_reason[0])), "BTF"), found,
	    FILES_ONLY,
	    "make the file of this kernel, see edgeprof-btf(1); or use a kernel with CONFIG_DEBUG_INFO_BTF");
}

/* With types from a file the first door is shut, and nothing is wrong. */
static void judge_first_door(struct verdict *v, const struct kernel_probe *p)
{
	struct doctor_row *row;

	if (p->btf_file[0]) {
		say(add(v, DOCTOR_NOTE, "door tp_btf"), "not with BTF from a file",
		    "programs attach through raw_tp, which costs more per event", "");
		return;
	}
	row = add(v, works_if(!p->tp_btf_error), "door tp_btf");
	say(row, p->tp_btf_error ? bpf_error_text(p->tp_btf_error) : "loads a program",
	    p->raw_tp_error ? FILES_ONLY : "programs attach through raw_tp, which costs more per event",
	    bpf_remedy(p, p->tp_btf_error));
}

static void judge_doors(struct verdict *v, const struct kernel_probe *p)
{
	bool first_shut = p->tp_btf_error || p->btf_file[0];
	struct doctor_row *row;

	judge_types(v, p);
	row = add(v, works_if(!p->bpf_error), "bpf()");
	say(row, p->bpf_error ? bpf_error_text(p->bpf_error) : "makes maps", FILES_ONLY,
	    bpf_remedy(p, p->bpf_error));
	judge_capabilities(v, p);
	judge_first_door(v, p);
	/* The second door matters only where the first is shut. */
	row = add(v,
		  !p->raw_tp_error ? DOCTOR_WORKS
		  : first_shut     ? DOCTOR_MISSING
				   : DOCTOR_NOTE,
		  "door raw_tp");
	say(row, p->raw_tp_error ? bpf_error_text(p->raw_tp_error) : "loads a program",
	    first_shut ? FILES_ONLY : "", bpf_remedy(p, p->raw_tp_error));
}

static void judge_tracefs(struct verdict *v, const struct kernel_probe *p)
{
	if (p->tracefs)
		say(add(v, DOCTOR_WORKS, "tracefs"), "mounted", "", "");
	else
		say(add(v, DOCTOR_NOTE, "tracefs"), "not mounted or not readable",
		    p->btf_error ? "tracepoints cannot be looked up" : "",
		    p->btf_error ? "mount -t tracefs tracefs /sys/kernel/tracing" : "");
}

static void judge_tracepoint(struct verdict *v, const struct tracepoint_fact *t)
{
	static const char *const found[] = {
		[TRACEPOINT_UNKNOWN] = "cannot be looked up",
		[TRACEPOINT_ABSENT] = "not in this kernel",
		[TRACEPOINT_IN_BTF] = "in BTF",
		[TRACEPOINT_IN_TRACEFS] = "in tracefs",
	};
	char check[64], cost[160];

	snprintf(check, sizeof(check), "%s:%s", t->category, t->name);
	snprintf(cost, sizeof(cost), "%s: %s%s", t->family, t->cost,
		 t->required ? "; the family is not loaded" : "");
	say(add(v,
		t->presence == TRACEPOINT_ABSENT    ? DOCTOR_MISSING
		: t->presence == TRACEPOINT_UNKNOWN ? DOCTOR_NOTE
						    : DOCTOR_WORKS,
		check),
	    found[t->presence], cost,
	    t->presence == TRACEPOINT_UNKNOWN ? "mount tracefs, run as root"
					      : "use a kernel that has it, or do without");
}

/* --- the node ------------------------------------------------------------------------------ */

static void judge_controller(struct verdict *v, const char *name, bool present, const char *cost,
			     const char *remedy)
{
	char check[64];

	snprintf(check, sizeof(check), "controller %s", name);
	say(add(v, works_if(present), check), present ? "enabled" : "not enabled", cost, remedy);
}

static void judge_cgroups(struct verdict *v, const struct kernel_probe *p)
{
	const struct cgroup_mounts *m = &p->cgroups;
	char found[160];

	if (p->cgroup_error) {
		say(add(v, DOCTOR_MISSING, "cgroups"), "not mounted", "the agent does not start",
		    "mount cgroup2 on /sys/fs/cgroup");
		return;
	}
	snprintf(found, sizeof(found), "layout %s", cgroup_layout_name(m->layout));
	say(add(v, DOCTOR_WORKS, "cgroups"), found, "", "");
	judge_controller(v, "cpu", m->cpu[0] || m->unified_has_cpu, "throttling and CPU limits are absent",
			 "enable the cpu controller (CONFIG_CGROUP_SCHED)");
	judge_controller(v, "memory", m->memory[0] || m->unified_has_memory,
			 "charged memory and limits are absent", "boot with cgroup_enable=memory");
	judge_controller(v, "pids", m->pids[0] || m->unified_has_pids, "the number of tasks is absent",
			 "use a kernel with CONFIG_CGROUP_PIDS");
}

static void judge_hierarchy(struct verdict *v, const struct kernel_probe *p, enum config_hierarchy wanted)
{
	struct hierarchy_choice choice;
	bool mounted = !p->cgroup_error && hierarchy_choose(&p->cgroups, wanted, &choice) == 0;

	say(add(v, works_if(mounted), "hierarchy"),
	    mounted ? choice.name : "the one asked for is not mounted", "the agent does not start",
	    "set hierarchy = auto, or mount it");
}

static void judge_accounting(struct verdict *v, const struct kernel_probe *p)
{
	bool everywhere = p->cgroups.layout == CGROUP_LAYOUT_V2;

	if (!p->pressure)
		say(add(v, DOCTOR_MISSING, "pressure (PSI)"), "off", "psi_* figures are absent",
		    "boot with psi=1; needs CONFIG_PSI");
	else if (!everywhere)
		say(add(v, DOCTOR_NOTE, "pressure (PSI)"), "of the node only",
		    "psi_* figures are absent where a container has no cgroup2 group", "boot with cgroup v2");
	else
		say(add(v, DOCTOR_WORKS, "pressure (PSI)"), "per cgroup", "", "");
	say(add(v, DOCTOR_NOTE, "delay accounting"),
	    p->delay_accounting > 0    ? "on"
	    : p->delay_accounting == 0 ? "off"
				       : "the kernel does not say",
	    "", "nothing: edgeprof measures waits itself");
}

static void judge_runtime(struct verdict *v, const struct runtime_fact *r)
{
	char check[64], found[160];

	snprintf(check, sizeof(check), "runtime %s", r->name);
	if (r->state == FOLDER_UNREADABLE)
		snprintf(found, sizeof(found), "%.120s is not readable", r->path);
	else
		snprintf(found, sizeof(found), "%.140s", r->state == FOLDER_READABLE ? r->path : "not found");
	say(add(v,
		r->state == FOLDER_READABLE     ? DOCTOR_WORKS
		: r->state == FOLDER_UNREADABLE ? DOCTOR_MISSING
						: DOCTOR_NOTE,
		check),
	    found, r->state == FOLDER_UNREADABLE ? "its containers have ids instead of names" : "",
	    r->state == FOLDER_UNREADABLE ? "run as root" : "");
}

static void judge_run_dir(struct verdict *v, const struct kernel_probe *p)
{
	bool denied = p->run_dir_error == -EACCES || p->run_dir_error == -EPERM || p->run_dir_error == -EROFS;
	char found[300];

	if (!p->run_dir_error) {
		say(add(v, p->has_run_dir ? DOCTOR_WORKS : DOCTOR_NOTE, "run-dir"),
		    p->has_run_dir ? p->run_dir : "not there yet", "", "nothing: the agent makes it");
		return;
	}
	snprintf(found, sizeof(found), "%s %.120s: %s", p->has_run_dir ? "cannot write" : "cannot make",
		 p->run_dir, strerror(-p->run_dir_error));
	say(add(v, DOCTOR_MISSING, "run-dir"), found, "the agent does not start as this user",
	    denied ? "run as root, or set run-dir to a folder you may write"
		   : "make the folder that it lies in, or set run-dir");
}

static void judge_installation(struct verdict *v, const struct kernel_probe *p)
{
	char found[300], bytes[24], remedy[200];

	judge_run_dir(v, p);
	snprintf(remedy, sizeof(remedy), "groupadd --system %s, or set group", p->group);
	snprintf(found, sizeof(found), "%s%s", p->group, p->has_group ? "" : " does not exist");
	say(add(v, p->has_group ? DOCTOR_WORKS : DOCTOR_NOTE, "group"), found, "only root can subscribe",
	    remedy);
	if (p->agent_pid > 0)
		snprintf(found, sizeof(found), "running, pid %d", (int)p->agent_pid);
	else
		text_copy(found, sizeof(found), p->agent_pid ? "running" : "not running");
	say(add(v, p->agent_pid ? DOCTOR_WORKS : DOCTOR_NOTE, "agent"), found, "",
	    "edgeprof agent starts one");
	snprintf(found, sizeof(found), "about %s for %u slots on %u CPUs",
		 text_format_bytes(bytes, sizeof(bytes), p->map_bytes), p->slots, p->cpus);
	say(add(v, DOCTOR_WORKS, "map memory"), found, "", "");
}

size_t doctor_judge(const struct kernel_probe *p, enum config_hierarchy hierarchy,
		    struct doctor_row rows[DOCTOR_ROWS_MAX])
{
	struct verdict v = { .rows = rows };

	judge_kernel(&v, p);
	judge_doors(&v, p);
	judge_tracefs(&v, p);
	for (size_t i = 0; i < p->n_tracepoints && i < KERNEL_PROBE_TRACEPOINTS; i++)
		judge_tracepoint(&v, &p->tracepoints[i]);
	judge_cgroups(&v, p);
	judge_hierarchy(&v, p, hierarchy);
	judge_accounting(&v, p);
	for (size_t i = 0; i < KERNEL_PROBE_RUNTIMES; i++)
		judge_runtime(&v, &p->runtimes[i]);
	judge_installation(&v, p);
	return v.n;
}

/* Only what has no known cause is worth a report. */
static const char *family_remedy(const struct family_snapshot *f)
{
	if (f->state == FAMILY_DEGRADED)
		return "use a kernel that has it, or do without";
	if (text_starts_with(f->reason, "the kernel refused") || text_starts_with(f->reason, "cannot "))
		return "report it with this line and the kernel's version";
	return "what the reason says, or do without";
}

size_t doctor_judge_families(const struct family_snapshot *families, size_t n_families,
			     struct doctor_row rows[DOCTOR_ROWS_MAX], size_t n)
{
	for (size_t i = 0; i < n_families && n < DOCTOR_ROWS_MAX; i++) {
		const struct family_snapshot *f = &families[i];
		struct doctor_row *row = &rows[n];

		if (f->state == FAMILY_OFF)
			continue;
		memset(row, 0, sizeof(*row));
		n++;
		snprintf(row->check, sizeof(row->check), "family %s", f->name);
		row->level = f->state == FAMILY_RUNNING ? DOCTOR_WORKS : DOCTOR_MISSING;
		if (f->state == FAMILY_RUNNING) {
			snprintf(row->found, sizeof(row->found), "loads and attaches through %s", f->door);
			continue;
		}
		text_copy(row->found, sizeof(row->found), f->reason);
		text_copy(row->cost, sizeof(row->cost),
			  f->state == FAMILY_DEGRADED
				  ? "some of its figures are absent"
				  : "its figures are absent, or those of the cgroup files");
		text_copy(row->remedy, sizeof(row->remedy), family_remedy(f));
	}
	return n;
}

size_t doctor_judge_metering(const struct kernel_probe *p, enum config_metering metering,
			     struct doctor_row rows[DOCTOR_ROWS_MAX], size_t n)
{
	struct verdict v = { .rows = rows, .n = n };
	bool allowed = p->meter_capabilities & CAPABILITY(CAP_SYS_ADMIN);

	/* Permanent metering begins before an agent gives the capability up. */
	if (!p->has_meter_capabilities || metering == CONFIG_METERING_OFF ||
	    (metering == CONFIG_METERING_ALWAYS && p->agent_pid))
		return n;
	say(add(&v, allowed ? DOCTOR_WORKS : DOCTOR_NOTE, "self-metering"),
	    allowed ? "permitted" : "takes CAP_SYS_ADMIN",
	    "what the programs in the kernel cost is absent from messages",
	    "add CAP_SYS_ADMIN to the unit, see edgeprof-agent(1); or set self-metering = off");
	return v.n;
}

size_t doctor_judge_self_check(const struct self_check *check, struct doctor_row rows[DOCTOR_ROWS_MAX],
			       size_t n)
{
	static const enum doctor_level levels[] = {
		[SELF_CHECK_NOT_MADE] = DOCTOR_NOTE,
		[SELF_CHECK_PASSED] = DOCTOR_WORKS,
		[SELF_CHECK_UNKNOWN] = DOCTOR_NOTE,
		[SELF_CHECK_WRONG] = DOCTOR_MISSING,
	};
	struct verdict v = { .rows = rows, .n = n };

	say(add(&v, levels[check->verdict], "self-check"),
	    check->reason[0] ? check->reason : "own cgroup, memory, run time and faults are read right",
	    check->verdict == SELF_CHECK_WRONG ? FILES_ONLY : "whether the types are right is not proven",
	    check->verdict == SELF_CHECK_WRONG
		    ? "make the file anew with edgeprof btf from this very kernel, see edgeprof-btf(1)"
		    : "");
	return v.n;
}

size_t doctor_refuse_maps(const char *reason, struct doctor_row rows[DOCTOR_ROWS_MAX], size_t n)
{
	struct verdict v = { .rows = rows, .n = n };

	say(add(&v, DOCTOR_MISSING, "counter maps"), reason, FILES_ONLY,
	    "raise the limit that refuses them, or make fewer slots");
	return v.n;
}

size_t doctor_refuse_settings(struct doctor_row rows[DOCTOR_ROWS_MAX], size_t n)
{
	struct verdict v = { .rows = rows, .n = n };

	say(add(&v, DOCTOR_MISSING, "settings"), "door = tp_btf and btf exclude each other",
	    "the agent does not start", "remove one of the two");
	return v.n;
}

bool doctor_is_complete(const struct doctor_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i].level == DOCTOR_MISSING)
			return false;
	return true;
}

const char *doctor_level_name(enum doctor_level level)
{
	static const char *const names[] = {
		[DOCTOR_WORKS] = "works",
		[DOCTOR_NOTE] = "note",
		[DOCTOR_MISSING] = "missing",
	};

	return names[level];
}
