/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One table for the configuration file and the flags: `interval = 1s` in the
 * file is `--interval 1s` on the command line; flags win.
 */
#ifndef EP_APP_OPTIONS_H
#define EP_APP_OPTIONS_H

#include "core/config.h"
#include <stddef.h>
#include <stdio.h>

#define CONFIG_DEFAULT_PATH "/etc/edgeprof/edgeprof.conf"

struct option_choice {
	const char *name; /* NULL ends the table */
	int value;
};

/* One key of the file and the long flag of the same name. */
struct option_row {
	const char *key;
	const char *argument; /* placeholder in --help */
	const char *allowed;  /* completes "must be ..." */
	const char *fallback; /* the default as it would be written */
	const char *help;
	int (*parse)(const struct option_row *row, const char *value, struct config *config);
	size_t offset, size; /* of the field in struct config */
	const struct option_choice *choices;
};
extern const struct option_row option_rows[];
extern const size_t option_rows_count; /* at most OPTION_ROWS_MAX */
#define OPTION_ROWS_MAX 64

const struct option_row *option_find(const char *key); /* NULL: no such key */
/* Sets the row's field; -EINVAL with *config untouched when the value is not allowed. */
int option_set(const struct option_row *row, const char *value, struct config *config) _must_check_;

/* Reads the file into *config (which holds defaults or earlier values). On a
 * bad line logs one line "FILE:LINE: what, what to do" and returns -EINVAL with
 * *config untouched. A missing file: -ENOENT, not logged. */
int options_read_file(const char *path, struct config *config) _must_check_;
/* The same for an open file; `name` is for the message alone. */
int options_read_stream(FILE *file, const char *name, struct config *config) _must_check_;

/* Parses argv (argv[0] is the verb): first the file named by --config or the
 * default one if it exists, then the flags. *ret_config_path (may be NULL)
 * borrows from argv: the explicit file, or NULL. Logs what is wrong; returns
 * -EINVAL for wrong use, 1 after --help was printed, 0 otherwise. `extra` names
 * further options of the verb (see struct option_extra), NULL for none; a name
 * that is in both tables means the verb's. With config NULL the verb has no
 * options but `extra`, and no file is read. `usage` is one line of synopsis and
 * one of purpose, each ended by a newline. */
struct option_extra {
	const char *name;     /* long name; NULL ends the table */
	const char *argument; /* placeholder, NULL for a switch */
	const char *help;
	int (*set)(void *data, const char *value); /* 0 or negative errno; logs nothing */
};
int options_parse(int argc, char **argv, const char *usage, const struct option_extra *extra, void *data,
		  struct config *config, const char **ret_config_path) _must_check_;

#endif
