/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * arm64: the context of a signal.
 */
#ifndef CA__ARCH_TRAP_AARCH64_H
#define CA__ARCH_TRAP_AARCH64_H

#define CA__TRAP_SIGNALS	{ SIGSEGV }

/* What kind of branch led here; a pad is not reached by one. */
#define CA__ARM64_BTYPE		0xc00ULL

/* The same kinds as on the device: division does not trap. */
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
	return uc->uc_mcontext.pc;
}

static inline void ca__arch_trap_report(ucontext_t *uc, uint64_t pc,
					uint64_t address)
{
	uc->uc_mcontext.regs[16] = pc;
	uc->uc_mcontext.regs[17] = address;
}

static inline void ca__arch_trap_redirect(ucontext_t *uc, uint64_t landing)
{
	uc->uc_mcontext.pc = landing;
	uc->uc_mcontext.pstate &= ~CA__ARM64_BTYPE;
}

#endif /* CA__ARCH_TRAP_AARCH64_H */
