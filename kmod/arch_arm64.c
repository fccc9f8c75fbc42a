// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * arm64: making instruction fetch see new code.
 */
#include <linux/bitfield.h>
#include <linux/mm.h>
#include <linux/smp.h>
#include <asm/cache.h>
#include <asm/cputype.h>

#include "codearena_private.h"

#define CODEARENA_L1IP	GENMASK(15, 14)
#define CODEARENA_L1IP_PIPT	3

/* A processor's instruction cache may hold a line under its virtual address. */
static bool codearena_icache_aliases;

static void codearena_look_at_icache(void *unused)
{
	if (FIELD_GET(CODEARENA_L1IP, read_cpuid_cachetype()) != CODEARENA_L1IP_PIPT)
		WRITE_ONCE(codearena_icache_aliases, true);
}

/**
 * codearena_arch_init - learn what the caches need
 *
 * Return: 0.
 */
int codearena_arch_init(void)
{
	on_each_cpu(codearena_look_at_icache, NULL, 1);
	return 0;
}

/**
 * codearena_arch_flush - make instruction fetch see new bytes
 * @start: kernel address of the first one
 * @length: their number, all in one page
 *
 * Not flush_icache_range(): that interrupts all processors with every call.
 * Nobody has fetched new code before it is published, and where it replaces
 * other code, synchronisation follows. Invalidation by the kernel's address
 * does not reach lines that an aliasing cache holds by the user's; the kernel
 * offers the remedy to modules for whole pages only.
 */
void codearena_arch_flush(void *start, size_t length)
{
	struct page *page = virt_to_page(start);

	caches_clean_inval_pou((unsigned long)start,
			       (unsigned long)start + length);
	if (READ_ONCE(codearena_icache_aliases)) {
		flush_dcache_page(page);
		__sync_icache_dcache(mk_pte(page, PAGE_KERNEL));
	}
}
