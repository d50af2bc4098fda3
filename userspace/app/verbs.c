/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of verbs, and the verbs that are about the program itself. */
#include "app/verbs.h"

#include "app/suggest.h"
#include "base/log.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static int verb_version(int argc, char **argv);
static int verb_help(int argc, char **argv);

static const struct verb {
	const char *name, *help;
	int (*run)(int argc, char **argv);
} verbs[] = {
	{ "agent", "count, and publish a snapshot every interval", verb_agent },
	{ "watch", "print what an agent publishes, for scripts", verb_watch },
	{ "top", "show the containers of this node, for people", verb_top },
	{ "doctor", "tell what this node offers and what to do about the rest", verb_doctor },
	{ "version", "print the version", verb_version },
	{ "help", "print help, also of a verb", verb_help },
};

static int wrong_verb(const char *typed)
{
	struct suggestion near = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		suggest_consider(&near, typed, verbs[i].name);
	if (near.best)
		log_err(0, "unknown verb '%.80s', did you mean '%s'?", typed, near.best);
	else
		log_err(0, "unknown verb '%.80s'; see edgeprof help", typed);
	return 2;
}

static const struct verb *verb_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

static int too_many(const char *verb, const char *argument)
{
	log_err(0, "%s: unexpected argument '%.80s'; see edgeprof help", verb, argument);
	return 2;
}

/* A full disk or a closed pipe is a failure like any other. */
static int flush_output(void)
{
	if (fflush(stdout) || ferror(stdout)) {
		log_err(0, "cannot write: %s", strerror(errno));
		return 1;
	}
	return 0;
}

static int verb_version(int argc, char **argv)
{
	if (argc > 1)
		return too_many(argv[0], argv[1]);
	printf("edgeprof %s\n", EDGEPROF_VERSION);
	return flush_output();
}

static int verb_help(int argc, char **argv)
{
	static char help_option[] = "--help";
	const struct verb *verb = argc > 1 ? verb_find(argv[1]) : NULL;

	if (argc > 2)
		return too_many(argv[0], argv[2]);
	if (argc > 1 && !verb)
		return wrong_verb(argv[1]);
	if (verb && verb->run != verb_help && verb->run != verb_version)
		return verb->run(2, (char *[]){ argv[1], help_option, NULL });
	printf("usage: edgeprof VERB [OPTION]...\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		printf("  %-9s %s\n", verbs[i].name, verbs[i].help);
	printf("\nedgeprof VERB --help lists the options of a verb; edgeprof(1) tells more.\n");
	return flush_output();
}

int verbs_run(int argc, char **argv)
{
	static char help[] = "help", version[] = "version";
	const struct verb *verb;

	if (argc < 2)
		return verb_help(1, (char *[]){ help, NULL });
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		argv[1] = help;
	else if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))
		argv[1] = version;
	verb = verb_find(argv[1]);
	return verb ? verb->run(argc - 1, argv + 1) : wrong_verb(argv[1]);
}
