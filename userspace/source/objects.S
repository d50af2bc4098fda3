/* SPDX-License-Identifier: BSD-2-Clause */
/* The BPF objects, carried inside the program. */
	.macro object name
	.balign 8
	.global ep_object_\name
	.global ep_object_\name\()_end
ep_object_\name:
	.incbin "\name\().bpf.o"
ep_object_\name\()_end:
	.endm

	.section .rodata
	object cpu
	object mem
	object io
	object lifecycle
	object check

	.section .note.GNU-stack, "", %progbits
