/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * riscv64.
 */
#ifndef CA__ARCH_RISCV64_H
#define CA__ARCH_RISCV64_H

#define CA__MACHINE		EM_RISCV

/*
 * auipc with jalr spans 2 GiB; a lone jal spans 1 MiB, too little for an arena.
 */
#define CA__BRANCH_REACH	(1ULL << 31)

/*
 * The system call in __builtin___clear_cache() executes fence.i on every hart
 * that runs the process; membarrier() supports that only on later kernels.
 */
#define CA__SYNC_BY_MEMBARRIER	0

/* c.ebreak: two bytes, so that compressed code traps at every entry too. */
#define CA__TRAP_BYTES		{ 0x02, 0x90 }

/* Instructions, and so landing pads, begin at multiples of this. */
#define CA__INSN_ALIGN		2

/* Instructions cannot hold an address, so slots and pads load theirs. */
#define CA__CODE_LOADS		1

#define CA__TRAP_KINDS		CODEARENA_TRAP_MEMORY

static inline void ca__arch_sync_self(void)
{
	__asm__ volatile("fence.i" : : : "memory");
}

#endif /* CA__ARCH_RISCV64_H */
