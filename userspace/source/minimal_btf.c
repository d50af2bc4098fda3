/* SPDX-License-Identifier: BSD-2-Clause */
#include "source/minimal_btf.h"

#include "base/text.h"
#include "source/libbpf_old.h"

#include <bpf/btf.h>
#include <errno.h>
#include <string.h>

#define HOPS_MAX 64       /* typedefs and modifiers in a row */
#define DEPTH_MAX 32      /* anonymous members and arrays inside each other */
#define STEPS_MAX 4000000 /* members looked at, for all wants: no real kernel comes near */
#define TRACE_PREFIX "btf_trace_"

struct work {
	const struct btf *full;
	uint32_t n_types;
	bool *kept;        /* [type id] */
	bool **members;    /* [type id][member or enumerator], NULL: none kept */
	uint32_t *new_id;  /* [type id] in the result, 0: not in it */
	bool begins[1024]; /* [of_beginning()] of the roots that are wanted */
	unsigned steps_left;
	struct btf *into;
	char *why;
	size_t why_size;
};

static int blame(struct work *w, int r, const char *format, ...) _printf_(3, 4);
static int blame(struct work *w, int r, const char *format, ...)
{
	va_list args;

	if (!w->why[0]) { /* the first reason is the closest to the cause */
		va_start(args, format);
		vsnprintf(w->why, w->why_size, format, args);
		va_end(args);
		text_clean(w->why);
	}
	return r;
}

static const char *name_at(const struct btf *btf, uint32_t offset)
{
	const char *name = btf__name_by_offset(btf, offset);

	return name ? name : "";
}

static const char *name_of(const struct btf *btf, const struct btf_type *t)
{
	return name_at(btf, t->name_off);
}

/* --- references ---------------------------------------------------------------------- */

/* Follows typedefs and modifiers: 0 for void; negative for a chain without an end. */
static int64_t resolve(const struct btf *btf, uint32_t id)
{
	for (int hops = 0; hops < HOPS_MAX; hops++) {
		const struct btf_type *t = id ? btf__type_by_id(btf, id) : NULL;
		uint32_t kind = t ? btf_kind(t) : BTF_KIND_UNKN;

		if (!t)
			return id ? -EBADMSG : 0;
		/* 18: type tags, whose name old headers do not have */
		if (!btf_is_mod(t) && kind != BTF_KIND_TYPEDEF && kind != 18)
			return id;
		id = t->type;
	}
	return -EBADMSG;
}

static const struct btf_type *resolved_type(struct work *w, uint32_t id, uint32_t *ret_id)
{
	int64_t at = resolve(w->full, id);

	if (at <= 0) {
		if (at < 0)
			blame(w, -EBADMSG, "type %u refers to no type", id);
		return NULL;
	}
	*ret_id = (uint32_t)at;
	return btf__type_by_id(w->full, (uint32_t)at);
}

static bool is_enum(const struct btf_type *t)
{
	return btf_kind(t) == BTF_KIND_ENUM || btf_kind(t) == 19; /* ENUM64, since 6.0 */
}

/* --- what is kept -------------------------------------------------------------------------- */

static void keep_array(struct work *w, uint32_t id, const struct btf_type *t)
{
	uint32_t index_type;

	w->kept[id] = true;
	if (resolved_type(w, btf_array(t)->index_type, &index_type))
		w->kept[index_type] = true;
}

static int keep_member(struct work *w, uint32_t id, const struct btf_type *t, uint32_t index)
{
	if (!w->members[id])
		w->members[id] = calloc(btf_vlen(t), sizeof(bool));
	if (!w->members[id])
		return -ENOMEM;
	w->members[id][index] = true;
	return 0;
}

/* A type at the end of a path: its size is what counts. What a pointer points to
 * is kept by name, since that is how the arguments of tracepoints are told apart. */
