/* SPDX-License-Identifier: BSD-2-Clause */
#include "app/suggest.h"

#include <string.h>

#define NAME_MAX_LENGTH 40

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Levenshtein's edit distance, one row at a time. */
static size_t edit_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	size_t row[NAME_MAX_LENGTH + 1];

	for (size_t j = 0; j <= b_length; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_length; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_length; j++) {
			size_t above = row[j];

			row[j] = least(least(above, row[j - 1]) + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[b_length];
}

void suggest_consider(struct suggestion *s, const char *typed, const char *candidate)
{
	size_t a = strlen(typed), b = strlen(candidate), distance;

	if (!a || a > NAME_MAX_LENGTH || b > NAME_MAX_LENGTH)
		return;
	distance = edit_distance(typed, a, candidate, b);
	if (distance > 1 + (a > b ? a : b) / 3)
		return;
	if (!s->best || distance < s->distance) {
		s->best = candidate;
		s->distance = distance;
	}
}
