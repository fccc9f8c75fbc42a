/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * x86-64.
 */
#ifndef CA__ARCH_X86_64_H
#define CA__ARCH_X86_64_H

#define CA__MACHINE		EM_X86_64
#define CA__BRANCH_REACH	(1ULL << 31)
#define CA__SYNC_BY_MEMBARRIER	1

/* int3: every byte traps, wherever execution enters. */
#define CA__TRAP_BYTES		{ 0xcc }

/* Instructions, and so landing pads, begin at multiples of this. */
#define CA__INSN_ALIGN		1

/* Slots and landing pads hold their targets in instructions. */
#define CA__CODE_LOADS		0

#define CA__TRAP_KINDS		(CODEARENA_TRAP_MEMORY | \
				 CODEARENA_TRAP_DIVIDE | \
				 CODEARENA_TRAP_UNDEFINED)

static inline void ca__arch_sync_self(void)
{
	unsigned int a = 0, b, c = 0, d;

	/* CPUID is the one serialising instruction that all processors have. */
	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d)
			 : : "memory");
}

#endif /* CA__ARCH_X86_64_H */
