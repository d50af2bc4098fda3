/* SPDX-License-Identifier: BSD-2-Clause */
/* What stands in the rows of top, in which order, and on its page. */
#include "app/top_page.h"

#include "base/text.h"

#include <errno.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define MIB (1024.0 * 1024)

enum { WEB, DB, IDLE_CONTAINER, UNIT, IDLE_UNIT, GROUP, ENDED, COUNT };

static struct container_identity identities[COUNT];
static struct container_snapshot containers[COUNT];
static struct snapshot node;

static void name(int i, enum container_runtime runtime, const char *id, const char *text)
{
	identities[i] =
		(struct container_identity){ .runtime = runtime, .id = (char *)id, .name = (char *)text };
	containers[i] = (struct container_snapshot){ .key = (uint64_t)i + 10,
						     .identity = &identities[i],
						     .state = CONTAINER_RUNNING };
}

static void fill_web(struct container_snapshot *c)
{
	rates_set(&c->rates, RATE_cpu_cores, 1.234);
	rates_set(&c->rates, RATE_run_queue_wait_cores, 0.05);
	rates_set(&c->rates, RATE_run_queue_wait_p99_ns, 1048576);
	rates_set(&c->rates, RATE_cpu_throttled_ratio, 0.5);
	rates_set(&c->rates, RATE_faults_major_per_second, 2);
	rates_set(&c->rates, RATE_io_read_bytes_per_second, 3 * MIB);
	rates_set(&c->rates, RATE_io_write_bytes_per_second, 1536);
	metrics_set(&c->totals, METRIC_memory_usage_bytes, 200 * MIB);
	metrics_set(&c->totals, METRIC_memory_limit_bytes, 512 * MIB);
	metrics_set(&c->totals, METRIC_memory_peak_bytes, 300 * MIB);
	metrics_set(&c->totals, METRIC_rss_anon_bytes, 10 * MIB);
	metrics_set(&c->totals, METRIC_rss_file_bytes, 5 * MIB);
}

static int set_up(void **state)
{
	(void)state;
	name(WEB, RUNTIME_DOCKER, "4d2b0794a5fd", "web");
	name(DB, RUNTIME_CONTAINERD, "9ff98706994e", "db");
	name(IDLE_CONTAINER, RUNTIME_PODMAN, "0123", "asleep");
	name(UNIT, RUNTIME_SYSTEMD, "ssh.service", "ssh");
	name(IDLE_UNIT, RUNTIME_SYSTEMD, "cron.service", "cron");
	name(GROUP, RUNTIME_CGROUP, "/a/b", "/a/very/long/path/of/a/plain/cgroup/called/inner");
	name(ENDED, RUNTIME_DOCKER, "e0", "job");
	fill_web(&containers[WEB]);
	rates_set(&containers[DB].rates, RATE_cpu_cores, 0.001);
	rates_set(&containers[DB].rates, RATE_run_queue_wait_p99_ns, 1.8e19);
	rates_set(&containers[UNIT].rates, RATE_cpu_cores, 0.01);
	rates_set(&containers[IDLE_UNIT].rates, RATE_cpu_cores, 0);
	containers[ENDED].state = CONTAINER_ENDED;
	containers[ENDED].has_exit = true;
	containers[ENDED].exit_status = 3 << 8;
	node = (struct snapshot){ .number = 2, .containers = containers, .n_containers = COUNT };
	return 0;
}

static void assert_cell(int container, enum top_column column, const char *wanted)
{
	char cell[64];

	top_format_cell(column, &containers[container], cell, sizeof(cell));
	assert_string_equal(cell, wanted);
}

static void test_cells(void **state)
{
	(void)state;
	assert_cell(WEB, TOP_CPU, "123.4");
	assert_cell(WEB, TOP_CPU_BAR, "||||||");
	assert_cell(WEB, TOP_WAIT, "5.0");
	assert_cell(WEB, TOP_WAIT_P99, "1.05 ms");
	assert_cell(WEB, TOP_THROTTLED, "50.0");
	assert_cell(WEB, TOP_MEMORY, "200 MiB");
	assert_cell(WEB, TOP_LIMIT, "512 MiB");
	assert_cell(WEB, TOP_RSS, "15.0 MiB");
	assert_cell(WEB, TOP_PEAK, "300 MiB");
	assert_cell(WEB, TOP_FAULTS, "2.0");
	assert_cell(WEB, TOP_READ, "3.0 MiB");
	assert_cell(WEB, TOP_WRITE, "1.5 KiB");
	assert_cell(WEB, TOP_STATE, "running");
	assert_cell(DB, TOP_CPU, "0.1");
	assert_cell(DB, TOP_CPU_BAR, "");
	assert_cell(DB, TOP_WAIT_P99, "> 4.29 s");
}

