/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One table for the configuration file and the flags: `interval = 1s` in the
 * file is `--interval 1s` on the command line; flags win.
 */
#ifndef EP_APP_OPTIONS_H
#define EP_APP_OPTIONS_H

#include "core/config.h"

#define CONFIG_DEFAULT_PATH "/etc/edgeprof/edgeprof.conf"

/* Reads the file into *config (which holds defaults or earlier values). On a
 * bad line logs one line "FILE:LINE: what, what to do" and returns -EINVAL with
 * *config untouched. A missing file: -ENOENT, not logged. */
int options_read_file(const char *path, struct config *config) _must_check_;

/* Parses argv (argv[0] is the verb): first the file named by --config or the
 * default one if it exists, then the flags. *ret_config_path (may be NULL)
 * borrows from argv: the explicit file, or NULL. Logs what is wrong; returns
 * -EINVAL for wrong use, 1 after --help was printed, 0 otherwise. `extra` names
 * further options of the verb (see struct option_extra), NULL for none. */
struct option_extra {
	const char *name; /* long name; NULL ends the table */
	const char *argument; /* placeholder, NULL for a switch */
	const char *help;
	int (*set)(void *data, const char *value); /* 0 or negative errno; logs nothing */
};
int options_parse(int argc, char **argv, const char *usage, const struct option_extra *extra, void *data,
		  struct config *config, const char **ret_config_path) _must_check_;

#endif
