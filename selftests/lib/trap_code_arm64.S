/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * arm64: code that traps. x28 holds the state while it runs; x0 is what it
 * accesses, and x1 what it stores. See trap_code.h.
 */
#include "trap_code.h"

	.arch	armv8-a+lse

/*
 * How every piece of code ends: note the own address and leave, with no register
 * changed that has not been saved, no flag, and nothing on the stack.
 */
.macro done
77:	str	x0, [x28, #TRAP_STATE_OUT]
	adr	x0, 77b
	str	x0, [x28, #TRAP_STATE_WHERE]
	ldr	x0, [x28, #TRAP_STATE_FINISH]
	br	x0
.endm

.macro fragment name, instruction, before
	.pushsection .text
	.balign	16
.Lstart_\name:
	\before
.Ltrap_\name:
	\instruction
.Lnext_\name:
	done
.Lend_\name:
	.popsection
	.pushsection .data.rel.ro, "aw"
	.balign	8
	.globl	code_\name
	.type	code_\name, %object
	.size	code_\name, 32
code_\name:
	.quad	.Lstart_\name, .Ltrap_\name, .Lnext_\name, .Lend_\name
	.popsection
.endm

	fragment pad
	/* A pad that runs into the guard view again. */
	fragment bad_pad, "ldr x1, [x0]"

	fragment load, "ldr x1, [x0]"
	fragment load_byte, "ldrb w1, [x0]"
	fragment store, "str x1, [x0]"
	fragment store_byte, "strb w1, [x0]"
	fragment atomic, "ldxr x1, [x0]"
	fragment atomic_add, "ldaddal x1, x2, [x0]"
	fragment vector_load, "ldr q1, [x0]"
	fragment vector_store, "str q1, [x0]"
	fragment multi_load, "ld4 {v4.16b-v7.16b}, [x0]"
	fragment multi_store, "st4 {v4.16b-v7.16b}, [x0]"
	fragment pair_load, "ldp x1, x2, [x0]"
	fragment pair_store, "stp x1, x2, [x0]"
	fragment pair_load_before, "ldp x1, x2, [x0, #16]!"
	fragment pair_store_after, "stp x1, x2, [x0], #16"
	fragment pair_push, "stp x1, x2, [sp, #-16]!"
	fragment divide, "udiv x1, x1, x2"
	fragment undefined, "udf #0"
	fragment breakpoint, "brk #0"
	fragment fetch, "br x0"
	fragment system_call, "svc #0"
	/* Runs until the word at x0 is not 0. */
	fragment spin, "ldr w1, [x0]; cbz w1, .-4"

	.text
	.balign	16
	.globl	trap_external_pad
trap_external_pad:
	done

	.globl	trap_enter
	.type	trap_enter, %function
trap_enter:
	stp	x29, x30, [sp, #-160]!
	stp	x19, x20, [sp, #16]
	stp	x21, x22, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x25, x26, [sp, #64]
	stp	x27, x28, [sp, #80]
	stp	d8, d9, [sp, #96]
	stp	d10, d11, [sp, #112]
	stp	d12, d13, [sp, #128]
	stp	d14, d15, [sp, #144]
	mov	x28, x0
	mov	x1, sp
	str	x1, [x28, #TRAP_STATE_HOST]
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, \
		17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	ldr	q\n, [x28, #TRAP_STATE_IN + TRAP_CPU_VECTOR + 16 * \n]
	.endr
	ldr	x1, [x28, #TRAP_STATE_IN + TRAP_CPU_FP]
	msr	fpsr, x1
	ldr	x1, [x28, #TRAP_STATE_IN + TRAP_CPU_FLAGS]
	msr	nzcv, x1
	ldr	x1, [x28, #TRAP_STATE_IN + 8 * 31]
	mov	sp, x1
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, \
		17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 29
	ldr	x\n, [x28, #TRAP_STATE_IN + 8 * \n]
	.endr
	ldr	x30, [x28, #TRAP_STATE_ENTRY]
	br	x30
	.size	trap_enter, . - trap_enter

	.globl	trap_finish
trap_finish:
	.irp	n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, \
		17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
	str	x\n, [x28, #TRAP_STATE_OUT + 8 * \n]
	.endr
	mov	x0, sp
	str	x0, [x28, #TRAP_STATE_OUT + 8 * 31]
	mrs	x0, nzcv
	str	x0, [x28, #TRAP_STATE_OUT + TRAP_CPU_FLAGS]
	mrs	x0, fpsr
	str	x0, [x28, #TRAP_STATE_OUT + TRAP_CPU_FP]
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, \
		17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	str	q\n, [x28, #TRAP_STATE_OUT + TRAP_CPU_VECTOR + 16 * \n]
	.endr

	/* The way out when the registers are known already. */
	.globl	trap_leave
trap_leave:
	ldr	x1, [x28, #TRAP_STATE_HOST]
	mov	sp, x1
	msr	fpsr, xzr
	ldp	d14, d15, [sp, #144]
	ldp	d12, d13, [sp, #128]
	ldp	d10, d11, [sp, #112]
	ldp	d8, d9, [sp, #96]
	ldp	x27, x28, [sp, #80]
	ldp	x25, x26, [sp, #64]
	ldp	x23, x24, [sp, #48]
	ldp	x21, x22, [sp, #32]
	ldp	x19, x20, [sp, #16]
	ldp	x29, x30, [sp], #160
	ret
