/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of verbs, and the verbs that are about the program itself. */
#include "app/verbs.h"

#include "app/options.h"
#include "app/suggest.h"
#include "base/text.h"

#include <errno.h>
#include <stdio_ext.h>
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
	{ "btf", "make the BTF for a kernel that has none of its own", verb_btf },
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

static int wrong_option(const char *typed)
{
	log_err(0, "unknown option '%.80s' before a verb; see edgeprof help", typed);
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

int verbs_flush_output(void)
{
	int error;

	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	error = errno ? errno : EIO;
	/* What cannot be written now is not tried again, nor told twice. */
	__fpurge(stdout);
	clearerr(stdout);
	return error == EPIPE ? -EPIPE : log_err(-error, "cannot write: %s", strerror(error));
}

static int verb_version(int argc, char **argv)
{
	int r = options_parse(argc, argv, "edgeprof version\nPrints the version.\n", NULL, NULL, NULL, NULL);

	if (r)
		return r < 0 ? 2 : 0;
	printf("edgeprof %s\n", EDGEPROF_VERSION);
	return 0;
}

static int help_of(char *verb)
{
	static char help_option[] = "--help";
	const struct verb *found = verb_find(verb);

	return found ? found->run(2, (char *[]){ verb, help_option, NULL }) : wrong_verb(verb);
}

static int verb_help(int argc, char **argv)
{
	int r = 0;

	if (argc > 2)
		return too_many(argv[0], argv[2]);
	if (argc > 1 && argv[1][0] != '-')
		return help_of(argv[1]);
	if (argc > 1)
		r = options_parse(argc, argv, "edgeprof help [VERB]\nPrints help, also of a verb.\n", NULL,
				  NULL, NULL, NULL);
	if (r)
		return r < 0 ? 2 : 0;
	printf("usage: edgeprof VERB [OPTION]...\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		printf("  %-9s %s\n", verbs[i].name, verbs[i].help);
	printf("\nedgeprof VERB --help lists the options of a verb; edgeprof(1) tells more.\n");
	return 0;
}

int verbs_run(int argc, char **argv)
{
	static char help[] = "help", version[] = "version";
	char *word = argc > 1 ? argv[1] : help;
	const struct verb *verb;
	int status, r;

	if (!strcmp(word, "--help") || !strcmp(word, "-h"))
		argv[1] = word = help;
	else if (!strcmp(word, "--version") || !strcmp(word, "-V"))
		argv[1] = word = version;
	verb = verb_find(word);
	if (!verb)
		return word[0] == '-' && word[1] ? wrong_option(word) : wrong_verb(word);
	status = argc > 1 ? verb->run(argc - 1, argv + 1) : verb_help(0, NULL);
	r = status ? 0 : verbs_flush_output();
	return r < 0 && r != -EPIPE ? 1 : status;
}
