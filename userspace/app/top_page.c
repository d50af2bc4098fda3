/* SPDX-License-Identifier: BSD-2-Clause */
#include "app/top_page.h"

#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#define HISTOGRAM_BAR 24
#define TEXT_MAX 200

static const char *clean(char into[TEXT_MAX], const char *text)
{
	text_copy(into, TEXT_MAX, text ? text : "-");
	text_clean(into);
	return into;
}

/* --- what was counted before ---------------------------------------------------- */

static int compare_keys(const void *left, const void *right)
{
	const struct top_past *a = left, *b = right;

	return (a->key > b->key) - (a->key < b->key);
}

int top_history_keep(struct top_history *h, const struct snapshot *s)
{
	struct top_past *past = calloc(s->n_containers + 1, sizeof(*past));

	if (!past)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_containers; i++) {
		past[i].key = s->containers[i].key;
		past[i].totals = s->containers[i].totals;
	}
	qsort(past, s->n_containers, sizeof(*past), compare_keys);
	free(h->past);
	h->past = past;
	h->n_past = s->n_containers;
	h->mono_ns = s->mono_ns;
	h->started_mono_ns = s->self.started_mono_ns;
	h->self_cpu_time_ns = s->self.cpu_time_ns;
	return 0;
}

void top_history_clear(struct top_history *h)
{
	free(h->past);
	memset(h, 0, sizeof(*h));
}

const struct metrics *top_history_find(const struct top_history *h, uint64_t key)
{
	const struct top_past wanted = { .key = key };
	const struct top_past *found;

	if (!h->n_past)
		return NULL;
	found = bsearch(&wanted, h->past, h->n_past, sizeof(wanted), compare_keys);
	return found ? &found->totals : NULL;
}

/* --- the head --------------------------------------------------------------------- */

static double busy_cores(const struct snapshot *s, bool *ret_known)
{
	double cores = 0;

	*ret_known = false;
	for (size_t i = 0; i < s->n_containers; i++)
		if (rates_has(&s->containers[i].rates, RATE_cpu_cores)) {
			cores += s->containers[i].rates.value[RATE_cpu_cores];
			*ret_known = true;
		}
	return cores;
}

/* Two digits: 0.998 s is a second that a timer kept. */
static void write_interval(FILE *f, double seconds)
{
	fprintf(f, seconds < 99.5 ? "every %.2g s  " : "every %.0f s  ", seconds);
}

static void write_node(FILE *f, const struct snapshot *s, const struct top_head *head)
{
	char name[TEXT_MAX], kernel[TEXT_MAX], clock[16] = "-", source[TEXT_MAX];
	time_t now = (time_t)(s->real_ns / 1000000000u);
	struct tm local;

	if (localtime_r(&now, &local))
		strftime(clock, sizeof(clock), "%H:%M:%S", &local);
	fprintf(f, "%s  %s  %s%s%s%s  ", clean(name, s->node.name), clock, head->note[0] ? "[" : "",
		head->note, head->note[0] ? "]  " : "", clean(source, head->source));
	if (s->interval_ns)
		write_interval(f, (double)s->interval_ns / 1e9);
	fprintf(f, "kernel %s\n", clean(kernel, s->node.kernel));
}

static void write_use(FILE *f, const struct snapshot *s, const struct top_head *head)
{
	char used[24] = "-", total[24];
	bool known;
	double cores = busy_cores(s, &known);

	if (s->node.has_memory_available && s->node.memory_available_bytes <= s->node.memory_total_bytes)
		text_format_bytes(used, sizeof(used),
				  s->node.memory_total_bytes - s->node.memory_available_bytes);
	text_format_bytes(total, sizeof(total), s->node.memory_total_bytes);
	if (known)
		fprintf(f, "CPUs %.2f of %u busy  ", cores, s->node.cpus);
	else
		fprintf(f, "CPUs - of %u busy  ", s->node.cpus);
	fprintf(f, "memory %s of %s used  %zu shown, %zu hidden", used, total, head->n_shown,
		s->n_containers - head->n_shown);
	if (head->view->filter[0])
		fprintf(f, " (filter %s)", head->view->filter);
	fputc('\n', f);
}

