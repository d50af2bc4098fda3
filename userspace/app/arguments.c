/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line of one verb. */
#include "app/options.h"
#include "app/suggest.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

#define OPTIONS_MAX (OPTION_ROWS_MAX + 32)
#define OPTION_FIRST 256 /* above every character that getopt may return */

struct arguments {
	char *const *argv;
	const struct option_extra *extra;
	void *data;
	struct config *config; /* NULL: the verb has none */
	struct option table[OPTIONS_MAX + 1];
	size_t first_extra, n_extra, n_table; /* help, config if any, then extra, then option_rows */
};

enum { ARGUMENT_HELP, ARGUMENT_CONFIG };

static void add_option(struct arguments *a, const char *name, bool argument)
{
	struct option *o = &a->table[a->n_table];

	if (a->n_table == OPTIONS_MAX)
		abort();
	o->name = name;
	o->has_arg = argument ? required_argument : no_argument;
	o->val = OPTION_FIRST + (int)a->n_table++;
}

static void build_table(struct arguments *a)
{
	add_option(a, "help", false);
	if (a->config)
		add_option(a, "config", true);
	a->first_extra = a->n_table;
	for (const struct option_extra *e = a->extra; e && e->name; e++, a->n_extra++)
		add_option(a, e->name, e->argument);
	for (size_t i = 0; a->config && i < option_rows_count; i++)
		add_option(a, option_rows[i].key, true);
}

static bool is_extra(const struct option_extra *extra, const char *name)
{
	for (; extra && extra->name; extra++)
		if (!strcmp(extra->name, name))
			return true;
	return false;
}

static void print_line(const char *name, const char *argument, const char *help, const char *fallback)
{
	char left[64];

	snprintf(left, sizeof(left), "--%s%s%s", name, argument ? " " : "", argument ? argument : "");
	printf("  %-28s %s", left, help);
	if (fallback)
		printf(" (%s)", fallback);
	printf("\n");
}

static void print_help(const struct arguments *a, const char *usage)
{
	printf("usage: %s\n", usage);
	for (const struct option_extra *e = a->extra; e && e->name; e++)
		print_line(e->name, e->argument, e->help, NULL);
	if (a->config)
		print_line("config", "FILE", "configuration file", CONFIG_DEFAULT_PATH);
	print_line("help", NULL, "this text", NULL);
	if (a->config)
		printf("\nconfiguration, also keys of the file (default):\n");
	for (size_t i = 0; a->config && i < option_rows_count; i++)
		if (!is_extra(a->extra, option_rows[i].key))
			print_line(option_rows[i].key, option_rows[i].argument, option_rows[i].help,
				   option_rows[i].fallback);
}

static int wrong_use(const struct arguments *a, const char *what, const char *shown)
{
	return log_err(-EINVAL, "%s: %s '%.80s'; see edgeprof %s --help", a->argv[0], what, shown,
		       a->argv[0]);
}

/* How many options begin with what was typed; their names, as far as they fit. */
static size_t count_prefixed(const struct arguments *a, const char *name, char *names, size_t size)
{
	size_t n = 0, used = 0;

	names[0] = '\0';
	for (size_t i = 0; *name && i < a->n_table; i++) {
		const char *full = a->table[i].name;

		if (strncmp(full, name, strlen(name)))
			continue;
		if (used + strlen(full) + sizeof(", --") < size)
			used += (size_t)snprintf(names + used, size - used, "%s--%s", n ? ", " : "", full);
		n++;
	}
	return n;
}

static int unknown_option(const struct arguments *a, const char *typed)
{
	struct suggestion near = { 0 };
	char name[48], names[256];

	if (strncmp(typed, "--", 2))
		return wrong_use(a, "unknown option", typed);
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(typed + 2, "="), typed + 2);
	if (count_prefixed(a, name, names, sizeof(names)) > 1)
		return log_err(-EINVAL, "%s: '--%s' is ambiguous, it may be %s", a->argv[0], name, names);
	for (size_t i = 0; i < a->n_table; i++)
		suggest_consider(&near, name, a->table[i].name);
	if (!near.best)
		return wrong_use(a, "unknown option", typed);
	return log_err(-EINVAL, "%s: unknown option '%.80s', did you mean '--%s'?", a->argv[0], typed,
		       near.best);
}

