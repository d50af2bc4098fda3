/* SPDX-License-Identifier: BSD-2-Clause */
#include "source/cgroup_rows.h"

#include "source/cgroup_parse.h"

#define TIME CGROUP_READ_CPU_TIME
#define THROTTLING CGROUP_READ_THROTTLING
#define MEMORY CGROUP_READ_MEMORY
#define EVENTS CGROUP_READ_EVENTS
#define IO CGROUP_READ_IO
#define PRESSURE CGROUP_READ_PRESSURE
#define TASKS CGROUP_READ_TASKS

const char *cgroup_place_mount(const struct cgroup_mounts *m, enum cgroup_place place)
{
	switch (place) {
	case CGROUP_PLACE_V1_CPUACCT:
		return m->cpuacct;
	case CGROUP_PLACE_V1_CPU:
		return m->cpu;
	case CGROUP_PLACE_V1_MEMORY:
		return m->memory;
	case CGROUP_PLACE_V1_PIDS:
		return m->pids;
	case CGROUP_PLACE_V1_IO:
		return m->io;
	case CGROUP_PLACE_V2:
		return m->unified;
	case CGROUP_PLACE_V2_CPU:
		return m->unified_has_cpu ? m->unified : "";
	case CGROUP_PLACE_V2_MEMORY:
		return m->unified_has_memory ? m->unified : "";
	case CGROUP_PLACE_V2_PIDS:
		return m->unified_has_pids ? m->unified : "";
	case CGROUP_PLACE_V2_IO:
		return m->unified_has_io ? m->unified : "";
	case CGROUP_PLACE_COUNT:
		break;
	}
	return "";
}

static void set_if(struct metrics *m, enum metric_id id, bool has, uint64_t value)
{
	if (has)
		metrics_set(m, id, value);
}

static void apply_cpu_stat(const char *text, unsigned what, struct metrics *m)
{
	struct cgroup_cpu_stat stat;

	cgroup_parse_cpu_stat(text, &stat);
	if (what & CGROUP_READ_CPU_TIME && !metrics_has(m, METRIC_cpu_time_ns))
		set_if(m, METRIC_cpu_time_ns, stat.has_usage, stat.usage_ns);
	if (!(what & CGROUP_READ_THROTTLING))
		return;
	set_if(m, METRIC_cpu_periods, stat.has_periods, stat.periods);
	set_if(m, METRIC_cpu_throttled_periods, stat.has_throttled, stat.throttled);
	set_if(m, METRIC_cpu_throttled_ns, stat.has_throttled_ns, stat.throttled_ns);
}

static bool has_key(const struct cgroup_memory_stat *s, enum cgroup_memory_key key)
{
	return s->present >> key & 1;
}

static void set_key(struct metrics *m, enum metric_id id, const struct cgroup_memory_stat *s,
		    enum cgroup_memory_key key)
{
	set_if(m, id, has_key(s, key), s->value[key]);
}

static void set_events(struct metrics *m, const struct cgroup_memory_stat *s)
{
	uint64_t all = s->value[CGROUP_MEMORY_FAULTS], major = s->value[CGROUP_MEMORY_FAULTS_MAJOR];

	set_key(m, METRIC_faults_major, s, CGROUP_MEMORY_FAULTS_MAJOR);
	if (has_key(s, CGROUP_MEMORY_FAULTS) && has_key(s, CGROUP_MEMORY_FAULTS_MAJOR))
		metrics_set(m, METRIC_faults_minor, all > major ? all - major : 0);
	set_key(m, METRIC_swap_in_pages, s, CGROUP_MEMORY_SWAP_IN_PAGES);
}

static void set_memory(struct metrics *m, const struct cgroup_memory_stat *s)
{
	uint64_t usage, inactive = s->value[CGROUP_MEMORY_INACTIVE_FILE];

	set_key(m, METRIC_memory_anon_bytes, s, CGROUP_MEMORY_ANON);
	set_key(m, METRIC_memory_file_bytes, s, CGROUP_MEMORY_FILE);
	set_key(m, METRIC_memory_shmem_bytes, s, CGROUP_MEMORY_SHMEM);
	if (!metrics_has(m, METRIC_memory_usage_bytes) || !has_key(s, CGROUP_MEMORY_INACTIVE_FILE))
		return;
	usage = m->value[METRIC_memory_usage_bytes];
	metrics_set(m, METRIC_memory_working_set_bytes, usage > inactive ? usage - inactive : 0);
}

static void apply_memory_stat(const char *text, unsigned what, bool v1, struct metrics *m)
{
	struct cgroup_memory_stat stat;

	cgroup_parse_memory_stat(text, v1, &stat);
	if (what & CGROUP_READ_MEMORY)
		set_memory(m, &stat);
	if (what & CGROUP_READ_EVENTS)
		set_events(m, &stat);
}

static void apply_memory_stat_v1(const char *text, unsigned what, struct metrics *m)
{
	apply_memory_stat(text, what, true, m);
}

static void apply_memory_stat_v2(const char *text, unsigned what, struct metrics *m)
{
	apply_memory_stat(text, what, false, m);
}

static void apply_oom_kills(const char *text, unsigned what, struct metrics *m)
{
	uint64_t count;

	(void)what;
	if (cgroup_parse_oom_kills(text, &count))
		metrics_set(m, METRIC_oom_kills, count);
}

