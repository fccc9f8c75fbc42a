// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * How much of a code space jump tables take.
 */
#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "tables.h"

/* CODEARENA_JUMP_F_BRANCH_TARGET */
#define CA__TABLES_F_BRANCH_TARGET	0x1U

/**
 * struct ca__slots - bytes of slots
 * @machine: ELF machine number
 * @near: near slot, at the begin of a line of its own
 * @near_target: the same with an instruction that marks branch targets
 * @far: far slot
 * @lazy: lazy slot
 */
struct ca__slots {
	uint32_t machine;
	uint8_t near;
	uint8_t near_target;
	uint8_t far;
	uint8_t lazy;
};

static const struct ca__slots ca__slots[] = {
	{ EM_X86_64, 8, 16, 16, 10 },
	{ EM_AARCH64, 4, 8, 16, 16 },
	{ EM_RISCV, 24, 24, 24, 40 },
};

/**
 * ca__tables_get - compute the size of jump tables
 * @machine: ELF machine number
 * @jump_flags: CODEARENA_JUMP_F_* bits
 * @functions: how many
 * @builtins: how many
 * @tables: gets the sizes
 *
 * Return: 0 or -EOPNOTSUPP.
 */
int ca__tables_get(uint32_t machine, uint32_t jump_flags, uint32_t functions,
		   uint32_t builtins, struct ca__tables *tables)
{
	bool target = jump_flags & CA__TABLES_F_BRANCH_TARGET;
	size_t i;

	if (jump_flags & ~CA__TABLES_F_BRANCH_TARGET)
		return -EOPNOTSUPP;
	for (i = 0; i < sizeof(ca__slots) / sizeof(ca__slots[0]); i++) {
		const struct ca__slots *s = &ca__slots[i];
		uint64_t all = (uint64_t)functions + builtins;

		if (s->machine != machine)
			continue;
		tables->near = (uint64_t)functions *
			       (target ? s->near_target : s->near);
		tables->far = all * s->far;
		tables->lazy = (uint64_t)functions * s->lazy;
		return 0;
	}
	return -EOPNOTSUPP;
}
