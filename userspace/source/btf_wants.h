/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What BPF objects ask of a kernel's types: the fields, enumerators and types of
 * their CO-RE records, and the tracepoints of their programs. Names are without
 * the ___flavour, which libbpf ignores too.
 */
#ifndef EP_SOURCE_BTF_WANTS_H
#define EP_SOURCE_BTF_WANTS_H

#include "base/cleanup.h"
#include <stddef.h>
#include <stdint.h>

#define BTF_WANT_DEPTH 16
#define BTF_WANT_ELEMENT "[]" /* a step into an array */

struct btf_want {
	uint32_t kind; /* BTF_KIND_* of the root */
	char *root;
	/* Member names from the root on; the enumerator's name for an enum. */
	const char *path[BTF_WANT_DEPTH];
	size_t n_path; /* 0: the type itself */
};

struct btf_wants {
	struct btf_want *wants; /* sorted by root */
	size_t n;
	char **tracepoints;
	size_t n_tracepoints;
	struct btf **borrowed; /* own the names of the paths */
	size_t n_borrowed;
};

/* Of one object in memory, added to *wants (all zero at first). -EBADMSG: not an
 * object with BTF and CO-RE records; -ENOTSUP: a record of a kind that is not known. */
int btf_wants_add_object(struct btf_wants *wants, const void *object, size_t size) _must_check_;
/* Of all embedded objects. */
int btf_wants_of_program(struct btf_wants *ret) _must_check_;
void btf_wants_clear(struct btf_wants *wants);

/* A number that stands for the whole list: two programs with the same one need the same types. */
uint64_t btf_wants_fingerprint(const struct btf_wants *wants);
/* Length of a type's name without its ___flavour. */
size_t btf_essential_length(const char *name);

#endif
