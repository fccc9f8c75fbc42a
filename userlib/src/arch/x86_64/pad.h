/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * x86-64: the assembly of landing pads, see pad_enter.c. The report is in r10
 * and r11.
 */
#ifndef CA__ARCH_PAD_X86_64_H
#define CA__ARCH_PAD_X86_64_H

/* Loads %rdi, and leaves %rcx for CA__FRAME_AT. */
#if CA__TLS_FIXED
#define CA__FRAME_AT	"%fs:(%rcx)"
#define CA__FRAME_TOP \
	"movq ca__frame_top@gottpoff(%rip), %rcx\n" \
	"movq %fs:(%rcx), %rdi\n"
#else
/* See pad_tls.c. */
#define CA__FRAME_AT	"(%rcx)"
#define CA__FRAME_TOP \
	"movq ca__frame_module(%rip), %rdi\n" \
	"testq %rdi, %rdi\n" \
	"jz 2f\n" \
	"movq %fs:8, %rcx\n" \
	"movq (%rcx,%rdi,8), %rcx\n" \
	"addq ca__frame_offset(%rip), %rcx\n" \
	"movq (%rcx), %rdi\n"
#endif

__asm__(
	".pushsection .text\n"
	".p2align 4\n"
	".globl ca__frame_enter\n"
	".hidden ca__frame_enter\n"
	".type ca__frame_enter, @function\n"
"ca__frame_enter:\n"
	".cfi_startproc\n"
	"endbr64\n"
	"pushq %rbp\n"
	".cfi_adjust_cfa_offset 8\n"
	".cfi_rel_offset %rbp, 0\n"
	"movq %rsp, %rbp\n"
	".cfi_def_cfa_register %rbp\n"
	"pushq %rbx\n"
	".cfi_offset %rbx, -24\n"
	"pushq %r12\n"
	".cfi_offset %r12, -32\n"
	"pushq %r13\n"
	".cfi_offset %r13, -40\n"
	"pushq %r14\n"
	".cfi_offset %r14, -48\n"
	"pushq %r15\n"
	".cfi_offset %r15, -56\n"
	"subq $8, %rsp\n"
	"movq %rsp, 8(%rdi)\n"
	"stmxcsr 32(%rdi)\n"
	"fnstcw 36(%rdi)\n"
	"movq %rsi, %rax\n"
	"movq %rdx, %r10\n"
	"movq (%r10), %rdi\n"
	"movq 8(%r10), %rsi\n"
	"movq 16(%r10), %rdx\n"
	"movq 24(%r10), %rcx\n"
	"movq 32(%r10), %r8\n"
	"movq 40(%r10), %r9\n"
	"call *%rax\n"
"1:\n"
	"addq $8, %rsp\n"
	"popq %r15\n"
	"popq %r14\n"
	"popq %r13\n"
	"popq %r12\n"
	"popq %rbx\n"
	"popq %rbp\n"
	".cfi_remember_state\n"
	".cfi_def_cfa %rsp, 8\n"
	"ret\n"
	".cfi_restore_state\n"

	".p2align 4\n"
	".globl ca__pad_external\n"
	".hidden ca__pad_external\n"
	".type ca__pad_external, @function\n"
"ca__pad_external:\n"
	"endbr64\n"
	"xorl %esi, %esi\n"
	".fill 10, 1, 0x90\n"
	CA__PAD_ENTRY_HERE
	"endbr64\n"
	CA__FRAME_TOP
	"testq %rdi, %rdi\n"
	"jz 2f\n"
	"movq %rsp, 40(%rdi)\n"
	"movq 8(%rdi), %rsp\n"
	/* The saved frame pointer is above five registers and a gap. */
	"leaq 48(%rsp), %rbp\n"
	"movq %r10, 16(%rdi)\n"
	"movq %r11, 24(%rdi)\n"
	"movq (%rdi), %rax\n"
	"movq %rax, " CA__FRAME_AT "\n"
	/* As a function expects: direction flag clear, x87 empty, its modes. */
	"cld\n"
	"fnclex\n"
	"emms\n"
	"ldmxcsr 32(%rdi)\n"
	"fldcw 36(%rdi)\n"
	"call ca__pad_finish\n"
	"jmp 1b\n"
"2:\n"
	"ud2\n"
	".cfi_endproc\n"
	".size ca__pad_external, . - ca__pad_external\n"
	".size ca__frame_enter, . - ca__frame_enter\n"
	".popsection\n"
);

#endif /* CA__ARCH_PAD_X86_64_H */