static void test_times_have_three_digits(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} all[] = {
		{ 0, "0 ns" },           { 999, "999 ns" },           { 1000, "1.00 us" },
		{ 2100000, "2.10 ms" },  { 9996000, "10.0 ms" },      { 99960000, "100 ms" },
		{ 999600000, "1.00 s" }, { 1234000000000, "1234 s" },
	};
	char text[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		assert_string_equal(top_format_ns(text, sizeof(text), all[i].ns), all[i].text);
}

static void test_absent_is_a_dash(void **state)
{
	(void)state;
	for (int column = TOP_CPU; column < TOP_STATE; column++)
		assert_cell(IDLE_CONTAINER, (enum top_column)column, column == TOP_CPU_BAR ? "" : "-");
	metrics_set(&containers[DB].totals, METRIC_rss_peak_bytes, 0);
	assert_cell(DB, TOP_PEAK, "0 B");
	containers[DB].identity = NULL;
	assert_cell(DB, TOP_NAME, "-");
}

static void test_states(void **state)
{
	(void)state;
	assert_cell(ENDED, TOP_STATE, "exit 3");
	containers[ENDED].exit_status = 9;
	assert_cell(ENDED, TOP_STATE, "signal 9");
	containers[ENDED].has_exit = false;
	assert_cell(ENDED, TOP_STATE, "ended");
	text_copy(containers[ENDED].oom_victim, EP_COMM_LEN, "stress");
	assert_cell(ENDED, TOP_STATE, "oom, end");
	containers[ENDED].state = CONTAINER_RUNNING;
	assert_cell(ENDED, TOP_STATE, "oom");
}

static void assert_order(const struct top_view *view, const char *wanted)
{
	const struct container_snapshot *rows[COUNT];
	size_t n = top_select(&node, view, rows);
	char got[256] = "";

	for (size_t i = 0; i < n; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%.8s", i ? " " : "",
			 rows[i]->identity->name);
	assert_string_equal(got, wanted);
}

static void test_selection_and_order(void **state)
{
	struct top_view view = top_view_default;

	(void)state;
	assert_order(&view, "web ssh db asleep job");
	view.reverse = true; /* what is not known stays last */
	assert_order(&view, "db ssh web asleep job");
	view.reverse = false;
	view.show_all = true;
	assert_order(&view, "web ssh db cron /a/very/ asleep job");
	view.sort = TOP_NAME;
	assert_order(&view, "/a/very/ asleep cron db job ssh web");
	view.reverse = true;
	assert_order(&view, "web ssh job db cron asleep /a/very/");
	view.show_all = view.reverse = false;
	rates_set(&containers[GROUP].rates, RATE_cpu_cores, 0.5);
	assert_order(&view, "/a/very/ asleep db job ssh web");
	node.n_containers = 0;
	assert_order(&view, "");
}

static void test_filter(void **state)
{
	struct top_view view = top_view_default;

	(void)state;
	text_copy(view.filter, sizeof(view.filter), "B*");
	assert_order(&view, "");
	text_copy(view.filter, sizeof(view.filter), "D?");
	assert_order(&view, "db");
	text_copy(view.filter, sizeof(view.filter), "B"); /* anywhere, idle ones too */
	assert_order(&view, "web db /a/very/ job");
	text_copy(view.filter, sizeof(view.filter), "9ff98");
	assert_order(&view, "db");
	text_copy(view.filter, sizeof(view.filter), "[");
	assert_order(&view, "");
	identities[WEB].pod = (char *)"frontend-1";
	identities[DB].image = (char *)"postgres:16";
	text_copy(view.filter, sizeof(view.filter), "front");
	assert_order(&view, "web");
	text_copy(view.filter, sizeof(view.filter), "postgres*");
	assert_order(&view, "db");
}

static void assert_row(int width, const struct top_view *view, const char *titles, const char *row)
{
	struct top_layout layout;
	char line[TOP_LINE_MAX];

	top_layout_fit(width, view, &layout);
	top_format_titles(&layout, view, line);
	assert_string_equal(line, titles);
	top_format_row(&layout, &containers[WEB], line);
	assert_string_equal(line, row);
}

