/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Accessors for fields that changed between kernels, and the two doors.
 *
 * Every hook has a tp_btf program, where the verifier knows the types and a
 * field is one load, and a raw_tp program for kernels without BTF, where each
 * field is a probe read. The body is one static inline function whose first
 * argument `btf` is constant in each door; READ() follows it.
 */
#ifndef EP_BPF_COMPAT_H
#define EP_BPF_COMPAT_H

#include "kernel.h"
/* keep this order: the helpers need the types above */
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define __inline static __attribute__((always_inline)) inline

#define READ(btf, pointer, field)                                                                            \
	({                                                                                                   \
		__typeof__((pointer)->field) _value = 0;                                                     \
		if (btf)                                                                                     \
			_value = (pointer)->field;                                                           \
		else                                                                                         \
			bpf_core_read(&_value, sizeof(_value), &(pointer)->field);                           \
		_value;                                                                                      \
	})

__inline unsigned int task_state(bool btf, struct task_struct *p)
{
	struct task_struct___new_state *new = (void *)p;
	struct task_struct___old_state *old = (void *)p;

	if (bpf_core_field_exists(new->__state))
		return READ(btf, new, __state);
	return (unsigned int)READ(btf, old, state);
}

__inline u32 task_cpu(bool btf, struct task_struct *p)
{
	struct task_struct___own_cpu *own = (void *)p;

	if (bpf_core_field_exists(own->cpu))
		return READ(btf, own, cpu);
	return READ(btf, p, thread_info.cpu);
}

/* Whether current_task() returns a pointer whose fields are plain loads: before
 * 5.11 also a tp_btf program gets an address only. */
__inline bool current_is_typed(bool btf)
{
	return btf && bpf_core_enum_value_exists(enum bpf_func_id___current, BPF_FUNC_get_current_task_btf);
}

__inline struct task_struct *current_task(bool btf)
{
	if (current_is_typed(btf))
		return bpf_get_current_task_btf();
	return (struct task_struct *)bpf_get_current_task();
}

#endif
