/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The headers that wasm2c's output is compiled with, so that the program needs
 * no file beside it.
 */
	.section .rodata
	.globl wasm_rt_header, wasm_rt_code_header
wasm_rt_header:
	.incbin "wasm-rt.h"
	.byte 0
wasm_rt_code_header:
	.incbin "wasm-rt-code.h"
	.byte 0
	.section .note.GNU-stack, "", %progbits
