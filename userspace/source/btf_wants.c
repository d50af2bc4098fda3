/* SPDX-License-Identifier: BSD-2-Clause */
#include "source/btf_wants.h"

#include "base/text.h"
#include "source/libbpf_old.h"
#include "source/objects.h"

#include <bpf/btf.h>
#include <errno.h>
#include <gelf.h>
#include <string.h>

/* include/uapi/linux/bpf.h has these from 5.17 on. */
struct core_record {
	uint32_t insn_offset, type_id, access_offset, kind;
};
enum core_kind {
	CORE_FIELD_LAST = 5, /* offset, size, exists, signed and the two shifts */
	CORE_TYPE_ID_LOCAL = 6,
	CORE_TYPE_ID_TARGET = 7,
	CORE_TYPE_EXISTS = 8,
	CORE_TYPE_SIZE = 9,
	CORE_ENUM_EXISTS = 10,
	CORE_ENUM_VALUE = 11,
};
struct ext_header {
	uint16_t magic;
	uint8_t version, flags;
	uint32_t header_bytes;
	uint32_t function_offset, function_bytes, line_offset, line_bytes, core_offset, core_bytes;
};

size_t btf_essential_length(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = n; i-- > 4;)
		if (name[i] != '_' && !memcmp(name + i - 3, "___", 3) && name[i - 4] != '_')
			return i - 3;
	return n;
}

/* --- one record ------------------------------------------------------------------- */

static const struct btf_type *skip_modifiers(const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	for (int hops = 0; t && (btf_is_mod(t) || btf_is_typedef(t)); hops++)
		t = hops < 64 ? btf__type_by_id(btf, t->type) : NULL;
	return t;
}

static int add_step(struct btf_want *want, const char *name)
{
	if (!name || want->n_path == BTF_WANT_DEPTH)
		return -E2BIG;
	want->path[want->n_path++] = name;
	return 0;
}

/* One number of an access string: a member, or an element of an array. */
static int follow(const struct btf *btf, struct btf_want *want, unsigned long index, uint32_t *id)
{
	const struct btf_type *t = skip_modifiers(btf, *id);
	const struct btf_member *m;

	if (t && btf_is_array(t)) {
		*id = btf_array(t)->type;
		return add_step(want, BTF_WANT_ELEMENT);
	}
	if (!t || !btf_is_composite(t) || index >= btf_vlen(t))
		return -EBADMSG;
	m = &btf_members(t)[index];
	*id = m->type;
	return m->name_off ? add_step(want, btf__name_by_offset(btf, m->name_off)) : 0;
}

static int read_path(const struct btf *btf, struct btf_want *want, uint32_t id, const char *access)
{
	char *end;

	(void)strtoul(access, &end, 10); /* the element that the pointer itself points to */
	if (end == access)
		return -EBADMSG;
	while (*end == ':') {
		unsigned long index = strtoul(access = end + 1, &end, 10);
		int r = end == access ? -EBADMSG : follow(btf, want, index, &id);

		if (r < 0)
			return r;
	}
	return *end ? -EBADMSG : 0;
}

static int read_enumerator(const struct btf *btf, struct btf_want *want, const struct btf_type *t,
			   const char *access)
{
	unsigned long index = strtoul(access, NULL, 10);
	const char *name;

	if (!btf_is_enum(t) || index >= btf_vlen(t))
		return -EBADMSG;
	name = btf__name_by_offset(btf, btf_enum(t)[index].name_off);
	return add_step(want, name);
}