static void keep_leaf(struct work *w, uint32_t id)
{
	for (int depth = 0; depth < DEPTH_MAX; depth++) {
		const struct btf_type *t = resolved_type(w, id, &id);

		if (!t || btf_is_func_proto(t) || btf_is_func(t))
			return;
		if (btf_is_array(t)) {
			keep_array(w, id, t);
			id = btf_array(t)->type;
			continue;
		}
		w->kept[id] = true;
		if (!btf_is_ptr(t))
			return;
		t = resolved_type(w, t->type, &id);
		if (t && (btf_is_composite(t) || btf_is_fwd(t)) && *name_of(w->full, t))
			w->kept[id] = true;
		return;
	}
}

static int keep_path(struct work *w, uint32_t id, const char *const *path, size_t n, int depth);

/* A member of the path, or an anonymous one that may hold it. 1: found, 0: not. */
static int try_member(struct work *w, const struct btf_member *m, const char *const *path, size_t n,
		      int depth)
{
	const char *name = name_at(w->full, m->name_off);
	int r;

	if (!w->steps_left--)
		return blame(w, -EBADMSG, "a struct with %s is nested without end", *path);
	if (!*name)
		return keep_path(w, m->type, path, n, depth + 1);
	if (strcmp(name, *path))
		return 0;
	r = keep_path(w, m->type, path + 1, n - 1, depth + 1);
	if (r == 0) /* the member is there, what is asked of it is not */
		keep_leaf(w, m->type);
	return r < 0 ? r : 1;
}

static int keep_in_composite(struct work *w, uint32_t id, const struct btf_type *t, const char *const *path,
			     size_t n, int depth)
{
	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		int r = try_member(w, &btf_members(t)[i], path, n, depth);

		if (r < 0)
			return r;
		if (r > 0) {
			w->kept[id] = true;
			r = keep_member(w, id, t, i);
			return r < 0 ? r : 1;
		}
	}
	return 0;
}

static int keep_path(struct work *w, uint32_t id, const char *const *path, size_t n, int depth)
{
	const struct btf_type *t;

	if (!n) {
		keep_leaf(w, id);
		return 1;
	}
	t = resolved_type(w, id, &id);
	if (!t || depth > DEPTH_MAX)
		return 0;
	if (btf_is_array(t) && !strcmp(*path, BTF_WANT_ELEMENT)) {
		keep_array(w, id, t);
		return keep_path(w, btf_array(t)->type, path + 1, n - 1, depth + 1);
	}
	return btf_is_composite(t) ? keep_in_composite(w, id, t, path, n, depth) : 0;
}

static int keep_enumerator(struct work *w, uint32_t id, const struct btf_type *t, const char *wanted)
{
	size_t length = btf_essential_length(wanted);

	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		const char *name = btf_kind(t) == BTF_KIND_ENUM
					   ? name_at(w->full, btf_enum(t)[i].name_off)
					   : name_at(w->full, ((const uint32_t *)(t + 1))[3 * i]);

		if (btf_essential_length(name) == length && !memcmp(name, wanted, length))
			return keep_member(w, id, t, i);
	}
	return 0;
}

static int keep_want(struct work *w, uint32_t id, const struct btf_type *t, const struct btf_want *want)
{
	w->kept[id] = true;
	if (btf_kind(t) == BTF_KIND_TYPEDEF && !want->n_path)
		keep_leaf(w, id);
	if (!want->n_path)
		return 0;
	if (is_enum(t))
		return keep_enumerator(w, id, t, want->path[0]);
	return keep_path(w, id, want->path, want->n_path, 0);
}

/* typedef -> pointer -> prototype, as bpf_kernel_tracepoint_args() walks it. */
static void keep_tracepoint(struct work *w, uint32_t id, const struct btf_type *t)
{
	uint32_t pointer, proto;

	t = resolved_type(w, t->type, &pointer);
	if (!t || !btf_is_ptr(t))
		return;
	t = resolved_type(w, t->type, &proto);
	if (!t || !btf_is_func_proto(t))
		return;
	w->kept[id] = w->kept[pointer] = w->kept[proto] = true;
	for (uint32_t i = 0; i < btf_vlen(t); i++)
		keep_leaf(w, btf_params(t)[i].type);
}