/* Share of one core, of the agent's process and of its programs in the kernel. */
static void write_cost(FILE *f, const struct snapshot *s, const struct top_history *before)
{
	const struct self_snapshot *self = &s->self;
	uint64_t run_ns = 0;
	bool metered = false;

	if (before->mono_ns && before->started_mono_ns == self->started_mono_ns &&
	    s->mono_ns > before->mono_ns && self->cpu_time_ns >= before->self_cpu_time_ns)
		fprintf(f, "%.2f %% of a core",
			(double)(self->cpu_time_ns - before->self_cpu_time_ns) * 100 /
				(double)(s->mono_ns - before->mono_ns));
	else
		fputs("- % of a core", f);
	for (size_t i = 0; i < self->n_programs; i++) {
		run_ns += self->programs[i].has_runs ? self->programs[i].run_time_ns : 0;
		metered = metered || self->programs[i].has_runs;
	}
	if (metered && self->metered_ns)
		fprintf(f, ", programs %.2f %%", (double)run_ns * 100 / (double)self->metered_ns);
}

static void write_self(FILE *f, const struct snapshot *s, const struct top_history *before,
		       const struct top_head *head)
{
	char rss[24], maps[24];
	bool any = false;

	fputs("agent ", f);
	write_cost(f, s, before);
	fprintf(f, ", %s + maps %s  lost: ", text_format_bytes(rss, sizeof(rss), s->self.rss_bytes),
		text_format_bytes(maps, sizeof(maps), s->self.map_bytes));
	for (size_t i = 0; i < s->self.n_losses; i++) {
		char kind[TEXT_MAX];

		if (!s->self.losses[i].count)
			continue;
		fprintf(f, "%s%s %" PRIu64, any ? ", " : "", clean(kind, s->self.losses[i].kind),
			s->self.losses[i].count);
		any = true;
	}
	if (head->lost)
		fprintf(f, "%ssnapshots on the way %" PRIu64, any ? ", " : "", head->lost);
	fputs(any || head->lost ? "\n" : "nothing\n", f);
}

static void write_families(FILE *f, const struct self_snapshot *self)
{
	static const char *const names[] = {
		[FAMILY_DEGRADED] = "in part", [FAMILY_OFF] = "off", [FAMILY_FAILED] = "failed"
	};
	bool any = false;

	for (size_t i = 0; i < self->n_families; i++) {
		const struct family_snapshot *family = &self->families[i];
		char name[TEXT_MAX], reason[TEXT_MAX];
		const char *state = (size_t)family->state < ARRAY_SIZE(names) ? names[family->state] : NULL;

		/* Counting from files alone is no failure, but it has a reason. */
		if (family->state == FAMILY_RUNNING && family->reason[0])
			state = "alone";
		if (!state)
			continue;
		fprintf(f, "%s%s %s", any ? "; " : "families: ", clean(name, family->name), state);
		if (family->reason[0])
			fprintf(f, " (%s)", clean(reason, family->reason));
		any = true;
	}
	if (any)
		fputc('\n', f);
}

void top_write_head(FILE *f, const struct snapshot *s, const struct top_history *before,
		    const struct top_head *head)
{
	write_node(f, s, head);
	write_use(f, s, head);
	write_self(f, s, before, head);
	write_families(f, &s->self);
}

/* --- the page ---------------------------------------------------------------------- */

