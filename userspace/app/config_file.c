/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration file. libinih splits its lines; the reader below hands
 * them over one by one, because libinih itself forgives what should be said:
 * sections, continued lines, lines that do not fit.
 */
#include "app/options.h"
#include "app/suggest.h"
#include "base/text.h"

#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <string.h>

struct config_reader {
	FILE *file;
	const char *name;
	unsigned line;                  /* the one read last */
	unsigned seen[OPTION_ROWS_MAX]; /* line of each key, 0: not yet */
	int error;                      /* first one, logged */
	int read_error;                 /* errno of a read that failed, 0: none */
	bool understood;                /* the handler was called for this line */
	bool needs_value;               /* the line is neither empty nor a comment */
	struct config config;
};

static void complain(struct config_reader *r, unsigned line, const char *format, ...) _printf_(3, 4);
static void complain(struct config_reader *r, unsigned line, const char *format, ...)
{
	char what[512];
	va_list args;

	if (r->error)
		return;
	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	r->error = log_err(-EINVAL, "%s:%u: %s", r->name, line, what);
}

/* What a message quotes from the file: bounded and fit for a terminal. */
static const char *quoted(char into[48], const char *text)
{
	text_copy(into, 48, text);
	text_clean(into);
	if (strlen(text) >= 48)
		memcpy(into + 44, "...", 4);
	return into;
}

static void complain_unknown(struct config_reader *r, const char *key)
{
	struct suggestion near = { 0 };
	char shown[48];

	for (size_t i = 0; i < option_rows_count; i++)
		suggest_consider(&near, key, option_rows[i].key);
	if (near.best)
		complain(r, r->line, "unknown key '%s', did you mean '%s'?", quoted(shown, key), near.best);
	else
		complain(r, r->line, "unknown key '%s', see edgeprof.conf(5) for the keys",
			 quoted(shown, key));
}

static int take_pair(void *data, const char *section, const char *key, const char *value)
{
	struct config_reader *r = data;
	const struct option_row *row = option_find(key);
	char shown[48];

	(void)section;
	r->understood = true;
	if (!row) {
		complain_unknown(r, key);
		return 1;
	}
	if (r->seen[row - option_rows])
		complain(r, r->line, "'%s' is set twice, first in line %u: keep one", key,
			 r->seen[row - option_rows]);
	else if (option_set(row, value, &r->config) < 0)
		complain(r, r->line, "%s = '%s' is not allowed, it must be %s", key, quoted(shown, value),
			 row->allowed);
	r->seen[row - option_rows] = r->line;
	return 1;
}

/* Reads up to the end of a line; false at the end of the file. */
static bool get_line(struct config_reader *r, char *into, size_t size)
{
	size_t length = 0;
	int c;

	while ((c = getc(r->file)) != EOF && c != '\n') {
		if (length + 2 >= size)
			complain(r, r->line, "line longer than %zu bytes, shorten it", size - 2);
		else if (c < ' ' && c != '\t' && c != '\r')
			complain(r, r->line, "control byte 0x%02x, the file must be text", (unsigned)c);
		else
			into[length++] = (char)c;
		if (r->error)
			return false;
	}
	if (c == EOF && ferror(r->file))
		r->read_error = errno;
	memcpy(into + length, "\n", 2);
	return c != EOF || length;
}

static void check_last_line(struct config_reader *r)
{
	if (r->needs_value && !r->understood)
		complain(r, r->line, "no 'key = value' here, comments start with '#'");
}

static char *read_line(char *into, int size, void *data)
{
	struct config_reader *r = data;
	size_t blank;

	check_last_line(r);
	r->line++;
	r->needs_value = r->understood = false;
	if (r->error || !get_line(r, into, (size_t)size))
		return NULL;
	if (r->line == 1 && text_starts_with(into, "\xef\xbb\xbf"))
		memmove(into, into + 3, strlen(into + 3) + 1);
	/* libinih takes an indented line for more of the value before it. */
	blank = strspn(into, " \t\r");
	memmove(into, into + blank, strlen(into + blank) + 1);
	if (*into == '[')
		complain(r, r->line, "sections are not used, remove this line");
	r->needs_value = !strchr("#;\n", *into);
	return r->error ? NULL : into;
}

int options_read_stream(FILE *file, const char *name, struct config *config)
{
	struct config_reader r = { .file = file, .name = name, .config = *config };

	if (ini_parse_stream(read_line, &r, take_pair, &r) == -2)
		return -ENOMEM;
	if (!r.error && r.read_error)
		return log_err(-r.read_error, "cannot read %s: %s", name, strerror(r.read_error));
	if (r.error)
		return r.error;
	*config = r.config;
	return 0;
}

int options_read_file(const char *path, struct config *config)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");

	if (!file && errno == ENOENT)
		return -ENOENT;
	if (!file)
		return log_err(-errno, "cannot open %s: %s", path, strerror(errno));
	return options_read_stream(file, path, config);
}