static void test_golden_rows(void **state)
{
	struct top_view view = top_view_default;

	(void)state;
	assert_row(160, &view,
		   "NAME                          RUNTIME     CPU %v         WAIT %  WAIT p99  THR %       "
		   "MEM     LIMIT"
		   "       RSS      PEAK  FAULTS/s    READ/s   WRITE/s STATE    ",
		   "web                           docker       123.4 ||||||     5.0   1.05 ms   50.0   200 "
		   "MiB   512 MiB"
		   "  15.0 MiB   300 MiB       2.0   3.0 MiB   1.5 KiB running  ");
	assert_row(60, &view, "NAME            CPU %v  WAIT %  WAIT p99       MEM     LIMIT",
		   "web              123.4     5.0   1.05 ms   200 MiB   512 MiB");
	view.sort = TOP_WRITE;
	view.reverse = true;
	assert_row(60, &view, "NAME             CPU %  WAIT %  WAIT p99       MEM  WRITE/s^",
		   "web              123.4     5.0   1.05 ms   200 MiB   1.5 KiB");
	assert_row(24, &view, "NAME            WRITE/s^", "web              1.5 KiB");
	assert_row(6, &view, "NAME  ", "web   ");
}

static void test_every_width_fits(void **state)
{
	(void)state;
	for (int column = 0; column < TOP_COLUMN_COUNT; column++)
		for (int width = 1; width <= TOP_WIDTH_MAX + 10; width++) {
			struct top_view view = { .sort = (enum top_column)column };
			struct top_layout layout;
			char line[TOP_LINE_MAX];

			top_layout_fit(width, &view, &layout);
			top_format_row(&layout, &containers[GROUP], line);
			assert_int_equal(layout.columns[0], TOP_NAME);
			assert_true(strlen(line) <= (size_t)width);
			top_format_titles(&layout, &view, line);
			assert_true(strlen(line) <= (size_t)width);
		}
}

static void assert_fit(const char *text, int width, bool right, const char *wanted)
{
	char fitted[64];

	top_fit(fitted, sizeof(fitted), text, width, right);
	assert_string_equal(fitted, wanted);
}

static void test_fit_counts_columns(void **state)
{
	char path[] = "/a/long/path";
	char small[4];

	(void)state;
	assert_fit("abc", 5, false, "abc  ");
	assert_fit("abc", 5, true, "  abc");
	assert_fit("abcdef", 5, false, "abcd~");
	assert_fit("", 3, false, "   ");
	assert_fit("a\033[2Jb", 6, false, "a?[2Jb");
	assert_fit("a\xff", 3, false, "a? ");
	top_fit(small, sizeof(small), "abc", 8, false);
	assert_string_equal(small, "abc");
	top_shorten_name(path, 7);
	assert_string_equal(path, "~g/path");
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		skip();
	assert_fit("gr\xc3\xbc\xc3\x9f", 6, false, "gr\xc3\xbc\xc3\x9f  ");
	assert_fit("\xe5\xae\xb9\xe5\x99\xa8\xe5\x90\x8d", 6, false, "\xe5\xae\xb9\xe5\x99\xa8\xe5\x90\x8d");
	assert_fit("\xe5\xae\xb9\xe5\x99\xa8\xe5\x90\x8d", 5, false, "\xe5\xae\xb9\xe5\x99\xa8~");
	assert_fit("\xe5\xae\xb9\xe5\x99\xa8\xe5\x90\x8d", 4, true, " \xe5\xae\xb9~");
	setlocale(LC_CTYPE, "C");
}

static void test_columns_by_name(void **state)
{
	enum top_column column, at = TOP_NAME;
	int steps = 0;

	(void)state;
	do {
		assert_int_equal(top_column_parse(top_column_name(at), &column), 0);
		assert_int_equal(column, at);
		assert_int_equal(top_column_next(top_column_next(at, 1), -1), at);
		at = top_column_next(at, 1);
		steps++;
	} while (at != TOP_NAME);
	assert_int_equal(steps, TOP_COLUMN_COUNT - 1); /* all but the bar */
	assert_int_equal(top_column_parse("", &column), -EINVAL);
	assert_int_equal(top_column_parse("CPU", &column), -EINVAL);
}

/* --- the page ----------------------------------------------------------------------- */

static char *page_of(const struct container_snapshot *c, const struct top_history *before)
{
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	top_write_page(f, &node, c, before);
	fclose(f);
	return text;
}

static void assert_page(const struct container_snapshot *c, const struct top_history *before,
			const char *wanted)
{
	char *text = page_of(c, before);

	if (!strstr(text, wanted)) {
		fputs(text, stderr); /* longer than cmocka prints */
		fail_msg("\"%s\" is not there", wanted);
	}
	free(text);
}

