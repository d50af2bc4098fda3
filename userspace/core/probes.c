/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/probes.h"

#include "base/text.h"
#include "source/bpf_refusal.h"
#include "source/kernel_probe.h"
#include "source/objects.h"

#include <errno.h>
#include <string.h>

#define MAP_BUDGET_BYTES (4u << 20)
#define DEFAULT_SLOTS_MAX 1024
#define DEFAULT_SLOTS_MIN 64

uint32_t probes_default_slots(uint32_t cpus)
{
	uint32_t slots = DEFAULT_SLOTS_MAX;

	while (slots > DEFAULT_SLOTS_MIN && kernel_probe_map_bytes(cpus, slots) > MAP_BUDGET_BYTES)
		slots -= 32;
	return slots;
}

static const char *door_name(enum config_door door)
{
	return door == CONFIG_DOOR_TP_BTF ? "tp_btf" : door == CONFIG_DOOR_RAW_TP ? "raw_tp" : NULL;
}

static struct family_snapshot *add_family(struct probes *p, const char *name, enum family_state state,
					  const char *door, const char *reason)
{
	struct family_snapshot *f = &p->families[p->n_families++];

	memset(f, 0, sizeof(*f));
	text_copy(f->name, sizeof(f->name), name);
	text_copy(f->door, sizeof(f->door), door);
	text_copy(f->reason, sizeof(f->reason), reason);
	f->state = state;
	return f;
}

/* Families that one cause keeps from running share a line. */
static void log_failed(const struct family_snapshot *families, size_t n, size_t first)
{
	const char *reason = families[first].reason;
	char names[160] = "";
	size_t used = 0, count = 0;

	for (size_t i = 0; i < n; i++) {
		if (families[i].state != FAMILY_FAILED || strcmp(families[i].reason, reason))
			continue;
		if (i < first)
			return; /* told with that one */
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", count++ ? ", " : "",
					 families[i].name);
	}
	log_warning("%s %s %s not running: %s; continuing without", count > 1 ? "families" : "family", names,
		    count > 1 ? "are" : "is", reason);
}

static void log_families(const struct family_snapshot *families, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct family_snapshot *f = &families[i];

		if (f->state == FAMILY_FAILED)
			log_failed(families, n, i);
		else if (f->state == FAMILY_DEGRADED)
			log_warning("family %s runs in part: %s", f->name, f->reason);
		else if (f->state == FAMILY_RUNNING)
			log_debug("family %s runs through %s", f->name, f->door);
	}
}

static int open_lifecycle(struct probes *p, const char *door, struct family_snapshot *state)
{
	static struct bpf_family_spec spec = {
		.name = "lifecycle",
		.hooks = { { "mkdir", "cgroup_mkdir", true }, { "rmdir", "cgroup_rmdir", true } },
	};

	spec.object = ep_object_lifecycle;
	spec.object_size = (size_t)(ep_object_lifecycle_end - ep_object_lifecycle);
	return bpf_family_open(&spec, &p->kernel, p->slots, door, state, &p->lifecycle);
}

static void open_families(struct probes *p, const struct config *config)
{
	const char *door = door_name(config->door);
	const struct {
		const char *name;
		bool wanted;
	} families[] = {
		{ "cpu", config->cpu }, { "mem", config->mem }, { "io", config->io }, { "lifecycle", true }
	};

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		struct family_snapshot *f = add_family(p, families[i].name, FAMILY_OFF, "", "");
		int r = 0;

		if (!families[i].wanted)
			continue;
		if (!strcmp(f->name, "cpu"))
			r = cpu_source_open(&p->kernel, p->slots, door, f, &p->cpu);
		else if (!strcmp(f->name, "mem"))
			r = mem_source_open(config->root, &p->kernel, p->slots, door, f, &p->mem);
		else if (!strcmp(f->name, "io"))
			r = io_source_open(&p->kernel, p->slots, door, f, &p->io);
		else
			r = open_lifecycle(p, door, f);
		if (r < 0 && !f->reason[0])
			snprintf(f->reason, sizeof(f->reason), "%s", strerror(-r));
		if (r < 0)
			f->state = FAMILY_FAILED;
	}
	log_families(p->families, p->n_families);
}

static void use_files_only(struct probes *p, const char *reason)
{
	add_family(p, "files", FAMILY_RUNNING, "files", reason);
}