/* What getopt refused: optopt is the letter, 0 for a long name, or the option
 * that takes no value. */
static int wrong_option(const struct arguments *a)
{
	char letter[3] = { '-', (char)optopt, '\0' };

	if (optopt >= OPTION_FIRST)
		return wrong_use(a, "no value is allowed in", a->argv[optind - 1]);
	return unknown_option(a, optopt ? letter : a->argv[optind - 1]);
}

static int set_row(const struct arguments *a, const struct option_row *row, const char *value)
{
	if (option_set(row, value, a->config) == 0)
		return 0;
	return log_err(-EINVAL, "%s: --%s '%.80s' is not allowed, it must be %s", a->argv[0], row->key, value,
		       row->allowed);
}

static int set_extra(const struct arguments *a, const struct option_extra *e, const char *value)
{
	if (e->set(a->data, value) >= 0)
		return 0;
	if (!e->argument)
		return log_err(-EINVAL, "%s: --%s is not allowed here", a->argv[0], e->name);
	return log_err(-EINVAL, "%s: --%s '%.80s' is not allowed; --%s %s: %s", a->argv[0], e->name, value,
		       e->name, e->argument, e->help);
}

/* One option that getopt found; *config_path gets --config's. */
static int take_option(const struct arguments *a, int option, bool apply, const char **config_path)
{
	size_t index = (size_t)(option - OPTION_FIRST);

	if (index == ARGUMENT_HELP)
		return 1;
	if (a->config && index == ARGUMENT_CONFIG) {
		*config_path = optarg;
		return 0;
	}
	if (!apply)
		return 0;
	index -= a->first_extra;
	if (index < a->n_extra)
		return set_extra(a, &a->extra[index], optarg);
	return set_row(a, &option_rows[index - a->n_extra], optarg);
}

/* Goes over argv; sets values only when `apply`. */
static int scan(const struct arguments *a, int argc, bool apply, const char **config_path)
{
	int option, r;

	optind = 0; /* start anew */
	opterr = 0;
	/* '+': stop at the first word that is no option. */
	while ((option = getopt_long(argc, a->argv, "+:h", a->table, NULL)) != -1) {
		if (option == ':')
			return wrong_use(a, "a value is missing after", a->argv[optind - 1]);
		if (option == '?')
			return wrong_option(a);
		r = take_option(a, option == 'h' ? OPTION_FIRST + ARGUMENT_HELP : option, apply, config_path);
		if (r)
			return r;
	}
	return optind < argc ? wrong_use(a, "unexpected argument", a->argv[optind]) : 0;
}

static int read_config(const char *path, struct config *config)
{
	int r = options_read_file(path ? path : CONFIG_DEFAULT_PATH, config);

	if (r == -ENOENT && !path)
		return 0;
	if (r == -ENOENT)
		return log_err(-EINVAL, "cannot open %s: %s", path, strerror(ENOENT));
	return r < 0 ? -EINVAL : 0;
}

int options_parse(int argc, char **argv, const char *usage, const struct option_extra *extra, void *data,
		  struct config *config, const char **ret_config_path)
{
	struct arguments a = { .argv = argv, .extra = extra, .data = data, .config = config };
	const char *path = NULL;
	int r;

	build_table(&a);
	r = scan(&a, argc, false, &path);
	if (r == 1)
		print_help(&a, usage);
	if (r == 0 && config)
		r = read_config(path, config);
	if (r == 0)
		r = scan(&a, argc, true, &path);
	if (r == 0 && ret_config_path)
		*ret_config_path = path;
	return r;
}
