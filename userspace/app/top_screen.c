/* SPDX-License-Identifier: BSD-2-Clause */
#include "app/top_screen.h"

#include "base/text.h"

#include <curses.h>
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#define KEY_ESCAPE 27
#define HEAD_LINES_MAX 6

enum screen_mode { SCREEN_TABLE, SCREEN_PAGE, SCREEN_HELP };

struct top_screen {
	SCREEN *terminal;
	enum screen_mode mode;
	uint64_t selected;         /* key of the container */
	bool chosen;               /* by a key; until then the first row is selected */
	uint64_t *keys;            /* of the rows drawn last */
	size_t n_keys, row, first; /* selected row, first row on the screen */
	size_t scroll, n_lines;    /* of the page */
	int page_lines;            /* rows that fit */
	bool typing;               /* the filter is being typed */
	char typed[sizeof(((struct top_view *)0)->filter)];
};

static const char *const help[] = {
	"Keys",
	"  up, down, j, k       select a container; scroll its page",
	"  PgUp, PgDn, g, G     a page at a time; first, last",
	"  Enter                open the page of the container",
	"  Esc, Backspace       back to the table",
	"  < > s                sort by the column to the left, to the right",
	"  r                    reverse the order",
	"  /                    show only names that match a glob; emptied shows all",
	"  a                    show or hide idle units and plain cgroups",
	"  p, Space             pause",
	"  h, ?                 this text",
	"  q                    quit",
	"",
	"CPU % and WAIT % are of one CPU: 150 is one CPU and a half. WAIT % is the time",
	"that tasks were ready and had to wait, also for their own CPU limit (see THR %).",
	"WAIT p99: 99 of 100 waits were shorter; from a histogram, right within a factor",
	"of 2. THR % is the share of periods in which the CPU limit was used up. MEM is",
	"what the kernel charges, page cache included; RSS what is mapped. A dash is a",
	"figure that this node does not give.",
};

int top_screen_open(struct top_screen **ret)
{
	struct top_screen *s;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return -ENOTTY;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	/* initscr() would end the program when it does not know the terminal. */
	s->terminal = newterm(NULL, stdout, stdin);
	if (!s->terminal) {
		free(s);
		return -ENOENT;
	}
	cbreak();
	noecho();
	nonl();
	curs_set(0);
	set_escdelay(50);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	*ret = s;
	return 0;
}

void top_screen_close(struct top_screen *s)
{
	if (!s)
		return;
	endwin();
	delscreen(s->terminal);
	free(s->keys);
	free(s);
}

void top_screen_resize(struct top_screen *s)
{
	struct winsize size;

	(void)s;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col)
		resizeterm(size.ws_row, size.ws_col);
	clearok(stdscr, TRUE);
}

/* --- drawing ------------------------------------------------------------------------ */

static void draw_line(int y, const char *text, int attributes)
{
	char line[TOP_LINE_MAX];
	int width = COLS < TOP_WIDTH_MAX ? COLS : TOP_WIDTH_MAX;

	if (y < 0 || y >= LINES)
		return;
	top_cut(line, sizeof(line), text, width);
	attron(attributes);
	mvaddstr(y, 0, line);
	if (attributes)
		mvchgat(y, 0, -1, (attr_t)attributes, 0, NULL);
	attroff(attributes);
}

/* Draws the lines of a text from number `skip` on; returns how many it has. */
static size_t draw_text(char *text, int y, int height, size_t skip)
{
	size_t n = 0;
	char *rest = text, *line;

	while ((line = strsep(&rest, "\n")) && (*line || rest)) {
		if (n >= skip && n - skip < (size_t)height)
			draw_line(y + (int)(n - skip), line, 0);
		n++;
	}
	return n;
}

static int draw_head(const struct snapshot *snapshot, const struct top_history *before,
		     const struct top_head *head, int *ret_lines)
{
	_cleanup_free_ char *text = NULL;
	size_t size, lines;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return -ENOMEM;
	top_write_head(f, snapshot, before, head);
	if (fclose(f))
		return -ENOMEM;
	/* A low screen keeps its rows for the containers. */
	lines = draw_text(text, 0, LINES < 10 ? 1 : HEAD_LINES_MAX, 0);
	*ret_lines = LINES < 10 ? 1 : (int)(lines < HEAD_LINES_MAX ? lines : HEAD_LINES_MAX);
	return 0;
}

/* Finds the selected container again, or stays near where it was. The first row
 * stays selected until another was chosen. */
