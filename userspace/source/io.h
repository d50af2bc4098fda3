/* SPDX-License-Identifier: BSD-2-Clause */
/* The io family read: block requests of a slot. */
#ifndef EP_SOURCE_IO_H
#define EP_SOURCE_IO_H

#include "model/metrics.h"
#include "source/bpf_family.h"

struct io_source;

int io_source_open(const struct bpf_kernel *kernel, struct bpf_slots *slots, const char *door,
		   struct family_snapshot *ret_state, struct io_source **ret) _must_check_;
void io_source_close(struct io_source *s); /* NULL is fine */
struct bpf_family *io_source_family(const struct io_source *s);

/* Sets the io metrics of one slot. */
void io_source_read(const struct io_source *s, uint32_t slot, struct metrics *into);
/* Forgets a slot's counters before it is given back. */
void io_source_clear(struct io_source *s, uint32_t slot);

#endif
