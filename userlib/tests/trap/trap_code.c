// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Code for the tests of traps.
 */
#include "trap/trap_helpers.h"

/* Every instruction is as long as elsewhere. */
#if defined(__riscv)
#define PLAIN(text)	".option push\n.option norvc\n" text ".option pop\n"
#else
#define PLAIN(text)	text
#endif

/* The body marks the instruction of interest with AT(name). */
#define CODE(name, body)						\
	__asm__(".pushsection .rodata\n"				\
		".balign 16\n"						\
		".hidden snippet_" #name "\n"				\
		".globl snippet_" #name "\n"				\
		"snippet_" #name ":\n"					\
		PLAIN(body)						\
		".hidden snippet_" #name "_end\n"			\
		".globl snippet_" #name "_end\n"			\
		"snippet_" #name "_end:\n"				\
		".byte 0\n"						\
		".popsection\n");					\
	extern const uint8_t snippet_##name[], snippet_##name##_at[],	\
		snippet_##name##_end[];					\
	const struct snippet code_##name = {				\
		snippet_##name, snippet_##name##_at, snippet_##name##_end, \
	}

#define AT(name)							\
	".hidden snippet_" #name "_at\n"				\
	".globl snippet_" #name "_at\n"					\
	"snippet_" #name "_at:\n"

#if defined(__x86_64__)

CODE(load, AT(load) "movl (%rdi), %eax\n" "ret\n");
CODE(store, AT(store) "movl %esi, (%rdi)\n" "movl $1, %eax\n" "ret\n");
CODE(divide, "movq %rdi, %rax\n" "cqto\n" AT(divide) "idivq %rsi\n" "ret\n");
CODE(undefined, AT(undefined) "ud2\n" "ret\n");
CODE(breakpoint, AT(breakpoint) "int3\n" "ret\n");
CODE(call, "pushq %rbp\n" "movq %rsp, %rbp\n" "movq %rdi, %rax\n"
	   "movq %rsi, %rdi\n" AT(call) "call *%rax\n" "popq %rbp\n" "ret\n");
CODE(load_on, "movq %rdi, %rsp\n" AT(load_on) "movl (%rsi), %eax\n" "ud2\n");
CODE(clobber, "movq $-1, %rax\n" "movq %rax, %rbx\n" "movq %rax, %rcx\n"
	      "movq %rax, %rdx\n" "movq %rax, %rsi\n" "movq %rax, %rbp\n"
	      "movq %rax, %r8\n" "movq %rax, %r9\n" "movq %rax, %r12\n"
	      "movq %rax, %r13\n" "movq %rax, %r14\n" "movq %rax, %r15\n"
	      "pushq $0x3f80\n" "ldmxcsr (%rsp)\n" "movq $0x077f, (%rsp)\n"
	      "fldcw (%rsp)\n" "fld1\n" "fld1\n" "addq $8, %rsp\n"
	      "andq $-16, %rsp\n" "addq $-3, %rsp\n" "std\n"
	      AT(clobber) "movl (%rdi), %eax\n" "ud2\n");
CODE(keep, "movl $7, %ecx\n" "movl $70, %r9d\n" "movl $700, %eax\n"
	   AT(keep) "movl (%rdi), %edx\n" "ret\n");
CODE(arguments, AT(arguments) "leaq (%rdi, %rsi, 2), %rax\n"
		"leaq (%rdx, %rdx, 2), %rdx\n" "addq %rdx, %rax\n"
		"leaq (%rax, %rcx, 4), %rax\n" "leaq (%r8, %r8, 4), %r8\n"
		"addq %r8, %rax\n" "leaq (%r9, %r9, 2), %r9\n"
		"leaq (%rax, %r9, 2), %rax\n" "ret\n");
CODE(scratch, "movl $3, %r10d\n" "movl $8, %r11d\n"
	      AT(scratch) "movl (%rdi), %edx\n" "ret\n");
CODE(pad_scratch, AT(pad_scratch) "leaq (%r10, %r11), %rax\n" "ret\n");
CODE(pad_pc, AT(pad_pc) "movq %r10, %rax\n" "ret\n");
CODE(pad_address, AT(pad_address) "movq %r11, %rax\n" "ret\n");
CODE(pad_sum, AT(pad_sum) "addq %rcx, %rax\n" "addq %r9, %rax\n" "ret\n");

#elif defined(__aarch64__)

CODE(load, AT(load) "ldr w0, [x0]\n" "ret\n");
CODE(store, AT(store) "str w1, [x0]\n" "mov w0, #1\n" "ret\n");
CODE(divide, AT(divide) "sdiv x0, x0, x1\n" "ret\n");
CODE(undefined, AT(undefined) ".inst 0x00000000\n" "ret\n");
CODE(breakpoint, AT(breakpoint) "brk #0\n" "ret\n");
CODE(call, "stp x29, x30, [sp, #-16]!\n" "mov x29, sp\n" "mov x9, x0\n"
	   "mov x0, x1\n" AT(call) "blr x9\n" "ldp x29, x30, [sp], #16\n"
	   "ret\n");
