/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * arm64.
 */
#ifndef CA__ARCH_AARCH64_H
#define CA__ARCH_AARCH64_H

#define CA__MACHINE		EM_AARCH64
#define CA__BRANCH_REACH	(1ULL << 27)
#define CA__SYNC_BY_MEMBARRIER	1

/* brk #0; instructions are little-endian whatever the data are. */
#define CA__TRAP_BYTES		{ 0x00, 0x00, 0x20, 0xd4 }

/* Instructions, and so landing pads, begin at multiples of this. */
#define CA__INSN_ALIGN		4

/* Slots and landing pads hold their targets in instructions. */
#define CA__CODE_LOADS		0

#define CA__TRAP_KINDS		CODEARENA_TRAP_MEMORY

static inline void ca__arch_sync_self(void)
{
	__asm__ volatile("isb" : : : "memory");
}

#endif /* CA__ARCH_AARCH64_H */
