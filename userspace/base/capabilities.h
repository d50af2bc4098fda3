/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the calling thread may do beyond an ordinary user (capabilities(7)).
 * Sets are bit masks, as in /proc/PID/status.
 */
#ifndef EP_BASE_CAPABILITIES_H
#define EP_BASE_CAPABILITIES_H

#include "base/cleanup.h"

#include <linux/capability.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Headers older than Linux 5.8 do not know the last two. */
#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#endif
#ifndef CAP_BPF
#define CAP_BPF 39
#endif
#define CAPABILITY(number) (UINT64_C(1) << (number))
#define CAPABILITIES_TEXT_BYTES 256

int capabilities_read(uint64_t *ret_permitted, uint64_t *ret_effective) _must_check_;
bool capabilities_effective(int number);

/* Leaves of what is permitted now no more than `permitted`, and of that `effective`
 * in effect; nothing for programs that are executed. */
int capabilities_reduce(uint64_t permitted, uint64_t effective) _must_check_;

/* From now on no program that is executed can have more rights than this one. */
int capabilities_refuse_new(void) _must_check_;

/* Calls in a thread that holds no capability and waits for it: the threads that
 * a library starts during the call hold none either, and never will. */
int capabilities_call_without(void (*call)(void *data), void *data) _must_check_;

/* "cap_dac_read_search cap_bpf", or "none". */
const char *capabilities_text(uint64_t set, char *into, size_t size);

#endif
