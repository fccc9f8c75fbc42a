/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * riscv64: the assembly of landing pads, see pad_enter.c. The report is in t6
 * and t5.
 */
#ifndef CA__ARCH_PAD_RISCV64_H
#define CA__ARCH_PAD_RISCV64_H

#if __riscv_float_abi_double
#define CA__RISCV_FP(text)	text
#else
#define CA__RISCV_FP(text)
#endif

__asm__(
	".pushsection .text\n"
	".option push\n"
	".option norvc\n"
	".p2align 4\n"
	".globl ca__frame_enter\n"
	".hidden ca__frame_enter\n"
	".type ca__frame_enter, @function\n"
"ca__frame_enter:\n"
	".cfi_startproc\n"
	"addi sp, sp, -208\n"
	".cfi_def_cfa_offset 208\n"
	"sd ra, 200(sp)\n"
	".cfi_offset ra, -8\n"
	"sd s0, 192(sp)\n"
	".cfi_offset s0, -16\n"
	"sd s1, 184(sp)\n"
	".cfi_offset s1, -24\n"
	"sd s2, 176(sp)\n"
	".cfi_offset s2, -32\n"
	"sd s3, 168(sp)\n"
	".cfi_offset s3, -40\n"
	"sd s4, 160(sp)\n"
	".cfi_offset s4, -48\n"
	"sd s5, 152(sp)\n"
	".cfi_offset s5, -56\n"
	"sd s6, 144(sp)\n"
	".cfi_offset s6, -64\n"
	"sd s7, 136(sp)\n"
	".cfi_offset s7, -72\n"
	"sd s8, 128(sp)\n"
	".cfi_offset s8, -80\n"
	"sd s9, 120(sp)\n"
	".cfi_offset s9, -88\n"
	"sd s10, 112(sp)\n"
	".cfi_offset s10, -96\n"
	"sd s11, 104(sp)\n"
	".cfi_offset s11, -104\n"
	CA__RISCV_FP(
	"fsd fs0, 96(sp)\n"
	"fsd fs1, 88(sp)\n"
	"fsd fs2, 80(sp)\n"
	"fsd fs3, 72(sp)\n"
	"fsd fs4, 64(sp)\n"
	"fsd fs5, 56(sp)\n"
	"fsd fs6, 48(sp)\n"
	"fsd fs7, 40(sp)\n"
	"fsd fs8, 32(sp)\n"
	"fsd fs9, 24(sp)\n"
	"fsd fs10, 16(sp)\n"
	"fsd fs11, 8(sp)\n"
	"frrm t0\n"
	"sd t0, 32(a0)\n")
	"addi s0, sp, 208\n"
	".cfi_def_cfa s0, 0\n"
	"sd sp, 8(a0)\n"
	"mv t1, a1\n"
	"mv t2, a2\n"
	"ld a0, 0(t2)\n"
	"ld a1, 8(t2)\n"
	"ld a2, 16(t2)\n"
	"ld a3, 24(t2)\n"
	"ld a4, 32(t2)\n"
	"ld a5, 40(t2)\n"
	"jalr t1\n"
"1:\n"
	CA__RISCV_FP(
	"fld fs0, 96(sp)\n"
	"fld fs1, 88(sp)\n"
	"fld fs2, 80(sp)\n"
	"fld fs3, 72(sp)\n"
	"fld fs4, 64(sp)\n"
	"fld fs5, 56(sp)\n"
	"fld fs6, 48(sp)\n"
	"fld fs7, 40(sp)\n"
	"fld fs8, 32(sp)\n"
	"fld fs9, 24(sp)\n"
	"fld fs10, 16(sp)\n"
	"fld fs11, 8(sp)\n")
	"ld s11, 104(sp)\n"
	"ld s10, 112(sp)\n"
	"ld s9, 120(sp)\n"
	"ld s8, 128(sp)\n"
	"ld s7, 136(sp)\n"
	"ld s6, 144(sp)\n"
	"ld s5, 152(sp)\n"
	"ld s4, 160(sp)\n"
	"ld s3, 168(sp)\n"
	"ld s2, 176(sp)\n"
	"ld s1, 184(sp)\n"
	"ld s0, 192(sp)\n"
	"ld ra, 200(sp)\n"
	"addi sp, sp, 208\n"
	".cfi_remember_state\n"
	".cfi_def_cfa sp, 0\n"
	".cfi_restore ra\n"
	".cfi_restore s0\n"
	"ret\n"
	".cfi_restore_state\n"

	".p2align 4\n"
	".globl ca__pad_external\n"
	".hidden ca__pad_external\n"
	".type ca__pad_external, @function\n"
"ca__pad_external:\n"
	"li a1, 0\n"
	"nop\n"
	"nop\n"
	"nop\n"
	CA__PAD_ENTRY_HERE
	"la.tls.ie t0, ca__frame_top\n"
	"add t0, t0, tp\n"
	"ld a0, 0(t0)\n"
	"beqz a0, 2f\n"
	"sd sp, 40(a0)\n"
	"ld sp, 8(a0)\n"
	"addi s0, sp, 208\n"
	"sd t6, 16(a0)\n"
	"sd t5, 24(a0)\n"
	"ld t1, 0(a0)\n"
	"sd t1, 0(t0)\n"
	CA__RISCV_FP(
	"ld t1, 32(a0)\n"
	"fsrm t1\n")
	"call ca__pad_finish\n"
	"j 1b\n"
"2:\n"
	"unimp\n"
	".cfi_endproc\n"
	".size ca__pad_external, . - ca__pad_external\n"
	".size ca__frame_enter, . - ca__frame_enter\n"
	".option pop\n"
	".popsection\n"
);

#undef CA__RISCV_FP

#endif /* CA__ARCH_PAD_RISCV64_H */