static void write_identity(FILE *f, const struct container_snapshot *c)
{
	static const struct container_identity unknown = { 0 };
	const struct container_identity *i = c->identity ? c->identity : &unknown;
	const struct {
		const char *title, *text;
	} rows[] = {
		{ "id", i->id },
		{ "cgroup", i->cgroup_path },
		{ "image", i->image },
		{ "pod", i->pod },
		{ "pod uid", i->pod_uid },
		{ "pod namespace", i->pod_namespace },
		{ "containerd namespace", i->containerd_namespace },
	};
	char text[TEXT_MAX], value[TEXT_MAX], state[32];

	top_format_cell(TOP_STATE, c, state, sizeof(state));
	fprintf(f, "%s  (%s, %s)\n", clean(text, i->name), container_runtime_name(i->runtime), state);
	for (size_t n = 0; n < ARRAY_SIZE(rows); n++)
		if (rows[n].text && rows[n].text[0])
			fprintf(f, "  %-22s %s\n", rows[n].title, clean(text, rows[n].text));
	for (size_t n = 0; n < i->n_labels; n++)
		fprintf(f, "  %s %s = %s\n", n ? "     " : "label", clean(text, i->labels[n].key),
			clean(value, i->labels[n].value));
}

static const char *format_value(char *into, size_t size, const char *unit, uint64_t value)
{
	if (!strcmp(unit, "ns"))
		return top_format_ns(into, size, value);
	if (!strcmp(unit, "bytes"))
		return text_format_bytes(into, size, value);
	if (!strcmp(unit, "millicores"))
		snprintf(into, size, "%.2f cores", (double)value / 1000);
	else
		snprintf(into, size, "%" PRIu64, value);
	return into;
}

/* What a counter grew in the interval; false when that is not known. */
static bool growth(const struct metrics *now, const struct metrics *before, enum metric_id id, uint64_t *ret)
{
	if (!before || !metrics_has(now, id) || !metrics_has(before, id) ||
	    now->value[id] < before->value[id])
		return false;
	*ret = now->value[id] - before->value[id];
	return true;
}

static void write_metric(FILE *f, const char *title, enum metric_id id, const struct metrics *now,
			 const struct metrics *before)
{
	const struct metric_row *row = &metric_rows[id];
	char total[32] = "-", interval[32] = "";
	uint64_t grown;

	if (metrics_has(now, id))
		format_value(total, sizeof(total), row->unit, now->value[id]);
	if (row->kind == METRIC_KIND_COUNTER)
		text_copy(interval, sizeof(interval), "-");
	if (row->kind == METRIC_KIND_COUNTER && growth(now, before, id, &grown))
		format_value(interval, sizeof(interval), row->unit, grown);
	fprintf(f, "  %-28s %12s %12s\n", title, interval, total);
}

struct page_row {
	const char *title; /* NULL ends */
	enum metric_id id;
};

static void write_section(FILE *f, const char *title, const struct page_row *rows, const struct metrics *now,
			  const struct metrics *before)
{
	fprintf(f, "\n%-30s %12s %12s\n", title, "interval", "total, now");
	for (; rows->title; rows++)
		write_metric(f, rows->title, rows->id, now, before);
}

static const struct page_row cpu_rows[] = { { "time on a CPU", METRIC_cpu_time_ns },
					    { "waited for a CPU", METRIC_run_queue_wait_ns },
					    { "times waited", METRIC_run_queue_waits },
					    { "CPU limit", METRIC_cpu_limit_millicores },
					    { "throttled by the limit", METRIC_cpu_throttled_ns },
					    { "periods throttled", METRIC_cpu_throttled_periods },
					    { "switches, had to wait", METRIC_switches_voluntary },
					    { "switches, pushed out", METRIC_switches_involuntary },
					    { "wakeups", METRIC_wakeups },
					    { "migrations", METRIC_migrations },
					    { "sleeping", METRIC_sleeping_ns },
					    { "in disk or lock waits", METRIC_uninterruptible_ns },
					    { "tasks now", METRIC_tasks },
					    { "tasks created", METRIC_forks },
					    { "programs executed", METRIC_execs },
					    { "processes ended", METRIC_exits },
					    { NULL, 0 } };
