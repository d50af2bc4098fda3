/* SPDX-License-Identifier: BSD-2-Clause */
/* edgeprof doctor: what this node offers, and what to do about the rest. */
#include "app/doctor_verdict.h"
#include "app/options.h"
#include "app/verbs.h"
#include "core/hierarchy.h"
#include "core/probes.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

struct doctor {
	struct config config;
	bool json;
};

static const char usage[] = "edgeprof doctor [OPTION]...\n"
			    "Tells what works here, what is missing, what that costs and what to do.\n";

static int set_json(void *data, const char *value)
{
	(void)value;
	((struct doctor *)data)->json = true;
	return 0;
}

static const struct option_extra extra[] = {
	{ "json", NULL, "an array of objects instead of a table", set_json },
	{ NULL, NULL, NULL, NULL },
};

static void print_table(const struct doctor_row *rows, size_t n)
{
	size_t missing = 0;

	for (size_t i = 0; i < n; i++) {
		const struct doctor_row *row = &rows[i];

		printf("%-8s %-48s %s\n", doctor_level_name(row->level), row->check, row->found);
		if (row->cost[0])
			printf("%-8s   cost: %s\n", "", row->cost);
		if (row->remedy[0])
			printf("%-8s   do:   %s\n", "", row->remedy);
		missing += row->level == DOCTOR_MISSING;
	}
	if (missing)
		printf("\n%zu missing: the agent works in part.\n", missing);
	else
		printf("\nThe agent can do all it is made for here.\n");
}

static int print_json(const struct doctor_row *rows, size_t n)
{
	json_t *array = json_array();
	int r = array ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < n; i++) {
		json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:s}", "check", rows[i].check, "status",
					   doctor_level_name(rows[i].level), "found", rows[i].found, "cost",
					   rows[i].cost, "remedy", rows[i].remedy);

		if (!object || json_array_append_new(array, object))
			r = -ENOMEM;
	}
	/* What cannot be written is told when stdout is flushed. */
	if (r == 0 && json_dumpf(array, stdout, JSON_INDENT(2)) && !ferror(stdout))
		r = -ENOMEM;
	if (r == 0)
		putchar('\n');
	json_decref(array);
	return r;
}

/* Loads and attaches every family for a moment: nothing else tells whether this
 * kernel's verifier takes them. */
static size_t try_families(const struct config *config, const struct kernel_probe *probe,
			   struct doctor_row rows[DOCTOR_ROWS_MAX], size_t n)
{
	struct hierarchy_choice choice;
	struct probes probes;

	if (probe->cgroup_error || hierarchy_choose(&probe->cgroups, config->hierarchy, &choice) < 0)
		return n;
	log_set_level((enum log_level)0); /* the rows tell */
	if (probes_open(config, &choice, &probes) < 0)
		n = doctor_refuse_settings(rows, n);
	if (probes.check.verdict != SELF_CHECK_NOT_MADE)
		n = doctor_judge_self_check(&probes.check, rows, n);
	else if (probes.btf_source[0])
		n = doctor_refuse_maps(probes.families[0].reason, rows, n);
	if (probes.slots)
		n = doctor_judge_families(probes.families, probes.n_families, rows, n);
	probes_close(&probes);
	log_set_level(LOG_LEVEL_ERROR);
	return n;
}

static size_t examine(const struct config *config, struct doctor_row rows[DOCTOR_ROWS_MAX])
{
	struct kernel_probe_request request = {
		.root = config->root,
		.run_dir = config->run_dir,
		.group = config->group,
		.btf = config->btf,
		.docker_roots = config->docker_roots,
		.containerd_states = config->containerd_states,
		.podman_roots = config->podman_roots,
		.crio_roots = config->crio_roots,
		.slots = config->slots ? config->slots : probes_default_slots(kernel_probe_cpus()),
	};
	struct kernel_probe probe;
	size_t n;

	kernel_probe(&request, &probe);
	n = doctor_judge(&probe, config->hierarchy, rows);
	n = doctor_judge_metering(&probe, config->metering, rows, n);
	return try_families(config, &probe, rows, n);
}

int verb_doctor(int argc, char **argv)
{
	static struct doctor_row rows[DOCTOR_ROWS_MAX];
	struct doctor d = { .config = config_defaults };
	int r = options_parse(argc, argv, usage, extra, &d, &d.config, NULL);
	size_t n;

	if (r)
		return r < 0 ? 2 : 0;
	n = examine(&d.config, rows);
	r = 0;
	if (d.json)
		r = print_json(rows, n);
	else
		print_table(rows, n);
	if (r < 0)
		return log_err(1, "doctor: %s", strerror(-r));
	if (verbs_flush_output() < 0)
		return 1;
	return doctor_is_complete(rows, n) ? 0 : 1;
}
