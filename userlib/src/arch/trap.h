/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Traps in the context of a signal. Each architecture defines:
 *
 *   CA__TRAP_SIGNALS          the signals, as initialiser of an array
 *   ca__arch_trap_kind()      one of CODEARENA_TRAP_*; 0 if it is none of them
 *   ca__arch_trap_pc()        address of the instruction
 *   ca__arch_trap_report()    set the registers of the report
 *   ca__arch_trap_redirect()  continue at another address
 */
#ifndef CA__ARCH_TRAP_H
#define CA__ARCH_TRAP_H

#include <signal.h>
#include <stdint.h>
#include <ucontext.h>

#include <linux/codearena.h>

#if defined(__x86_64__)
#include "arch/x86_64/trap.h"
#elif defined(__aarch64__)
#include "arch/aarch64/trap.h"
#elif defined(__riscv)
#include "arch/riscv64/trap.h"
#else
#error "libcodearena has no support for this architecture"
#endif

#endif /* CA__ARCH_TRAP_H */
