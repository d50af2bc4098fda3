/* SPDX-License-Identifier: BSD-2-Clause */
/* Why the kernel refuses programs and maps, as far as the smallest ones can tell. */
#ifndef EP_SOURCE_BPF_REFUSAL_H
#define EP_SOURCE_BPF_REFUSAL_H

#include "base/cleanup.h"

#include <stdbool.h>
#include <stdint.h>

/* 0 when this process can load a tracing program at all, else a negative errno. */
int bpf_refusal_of_programs(void) _must_check_;
/* The same for a program with typed arguments; btf_id: of the tracepoint's btf_trace_NAME. */
int bpf_refusal_of_typed_programs(uint32_t btf_id) _must_check_;

/* Whether programs are kept from reading the kernel's memory through helpers. */
bool bpf_refusal_of_reads(void);

/* What stands behind an error of making maps or loading a program, with what to
 * do about it; NULL when there is no more to say than the error itself.
 * reads_refused: what bpf_refusal_of_reads() said. */
const char *bpf_refusal_cause(int error, bool reads_refused);

#endif
