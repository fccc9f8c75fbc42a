/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * arm64.
 */
#ifndef CODEARENA_ARCH_ARM64_H
#define CODEARENA_ARCH_ARM64_H

#include <linux/cpumask.h>
#include <uapi/linux/elf-em.h>
#include <linux/mm_types.h>
#include <linux/string.h>
#include <asm/barrier.h>
#include <asm/cacheflush.h>

#define CODEARENA_MACHINE	EM_AARCH64

/* brk #0. Granules begin and end at multiples of an instruction. */
#define CODEARENA_TRAP_WORD	0xd4200000u

static inline void codearena_arch_fill(void *to, size_t length)
{
	static const u8 word[4] = { 0x00, 0x00, 0x20, 0xd4 };
	u8 *byte = to;

	/* The rest of a granule may begin inside of an instruction. */
	for (; length && !IS_ALIGNED((unsigned long)byte, 4); length--, byte++)
		*byte = word[(unsigned long)byte & 3];
	memset32((u32 *)byte, CODEARENA_TRAP_WORD, length / 4);
}

static inline void codearena_arch_flush(void *start, size_t length)
{
	flush_icache_range((unsigned long)start, (unsigned long)start + length);
}

static inline void codearena_arch_sync_core(void)
{
	isb();
}

/* arm64 does not track which processors run an mm. */
static inline void codearena_arch_cpus(struct cpumask *cpus,
				       struct mm_struct *mm)
{
	cpumask_copy(cpus, cpu_online_mask);
}

#endif /* CODEARENA_ARCH_ARM64_H */
