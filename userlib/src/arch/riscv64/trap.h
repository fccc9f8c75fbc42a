/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * riscv64: the context of a signal.
 */
#ifndef CA__ARCH_TRAP_RISCV64_H
#define CA__ARCH_TRAP_RISCV64_H

#define CA__TRAP_SIGNALS	{ SIGSEGV }

/* Numbers of registers in the context. */
#define CA__RISCV_T5		30
#define CA__RISCV_T6		31

static inline uint32_t ca__arch_trap_kind(int number, const siginfo_t *info,
					  const ucontext_t *uc)
{
	(void)uc;
	if (number == SIGSEGV && (info->si_code == SEGV_MAPERR ||
				  info->si_code == SEGV_ACCERR))
		return CODEARENA_TRAP_MEMORY;
	return 0;
}

static inline uint64_t ca__arch_trap_pc(const ucontext_t *uc)
{
	return uc->uc_mcontext.__gregs[REG_PC];
}

static inline void ca__arch_trap_report(ucontext_t *uc, uint64_t pc,
					uint64_t address)
{
	uc->uc_mcontext.__gregs[CA__RISCV_T6] = pc;
	uc->uc_mcontext.__gregs[CA__RISCV_T5] = address;
}

static inline void ca__arch_trap_redirect(ucontext_t *uc, uint64_t landing)
{
	uc->uc_mcontext.__gregs[REG_PC] = landing;
}

#endif /* CA__ARCH_TRAP_RISCV64_H */
