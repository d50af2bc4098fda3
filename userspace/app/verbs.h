/* SPDX-License-Identifier: BSD-2-Clause */
/* The verbs of the command line. Each takes argv from its own name on and
 * returns the exit status: 0 done, 1 failed, 2 wrong use. */
#ifndef EP_APP_VERBS_H
#define EP_APP_VERBS_H

#include "base/cleanup.h"

/* argv of the program: finds the verb and runs it. */
int verbs_run(int argc, char **argv);

/* Tells once that standard output cannot be written: -errno. Nobody reads it any
 * more: -EPIPE, not told. */
int verbs_flush_output(void) _must_check_;

int verb_agent(int argc, char **argv);
int verb_watch(int argc, char **argv);
int verb_top(int argc, char **argv);
int verb_doctor(int argc, char **argv);
int verb_btf(int argc, char **argv);

#endif
