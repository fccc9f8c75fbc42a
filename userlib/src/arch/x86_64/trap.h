/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * x86-64: the context of a signal.
 */
#ifndef CA__ARCH_TRAP_X86_64_H
#define CA__ARCH_TRAP_X86_64_H

/* Memory that may not be accessed never gives SIGBUS. */
#define CA__TRAP_SIGNALS	{ SIGSEGV, SIGFPE, SIGILL }

/* Numbers of exceptions. */
#define CA__X86_DIVIDE		0
#define CA__X86_UNDEFINED	6
#define CA__X86_PAGE_FAULT	14

/* In the error code of a page fault. */
#define CA__X86_FAULT_FETCH	0x10

/* A fault sets it, so that breakpoints ignore the repeated instruction. */
#define CA__X86_RESUME_FLAG	0x10000

static inline uint32_t ca__arch_trap_kind(int number, const siginfo_t *info,
					  const ucontext_t *uc)
{
	greg_t trap = uc->uc_mcontext.gregs[REG_TRAPNO];
	greg_t error = uc->uc_mcontext.gregs[REG_ERR];

	(void)info;
	if (number == SIGSEGV && trap == CA__X86_PAGE_FAULT &&
	    !(error & CA__X86_FAULT_FETCH))
		return CODEARENA_TRAP_MEMORY;
	if (number == SIGFPE && trap == CA__X86_DIVIDE)
		return CODEARENA_TRAP_DIVIDE;
	if (number == SIGILL && trap == CA__X86_UNDEFINED)
		return CODEARENA_TRAP_UNDEFINED;
	return 0;
}

static inline uint64_t ca__arch_trap_pc(const ucontext_t *uc)
{
	return uc->uc_mcontext.gregs[REG_RIP];
}

static inline void ca__arch_trap_report(ucontext_t *uc, uint64_t pc,
					uint64_t address)
{
	uc->uc_mcontext.gregs[REG_R10] = pc;
	uc->uc_mcontext.gregs[REG_R11] = address;
}

static inline void ca__arch_trap_redirect(ucontext_t *uc, uint64_t landing)
{
	uc->uc_mcontext.gregs[REG_RIP] = landing;
	uc->uc_mcontext.gregs[REG_EFL] &= ~CA__X86_RESUME_FLAG;
}

#endif /* CA__ARCH_TRAP_X86_64_H */
