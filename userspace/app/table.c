/* SPDX-License-Identifier: BSD-2-Clause */
#include "app/table.h"

#include "app/top_format.h"
#include "base/text.h"
#include <fnmatch.h>
#include <string.h>
#include <time.h>

static const struct top_layout layout = {
	.columns = { TOP_NAME, TOP_RUNTIME, TOP_CPU, TOP_WAIT, TOP_WAIT_P99, TOP_THROTTLED, TOP_MEMORY,
		     TOP_RSS, TOP_FAULTS, TOP_READ, TOP_WRITE, TOP_STATE },
	.n_columns = 12,
	.name_width = 32,
};

bool table_matches(const char *name, const char *id, const char *glob)
{
	if (!glob)
		return true;
	return (name && !fnmatch(glob, name, 0)) || (id && !fnmatch(glob, id, 0));
}

static void print_node(FILE *out, const struct snapshot *s)
{
	char when[32], total[32], available[32] = "-", interval[32] = "-";
	time_t seconds = (time_t)(s->real_ns / 1000000000u);
	struct tm tm = { 0 };

	localtime_r(&seconds, &tm);
	strftime(when, sizeof(when), "%F %T", &tm);
	text_format_bytes(total, sizeof(total), s->node.memory_total_bytes);
	if (s->node.has_memory_available)
		text_format_bytes(available, sizeof(available), s->node.memory_available_bytes);
	if (s->interval_ns)
		text_format_ns(interval, sizeof(interval), s->interval_ns);
	fprintf(out, "%s  %s  reading %llu  interval %s  %u CPUs  memory %s, available %s\n", s->node.name,
		when, (unsigned long long)s->number, interval, s->node.cpus, total, available);
}

static const char *family_state_name(enum family_state state)
{
	switch (state) {
	case FAMILY_RUNNING:
		return "running";
	case FAMILY_DEGRADED:
		return "degraded";
	case FAMILY_OFF:
		return "off";
	case FAMILY_FAILED:
		return "failed";
	}
	return "unknown";
}

static void print_families(FILE *out, const struct self_snapshot *self)
{
	for (size_t i = 0; i < self->n_families; i++) {
		const struct family_snapshot *f = &self->families[i];

		fprintf(out, "  %s %s", f->name, family_state_name(f->state));
		if (f->state != FAMILY_RUNNING && f->reason[0])
			fprintf(out, " (%s)", f->reason);
	}
}

static void print_self(FILE *out, const struct snapshot *s)
{
	const struct self_snapshot *self = &s->self;
	char rss[32], maps[32], reading[32];

	text_format_bytes(rss, sizeof(rss), self->rss_bytes);
	text_format_bytes(maps, sizeof(maps), self->map_bytes);
	text_format_ns(reading, sizeof(reading), self->reading_ns);
	fprintf(out, "agent");
	if (self->has_interval_cpu_time && s->interval_ns)
		fprintf(out, "  cpu %.2f %%",
			100.0 * (double)self->interval_cpu_time_ns / (double)s->interval_ns);
	fprintf(out, "  rss %s  maps %s  reading %s  slots %u/%u", rss, maps, reading, self->slots_used,
		self->slots_total);
	print_families(out, self);
	for (size_t i = 0; i < self->n_losses; i++)
		if (self->losses[i].count)
			fprintf(out, "  lost %s %llu", self->losses[i].kind,
				(unsigned long long)self->losses[i].count);
	fputc('\n', out);
}

static void print_line(FILE *out, char *line)
{
	size_t length = strlen(line);

	while (length && line[length - 1] == ' ')
		length--;
	fprintf(out, "%.*s\n", (int)length, line);
}

static void print_containers(FILE *out, const struct snapshot *s, const char *glob)
{
	const struct top_view view = { .sort = TOP_CPU, .show_all = true };
	_cleanup_free_ const struct container_snapshot **rows = calloc(s->n_containers + 1, sizeof(*rows));
	size_t n = rows ? top_select(s, &view, rows) : 0;
	char line[TOP_LINE_MAX];

	top_format_titles(&layout, &view, line);
	print_line(out, line);
	for (size_t i = 0; i < n; i++) {
		if (!table_matches(rows[i]->identity->name, rows[i]->identity->id, glob))
			continue;
		top_format_row(&layout, rows[i], line);
		print_line(out, line);
	}
}

void table_print(FILE *out, const struct snapshot *s, const char *glob)
{
	print_node(out, s);
	print_containers(out, s, glob);
	print_self(out, s);
}