static void keep_selection(struct top_screen *s, const struct container_snapshot **rows, size_t n)
{
	for (size_t i = 0; s->chosen && i < n; i++)
		if (rows[i]->key == s->selected)
			s->row = i;
	if (s->row >= n)
		s->row = n ? n - 1 : 0;
	if (n)
		s->selected = rows[s->row]->key;
	if (s->row < s->first)
		s->first = s->row;
	if (s->page_lines > 0 && s->row >= s->first + (size_t)s->page_lines)
		s->first = s->row - (size_t)s->page_lines + 1;
	if (s->first >= n)
		s->first = 0;
}

static int keep_keys(struct top_screen *s, const struct container_snapshot **rows, size_t n)
{
	uint64_t *keys = reallocarray(s->keys, n + 1, sizeof(*keys));

	if (!keys)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		keys[i] = rows[i]->key;
	s->keys = keys;
	s->n_keys = n;
	return 0;
}

static int draw_table(struct top_screen *s, const struct container_snapshot **rows, size_t n,
		      const struct top_view *view, int y)
{
	struct top_layout layout;
	char line[TOP_LINE_MAX];

	s->page_lines = LINES - 2 - y;
	keep_selection(s, rows, n);
	top_layout_fit(COLS, view, &layout);
	top_format_titles(&layout, view, line);
	draw_line(y, line, A_BOLD | A_UNDERLINE);
	for (int i = 0; i < s->page_lines && s->first + (size_t)i < n; i++) {
		size_t row = s->first + (size_t)i;

		top_format_row(&layout, rows[row], line);
		draw_line(y + 1 + i, line, row == s->row ? A_REVERSE : 0);
	}
	if (!n)
		draw_line(y + 1, view->filter[0] ? "nothing matches the filter" : "no containers", 0);
	return keep_keys(s, rows, n);
}

static const struct container_snapshot *find(const struct snapshot *snapshot, uint64_t key)
{
	for (size_t i = 0; i < snapshot->n_containers; i++)
		if (snapshot->containers[i].key == key)
			return &snapshot->containers[i];
	return NULL;
}

static int draw_page(struct top_screen *s, const struct snapshot *snapshot, const struct top_history *before,
		     int y)
{
	const struct container_snapshot *c = find(snapshot, s->selected);
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *f;

	s->page_lines = LINES - 1 - y;
	if (!c) {
		draw_line(y, "This container is gone. Esc goes back.", 0);
		return 0;
	}
	f = open_memstream(&text, &size);
	if (!f)
		return -ENOMEM;
	top_write_page(f, snapshot, c, before);
	if (fclose(f))
		return -ENOMEM;
	s->n_lines = draw_text(text, y, s->page_lines, s->scroll);
	return 0;
}

static void draw_help(struct top_screen *s)
{
	s->n_lines = ARRAY_SIZE(help);
	s->page_lines = LINES - 1;
	for (size_t i = s->scroll; i < ARRAY_SIZE(help); i++)
		if (i - s->scroll < (size_t)s->page_lines)
			draw_line((int)(i - s->scroll), help[i], i ? 0 : A_BOLD);
}

static void draw_foot(const struct top_screen *s)
{
	static const char *const keys[] = {
		[SCREEN_TABLE] = "q quit  h help  Enter open  < > sort  r reverse  / filter  a all  p pause",
		[SCREEN_PAGE] = "Esc back  up down scroll  p pause  h help  q quit",
		[SCREEN_HELP] = "Esc back  q quit",
	};
	char line[128];

	if (s->typing)
		snprintf(line, sizeof(line), "filter (glob): %s_", s->typed);
	else
		text_copy(line, sizeof(line), keys[s->mode]);
	draw_line(LINES - 1, line, s->typing ? A_BOLD : A_DIM);
}

static int draw_snapshot(struct top_screen *s, const struct snapshot *snapshot,
			 const struct top_history *before, struct top_head *head)
{
	_cleanup_free_ const struct container_snapshot **rows =
		calloc(snapshot->n_containers + 1, sizeof(*rows));
	int y, r;

	if (!rows)
		return -ENOMEM;
	head->n_shown = top_select(snapshot, head->view, rows);
	r = draw_head(snapshot, before, head, &y);
	if (r < 0)
		return r;
	if (s->mode == SCREEN_PAGE)
		return draw_page(s, snapshot, before, y);
	return draw_table(s, rows, head->n_shown, head->view, y);
}

