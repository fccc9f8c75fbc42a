/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Descriptions of code objects.
 */
#ifndef CA__CODE_CHECK_H
#define CA__CODE_CHECK_H

#include "codearena/module.h"

int ca__code_check(const struct codearena_code_desc *desc);
uint64_t ca__code_body_size(const struct codearena_code_desc *desc);
void ca__code_traps_sort(struct codearena_trap *traps, size_t count);

#endif /* CA__CODE_CHECK_H */
