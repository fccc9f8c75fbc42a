/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Output of the compiler of module.c and prefork.c, and lazy_builtin, the target of lazy slots: it
 * calls compile() with the index of the function, and then the result.
 */
#ifndef MODULE_CODE_H
#define MODULE_CODE_H

#include <elf.h>

#if defined(__x86_64__)
#define MACHINE		EM_X86_64
#define FORM		CODEARENA_FORM_X86_64_REL32
#define SQUARE_BASELINE	"\x89\x7c\x24\xf8\x8b\x44\x24\xf8\x0f\xaf\x44\x24\xf8\xc3"
#define SQUARE_BETTER	"\x89\xf8\x0f\xaf\xc7\xc3"
#define TWICE_CODE	"\x8d\x04\x3f\xc3"
#define NEXT_CODE	"\xff\xc7\xe9\x00\x00\x00\x00" /* jump to SQUARE */
#define NEXT_FIELD	3
#define GET_CODE	"\x89\xf0\x8b\x04\x87\xc3"
#define GET_ACCESS	2
__asm__("lazy_builtin: endbr64\n"
	"pop %rax\n push %rdi\n push %rsi\n sub $8, %rsp\n"
	"mov %eax, %edi\n call compile\n"
	"add $8, %rsp\n pop %rsi\n pop %rdi\n jmp *%rax\n");
#elif defined(__aarch64__)
#define MACHINE		EM_AARCH64
#define FORM		CODEARENA_FORM_AARCH64_BRANCH26
#define SQUARE_BASELINE	"\xe0\x0f\x1f\xb8\xe0\x07\x41\xb8\x00\x7c\x00\x1b\xc0\x03\x5f\xd6"
#define SQUARE_BETTER	"\x00\x7c\x00\x1b\xc0\x03\x5f\xd6"
#define TWICE_CODE	"\x00\x00\x00\x0b\xc0\x03\x5f\xd6"
#define NEXT_CODE	"\x00\x04\x00\x11\x00\x00\x00\x14" /* branch to SQUARE */
#define NEXT_FIELD	4
#define GET_CODE	"\x00\x58\x61\xb8\xc0\x03\x5f\xd6"
#define GET_ACCESS	0
__asm__("lazy_builtin: hint #34\n" /* bti c */
	"stp x29, x30, [sp, #-32]!\n stp x0, x1, [sp, #16]\n"
	"mov w0, w8\n bl compile\n mov x16, x0\n"
	"ldp x0, x1, [sp, #16]\n ldp x29, x30, [sp], #32\n br x16\n");
#elif defined(__riscv)
#define MACHINE		EM_RISCV
#define FORM		CODEARENA_FORM_RISCV_PCREL
#define SQUARE_BASELINE	"\x23\x2e\xa1\xfe\x03\x25\xc1\xff" SQUARE_BETTER
#define SQUARE_BETTER	"\x33\x05\xa5\x02\x67\x80\x00\x00"
#define TWICE_CODE	"\x3b\x05\xa5\x00\x67\x80\x00\x00"
#define NEXT_CODE	"\x1b\x05\x15\x00\x17\x03\x00\x00\x67\x00\x03\x00" /* jump to SQUARE */
#define NEXT_FIELD	4
#define GET_CODE	"\x93\x95\x05\x02\x93\xd5\xe5\x01\x33\x05\xb5\x00\x03\x25\x05\x00" \
			"\x67\x80\x00\x00"
#define GET_ACCESS	12
__asm__("lazy_builtin: addi sp, sp, -32\n"
	"sd ra, 24(sp)\n sd a0, 16(sp)\n sd a1, 8(sp)\n"
	"mv a0, t0\n call compile\n mv t1, a0\n"
	"ld a1, 8(sp)\n ld a0, 16(sp)\n ld ra, 24(sp)\n"
	"addi sp, sp, 32\n jr t1\n");
#else
#error "this example has no code for this architecture"
#endif

#endif /* MODULE_CODE_H */
