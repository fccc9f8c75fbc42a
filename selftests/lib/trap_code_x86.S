/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * x86-64: code that traps. r15 holds the state while it runs; rdi is what it
 * accesses, and rax what it stores. See trap_code.h.
 */
#include "trap_code.h"

/*
 * How every piece of code ends: note the own address and leave, with no register
 * changed that has not been saved, no flag, and nothing on the stack.
 */
.macro done
77:	mov	%rax, TRAP_STATE_OUT(%r15)
	lea	77b(%rip), %rax
	mov	%rax, TRAP_STATE_WHERE(%r15)
	jmp	*TRAP_STATE_FINISH(%r15)
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
	.type	code_\name, @object
	.size	code_\name, 32
code_\name:
	.quad	.Lstart_\name, .Ltrap_\name, .Lnext_\name, .Lend_\name
	.popsection
.endm

	fragment pad
	/* A pad that runs into the guard view again. */
	fragment bad_pad, "mov (%rdi), %rax"

	fragment load, "mov (%rdi), %rax"
	fragment load_byte, "movzbl (%rdi), %eax"
	fragment store, "mov %rax, (%rdi)"
	fragment store_byte, "mov %al, (%rdi)"
	fragment atomic, "lock cmpxchg %rdx, (%rdi)"
	fragment atomic_add, "lock xadd %rdx, (%rdi)"
	fragment vector_load, "movups (%rdi), %xmm1"
	fragment vector_store, "movups %xmm1, (%rdi)"
	fragment avx_load, "vmovups (%rdi), %ymm1"
	fragment avx_store, "vmovups %ymm1, (%rdi)"
	fragment x87_load, "fldl (%rdi)"
	fragment push_memory, "pushq (%rdi)"
	fragment pop_memory, "popq (%rdi)"
	fragment push, "push %rax"
	fragment pop, "pop %rax"
	fragment call_memory, "call *(%rdi)"
	fragment jump_memory, "jmp *(%rdi)"
	fragment call, "call *%rax"
	fragment ret, "ret"
	fragment repeat_move, "rep movsb"
	fragment repeat_store, "rep stosb"
	fragment divide, "div %rcx"
	fragment signed_divide, "idiv %rcx"
	fragment signed_divide_32, "idivl %ecx"
	fragment undefined, "ud2"
	fragment breakpoint, "int3"
	fragment privileged, "hlt"
	fragment fetch, "jmp *%rdi"
	fragment system_call, "syscall"
	/* Runs until the word at rdi is not 0. */
	fragment spin, "cmpl $0, (%rdi); je .-3"

	.text
	.globl	trap_external_pad
trap_external_pad:
	done

	.globl	trap_enter
	.type	trap_enter, @function
trap_enter:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rdi, %r15
	mov	%rsp, TRAP_STATE_HOST(%r15)
	stmxcsr	TRAP_STATE_HOST_FP(%r15)
	ldmxcsr	TRAP_STATE_IN + TRAP_CPU_FP(%r15)
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	movups	TRAP_STATE_IN + TRAP_CPU_VECTOR + 16 * \n(%r15), %xmm\n
	.endr
	pushq	TRAP_STATE_IN + TRAP_CPU_FLAGS(%r15)
	popfq
	mov	TRAP_STATE_IN + 8 * 0(%r15), %rax
	mov	TRAP_STATE_IN + 8 * 1(%r15), %rcx
	mov	TRAP_STATE_IN + 8 * 2(%r15), %rdx
	mov	TRAP_STATE_IN + 8 * 3(%r15), %rbx
	mov	TRAP_STATE_IN + 8 * 4(%r15), %rsp
	mov	TRAP_STATE_IN + 8 * 5(%r15), %rbp
	mov	TRAP_STATE_IN + 8 * 6(%r15), %rsi
	mov	TRAP_STATE_IN + 8 * 7(%r15), %rdi
	.irp	n, 8, 9, 10, 11, 12, 13, 14
	mov	TRAP_STATE_IN + 8 * \n(%r15), %r\n
	.endr
	jmp	*TRAP_STATE_ENTRY(%r15)
	.size	trap_enter, . - trap_enter

	.globl	trap_finish
trap_finish:
	mov	%rcx, TRAP_STATE_OUT + 8 * 1(%r15)
	mov	%rdx, TRAP_STATE_OUT + 8 * 2(%r15)
	mov	%rbx, TRAP_STATE_OUT + 8 * 3(%r15)
	mov	%rsp, TRAP_STATE_OUT + 8 * 4(%r15)
	mov	%rbp, TRAP_STATE_OUT + 8 * 5(%r15)
	mov	%rsi, TRAP_STATE_OUT + 8 * 6(%r15)
	mov	%rdi, TRAP_STATE_OUT + 8 * 7(%r15)
	.irp	n, 8, 9, 10, 11, 12, 13, 14, 15
	mov	%r\n, TRAP_STATE_OUT + 8 * \n(%r15)
	.endr
	mov	TRAP_STATE_HOST(%r15), %rsp
	pushfq
	popq	TRAP_STATE_OUT + TRAP_CPU_FLAGS(%r15)
	stmxcsr	TRAP_STATE_OUT + TRAP_CPU_FP(%r15)
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	movups	%xmm\n, TRAP_STATE_OUT + TRAP_CPU_VECTOR + 16 * \n(%r15)
	.endr

	/* The way out when the registers are known already. */
	.globl	trap_leave
trap_leave:
	mov	TRAP_STATE_HOST(%r15), %rsp
	cld
	ldmxcsr	TRAP_STATE_HOST_FP(%r15)
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret
