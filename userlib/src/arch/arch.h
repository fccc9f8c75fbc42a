/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * What differs between architectures. Each header beside this one gives:
 *
 *   CA__MACHINE             ELF machine number
 *   CA__BRANCH_REACH        bytes that a direct near branch reaches either way
 *   CA__TRAP_BYTES          the trap instruction as initialiser of a byte array
 *   CA__SYNC_BY_MEMBARRIER  1 if membarrier() synchronises other threads, 0 if
 *                           flushing the instruction cache does that already
 *   CA__INSN_ALIGN          alignment of instructions
 *   CA__CODE_LOADS          1 if near slots and landing pads read the code view
 *   CA__TRAP_KINDS          CODEARENA_TRAP_* that the fallback supports
 *   ca__arch_sync_self()    context synchronisation of this processor
 *
 * The trap instruction's size divides the granule and the page.
 */
#ifndef CA__ARCH_H
#define CA__ARCH_H

#include <elf.h>

#if !defined(__LP64__)
#error "libcodearena needs 64-bit pointers"
#endif

#if defined(__x86_64__)
#include "arch/x86_64/arch.h"
#elif defined(__aarch64__)
#include "arch/aarch64/arch.h"
#elif defined(__riscv)
#include "arch/riscv64/arch.h"
#else
#error "libcodearena has no support for this architecture"
#endif

#endif /* CA__ARCH_H */
