/* SPDX-License-Identifier: BSD-2-Clause */
/* What the facts about a node mean for edgeprof. Pure. */
#ifndef EP_APP_DOCTOR_VERDICT_H
#define EP_APP_DOCTOR_VERDICT_H

#include "core/config.h"
#include "model/snapshot.h"
#include "source/kernel_probe.h"
#include "source/self_check.h"

enum doctor_level {
	DOCTOR_WORKS,
	DOCTOR_NOTE,    /* nothing is lost, but worth knowing */
	DOCTOR_MISSING, /* the agent works without it, in part */
};

struct doctor_row {
	char check[64];
	enum doctor_level level;
	char found[256];
	char cost[160];   /* what is lost, "" = nothing */
	char remedy[256]; /* what to do, "" = nothing */
};
#define DOCTOR_ROWS_MAX 64

/* Returns the number of rows. */
size_t doctor_judge(const struct kernel_probe *p, enum config_hierarchy hierarchy,
		    struct doctor_row rows[DOCTOR_ROWS_MAX]);
/* What the families said when they were tried; returns the number of rows, n of
 * which are there already. */
size_t doctor_judge_families(const struct family_snapshot *families, size_t n_families,
			     struct doctor_row rows[DOCTOR_ROWS_MAX], size_t n);
/* Whether the agent can tell what its programs cost; returns the number of rows. */
size_t doctor_judge_metering(const struct kernel_probe *p, enum config_metering metering,
			     struct doctor_row rows[DOCTOR_ROWS_MAX], size_t n);
/* What checking the kernel's types said; returns the number of rows. */
size_t doctor_judge_self_check(const struct self_check *check, struct doctor_row rows[DOCTOR_ROWS_MAX],
			       size_t n);
/* Maps of the full size were refused; returns the number of rows. */
size_t doctor_refuse_maps(const char *reason, struct doctor_row rows[DOCTOR_ROWS_MAX], size_t n);
/* Settings that the agent refuses to start with; returns the number of rows. */
size_t doctor_refuse_settings(struct doctor_row rows[DOCTOR_ROWS_MAX], size_t n);
/* Whether the agent can do all it is made for. */
bool doctor_is_complete(const struct doctor_row *rows, size_t n);
const char *doctor_level_name(enum doctor_level level);

#endif
