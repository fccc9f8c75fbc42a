/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * How much of a code space jump tables take.
 */
#ifndef CA__TABLES_H
#define CA__TABLES_H

#include <stdint.h>

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

/* tables.c */
int ca__tables_get(uint32_t machine, uint32_t jump_flags, uint32_t functions,
		   uint32_t builtins, struct ca__tables *tables);

#endif /* CA__TABLES_H */