CODE(load_on, "mov sp, x0\n" AT(load_on) "ldr w0, [x1]\n" ".inst 0\n");
CODE(clobber, "mov x19, #-1\n" "mov x20, x19\n" "mov x21, x19\n"
	      "mov x22, x19\n" "mov x23, x19\n" "mov x24, x19\n"
	      "mov x25, x19\n" "mov x26, x19\n" "mov x27, x19\n"
	      "mov x28, x19\n" "mov x29, x19\n" "mov x30, x19\n"
	      "fmov d8, x19\n" "fmov d9, x19\n" "fmov d10, x19\n"
	      "fmov d11, x19\n" "fmov d12, x19\n" "fmov d13, x19\n"
	      "fmov d14, x19\n" "fmov d15, x19\n" "mov x9, #0xc00000\n"
	      "msr fpcr, x9\n" "sub sp, sp, #48\n"
	      AT(clobber) "ldr w0, [x0]\n" ".inst 0\n");
CODE(keep, "mov w1, #7\n" "mov w2, #70\n" "mov w3, #700\n"
	   AT(keep) "ldr w4, [x0]\n" "ret\n");
CODE(arguments, AT(arguments) "add x0, x0, x1, lsl #1\n"
		"add x2, x2, x2, lsl #1\n" "add x0, x0, x2\n"
		"add x0, x0, x3, lsl #2\n" "add x4, x4, x4, lsl #2\n"
		"add x0, x0, x4\n" "add x5, x5, x5, lsl #1\n"
		"add x0, x0, x5, lsl #1\n" "ret\n");
CODE(scratch, "mov x16, #3\n" "mov x17, #8\n"
	      AT(scratch) "ldr w4, [x0]\n" "ret\n");
CODE(pad_scratch, AT(pad_scratch) "add x0, x16, x17\n" "ret\n");
CODE(pad_pc, AT(pad_pc) "mov x0, x16\n" "ret\n");
CODE(pad_address, AT(pad_address) "mov x0, x17\n" "ret\n");
CODE(pad_sum, AT(pad_sum) "add x0, x1, x2\n" "add x0, x0, x3\n" "ret\n");

#elif defined(__riscv)

CODE(load, AT(load) "lw a0, 0(a0)\n" "ret\n");
CODE(store, AT(store) "sw a1, 0(a0)\n" "li a0, 1\n" "ret\n");
CODE(divide, AT(divide) "div a0, a0, a1\n" "ret\n");
CODE(undefined, AT(undefined) "unimp\n" "ret\n");
CODE(breakpoint, AT(breakpoint) "ebreak\n" "ret\n");
CODE(call, "addi sp, sp, -16\n" "sd ra, 8(sp)\n" "mv t0, a0\n" "mv a0, a1\n"
	   AT(call) "jalr t0\n" "ld ra, 8(sp)\n" "addi sp, sp, 16\n" "ret\n");
CODE(load_on, "mv sp, a0\n" AT(load_on) "lw a0, 0(a1)\n" "unimp\n");
CODE(clobber, "li s0, -1\n" "mv s1, s0\n" "mv s2, s0\n" "mv s3, s0\n"
	      "mv s4, s0\n" "mv s5, s0\n" "mv s6, s0\n" "mv s7, s0\n"
	      "mv s8, s0\n" "mv s9, s0\n" "mv s10, s0\n" "mv s11, s0\n"
	      "mv ra, s0\n" "fmv.d.x fs0, s0\n" "fmv.d.x fs11, s0\n"
	      "li t0, 3\n" "fsrm t0\n" "addi sp, sp, -3\n"
	      AT(clobber) "lw a0, 0(a0)\n" "unimp\n");
CODE(keep, "li a1, 7\n" "li a2, 70\n" "li a3, 700\n"
	   AT(keep) "lw a4, 0(a0)\n" "ret\n");
CODE(arguments, AT(arguments) "slli a1, a1, 1\n" "add a0, a0, a1\n"
		"slli t0, a2, 1\n" "add t0, t0, a2\n" "add a0, a0, t0\n"
		"slli a3, a3, 2\n" "add a0, a0, a3\n" "slli t0, a4, 2\n"
		"add t0, t0, a4\n" "add a0, a0, t0\n" "slli t0, a5, 1\n"
		"add t0, t0, a5\n" "slli t0, t0, 1\n" "add a0, a0, t0\n"
		"ret\n");
CODE(scratch, "li t6, 3\n" "li t5, 8\n"
	      AT(scratch) "lw a4, 0(a0)\n" "ret\n");
CODE(pad_scratch, AT(pad_scratch) "add a0, t5, t6\n" "ret\n");
CODE(pad_pc, AT(pad_pc) "mv a0, t6\n" "ret\n");
CODE(pad_address, AT(pad_address) "mv a0, t5\n" "ret\n");
CODE(pad_sum, AT(pad_sum) "add a0, a1, a2\n" "add a0, a0, a3\n" "ret\n");

#endif
