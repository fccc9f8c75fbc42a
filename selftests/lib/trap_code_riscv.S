/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * riscv64: code that traps. s11 holds the state while it runs; a0 is what it
 * accesses, and a1 what it stores. gp and tp stay the program's. See trap_code.h.
 */
#include "trap_code.h"

	.option	norelax
	.option	norvc

/*
 * How every piece of code ends: note the own address and leave, with no register
 * changed that has not been saved, and nothing on the stack.
 */
.macro done
	sd	a0, (TRAP_STATE_OUT + 8 * 10)(s11)
	auipc	a0, 0
	addi	a0, a0, -4
	sd	a0, TRAP_STATE_WHERE(s11)
	ld	a0, TRAP_STATE_FINISH(s11)
	jr	a0
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
	fragment bad_pad, "ld a1, 0(a0)"

	fragment load, "ld a1, 0(a0)"
	fragment load_byte, "lbu a1, 0(a0)"
	fragment store, "sd a1, 0(a0)"
	fragment store_byte, "sb a1, 0(a0)"
	fragment atomic, "lr.d a1, (a0)"
	fragment atomic_add, "amoadd.d.aqrl a2, a1, (a0)"
	fragment vector_load, "fld fa1, 0(a0)"
	fragment vector_store, "fsd fa1, 0(a0)"
	fragment divide, "divu a1, a1, a2"
	fragment undefined, "unimp"
	fragment breakpoint, "ebreak"
	fragment fetch, "jr a0"
	fragment system_call, "ecall"
	/* Runs until the word at a0 is not 0. */
	fragment spin, "1: lw a1, 0(a0); beqz a1, 1b"

	.text
	.balign	16
	.globl	trap_external_pad
trap_external_pad:
	done

	.globl	trap_enter
	.type	trap_enter, %function
trap_enter:
	addi	sp, sp, -208
	sd	ra, 0(sp)
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	sd	s\n, (8 + 8 * \n)(sp)
	fsd	fs\n, (104 + 8 * \n)(sp)
	.endr
	mv	s11, a0
	sd	sp, TRAP_STATE_HOST(s11)
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, \
		17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	fld	f\n, (TRAP_STATE_IN + TRAP_CPU_VECTOR + 16 * \n)(s11)
	.endr
	ld	t0, (TRAP_STATE_IN + TRAP_CPU_FP)(s11)
	fscsr	t0
	.irp	n, 2, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, \
		17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 28, 29, 30, 31
	ld	x\n, (TRAP_STATE_IN + 8 * \n)(s11)
	.endr
	ld	ra, TRAP_STATE_ENTRY(s11)
	jr	ra
	.size	trap_enter, . - trap_enter

	.globl	trap_finish
trap_finish:
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, \
		17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	sd	x\n, (TRAP_STATE_OUT + 8 * \n)(s11)
	.endr
	sd	zero, (TRAP_STATE_OUT + TRAP_CPU_FLAGS)(s11)
	frcsr	a0
	sd	a0, (TRAP_STATE_OUT + TRAP_CPU_FP)(s11)
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, \
		17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	fsd	f\n, (TRAP_STATE_OUT + TRAP_CPU_VECTOR + 16 * \n)(s11)
	.endr

	/* The way out when the registers are known already. */
	.globl	trap_leave
trap_leave:
	ld	sp, TRAP_STATE_HOST(s11)
	fscsr	zero
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	ld	s\n, (8 + 8 * \n)(sp)
	fld	fs\n, (104 + 8 * \n)(sp)
	.endr
	ld	ra, 0(sp)
	addi	sp, sp, 208
	ret