/* --- which types ----------------------------------------------------------------------------- */

static int compare_root(const char *name, size_t length, const char *root)
{
	int r = strncmp(name, root, length);

	return r ? r : root[length] ? -1 : 0;
}

/* The first want with this root; wants->n: none. */
static size_t first_want(const struct btf_wants *wants, const char *name, size_t length)
{
	size_t low = 0, high = wants->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (compare_root(name, length, wants->wants[middle].root) > 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool same_kind(const struct btf_want *want, const struct btf_type *t)
{
	return want->kind == BTF_KIND_ENUM ? is_enum(t) : want->kind == btf_kind(t);
}

static bool is_wanted_tracepoint(const struct btf_wants *wants, const char *name)
{
	if (!text_starts_with(name, TRACE_PREFIX))
		return false;
	for (size_t i = 0; i < wants->n_tracepoints; i++)
		if (!strcmp(wants->tracepoints[i], name + strlen(TRACE_PREFIX)))
			return true;
	return false;
}

static unsigned of_beginning(const char *name)
{
	return ((unsigned)(unsigned char)name[0] * 31 + (unsigned char)name[1]) % 1024;
}

static int consider_wants(struct work *w, const struct btf_wants *wants, uint32_t id,
			  const struct btf_type *t, const char *name)
{
	size_t length = btf_essential_length(name);

	for (size_t i = first_want(wants, name, length); i < wants->n; i++) {
		int r = 0;

		if (compare_root(name, length, wants->wants[i].root))
			break;
		if (same_kind(&wants->wants[i], t))
			r = keep_want(w, id, t, &wants->wants[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int consider(struct work *w, const struct btf_wants *wants, uint32_t id)
{
	const struct btf_type *t = btf__type_by_id(w->full, id);
	const char *name = t && t->name_off ? name_of(w->full, t) : "";

	if (!*name)
		return 0;
	if (btf_kind(t) == BTF_KIND_TYPEDEF && is_wanted_tracepoint(wants, name))
		keep_tracepoint(w, id, t);
	/* Every reader derives the size of a pointer from this one. */
	if (btf_is_int(t) && !strcmp(name, "long unsigned int"))
		w->kept[id] = true;
	return w->begins[of_beginning(name)] ? consider_wants(w, wants, id, t, name) : 0;
}

/* --- writing ------------------------------------------------------------------------------------ */

static uint32_t new_reference(const struct work *w, uint32_t id)
{
	int64_t at = resolve(w->full, id);

	return at > 0 && at < w->n_types ? w->new_id[at] : 0;
}

/* Bit fields as pahole wrote them before 2019: the offset is in the integer. */
static bool is_old_bit_field(const struct work *w, const struct btf_type *t, const struct btf_member *m)
{
	int64_t at = btf_kflag(t) ? 0 : resolve(w->full, m->type);
	const struct btf_type *type = at > 0 ? btf__type_by_id(w->full, (uint32_t)at) : NULL;

	return type && btf_is_int(type) && (btf_int_offset(type) || btf_int_bits(type) != type->size * 8);
}

static int write_composite(struct work *w, uint32_t id, const struct btf_type *t)
{
	const char *name = name_of(w->full, t);
	int r = btf_is_struct(t) ? btf__add_struct(w->into, name, t->size)
				 : btf__add_union(w->into, name, t->size);

	for (uint32_t i = 0; r >= 0 && w->members[id] && i < btf_vlen(t); i++) {
		const struct btf_member *m = &btf_members(t)[i];
		const char *member = name_at(w->full, m->name_off);

		if (!w->members[id][i])
			continue;
		if (is_old_bit_field(w, t, m))
			return blame(w, -ENOTSUP,
				     "%s.%s is a bit field of an old form; use pahole 1.13 or later", name,
				     member);
		r = btf__add_field(w->into, member, (int)new_reference(w, m->type),
				   btf_member_bit_offset(t, i), btf_member_bitfield_size(t, i));
		if (r < 0)
			return blame(w, -EBADMSG, "%s.%s is damaged", name, member);
	}
	return r;
}

/* 64-bit enumerators are written as 32 bits, which every libbpf reads. */
static int write_enumerator(struct work *w, const struct btf_type *t, uint32_t index)
{
	const uint32_t *wide = (const uint32_t *)(t + 1) + 3 * index;
	const struct btf_enum *narrow = btf_enum(t) + index;

	if (btf_kind(t) == BTF_KIND_ENUM)
		return btf__add_enum_value(w->into, name_at(w->full, narrow->name_off), narrow->val);
	if (wide[2] && wide[2] != UINT32_MAX)
		return blame(w, -ENOTSUP, "enumerator %s has more than 32 bits", name_at(w->full, wide[0]));
	return btf__add_enum_value(w->into, name_at(w->full, wide[0]), (int32_t)wide[1]);
}

static int write_enum(struct work *w, uint32_t id, const struct btf_type *t)
{
	int r = btf__add_enum(w->into, name_of(w->full, t), t->size);

	for (uint32_t i = 0; r >= 0 && w->members[id] && i < btf_vlen(t); i++)
		if (w->members[id][i])
			r = write_enumerator(w, t, i);
	return r;
}

static int write_proto(struct work *w, const struct btf_type *t)
{
	int r = btf__add_func_proto(w->into, (int)new_reference(w, t->type));

	for (uint32_t i = 0; r >= 0 && i < btf_vlen(t); i++) {
		const struct btf_param *p = &btf_params(t)[i];

		r = btf__add_func_param(w->into, name_at(w->full, p->name_off),
					(int)new_reference(w, p->type));
	}
	return r;
}

static int write_type(struct work *w, uint32_t id, const struct btf_type *t)
{
	const char *name = name_of(w->full, t);

	switch (btf_kind(t)) {
	case BTF_KIND_INT:
		return btf__add_int(w->into, name, t->size, btf_int_encoding(t));
	case BTF_KIND_FLOAT:
		return btf__add_float(w->into, name, t->size);
	case BTF_KIND_PTR:
		return btf__add_ptr(w->into, (int)new_reference(w, t->type));
	case BTF_KIND_ARRAY:
		return btf__add_array(w->into, (int)new_reference(w, btf_array(t)->index_type),
				      (int)new_reference(w, btf_array(t)->type), btf_array(t)->nelems);
	case BTF_KIND_FWD:
		return btf__add_fwd(w->into, name, btf_kflag(t) ? BTF_FWD_UNION : BTF_FWD_STRUCT);
	case BTF_KIND_TYPEDEF:
		return btf__add_typedef(w->into, name, (int)new_reference(w, t->type));
	case BTF_KIND_FUNC_PROTO:
		return write_proto(w, t);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return write_composite(w, id, t);
	default:
		return is_enum(t) ? write_enum(w, id, t) : -ENOTSUP;
	}
}

static int write_notes(struct btf *into, const struct btf_note *notes, size_t n)
{
	int r = btf__add_enum(into, BTF_NOTES_ENUM, 4);

	for (size_t i = 0; r >= 0 && i < n; i++) {
		_cleanup_free_ char *text = NULL;

		if (asprintf(&text, "%s=%s", notes[i].key, notes[i].value) < 0)
			return -ENOMEM;
		r = btf__add_enum_value(into, text, (int)i);
	}
	return r;
}

static void number_types(struct work *w)
{
	uint32_t next = 2; /* 1: the notes */

	for (uint32_t id = 1; id < w->n_types; id++)
		if (w->kept[id])
			w->new_id[id] = next++;
}

static int write_all(struct work *w, const struct btf_note *notes, size_t n_notes)
{
	int r = write_notes(w->into, notes, n_notes);

	number_types(w);
	for (uint32_t id = 1; r >= 0 && id < w->n_types; id++) {
		const struct btf_type *t = btf__type_by_id(w->full, id);

		if (!w->kept[id] || !t)
			continue;
		r = write_type(w, id, t);
		if (r < 0)
			r = blame(w, r == -ENOMEM || r == -ENOTSUP ? r : -EBADMSG, "type %u (%s) is damaged",
				  id, name_of(w->full, t));
	}
	return r < 0 ? r : 0;
}

/* --- all of it ------------------------------------------------------------------------------------ */

static void work_clear(struct work *w)
{
	for (uint32_t id = 0; w->members && id < w->n_types; id++)
		free(w->members[id]);
	free(w->members);
	free(w->kept);
	free(w->new_id);
	btf__free(w->into);
}

static int work_begin(struct work *w, const struct btf *full)
{
	w->full = full;
	w->n_types = btf__type_cnt(full);
	w->kept = calloc(w->n_types, sizeof(*w->kept));
	w->members = calloc(w->n_types, sizeof(*w->members));
	w->new_id = calloc(w->n_types, sizeof(*w->new_id));
	w->into = btf__new_empty();
	if (libbpf_get_error(w->into))
		w->into = NULL;
	if (!w->kept || !w->members || !w->new_id || !w->into)
		return -ENOMEM;
	return btf__set_pointer_size(w->into, 8);
}

int minimal_btf_make(const struct btf *full, const struct btf_wants *wants, const struct btf_note *notes,
		     size_t n_notes, struct btf **ret, char *ret_why, size_t size)
{
	_cleanup_(work_clear) struct work w = { .why = ret_why, .why_size = size, .steps_left = STEPS_MAX };
	int r = work_begin(&w, full);

	ret_why[0] = '\0';
	for (size_t i = 0; i < wants->n; i++)
		w.begins[of_beginning(wants->wants[i].root)] = true;
	for (uint32_t id = 1; r >= 0 && id < w.n_types; id++)
		r = consider(&w, wants, id);
	if (r >= 0)
		r = write_all(&w, notes, n_notes);
	if (r < 0)
		return blame(&w, r, "%s", strerror(-r));
	*ret = TAKE_PTR(w.into);
	return 0;
}

/* --- reading one ------------------------------------------------------------------------------------ */

const char *minimal_btf_note(const struct btf *btf, const char *key)
{
	int id = btf__find_by_name_kind(btf, BTF_NOTES_ENUM, BTF_KIND_ENUM);
	const struct btf_type *t = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;

	for (uint32_t i = 0; t && i < btf_vlen(t); i++) {
		const char *note = name_at(btf, btf_enum(t)[i].name_off);

		if (text_starts_with(note, key) && note[strlen(key)] == '=')
			return note + strlen(key) + 1;
	}
	return NULL;
}

static bool has_member(const struct btf *btf, uint32_t id, const char *member, int depth)
{
	int64_t at = resolve(btf, id);
	const struct btf_type *t = at > 0 ? btf__type_by_id(btf, (uint32_t)at) : NULL;

	if (!t || !btf_is_composite(t) || depth > 4)
		return false;
	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		const struct btf_member *m = &btf_members(t)[i];
		const char *name = name_at(btf, m->name_off);

		if (!strcmp(name, member) || (!*name && has_member(btf, m->type, member, depth + 1)))
			return true;
	}
	return false;
}

bool minimal_btf_has_member(const struct btf *btf, const char *type, const char *member)
{
	int id = btf__find_by_name_kind(btf, type, BTF_KIND_STRUCT);

	return id > 0 && has_member(btf, (uint32_t)id, member, 0);
}