static const struct page_row memory_rows[] = { { "charged", METRIC_memory_usage_bytes },
					       { "working set", METRIC_memory_working_set_bytes },
					       { "limit", METRIC_memory_limit_bytes },
					       { "peak charged", METRIC_memory_peak_bytes },
					       { "anonymous, charged", METRIC_memory_anon_bytes },
					       { "page cache, charged", METRIC_memory_file_bytes },
					       { "shared, charged", METRIC_memory_shmem_bytes },
					       { "anonymous, mapped", METRIC_rss_anon_bytes },
					       { "files, mapped", METRIC_rss_file_bytes },
					       { "shared, mapped", METRIC_rss_shmem_bytes },
					       { "swapped out", METRIC_rss_swap_bytes },
					       { "peak mapped", METRIC_rss_peak_bytes },
					       { "faults without I/O", METRIC_faults_minor },
					       { "faults with I/O", METRIC_faults_major },
					       { "pages back from swap", METRIC_swap_in_pages },
					       { "reclaims for the node", METRIC_direct_reclaims },
					       { "time in them", METRIC_direct_reclaim_ns },
					       { "reclaims for the limit", METRIC_memcg_reclaims },
					       { "time in them", METRIC_memcg_reclaim_ns },
					       { "compaction stalls", METRIC_compaction_stalls },
					       { "killed for memory", METRIC_oom_kills },
					       { NULL, 0 } };
static const struct page_row io_rows[] = {
	{ "read", METRIC_io_read_bytes },          { "written", METRIC_io_write_bytes },
	{ "read requests", METRIC_io_reads },      { "write requests", METRIC_io_writes },
	{ "time in requests", METRIC_io_time_ns }, { NULL, 0 }
};
static const struct page_row pressure_rows[] = { { "some waited for a CPU", METRIC_psi_cpu_some_ns },
						 { "some waited for memory", METRIC_psi_memory_some_ns },
						 { "all waited for memory", METRIC_psi_memory_full_ns },
						 { "some waited for I/O", METRIC_psi_io_some_ns },
						 { "all waited for I/O", METRIC_psi_io_full_ns },
						 { NULL, 0 } };

/* Counts per bucket and their sum; an interval that is not known is all zero. */
struct bars {
	uint64_t count[EP_HIST_BUCKETS], sum;
	bool known;
};

static void fill_bars(struct bars *b, const struct metrics *now, const struct metrics *before,
		      enum histogram_id id)
{
	memset(b, 0, sizeof(*b));
	b->known = metrics_has_histogram(now, id);
	for (unsigned i = 0; b->known && i < EP_HIST_BUCKETS; i++) {
		uint64_t base = before ? before->histogram[id][i] : 0;

		if (now->histogram[id][i] < base)
			b->known = false;
		b->count[i] = now->histogram[id][i] - base;
		b->sum += b->count[i];
	}
}

static void write_bar(FILE *f, const struct bars *b, unsigned bucket)
{
	char bar[HISTOGRAM_BAR + 1] = "", percent[16] = "-";
	double share = b->known && b->sum ? (double)b->count[bucket] / (double)b->sum : 0;
	size_t length = (size_t)(share * HISTOGRAM_BAR + 0.5);

	if (length > HISTOGRAM_BAR)
		length = HISTOGRAM_BAR;
	memset(bar, '#', length);
	bar[length] = '\0';
	if (b->known)
		snprintf(percent, sizeof(percent), "%.1f %%", share * 100);
	fprintf(f, " %7s %-*s", percent, HISTOGRAM_BAR, bar);
}

static void write_histogram(FILE *f, const char *title, const struct metrics *now,
			    const struct metrics *before, enum histogram_id id)
{
	struct bars total, interval;
	unsigned first = 0, last = EP_HIST_BUCKETS - 1;

	fill_bars(&total, now, NULL, id);
	fill_bars(&interval, now, before, id);
	interval.known = interval.known && before && metrics_has_histogram(before, id);
	fprintf(f, "\n%s", title);
	if (!total.known || !total.sum) {
		fprintf(f, ": %s\n", total.known ? "none" : "-");
		return;
	}
	while (!total.count[first])
		first++;
	while (!total.count[last])
		last--;
	fprintf(f, "\n  %20s %-*s %s\n", "", HISTOGRAM_BAR + 8, "interval", "total");
	for (unsigned i = first; i <= last; i++) {
		char from[24], to[24];

		top_format_ns(from, sizeof(from), i ? histogram_bound_ns(i - 1) : 0);
		top_format_ns(to, sizeof(to), i + 1 < EP_HIST_BUCKETS ? histogram_bound_ns(i) : 0);
		fprintf(f, "  %9s - %8s", from, i + 1 < EP_HIST_BUCKETS ? to : "more");
		write_bar(f, &interval, i);
		write_bar(f, &total, i);
		fputc('\n', f);
	}
}