int top_screen_draw(struct top_screen *s, const struct snapshot *snapshot, const struct top_history *before,
		    const struct top_head *head)
{
	struct top_head own = *head;
	int r = 0;

	erase();
	if (s->mode == SCREEN_HELP) {
		draw_help(s);
	} else if (snapshot) {
		r = draw_snapshot(s, snapshot, before, &own);
	} else {
		char line[512];

		snprintf(line, sizeof(line), "%s: no snapshot yet%s%s", head->source,
			 head->note[0] ? ", " : "", head->note);
		draw_line(0, line, 0);
	}
	draw_foot(s);
	refresh();
	return r;
}

/* --- keys ----------------------------------------------------------------------------- */

static void move_by(struct top_screen *s, long step)
{
	size_t *at = s->mode == SCREEN_TABLE ? &s->row : &s->scroll;
	size_t page = s->page_lines > 0 ? (size_t)s->page_lines : 1;
	size_t end = s->mode == SCREEN_TABLE ? s->n_keys : s->n_lines > page ? s->n_lines - page + 1 : 1;
	long to = (long)*at + step;

	*at = to < 0 || !end ? 0 : (size_t)to >= end ? end - 1 : (size_t)to;
	if (s->mode != SCREEN_TABLE || s->row >= s->n_keys)
		return;
	s->selected = s->keys[s->row];
	s->chosen = true;
}

static bool take_movement(struct top_screen *s, int key)
{
	long page = s->page_lines > 1 ? s->page_lines - 1 : 1;

	if (key == KEY_UP || key == 'k')
		move_by(s, -1);
	else if (key == KEY_DOWN || key == 'j')
		move_by(s, 1);
	else if (key == KEY_PPAGE)
		move_by(s, -page);
	else if (key == KEY_NPAGE)
		move_by(s, page);
	else if (key == KEY_HOME || key == 'g')
		move_by(s, -1000000);
	else if (key == KEY_END || key == 'G')
		move_by(s, 1000000);
	else
		return false;
	return true;
}

static void take_typed(struct top_screen *s, int key, struct top_view *view)
{
	size_t length = strlen(s->typed);

	if (key == '\r' || key == '\n' || key == KEY_ENTER) {
		text_clean(s->typed);
		text_copy(view->filter, sizeof(view->filter), s->typed);
		s->typing = false;
	} else if (key == KEY_ESCAPE) {
		s->typing = false;
	} else if (key == KEY_BACKSPACE || key == 127 || key == '\b') {
		while (length && ((unsigned char)s->typed[--length] & 0xc0) == 0x80)
			;
		s->typed[length] = '\0';
	} else if (key >= ' ' && key < 256 && length + 1 < sizeof(s->typed)) {
		s->typed[length] = (char)key;
		s->typed[length + 1] = '\0';
	}
}

static void change_mode(struct top_screen *s, enum screen_mode mode)
{
	s->mode = mode;
	s->scroll = 0;
}

static void open_page(struct top_screen *s)
{
	s->chosen = true;
	change_mode(s, SCREEN_PAGE);
}

static void take_view_key(struct top_screen *s, int key, struct top_view *view, bool *paused)
{
	if (key == '>' || key == 's')
		view->sort = top_column_next(view->sort, 1);
	else if (key == '<')
		view->sort = top_column_next(view->sort, -1);
	else if (key == 'r')
		view->reverse = !view->reverse;
	else if (key == 'a')
		view->show_all = !view->show_all;
	else if (key == 'p' || key == ' ')
		*paused = !*paused;
	else if (key == '/' && s->mode == SCREEN_TABLE)
		text_copy(s->typed, sizeof(s->typed), view->filter);
	if (key == '/' && s->mode == SCREEN_TABLE)
		s->typing = true;
}

/* 1: quit. */
static int take_key(struct top_screen *s, int key, struct top_view *view, bool *paused)
{
	if (s->typing)
		take_typed(s, key, view);
	else if (key == 'q')
		return 1;
	else if (key == 'h' || key == '?')
		change_mode(s, s->mode == SCREEN_HELP ? SCREEN_TABLE : SCREEN_HELP);
	else if (key == KEY_ESCAPE || key == KEY_BACKSPACE || key == 127)
		change_mode(s, SCREEN_TABLE);
	else if ((key == '\r' || key == '\n' || key == KEY_ENTER) && s->mode == SCREEN_TABLE && s->n_keys)
		open_page(s);
	else if (key == 12) /* Ctrl-L */
		clearok(stdscr, TRUE);
	else if (!take_movement(s, key))
		take_view_key(s, key, view, paused);
	return 0;
}

int top_screen_handle_keys(struct top_screen *s, struct top_view *view, bool *paused)
{
	int key;

	while ((key = getch()) != ERR)
		if (take_key(s, key, view, paused))
			return 1;
	return 0;
}
