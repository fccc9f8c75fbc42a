/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * x86-64.
 */
#ifndef CODEARENA_ARCH_X86_H
#define CODEARENA_ARCH_X86_H

#include <linux/cpumask.h>
#include <uapi/linux/elf-em.h>
#include <linux/mm.h>
#include <linux/pkeys.h>
#include <linux/string.h>
#include <asm/cpufeature.h>
#include <asm/ptrace.h>
#include <asm/segment.h>
#include <asm/sync_core.h>

#include <linux/codearena.h>

#define CODEARENA_MACHINE	EM_X86_64

/* Instructions, and so landing pads, begin anywhere. */
#define CODEARENA_INSN_ALIGN	1

#define CODEARENA_TRAP_KINDS	(CODEARENA_TRAP_MEMORY | \
				 CODEARENA_TRAP_DIVIDE | \
				 CODEARENA_TRAP_UNDEFINED)

/* int3: every byte traps, wherever execution enters. */
#define CODEARENA_TRAP_BYTE	0xcc

static inline void codearena_arch_fill(void *to, size_t length)
{
	memset(to, CODEARENA_TRAP_BYTE, length);
}

/* Instruction fetch is coherent with stores, from any alias. */
static inline void codearena_arch_flush(void *start, size_t length)
{
}

static inline void codearena_arch_publish(void)
{
}

static inline void codearena_arch_sync_core(void)
{
	sync_core();
}

/*
 * mm_cpumask() holds every processor that runs the mm, or keeps it loaded
 * while it idles or runs a kernel thread. One that loads it later writes CR3,
 * which serialises.
 */
static inline void codearena_arch_cpus(struct cpumask *cpus,
				       struct mm_struct *mm)
{
	cpumask_or(cpus, cpus, mm_cpumask(mm));
}

/*
 * Code of a 32-bit program is flat, too; segments of modify_ldt() need not be,
 * and there regs->ip counts from a base.
 */
static inline bool codearena_arch_flat(const struct pt_regs *regs)
{
	return user_64bit_mode((struct pt_regs *)regs) ||
	       regs->cs == __USER32_CS;
}

/* A page that can be executed can be read, unless a protection key forbids it. */
static inline bool codearena_arch_execute_only(void)
{
	return cpu_feature_enabled(X86_FEATURE_OSPKE);
}

/*
 * The core gives a mapping with PROT_EXEC alone the key that is set aside for
 * that, if one is left; pkey_mprotect() gives any other.
 */
static inline bool codearena_arch_hidden(const struct mm_struct *mm,
					 unsigned long flags)
{
#ifdef CONFIG_X86_INTEL_MEMORY_PROTECTION_KEYS
	if (codearena_arch_execute_only())
		return (flags & ARCH_VM_PKEY_FLAGS) >> VM_PKEY_SHIFT ==
		       mm->context.execute_only_pkey;
#endif
	return true;
}

static inline void codearena_arch_report(struct pt_regs *regs, u64 pc,
					 u64 address)
{
	regs->r10 = pc;
	regs->r11 = address;
}

/*
 * A fault sets RF in the saved flags, for the instruction to be restarted
 * without its breakpoint. Another one follows here, which may have its own.
 */
static inline void codearena_arch_redirect(struct pt_regs *regs,
					   unsigned long landing)
{
	regs->ip = landing;
	regs->flags &= ~X86_EFLAGS_RF;
}

/* arch_x86.c */
void codearena_report_step(const struct pt_regs *regs);

static inline void codearena_arch_stepped(const struct pt_regs *regs)
{
	if (unlikely(regs->flags & X86_EFLAGS_TF))
		codearena_report_step(regs);
}

int codearena_arch_init(void);
void codearena_arch_exit(void);

#endif /* CODEARENA_ARCH_X86_H */
