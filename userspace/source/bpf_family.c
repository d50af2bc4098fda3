/* SPDX-License-Identifier: BSD-2-Clause */
#include "source/bpf_family.h"

#include "base/text.h"
#include "source/bpf_refusal.h"
#include "source/libbpf_old.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>

struct bpf_family {
	const struct bpf_family_spec *spec;
	struct bpf_object *object;
	struct bpf_program *programs[BPF_FAMILY_HOOKS_MAX];
	struct bpf_link *links[BPF_FAMILY_HOOKS_MAX];
	void *memory[BPF_FAMILY_MAPS_MAX];
	size_t memory_bytes[BPF_FAMILY_MAPS_MAX];
	struct ep_config config;
	bool btf_door;
};

static int refuse(struct family_snapshot *state, int r, const char *format, ...) _printf_(3, 4);
static int refuse(struct family_snapshot *state, int r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(state->reason, sizeof(state->reason), format, args);
	va_end(args);
	state->state = FAMILY_FAILED;
	return r;
}

static void degrade(struct family_snapshot *state, const char *tracepoint)
{
	size_t used = strlen(state->reason);

	state->state = FAMILY_DEGRADED;
	snprintf(state->reason + used, sizeof(state->reason) - used, "%s%s", used ? ", " : "no tracepoint ",
		 tracepoint);
}

static __u32 map_entries(const struct bpf_family_map *map, const struct ep_config *c)
{
	switch (map->size) {
	case BPF_FAMILY_MAP_PER_CPU:
		return c->cpus;
	case BPF_FAMILY_MAP_PER_SLOT:
		return c->slots;
	case BPF_FAMILY_MAP_PER_CPU_AND_SLOT:
		return c->cpus * c->slots;
	case BPF_FAMILY_MAP_FIXED:
		break;
	}
	return 0;
}

static int size_maps(struct bpf_family *f)
{
	for (size_t i = 0; i < BPF_FAMILY_MAPS_MAX && f->spec->maps[i].name; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(f->object, f->spec->maps[i].name);
		__u32 entries = map_entries(&f->spec->maps[i], &f->config);
		int r;

		if (!map)
			return -ENOENT;
		r = entries ? bpf_map__set_max_entries(map, entries) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static int write_config(struct bpf_family *f)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, f->object)
		if (text_ends_with(bpf_map__name(map), ".rodata"))
			return bpf_map__set_initial_value(map, &f->config, sizeof(f->config));
	return -ENOENT;
}

static int choose_programs(struct bpf_family *f, const struct bpf_kernel *kernel,
			   struct family_snapshot *state)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, f->object) {
		int r = bpf_program__set_autoload(program, false);

		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < BPF_FAMILY_HOOKS_MAX && f->spec->hooks[i].name; i++) {
		const struct bpf_hook *hook = &f->spec->hooks[i];
		char name[32];
		int r;

		if (bpf_kernel_tracepoint_args(kernel, hook->tracepoint) < 0) {
			if (hook->required)
				return refuse(state, -ENOENT, "this kernel has no tracepoint %s",
					      hook->tracepoint);
			degrade(state, hook->tracepoint);
			continue;
		}
		snprintf(name, sizeof(name), "ep_%s_%s", hook->name, f->btf_door ? "btf" : "raw");
		f->programs[i] = bpf_object__find_program_by_name(f->object, name);
		if (!f->programs[i])
			return refuse(state, -ENOENT, "no program %s in the object", name);
		r = bpf_program__set_autoload(f->programs[i], true);
		if (r < 0)
			return r;
	}
	return 0;
}

static int map_memory(struct bpf_family *f)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	for (size_t i = 0; i < BPF_FAMILY_MAPS_MAX && f->spec->maps[i].name; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(f->object, f->spec->maps[i].name);
		size_t bytes;
		void *memory;

		if (!(bpf_map__map_flags(map) & BPF_F_MMAPABLE))
			continue;
		/* The kernel rounds the value size of an array to 8 bytes. */
		bytes = (size_t)bpf_map__max_entries(map) * ((bpf_map__value_size(map) + 7u) & ~7u);
		bytes = (bytes + page - 1) / page * page;
		memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
		if (memory == MAP_FAILED)
			return -errno;
		f->memory[i] = memory;
		f->memory_bytes[i] = bytes;
	}
	return 0;
}

static int attach(struct bpf_family *f, struct family_snapshot *state)
{
	for (size_t i = 0; i < BPF_FAMILY_HOOKS_MAX && f->spec->hooks[i].name; i++) {
		const struct bpf_hook *hook = &f->spec->hooks[i];
		struct bpf_link *link;
		long r;

		if (!f->programs[i])
			continue;
		link = f->btf_door ? bpf_program__attach_trace(f->programs[i])
				   : bpf_program__attach_raw_tracepoint(f->programs[i], hook->tracepoint);
		r = libbpf_get_error(link);
		if (!r) {
			f->links[i] = link;
		} else if (hook->required) {
			return refuse(state, (int)r, "cannot attach to %s: %s", hook->tracepoint,
				      strerror((int)-r));
		} else {
			degrade(state, hook->tracepoint);
		}
	}
	return 0;
}

static int refuse_load(struct family_snapshot *state, const struct bpf_kernel *kernel, int r)
{
	const char *cause = bpf_refusal_cause(r, kernel->reads_refused);

	if (cause)
		return refuse(state, r, "%s", cause);
	if (!kernel->own && r == -EINVAL) /* libbpf makes what it cannot relocate an invalid instruction */
		return refuse(state, r, "the kernel refused %s: %s; maybe %.120s lacks types it needs",
			      bpf_kernel_refused_program(), strerror(-r), bpf_kernel_btf_source(kernel));
	return refuse(state, r, "the kernel refused %s: %s", bpf_kernel_refused_program(), strerror(-r));
}