static void aggressor_name(const struct snapshot *s, uint64_t key, char into[TEXT_MAX])
{
	for (size_t i = 0; key && i < s->n_containers; i++)
		if (s->containers[i].key == key) {
			top_format_cell(TOP_NAME, &s->containers[i], into, TEXT_MAX);
			text_clean(into);
			return;
		}
	text_copy(into, TEXT_MAX, "a container that is gone");
}

static const char *format_share(char *into, size_t size, uint64_t part, bool known, uint64_t whole)
{
	if (known && whole)
		snprintf(into, size, "%.0f %%", (double)part * 100 / (double)whole);
	else
		text_copy(into, size, "-");
	return into;
}

static void write_blames(FILE *f, const struct snapshot *s, const struct container_snapshot *c,
			 const struct metrics *before)
{
	uint64_t interval_ns = 0, total_ns = c->totals.value[METRIC_run_queue_wait_ns];
	bool has_interval = growth(&c->totals, before, METRIC_run_queue_wait_ns, &interval_ns);
	bool has_total = metrics_has(&c->totals, METRIC_run_queue_wait_ns);

	fputs("\nwho had the CPU while it waited", f);
	fprintf(f, "%s\n", c->n_blames ? "" : has_total ? ": nobody else" : ": -");
	if (c->n_blames)
		fprintf(f, "  %-32s %12s %6s %12s %6s\n", "", "interval", "share", "total", "share");
	for (size_t i = 0; i < c->n_blames; i++) {
		const struct blame *b = &c->blames[i];
		char name[TEXT_MAX], shown[TEXT_MAX * 2], a[24], b_text[24], share_a[16], share_b[16];

		aggressor_name(s, b->aggressor_key, name);
		top_shorten_name(name, 32);
		top_fit(shown, sizeof(shown), name, 32, false);
		fprintf(f, "  %s %12s %6s %12s %6s\n", shown,
			top_format_ns(a, sizeof(a), b->interval_wait_ns),
			format_share(share_a, sizeof(share_a), b->interval_wait_ns, has_interval,
				     interval_ns),
			top_format_ns(b_text, sizeof(b_text), b->wait_ns),
			format_share(share_b, sizeof(share_b), b->wait_ns, has_total, total_ns));
	}
	if (c->blames_dropped)
		fprintf(f, "  and %" PRIu64 " more\n", c->blames_dropped);
}

void top_write_page(FILE *f, const struct snapshot *s, const struct container_snapshot *c,
		    const struct top_history *history)
{
	const struct metrics *now = &c->totals, *before = top_history_find(history, c->key);
	char victim[TEXT_MAX];

	write_identity(f, c);
	write_section(f, "CPU", cpu_rows, now, before);
	write_histogram(f, "run-queue waits by length", now, before, HISTOGRAM_run_queue_wait_hist);
	write_blames(f, s, c, before);
	write_section(f, "memory", memory_rows, now, before);
	if (c->oom_victim[0])
		fprintf(f, "  %-28s %12s\n", "killed last", clean(victim, c->oom_victim));
	write_histogram(f, "reclaims by length", now, before, HISTOGRAM_reclaim_hist);
	write_section(f, "block I/O", io_rows, now, before);
	write_histogram(f, "block requests by time", now, before, HISTOGRAM_io_latency_hist);
	write_section(f, "pressure (kernel)", pressure_rows, now, before);
}