static void apply_io_stat(const char *text, unsigned what, struct metrics *m)
{
	struct cgroup_io io;

	(void)what;
	if (!cgroup_parse_io_stat(text, &io))
		return;
	metrics_set(m, METRIC_io_read_bytes, io.read_bytes);
	metrics_set(m, METRIC_io_write_bytes, io.write_bytes);
	metrics_set(m, METRIC_io_reads, io.reads);
	metrics_set(m, METRIC_io_writes, io.writes);
}

static void apply_blkio(const char *text, enum metric_id read_id, enum metric_id write_id, struct metrics *m)
{
	uint64_t read, write;

	if (!cgroup_parse_blkio(text, &read, &write))
		return;
	metrics_set(m, read_id, read);
	metrics_set(m, write_id, write);
}

static void apply_blkio_bytes(const char *text, unsigned what, struct metrics *m)
{
	(void)what;
	apply_blkio(text, METRIC_io_read_bytes, METRIC_io_write_bytes, m);
}

static void apply_blkio_requests(const char *text, unsigned what, struct metrics *m)
{
	(void)what;
	apply_blkio(text, METRIC_io_reads, METRIC_io_writes, m);
}

static void apply_cpu_pressure(const char *text, unsigned what, struct metrics *m)
{
	struct cgroup_pressure p;

	(void)what;
	cgroup_parse_pressure(text, &p);
	set_if(m, METRIC_psi_cpu_some_ns, p.has_some, p.some_ns);
}

static void apply_memory_pressure(const char *text, unsigned what, struct metrics *m)
{
	struct cgroup_pressure p;

	(void)what;
	cgroup_parse_pressure(text, &p);
	set_if(m, METRIC_psi_memory_some_ns, p.has_some, p.some_ns);
	set_if(m, METRIC_psi_memory_full_ns, p.has_full, p.full_ns);
}

static void apply_io_pressure(const char *text, unsigned what, struct metrics *m)
{
	struct cgroup_pressure p;

	(void)what;
	cgroup_parse_pressure(text, &p);
	set_if(m, METRIC_psi_io_some_ns, p.has_some, p.some_ns);
	set_if(m, METRIC_psi_io_full_ns, p.has_full, p.full_ns);
}

void cgroup_row_apply(const struct cgroup_row *row, const char *text, unsigned what, struct metrics *m)
{
	uint64_t number;

	if (row->apply)
		row->apply(text, what, m);
	else if (cgroup_parse_number(text, &number))
		metrics_set(m, row->number, number);
}

/* Order matters: usage before memory.stat, cpuacct before cpu.stat of v2. */
const struct cgroup_row cgroup_rows[CGROUP_ROWS] = {
#define NUMBER(name, place, what, metric)                                                                    \
	{                                                                                                    \
		name, NULL, CGROUP_PLACE_##place, what, METRIC_##metric, NULL                                \
	}
#define TEXT(name, place, what, apply)                                                                       \
	{                                                                                                    \
		name, NULL, CGROUP_PLACE_##place, what, 0, apply                                             \
	}
	[CGROUP_ROW_CPUACCT] = NUMBER("cpuacct.usage", V1_CPUACCT, TIME, cpu_time_ns),
	[CGROUP_ROW_CPU_STAT_V2] = TEXT("cpu.stat", V2, TIME | THROTTLING, apply_cpu_stat),
	TEXT("cpu.stat", V1_CPU, THROTTLING, apply_cpu_stat),
	NUMBER("memory.usage_in_bytes", V1_MEMORY, MEMORY, memory_usage_bytes),
	NUMBER("memory.current", V2_MEMORY, MEMORY, memory_usage_bytes),
	TEXT("memory.stat", V1_MEMORY, MEMORY | EVENTS, apply_memory_stat_v1),
	TEXT("memory.stat", V2_MEMORY, MEMORY | EVENTS, apply_memory_stat_v2),
	NUMBER("memory.max_usage_in_bytes", V1_MEMORY, MEMORY, memory_peak_bytes),
	NUMBER("memory.peak", V2_MEMORY, MEMORY, memory_peak_bytes),
	TEXT("memory.oom_control", V1_MEMORY, EVENTS, apply_oom_kills),
	TEXT("memory.events", V2_MEMORY, EVENTS, apply_oom_kills),
	{ "blkio.throttle.io_service_bytes_recursive", "blkio.throttle.io_service_bytes", CGROUP_PLACE_V1_IO,
	  IO, 0, apply_blkio_bytes },
	{ "blkio.throttle.io_serviced_recursive", "blkio.throttle.io_serviced", CGROUP_PLACE_V1_IO, IO, 0,
	  apply_blkio_requests },
	TEXT("io.stat", V2_IO, IO, apply_io_stat),
	TEXT("cpu.pressure", V2, PRESSURE, apply_cpu_pressure),
	TEXT("memory.pressure", V2, PRESSURE, apply_memory_pressure),
	TEXT("io.pressure", V2, PRESSURE, apply_io_pressure),
	NUMBER("pids.current", V1_PIDS, TASKS, tasks),
	NUMBER("pids.current", V2_PIDS, TASKS, tasks),
#undef NUMBER
#undef TEXT
};