/* Without programs the agent goes on; one line and the families tell why. */
static int do_without(struct probes *p, const char *what, const char *reason)
{
	log_warning("%s: %s; continuing with cgroup files alone", what, reason);
	use_files_only(p, reason);
	return 0;
}

/* 1: there are types to load programs with. */
static int find_types(struct probes *p, const struct config *config)
{
	bool there = bpf_kernel_find_btf(&p->kernel, config->btf);

	if (!there && p->kernel.btf && strcmp(config->btf, config_defaults.btf))
		log_warning("btf = %s: no such file or folder", config->btf);
	if (!p->kernel.btf)
		return do_without(p, "no BPF", p->kernel.btf_reason);
	if (!p->kernel.own && config->door == CONFIG_DOOR_TP_BTF)
		return log_err(
			-EINVAL,
			"door = tp_btf takes the kernel's own BTF, but it is to come from %s: remove one "
			"of the two settings",
			p->kernel.reduced->source);
	if (p->kernel.reduced && p->kernel.reduced->other_wants)
		log_warning(
			"%s was made by another version of edgeprof: make it anew when a family is refused",
			p->kernel.reduced->source);
	text_copy(p->btf_source, sizeof(p->btf_source), bpf_kernel_btf_source(&p->kernel));
	return 1;
}

static int open_slots(struct probes *p, const struct config *config, const struct hierarchy_choice *choice)
{
	struct ep_config *c = &p->kernel.config;

	c->cpus = kernel_probe_cpus();
	c->slots = config->slots ? config->slots : probes_default_slots(c->cpus);
	c->hierarchy = choice->hierarchy;
	c->run_queue = config->run_queue;
	c->hierarchy_id = choice->id;
	return bpf_slots_open(c, &p->slots);
}

/* Types of another kernel load without an error and count nonsense. A check that
 * saw nothing proves nothing against them: the file's identity, or the kernel
 * itself, vouches for them. */
static bool types_are_right(struct probes *p, const struct config *config,
			    const struct hierarchy_choice *choice)
{
	const struct self_check_place place = {
		.root = config->root,
		.hierarchy = choice->hierarchy == EP_HIERARCHY_UNIFIED ? "" : choice->name,
		.mount = choice->mount,
	};

	if (p->kernel.own && p->kernel.reads_refused) { /* the check reads as the raw_tp door does */
		p->check.verdict = SELF_CHECK_UNKNOWN;
		snprintf(p->check.reason, sizeof(p->check.reason),
			 "self-check: not made, lockdown=confidentiality keeps it from reading");
		log_info("%s; the types are from %s", p->check.reason, p->btf_source);
		return true;
	}
	self_check_run(&p->kernel, p->slots, &place, &p->check);
	if (p->check.verdict == SELF_CHECK_PASSED)
		log_info("types from %s, self-check passed in %.1f ms", p->btf_source,
			 (double)p->check.took_ns / 1e6);
	else if (p->check.verdict == SELF_CHECK_UNKNOWN)
		log_warning("%s; going on with the types from %s unchecked", p->check.reason, p->btf_source);
	return p->check.verdict != SELF_CHECK_WRONG;
}

int probes_open(const struct config *config, const struct hierarchy_choice *choice, struct probes *ret)
{
	int r;

	memset(ret, 0, sizeof(*ret));
	metering_open(CONFIG_METERING_OFF, &ret->metering);
	if (!config->cpu && !config->mem && !config->io) {
		use_files_only(ret, "no families configured");
		return 0;
	}
	bpf_kernel_probe(&ret->kernel);
	if (!ret->kernel.usable)
		return do_without(ret, "no BPF", ret->kernel.reason);
	r = find_types(ret, config);
	if (r <= 0)
		return r;
	r = open_slots(ret, config, choice);
	if (r < 0) {
		const char *cause = bpf_refusal_cause(r, false);

		return do_without(ret, "no BPF maps", cause ? cause : strerror(-r));
	}
	if (!types_are_right(ret, config, choice)) {
		bpf_slots_close(TAKE_PTR(ret->slots));
		return do_without(ret, "no BPF", ret->check.reason);
	}
	open_families(ret, config);
	bpf_kernel_clear(&ret->kernel); /* megabytes, needed for loading only */
	metering_open(config->metering, &ret->metering);
	return 0;
}