static int read_record(const struct btf *btf, const struct core_record *record, struct btf_want *ret)
{
	const struct btf_type *t = btf__type_by_id(btf, record->type_id);
	const char *name = t ? btf__name_by_offset(btf, t->name_off) : NULL;
	const char *access = btf__name_by_offset(btf, record->access_offset);
	int r;

	if (!name || !access || !*name)
		return -EBADMSG;
	memset(ret, 0, sizeof(*ret));
	ret->kind = btf_kind(t);
	if (record->kind <= CORE_FIELD_LAST)
		r = read_path(btf, ret, record->type_id, access);
	else if (record->kind == CORE_ENUM_EXISTS || record->kind == CORE_ENUM_VALUE)
		r = read_enumerator(btf, ret, t, access);
	else
		r = record->kind == CORE_TYPE_EXISTS || record->kind == CORE_TYPE_SIZE ? 0 : -ENOTSUP;
	if (r < 0)
		return r;
	ret->root = strndup(name, btf_essential_length(name));
	return ret->root ? 0 : -ENOMEM;
}

/* --- one object ------------------------------------------------------------------------ */

static int compare_wants(const void *left, const void *right)
{
	const struct btf_want *a = left, *b = right;
	int r = strcmp(a->root, b->root);

	if (r || a->kind != b->kind)
		return r ? r : a->kind < b->kind ? -1 : 1;
	for (size_t i = 0; i < a->n_path && i < b->n_path; i++)
		if ((r = strcmp(a->path[i], b->path[i])))
			return r;
	return a->n_path < b->n_path ? -1 : a->n_path > b->n_path;
}

static int add_want(struct btf_wants *w, struct btf_want *want)
{
	struct btf_want *grown;

	for (size_t i = 0; i < w->n; i++)
		if (!compare_wants(&w->wants[i], want)) {
			free(want->root);
			return 0;
		}
	grown = reallocarray(w->wants, w->n + 1, sizeof(*grown));
	if (!grown) {
		free(want->root);
		return -ENOMEM;
	}
	w->wants = grown;
	w->wants[w->n++] = *want;
	return 0;
}

