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
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/thread_info.h>
#include <asm/barrier.h>
#include <asm/cacheflush.h>
#include <asm/debug-monitors.h>
#include <asm/ptrace.h>

#include <linux/codearena.h>

#define CODEARENA_MACHINE	EM_AARCH64

#define CODEARENA_INSN_ALIGN	4

/* Division does not trap, and modules have no hook for undefined instructions. */
#define CODEARENA_TRAP_KINDS	CODEARENA_TRAP_MEMORY

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

/* arch_arm64.c */
void codearena_arch_flush(void *start, size_t length);

/* codearena_arch_flush() reaches all processors. */
static inline void codearena_arch_publish(void)
{
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

/* In a 32-bit task, the bits that are BTYPE hold the state of an IT block. */
static inline bool codearena_arch_flat(const struct pt_regs *regs)
{
	return !compat_user_mode(regs);
}

/* With EPAN the core maps VM_EXEC alone without the right to load. */
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
	regs->regs[16] = pc;
	regs->regs[17] = address;
}

/* The pad is no target of a branch, so BTI has nothing to check there. */
static inline void codearena_arch_redirect(struct pt_regs *regs,
					   unsigned long landing)
{
	regs->pc = landing;
	regs->pstate &= ~PSR_BTYPE_MASK;
	/* The step of a debugger ends here, before the pad's first one. */
	if (test_thread_flag(TIF_SINGLESTEP))
		regs->pstate &= ~DBG_SPSR_SS;
}

/* Done by codearena_arch_redirect(). */
static inline void codearena_arch_stepped(const struct pt_regs *regs)
{
}

/* arch_arm64.c */
int codearena_arch_init(void);

static inline void codearena_arch_exit(void)
{
}

#endif /* CODEARENA_ARCH_ARM64_H */
