/* SPDX-License-Identifier: BSD-2-Clause */
/* The name that a person most likely meant. */
#ifndef EP_APP_SUGGEST_H
#define EP_APP_SUGGEST_H

#include <stddef.h>

struct suggestion {
	const char *best; /* NULL: nothing is near */
	size_t distance;
};

/* Call for each candidate, starting from an all-zero struct. Names that differ
 * in more than a third of their letters are not near. */
void suggest_consider(struct suggestion *s, const char *typed, const char *candidate);

#endif
