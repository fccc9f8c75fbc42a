/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * What differs between architectures. Each arch_*.h gives:
 *
 *   CODEARENA_MACHINE              ELF machine number
 *   CODEARENA_INSN_ALIGN           where instructions can begin
 *   CODEARENA_TRAP_KINDS           traps that can continue at a landing pad
 *   codearena_arch_fill()          write trap instructions
 *   codearena_arch_flush()         make instruction fetch see new bytes
 *   codearena_arch_publish()       the same, once for all bytes of a call
 *   codearena_arch_sync_core()     serialise this processor
 *   codearena_arch_cpus()          add the processors that may run an mm
 *   codearena_arch_flat()          whether the program counter is an address
 *   codearena_arch_execute_only()  whether pages can be executed and not loaded from
 *   codearena_arch_hidden()        whether a view with VM_EXEC alone is like that
 *   codearena_arch_report()        pass a landing pad what happened
 *   codearena_arch_redirect()      continue at a landing pad
 *   codearena_arch_stepped()       report a debugger's step to a landing pad
 *   codearena_arch_init(), _exit() hook traps that are no memory faults
 */
#ifndef CODEARENA_ARCH_H
#define CODEARENA_ARCH_H

#if defined(CONFIG_X86_64)
#include "arch_x86.h"
#elif defined(CONFIG_ARM64)
#include "arch_arm64.h"
#elif defined(CONFIG_RISCV) && defined(CONFIG_64BIT)
#include "arch_riscv.h"
#else
#error "codearena supports x86-64, arm64 and riscv64"
#endif

#endif /* CODEARENA_ARCH_H */