static int load(struct bpf_family *f, const struct bpf_kernel *kernel, const struct bpf_slots *slots,
		struct family_snapshot *state)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = f->spec->name,
		    .btf_custom_path = kernel->reduced ? kernel->reduced->path : NULL);
	int r;

	if (!kernel->btf)
		return refuse(state, -ESRCH, "%s", kernel->btf_reason);
	f->object = bpf_object__open_mem(f->spec->object, f->spec->object_size, &opts);
	r = (int)libbpf_get_error(f->object);
	if (r < 0) {
		f->object = NULL;
		return refuse(state, r, "the embedded object does not open: %s", strerror(-r));
	}
	r = size_maps(f);
	if (r == 0)
		r = write_config(f);
	if (r == 0)
		r = bpf_slots_share(slots, f->object);
	if (r < 0)
		return refuse(state, r, "cannot prepare maps: %s", strerror(-r));
	r = choose_programs(f, kernel, state);
	if (r < 0)
		return r;
	r = bpf_object__load(f->object);
	if (r < 0)
		return refuse_load(state, kernel, r);
	r = map_memory(f);
	if (r < 0)
		return refuse(state, r, "cannot map counters: %s", strerror(-r));
	return attach(f, state);
}

static int open_door(const struct bpf_family_spec *spec, const struct bpf_kernel *kernel,
		     const struct bpf_slots *slots, bool btf_door, struct family_snapshot *state,
		     struct bpf_family **ret)
{
	struct bpf_family *f = calloc(1, sizeof(*f));
	int r;

	memset(state, 0, sizeof(*state));
	text_copy(state->name, sizeof(state->name), spec->name);
	text_copy(state->door, sizeof(state->door), btf_door ? "tp_btf" : "raw_tp");
	if (!f)
		return refuse(state, -ENOMEM, "out of memory");
	f->spec = spec;
	f->btf_door = btf_door;
	f->config = *bpf_slots_config(slots);
	state->state = FAMILY_RUNNING;
	r = load(f, kernel, slots, state);
	if (r < 0) {
		bpf_family_close(f);
		return r;
	}
	*ret = f;
	return 0;
}

int bpf_family_open(const struct bpf_family_spec *spec, const struct bpf_kernel *kernel,
		    struct bpf_slots *slots, const char *door, struct family_snapshot *ret_state,
		    struct bpf_family **ret)
{
	bool only_btf = door && !strcmp(door, "tp_btf"), only_raw = door && !strcmp(door, "raw_tp");

	*ret = NULL;
	if (only_btf || (kernel->own && !only_raw)) {
		int r = open_door(spec, kernel, slots, true, ret_state, ret);

		if (r == 0 || only_btf)
			return r;
	}
	return open_door(spec, kernel, slots, false, ret_state, ret);
}

void bpf_family_close(struct bpf_family *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < BPF_FAMILY_HOOKS_MAX; i++)
		bpf_link__destroy(f->links[i]);
	for (size_t i = 0; i < BPF_FAMILY_MAPS_MAX; i++)
		if (f->memory[i])
			munmap(f->memory[i], f->memory_bytes[i]);
	bpf_object__close(f->object);
	free(f);
}

bool bpf_family_attached(const struct bpf_family *f, const char *hook)
{
	for (size_t i = 0; i < BPF_FAMILY_HOOKS_MAX && f->spec->hooks[i].name; i++)
		if (!strcmp(f->spec->hooks[i].name, hook))
			return f->links[i] != NULL;
	return false;
}

void *bpf_family_map(const struct bpf_family *f, const char *name)
{
	for (size_t i = 0; i < BPF_FAMILY_MAPS_MAX && f->spec->maps[i].name; i++)
		if (!strcmp(f->spec->maps[i].name, name))
			return f->memory[i];
	return NULL;
}

int bpf_family_map_fd(const struct bpf_family *f, const char *name)
{
	struct bpf_map *map = bpf_object__find_map_by_name(f->object, name);

	return map ? bpf_map__fd(map) : -ENOENT;
}

uint64_t bpf_family_map_bytes(const struct bpf_family *f)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < BPF_FAMILY_MAPS_MAX && f->spec->maps[i].name; i++)
		bytes += bpf_map_charged_bytes(bpf_family_map_fd(f, f->spec->maps[i].name));
	return bytes;
}

void bpf_family_programs(const struct bpf_family *f, struct self_snapshot *into)
{
	for (size_t i = 0; i < BPF_FAMILY_HOOKS_MAX && f->spec->hooks[i].name; i++) {
		struct program_snapshot *p = &into->programs[into->n_programs];
		struct bpf_prog_info info = {};
		__u32 size = sizeof(info);

		if (!f->programs[i] || into->n_programs == SNAPSHOT_PROGRAMS_MAX)
			continue;
		into->n_programs++;
		memset(p, 0, sizeof(*p));
		text_copy(p->name, sizeof(p->name), bpf_program__name(f->programs[i]));
		text_copy(p->family, sizeof(p->family), f->spec->name);
		p->attached = f->links[i] != NULL;
		if (bpf_obj_get_info_by_fd(bpf_program__fd(f->programs[i]), &info, &size))
			continue;
		p->has_runs = true;
		p->run_time_ns = info.run_time_ns;
		p->run_count = info.run_cnt;
	}
}