void probes_close(struct probes *p)
{
	cpu_source_close(p->cpu);
	mem_source_close(p->mem);
	io_source_close(p->io);
	bpf_family_close(p->lifecycle);
	bpf_slots_close(p->slots);
	bpf_kernel_clear(&p->kernel);
	metering_close(&p->metering);
}

uint32_t probes_slots(const struct probes *p)
{
	return p->slots ? bpf_slots_config(p->slots)->slots : 0;
}

static size_t open_bpf_families(const struct probes *p, const struct bpf_family *into[4])
{
	size_t n = 0;

	if (p->cpu)
		into[n++] = cpu_source_family(p->cpu);
	if (p->mem)
		into[n++] = mem_source_family(p->mem);
	if (p->io)
		into[n++] = io_source_family(p->io);
	if (p->lifecycle)
		into[n++] = p->lifecycle;
	return n;
}

uint64_t probes_map_bytes(const struct probes *p)
{
	const struct bpf_family *families[4];
	size_t n = open_bpf_families(p, families);
	uint64_t bytes = p->slots ? bpf_slots_map_bytes(p->slots) : 0;

	for (size_t i = 0; i < n; i++)
		bytes += bpf_family_map_bytes(families[i]);
	return bytes;
}

void probes_read_slot(const struct probes *p, uint32_t slot, struct metrics *into, struct cpu_exit *ret_exit)
{
	*ret_exit = (struct cpu_exit){};
	if (p->cpu)
		cpu_source_read(p->cpu, slot, into, ret_exit);
	if (p->mem)
		mem_source_read(p->mem, slot, into);
	if (p->io)
		io_source_read(p->io, slot, into);
}

int probes_forget_cgroup(struct probes *p, uint64_t cgroup_id)
{
	int r = bpf_slots_forget(p->slots, cgroup_id);

	return r == -ENOENT ? 0 : r;
}

int probes_release_slots(struct probes *p, const uint32_t *slots, size_t n)
{
	if (p->cpu && n)
		cpu_source_clear(p->cpu, slots, n);
	for (size_t i = 0; i < n; i++) {
		int r;

		if (p->mem)
			mem_source_clear(p->mem, slots[i]);
		if (p->io)
			io_source_clear(p->io, slots[i]);
		r = bpf_slots_give_back(p->slots, slots[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static size_t read_programs(const struct probes *p, struct program_snapshot into[SNAPSHOT_PROGRAMS_MAX])
{
	const struct bpf_family *families[4];
	size_t n = open_bpf_families(p, families);
	struct self_snapshot all = {};

	for (size_t i = 0; i < n; i++)
		bpf_family_programs(families[i], &all);
	memcpy(into, all.programs, sizeof(all.programs));
	return all.n_programs;
}

static void add_window(struct probes *p)
{
	struct program_snapshot now[SNAPSHOT_PROGRAMS_MAX];
	size_t n = read_programs(p, now);

	for (size_t i = 0; i < n && i < p->n_programs; i++) {
		struct program_snapshot *sum = &p->programs[i];

		sum->has_runs = now[i].has_runs && p->window_start[i].has_runs;
		sum->run_time_ns += now[i].run_time_ns - p->window_start[i].run_time_ns;
		sum->run_count += now[i].run_count - p->window_start[i].run_count;
	}
}

static void list_programs(struct probes *p)
{
	p->n_programs = read_programs(p, p->programs);
	for (size_t i = 0; i < p->n_programs; i++) {
		p->programs[i].has_runs = false;
		p->programs[i].run_time_ns = p->programs[i].run_count = 0;
	}
}

static void meter_programs(struct probes *p, uint64_t reading, uint64_t now_ns)
{
	if (!p->n_programs)
		list_programs(p);
	switch (metering_tick(&p->metering, reading, now_ns)) {
	case METERING_BEGAN:
		read_programs(p, p->window_start);
		break;
	case METERING_ENDED:
		add_window(p);
		break;
	case METERING_GOES_ON:
		add_window(p);
		read_programs(p, p->window_start);
		break;
	case METERING_IDLE:
		break;
	}
}

void probes_report(struct probes *p, uint64_t reading, uint64_t now_ns, struct self_snapshot *into)
{
	if (p->slots)
		meter_programs(p, reading, now_ns);
	into->metered_ns = p->metering.metered_ns;
	memcpy(into->families, p->families, sizeof(into->families));
	into->n_families = p->n_families;
	memcpy(into->programs, p->programs, sizeof(into->programs));
	into->n_programs = p->n_programs;
}
