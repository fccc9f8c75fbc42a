/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Code that traps, for the machine that is compiled for.
 */
#if defined(__x86_64__)
#include "trap_code_x86.S"
#elif defined(__aarch64__)
#include "trap_code_arm64.S"
#elif defined(__riscv)
#include "trap_code_riscv.S"
#endif

	.section .note.GNU-stack, "", %progbits
