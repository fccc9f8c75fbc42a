/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The index of code objects by address.
 */
#ifndef CA__LOOKUP_H
#define CA__LOOKUP_H

#include "codearena/module.h"

/* Alignment of the starts and sizes of objects. */
#define CA__LOOKUP_UNIT	64U

struct ca__owner;

/* lookup.c */
int ca__lookup_add(struct codearena_code *const *codes, size_t count);
void ca__lookup_remove(struct codearena_code *const *codes, size_t count);
void ca__lookup_forget(uint64_t begin, uint64_t size);
struct codearena_code *ca__lookup_ref(uint64_t pc,
				      const struct ca__owner *owner);

#endif /* CA__LOOKUP_H */
