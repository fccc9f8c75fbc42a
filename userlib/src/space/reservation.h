/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Sizes: of jump tables, of code spaces, and of the code to expect. Pure.
 */
#ifndef CA__RESERVATION_H
#define CA__RESERVATION_H

#include <stdint.h>

#include "codearena/module.h"

/**
 * struct ca__tables - bytes of the jump tables of a module, not rounded
 * @near: a near slot for each function
 * @far: a far slot for each builtin and each function
 * @lazy: a lazy slot for each function
 */
struct ca__tables {
	uint64_t near;
	uint64_t far;
	uint64_t lazy;
};

/**
 * struct ca__reservation - what a code space is for
 * @estimate: expected bytes of code
 * @total: bytes of all existing code spaces
 * @limit: largest code space in bytes, not 0
 * @overhead: bytes of jump tables in each code space
 * @align: power of two that the bytes of code are rounded up to
 * @growth: the code space has at least @total / @growth bytes
 */
struct ca__reservation {
	uint64_t estimate;
	uint64_t total;
	uint64_t limit;
	uint64_t overhead;
	uint32_t align;
	uint32_t growth;
};

/* reservation.c */
int ca__tables_get(uint32_t machine, uint32_t jump_flags, uint32_t functions,
		   uint32_t builtins, struct ca__tables *tables);
uint64_t ca__reservation_limit(uint32_t machine);
int ca__reservation_overhead(uint32_t machine, uint32_t jump_flags,
			     uint32_t functions, uint32_t builtins,
			     uint64_t *out);
int ca__reservation_size(const struct ca__reservation *r, uint64_t *out);

/* estimate.c */
const struct codearena_estimate_costs *ca__estimate_costs(uint32_t machine);
int ca__estimate_baseline(const struct codearena_estimate_costs *costs,
			  uint64_t functions, uint64_t bytes, uint64_t *out);

#endif /* CA__RESERVATION_H */
