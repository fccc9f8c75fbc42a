/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Stands in for arch.h where the pure files are tested in user-mode Linux,
 * which runs no code of any arena: instructions are aligned as on arm64.
 */
#ifndef CODEARENA_ARCH_H
#define CODEARENA_ARCH_H

#define CODEARENA_INSN_ALIGN	4

#endif /* CODEARENA_ARCH_H */
