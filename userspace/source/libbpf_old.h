/* SPDX-License-Identifier: BSD-2-Clause */
/* libbpf as of 0.5 (Ubuntu 22.04) lacks names that later ones have. */
#ifndef EP_SOURCE_LIBBPF_OLD_H
#define EP_SOURCE_LIBBPF_OLD_H

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#ifndef LIBBPF_OPTS
#define LIBBPF_OPTS DECLARE_LIBBPF_OPTS

struct bpf_map_create_opts {
	size_t sz;
	__u32 map_flags;
};

static inline int bpf_map_create(enum bpf_map_type type, const char *name, __u32 key_size, __u32 value_size,
				 __u32 max_entries, const struct bpf_map_create_opts *opts)
{
	const struct bpf_create_map_attr attr = {
		.map_type = type,
		.name = name,
		.key_size = key_size,
		.value_size = value_size,
		.max_entries = max_entries,
		.map_flags = opts ? opts->map_flags : 0,
	};

	return bpf_create_map_xattr(&attr);
}

struct bpf_prog_load_opts {
	size_t sz;
	enum bpf_attach_type expected_attach_type;
	__u32 attach_btf_id;
};

/* The name was another function's. */
#define bpf_prog_load libbpf_old_prog_load
static inline int libbpf_old_prog_load(enum bpf_prog_type type, const char *name, const char *license,
				       const struct bpf_insn *insns, size_t n,
				       const struct bpf_prog_load_opts *opts)
{
	const struct bpf_load_program_attr attr = {
		.prog_type = type,
		.expected_attach_type = opts ? opts->expected_attach_type : 0,
		.name = name,
		.insns = insns,
		.insns_cnt = n,
		.license = license,
		.attach_btf_id = opts ? opts->attach_btf_id : 0,
	};

	return bpf_load_program_xattr(&attr, NULL, 0);
}

static inline __u32 btf__type_cnt(const struct btf *btf)
{
	return btf__get_nr_types(btf) + 1;
}

static inline const void *btf__raw_data(const struct btf *btf, __u32 *size)
{
	return btf__get_raw_data(btf, size);
}
#endif

#endif
