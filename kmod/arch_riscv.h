/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * riscv64. Page tables of any depth: nothing here depends on it.
 */
#ifndef CODEARENA_ARCH_RISCV_H
#define CODEARENA_ARCH_RISCV_H

#include <linux/compat.h>
#include <linux/cpumask.h>
#include <uapi/linux/elf-em.h>
#include <linux/mm.h>
#include <asm/cacheflush.h>
#include <asm/ptrace.h>

#include <linux/codearena.h>

#define CODEARENA_MACHINE	EM_RISCV

/* Compressed instructions. */
#define CODEARENA_INSN_ALIGN	2

/* Division does not trap, and modules have no hook for undefined instructions. */
#define CODEARENA_TRAP_KINDS	CODEARENA_TRAP_MEMORY

/* c.ebreak, so that execution traps at every place where it can enter. */
static inline void codearena_arch_fill(void *to, size_t length)
{
	static const u8 half[2] = { 0x02, 0x90 };
	u8 *byte = to;

	/* The rest of a granule may begin inside of an instruction. */
	for (; length; length--, byte++)
		*byte = half[(unsigned long)byte & 1];
}

/* A hart can only fetch anew as a whole, see codearena_arch_publish(). */
static inline void codearena_arch_flush(void *start, size_t length)
{
}

/*
 * A hart sees stores to code only after a fence.i of its own, and what the kernel
 * does when a page is mapped for the first time does not cover what is published
 * in it later.
 */
static inline void codearena_arch_publish(void)
{
	/* Stores to code come before the request; not all kernels do that. */
	smp_mb();
	flush_icache_all();
}

static inline void codearena_arch_sync_core(void)
{
	local_flush_icache_all();
}

/*
 * A hart that switches to a process executes no fence.i for it, so each one has
 * to do it at once. One that comes online later begins with that.
 */
static inline void codearena_arch_cpus(struct cpumask *cpus,
				       struct mm_struct *mm)
{
	cpumask_copy(cpus, cpu_online_mask);
}

/* Registers of a 32-bit task cannot hold a report. */
static inline bool codearena_arch_flat(const struct pt_regs *regs)
{
	return !is_compat_task();
}

/* Page tables can give the right to execute without the right to load. */
static inline bool codearena_arch_execute_only(void)
{
	return pgprot_val(vm_get_page_prot(VM_SHARED | VM_EXEC)) !=
	       pgprot_val(vm_get_page_prot(VM_SHARED | VM_EXEC | VM_READ));
}

static inline bool codearena_arch_hidden(const struct mm_struct *mm,
					 unsigned long flags)
{
	return true;
}

static inline void codearena_arch_report(struct pt_regs *regs, u64 pc,
					 u64 address)
{
	regs->t6 = pc;
	regs->t5 = address;
}

static inline void codearena_arch_redirect(struct pt_regs *regs,
					   unsigned long landing)
{
	regs->epc = landing;
}

/* There are no single steps: debuggers set breakpoints. */
static inline void codearena_arch_stepped(const struct pt_regs *regs)
{
}

static inline int codearena_arch_init(void)
{
	return 0;
}

static inline void codearena_arch_exit(void)
{
}

#endif /* CODEARENA_ARCH_RISCV_H */