static void test_page_tells_interval_and_total(void **state)
{
	struct container_snapshot *web = &containers[WEB];
	struct top_history before = { 0 };

	(void)state;
	metrics_set(&web->totals, METRIC_run_queue_wait_ns, 1000000);
	metrics_mark_histogram(&web->totals, HISTOGRAM_run_queue_wait_hist);
	web->totals.histogram[HISTOGRAM_run_queue_wait_hist][1] = 6;
	assert_page(web, &before, "  waited for a CPU                        -      1.00 ms\n");
	assert_page(web, &before, "    1.02 us -  2.05 us       -                          100.0 % #");
	assert_int_equal(top_history_keep(&before, &node), 0);
	metrics_set(&web->totals, METRIC_run_queue_wait_ns, 5000000);
	web->totals.histogram[HISTOGRAM_run_queue_wait_hist][1] = 9;
	web->totals.histogram[HISTOGRAM_run_queue_wait_hist][3] = 1;
	web->blames[0] = (struct blame){ .aggressor_key = containers[DB].key,
					 .wait_ns = 2500000,
					 .interval_wait_ns = 1000000 };
	web->blames[1] = (struct blame){ .aggressor_key = 999, .wait_ns = 500000 };
	web->n_blames = 2;
	assert_page(web, &before, "  waited for a CPU                  4.00 ms      5.00 ms\n");
	assert_page(web, &before, "    1.02 us -  2.05 us  75.0 % ##################        90.0 % ####");
	assert_page(web, &before, "    2.05 us -  4.10 us   0.0 %                            0.0 %  ");
	assert_page(web, &before, "    4.10 us -  8.19 us  25.0 % ######                    10.0 % ##");
	assert_page(web, &before,
		    "  db                                    1.00 ms   25 %      2.50 ms   50 %\n");
	assert_page(web, &before,
		    "  a container that is gone                 0 ns    0 %       500 us   10 %\n");
	assert_page(web, &before, "  CPU limit                                            -\n");
	metrics_set(&web->totals, METRIC_run_queue_wait_ns, 10); /* counting began anew */
	assert_page(web, &before, "  waited for a CPU                        -        10 ns\n");
	top_history_clear(&before);
}

static void test_page_is_clean(void **state)
{
	struct container_label label = { .key = (char *)"k\033[2J", .value = (char *)"v\n\x9b" };
	struct top_history before = { 0 };
	char *text;

	(void)state;
	identities[WEB].labels = &label;
	identities[WEB].n_labels = 1;
	identities[WEB].image = (char *)"img\033]0;x\a";
	text = page_of(&containers[WEB], &before);
	for (const char *p = text; *p; p++)
		assert_true(*p == '\n' || (*p >= ' ' && *p < 127));
	assert_non_null(strstr(text, "label k?[2J = v??"));
	free(text);
	containers[WEB].identity = NULL;
	assert_page(&containers[WEB], &before, "-  (");
}

static void test_head(void **state)
{
	struct top_history before = { .mono_ns = 1000000000,
				      .started_mono_ns = 7,
				      .self_cpu_time_ns = 1000000 };
	struct top_head head = {
		.source = "live", .note = "paused", .lost = 2, .n_shown = 5, .view = &top_view_default
	};
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	node.mono_ns = 2000000000;
	node.interval_ns = 998000000;
	node.node = (struct node_snapshot){
		.name = "edge-01", .kernel = "5.15.0", .cpus = 4, .memory_total_bytes = 8 << 20
	};
	node.self =
		(struct self_snapshot){ .started_mono_ns = 7, .cpu_time_ns = 6000000, .rss_bytes = 1 << 20 };
	node.self.families[0] = (struct family_snapshot){ "cpu", FAMILY_RUNNING, "tp_btf", "" };
	node.self.families[1] = (struct family_snapshot){ "io", FAMILY_FAILED, "", "no block_rq_issue" };
	node.self.n_families = 2;
	node.self.losses[0] = (struct loss_snapshot){ "pair_full", 3 };
	node.self.losses[1] = (struct loss_snapshot){ "ring_full", 0 };
	node.self.n_losses = 2;
	assert_non_null(f);
	top_write_head(f, &node, &before, &head);
	fclose(f);
	assert_non_null(strstr(text, "edge-01  "));
	assert_non_null(strstr(text, "  [paused]  live  every 1 s  kernel 5.15.0\n"));
	assert_non_null(strstr(text, "CPUs 1.24 of 4 busy  memory - of 8.0 MiB used  5 shown, 2 hidden\n"));
	assert_non_null(strstr(text, "agent 0.50 % of a core, 1.0 MiB + maps 0 B  "
				     "lost: pair_full 3, snapshots on the way 2\n"));
	assert_non_null(strstr(text, "families: io failed (no block_rq_issue)\n"));
	free(text);
}

#define T(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_cells),
		T(test_times_have_three_digits),
		T(test_absent_is_a_dash),
		T(test_states),
		T(test_selection_and_order),
		T(test_filter),
		T(test_golden_rows),
		T(test_every_width_fits),
		T(test_fit_counts_columns),
		T(test_columns_by_name),
		T(test_page_tells_interval_and_total),
		T(test_page_is_clean),
		T(test_head),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
