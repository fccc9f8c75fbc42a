// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * How much of a code space jump tables take.
 */
#include <errno.h>

#include "codearena/jump.h"
#include "space/tables.h"

/**
 * ca__tables_get - compute the size of jump tables
 * @machine: ELF machine number
 * @jump_flags: CODEARENA_JUMP_F_* bits
 * @functions: how many
 * @builtins: how many
 * @tables: gets the sizes
 *
 * Return: 0; -EOPNOTSUPP: no such machine or flag; -EOVERFLOW: a table cannot
 * have that many slots.
 */
int ca__tables_get(uint32_t machine, uint32_t jump_flags, uint32_t functions,
		   uint32_t builtins, struct ca__tables *tables)
{
	struct codearena_jump_layout layout;
	int ret = codearena_jump_layout(machine, jump_flags, &layout);

	if (ret)
		return ret;
	if (functions > UINT32_MAX - builtins)
		return -EOVERFLOW;
	tables->near = codearena_jump_near_bytes(&layout, functions);
	tables->far = codearena_jump_far_bytes(&layout, functions + builtins);
	tables->lazy = codearena_jump_lazy_bytes(&layout, functions);
	return 0;
}
