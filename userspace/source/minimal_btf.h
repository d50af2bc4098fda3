/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The part of a kernel's BTF that a list of wants needs: a few KiB instead of
 * megabytes. Kept members have the offsets and sizes they had.
 */
#ifndef EP_SOURCE_MINIMAL_BTF_H
#define EP_SOURCE_MINIMAL_BTF_H

#include "base/cleanup.h"
#include "source/btf_wants.h"
#include <stdbool.h>

struct btf;

/* Text that the file carries, such as which kernel it is of: the enumerators
 * "KEY=VALUE" of one enum, because that is a kind that every libbpf reads
 * (declaration tags are unknown to 0.5). */
struct btf_note {
	const char *key, *value;
};
#define BTF_NOTES_ENUM "edgeprof:kernel"

/* *ret is the caller's, to be freed with btf__free(). On failure `ret_why` (of
 * `size` bytes) says in words what was wrong with the input.
 * -EBADMSG: damaged; -ENOTSUP: a form that cannot be kept right. */
int minimal_btf_make(const struct btf *full, const struct btf_wants *wants, const struct btf_note *notes,
		     size_t n_notes, struct btf **ret, char *ret_why, size_t size) _must_check_;

/* The value of a note, borrowed from `btf`; NULL: none. */
const char *minimal_btf_note(const struct btf *btf, const char *key);

/* Whether a struct has a member of this name, also inside anonymous members. */
bool minimal_btf_has_member(const struct btf *btf, const char *type, const char *member);

#endif