static int add_records(struct btf_wants *w, const struct btf *btf, const char *p, const char *end)
{
	uint32_t record_bytes, head[2];

	if (end - p < 4)
		return -EBADMSG;
	memcpy(&record_bytes, p, sizeof(record_bytes));
	if (record_bytes < sizeof(struct core_record) || record_bytes > 1024)
		return -EBADMSG;
	for (p += 4; p < end;) {
		if (end - p < 8)
			return -EBADMSG;
		memcpy(head, p, sizeof(head));
		p += sizeof(head);
		if ((uint64_t)head[1] * record_bytes > (uint64_t)(end - p))
			return -EBADMSG;
		for (uint32_t i = 0; i < head[1]; i++, p += record_bytes) {
			struct core_record record;
			struct btf_want want;
			int r;

			memcpy(&record, p, sizeof(record));
			r = record.kind == CORE_TYPE_ID_LOCAL ? 1 : read_record(btf, &record, &want);
			if (r == 0)
				r = add_want(w, &want);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int add_extension(struct btf_wants *w, const struct btf *btf, const Elf_Data *data)
{
	struct ext_header h = { 0 };
	uint64_t begin, end;

	if (data->d_size < sizeof(h))
		return data->d_size < 8 ? -EBADMSG : 0; /* a header without CO-RE records */
	memcpy(&h, data->d_buf, sizeof(h));
	begin = (uint64_t)h.header_bytes + h.core_offset;
	end = begin + h.core_bytes;
	if (h.magic != BTF_MAGIC || h.header_bytes < sizeof(h) || end > data->d_size)
		return -EBADMSG;
	return h.core_bytes ? add_records(w, btf, (char *)data->d_buf + begin, (char *)data->d_buf + end) : 0;
}

static int add_tracepoint(struct btf_wants *w, const char *name)
{
	char **grown;

	for (size_t i = 0; i < w->n_tracepoints; i++)
		if (!strcmp(w->tracepoints[i], name))
			return 0;
	grown = reallocarray(w->tracepoints, w->n_tracepoints + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	w->tracepoints = grown;
	w->tracepoints[w->n_tracepoints] = strdup(name);
	return w->tracepoints[w->n_tracepoints] ? (int)(w->n_tracepoints++, 0) : -ENOMEM;
}

static int read_sections(struct btf_wants *w, Elf *elf, Elf_Data **ret_btf, Elf_Data **ret_extension)
{
	Elf_Scn *section = NULL;
	size_t names;

	*ret_btf = *ret_extension = NULL;
	if (elf_getshdrstrndx(elf, &names))
		return -EBADMSG;
	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr header;
		const char *name =
			gelf_getshdr(section, &header) ? elf_strptr(elf, names, header.sh_name) : NULL;
		int r = 0;

		if (!name)
			return -EBADMSG;
		if (!strcmp(name, ".BTF"))
			*ret_btf = elf_rawdata(section, NULL);
		else if (!strcmp(name, ".BTF.ext"))
			*ret_extension = elf_rawdata(section, NULL);
		else if (text_starts_with(name, "raw_tp/") || text_starts_with(name, "tp_btf/"))
			r = add_tracepoint(w, name + strlen("raw_tp/"));
		if (r < 0)
			return r;
	}
	return *ret_btf && *ret_extension ? 0 : -EBADMSG;
}

static int keep_btf(struct btf_wants *w, const Elf_Data *data, const struct btf **ret)
{
	struct btf **grown = reallocarray(w->borrowed, w->n_borrowed + 1, sizeof(*grown));
	struct btf *btf;

	if (!grown)
		return -ENOMEM;
	w->borrowed = grown;
	btf = btf__new(data->d_buf, (uint32_t)data->d_size);
	if (libbpf_get_error(btf))
		return -EBADMSG;
	w->borrowed[w->n_borrowed++] = btf;
	*ret = btf;
	return 0;
}

int btf_wants_add_object(struct btf_wants *w, const void *object, size_t size)
{
	Elf_Data *types, *extension;
	const struct btf *btf;
	Elf *elf;
	int r;

	elf_version(EV_CURRENT);
	elf = elf_memory((char *)object, size);
	r = elf ? read_sections(w, elf, &types, &extension) : -EBADMSG;
	if (r == 0)
		r = keep_btf(w, types, &btf);
	if (r == 0)
		r = add_extension(w, btf, extension);
	elf_end(elf);
	if (w->n)
		qsort(w->wants, w->n, sizeof(*w->wants), compare_wants);
	return r;
}

int btf_wants_of_program(struct btf_wants *ret)
{
	static const struct {
		const char *begin, *end;
	} objects[] = {
		{ ep_object_cpu, ep_object_cpu_end },     { ep_object_mem, ep_object_mem_end },
		{ ep_object_io, ep_object_io_end },       { ep_object_lifecycle, ep_object_lifecycle_end },
		{ ep_object_check, ep_object_check_end },
	};

	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
		int r = btf_wants_add_object(ret, objects[i].begin,
					     (size_t)(objects[i].end - objects[i].begin));

		if (r < 0) {
			btf_wants_clear(ret);
			return r;
		}
	}
	return 0;
}

void btf_wants_clear(struct btf_wants *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->wants[i].root);
	for (size_t i = 0; i < w->n_tracepoints; i++)
		free(w->tracepoints[i]);
	for (size_t i = 0; i < w->n_borrowed; i++)
		btf__free(w->borrowed[i]);
	free(w->wants);
	free(w->tracepoints);
	free(w->borrowed);
	memset(w, 0, sizeof(*w));
}

/* FNV-1a; the terminating NUL keeps names apart. */
static uint64_t hash(uint64_t sum, const char *text)
{
	do {
		sum = (sum ^ (uint8_t)*text) * 0x100000001b3u;
	} while (*text++);
	return sum;
}

uint64_t btf_wants_fingerprint(const struct btf_wants *w)
{
	uint64_t sum = 0xcbf29ce484222325u;

	for (size_t i = 0; i < w->n; i++) {
		sum = hash(sum, w->wants[i].root);
		for (size_t j = 0; j < w->wants[i].n_path; j++)
			sum = hash(sum, w->wants[i].path[j]);
	}
	for (size_t i = 0; i < w->n_tracepoints; i++)
		sum = hash(sum, w->tracepoints[i]);
	return sum;
}
